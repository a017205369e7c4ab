"""A small game that is stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.adversaries.oblivious_sequence import ObliviousSequence
from olgame.game import play
from olgame.learners.online_gradient_descent import OnlineGradientDescent
from olgame.losses.linear_loss import LinearLoss
from olgame.results import Certified
from olgame.sets.l2_ball import L2Ball
from olgame.transcript import Transcript

CERTIFIED = Certified(0.25, "lower", "gap")


def played(dtype: Any = np.float64, rounds: int = 4, keep: Any = "sums") -> Transcript:
    rng = np.random.default_rng(0)
    losses = [LinearLoss(rng.normal(size=3).astype(dtype)) for _ in range(rounds)]
    ball = L2Ball(1.0, center=np.zeros(3, dtype=dtype))
    learner = OnlineGradientDescent(0.5)
    return play(learner, ObliviousSequence(losses), ball, rounds=rounds, keep=keep, seed=7)
