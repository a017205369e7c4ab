"""Follow the leader: one step of its proof, its bounds, and where it fails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import olgame as og
from olgame.learners import FollowTheLeader, FollowThePerturbedLeader
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.theory import FollowTheLeaderBound, PerturbedLeaderBound, check_bound
from tests.learners.leader_games import CENTER, SETS, P, T, record, start_of


def other_side(view: Any, rng: Any) -> QuadraticLoss:
    """A quadratic whose target is on the other side of the set."""
    away = np.asarray(view.point) - CENTER
    return QuadraticLoss(CENTER - 2.0 * away - 0.1, 0.7)


def quadratics() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    random = CENTER + 3.0 * rng.standard_normal((T, P))
    constant = np.tile(CENTER + 2.0, (T, 1))
    switching = CENTER + np.where(np.arange(T)[:, None] // 5 % 2, 1.0, -1.0) * np.ones(P)
    rows = {"random": random, "constant": constant, "switching": switching}
    found: dict[str, Any] = {
        name: og.adversaries.ObliviousSequence([QuadraticLoss(a, 0.7) for a in targets])
        for name, targets in rows.items()
    }
    best = og.adversaries.from_function(other_side, timing=og.adversaries.Timing.SEES_POINT)
    return found | {"best response": best}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sequence", quadratics())
def test_leader_of_strongly_convex_losses(name: str, sequence: str) -> None:
    mu, decision_set = 0.7, SETS[name]
    run = og.play(
        FollowTheLeader(mu), quadratics()[sequence], decision_set,
        rounds=T, start=start_of(decision_set), keep="points",
    )  # fmt: skip
    points, gradients = record(run)
    assert all(decision_set.contains(p, atol=1e-13) for p in points)
    losses: Any = run.round_losses

    # It is the leader of the losses themselves: no point of the set is better, tried by samples
    # and by steps toward them.
    rng = np.random.default_rng(1)
    others = decision_set.sample(rng, (200, P))
    totals = np.zeros(P), 0.0
    for t, loss in enumerate(losses):
        totals = totals[0] + mu * np.asarray(loss.target), totals[1] + mu
        leader, targets = points[t + 1], totals[0] / totals[1]
        for shrink in (1.0, 1e-3):
            candidates = leader + shrink * (others - leader)
            best = np.sum((candidates - targets) ** 2, axis=1).min()
            assert np.sum((leader - targets) ** 2) <= best + 1e-12

    # One step: F_t(W_t) - F_t(W_{t+1}) <= norm(g_t)^2/(2 mu t); and the sum is the regret.
    regret = 0.0
    for t in range(1, T + 1):
        now, then = (
            sum(0.5 * mu * float(np.sum((w - np.asarray(x.target)) ** 2)) for x in losses[:t])
            for w in (points[t - 1], points[t])
        )
        step = float(gradients[t - 1] @ gradients[t - 1]) / (2 * mu * t)
        assert -1e-10 <= now - then <= step + 1e-10
        regret += now - then
    check = check_bound(FollowTheLeaderBound(mu), run)
    assert check.conclusion == "certified_holds"
    assert check.regret[-1] == pytest.approx(regret, abs=1e-9)
    hindsight = og.regret.external(run, points[-1])
    assert check.regret[-1] == pytest.approx(hindsight, abs=1e-9)


def test_the_logarithmic_bound_is_an_equality_in_the_whole_space() -> None:
    targets = np.random.default_rng(2).standard_normal((400, P))
    run = og.play(
        FollowTheLeader(2.0),
        og.adversaries.ObliviousSequence([QuadraticLoss(a, 2.0) for a in targets]),
        og.sets.WholeSpace(), rounds=400, start=CENTER, keep="points",
    )  # fmt: skip
    check = check_bound(FollowTheLeaderBound(2.0), run)
    np.testing.assert_allclose(check.regret, check.bound, rtol=1e-11)
    # The mean of the targets is the leader, by a search that shares no code.
    total = lambda u: float(np.sum((u - targets) ** 2))  # noqa: E731
    found = minimize(total, CENTER, tol=1e-12).x
    np.testing.assert_allclose(np.asarray(run.final_point), found, atol=1e-6)


def test_regret_is_logarithmic_where_targets_keep_switching() -> None:
    signs = np.where(np.arange(4000) % 2, 1.0, -1.0)
    losses = [QuadraticLoss(np.array([s])) for s in signs]
    interval = og.sets.LinfBall(1.0, center=np.zeros(1))
    adversary = og.adversaries.ObliviousSequence(losses)
    run = og.play(FollowTheLeader(1.0), adversary, interval, rounds=4000, keep="points")
    regret = FollowTheLeaderBound(1.0).regret(run)
    t = np.array([100, 400, 1000, 4000])
    line = np.polyfit(np.log(t), regret[t - 1], 1)
    fitted = np.polyval(line, np.log(t))
    total = np.sum((regret[t - 1] - regret[t - 1].mean()) ** 2)
    assert np.sum((regret[t - 1] - fitted) ** 2) <= 1e-3 * total
    assert 0.4 <= line[0] <= 0.6  # g_t^2 is about 1: (1/2) log T


@pytest.mark.parametrize("rounds", [10, 100, 1000])
def test_without_curvature_it_fails_linearly_on_losses_in_turn(rounds: int) -> None:
    gradients = [0.5, *(-1.0, 1.0) * (rounds // 2)][:rounds]
    adversary = og.adversaries.ObliviousSequence([LinearLoss(np.array([g])) for g in gradients])
    interval = og.sets.LinfBall(1.0, center=np.zeros(1))
    run = og.play(FollowTheLeader(), adversary, interval, rounds=rounds, keep="points")
    assert og.regret.linear(run).value == rounds - 0.5
    check = check_bound(FollowTheLeaderBound(), run)
    assert check.conclusion == "certified_holds"
    assert check.bound[-1] <= 2 * check.regret[-1]
    # The same gradients, with a little convexity for the learner alone.
    mu = 0.5 * math.sqrt(math.log(rounds) / rounds)
    run = og.play(FollowTheLeader(mu), adversary, interval, rounds=rounds)
    regret = og.regret.linear(run).value
    assert regret <= (1 + math.log(rounds)) / (2 * mu) + 2 * mu * rounds
    assert regret <= 5 * math.sqrt(rounds)


@pytest.mark.parametrize("name", SETS)
def test_leader_of_linear_losses(name: str) -> None:
    decision_set = SETS[name]
    rows = np.random.default_rng(3).standard_normal((T, P)) + 0.3
    adversary = og.adversaries.ObliviousSequence([LinearLoss(g) for g in rows])
    start = start_of(decision_set)
    run = og.play(FollowTheLeader(), adversary, decision_set, rounds=T, start=start, keep="points")
    points, gradients = record(run)
    for t in range(1, T + 1):
        total = gradients[:t].sum(axis=0)
        assert float(total @ points[t]) <= -float(decision_set.support(-total)) + 1e-12
        before = gradients[: t - 1].sum(axis=0)
        # One step: F_{t-1}(W_t) <= F_{t-1}(W_{t+1}).
        assert t == 1 or float(before @ (points[t - 1] - points[t])) <= 1e-12
    check = check_bound(FollowTheLeaderBound(), run)
    assert check.conclusion == "certified_holds"
    constant = og.adversaries.ObliviousSequence([LinearLoss(np.arange(1.0, 4.0))] * T)
    run = og.play(FollowTheLeader(), constant, decision_set, rounds=T, start=start, keep="points")
    check = check_bound(FollowTheLeaderBound(), run)
    np.testing.assert_allclose(check.regret, check.bound, atol=1e-12)


def test_premises_of_the_leader() -> None:
    targets = np.random.default_rng(4).standard_normal((T, P))
    ball, bound = SETS["ball"], FollowTheLeaderBound(1.0)

    def status(learner: Any, losses: list[Any]) -> dict[str, str]:
        adversary = og.adversaries.ObliviousSequence(losses)
        run = og.play(learner, adversary, ball, rounds=T, keep="points")
        return {p.name: p.status for p in bound.premises(run)}

    good = [QuadraticLoss(a) for a in targets]
    leaders, convex = "leaders of the losses", "mu-strongly convex losses"
    assert set(status(FollowTheLeader(1.0), good).values()) == {"holds"}
    assert status(FollowTheLeader(1.01), good)[leaders] == "fails"
    assert status(og.learners.OnlineGradientDescent(0.1), good)[leaders] == "fails"
    assert status(FollowTheLeader(1.0), [QuadraticLoss(a, 0.9) for a in targets])[convex] == "fails"
    linear = [LinearLoss(a) for a in targets]
    assert status(FollowTheLeader(1.0), linear)[convex] == "fails"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: FollowTheLeader(-1.0), "ArgumentError", "must be finite and at least 0, got -1.0"),
        (lambda: FollowTheLeader(math.nan), "ArgumentError", "got nan"),
        (lambda: FollowTheLeaderBound(math.inf), "ArgumentError", "got inf"),
        (lambda: FollowThePerturbedLeader(0.0), "ArgumentError", "must be finite and positive"),
        (lambda: FollowThePerturbedLeader(1.0, seed=-1), "ArgumentError", "non-negative"),
        (lambda: FollowThePerturbedLeader(1.0, noise="normal"), "ArgumentError", "uniform, gumbel"),
        (
            lambda: PerturbedLeaderBound(FollowThePerturbedLeader(1.0), failure_probability=1.0),
            "ArgumentError", "above 0, below 1, got 1.0",
        ),
        (
            lambda: FollowTheLeader().init(CENTER, og.sets.WholeSpace()),
            "NotAvailableError", "needs a bounded decision set, got WholeSpace",
        ),
        (
            lambda: FollowThePerturbedLeader(1.0).init(CENTER, og.sets.WholeSpace()),
            "NotAvailableError", "needs a bounded decision set",
        ),
        (
            lambda: FollowThePerturbedLeader(1.0, noise="gumbel").init(CENTER, SETS["ball"]),
            "NotAvailableError", "plays on `olgame.sets.Simplex` only",
        ),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_name(make: Any, error: str, message: str) -> None:
    with pytest.raises(getattr(og.exceptions, error), match=message):
        make()
