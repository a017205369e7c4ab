"""A user's own learner, adversary, set, loss and attack: type-checked, never run.

The annotated form, ``learner: Learner[S] = Mine()``, is the one to teach: where a part does not
fit its protocol, the type checker names the method there.
"""

from __future__ import annotations

from typing import Any, NamedTuple, assert_type

import attrs
import numpy as np

import olgame as og
from olgame.adversaries import Adversary, Response, Timing, View
from olgame.attacks import Attack, AttackResult, Objective
from olgame.feedback import Feedback, Level
from olgame.learners import Learner
from olgame.losses import LinearLoss, Loss
from olgame.models import Model
from olgame.perturbations import PerturbationSet
from olgame.randomness import Seed
from olgame.sets import ConvexSet, L2Ball
from olgame.typing import Array, Value


class LazyState(NamedTuple):
    """What the learner below remembers."""

    start: Array
    decision_set: ConvexSet
    gradient_sum: Array


@attrs.frozen
class LazyGradientDescent:
    """W_{t+1} = Proj_K(W_1 - alpha (g_1 + ... + g_t))."""

    step_size: float

    @property
    def level(self) -> Level:
        return Level.GRADIENT

    def init(self, start: Array, decision_set: ConvexSet) -> LazyState:
        return LazyState(start, decision_set, 0.0 * start)

    def decide(self, state: LazyState, /) -> Array:
        return state.decision_set.project(state.start - self.step_size * state.gradient_sum)

    def update(self, state: LazyState, feedback: Feedback, /) -> LazyState:
        if feedback.gradient is None:
            return state
        return state._replace(gradient_sum=state.gradient_sum + feedback.gradient)

    def copy(self, state: LazyState, /) -> LazyState:
        return state


@attrs.frozen
class Pursuer:
    """Plays the linear loss whose gradient points from its target to W_t."""

    target: float

    @property
    def timing(self) -> Timing:
        return Timing.SEES_POINT

    def init(self, seed: Seed) -> int:
        return 0

    def respond(self, state: int, view: View, /) -> tuple[Response, int]:
        return Response(LinearLoss(view.point - self.target)), state + 1


@attrs.frozen
class HalfLine:
    """All points of R^1 at or above 0: unbounded, so some suprema are infinite."""

    @property
    def diameter(self) -> float:
        return float("inf")

    def project(self, x: Array) -> Array:
        return og.arrays.namespace(x).maximum(x, 0.0 * x)  # type: ignore[no-any-return]  # a namespace is Any

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        return bool(x[0] >= -atol)

    def support(self, g: Array) -> Value:
        return float("inf") if g[0] > 0 else 0.0

    def lmo(self, g: Array) -> Array:
        return 0.0 * g

    def reach(self, x: Array) -> Value:
        return float("inf")

    def translate(self, v: Array) -> ConvexSet:
        return L2Ball(1.0, v)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.exponential(size=shape)


@attrs.frozen
class SquaredLoss:
    """l(z, y) = (z - y)^2 / 2."""

    name: str = "squared"
    lipschitz: float | None = None
    smoothness: float | None = 1.0
    of_margin: bool = False

    def check_labels(self, y: Array) -> None:
        return None

    def value(self, z: Array, y: Array) -> Array:
        return 0.5 * (z - y) * (z - y)

    def derivative(self, z: Array, y: Array) -> Array:
        return z - y

    def conjugate(self, p: Array, y: Array) -> Array:
        return 0.5 * p * p + p * y


@attrs.frozen
class CleanInputs:
    """An attack that moves nothing."""

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        loss = objective.value(x)
        return AttackResult(x, loss, loss, n_values=1, n_gradients=0)


learner: Learner[LazyState] = LazyGradientDescent(0.1)
adversary: Adversary[int] = Pursuer(1.0)
half_line: ConvexSet = HalfLine()
squared: Loss = SquaredLoss()
attack: Attack = CleanInputs()

assert_type(og.play(learner, adversary, half_line, rounds=3, start=np.ones(1)), og.Transcript)


def adversarial_training(model: Model, x: Array, y: Array) -> Any:
    """The parts above in a game on a network."""
    answer = og.adversaries.InputAttack(
        model, x, y, loss=squared, attack=attack, perturbation_set=og.perturbations.l2(0.1)
    )
    run = og.play(learner, answer, model.neighborhood(1.0), rounds=3, keep="examples")
    assert_type(og.regret.linear(run), og.Certified)
    return og.regret.ledger(run, comparator=run.final_point)
