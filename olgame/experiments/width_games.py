"""One game of the experiment about width, and what is found out about it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import attrs
import numpy as np

from olgame import attacks, certify, data, duality, losses, perturbations, theory
from olgame.adversaries import InputAttack
from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.data import Dataset
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.experiments.demo_game import MakeNetwork, measured_gradient_bound
from olgame.experiments.width_settings import WidthSettings
from olgame.experiments.width_worst import attained_at, network_seed, set_of
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.observers import LinearizationError, Observer
from olgame.results import Certified
from olgame.sets import L2Ball, L2InfBall
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["WidthGame", "analyze", "opponent", "samples"]

LATE, EVERY = 6, 5
"""Rounds that the floor of a network is built from: so many, every fifth, counted from the end."""

SEARCH = 40
"""Steps of the search for the best point in hindsight."""

LOOKS = 10
"""About so many rounds of a game are looked at."""

Section = dict[str, Any]


@attrs.frozen(eq=False)
class WidthGame:
    """A two-layer network in one of the sets, against attacks on its inputs.

    Attributes:
        model: the network.
        adversary: hinge loss on digits, PGD with 10 steps up the logistic loss.
        decision_set: B(R), or the per-neuron set in it.
        run: the game.
    """

    model: Any
    adversary: InputAttack
    decision_set: L2Ball | L2InfBall
    run: Transcript

    @classmethod
    def played(
        cls,
        settings: WidthSettings,
        make_network: MakeNetwork,
        kind: tuple[str, str, int, int],
        observers: tuple[Observer, ...],
    ) -> WidthGame:
        """The game of ``kind``: activation, set, width and seed."""
        activation, name, width, seed = kind
        chosen = samples((0, 1), settings.samples)
        adversary = opponent(settings, make_network, activation, width, seed, chosen, losses.hinge)
        model: Any = adversary.model
        decision_set = set_of(model, name, settings.weight_radius)
        step = settings.accuracy / (2.0 * measured_gradient_bound(adversary, seed) ** 2)
        run = play(
            OnlineGradientDescent(step),
            adversary,
            decision_set,
            rounds=settings.rounds,
            seed=seed,
            keep="examples",
            observers=(*observers, LinearizationError(model, every=_every(settings.rounds))),
        )
        return cls(model, adversary, decision_set, run)


def samples(classes: tuple[int, int], count: int) -> Dataset:
    """Samples of two digits, evenly spaced in the data set."""
    x, y = data.digits(classes=classes)
    if count > len(y):
        raise ArgumentError(
            f"`WidthSettings(samples=...)` must be at most {len(y)}, the number of digits "
            f"{classes[0]} and {classes[1]}, got {count}."
        )
    chosen = np.linspace(0, len(y) - 1, count).astype(int)
    return Dataset(np.asarray(x)[chosen], np.asarray(y)[chosen])


def opponent(
    settings: WidthSettings,
    make_network: MakeNetwork,
    activation: str,
    width: int,
    seed: int,
    chosen: Dataset,
    loss: Any,
) -> InputAttack:
    """The adversary of a fresh network."""
    model = make_network(
        dim=chosen.x.shape[1],
        width=width,
        activation=activation,
        seed=network_seed(seed, width),
        device=settings.device,
        dtype="float64",
    )
    return InputAttack(
        model,
        model.asarray(chosen.x),
        model.asarray(chosen.y),
        loss=loss,
        attack=attacks.Climbing(attacks.PGD(steps=10), losses.logistic),
        perturbation_set=perturbations.l2(settings.input_radius),
    )


def analyze(game: WidthGame, settings: WidthSettings, *, certified: bool) -> Section:
    """Linearization error along the game beside its worst case; if wanted, the certificates.

    The certificates are about min over B(R) of L_*, the robust loss of the samples played with:

    * a free floor (smooth activations), from the sums of all rounds;
    * a floor from the curvature-corrected gap at the best point in hindsight of a few late rounds;
    * a ceiling: the certificate of L_* at that point, or at the last iterate, whichever is lower.
    """
    begin, run = time.perf_counter(), game.run
    found: Section = {
        "start_loss": float(run.loss[0]),
        "least_loss": float(run.loss.min()),
        "step_size": float(run.step_size[0]),
        **_errors(game),
    }
    if certified:
        found |= _certificates(game, settings)
    return found | {"seconds": round(time.perf_counter() - begin, 2)}


def _errors(game: WidthGame) -> Section:
    """abs(f - f_lin) in the last round and over the rounds looked at; the worst case there."""
    seen = game.run.observed["linearization error"]
    rounds: list[int] = seen.rounds.tolist()
    kept: list[Any] = list(game.run.kept_losses("The linearization error"))
    worst = [
        theory.worst_case_linearization(game.model, kept[t - 1].x, game.decision_set).values
        for t in rounds
    ]
    attained = attained_at(game.model, kept[rounds[-1] - 1].x, game.decision_set)
    return {
        "error_mean": float(seen["mean"][-1]),
        "error_largest": float(seen["largest"][-1]),
        "error_over_rounds": float(seen["largest"].max()),
        "worst_attained": float(attained.mean()),
        "worst_mean": float(worst[-1].mean()),
        "worst_largest": float(worst[-1].max()),
        "worst_over_rounds": float(max(one.max() for one in worst)),
    }


def _certificates(game: WidthGame, settings: WidthSettings) -> Section:
    run, adversary, radius = game.run, game.adversary, settings.weight_radius
    kept: list[Any] = list(run.kept_losses("A floor"))
    late = [loss.x for loss in kept[::-EVERY][:LATE]]
    u0 = duality.hindsight_point(
        game.model, late, adversary.y, adversary.loss, start=run.final_point, steps=SEARCH,
        decision_set=game.decision_set,
    )  # fmt: skip
    gap = duality.gap(
        game.model, u0, late, adversary.y, adversary.loss, decision_set=game.decision_set
    )
    floors: list[Certified] = [gap.certified]
    free = None
    with contextlib.suppress(NotAvailableError):  # ReLU has none
        free = theory.floor(run, radius)
        floors.append(free)
    ceilings = []
    for point in (run.final_point, u0):
        inside = _inside(point, run.start, gap.balls)
        bracket = certify.robust_loss(
            game.model, inside, adversary.x, adversary.y, adversary.loss,
            adversary.perturbation_set, attack=adversary.attack,
        )  # fmt: skip
        if bracket.upper is not None:
            ceilings.append(bracket.upper)
    floor, ceiling = max(floors, key=float), min(ceilings, key=float)
    return {
        "free_floor": free,
        "floor": floor,
        "ceiling": ceiling,
        "excess": None if free is None else float(run.loss.min()) - free.value,
        "best_excess": float(run.loss.min()) - floor.value,
        "bracket": ceiling.value - floor.value,
        "value": gap.value,
        "gap": gap.gap,
        "stationarity_ratio": gap.stationarity_ratio,
        "lambda_max": gap.lambda_max,
        "dominates": gap.gradient_dominates,
    }


def _inside(point: Array, start: Array, balls: duality.WeightBalls) -> Array:
    """``point``, drawn toward W_0 by as little as brings it into every ball in exact distance."""
    origin = to_numpy(start)
    offset = to_numpy(point) - origin
    shrink = 1.0
    while True:
        candidate: Array = as_like(origin + shrink * offset, point)
        moved = (to_numpy(candidate) - origin).reshape(balls.rows, -1)
        excess = float((balls.norms(moved) / balls.radii).max())
        if excess <= 1.0:
            return candidate
        shrink = (shrink - unit_roundoff(start)) / excess


def _every(rounds: int) -> int:
    """The largest divisor of ``rounds`` that gives `LOOKS` looks at least (or all rounds)."""
    most = max(1, rounds // LOOKS)
    return max(k for k in range(1, most + 1) if rounds % k == 0)
