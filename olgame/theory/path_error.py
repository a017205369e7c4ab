"""How far a network is from its linearization, along the path of a game that was played."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels
from olgame.exceptions import NotKeptError
from olgame.models.deep_layers import HasDeepLayers
from olgame.models.linearization_error import linearization_error
from olgame.replay import replay
from olgame.transcript import Transcript

__all__ = ["PathError", "edge_error", "path_error"]

Floats = NDArray[np.float64]
OBSERVER = "linearization error"
"""The name of `olgame.observers.LinearizationError` in a transcript."""


@attrs.frozen(eq=False)
class PathError:
    """abs(f - f_lin) at W_t, on the inputs that were played in round t.

    Attributes:
        rounds: The rounds that were looked at, shape ``(k,)``.
        mean: The average over the samples, shape ``(k,)``.
        largest: The largest of them, shape ``(k,)``.
    """

    rounds: NDArray[np.int64]
    mean: Floats
    largest: Floats


def path_error(run: Transcript, *, every: int = 10) -> PathError | None:
    """The error along a game: as it was recorded, or else from a replay.

    Args:
        run: A single game. What `olgame.observers.LinearizationError` recorded in it is taken;
            without that it is replayed, one gradient a round, where its losses were kept and its
            adversary has a ``model``.
        every: For a replay, the rounds from one evaluation to the next; the first and the last
            round are always looked at.

    Returns:
        The `PathError`, or None where nothing can be said.
    """
    recorded = run.observed.get(OBSERVER)
    if recorded is not None:
        return PathError(recorded.rounds, recorded["mean"], recorded["largest"])
    model = getattr(run.adversary, "model", None)
    if model is None:
        return None
    rounds: list[int] = []
    errors: list[Floats] = []
    try:
        for entry in replay(run):
            x: Any = getattr(entry.loss, "x", None)
            looked_at = entry.round in (1, run.rounds) or entry.round % every == 0
            if looked_at and x is not None:
                rounds.append(entry.round)
                errors.append(linearization_error(model, entry.point, x))
    except NotKeptError:
        return None
    if not rounds:
        return None
    mean, largest = ([float(f(e)) for e in errors] for f in (np.mean, np.max))
    return PathError(np.array(rounds), np.array(mean), np.array(largest))


def edge_error(run: Transcript, weight_radius: float) -> Floats | None:
    """abs(f - f_lin) where the direction of the path leaves B(R), on the last played inputs.

    Every layer's move W_T^(h) - W_0^(h) is drawn out to the length R/sqrt(m). How far a game goes
    depends on how easy its data are; this compares the *directions* of games at one distance.

    Args:
        run: A single game on a deep network that kept its losses.
        weight_radius: R.

    Returns:
        One error for each sample, shape ``(n,)``; None where nothing can be said.
    """
    model = getattr(run.adversary, "model", None)
    if not isinstance(model, HasDeepLayers) or not run.round_losses:
        return None
    start: Any = model.start  # type: ignore[attr-defined]  # a model has a start
    k = kernels(start)
    moves = k.xp.reshape(run.final_point - start, (model.depth, -1))
    lengths = k.norm(moves)
    if not bool(k.xp.all(lengths > 0.0)):
        return None
    edge = start + k.xp.reshape(
        moves * (weight_radius / model.width**0.5 / lengths)[:, None], (-1,)
    )
    last: Any = run.round_losses[-1]
    return linearization_error(model, edge, last.x)  # type: ignore[arg-type]  # losses of a model have inputs
