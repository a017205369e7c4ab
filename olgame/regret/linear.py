"""Linear regret, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import as_like, number_or_array, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.results import Certified
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["linear", "linear_maximizer"]


def linear(run: Transcript, comparators: ConvexSet | None = None) -> Certified:
    """max over u in K of sum_t <g_t, W_t - u>, exactly, from O(p) memory.

    With S = sum g_t and h the support function of K - W_1,

        max over u in K of sum_t <g_t, W_t - u> = sum_t <g_t, W_t - W_1> + h(-S),

    for a ball of radius R around W_1: sum_t <g_t, W_t - W_1> + R norm(S). Centered at W_1 and
    summed in float64. Where every l_t is convex this is an upper bound on the regret
    max_u sum_t l_t(W_t) - l_t(u); where they are linear it is the regret.

    Args:
        run: A transcript.
        comparators: The set that u ranges over; default the decision set.

    Returns:
        The `Certified` exact value: a float, or an array over the games of a batch.

    Raises:
        NotAvailableError: Something that was played is not finite.

    Example:
        >>> import numpy as np, olgame as og
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.1),
        ...     og.adversaries.ObliviousSequence([og.losses.LinearLoss(np.array([2.0, 0.0]))]),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)),
        ...     rounds=1,
        ... )
        >>> linear(run).value
        2.0

    References:
        orabona2019, Section 2.2.
    """
    whose = "decision set" if comparators is None else "set of comparators"
    comparators = run.decision_set if comparators is None else comparators
    recentered = comparators.translate(-run.start)
    best: Any = recentered.support(-_gradient_sum(run))
    value = run.inner.sum(axis=0) + to_numpy(best)
    if np.isnan(value).any():
        raise NotAvailableError(
            "This game has no regret: a loss, a gradient or a point in it is not finite (see "
            "`violations` of the transcript)."
        )
    return Certified(number_or_array(value), "exact", f"support function of the {whose}")


def linear_maximizer(run: Transcript, comparators: ConvexSet | None = None) -> Array:
    """The u in K that attains `linear`: the minimizer of <S, u> over K, shape ``(..., p)``."""
    comparators = run.decision_set if comparators is None else comparators
    return comparators.lmo(_gradient_sum(run))


def _gradient_sum(run: Transcript) -> Any:
    """S in the dtype of the points (support functions take points of their set)."""
    return as_like(run.gradient_sum, run.start)
