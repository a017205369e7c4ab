"""Adam and AMSGrad: by hand, against torch, and on the game where only one of them learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners import Adam, AMSGrad, OnlineGradientDescent
from olgame.step_sizes import AdaGradNorm, Decreasing
from olgame.theory import AMSGradBound, check_bound
from tests.learners.linear_games import (
    BODIES,
    SEQUENCES,
    adversary,
    fixed_gradients,
    game,
    oblivious,
    played,
)

C = 3.0


def every_third(rounds: int) -> Any:
    """C x, -x, -x, C x, ... on [-1, 1]: x = -1 is best, by C - 2 in three rounds."""
    return oblivious(np.where(np.arange(rounds) % 3 == 0, C, -1.0)[:, None])


def regret(learner: Any, rounds: int) -> float:
    interval = og.sets.Box(-1.0, 1.0, dim=1)
    run = og.play(learner, every_third(rounds), interval, rounds=rounds, start=np.ones(1))
    return float(og.regret.linear(run).value)


# The paper's: beta1 = 0, beta2 = 1/(1 + C^2), alpha_t = alpha/sqrt t, no bias correction.
PAPER: dict[str, Any] = {"beta1": 0.0, "beta2": 1 / (1 + C**2), "delta": 0.0}
STEPS = Decreasing(0.5, 1.0)


def test_adam_does_not_learn_and_amsgrad_does() -> None:
    horizons = np.array([300, 900, 2700])
    adam = Adam(STEPS, bias_correction=False, **PAPER)
    lost = np.array([regret(adam, int(t)) for t in horizons])
    # At +1 it loses C - 2 = 1 in three rounds instead of winning it: linear regret.
    np.testing.assert_allclose(lost, 2.0 * (C - 2.0) * horizons / 3.0, rtol=0.1)
    kept = np.array([regret(AMSGrad(STEPS, **PAPER), int(t)) for t in horizons])
    assert (kept <= 8.0 * np.sqrt(horizons)).all()
    assert np.polyfit(np.log(horizons), np.log(kept), 1)[0] < 0.55
    descent = [regret(OnlineGradientDescent(STEPS), int(t)) for t in horizons]
    assert max(descent / np.sqrt(horizons)) < 8.0


def test_adam_goes_to_the_worst_point_and_amsgrad_to_the_best() -> None:
    interval, start = og.sets.Box(-1.0, 1.0, dim=1), np.zeros(1)
    ends = {}
    learners: dict[str, Any] = {
        "adam": Adam(STEPS, bias_correction=False, **PAPER),
        "amsgrad": AMSGrad(STEPS, **PAPER),
    }
    for name, learner in learners.items():
        run = og.play(learner, every_third(3000), interval, rounds=3000, start=start)
        ends[name] = float(np.asarray(run.final_point)[0])
    assert ends["adam"] > 0.9
    assert ends["amsgrad"] < -0.9


def test_the_bound_of_amsgrad_fails_for_adam() -> None:
    """The theorem knows which averages were used: it certifies no other step."""
    rule = Decreasing(0.5, 1.0)
    interval, start = og.sets.LinfBall(1.0, np.zeros(1)), np.ones(1)
    run = game(Adam(rule, bias_correction=False, **PAPER), interval, every_third(3000), start, 3000)
    theorem = AMSGradBound(rule, PAPER["beta1"], PAPER["beta2"])
    check = check_bound(theorem, run)
    assert check.premises["AMSGrad steps"].fails
    assert check.conclusion == "certified_fails"
    honest = game(AMSGrad(rule, **PAPER), interval, every_third(3000), start, 3000)
    assert check_bound(theorem, honest).conclusion == "certified_holds"


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("body", ["ball", "rows", "box", "cube", "product"])
def test_adam_is_feasible_and_minimizes_its_step(body: str, sequence: str) -> None:
    """No regret bound, but every point is the one that its definition says."""
    k = BODIES[body]
    run = game(Adam(0.3), k.decision_set, adversary(sequence, k.start), k.start)
    seen = played(run)
    assert k.excess(seen.points).max() <= 1e-12
    mean = square = np.zeros(4)
    for t, g in enumerate(seen.gradients, start=1):
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        h = np.sqrt(square / (1 - 0.999**t)) + 1e-8
        slope = 0.3 * mean / (1 - 0.9**t) + h * (seen.points[t] - seen.points[t - 1])
        gap = slope @ seen.points[t] + k.support(-slope)
        assert 0.0 <= gap + 1e-12 <= 2e-12 * (1.0 + np.abs(h).max())


@pytest.mark.parametrize("amsgrad", [False, True])
def test_torch_agrees_where_nothing_is_projected(amsgrad: bool) -> None:
    torch = pytest.importorskip("torch")
    gradients = fixed_gradients("random", 4, rounds=60)
    if amsgrad:
        # torch corrects the bias of the maximum; betas near 0 and 1 make that a known factor.
        learner: Any = AMSGrad(0.1, beta1=0.0, beta2=0.0, delta=1e-8)
        options: Any = {"betas": (0.0, 0.0), "amsgrad": True}
    else:
        learner, options = Adam(0.1), {}
    w = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1, **options)
    points = [np.zeros(4)]
    for g in gradients:
        w.grad = torch.tensor(g)
        optimizer.step()
        points.append(w.detach().numpy().copy())
    run = game(learner, og.sets.WholeSpace(4), oblivious(gradients), np.zeros(4), 60)
    np.testing.assert_allclose(played(run).points, np.stack(points), rtol=1e-10, atol=1e-12)


def test_a_coordinate_without_gradients_stays() -> None:
    gradients = np.tile(np.array([1.0, 0.0]), (5, 1))
    start = np.array([0.3, 0.4])
    for learner in (AMSGrad(0.1), Adam(0.1, delta=0.0)):
        run = game(learner, og.sets.WholeSpace(2), oblivious(gradients), start, 5)
        assert np.asarray(run.final_point)[1] == 0.4
        assert np.asarray(run.final_point)[0] < 0.0


@pytest.mark.parametrize("kind", [Adam, AMSGrad])
def test_bad_arguments_and_sets_are_named(kind: Any) -> None:
    name = kind.__name__
    for field, value in (("beta1", 1.0), ("beta2", -0.1), ("beta1", math.nan)):
        with pytest.raises(ArgumentError, match=rf"`{name}\({field}=...\)` must be at least 0 and"):
            kind(0.1, **{field: value})
    with pytest.raises(ArgumentError, match=rf"`{name}\(delta=...\)` must be finite and not neg"):
        kind(0.1, delta=-1e-8)
    with pytest.raises(ArgumentError, match=rf"`{name}\(step_size=...\)` must be a number or a"):
        kind(AdaGradNorm(1.0))
    with pytest.raises(
        NotAvailableError, match=rf"`{name}` projects in a distance.*not on Simplex"
    ):
        og.play(kind(0.1), oblivious(np.ones((1, 2))), og.sets.Simplex(), rounds=1,
                start=np.array([0.5, 0.5]))  # fmt: skip
