"""How regret grows with the rounds, read off the slope of its logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import MinimaxLinear, ObliviousSequence
from olgame.learners import (
    AdaGrad,
    AMSGrad,
    DualAveraging,
    OnlineGradientDescent,
    OnlineMirrorDescent,
    OnlineNewtonStep,
    Optimistic,
)
from olgame.mirror_maps import Euclidean
from olgame.step_sizes import AdaGradNorm, Decreasing, StronglyConvex
from olgame.theory import NewtonStepBound, StronglyConvexBound, check_bound
from tests.learners.linear_games import Away, game, oblivious

Floats = NDArray[np.float64]


HORIZONS = np.array([64, 128, 256, 512, 1024, 2048])


def alternate_then_push(rounds: int) -> Floats:
    """Like the worst sequences of signs of length 12: +1, -1, ... and +1 for sqrt T rounds."""
    signs = np.where(np.arange(rounds) % 2, -1.0, 1.0)
    signs[-round(math.sqrt(rounds)) :] = 1.0
    return np.asarray(signs[:, None])


KIN: dict[str, Callable[[int], Any]] = {
    "gradient descent, fixed": lambda rounds: OnlineGradientDescent(2 / math.sqrt(rounds)),
    "gradient descent, decreasing": lambda rounds: OnlineGradientDescent(Decreasing(2.0, 1.0)),
    "gradient descent, adagrad": lambda rounds: OnlineGradientDescent(AdaGradNorm(math.sqrt(2))),
    "dual averaging": lambda rounds: DualAveraging(Decreasing(math.sqrt(2), 1.0)),
    "mirror descent": lambda rounds: OnlineMirrorDescent(Euclidean(), 2 / math.sqrt(rounds)),
    "adagrad": lambda rounds: AdaGrad(math.sqrt(2)),
    "amsgrad": lambda rounds: AMSGrad(Decreasing(1.0, 1.0), beta1=0.0, beta2=0.9),
    "optimistic": lambda rounds: Optimistic(OnlineGradientDescent(2 / math.sqrt(rounds))),
}


@pytest.mark.parametrize("name", KIN)
def test_regret_grows_like_the_root_of_the_rounds(name: str) -> None:
    regrets = []
    for rounds in HORIZONS:
        adversary = oblivious(alternate_then_push(int(rounds)))
        interval = og.sets.Box(-1.0, 1.0, dim=1)
        run = og.play(KIN[name](int(rounds)), adversary, interval, rounds=int(rounds),
                      start=np.ones(1))  # fmt: skip
        regrets.append(og.regret.linear(run).value)
    slope = np.polyfit(np.log(HORIZONS), np.log(regrets), 1)[0]
    assert slope == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", [name for name in KIN if "fixed" in name or "mirror" in name])
def test_regret_against_the_minimax_adversary_is_the_root_exactly(name: str) -> None:
    regrets = []
    for rounds in HORIZONS[:4]:
        ball = og.sets.L2Ball(2.0, np.zeros(3))
        run = og.play(KIN[name](int(rounds)), MinimaxLinear(1.0), ball, rounds=int(rounds))
        regrets.append(og.regret.linear(run).value)
    assert np.polyfit(np.log(HORIZONS[:4]), np.log(regrets), 1)[0] == pytest.approx(0.5, abs=1e-9)


def determination(x: Floats, y: Floats) -> float:
    """R^2 of the line through the points."""
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    return float(1.0 - residual @ residual / np.sum((y - y.mean()) ** 2))


def test_strongly_convex_regret_is_a_line_in_log_t() -> None:
    ball = og.sets.L2Ball(5.0, np.zeros(3))
    learner = OnlineGradientDescent(StronglyConvex(1.0))
    run = game(learner, ball, Away(), np.zeros(3), 2000)
    regret = StronglyConvexBound(1.0).regret(run)
    t = np.arange(10, 2001)
    assert determination(np.log(t), regret[9:]) >= 0.99
    assert np.polyfit(np.log(t), regret[9:], 1)[0] == pytest.approx(0.5, rel=0.02)  # G^2/(2 mu)
    # With steps for merely convex losses the same game is no such line, and costs more.
    slow = OnlineGradientDescent(Decreasing(10.0, 1.0))
    other = StronglyConvexBound(1.0).regret(game(slow, ball, Away(), np.zeros(3), 2000))
    assert other[-1] > 5.0 * regret[-1]


class LogLoss:
    """-log <r, w>: what a portfolio w loses in a market r; 1-exp-concave."""

    def __init__(self, returns: Floats) -> None:
        self.returns = returns

    def value(self, w: Any) -> Any:
        return -np.log(np.vecdot(self.returns, w))

    def evaluate(self, w: Any) -> Any:
        inner = np.vecdot(self.returns, w)
        return og.losses.RoundEvaluation(-np.log(inner), -self.returns / inner, 0.0)


class SquaredLoss:
    """(<x, w> - y)^2/2: exp-concave with 1/max (<x, w> - y)^2."""

    def __init__(self, x: Floats, y: float) -> None:
        self.x, self.y = x, y

    def value(self, w: Any) -> Any:
        return 0.5 * (np.vecdot(self.x, w) - self.y) ** 2

    def evaluate(self, w: Any) -> Any:
        rest = np.vecdot(self.x, w) - self.y
        return og.losses.RoundEvaluation(0.5 * rest * rest, rest * self.x, 0.0)


def test_exp_concave_regret_is_a_line_in_log_t() -> None:
    """Two coordinates in turn, with targets that alternate around <x, (0.3, -0.2)>."""
    rounds, t = 2000, np.arange(1, 2001)
    x = np.eye(2)[t % 2]
    y = x @ np.array([0.3, -0.2]) + np.where(t // 2 % 2, -1.0, 1.0)
    losses: Any = [SquaredLoss(*pair) for pair in zip(x, y, strict=True)]
    ball = og.sets.L2Ball(1.0, np.zeros(2))
    learner = OnlineNewtonStep.for_exp_concave(0.16, gradient_bound=2.5, diameter=2.0)
    run = game(learner, ball, ObliviousSequence(losses), np.zeros(2), rounds)
    assert np.abs(x @ np.zeros(2) - y).max() + 1.0 <= 2.5  # residuals, hence G and 1/beta
    check = check_bound(NewtonStepBound(learner.gamma, learner.delta), run)
    assert check.conclusion == "certified_holds"
    # The regret on the losses: the best point of each coordinate is the mean of its targets.
    best = [0.5 * np.cumsum((y * x[:, j]) ** 2)
            - 0.5 * np.cumsum(y * x[:, j]) ** 2 / np.maximum(1, np.cumsum(x[:, j]))
            for j in range(2)]  # fmt: skip
    regret = np.cumsum(run.loss) - sum(best)
    assert (regret <= check.regret + 1e-9).all()
    assert regret[-1] >= 0.9 * check.bound[-1]
    line = determination(np.log(t[99:]), regret[99:])
    assert line >= 0.99 > determination(np.sqrt(t[99:]), regret[99:])


def test_exp_concave_regret_of_portfolios() -> None:
    """A market that repays 1.5 or 0.6 of either asset, in a ball of positive portfolios."""
    rng = np.random.default_rng(0)
    returns = np.where(rng.random((400, 2)) < 0.5, 1.5, 0.6)
    losses: Any = [LogLoss(r) for r in returns]
    center = np.array([0.5, 0.5])
    ball = og.sets.L2Ball(0.4, center)
    learner = OnlineNewtonStep.for_exp_concave(1.0, gradient_bound=8.0, diameter=0.8)
    start = center + np.array([0.35, -0.1])
    run = game(learner, ball, ObliviousSequence(losses), start, 400)
    assert run.gradient_norm.max() <= 8.0  # so that gamma is small enough
    check = check_bound(NewtonStepBound(learner.gamma, learner.delta), run)
    assert check.conclusion == "certified_holds"
    regret = og.regret.external(run, _best_portfolio(returns, center))
    assert 0.0 < regret <= check.regret[-1] + 1e-6


def _best_portfolio(returns: Floats, center: Floats) -> Floats:
    import scipy.optimize

    found = scipy.optimize.minimize(
        lambda w: -float(np.log(returns @ w).sum()), center, method="SLSQP", tol=1e-12,
        constraints={"type": "ineq", "fun": lambda w: 0.16 - (w - center) @ (w - center)},
    )  # fmt: skip
    return np.asarray(found.x)
