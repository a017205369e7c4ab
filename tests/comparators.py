"""Comparators that every test of the books holds a game against."""

from __future__ import annotations

from typing import Any

import numpy as np

import olgame as og

__all__ = ["comparators"]


def comparators(run: Any, seed: int = 1) -> dict[str, Any]:
    """The first and the last point, any point of the set, and the one of the linear regret."""
    rng = np.random.default_rng(seed)
    return {
        "start": run.start,
        "last": run.final_point,
        "random": run.decision_set.sample(rng, tuple(run.start.shape)),
        "maximizer": og.regret.linear_maximizer(run),
    }
