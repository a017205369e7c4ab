"""Games in which the bounds are attained, or nearly: what each is worth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import MinimaxLinear, ObliviousSequence, Response, Timing
from olgame.learners import (
    AdaGrad,
    AMSGrad,
    DualAveraging,
    FollowTheRegularizedLeader,
    FullMatrixAdaGrad,
    OnlineGradientDescent,
    OnlineMirrorDescent,
    OnlineNewtonStep,
    Optimistic,
)
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.mirror_maps import Euclidean, NegativeEntropy, PNorm, Scaled
from olgame.step_sizes import AdaGradNorm, Decreasing, StronglyConvex
from olgame.theory import (
    MirrorDescentBound,
    NewtonStepBound,
    OptimisticBound,
    RegularizedLeaderBound,
    StronglyConvexBound,
    check_bound,
)
from tests.learners.linear_games import game, oblivious

Floats = NDArray[np.float64]
RADIUS, G = 1.5, 2.0
ALPHA = RADIUS / (G * 8.0)  # D_1/(G sqrt T) for T = 64
ZEROS = [np.zeros(5)] * 70


@pytest.mark.parametrize(
    ("learner", "bound"),
    [
        (OnlineMirrorDescent(Euclidean(), ALPHA), MirrorDescentBound(Euclidean(), ALPHA)),
        (DualAveraging(ALPHA), RegularizedLeaderBound(Euclidean(), ALPHA)),
        (
            FollowTheRegularizedLeader(Euclidean(), ALPHA),
            RegularizedLeaderBound(Euclidean(), ALPHA),
        ),
        (
            Optimistic(OnlineGradientDescent(ALPHA), ZEROS),
            OptimisticBound(Euclidean(), ALPHA, ZEROS),
        ),
        (
            Optimistic(DualAveraging(ALPHA), ZEROS),
            OptimisticBound(Euclidean(), ALPHA, ZEROS, lazy=True),
        ),
        (
            OnlineMirrorDescent(Scaled(np.full(5, 4.0)), 4 * ALPHA),
            MirrorDescentBound(Scaled(np.full(5, 4.0)), 4 * ALPHA),
        ),
    ],
)
def test_the_minimax_adversary_attains_the_bound(learner: Any, bound: Any) -> None:
    center = np.linspace(-1.0, 1.0, 5)
    run = game(learner, og.sets.L2Ball(RADIUS, center), MinimaxLinear(G), center, 64)
    check = check_bound(bound, run)
    assert check.conclusion == "certified_holds"
    assert check.regret[-1] == pytest.approx(RADIUS * G * 8.0, rel=1e-12)
    assert check.bound[-1] == pytest.approx(RADIUS * G * 8.0, rel=1e-12)


# --- all 4096 sequences of signs of length 12, on [-1, 1] from its end: D_1 = diam = 2, G = 1 -----

SIGNS = np.array(list(itertools.product((1.0, -1.0), repeat=12)))
ROOT = math.sqrt(12.0)


def _amsgrad(beta1: float) -> Floats:
    """The bound of AMSGrad with alpha_t = 1/sqrt t and beta2 = 0.9, for each sequence."""
    mean = largest = square = np.zeros(len(SIGNS))
    moved = np.zeros(len(SIGNS))
    m = beta1 / (1 - beta1)
    for t, sign in enumerate(SIGNS.T, start=1):
        mean = beta1 * mean + (1 - beta1) * sign
        square = 0.9 * square + 0.1
        largest = np.maximum(largest, square)
        moved = moved + (0.5 + m) * mean**2 / np.sqrt(largest * t)
    return np.asarray(4 * np.sqrt(largest) * ROOT / 2 + moved + m * 2 * np.abs(mean))


ALL_SIGNS: dict[str, tuple[Any, Any, float]] = {
    # learner, bound, the share of it that the worst sequence attains
    "gradient descent, fixed": (OnlineGradientDescent(2 / ROOT), 2 * ROOT, 0.98),
    "gradient descent, decreasing": (OnlineGradientDescent(Decreasing(2.0, 1.0)), 3 * ROOT, 0.71),
    "gradient descent, adagrad": (
        OnlineGradientDescent(AdaGradNorm(math.sqrt(2))), 2 * math.sqrt(2) * ROOT, 0.66,
    ),
    "adagrad": (AdaGrad(math.sqrt(2)), 2 * math.sqrt(2) * ROOT, 0.66),
    "dual averaging, decreasing": (
        DualAveraging(Decreasing(math.sqrt(2), 1.0)), 2 * math.sqrt(2) * ROOT, 0.84,
    ),
    "amsgrad": (AMSGrad(Decreasing(1.0, 1.0), beta1=0.0, beta2=0.9), _amsgrad(0.0), 0.68),
    "amsgrad, momentum": (AMSGrad(Decreasing(1.0, 1.0), beta1=0.5, beta2=0.9), _amsgrad(0.5), 0.64),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL_SIGNS)
def test_the_worst_of_all_sequences_of_signs(name: str) -> None:
    learner, bound, share = ALL_SIGNS[name]
    losses = [LinearLoss(column[:, None].copy()) for column in SIGNS.T]
    run = og.play(
        learner, ObliviousSequence(losses), og.sets.Box(-1.0, 1.0, dim=1), rounds=12,
        start=np.ones((len(SIGNS), 1)), keep="points",
    )  # fmt: skip
    assert run.points is not None
    points = np.stack([np.asarray(w)[:, 0] for w in run.points], axis=1)
    regret = np.sum(SIGNS * points, axis=1) + np.abs(SIGNS.sum(axis=1))
    np.testing.assert_allclose(og.regret.linear(run).value, regret, atol=1e-12)
    ratio = regret / bound
    assert ratio.max() <= 1.0 + 1e-12
    assert ratio.max() >= share


def test_full_adagrad_on_a_line_is_adagrad() -> None:
    """Turned to any direction, the worst sequence of signs costs the full matrix as much."""
    axis = np.array([0.6, 0.0, -0.8])
    worst = SIGNS[int(np.argmax(_line_regrets(AdaGrad(math.sqrt(2)))))]
    ball = og.sets.L2Ball(1.0, np.zeros(3))
    run = game(FullMatrixAdaGrad(math.sqrt(2)), ball, oblivious(np.outer(worst, axis)), axis, 12)
    ratio = og.regret.linear(run).value / (2 * math.sqrt(2) * ROOT)
    assert 0.66 <= ratio <= 1.0


def _line_regrets(learner: Any) -> Floats:
    losses = [LinearLoss(column[:, None].copy()) for column in SIGNS.T]
    adversary = ObliviousSequence(losses)
    start = np.ones((len(SIGNS), 1))
    run = og.play(learner, adversary, og.sets.Box(-1.0, 1.0, dim=1), rounds=12, start=start)
    return np.asarray(og.regret.linear(run).value)


# --- entropy ------------------------------------------------------------------------------------


def halves_then_one(rounds: int, experts: int, alpha: float) -> Floats:
    """Halves of the experts lose in turn; in the last 8/alpha rounds all but the first lose."""
    half = np.where(np.arange(experts) < experts // 2, 1.0, -1.0)
    gradients = np.outer(np.where(np.arange(rounds) % 2, -1.0, 1.0), half)
    gradients[-round(4 / alpha) :] = 1.0
    gradients[-round(4 / alpha) :, 0] = -1.0
    return gradients


@pytest.mark.parametrize("lazy", [False, True])
def test_exponential_weights_attain_96_percent(lazy: bool) -> None:
    rounds, experts = 3000, 8
    alpha = math.sqrt(2 * math.log(experts) / rounds)
    uniform = np.full(experts, 1 / experts)
    psi = NegativeEntropy()
    learner: Any = OnlineMirrorDescent(psi, alpha)
    bound: Any = MirrorDescentBound(psi, alpha)
    if lazy:
        learner, bound = FollowTheRegularizedLeader(psi, alpha), RegularizedLeaderBound(psi, alpha)
    adversary = oblivious(halves_then_one(rounds, experts, alpha))
    check = check_bound(bound, game(learner, og.sets.Simplex(), adversary, uniform, rounds))
    assert check.conclusion == "certified_holds"
    assert check.bound[-1] == pytest.approx(math.sqrt(2 * rounds * math.log(experts)))
    assert check.regret[-1] >= 0.96 * check.bound[-1]


def test_decreasing_steps_and_entropy_need_the_lazy_form() -> None:
    """Expert 1 is better for n rounds, then expert 2 for 3 n: steps 1/sqrt t get mirror descent
    back only at the end, since what it has learned counts for more than what it sees."""
    n = 250
    gradients = np.zeros((4 * n, 2))
    gradients[:n, 1] = gradients[n:, 0] = 1.0
    rule, psi, start = Decreasing(1.0, 1.0), NegativeEntropy(), np.array([0.5, 0.5])
    regrets = {}
    for name, learner in {
        "mirror": OnlineMirrorDescent(psi, rule), "lazy": FollowTheRegularizedLeader(psi, rule),
    }.items():  # fmt: skip
        run = game(learner, og.sets.Simplex(), oblivious(gradients), start, 4 * n)
        regrets[name] = og.regret.linear(run).value
        bound: Any = MirrorDescentBound if name == "mirror" else RegularizedLeaderBound
        assert check_bound(bound(psi, rule), run).conclusion == "certified_holds"
    assert regrets["mirror"] >= 0.45 * 4 * n
    assert regrets["lazy"] <= 3.0 * math.sqrt(4 * n)


def test_p_norms_attain_three_quarters_on_random_signs() -> None:
    dim, rounds, p = 400, 100, 1.5
    signs = np.sign(np.random.default_rng(0).normal(size=(rounds, dim)))
    psi = PNorm(p)
    length = dim ** (1 / 3) / math.sqrt(p - 1)
    alpha = 1.0 / (length * math.sqrt(rounds))
    ball, start = og.sets.LpBall(1.0, p, None), np.zeros(dim)
    learner = FollowTheRegularizedLeader(psi, alpha)
    check = check_bound(
        RegularizedLeaderBound(psi, alpha), game(learner, ball, oblivious(signs), start, rounds)
    )
    assert check.conclusion == "certified_holds"
    assert check.bound[-1] == pytest.approx(length * math.sqrt(rounds))
    assert check.regret[-1] >= 0.75 * check.bound[-1]


# --- logarithmic regret -------------------------------------------------------------------------


class Away:
    """Quadratic losses whose gradients have norm mu, on alternating sides of the learner."""

    timing = Timing.SEES_POINT

    def __init__(self, curvature: float = 1.0) -> None:
        self.curvature = curvature

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: Any, /) -> Any:
        side = np.eye(len(view.point))[view.round % len(view.point)]
        target = view.point + (-1.0) ** (view.round // len(view.point)) * side
        return Response(QuadraticLoss(target, self.curvature)), None


@pytest.mark.parametrize("curvature", [0.5, 3.0])
def test_strongly_convex_steps_attain_their_bound(curvature: float) -> None:
    learner = OnlineGradientDescent(StronglyConvex(curvature))
    ball = og.sets.L2Ball(5.0, np.zeros(3))
    run = game(learner, ball, Away(curvature), np.array([1.0, 0.0, -1.0]), 200)
    check = check_bound(StronglyConvexBound(curvature), run)
    assert check.conclusion == "certified_holds"
    np.testing.assert_allclose(check.regret, check.bound, rtol=1e-9)
    harmonic = np.cumsum(1.0 / np.arange(1, 201))
    np.testing.assert_allclose(check.bound, curvature / 2 * harmonic, rtol=1e-12)
    # The regret on the losses themselves, against the mean of the targets.
    targets = [np.asarray(loss.target) for loss in run.round_losses or ()]  # type: ignore[attr-defined]
    best = np.mean(targets, axis=0)
    suffered = curvature / 2 * sum(float((best - a) @ (best - a)) for a in targets)
    assert run.loss.sum() - suffered == pytest.approx(check.regret[-1], rel=1e-10)
    assert og.regret.external(run, best) == pytest.approx(check.regret[-1], rel=1e-10)


def test_the_newton_step_attains_nine_tenths() -> None:
    """Gradients +-1 in one dimension, from a point near which the learner stays."""
    gamma = 0.25
    learner = OnlineNewtonStep(gamma, delta=1.0)
    gradients = np.where(np.arange(1500) % 2, -1.0, 1.0)[:, None]
    interval = og.sets.L2Ball(1.0, np.zeros(1))
    run = game(learner, interval, oblivious(gradients), np.array([0.0]), 1500)
    check = check_bound(NewtonStepBound(gamma, delta=1.0), run)
    assert check.conclusion == "certified_holds"
    assert 0.9 * check.bound[-1] <= check.regret[-1] <= check.bound[-1]
    logarithm = gamma / 2 + math.log(1501.0) / (2 * gamma)
    assert 0.9 * logarithm <= check.bound[-1] <= logarithm


# --- rates --------------------------------------------------------------------------------------

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
