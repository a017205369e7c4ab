"""The best answers to two players' averages, bounded by tangents of a convex-concave payoff."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.payoff_loss import PayoffLoss
from olgame.arrays import number_or_array, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.one_game import one_game, row
from olgame.regret.cutting_planes import CuttingPlanes
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["METHOD", "BestAnswers", "best_answers"]

METHOD = "tangents of a payoff that is convex-concave by its maker's word"
_STEPS = 60

Floats = NDArray[np.float64]


class BestAnswers(NamedTuple):
    """Two values between certified ends, each one number, or one for each game.

    Attributes:
        least: min over X of phi(., y): (nothing is below it, attained).
        most: max over Y of phi(x, .): (attained, nothing is above it).
    """

    least: tuple[Any, Any]
    most: tuple[Any, Any]


def best_answers(run: Transcript, payoff: Any, x: Array, y: Array) -> BestAnswers:
    """min over X of phi(., y) and max over Y of phi(x, .), each between what bounds it.

    Args:
        run: For the two sets and the games.
        payoff: phi.
        x: A point of X, for each game.
        y: A point of Y, for each game.

    Raises:
        NotAvailableError: A set is unbounded, or a value is not finite.
    """
    adversary: Any = run.adversary
    ends = np.empty((*run.games, 4))
    for index in np.ndindex(run.games):
        phi, u, v = one_game(payoff, index), row(x, index), row(y, index)
        first = one_game(run.decision_set, index)
        second = one_game(adversary.decision_set, index)
        ends[(*index, slice(0, 2))] = _least(PayoffLoss(phi, v), first, u)
        answer = _given(phi, u, second)
        below, reached = _least(PayoffLoss(phi, u, first=False), second, v, answer)
        ends[(*index, slice(2, 4))] = -reached, -below
    if not np.isfinite(ends).all():
        raise NotAvailableError(
            "`exploitability_bounds(run=...)`: the payoff of a best answer is not finite."
        )
    low, reached, attained, high = (number_or_array(ends[..., i]) for i in range(4))
    return BestAnswers((low, reached), (attained, high))


def _least(
    loss: PayoffLoss, decision_set: ConvexSet, start: Array, answer: Array | None = None
) -> tuple[float, float]:
    """min over K of a convex loss: a floor, and what was reached at a point of K."""
    if not np.isfinite(to_numpy(decision_set.reach(start))).all():
        raise NotAvailableError(
            "`exploitability_bounds(run=...)` needs two bounded decision sets, got "
            f"{type(decision_set).__name__}: tangents bound a payoff from one side of it alone."
        )
    planes = CuttingPlanes([loss], start, decision_set)
    _, reached = planes.search(_STEPS, start if answer is None else answer)
    return min(planes.floor(), reached), reached


def _given(payoff: Any, x: Array, decision_set: ConvexSet) -> Array | None:
    """The best response that the payoff states; its word is not taken, the search begins there."""
    try:
        found: Array = payoff.best_response(x, decision_set)
    except NotAvailableError:
        return None
    return found
