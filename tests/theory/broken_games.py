"""Adversaries, sets and networks that break a premise of the two-layer theorem."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.adversaries import InputAttack, Timing
from olgame.arrays import to_numpy
from olgame.attacks.attack import AttackResult
from olgame.losses import logistic
from olgame.models import TwoLayerNet
from olgame.sets import L2Ball, ProductSet
from tests.theory.planned_game import PLAN, RADIUS, Floats


class Dropout(TwoLayerNet):
    @property
    def deterministic(self) -> bool:
        return False


class Unscaled(TwoLayerNet):
    def two_layer(self, w: Any) -> Any:
        found = super().two_layer(w)
        return found._replace(output=found.output * 2.0)


def overshoot(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
    """Moves every input by 0.2 where 0.1 is allowed."""
    moved = x + 0.2 * np.array([1.0, 0.0])
    loss = objective.value(moved)
    return AttackResult(moved, loss, objective.value(x), 2, 0)


START = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)


def product(radius: float) -> ProductSet:
    """B(radius) in the first 10 coordinates, and 5 in the rest."""
    rest = L2Ball(5.0, center=START[10:])
    return ProductSet([(L2Ball(radius, center=START[:10]), 10), (rest, START.size - 10)])


@attrs.frozen(eq=False)
class Stated:
    """A set of the user's own, that says how much of a ball it contains."""

    inner: L2Ball = attrs.field(factory=lambda: L2Ball(5.0, center=START))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def inner_radius(self, x: Any) -> float:
        return 5.0 - float(np.linalg.norm(x - START))


class Wrapped:
    """An adversary of the user's own around an `InputAttack`; honest."""

    timing = Timing.SEES_POINT

    def __init__(self, inner: InputAttack) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def init(self, seed: Any) -> Any:
        return self.inner.init(seed)

    def respond(self, state: Any, view: Any, /) -> Any:
        response, state = self.inner.respond(state, view)
        return self.altered(response), state

    def altered(self, response: Any) -> Any:
        return response


class OtherLabels(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, y=-response.loss.y))


class OneSample(Wrapped):
    """Plays sample 1 and shows the evidence of all."""

    def altered(self, response: Any) -> Any:
        loss = attrs.evolve(response.loss, x=response.loss.x[:1], y=response.loss.y[:1])
        return response._replace(loss=loss)


class OtherLoss(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, loss=logistic))


class OtherModel(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(
            loss=attrs.evolve(response.loss, model=TwoLayerNet(dim=2, width=PLAN.width))
        )


class FarInputs(Wrapped):
    """Moves the inputs farther than its evidence says."""

    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, x=response.loss.x + 0.2))


OWN_LOSSES = "played losses are the adversary's"


def off_center() -> L2Ball:
    start = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)
    return L2Ball(RADIUS, center=start + 0.05 * np.eye(2 * PLAN.width)[0])


def elsewhere() -> Floats:
    start: Floats = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)
    shift: Floats = 0.5 * np.eye(2 * PLAN.width)[0]
    return start + shift
