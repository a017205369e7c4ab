"""Sets for leaders, and what a game of theirs left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import olgame as og
from olgame.losses import LinearLoss

Floats = NDArray[np.float64]
T, P, RADIUS = 50, 3, 1.5
CENTER = np.array([0.3, -0.2, 0.1])
SETS: dict[str, Any] = {
    "ball": og.sets.L2Ball(RADIUS, center=CENTER),
    "cube": og.sets.LinfBall(RADIUS, center=CENTER),
    "simplex": og.sets.Simplex(P, 2.0, CENTER),
}


def start_of(decision_set: Any) -> Floats:
    found: Floats = CENTER + (2.0 / P if isinstance(decision_set, og.sets.Simplex) else 0.0)
    return found


def record(run: og.Transcript) -> tuple[Floats, Floats]:
    """W_1, ..., W_{T+1} and the gradients."""
    points = np.stack([np.asarray(p) for p in (*(run.points or ()), run.final_point)])
    losses: Any = run.round_losses
    return points, np.stack([loss.evaluate(p).gradient for loss, p in zip(losses, points)])  # noqa: B905


def oblivious(rows: Any) -> og.adversaries.ObliviousSequence:
    return og.adversaries.ObliviousSequence([LinearLoss(np.atleast_1d(g)) for g in rows])
