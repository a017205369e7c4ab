"""Linear regret after every round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, to_numpy
from olgame.regret.linear import linear
from olgame.replay import replay
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript

__all__ = ["linear_curve"]


def linear_curve(run: Transcript, comparators: ConvexSet | None = None) -> NDArray[np.float64]:
    """max over u in K of sum_{s <= t} <g_s, W_s - u> for t = 1..T, shape ``(T, ...)``.

    The gradients are those of the replayed game, one support function a round. Only the last
    entry is known (the others are nan) where the round losses were not kept.

    Args:
        run: A transcript.
        comparators: The set that u ranges over; default the decision set.
    """
    last = np.asarray(linear(run, comparators).value, dtype=np.float64)
    if run.round_losses is None:
        found = np.full((run.rounds, *run.games), np.nan)
        found[-1] = last
        return found
    comparators = run.decision_set if comparators is None else comparators
    recentered = comparators.translate(-run.start)
    xp = kernels(run.start).xp
    total: Any = xp.zeros_like(run.start, dtype=xp.float64)
    best = []
    for step in replay(run):
        total = total + step.evaluation.gradient
        best.append(to_numpy(recentered.support(xp.astype(-total, run.start.dtype))))
    curve: NDArray[np.float64] = np.cumsum(run.inner, axis=0) + np.stack(best)
    return curve
