"""The best fixed point for linear losses, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.regret.hindsight_result import Hindsight
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript

__all__ = ["linear_hindsight"]


def linear_hindsight(run: Transcript, k: ConvexSet, tolerance: float) -> Hindsight:
    """u = lmo(sum_t g_t); max of sum_t <g_t, W_t - u> is a support function.

    Args:
        run: A game of linear losses.
        k: K.
        tolerance: For the state.
    """
    losses = run.kept_losses("A best point in hindsight")
    dot, norm = kernels(run.start).dot, kernels(run.start).norm
    total: Any = kernels(run.start).xp.astype(run.gradient_sum, run.start.dtype)
    point = k.lmo(total)
    values = [float(to_numpy(loss.value(point))) for loss in losses]
    value = float(np.mean(values))
    fall = k.translate(-run.start).support(-total)
    moved = float(to_numpy(dot(total, point - run.start)))
    least = value - (moved + float(to_numpy(fall))) / run.rounds
    # norm(u) + norm(u - W_1) over K, at most, in the sums that the two ends come from.
    lengths = 2.0 * float(to_numpy(k.reach(run.start))) + float(to_numpy(norm(run.start)))
    size = float(np.mean(np.abs(values))) + abs(least)
    size += float(to_numpy(norm(total))) * lengths / run.rounds
    slack = 4.0 * unit_roundoff(run.start) * (run.rounds + run.start.shape[-1]) * size
    gap = max(value - least, 0.0) + slack
    return Hindsight(point, value, gap, 1.0, "closed form of linear losses", tolerance, run)
