"""Follow the perturbed leader: its noise, its bounds in expectation and with probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.learners import FollowTheLeader, FollowThePerturbedLeader, Hedge
from olgame.losses import LinearLoss
from olgame.theory import PerturbedLeaderBound, check_bound
from tests.learners.leader_games import SETS, Floats, P, T, oblivious, record, start_of


def perturbed_sequences() -> dict[str, Floats]:
    rng = np.random.default_rng(5)
    fixed = np.tile(np.array([0.2, 1.0, -0.4]), (T, 1))
    return {
        "constant": fixed,
        "switching": fixed * np.where(np.arange(T) // 7 % 2, 1.0, -1.0)[:, None],
        "random": rng.uniform(-1.0, 1.0, (T, P)),
        "in turn": np.tile(np.array([1.0, -1.0, 0.5]), (T, 1)) * (-1.0) ** np.arange(T)[:, None],
    }


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sequence", perturbed_sequences())
def test_perturbed_leader(name: str, sequence: str) -> None:
    decision_set, rows = SETS[name], perturbed_sequences()[sequence]
    for noise in ("uniform", "gumbel") if name == "simplex" else ("uniform",):
        learner = FollowThePerturbedLeader(0.2, noise=noise, seed=3)
        start = start_of(decision_set)
        run = og.play(learner, oblivious(rows), decision_set, rounds=T, start=start, keep="points")
        points, _ = record(run)
        assert all(decision_set.contains(p, atol=1e-13) for p in points)
        bound = PerturbedLeaderBound(learner)
        check = check_bound(bound, run)
        assert check.conclusion == "certified_holds", str(check)
        mean = bound.expected_regret(run, draws=400)
        assert isinstance(mean, og.Estimated)
        # 400 draws a round: the mean of T rounds is off by a few sqrt(T)/20 at most.
        assert mean.value <= bound.mean_bound(run)[-1] + 6 * math.sqrt(T) / 20 * 3.0


def test_one_step_of_the_proof_that_noise_hides_a_round() -> None:
    """E <g, lmo(S + N) - lmo(S + g + N)> <= c min(1, eta norm1(g)), on a grid of noise.

    In one dimension the expectation is an integral of a step function, known in closed form.
    """
    eta, b = 0.3, 2.0
    for total in (-3.0, -1.0, 0.0, 0.4):
        for g in (0.1, 1.0, 5.0):

            def mean(s: float) -> float:
                """E of the minimizer of (s + N) u over [-b, b], N uniform on +-1/(2 eta)."""
                return -b * min(1.0, max(-1.0, 2 * eta * s))

            moved = g * (mean(total) - mean(total + g))
            assert 0.0 <= moved <= 2 * b * g * min(1.0, eta * g) + 1e-12
            learner = FollowThePerturbedLeader(eta, seed=1)
            noise = learner.draw(np.random.default_rng(0), (20_000,))
            drawn = float(np.mean(-b * np.sign(total + noise)))
            assert drawn == pytest.approx(mean(total), abs=6 * b / math.sqrt(20_000))


def test_uniform_noise_is_tight_up_to_two_on_an_interval() -> None:
    """By the closed form of the expectation: no draw, no estimate."""
    eta, b, rounds = 0.05, 1.0, 400
    last = int(1 / (2 * eta))
    rows = [*((1.0, -1.0) * ((rounds - last) // 2)), *(1.0,) * last]
    totals = np.concatenate([[0.0], np.cumsum(rows)])[:-1]
    means = -b * np.clip(2 * eta * totals, -1.0, 1.0)
    regret = float(np.sum(np.array(rows) * means) + b * abs(sum(rows)))
    interval = og.sets.LinfBall(b, center=np.zeros(1))
    learner = FollowThePerturbedLeader(eta)
    run = og.play(learner, oblivious(rows), interval, rounds=len(rows), keep="points")
    # The mean width of an interval: E abs(nu) b = b/2.
    bound = PerturbedLeaderBound(learner, mean_width=b / 2)
    limit = bound.mean_bound(run)[-1]
    assert limit / 2.1 <= regret <= limit
    found = bound.expected_regret(run, draws=4000).value
    assert found == pytest.approx(regret, abs=6 * b * math.sqrt(len(rows) / 4000))
    # Against this the plain leader loses in every second round.
    plain = og.play(FollowTheLeader(), oblivious(rows), interval, rounds=len(rows))
    assert og.regret.linear(plain).value > 2 * limit


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_gumbel_noise_is_hedge_in_expectation(scale: float) -> None:
    simplex = og.sets.Simplex(4, scale)
    rows = np.random.default_rng(6).uniform(-1.0, 1.0, (6, 4))
    first = np.full(4, scale / 4)
    eta, draws = 0.7, 40_000
    hedge = og.play(Hedge(eta), oblivious(rows), simplex, rounds=6, start=first)
    learner = FollowThePerturbedLeader(eta, noise="gumbel")
    noise = learner.draw(np.random.default_rng(7), (draws, 4), scale)
    mean = simplex.lmo(rows.sum(axis=0) + noise).mean(axis=0)  # type: ignore[attr-defined]  # of NumPy
    tolerance = 5 * scale / math.sqrt(draws)
    np.testing.assert_allclose(mean, np.asarray(hedge.final_point), atol=tolerance)


def test_the_noise_is_the_same_for_the_same_seed_and_round_only() -> None:
    learner = FollowThePerturbedLeader(0.5, seed=4)
    first = learner.perturbation(3, (5,))
    np.testing.assert_array_equal(first, learner.perturbation(3, (5,)))
    assert np.abs(first).max() <= 1.0
    for other in (
        learner.perturbation(4, (5,)),
        FollowThePerturbedLeader(0.5, seed=5).perturbation(3, (5,)),
    ):
        assert np.abs(first - other).max() > 0.01
    both = FollowThePerturbedLeader(0.5, seed=[4, 5]).perturbation(3, (2, 5))
    np.testing.assert_array_equal(both[0], first)
    shared = learner.perturbation(3, (2, 5))
    np.testing.assert_array_equal(shared[0], shared[1])


def test_an_adversary_that_sees_the_point_defeats_the_noise_and_the_premise_says_so() -> None:
    def punish(view: Any, rng: Any) -> LinearLoss:
        return LinearLoss(np.sign(np.asarray(view.point)))

    adversary = og.adversaries.from_function(punish, timing=og.adversaries.Timing.SEES_POINT)
    interval = og.sets.LinfBall(1.0, center=np.zeros(1))
    learner = FollowThePerturbedLeader(0.1)
    run = og.play(learner, adversary, interval, rounds=400, keep="points")
    assert og.regret.linear(run).value >= 300.0
    check = check_bound(PerturbedLeaderBound(learner), run)
    assert [p.name for p in check.premises.failing] == ["losses fixed beforehand"]
    assert check.conclusion != "certified_holds"


def test_premises_of_the_perturbed_leader() -> None:
    rows = perturbed_sequences()["random"]
    learner = FollowThePerturbedLeader(0.2, seed=3)
    run = og.play(learner, oblivious(rows), SETS["ball"], rounds=T, keep="points")
    name = "leaders after the noise of the learner"
    for other in (FollowThePerturbedLeader(0.2, seed=4), FollowThePerturbedLeader(0.3, seed=3)):
        assert PerturbedLeaderBound(other).premises(run)[name].fails
    sums = og.play(learner, oblivious(rows), SETS["ball"], rounds=T)
    bound = PerturbedLeaderBound(learner)
    assert bound.premises(sums)[name].status == "not checked"
    with pytest.raises(og.exceptions.NotAvailableError, match="keep='points'"):
        check_bound(bound, sums)
    with pytest.raises(og.exceptions.NotKeptError, match="keep='examples'"):
        bound.expected_regret(sums)


def test_the_probability_is_that_of_the_tail() -> None:
    """With delta = 1/2 the tail is short: of 300 seeds, fewer than half exceed the bound.

    The mean bound alone is exceeded more often than that: the tail is not idle.
    """
    rows = np.tile([1.0, -1.0], 10)
    interval = og.sets.LinfBall(1.0, center=np.zeros(1))
    exceeded = alone = 0
    for seed in range(300):
        learner = FollowThePerturbedLeader(0.02, seed=seed)
        run = og.play(learner, oblivious(rows), interval, rounds=20, keep="points")
        exact = 0.5 * 20 * 2 * 0.02  # E regret: eta b a round where the total is 1
        bound = PerturbedLeaderBound(learner, failure_probability=0.5, mean_width=0.0)
        regret, limit = og.regret.linear(run).value, bound.bound(run)[-1]
        tail = limit - bound.mean_bound(run)[-1]
        exceeded += regret > exact + tail
        alone += regret > exact
    assert exceeded <= 150
    assert alone >= 100
