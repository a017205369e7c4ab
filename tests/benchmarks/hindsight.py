"""What a certified best point in hindsight costs beside the game that it is about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import olgame as og
import olgame_torch as ogt

ROUNDS = 400
TOLERANCES = (1e-2, 1e-4)


def hindsight(
    activation: str, width: int, classes: tuple[int, int], radius: float
) -> Iterator[str]:
    """A game on digits with PGD-10, and `olgame.regret.hindsight` for two relative gaps.

    Times are CPU seconds of the process; the game is that of the torch network on as many
    threads as were asked for. Each of the two searches begins anew.
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
    yield (
        f"{activation} m = {width}, digits {classes}, R = {radius:g}, T = {ROUNDS}: "
        f"game {played:.0f} s of CPU"
    )
    for tolerance in TOLERANCES:
        begin = time.process_time()
        best = og.regret.hindsight(run, tolerance=tolerance)
        found = time.process_time() - begin
        proof: Any = best.certificate
        sign = ">" if proof.gradient_dominates else "<="
        per_round = [end.value / ROUNDS for end in (best.regret.lower, best.regret.upper)]
        yield (
            f"  relative gap of {tolerance:g} asked: {best.relative_gap:.2g} for "
            f"{found / played:.3f} of the game ({best.passes:.2g} passes over the rounds), "
            f"regret / T in [{per_round[0]:.6g}, {per_round[1]:.6g}]"
        )
        yield (
            f"    norm(g)/(2R) = {proof.stationarity_ratio:.4g} {sign} {proof.lambda_max:.4g} = "
            f"lambda_max(M); lost by kinks {proof.value - proof.phi:.2g}, by curvature "
            f"{proof.gamma - proof.frank_wolfe_gap:.2g}; slopes: {proof.slopes}"
        )


CASES = {
    f"hindsight-{activation}-{a}{b}-{radius}": (activation, width, (a, b), float(radius))
    for activation, width in (("softplus", 4096), ("relu", 8192))
    for a, b in ((0, 1), (3, 8))
    for radius in (3, 10)
}
"""Single lines of the table, by the names that the command takes."""


def table() -> Iterator[str]:
    """Smooth and ReLU networks, both pairs of digits, both radii; lines as they come."""
    for case in CASES.values():
        yield from hindsight(*case)
