"""Games in which the bounds are attained, or nearly: what each is worth."""

from __future__ import annotations

import itertools
import math
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
    FollowTheRegularizedLeader,
    FullMatrixAdaGrad,
    OnlineGradientDescent,
    OnlineMirrorDescent,
    OnlineNewtonStep,
    Optimistic,
)
from olgame.losses import LinearLoss
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
from tests.learners.linear_games import Away, game, oblivious

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
    losses: Any = run.round_losses
    targets = [np.asarray(loss.target) for loss in losses]
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
