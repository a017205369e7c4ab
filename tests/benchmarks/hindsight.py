"""What a certified best point in hindsight costs beside the game that it is about."""

from __future__ import annotations

import time
from typing import Any

import olgame as og
import olgame_torch as ogt
from olgame.duality import gap, hindsight_point

ROUNDS, THIN, LATE = 400, 20, 8


def hindsight(activation: str, width: int, classes: tuple[int, int], radius: float) -> list[str]:
    """A game on digits with PGD-10, then a search on thinned rounds and one certifying pass.

    Times are CPU seconds of the process; the game is that of the torch network on as many
    threads as were asked for.
    """
    x, y = og.data.digits(classes=classes)
    loss = og.losses.hinge
    model = ogt.TwoLayerNet(dim=64, width=width, activation=activation, seed=0)
    adversary = og.adversaries.InputAttack(
        model,
        x,
        y,
        loss=loss,
        attack=og.attacks.PGD(steps=10),
        perturbation_set=og.perturbations.l2(0.1),
    )
    begin = time.process_time()
    run: Any = og.play(
        og.learners.OnlineGradientDescent(radius / 2.0),
        adversary,
        model.neighborhood(radius),
        rounds=ROUNDS,
        keep="examples",
    )
    played = time.process_time() - begin
    rounds = [round_loss.x for round_loss in run.round_losses]
    begin = time.process_time()
    u = hindsight_point(
        model, rounds[THIN // 2 :: THIN], y, loss, radius, start=run.final_point, steps=20
    )
    searched = time.process_time() - begin
    begin = time.process_time()
    found = gap(model, u, rounds, y, loss, weight_radius=radius)
    certified = time.process_time() - begin
    regret = float(run.loss.mean()) - found.value
    sign = ">" if found.gradient_dominates else "<="
    return [
        f"{activation} m = {width}, digits {classes}, R = {radius:g}, T = {ROUNDS}: "
        f"game {played:.0f} s of CPU",
        f"  search {searched / played:.3f}, certificate {certified / played:.3f}, "
        f"together {(searched + certified) / played:.3f} of the game",
        f"  regret / T in [{regret:.6g}, {regret + found.gap:.6g}], relative gap "
        f"{found.gap / regret:.2g}",
        f"  norm(g)/(2R) = {found.stationarity_ratio:.3g} {sign} {found.lambda_max:.3g} = "
        f"lambda_max(M); slopes: {found.slopes}",
    ]


def table() -> list[str]:
    """Smooth and ReLU networks, both pairs of digits, both radii."""
    lines = []
    for activation, width in (("softplus", 4096), ("relu", 8192)):
        for classes in ((0, 1), (3, 8)):
            for radius in (3.0, 10.0):
                lines += hindsight(activation, width, classes, radius)
    return lines
