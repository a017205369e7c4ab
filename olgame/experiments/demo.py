"""The demonstration: a planned game of adversarial training, certified from end to end."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np

from olgame import (
    activations,
    attacks,
    certify,
    data,
    losses,
    models,
    perturbations,
    regret,
    theory,
)
from olgame.adversaries import InputAttack, View
from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError, OlgameError
from olgame.experiments import sections
from olgame.experiments.demo_settings import DemoSettings
from olgame.experiments.experiment import Experiment, ExperimentInterrupted
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.models.model import HasTwoLayers, Model
from olgame.observers import Observer
from olgame.randomness import generator
from olgame.report.figure import save_figure
from olgame.results import Certified, Interval
from olgame.storage import reserve, save_run
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["MakeNetwork", "Network", "two_layer_demo"]

SAFETY = 1.25
"""The measured plan expects no gradient longer than this times the first one."""

LATE_ROUNDS = 8
"""Rounds, counted from the end, whose losses the floor is built from (late ones are sharpest)."""


class Network(Model, HasTwoLayers, Protocol):
    """The theorem's network, as a model."""


class MakeNetwork(Protocol):
    """Builds the network that is played; each adapter brings its own."""

    def __call__(
        self, *, dim: int, width: int, activation: str, seed: int, device: str, dtype: str
    ) -> Network: ...


def two_layer_demo(make_network: MakeNetwork) -> Experiment:
    """The demonstration with the networks of one adapter.

    Args:
        make_network: Builds the network.

    Returns:
        The experiment ``demo``.
    """

    def run(settings: DemoSettings, observers: tuple[Observer, ...]) -> Path:
        return _run(settings, make_network, observers)

    return Experiment(
        name="demo",
        summary=(
            "A planned game of adversarial training on two classes of digits: regret, ledger, "
            "certified floor and ceiling, and the theorem's verdict."
        ),
        settings=DemoSettings,
        run=run,
    )


@attrs.frozen(eq=False, kw_only=True)
class _Game:
    """The parts of the game, planned and ready to be played."""

    theorem: theory.TwoLayer
    plan: theory.Plan | None
    refusal: str
    model: Network
    adversary: InputAttack
    learner: OnlineGradientDescent
    rounds: int

    def play(self, adversary: InputAttack, radius: float, **options: Any) -> Transcript:
        """OGD against ``adversary`` in B(R) of the network."""
        decision_set = self.model.neighborhood(radius)
        return play(self.learner, adversary, decision_set, rounds=self.rounds, **options)


def _run(
    settings: DemoSettings, make_network: MakeNetwork, observers: tuple[Observer, ...]
) -> Path:
    """Play, analyze, write; whatever ends it early, what was played is written."""
    folder = reserve(settings.out, overwrite=settings.overwrite)
    game = _set_up(settings, make_network)
    results: dict[str, Any] = {"status": "interrupted", "plan": _plan(game), "twin": None}
    transcript: Transcript | None = None
    begin = time.perf_counter()
    try:
        transcript = game.play(
            game.adversary,
            settings.weight_radius,
            seed=settings.seed,
            keep="examples",
            observers=observers,
        )
        results["game"] = _describe(settings, game, time.perf_counter() - begin)
        _analyze(settings, game, transcript, results)
        results["twin"] = _twin(settings, game, observers)
        results["status"] = transcript.status
    except (KeyboardInterrupt, OlgameError) as stop:
        transcript = transcript or getattr(stop, "transcript", None)
        if transcript is None:
            raise
        results.setdefault("game", _describe(settings, game, time.perf_counter() - begin))
        results["loss"] = sections.losses(transcript)
        results["regret"] = sections.regret_per_round(transcript)
        _write(folder, settings, transcript, results)
        if isinstance(stop, KeyboardInterrupt):
            raise ExperimentInterrupted("interrupted", folder) from stop
        raise
    _write(folder, settings, transcript, results)
    return folder


def _write(
    folder: Path, settings: DemoSettings, transcript: Transcript, results: dict[str, Any]
) -> None:
    config = attrs.asdict(settings)
    save_run(folder, transcript, config=config, results=results, overwrite=settings.overwrite)
    if transcript.rounds:
        save_figure(folder)


def _set_up(settings: DemoSettings, make_network: MakeNetwork) -> _Game:
    """Data, theorem, plan, network, adversary and learner."""
    x, y = data.digits(classes=settings.classes)
    loss = getattr(losses, settings.loss)
    allowed = getattr(perturbations, settings.norm)(settings.input_radius)
    bound = float(np.max(to_numpy(allowed.input_bound(x))))
    # A decimal, so that the plan's rational arithmetic is that of a hand calculation.
    bound = math.ceil(round(bound * 1e9, 3)) / 1e9
    theorem = theory.TwoLayer(activations.get_activation(settings.activation), loss, bound)
    refusal, plan = "", None
    try:
        plan = theorem.plan(settings.accuracy, settings.weight_radius)
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
    adversary = InputAttack(
        model, x, y, loss=loss, attack=attacks.PGD(steps=10), perturbation_set=allowed
    )
    gradient_bound: float = bound
    if settings.plan == "measured" or plan is None:
        gradient_bound = _measured_gradient_bound(adversary, settings.seed)
        if plan is not None:
            plan = theorem.plan(
                settings.accuracy, settings.weight_radius, gradient_bound=gradient_bound
            )
    step = plan.step_size if plan else settings.accuracy / (2.0 * gradient_bound**2)
    needed = math.ceil(settings.weight_radius**2 / (step * settings.accuracy))
    return _Game(
        theorem=theorem,
        plan=plan,
        refusal=refusal,
        model=model,
        adversary=adversary,
        learner=OnlineGradientDescent(step),
        rounds=settings.rounds or (plan.rounds if plan else needed),
    )


def _measured_gradient_bound(adversary: InputAttack, seed: int) -> float:
    """1.25 times the norm of the gradient that round 1 will have, to four digits."""
    view = View(1, adversary.timing, adversary.start, None)
    response, _ = adversary.respond(adversary.init(seed), view)
    gradient = to_numpy(response.loss.evaluate(adversary.start).gradient)
    return float(f"{SAFETY * math.sqrt(gradient @ gradient):.4g}")


def _plan(game: _Game) -> dict[str, Any]:
    return {"refused": game.refusal} if game.plan is None else game.plan.to_dict()


def _describe(settings: DemoSettings, game: _Game, seconds: float) -> dict[str, Any]:
    n, d = game.adversary.x.shape
    low, high = settings.classes
    device = getattr(game.model, "device", "cpu")
    return {
        "data": f"digits {low} vs {high}, {n} samples of dimension {d} on the unit sphere",
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


def _analyze(settings: DemoSettings, game: _Game, run: Transcript, results: dict[str, Any]) -> None:
    """Regret, ledger, certificates and verdict, put into ``results`` as they are found."""
    radius = settings.weight_radius
    results["loss"] = sections.losses(run)
    results["regret"] = sections.regret_per_round(run)
    last = _inside(run.final_point, run.start, radius)
    bracket = _robust_loss(game, run, last)
    books = _ledgers(settings, run, last, bracket)
    results["ledger"] = {
        "comparator": "the last iterate",
        "rows": sections.ledger_rows(books["the last iterate"]),
        "books": {name: sections.book(ledger) for name, ledger in books.items()},
    }
    results["curves"] = sections.curves(
        run, books["the linear-regret maximizer"], books["the last iterate"]
    )
    floors, hindsight, state = _floors(game, run, radius)
    ceilings = {"last iterate": bracket}
    if hindsight is not None:
        ceilings["hindsight point"] = _robust_loss(game, run, hindsight)
    floor = max(floors, key=float, default=None)
    uppers = [b.upper for b in ceilings.values() if b.upper is not None]
    ceiling = min(uppers, key=float, default=None)
    results["certificates"] = [
        sections.row("robust loss of the last iterate", bracket.lower, bracket.upper),
        *sections.value_rows(floors, ceilings, radius),
        sections.row("value of the game", floor, ceiling, "the best of the above"),
    ]
    results["hindsight"] = state
    results["verdict"] = game.theorem.check(
        run,
        accuracy=settings.accuracy,
        weight_radius=radius,
        floor=floor,
        ceiling=ceiling,
    ).to_dict()


def _ledgers(
    settings: DemoSettings, run: Transcript, last: Array, bracket: certify.Bracket
) -> dict[str, regret.Ledger]:
    rng = generator(settings.seed, "comparator")
    comparators = {
        "the last iterate": last,
        "the start": run.start,
        "a random point of the set": run.decision_set.sample(rng, tuple(run.start.shape)),
        "the linear-regret maximizer": regret.linear_maximizer(run),
    }
    upper = bracket.upper
    known = {} if upper is None else {"the last iterate": Interval(bracket.lower, upper)}
    return regret.ledgers(run, comparators, robust_loss=known)


def _robust_loss(game: _Game, run: Transcript, w: Array) -> certify.Bracket:
    """A bracket on L_*(w); the last played inputs are candidates for its lower end."""
    adversary = game.adversary
    played: list[Any] = list(run.kept_losses("A bracket")[-LATE_ROUNDS:])
    return certify.robust_loss(
        game.model,
        w,
        adversary.x,
        adversary.y,
        adversary.loss,
        adversary.perturbation_set,
        attack=adversary.attack,
        candidates=tuple(loss.x for loss in played),
    )


def _floors(
    game: _Game, run: Transcript, radius: float
) -> tuple[list[Certified], Array | None, dict[str, Any] | None]:
    """The free floor, the duality gap's floor and the point it was certified at."""
    floors = []
    with contextlib.suppress(NotAvailableError):  # ReLU: only the gap below has a form for it
        floors.append(theory.floor(run, radius))
    late: list[Any] = list(run.kept_losses("A floor")[-LATE_ROUNDS:])
    inputs = [loss.x for loss in late]
    y, loss = game.adversary.y, game.adversary.loss
    try:
        u0 = theory.hindsight_point(
            game.model, inputs, y, loss, radius, start=run.final_point, steps=60
        )
        found = theory.gap(game.model, u0, inputs, y, loss, None, radius)
    except NotAvailableError:
        return floors, None, None
    floors.append(found.certified)
    state = {
        "value": found.value,
        "gap": found.gap,
        "globally_optimal": found.globally_optimal,
        "stationarity_ratio": found.stationarity_ratio,
        "lambda_max": found.lambda_max,
    }
    return floors, _inside(u0, run.start, radius), state


def _twin(settings: DemoSettings, game: _Game, observers: tuple[Observer, ...]) -> dict[str, Any]:
    """The same game played by the linearized network: the pure convex game."""
    twin = models.Linearized(game.model, at=game.model.start)
    adversary = attrs.evolve(game.adversary, model=twin)
    run = game.play(adversary, settings.weight_radius, seed=settings.seed, observers=observers)
    return {
        "loss": sections.losses(run),
        "regret": sections.regret_per_round(run),
        "loss_curve": run.loss,
    }


def _inside(point: Array, start: Array, radius: float) -> Array:
    """``point``, drawn toward W_0 by as little as brings it into B(R) in exact distance."""
    origin = to_numpy(start)
    offset = to_numpy(point) - origin
    shrink = 1.0
    while True:
        candidate: Array = as_like(origin + shrink * offset, point)
        distance = float(np.linalg.norm(to_numpy(candidate) - origin))
        if distance <= radius:
            return candidate
        shrink = (shrink - unit_roundoff(start)) * radius / distance
