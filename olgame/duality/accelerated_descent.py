"""Accelerated projected gradient steps: the one search of this room and its neighbors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from olgame.arrays import kernels, to_numpy
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["Objective", "Valued", "accelerated_descent"]

_BACKTRACKS = 60


class Valued(NamedTuple):
    """A function at one point.

    Attributes:
        exact: What the search is for; the best point is the one where this is least.
        smooth: What the steps descend, the same or something smooth near it.
        gradient: Of ``smooth``; anything where it was not asked for.
    """

    exact: float
    smooth: float
    gradient: Any


class Objective(Protocol):
    """What is minimized."""

    def __call__(self, w: Array, *, slope: bool = True) -> Valued: ...

    def noise(self, value: float) -> float:
        """What two values of ``smooth`` near ``value`` may differ by for rounding."""
        ...


def accelerated_descent(
    objective: Objective,
    decision_set: ConvexSet,
    start: Array,
    steps: int,
    tolerance: float | None = None,
) -> tuple[Array, float]:
    r"""FISTA with backtracking and restarts, on a closed convex set.

        u_next = Proj(v - grad F(v)/H),   H doubled until
            F(u_next) <= F(v) + <grad F(v), u_next - v> + (H/2) norm(u_next - v)^2,
        v_next = Proj(u_next + ((s - 1)/s_next) (u_next - u)),   s_next = (1 + sqrt(1 + 4 s^2))/2,

    and the momentum restarts (s = 1) where <v - u_next, u_next - u> > 0: it has begun to work
    against the descent. H starts small and shrinks a little in every step.

    Args:
        objective: F.
        decision_set: The set.
        start: Where to begin, shape ``(p,)``; projected first.
        steps: Largest number of steps.
        tolerance: Stop where the linear model promises less, the Frank-Wolfe gap
            max over u of <grad F(v), v - u>; None: do not ask for it (a support function each).

    Returns:
        (the best point met, ``exact`` there): not larger than at the projection of ``start``.

    References:
        hazan2022.
    """
    dot, norm = kernels(start).dot, kernels(start).norm
    u: Any = decision_set.project(start)
    v, s = u, 1.0
    exact, value, gradient = objective(v)
    best, least = u, exact
    reach = float(to_numpy(decision_set.reach(u)))
    h = float(norm(gradient)) / (10.0 * (reach if math.isfinite(reach) else 1.0 + float(norm(u))))
    for _ in range(steps):
        if h == 0.0:
            break
        if tolerance is not None:
            promised = float(dot(gradient, v)) + float(to_numpy(decision_set.support(-gradient)))
            if promised <= tolerance:
                break
        for _ in range(_BACKTRACKS):
            trial: Any = decision_set.project(v - gradient * (1.0 / h))
            move = trial - v
            bound = value + float(dot(gradient, move)) + 0.5 * h * float(dot(move, move))
            exact, reached, _ = objective(trial, slope=False)
            if reached <= bound + objective.noise(value):
                break
            h *= 2.0
        if exact < least:
            best, least = trial, exact
        if float(dot(move, move)) == 0.0:
            break
        if float(dot(v - trial, trial - u)) > 0.0:
            s = 1.0
        s_next = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * s * s))
        # Projected: outside the set the Frank-Wolfe gap would be none.
        v, u, s = decision_set.project(trial + (trial - u) * ((s - 1.0) / s_next)), trial, s_next
        h *= 0.8
        exact, value, gradient = objective(v)
        if exact < least:
            best, least = v, exact
    return best, least
