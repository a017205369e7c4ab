"""Gradient descent on noisy gradients: the sure bound, the mean, and what one game may exceed."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from olgame.learners import Noisy, OnlineGradientDescent
from olgame.noise import Gaussian, StudentT, Uniform
from olgame.theory import NoisyBound, check_bound
from tests.theory.broken_learners import Ascending

Floats = NDArray[np.float64]
T, P, RADIUS, ALPHA = 60, 3, 0.8, 0.07
BALL = og.sets.L2Ball(RADIUS, center=np.zeros(P))
NOISES: dict[str, Any] = {"normal": Gaussian(0.6), "uniform": Uniform(1.1), "tails": StudentT(0.4)}
ROWS = np.random.default_rng(8).standard_normal((T, P))


def learner(noise: Any, seed: Any = 0, alpha: float = ALPHA) -> Noisy[Any]:
    return Noisy(OnlineGradientDescent(alpha), gradient=noise, seed=seed)


def played(noise: Any, **options: Any) -> og.Transcript:
    losses = [og.losses.LinearLoss(row) for row in ROWS]
    options = {"keep": "points", **options}
    return og.play(
        learner(noise), og.adversaries.ObliviousSequence(losses), BALL, rounds=T, **options
    )


@pytest.mark.parametrize("keep", ["points", "examples"])
@pytest.mark.parametrize("name", NOISES)
def test_the_sure_bound_longhand(name: str, keep: str) -> None:
    """What was told is read off the points inside the ball: g^_t = (W_t - W_{t+1})/alpha."""
    run, theorem = played(NOISES[name], keep=keep), NoisyBound(learner(NOISES[name]))
    check = check_bound(theorem, run)
    assert check.conclusion == "certified_holds"
    whole = played(NOISES[name])
    points = np.array([to_numpy(w) for w in [*(whole.points or ()), whole.final_point]])
    told = (points[:-1] - points[1:]) / ALPHA
    first = int(np.argmax(np.linalg.norm(points[1:], axis=1) > RADIUS * (1 - 1e-9)))
    assert first >= 2, "some steps stay inside"
    inner = np.cumsum(np.sum(told * points[:-1], axis=1))
    regret = inner + RADIUS * np.linalg.norm(np.cumsum(told, axis=0), axis=1)
    bound = RADIUS**2 / (2 * ALPHA) + ALPHA / 2 * np.cumsum(np.sum(told**2, axis=1))
    np.testing.assert_allclose(check.regret[:first], regret[:first], rtol=1e-9)
    np.testing.assert_allclose(check.bound[:first], bound[:first], rtol=1e-9)
    assert (check.regret <= check.bound).all()


def test_another_noise_is_another_learner() -> None:
    run = played(NOISES["normal"])
    wrong: list[Any] = [
        learner(NOISES["normal"], seed=1),
        learner(Gaussian(0.61)),
        learner(NOISES["normal"], alpha=1.01 * ALPHA),
    ]
    for other in wrong:
        check = check_bound(NoisyBound(other), run)
        assert check.conclusion != "certified_holds"
        assert [premise.name for premise in check.premises.failing] == ["played by Noisy"]


def test_a_learner_that_ascends_fails() -> None:
    noisy = Noisy(Ascending(ALPHA), gradient=Gaussian(0.1))
    losses = [og.losses.LinearLoss(np.eye(P)[0])] * T
    run = og.play(noisy, og.adversaries.ObliviousSequence(losses), BALL, rounds=T, keep="points")
    assert check_bound(NoisyBound(noisy), run).conclusion == "certified_fails"


@pytest.mark.parametrize("name", NOISES)
def test_mean_and_excess_over_many_games(name: str) -> None:
    """2000 draws: the mean regret is under `expected`, at most a share delta beyond `excess`."""
    games, noise = 2000, NOISES[name]
    many = learner(noise, seed=range(games))
    losses = [og.losses.LinearLoss(row) for row in ROWS]
    run = og.play(
        many, og.adversaries.ObliviousSequence(losses), BALL, rounds=T,
        start=np.zeros((games, P)),
    )  # fmt: skip
    regret = np.asarray(og.regret.linear(run).value)
    largest = float(np.linalg.norm(ROWS, axis=1).max())
    theorem = NoisyBound(learner(noise))
    expected = theorem.expected(T, dim=P, reach=RADIUS, gradient_bound=largest)
    assert expected.side == "upper"
    assert regret.mean() + 4 * regret.std() / math.sqrt(games) <= expected.value
    # <n_t, u - W_t> at the best u of the losses: the points and draws of every game.
    best = -RADIUS * ROWS.sum(0) / np.linalg.norm(ROWS.sum(0))
    drift, w = np.zeros(games), np.zeros((games, P))
    for t, row in enumerate(ROWS, start=1):
        rng = np.random.default_rng(t)
        n = noise.draw(rng, (games, P))
        drift += np.sum(n * (best - w), axis=1)
        y = w - ALPHA * (row + n)
        w = y * np.minimum(1.0, RADIUS / np.linalg.norm(y, axis=1, keepdims=True))
    for delta in (0.3, 0.05):
        excess = theorem.excess(T, diameter=2 * RADIUS, failure_probability=delta).value
        assert np.mean(drift > excess) <= delta
        assert np.mean(drift > 0.1 * excess) > 0.05, "not so large that it says nothing"


def test_hand_values() -> None:
    theorem = NoisyBound(learner(Gaussian(2.0), alpha=0.5))
    # 9/(2/2) + (0.5/2) 8 (1 + 3 4); 6 2 sqrt(2 8 log 10)
    assert theorem.expected(8, dim=3, reach=3.0, gradient_bound=1.0).value == pytest.approx(35.0)
    found = theorem.excess(8, diameter=6.0, failure_probability=0.1).value
    assert found == pytest.approx(12.0 * math.sqrt(16.0 * math.log(10.0)))
    heavy = NoisyBound(learner(StudentT(2.0), alpha=0.5))  # deviation 2 sqrt 3
    found = heavy.excess(8, diameter=6.0, failure_probability=0.1).value
    assert found == pytest.approx(12.0 * math.sqrt(3.0) * math.sqrt(80.0))
    even = NoisyBound(learner(Uniform(3.0), alpha=0.5))  # deviation sqrt 3
    assert even.expected(8, dim=3, reach=3.0, gradient_bound=1.0).value == pytest.approx(29.0)


def test_what_is_no_noisy_descent_is_refused() -> None:
    inner = OnlineGradientDescent(ALPHA)
    adaptive = OnlineGradientDescent(og.step_sizes.AdaGradNorm(1.0))
    wrong: list[Any] = [
        inner, Noisy(inner), Noisy(inner, value=Gaussian(1.0)),
        Noisy(adaptive, gradient=Gaussian(1.0)), 3,
    ]  # fmt: skip
    for other in wrong:
        with pytest.raises(ArgumentError, match=r"`NoisyBound\(learner=...\)` must be gradient"):
            NoisyBound(other)
    theorem = NoisyBound(learner(Gaussian(1.0)))
    with pytest.raises(ArgumentError, match=r"`NoisyBound.expected\(reach=...\)`.*got inf"):
        theorem.expected(8, dim=3, reach=math.inf, gradient_bound=1.0)
    with pytest.raises(ArgumentError, match=r"failure_probability=...\)` must be between 0 and 1"):
        theorem.excess(8, diameter=1.0, failure_probability=1.0)

    @attrs.frozen
    class Unstated:
        def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
            return np.asarray(rng.standard_normal(shape))

    with pytest.raises(ArgumentError, match="states its `deviation`"):
        NoisyBound(learner(Unstated())).expected(8, dim=3, reach=1.0, gradient_bound=1.0)
