"""The demonstration's game on a deep ReLU network: network, adversary, and steps of order 1/m."""

from __future__ import annotations

import math
from typing import Any, Protocol

import attrs

from olgame import theory
from olgame.exceptions import ArgumentError
from olgame.experiments.demo_data import load
from olgame.experiments.demo_game import (
    PlayableGame,
    describe,
    measured_gradient_bound,
    opponents,
)
from olgame.experiments.demo_settings import DemoSettings
from olgame.learners import OnlineGradientDescent
from olgame.observers import LinearizationError, Observer
from olgame.theory.kink_moves import DeepModel

__all__ = [
    "NARROWEST",
    "DeepGame",
    "MakeDeepNetwork",
    "describe_deep",
    "opening",
    "set_up_deep",
]

NARROWEST = 8
"""The trends start at the width divided by this."""

WIDTH, ROUNDS = 1024, 200
"""Without a plan: sizes that two cores get through in minutes."""

UNAVAILABLE = {
    "plan": "the theorem is recalled with hidden constants; step and rounds are measured ones",
    "certificates": "no certificate for deep networks: no upper bound on the robust loss, no floor",
    "linearized twin": (
        "not played: the linearized ReLU network jumps in x, and a gradient attack is blind to that"
    ),
}
"""Parts of the two-layer demonstration that a deep network does not have, and why."""


class MakeDeepNetwork(Protocol):
    """Builds the deep network that is played; each adapter brings its own."""

    def __call__(
        self, *, dim: int, width: int, depth: int, seed: int, device: str, dtype: str
    ) -> DeepModel: ...


@attrs.frozen(eq=False, kw_only=True)
class DeepGame(PlayableGame):
    """The game on the deep network, and where its step size comes from."""

    model: DeepModel
    steps: theory.DeepSteps
    every: int

    @property
    def watchers(self) -> tuple[Observer, ...]:
        """Also who measures the distance from the linearization."""
        return (*super().watchers, LinearizationError(self.model, every=self.every))


def set_up_deep(settings: DemoSettings, make_network: MakeDeepNetwork) -> DeepGame:
    """Data, network, adversary, and a learner with the step that a measured gradient suggests."""
    for name, value, allowed in (
        ("activation", settings.activation, ("softplus", "relu")),  # softplus: the default
        ("plan", settings.plan, ("measured",)),
        ("held_out", settings.held_out, ("none", "attacked")),
    ):
        if value not in allowed:
            raise ArgumentError(
                f"`DemoSettings({name}=...)` must be {allowed[-1]} for a deep network, which has "
                f"ReLUs, no plan and no certificate, got {value}."
            )
    width = settings.width or WIDTH
    if width // NARROWEST <= settings.weight_radius**2:
        least = NARROWEST * (math.floor(settings.weight_radius**2) + 1)
        raise ArgumentError(
            f"`DemoSettings(width=...)` must be at least {least} for weight_radius = "
            f"{settings.weight_radius:g}: the trends start at an eighth of the width, and B(R) is "
            f"near the start for R below sqrt(m) only, got {width}."
        )
    data = load(settings)
    model = make_network(
        dim=data.train.x.shape[1],
        width=width,
        depth=settings.depth,
        seed=settings.seed,
        device=settings.device,
        dtype=settings.dtype,
    )
    adversary, held_out = opponents(settings, data, model)
    rounds = settings.rounds or ROUNDS
    steps = theory.DeepReLU().suggest(
        model,
        measured_gradient_bound(adversary, settings.seed),
        weight_radius=settings.weight_radius,
        rounds=rounds,
        safety=1.0,  # it is in the measured bound already
    )
    return DeepGame(
        data=data,
        model=model,
        adversary=adversary,
        learner=OnlineGradientDescent(steps.step_size),
        rounds=rounds,
        held_out=held_out,
        steps=steps,
        every=max(1, rounds // 20),
    )


def opening(game: DeepGame) -> dict[str, Any]:
    """What is known before the first round."""
    steps = game.steps
    units = steps.step_size * game.model.width
    return {
        "suggested": {
            "step size": f"D_1/(G sqrt T) = {steps.step_size:.4g} = {units:.4g}/m",
            "reach": f"D_1 = sqrt(H) R/sqrt(m) = {steps.reach:.4g}",
            "gradients": f"up to G = {steps.gradient_bound:.4g}, 1.25 times the first one",
            "linear regret": f"at most D_1 G sqrt T = {steps.regret_bound:.4g} in T = "
            f"{steps.rounds} rounds, {steps.regret_bound / steps.rounds:.4g} a round, while no "
            "gradient exceeds G",
        },
        "not_available": dict(UNAVAILABLE),
    }


def describe_deep(settings: DemoSettings, game: DeepGame, seconds: float) -> dict[str, Any]:
    """The game in words, for the report."""
    model: Any = game.model
    words = describe(settings, game, seconds)  # type: ignore[arg-type]  # sizes and names only
    radius = settings.weight_radius / math.sqrt(model.width)
    words["decision_set"] = (
        f"B({settings.weight_radius:g}) around the start: {model.depth} balls of radius "
        f"R/sqrt(m) = {radius:.4g}, one a layer"
    )
    return words
