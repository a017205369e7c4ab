"""Mistakes that a strict type check has to find; each line says with which error code."""

import numpy as np

import olgame as og
from olgame.adversaries import Adversary, Response, Timing, View
from olgame.feedback import Feedback, Level
from olgame.learners import Learner
from olgame.losses import LinearLoss
from olgame.randomness import Seed
from olgame.sets import ConvexSet
from olgame.typing import Array


class Stubborn:
    """Never learns, and hands out a name where a point is due."""

    @property
    def level(self) -> Level:
        return Level.VALUE

    def init(self, start: Array, decision_set: ConvexSet) -> int:
        return 0

    def decide(self, state: int, /) -> str:
        return "start"

    def update(self, state: int, feedback: Feedback, /) -> int:
        return state

    def copy(self, state: int, /) -> int:
        return state


class Forgetful:
    """Returns no next state."""

    @property
    def timing(self) -> Timing:
        return Timing.OBLIVIOUS

    def init(self, seed: Seed) -> None:
        return None

    def respond(self, state: None, view: View, /) -> Response:
        return Response(LinearLoss(np.ones(2)))


ball = og.sets.L2Ball(1.0)
learner: Learner[int] = Stubborn()  # expected: assignment
adversary: Adversary[None] = Forgetful()  # expected: assignment
ball.project("three")  # expected: arg-type
ball.project([1.0, 2.0])  # expected: arg-type
ball.project(1.0)  # expected: arg-type
ball.contains(np.ones(2), 0.1)  # expected: call-arg
LinearLoss("gradient")  # expected: arg-type
og.play(
    og.learners.OnlineGradientDescent(0.1),
    og.adversaries.MinimaxLinear(),
    ball,
    rounds="ten",  # expected: arg-type
    keep="everything",  # expected: arg-type
)
array: Array = "an array"  # expected: assignment
