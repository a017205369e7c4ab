"""Floors under the value of a game, each with the mixed strategy that proves it."""

from __future__ import annotations

import contextlib
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.duality.gap import Gap, gap
from olgame.duality.hindsight_point import hindsight_point
from olgame.exceptions import NotAvailableError
from olgame.results import Certified
from olgame.theory.audit import check_below_robust_loss
from olgame.theory.floor import floor
from olgame.theory.round_weights import round_weights
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["ValueFloor", "value_floors"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class ValueFloor:
    """A lower bound on min over B(R) of L_*, proved with F = sum_t omega_t l_t.

    Attributes:
        certified: The bound.
        weights: omega >= 0 of sum 1, shape ``(T,)``: the adversary's mixed strategy over rounds.
        point: u0, where F was looked at; None for a floor that needs no point, or if let go.
        gap: The curvature-corrected gap at u0; None for a floor of another kind.
    """

    certified: Certified
    weights: Floats
    point: Array | None = None
    gap: Gap | None = None

    @property
    def rounds(self) -> NDArray[np.int64]:
        """The rounds of positive weight, from 1."""
        return np.flatnonzero(self.weights) + 1


def value_floors(
    run: Transcript,
    weight_radius: float,
    *,
    late_rounds: int,
    search_steps: int,
    best_weights: bool,
    start: Array | None = None,
) -> list[ValueFloor]:
    """Every floor that this game has; none for a network that no proof is known for.

    * The free floor (`olgame.theory.floor`), with equal weights and with the best ones.
    * The curvature-corrected gap (`olgame.duality.gap`) at a point in hindsight that is searched
      for the weights it is taken with: equal ones on the last rounds, and the best ones.

    Args:
        run: A single game with ``keep="examples"``.
        weight_radius: R.
        late_rounds: How many of the last rounds have equal weights.
        search_steps: Of the search in hindsight.
        best_weights: Whether the best round weights are computed, which replays the game twice.
        start: Where the search begins; None for the last point.

    Raises:
        NotAvailableError: The run does not show l_t <= L_*.
        NotKeptError: The played inputs were not kept.
    """
    excess = check_below_robust_loss(run, "game_value")
    found, total = list[ValueFloor](), run.rounds
    late = np.zeros(total)
    late[-late_rounds:] = 1.0 / min(late_rounds, total)
    strategies = [late]
    with contextlib.suppress(NotAvailableError):  # no curvature constant: only the gap has a form
        found.append(ValueFloor(floor(run, weight_radius), np.full(total, 1.0 / total)))
        if best_weights:
            best = round_weights(run, weight_radius)
            found.append(ValueFloor(floor(run, weight_radius, weights=best), best))
            strategies.append(best)
    for weights in strategies:
        with contextlib.suppress(NotAvailableError):  # not of two layers
            found.append(_at_hindsight(run, weight_radius, weights, search_steps, start, excess))
    return found


def _at_hindsight(
    run: Transcript,
    weight_radius: float,
    weights: Floats,
    steps: int,
    start: Array | None,
    excess: float,
) -> ValueFloor:
    """The gap at a point that is searched for these weights."""
    adversary: Any = run.adversary
    losses: tuple[Any, ...] = run.kept_losses("A floor")
    played = np.flatnonzero(weights)
    share = weights[played] / weights[played].sum()
    inputs = [losses[t].x for t in played]
    y, loss = adversary.y, adversary.loss
    u0 = hindsight_point(
        adversary.model,
        inputs,
        y,
        loss,
        weight_radius,
        start=run.final_point if start is None else start,
        steps=steps,
        weights=share,
    )
    proof = gap(adversary.model, u0, inputs, y, loss, share, weight_radius)
    method = f"{proof.certified.method} over {len(played)} rounds"
    if excess > 0.0:
        method += f"; for B(x) enlarged by the rounding {excess:.2g} of the attack"
    return ValueFloor(attrs.evolve(proof.certified, method=method), weights, u0, proof)
