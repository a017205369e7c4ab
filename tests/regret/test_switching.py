"""The best shifting comparator, against brute force over cuts and over sequences of vertices."""

from __future__ import annotations

import math
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.losses import LinearLoss, QuadraticLoss

Floats = NDArray[np.float64]
P = 3
CENTER = np.array([0.3, -0.2, 0.1])


def game(
    decision_set: Any, start: Floats, rounds: int, *, linear: bool = True, seed: int = 0
) -> og.Transcript:
    rng = np.random.default_rng(seed)
    losses: list[Any] = [LinearLoss(g) for g in rng.standard_normal((rounds, P))]
    if not linear:
        losses = [QuadraticLoss(a) for a in rng.standard_normal((rounds, P))]
    return og.play(
        og.learners.OnlineGradientDescent(0.3),
        og.adversaries.ObliviousSequence(losses),
        decision_set,
        rounds=rounds,
        start=start,
        keep="points",
    )


def gradients_of(run: og.Transcript) -> Floats:
    losses: Any = run.round_losses
    return np.stack(
        [np.asarray(x.evaluate(w).gradient) for x, w in zip(losses, run.points or (), strict=True)]
    )


def lost(run: og.Transcript, gradients: Floats) -> float:
    points = np.stack([np.asarray(w) for w in run.points or ()])
    return float(np.sum(gradients * points))


@pytest.mark.parametrize("shifts", [0, 1, 2, 7])
def test_sequences_of_vertices_of_a_simplex(shifts: int) -> None:
    """All 3^8 sequences."""
    rounds = 8
    run = game(og.sets.Simplex(P), np.array([0.2, 0.3, 0.5]), rounds)
    gradients = gradients_of(run)
    best = math.inf
    for vertices in product(range(P), repeat=rounds):
        if sum(a != b for a, b in pairwise(vertices)) <= shifts:
            best = min(best, float(gradients[np.arange(rounds), list(vertices)].sum()))
    found = og.regret.switching(run, shifts)
    assert found.linear.value == pytest.approx(lost(run, gradients) - best, rel=1e-12)
    assert found.linear.side == "exact"


@pytest.mark.parametrize("shifts", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("linear", [True, False])
def test_all_cuts_of_a_ball(shifts: int, linear: bool) -> None:
    rounds, radius = 13, 1.5
    run = game(og.sets.L2Ball(radius, CENTER), CENTER, rounds, linear=linear)
    gradients = gradients_of(run)
    best = -math.inf
    for count in range(min(shifts, rounds - 1) + 1):
        for cuts in combinations(range(1, rounds), count):
            parts = np.split(gradients, cuts)
            gain = sum(
                radius * np.linalg.norm(g.sum(axis=0)) - g.sum(axis=0) @ CENTER for g in parts
            )
            best = max(best, float(gain))
    found = og.regret.switching(run, shifts)
    assert found.linear.value == pytest.approx(lost(run, gradients) + best, rel=1e-12)
    # The path attains it, within its number of shifts, in the ball.
    assert found.path.shape == (rounds, P)
    assert len(found.starts) <= shifts + 1
    assert found.starts[0] == 1
    assert np.linalg.norm(found.path - CENTER, axis=1).max() <= radius * (1 + 1e-12)
    attained = og.regret.dynamic_linear(run, found.path).value
    assert attained == pytest.approx(found.linear.value, rel=1e-12)
    # On the losses themselves: an interval, without width where they are linear.
    interval = found.regret
    assert (interval.lower.side, interval.upper.side) == ("lower", "upper")
    if linear:
        assert interval.width == pytest.approx(0.0, abs=1e-11)
    else:
        rng = np.random.default_rng(5)
        assert interval.width > 0.0
        for _ in range(50):  # no sequence with so many shifts exceeds the upper end
            u = CENTER + rng.uniform(-0.8, 0.8, (shifts + 1, P))
            drawn = sorted(rng.choice(np.arange(1, rounds), min(shifts, rounds - 1), replace=False))
            lengths = np.diff([0, *drawn, rounds])
            path = np.repeat(u[: len(lengths)], lengths, axis=0)
            assert og.regret.dynamic(run, path) <= interval.upper.value


def test_the_ends_are_external_and_dynamic_regret() -> None:
    run = game(og.sets.L2Ball(1.5, CENTER), CENTER, 30)
    assert og.regret.switching(run, 0).linear.value == pytest.approx(og.regret.linear(run).value)
    largest = og.regret.dynamic_linear(run).value
    assert og.regret.switching(run, 29).linear.value == pytest.approx(largest)
    values = [og.regret.switching(run, k).linear.value for k in range(8)]
    assert (np.diff(values) >= -1e-12).all()


def test_what_cannot_be_answered_is_refused() -> None:
    run = game(og.sets.L2Ball(1.5, CENTER), CENTER, 5)
    for bad in (-1, 1.0, True):
        with pytest.raises(ArgumentError, match=r"`switching\(shifts=\.\.\.\)` must be an integer"):
            og.regret.switching(run, bad)  # type: ignore[arg-type]  # what is refused
    batch = og.play(
        og.learners.OnlineGradientDescent(0.3),
        og.adversaries.ObliviousSequence([LinearLoss(np.ones((2, P)))] * 3),
        og.sets.L2Ball(1.5),
        rounds=3,
        start=np.zeros((2, P)),
        keep="points",
    )
    with pytest.raises(NotAvailableError, match="holds a batch of games"):
        og.regret.switching(batch, 1)
    x, y = np.random.default_rng(0).standard_normal((6, 5)), np.ones(6)
    net = og.models.TwoLayerNet(dim=5, width=8, activation="softplus")
    adversary = og.adversaries.InputAttack(
        net, x, y, loss=og.losses.logistic, attack=og.attacks.FGSM(),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    bent = og.play(
        og.learners.OnlineGradientDescent(0.1), adversary, net.neighborhood(1.0), rounds=4,
        keep="points",
    )  # fmt: skip
    found = og.regret.switching(bent, 1)
    with pytest.raises(NotAvailableError, match="only where every loss is convex"):
        _ = found.regret
