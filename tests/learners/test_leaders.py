"""Followers of the leader, plain and perturbed: proofs, bounds, and where they fail."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

import olgame as og
from olgame.learners import FollowTheLeader, FollowThePerturbedLeader, Hedge
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.theory import FollowTheLeaderBound, PerturbedLeaderBound, check_bound

Floats = NDArray[np.float64]
T, P, RADIUS = 50, 3, 1.5
CENTER = np.array([0.3, -0.2, 0.1])
SETS: dict[str, Any] = {
    "ball": og.sets.L2Ball(RADIUS, center=CENTER),
    "cube": og.sets.LinfBall(RADIUS, center=CENTER),
    "simplex": og.sets.Simplex(P, 2.0, CENTER),
}


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


def start_of(decision_set: Any) -> Floats:
    found: Floats = CENTER + (2.0 / P if isinstance(decision_set, og.sets.Simplex) else 0.0)
    return found


def record(run: og.Transcript) -> tuple[Floats, Floats]:
    """W_1, ..., W_{T+1} and the gradients."""
    points = np.stack([np.asarray(p) for p in (*(run.points or ()), run.final_point)])
    losses: Any = run.round_losses
    return points, np.stack([loss.evaluate(p).gradient for loss, p in zip(losses, points)])  # noqa: B905


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


def oblivious(rows: Any) -> og.adversaries.ObliviousSequence:
    return og.adversaries.ObliviousSequence([LinearLoss(np.atleast_1d(g)) for g in rows])


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
    mean = simplex.lmo(rows.sum(axis=0) + noise).mean(axis=0)  # type: ignore[attr-defined]
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
