"""The radius at which a point is no longer certified as a global minimum, at one width."""

from __future__ import annotations

import math
from typing import Any

from olgame import duality, losses
from olgame.experiments.demo_game import MakeNetwork, measured_gradient_bound
from olgame.experiments.width_games import opponent, samples
from olgame.experiments.width_settings import WidthSettings
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses.loss import Loss
from olgame.observers import Observer

__all__ = ["PROBLEMS", "condition_ends"]

PROBLEMS: dict[str, tuple[tuple[int, int], Loss]] = {
    "0 vs 1, hinge": ((0, 1), losses.hinge),
    "3 vs 8, logistic": ((3, 8), losses.logistic),
}
"""Digits and loss."""

LEAST, MOST = 0.25, 64.0
"""The radii that are searched."""

HALVINGS = 7
"""Of the eight octaves between them: to a factor of 2^(1/16)."""

ROUNDS, LATE, SEARCH = 20, 3, 60
"""Of the short game in each B(R); of it, the rounds whose losses are minimized; steps of that."""

SMALL = 0.01
"""Of F(u0): the gap that still counts as a global minimum of a ReLU network."""

Section = dict[str, Any]


def condition_ends(
    settings: WidthSettings,
    make_network: MakeNetwork,
    kind: tuple[str, str, int],
    observers: tuple[Observer, ...],
) -> Section:
    """Bisect for an R below which the condition of a global minimum holds and above which it fails.

    Of a smooth network norm(g)/(2R) > lambda_max(M). Of ReLU, whose proof ties lambda_max to the
    left side, that says nothing: there the gap is to be less than a hundredth of F(u0).

    At every R that is tried a fresh game is played in B(R), 20 rounds with the step
    R/(G sqrt(20)), F is the mean of its last 3 losses, and the condition is that of `duality.gap`
    at the point that `hindsight_point` finds.

    Args:
        settings: of the experiment.
        make_network: builds the network.
        kind: activation, one of `PROBLEMS`, and the width.
        observers: who watches the games.

    Returns:
        ``holds`` and ``fails``, each the findings at one radius (None where the condition fails
        at 0.25 already, or holds at 64 still).
    """

    def at(radius: float) -> Section:
        return _state(settings, make_network, kind, radius, observers)

    holds, fails = at(LEAST), at(MOST)
    if not holds["certified"]:
        return {"holds": None, "fails": holds}
    if fails["certified"]:
        return {"holds": fails, "fails": None}
    for _ in range(HALVINGS):
        middle = at(math.sqrt(holds["radius"] * fails["radius"]))
        if middle["certified"]:
            holds = middle
        else:
            fails = middle
    return {"holds": holds, "fails": fails}


def _state(
    settings: WidthSettings,
    make_network: MakeNetwork,
    kind: tuple[str, str, int],
    radius: float,
    observers: tuple[Observer, ...],
) -> Section:
    activation, problem, width = kind
    classes, loss = PROBLEMS[problem]
    chosen = samples(classes, settings.samples)
    adversary = opponent(settings, make_network, activation, width, 0, chosen, loss)
    model: Any = adversary.model
    run = play(
        OnlineGradientDescent(radius / (measured_gradient_bound(adversary, 0) * ROUNDS**0.5)),
        adversary,
        model.neighborhood(radius),
        rounds=ROUNDS,
        seed=0,
        keep="examples",
        observers=observers,
    )
    kept: list[Any] = list(run.kept_losses("The gap"))[-LATE:]
    late = [one.x for one in kept]
    u0 = duality.hindsight_point(
        model, late, adversary.y, loss, radius, start=run.final_point, steps=SEARCH
    )
    found = duality.gap(model, u0, late, adversary.y, loss, weight_radius=radius)
    smooth = model.activation.c2 is not None
    certified = found.gradient_dominates if smooth else found.gap < SMALL * found.value
    return {
        "radius": radius,
        "certified": certified,
        "value": found.value,
        "gap": found.gap,
        "stationarity_ratio": found.stationarity_ratio,
        "lambda_max": found.lambda_max,
        "frank_wolfe_gap": found.frank_wolfe_gap,
        "filled": found.filled,
        "dominates": found.gradient_dominates,
    }
