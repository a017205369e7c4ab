"""The ledgers of a game: its books, kept in one replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import blocks, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners.learner import GradientStep
from olgame.losses.round_loss import Remainder, RoundLoss
from olgame.regret.ledger import Ledger
from olgame.replay import ReplayedRound, replay
from olgame.results import Interval
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["ledger", "ledgers"]

Floats = NDArray[np.float64]


def ledger(run: Transcript, comparator: Array, robust_loss: Interval | None = None) -> Ledger:
    """The ledger of a game against one fixed point; see `Ledger` for the identities.

    The game is replayed from its kept losses: one gradient, one forward and one forward-mode pass
    a round, no attack.

    Args:
        run: A transcript of a single game with ``keep="examples"`` or ``"points"``.
        comparator: u, shape ``(p,)``.
        robust_loss: The interval for L_*(u), e.g. ``certify.robust_loss(...).interval``.

    Returns:
        The `Ledger`; ask it for `Ledger.rows`, `Ledger.closing_error`, `Ledger.closes`.

    Raises:
        NotKeptError: The losses were not kept.
        NotAvailableError: The transcript holds a batch of games (take one: `Transcript.game`).

    References:
        gao2019, proof of Theorem 4.1.
    """
    given = {} if robust_loss is None else {"": robust_loss}
    return _books(run, {"": comparator}, given, "ledger(comparator=...)")[""]


def ledgers(
    run: Transcript,
    comparators: Mapping[str, Array],
    robust_loss: Mapping[str, Interval] | None = None,
) -> dict[str, Ledger]:
    """The ledgers of a game against several fixed points, from one replay.

    Args:
        run: As for `ledger`.
        comparators: Points u by name, each of shape ``(p,)``.
        robust_loss: The interval for L_*(u), for those of the names that have one.

    Returns:
        The `Ledger` of every name.

    Raises:
        NotKeptError: The losses were not kept.
        NotAvailableError: The transcript holds a batch of games (take one: `Transcript.game`).
        ArgumentError: A comparator has another shape than the points, or a name of
            ``robust_loss`` is no comparator's.
    """
    given = {} if robust_loss is None else dict(robust_loss)
    unknown = sorted(set(given) - set(comparators))
    if unknown:
        raise ArgumentError(
            f"`ledgers(robust_loss=...)` must have names of comparators, got {unknown[0]!r}."
        )
    return _books(run, comparators, given, "ledgers(comparators=...)")


def _books(
    run: Transcript, comparators: Mapping[str, Array], robust_loss: dict[str, Interval], owner: str
) -> dict[str, Ledger]:
    if run.rounds == 0:
        raise NotAvailableError("A ledger needs at least one round that was played.")
    if run.games:
        raise NotAvailableError(
            "A ledger is of one game; this transcript holds a batch of games. Take one of them: "
            "`run.game(index)`."
        )
    for u in comparators.values():
        if tuple(u.shape) != tuple(run.start.shape):
            raise ArgumentError(
                f"`{owner}` must have the shape {tuple(run.start.shape)} of the points, "
                f"got {tuple(u.shape)}."
            )
    recentered = run.decision_set.translate(-run.start)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in comparators}
    slopes: dict[str, float | None] = dict.fromkeys(comparators)
    replay_error = 0.0
    for entry in replay(run):
        points = list(comparators.values())
        probed = entry.round == run.rounds and _is_double(run)
        if probed:  # a tiny step toward each u beside u itself
            points += [entry.point + _PROBE * (u - entry.point) for u in comparators.values()]
        remainders = _remainders(entry.loss, entry.point, points)
        for i, (name, u) in enumerate(comparators.items()):
            rows[name].append(_entries(entry, remainders[i], u, recentered, run.start))
            if probed:
                slopes[name] = _slope_error(remainders[len(comparators) + i], rows[name][-1])
        replay_error = max(replay_error, _replay_error(run, entry))
    return {
        name: _ledger(rows[name], run, u, robust_loss.get(name), replay_error, slopes[name])
        for name, u in comparators.items()
    }


_PROBE = 1e-6
"""Length of the step that measures `Ledger.slope_error`, relative to u - W_t."""


def _is_double(run: Transcript) -> bool:
    return unit_roundoff(run.start) < 1e-12


def _slope_error(probe: Remainder, entries: dict[str, float]) -> float | None:
    """abs(N_t at the tiny step) / step over the linear term; None where that is too small."""
    size = abs(entries["linear"])
    if not size > 1e-3 * (abs(entries["loss"]) + abs(entries["comparator_loss"])):
        return None
    return abs(float(probe.nonlinearity)) / (_PROBE * size)  # type: ignore[arg-type]  # of one game: a number


def _replay_error(run: Transcript, entry: ReplayedRound) -> float:
    """How far a replayed round is from the transcript: loss, and gradient norm."""
    t = entry.round - 1
    found = (
        float(entry.evaluation.value),  # type: ignore[arg-type]  # of one game: a number
        _norm(entry.evaluation.gradient),
    )
    played = (float(run.loss[t]), float(run.gradient_norm[t]))
    size = max(abs(x) for x in (*found, *played))
    error = max(abs(a - b) for a, b in zip(found, played, strict=True))
    return error / size if size > 0.0 else 0.0


def _norm(gradient: Any) -> float:
    """norm(g) summed as the referee sums it: over millions of float32 numbers the order shows."""
    k = kernels(gradient)
    squares = [k.dot(gradient[block], gradient[block]) for block in blocks(gradient)]
    return float(to_numpy(sum(squares[1:], squares[0]) ** 0.5))


def _remainders(loss: RoundLoss, w: Array, comparators: list[Array]) -> list[Remainder]:
    """What separates l_t(u) from the linearization at w; at once where the loss offers that."""
    at_once = getattr(loss, "remainders", None)
    if at_once is None:
        return [loss.remainder(w, u) for u in comparators]
    found: list[Remainder] = at_once(w, comparators)
    return found


def _ledger(
    rows: list[dict[str, float]],
    run: Transcript,
    u: Array,
    robust_loss: Interval | None,
    replay_error: float,
    slope_error: float | None,
) -> Ledger:
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    tolerance = 1e-10 if _is_double(run) else 1e-5
    _check_interval(robust_loss, columns["comparator_loss"], tolerance)
    return Ledger(
        comparator=u,
        robust_loss=robust_loss,
        tolerance=tolerance,
        replay_error=replay_error,
        slope_error=slope_error,
        distance_decrease=columns.pop("distance_decrease", None),
        gradient_term=columns.pop("gradient_term", None),
        projection_gain=columns.pop("projection_gain", None),
        distance_scale=columns.pop("distance_scale", None),
        **columns,
    )


def _check_interval(robust_loss: Interval | None, played: Floats, tolerance: float) -> None:
    """L_*(u) >= l_t(u) for every t: an interval below a played loss is of something else."""
    if robust_loss is None:
        return
    t = int(np.argmax(played))
    if played[t] > robust_loss.upper.value * (1.0 + tolerance) + tolerance:
        raise ArgumentError(
            "`ledger(robust_loss=...)` must hold L_*(u), but its upper end "
            f"{robust_loss.upper.value:.6g} is below the loss {played[t]:.6g} of u on the inputs "
            f"of round {t + 1}; it is of another point or another perturbation set."
        )


def _entries(
    entry: ReplayedRound, remainder: Remainder, u: Array, recentered: ConvexSet, start: Array
) -> dict[str, float]:
    offset = to_numpy(entry.point) - to_numpy(u)
    gradient = to_numpy(entry.evaluation.gradient)
    found = {
        "loss": float(entry.evaluation.value),  # type: ignore[arg-type]  # one game: a number
        "comparator_loss": float(remainder.value),  # type: ignore[arg-type]  # of one game: a number
        "linear": float(gradient @ offset),
        "curvature": float(remainder.curvature),  # type: ignore[arg-type]  # of one game: a number
        "nonlinearity": float(remainder.nonlinearity),  # type: ignore[arg-type]  # of one game: a number
    }
    if entry.step is not None:
        found |= _learner_entries(entry, entry.step, offset, gradient, u, recentered, start)
    return found


_LEARNER_ENTRIES = ("distance_decrease", "gradient_term", "projection_gain", "distance_scale")


def _learner_entries(
    entry: ReplayedRound,
    step: GradientStep,
    offset: Floats,
    gradient: Floats,
    u: Array,
    recentered: ConvexSet,
    start: Array,
) -> dict[str, float]:
    alpha = float(step.step_size)  # type: ignore[arg-type]  # one game: a number
    if alpha == 0.0:  # an adaptive step before the first gradient: nothing moved
        return dict.fromkeys(_LEARNER_ENTRIES, 0.0)
    next_offset = to_numpy(entry.next_point) - to_numpy(u)
    pulled = step.before_projection - entry.next_point
    square = float(to_numpy(kernels(pulled).dot(pulled, pulled)))
    gain = 0.0
    if square > 0.0:
        support: Any = recentered.support(pulled)
        gain = square + 2.0 * float(support - kernels(pulled).dot(pulled, u - start))
    before = float(offset @ offset)
    return {
        "distance_decrease": (before - float(next_offset @ next_offset)) / (2.0 * alpha),
        "gradient_term": 0.5 * alpha * float(gradient @ gradient),
        "projection_gain": gain / (2.0 * alpha),
        "distance_scale": before / (2.0 * alpha),
    }
