"""Ader: feasible, both steps of its proof, dynamic regret under its bound, its scaling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners import Ader, OnlineGradientDescent
from olgame.theory import AderBound, check_bound
from tests.learners.ball_games import (
    NAMES,
    MinimaxBlocks,
    gradients_of,
    onto_ball,
    opponent,
    points_of,
)
from tests.learners.linear_games import oblivious

Floats = NDArray[np.float64]
T, P, RADIUS, G = 120, 4, 1.5, 2.0
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
LEARNER = Ader(T, G)


def play(adversary: Any, learner: Any = LEARNER, rounds: int = T, ball: Any = BALL) -> Any:
    return og.play(learner, adversary, ball, rounds=rounds, keep="points")


def written_out(gradients: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights, experts and points, expert by expert: shapes (T, N), (T, N, p), (T, p)."""
    d = 2 * RADIUS
    count = 1 + math.ceil(math.log2(2 * T - 1) / 2)
    steps = [2.0**i * d / (G * math.sqrt(T)) for i in range(count)]
    raw = [1.0 / ((i + 1) * (i + 2)) for i in range(count)]
    weights = np.array(raw) / sum(raw)
    experts = [CENTER.copy() for _ in steps]
    found: list[list[Floats]] = [[], [], []]
    for g in gradients:
        found[0].append(weights)
        found[1].append(np.stack(experts))
        found[2].append(sum(q * x for q, x in zip(weights, experts, strict=True)))
        rate = math.sqrt(8 / T) / (G * d)
        weights = weights * np.exp([-rate * (g @ x) for x in experts])
        weights = weights / weights.sum()
        experts = [
            onto_ball(x - eta * g, CENTER, RADIUS) for x, eta in zip(experts, steps, strict=True)
        ]
    return np.stack(found[0]), np.stack(found[1]), np.stack(found[2])


def paths(gradients: Floats) -> dict[str, Floats]:
    """Best points of the whole, of blocks, of every round; and a random walk; all in the ball."""
    found = {}
    for length in (1, 30, len(gradients)):
        blocks = gradients.reshape(-1, length, P).sum(axis=1)
        best = CENTER - RADIUS * blocks / np.linalg.norm(blocks + 1e-30, axis=1, keepdims=True)
        found[f"best of {length}"] = np.repeat(onto_ball(best, CENTER, RADIUS), length, axis=0)
    walk = CENTER + np.cumsum(np.random.default_rng(3).standard_normal((T, P)), axis=0) / 10
    return found | {"walk": onto_ball(walk, CENTER, RADIUS)}


@pytest.mark.parametrize("name", NAMES)
def test_feasible_each_step_of_the_proof_and_regret(name: str) -> None:
    run = play(opponent(name, T, CENTER, G))
    points, gradients = points_of(run), gradients_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    weights, experts, expected = written_out(gradients)
    np.testing.assert_allclose(points[:-1], expected, rtol=0, atol=1e-12)

    d, rate = 2 * RADIUS, math.sqrt(8 / T) / (G * 2 * RADIUS)
    # One step of the weights: Hoeffding's lemma, with the range of the experts' losses.
    losses = np.einsum("tp,tnp->tn", gradients, experts)
    mixed = -np.log(np.sum(weights * np.exp(-rate * losses), axis=1)) / rate
    gap = np.sum(weights * losses, axis=1) - mixed
    spread = np.ptp(losses, axis=1)
    assert (gap <= rate * spread**2 / 8 + 1e-12).all()
    assert (spread <= d * np.linalg.norm(gradients, axis=1) + 1e-12).all()
    for path in paths(gradients).values():
        # One step of an expert, with the comparator moving: u_t to u_{t+1}.
        moves = np.linalg.norm(np.diff(path, axis=0), axis=1)
        for i in range(experts.shape[1]):
            x, eta = experts[:, i], 2.0**i * d / (G * math.sqrt(T))
            before = np.sum((x - path) ** 2, axis=1)
            inner = np.vecdot(gradients, x - path)
            squares = np.vecdot(gradients, gradients)
            slack = before[:-1] - before[1:] - 2 * eta * inner[:-1] + eta**2 * squares[:-1]
            assert (slack + 2 * d * moves).min() >= -1e-12
        regret = float(np.vecdot(gradients, points[:-1] - path).sum())
        check = check_bound(AderBound(LEARNER, path), run)
        assert check.conclusion == "certified_holds", check
        assert check.regret[-1] == pytest.approx(regret, rel=1e-11, abs=1e-11)
        length = og.regret.path_length(path)
        assert length == pytest.approx(moves.sum())
        prior = AderBound(LEARNER, path).prior(
            T, gradient_bound=G, diameter=d, path_length=min(length, (T - 1) * d)
        )
        assert check.bound[-1] <= prior.value * (1 + 1e-12)


@pytest.mark.parametrize("blocks", [1, 8, 64])
def test_the_bound_is_within_a_factor_of_three_of_what_nobody_can_beat(blocks: int) -> None:
    rounds, center = 2048, np.zeros(P)
    learner, ball = Ader(rounds, 1.0), og.sets.L2Ball(1.0, center=np.zeros(P))
    run = play(MinimaxBlocks(rounds // blocks, center), learner, rounds, ball)
    sums = gradients_of(run).reshape(blocks, -1, P).sum(axis=1)
    best = -sums / np.linalg.norm(sums, axis=1, keepdims=True)
    path = np.repeat(best, rounds // blocks, axis=0)
    regret = og.regret.dynamic(run, path)
    assert regret == pytest.approx(math.sqrt(rounds * blocks), rel=1e-9)
    assert AderBound(learner, path).bound(run)[-1] <= 3.1 * regret


def test_regret_grows_like_the_root_of_the_path_length() -> None:
    """Shifts of a constant gradient: log-log slope 1/2 for Ader, at least 3/4 for one step."""
    rounds, ball = 4096, og.sets.L2Ball(1.0, center=np.zeros(3))
    found = []
    for blocks in (4, 16, 64, 256):
        signs = np.where(np.arange(rounds) // (rounds // blocks) % 2, 1.0, -1.0)
        gradients = signs[:, None] * np.eye(3)[0]
        regrets = [
            og.regret.dynamic(play(oblivious(gradients), learner, rounds, ball), -gradients)
            for learner in (Ader(rounds, 1.0), OnlineGradientDescent(rounds**-0.5))
        ]
        found.append((og.regret.path_length(-gradients), *regrets))
    lengths, ader, descent = np.log(np.array(found)).T
    assert abs(np.polyfit(lengths, ader, 1)[0] - 0.5) <= 0.05
    assert np.polyfit(lengths[:3], descent[:3], 1)[0] >= 0.7


class OneStep(Ader):
    """Its experts all take the smallest step."""

    def init(self, start: Any, decision_set: Any) -> Any:
        state = super().init(start, decision_set)
        state.step_sizes = 0.0 * state.step_sizes + state.step_sizes[:1]
        return state


class Upside(Ader):
    """Its weights go to the experts that lose."""

    def init(self, start: Any, decision_set: Any) -> Any:
        state = super().init(start, decision_set)
        state.rate = -50.0 * state.rate
        return state


@pytest.mark.parametrize("broken", [OneStep, Upside])
def test_broken_learners_exceed_the_bound(broken: Any) -> None:
    rounds, ball = 4096, og.sets.L2Ball(1.0, center=np.zeros(3))
    signs = np.where(np.arange(rounds) // 16 % 2, 1.0, -1.0)
    gradients = signs[:, None] * np.eye(3)[0]
    run = play(oblivious(gradients), broken(rounds, 1.0), rounds, ball)
    check = check_bound(AderBound(Ader(rounds, 1.0), -gradients), run)
    assert check.conclusion == "certified_fails"
    assert check.premises["played by Ader"].fails


def test_premises_and_refusals() -> None:
    run = play(opponent("random", T, CENTER, 2 * G))
    path = np.tile(CENTER + 2 * RADIUS, (T, 1))
    failing = {p.name for p in AderBound(LEARNER, path).premises(run).failing}
    assert failing == {"bounded gradients", "path in the decision set"}
    late = play(opponent("random", T, CENTER, G), Ader(T // 2, G))
    assert AderBound(Ader(T // 2, G), path).premises(late)["horizon of the tuning"].fails
    push = oblivious(np.ones((3, P)))
    for decision_set, message in (
        (og.sets.WholeSpace(), "bounded decision set of more than one point, got WholeSpace"),
        (og.sets.Simplex(1), "of diameter 0.0"),
    ):
        start = np.ones(1 if "diameter 0" in message else P)
        with pytest.raises(NotAvailableError, match=message):
            og.play(LEARNER, push, decision_set, rounds=3, start=start)
    with pytest.raises(ArgumentError, match=r"`Ader\(rounds=\.\.\.\)` must be an integer"):
        Ader(0, 1.0)
    with pytest.raises(ArgumentError, match=r"`Ader\(gradient_bound=\.\.\.\)` must be finite"):
        Ader(5, math.nan)
    with pytest.raises(ArgumentError, match=r"path_length=\.\.\.\)` must be between 0"):
        AderBound(LEARNER, path).prior(5, gradient_bound=1.0, diameter=1.0, path_length=5.0)
