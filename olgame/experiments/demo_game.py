"""The demonstration's game: data, theorem, plan, network, adversary and learner."""

from __future__ import annotations

import math
from typing import Any, Protocol

import attrs
import numpy as np

from olgame import activations, attacks, losses, perturbations, theory
from olgame.adversaries import InputAttack, View
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.experiments.demo_data import DemoData, load
from olgame.experiments.demo_settings import DemoSettings
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.models.model import HasTwoLayers, Model
from olgame.observers import AveragePoint, HeldOut, Observer
from olgame.transcript import Transcript

__all__ = [
    "DemoGame",
    "MakeNetwork",
    "Network",
    "PlayableGame",
    "describe",
    "measured_gradient_bound",
    "opponents",
    "plan_section",
    "set_up",
]

SAFETY = 1.25
"""The measured plan expects no gradient longer than this times the first one."""


class Network(Model, HasTwoLayers, Protocol):
    """The theorem's network, as a model."""


class MakeNetwork(Protocol):
    """Builds the network that is played; each adapter brings its own."""

    def __call__(
        self, *, dim: int, width: int, activation: str, seed: int, device: str, dtype: str
    ) -> Network: ...


@attrs.frozen(eq=False, kw_only=True)
class PlayableGame:
    """The parts of a game of the demonstration, whatever its network is."""

    data: DemoData
    model: Model
    adversary: InputAttack
    learner: OnlineGradientDescent
    rounds: int
    held_out: HeldOut | None

    @property
    def kept_bytes(self) -> int:
        """What the played inputs of all rounds take."""
        like: Any = self.adversary.inputs_like(())
        return int(self.rounds * math.prod(like.shape) * like.dtype.itemsize)

    @property
    def watchers(self) -> tuple[Observer, ...]:
        """Who looks at the game besides the progress bar."""
        return () if self.held_out is None else (self.held_out,)

    def play(self, adversary: InputAttack, radius: float, **options: Any) -> Transcript:
        """OGD against ``adversary`` in B(R) of the network."""
        decision_set = self.model.neighborhood(radius)
        return play(self.learner, adversary, decision_set, rounds=self.rounds, **options)


@attrs.frozen(eq=False, kw_only=True)
class DemoGame(PlayableGame):
    """The game on the two-layer network, planned and ready to be played."""

    theorem: theory.TwoLayer
    plan: theory.Plan | None
    refusal: str
    model: Network
    average: AveragePoint = attrs.field(factory=AveragePoint)

    @property
    def watchers(self) -> tuple[Observer, ...]:
        """The averaged iterate is one of the points that are tried for the ceiling."""
        return (*super().watchers, self.average)


def set_up(settings: DemoSettings, make_network: MakeNetwork) -> DemoGame:
    """Data, theorem, plan, network, adversary and learner."""
    data = load(settings)
    x, y = data.train
    loss = getattr(losses, settings.loss)
    allowed = getattr(perturbations, settings.norm)(settings.input_radius)
    bound = float(np.max(to_numpy(allowed.input_bound(x))))
    # A decimal, so that the plan's rational arithmetic is that of a hand calculation.
    bound = math.ceil(round(bound * 1e9, 3)) / 1e9
    theorem = theory.TwoLayer(activations.get_activation(settings.activation), loss, bound)
    refusal, plan, moment = "", None, None
    if settings.plan == "second-moment":
        moment = theory.second_moment(x, y, allowed.euclidean_radius(x.shape[1]))
    try:
        plan = theorem.plan(settings.accuracy, settings.weight_radius, second_moment=moment)
    except NotAvailableError as error:
        refusal = str(error)
    width = settings.width or (plan.width if plan else None)
    if width is None:
        raise ArgumentError(
            f"`DemoSettings(width=...)` is needed, since there is no plan: {refusal}"
        )
    model = make_network(
        dim=x.shape[1],
        width=width,
        activation=settings.activation,
        seed=settings.seed,
        device=settings.device,
        dtype=settings.dtype,
    )
    adversary, held_out = opponents(settings, data, model)
    gradient_bound: float = bound
    if settings.plan != "prior" or plan is None:
        gradient_bound = measured_gradient_bound(adversary, settings.seed)
        if plan is not None:
            plan = theorem.plan(
                settings.accuracy,
                settings.weight_radius,
                gradient_bound=gradient_bound,
                second_moment=moment,
            )
    step = plan.step_size if plan else settings.accuracy / (2.0 * gradient_bound**2)
    needed = math.ceil(settings.weight_radius**2 / (step * settings.accuracy))
    return DemoGame(
        data=data,
        theorem=theorem,
        plan=plan,
        refusal=refusal,
        model=model,
        adversary=adversary,
        learner=OnlineGradientDescent(step),
        rounds=settings.rounds or (plan.rounds if plan else needed),
        held_out=held_out,
    )


def opponents(
    settings: DemoSettings, data: DemoData, model: Model
) -> tuple[InputAttack, HeldOut | None]:
    """Who plays against the learner, and who looks at the held-out samples."""
    played: dict[str, Any] = {
        "loss": getattr(losses, settings.loss),
        "attack": attacks.InPieces(attacks.PGD(steps=10)),
        "perturbation_set": getattr(perturbations, settings.norm)(settings.input_radius),
    }
    adversary = InputAttack(model, *data.train, **played)
    if data.held_out is None:
        return adversary, None
    return adversary, HeldOut(model, *data.held_out, **played, every=settings.held_out_every)


def measured_gradient_bound(adversary: InputAttack, seed: int) -> float:
    """1.25 times the norm of the gradient that round 1 will have, to four digits."""
    view = View(1, adversary.timing, adversary.start, None)
    response, _ = adversary.respond(adversary.init(seed), view)
    gradient = to_numpy(response.loss.evaluate(adversary.start).gradient)
    return float(f"{SAFETY * math.sqrt(gradient @ gradient):.4g}")


def plan_section(game: DemoGame) -> dict[str, Any]:
    """The plan as plain data, or why there is none."""
    return {"refused": game.refusal} if game.plan is None else game.plan.to_dict()


def describe(settings: DemoSettings, game: DemoGame, seconds: float) -> dict[str, Any]:
    """The game in words, for the report."""
    n, d = game.adversary.x.shape
    device = getattr(game.model, "device", "cpu")
    return {
        "data": f"{game.data.name}, {n} samples of dimension {d} on the unit sphere",
        "network": f"{game.model.name}, width {game.model.width}",
        "weights": int(game.model.start.shape[-1]),
        "loss": settings.loss,
        "attack": "PGD, 10 steps",
        "perturbation_set": f"{settings.norm} ball of radius {settings.input_radius:g}",
        "learner": f"projected gradient descent, step {game.learner.step_size(1, 0.0):.4g}",
        "decision_set": f"B({settings.weight_radius:g}) around the start",
        "rounds": game.rounds,
        "device": f"{device}, {settings.dtype}",
        "seconds": round(seconds, 1),
    }
