"""Learners of the simplex: feasible, one step of each proof, regret under its bound, tight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    Hedge,
    OnlineMirrorDescent,
    RegretMatching,
    RegretMatchingPlus,
)
from olgame.learners.stationary_weights import stationary_weights
from olgame.losses import LinearLoss
from olgame.step_sizes import AdaGradNorm, Decreasing
from olgame.theory import (
    AdaHedgeBound,
    BlumMansourBound,
    HedgeBound,
    RegretMatchingBound,
    check_bound,
)

Floats = NDArray[np.float64]
P, T = 5, 60
FIRST = np.arange(1.0, P + 1.0) / 15.0
ETA = math.sqrt(8 * math.log(P) / T)
ANYTIME = Decreasing(2 * math.sqrt(math.log(P)), 1.0)
STRANGE = og.sets.Simplex(P, 2.5, np.linspace(-1.0, 1.0, P))  # s = 2.5, moved


class Case(NamedTuple):
    """A learner and its bound."""

    learner: Any
    bound: Any


CASES = {
    "hedge": Case(Hedge(ETA), HedgeBound(ETA)),
    "hedge, decreasing": Case(Hedge(ANYTIME), HedgeBound(ANYTIME)),
    "adahedge": Case(AdaHedge(), AdaHedgeBound()),
    "regret matching": Case(RegretMatching(), RegretMatchingBound()),
    "regret matching+": Case(RegretMatchingPlus(), RegretMatchingBound(plus=True)),
    "blum-mansour": Case(BlumMansour(Hedge(2 * ETA)), BlumMansourBound(2 * ETA)),
}


class BestResponse:
    """The experts that have more than their share of the weight lose 1."""

    timing = og.adversaries.Timing.SEES_POINT

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: Any, /) -> Any:
        w = np.asarray(view.point)
        return og.adversaries.Response(LinearLoss(np.where(w >= np.median(w), 1.0, 0.0))), None


def halves_in_turn(p: int, rounds: int, last: int) -> Floats:
    """The two halves of the experts lose in turn; at the end all but the first."""
    rows = np.zeros((rounds, p))
    rows[0 : rounds - last : 2, : p // 2] = 1.0
    rows[1 : rounds - last : 2, p // 2 :] = 1.0
    rows[rounds - last :, 1:] = 1.0
    return rows


def sequences(p: int = P) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    fixed = np.tile(np.linspace(0.0, 1.0, p), (T, 1))
    found = {
        "constant": fixed,
        "switching": np.where(np.arange(T)[:, None] // 7 % 2, fixed, 1.0 - fixed),
        "random": rng.uniform(-3.0, 5.0, (T, p)),
        "halves in turn": halves_in_turn(p, T, 20),
        "one expert with an offset": rng.random((T, p)) - np.eye(p)[1] * 0.2 + 1e3,
        "nothing": np.zeros((T, p)),
    }
    return {name: oblivious(rows) for name, rows in found.items()} | {"best": BestResponse()}


def oblivious(rows: Any) -> og.adversaries.ObliviousSequence:
    return og.adversaries.ObliviousSequence([LinearLoss(g) for g in rows])


def played(
    learner: Any, adversary: Any, *, rounds: int = T, first: Floats = FIRST, simplex: Any = None
) -> og.Transcript:
    simplex = og.sets.Simplex() if simplex is None else simplex
    start = first * simplex.scale + (0.0 if simplex.offset is None else simplex.offset)
    return og.play(learner, adversary, simplex, rounds=rounds, start=start, keep="points")


def weights_and_losses(run: og.Transcript) -> tuple[Floats, Floats]:
    """q_1, ..., q_{T+1} and s g_1, ..., s g_T."""
    simplex: Any = run.decision_set
    points = np.stack([np.asarray(p) for p in (*(run.points or ()), run.final_point)])
    losses: Any = run.round_losses
    offset = 0.0 if simplex.offset is None else simplex.offset
    return (points - offset) / simplex.scale, simplex.scale * np.stack([x.gradient for x in losses])


def relative_entropy(u: Floats, q: Floats) -> float:
    some = u > 0
    return float(np.sum(u[some] * np.log(u[some] / q[some])))


def comparators(p: int) -> list[Floats]:
    rng = np.random.default_rng(1)
    return [*np.eye(p), np.full(p, 1.0 / p), *rng.dirichlet(np.ones(p), 3)]


def potential(eta: float, losses: Floats, first: Floats) -> float:
    """Phi(eta) = -(1/eta) log sum q_1 exp(-eta S); the least S where eta is infinite."""
    if math.isinf(eta):
        return float(losses.min())
    least = losses.min()
    return float(least - math.log(float(first @ np.exp(-eta * (losses - least)))) / eta)


def mixing_steps(run: og.Transcript, etas: Callable[[Floats], float]) -> Floats:
    """The step of the proof of every kind of exponential weights, with eta_t as the rule says.

    <g_t, q_t> - [Phi_t(eta_t) - Phi_{t-1}(eta_t)] = delta_t is in [0, min(r, eta_t r^2/8)], r the
    range of the losses, and Phi_T(eta_T) <= <S_T, u> + KL(u, q_1)/eta_T. Returns delta.
    """
    q, losses = weights_and_losses(run)
    total, gaps = np.zeros(P), [0.0]
    for weights, g in zip(q, losses, strict=False):
        eta = etas(np.array(gaps))
        before, after = (potential(eta, x, q[0]) for x in (total, total + g))
        delta = float(g @ weights) - (after - before)
        size = float(np.ptp(g))
        bound = size if math.isinf(eta) else min(size, eta * size**2 / 8)
        rounding = 1e-13 * (1 + np.abs(total).max() + np.abs(g).max())
        assert -rounding <= delta <= bound + rounding
        total = total + g
        gaps.append(max(delta, 0.0))
        for u in comparators(P):
            divergence = 0.0 if math.isinf(eta) else relative_entropy(u, q[0]) / eta
            assert after <= float(total @ u) + divergence + rounding
    return np.array(gaps)


def hedge_step(run: og.Transcript) -> None:
    mixing_steps(run, lambda gaps: ETA)
    q, losses = weights_and_losses(run)
    if q.min() <= 0.0:  # lost in o + s q, where o is large beside s q
        return
    squares = np.ptp(losses, axis=1) ** 2
    for u in comparators(P):
        distance = np.array([relative_entropy(u, weights) for weights in q])
        inner = np.vecdot(losses, q[:-1] - u)
        # eta <g_t, q_t - u> <= KL(u, q_t) - KL(u, q_{t+1}) + eta^2 range(g_t)^2/8.
        slack = distance[:-1] - distance[1:] + ETA**2 * squares / 8 - ETA * inner
        assert slack.min() >= -1e-12 * (1 + np.abs(losses).max())


def decreasing_step(run: og.Transcript) -> None:
    mixing_steps(run, lambda gaps: 2 * math.sqrt(math.log(P) / len(gaps)))


def adahedge_step(run: og.Transcript) -> None:
    first = weights_and_losses(run)[0][0]
    h = math.log(1 / first.min())
    gaps = mixing_steps(run, lambda g: h / g.sum() if g.sum() > 0 else math.inf)
    # The learner's own sum of gaps, by the theory's computation of it.
    np.testing.assert_allclose(AdaHedgeBound().gaps(run), np.cumsum(gaps)[1:], rtol=1e-9)
    regret = og.regret.linear(run).value
    assert regret <= 2 * gaps.sum() + 1e-9 * (1 + abs(regret))


def matching_step(run: og.Transcript, *, plus: bool = False) -> None:
    q, losses = weights_and_losses(run)
    regrets = np.vecdot(losses, q[:-1])[:, None] - losses
    total = np.zeros(P)
    for weights, r in zip(q, regrets, strict=False):
        tiny = 1e-12 * (1 + np.abs(losses).max()) * (1 + np.abs(total).max())
        assert abs(float(r @ weights)) <= tiny
        # Blackwell's condition: the new regrets are orthogonal to the old ones.
        assert abs(float(r @ np.maximum(total, 0.0))) <= tiny * P
        after = total + r
        left, right = (float(np.sum(np.maximum(x, 0.0) ** 2)) for x in (after, total))
        assert left <= right + float(r @ r) + tiny * P
        total = np.maximum(after, 0.0) if plus else after
    for u in comparators(P):
        inner = float(np.sum(losses * (q[:-1] - u)))
        longest = math.sqrt(np.sum(np.maximum(total, 0.0) ** 2))
        assert inner <= longest * math.sqrt(u @ u) + 1e-9 * np.abs(losses).max()


def swap_step(run: og.Transcript) -> None:
    """Every copy is Hedge on its share of the losses; together they move nothing."""
    q, losses = weights_and_losses(run)
    for t in (1, 2, 5, T // 2, T):
        shares = np.einsum("ti,tj->ij", q[:t], losses[:t])
        exponent = np.log(q[0]) - 2 * ETA * (shares - shares.min(axis=1, keepdims=True))
        rows = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        rows /= rows.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(q[t] @ rows, q[t], atol=1e-11)
        # The identity of the reduction: what the copies suffer is what was suffered.
        assert float(np.sum(q[t][:, None] * rows * losses[t - 1])) == pytest.approx(
            float(q[t] @ losses[t - 1]), abs=1e-8
        )


STEPS: dict[str, Callable[[og.Transcript], None]] = {
    "hedge": hedge_step,
    "hedge, decreasing": decreasing_step,
    "adahedge": adahedge_step,
    "regret matching": matching_step,
    "regret matching+": lambda run: matching_step(run, plus=True),
    "blum-mansour": swap_step,
}


def swap_regret(q: Floats, losses: Floats) -> float:
    """By brute force: for every expert the best other one."""
    p = q.shape[1]
    best = [
        max(float(np.sum(q[:-1, i] * (losses[:, i] - losses[:, j]))) for j in range(p))
        for i in range(p)
    ]
    return sum(best)


@pytest.mark.parametrize("simplex", [og.sets.Simplex(), STRANGE], ids=["plain", "strange"])
@pytest.mark.parametrize("sequence", sequences())
@pytest.mark.parametrize("name", CASES)
def test_feasible_one_step_and_regret(name: str, sequence: str, simplex: Any) -> None:
    learner, bound = CASES[name]
    run = played(learner, sequences()[sequence], simplex=simplex)
    q, losses = weights_and_losses(run)
    assert q.min() >= -1e-15
    np.testing.assert_allclose(q.sum(axis=1), 1.0, atol=4e-15)
    np.testing.assert_allclose(q[0], FIRST, rtol=1e-14)

    STEPS[name](run)

    external = float(np.sum(losses * q[:-1]) - losses.sum(axis=0).min())
    size = 1e-12 * (1 + np.abs(losses).sum())
    assert og.regret.linear(run).value == pytest.approx(external, abs=size)
    check = check_bound(bound, run)
    regret = swap_regret(q, losses) if name == "blum-mansour" else external
    assert check.regret[-1] == pytest.approx(regret, abs=size)
    assert external <= regret + size
    assert regret <= check.bound[-1] + size
    assert check.premises.all_hold, str(check)
    assert check.conclusion == "certified_holds"


BEST_STEP = math.sqrt(8 * math.log(8) / 4000)
# Case, p, T, rounds at the end in which one expert alone does not lose, least ratio.
TIGHT: dict[str, tuple[Case, int, int, int, float]] = {
    "hedge": (
        Case(Hedge(BEST_STEP), HedgeBound(BEST_STEP)), *(8, 4000, 93, 0.99),
    ),
    "hedge, decreasing": (
        Case(*(kind(Decreasing(2 * math.sqrt(math.log(8)), 1.0)) for kind in (Hedge, HedgeBound))),
        *(8, 4000, 93, 0.96),
    ),
    "adahedge": (Case(AdaHedge(), AdaHedgeBound()), 8, 4000, 93, 0.94),
    "regret matching": (Case(RegretMatching(), RegretMatchingBound()), 2, 4000, 63, 0.99),
    "regret matching+": (
        Case(RegretMatchingPlus(), RegretMatchingBound(plus=True)), *(2, 4000, 63, 0.98),
    ),
    "blum-mansour": (
        Case(BlumMansour(Hedge(0.2355)), BlumMansourBound(0.2355)), *(2, 200, 25, 0.89),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHT)
def test_the_bound_is_tight_on_halves_that_lose_in_turn(name: str) -> None:
    (learner, bound), p, rounds, last, least = TIGHT[name]
    adversary = oblivious(halves_in_turn(p, rounds, last))
    run = played(learner, adversary, rounds=rounds, first=np.full(p, 1.0 / p))
    check = check_bound(bound, run)
    assert check.premises.all_hold
    assert least <= check.regret[-1] / check.bound[-1] <= 1.0


class Broken(NamedTuple):
    """A learner with one wrong line, and where it shows."""

    case: Case
    update: Callable[[Any, Any, Any, Any], Any]
    breaks_bound: bool


def _ascend(learner: Any, state: Any, feedback: Any, inner: Any) -> Any:
    return inner(state, feedback._replace(gradient=-feedback.gradient))


def _half(learner: Any, state: Any, feedback: Any, inner: Any) -> Any:
    """Every other gradient is dropped, as a learner does that skips what it predicted."""
    return inner(state, feedback) if feedback.round % 2 else state


def _stale(learner: Any, state: Any, feedback: Any, inner: Any) -> Any:
    """The round is never counted: the step stays at eta_2."""
    return inner(state, feedback._replace(round=1))


BROKEN = {
    "hedge ascends": Broken(CASES["hedge"], _ascend, True),
    "hedge drops gradients": Broken(CASES["hedge"], _half, False),
    "hedge never advances t": Broken(CASES["hedge, decreasing"], _stale, False),
    "adahedge ascends": Broken(CASES["adahedge"], _ascend, True),
    "regret matching ascends": Broken(CASES["regret matching"], _ascend, True),
    "regret matching+ drops gradients": Broken(CASES["regret matching+"], _half, False),
    "blum-mansour ascends": Broken(CASES["blum-mansour"], _ascend, True),
    "plus forgotten": Broken(
        Case(RegretMatching(), RegretMatchingBound(plus=True)), lambda _, s, f, inner: inner(s, f),
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_learner_is_found_out(name: str) -> None:
    (learner, bound), update, breaks_bound = BROKEN[name]

    class Wrong:
        level = learner.level

        def __getattr__(self, attribute: str) -> Any:
            return getattr(learner, attribute)

        def init(self, start: Any, decision_set: Any) -> Any:
            return learner.init(start, decision_set)

        def decide(self, state: Any, /) -> Any:
            return learner.decide(state)

        def copy(self, state: Any, /) -> Any:
            return learner.copy(state)

        def update(self, state: Any, feedback: Any, /) -> Any:
            return update(learner, state, feedback, learner.update)

    run = played(Wrong(), sequences()["switching"])
    check = check_bound(bound, run)
    assert check.conclusion != "certified_holds"
    assert check.premises.any_fails
    if breaks_bound:
        constant = played(Wrong(), sequences()["constant"])
        assert check_bound(bound, constant).conclusion == "certified_fails"


def test_hedge_is_mirror_descent_with_the_entropy() -> None:
    """Another algorithm in another file: a multiplicative step from point to point."""
    adversary = sequences()["random"]
    ours = played(Hedge(0.3), adversary)
    other = played(OnlineMirrorDescent(og.mirror_maps.NegativeEntropy(), 0.3), adversary)
    for one, two in zip(ours.points or (), other.points or (), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_a_common_offset_changes_nothing(name: str) -> None:
    """Losses in multiples of 2^-20, plus 2^30: every digit of the sums is in the differences."""
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 2**20, (T, P)) / 2**20
    plain = played(CASES[name].learner, oblivious(rows))
    moved = played(CASES[name].learner, oblivious(rows + 2.0**30))
    for one, two in zip(plain.points or (), moved.points or (), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-14)


@pytest.mark.parametrize("name", ["adahedge", "regret matching", "regret matching+"])
@pytest.mark.parametrize("factor", [2.0**-60, 2.0**60])
def test_the_unit_of_the_losses_changes_nothing(name: str, factor: float) -> None:
    """Two traps in one: probabilities subtracted from utilities, and `allclose` to 0."""
    rows = np.random.default_rng(3).standard_normal((T, P))
    plain = played(CASES[name].learner, oblivious(rows))
    scaled = played(CASES[name].learner, oblivious(factor * rows))
    for one, two in zip(plain.points or (), scaled.points or (), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-13)


def test_regrets_are_utilities_minus_what_was_earned() -> None:
    """One round by hand: <g, q> = 1.5, so the regrets are 0.5, -0.5 and the weights 1, 0."""
    run = played(
        RegretMatching(), oblivious(np.array([[1.0, 2.0]])), rounds=1, first=np.ones(2) / 2
    )
    assert np.asarray(run.final_point).tolist() == [1.0, 0.0]
    rows = np.array([[3.0, 1.0, 0.0]])  # <g, q> = 1, regrets -2, 0, 1 from weights 1/6, 1/2, 1/3
    first = np.array([1.0, 3.0, 2.0]) / 6.0
    run = played(RegretMatching(), oblivious(rows), rounds=1, first=first)
    np.testing.assert_allclose(np.asarray(run.final_point), [0.0, 0.0, 1.0], atol=1e-15)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e150), (np.float32, 1e15)])
def test_huge_losses_stay_finite(name: str, dtype: Any, size: float) -> None:
    rows = (size * np.random.default_rng(4).standard_normal((30, P))).astype(dtype)
    run = played(CASES[name].learner, oblivious(rows), rounds=30, first=FIRST.astype(dtype))
    assert run.status == "finished"
    points = np.stack([np.asarray(p) for p in run.points or ()])
    assert points.dtype == dtype
    assert np.isfinite(points).all()
    np.testing.assert_allclose(points.sum(axis=1), 1.0, atol=4 * np.finfo(dtype).eps)


def test_a_float32_game_is_the_float64_game_rounded() -> None:
    rows = np.random.default_rng(5).random((300, P)).astype(np.float32)
    for case in CASES.values():
        first = np.full(P, 1.0 / P)
        single = played(case.learner, oblivious(rows), rounds=300, first=first.astype(np.float32))
        double = played(case.learner, oblivious(rows.astype(float)), rounds=300, first=first)
        final = np.asarray(single.final_point)
        np.testing.assert_allclose(final, np.asarray(double.final_point), atol=2e-6)
        assert check_bound(case.bound, single).conclusion == "certified_holds"


@pytest.mark.parametrize(
    "learner",
    [Hedge(0.1), AdaHedge(), RegretMatching(), RegretMatchingPlus(), BlumMansour(Hedge(0.1))],
)
def test_other_sets_are_refused_when_the_game_starts(learner: Any) -> None:
    ball = og.sets.L2Ball(1.0, center=np.zeros(P))
    with pytest.raises(og.exceptions.NotAvailableError, match=r"plays on `olgame\.sets\.Simplex`"):
        og.play(learner, sequences()["constant"], ball, rounds=1)
    with pytest.raises(og.exceptions.NotAvailableError, match="L2Ball"):
        learner.init(np.zeros(P), ball)


@pytest.mark.parametrize("learner", [Hedge(0.1), AdaHedge(), BlumMansour(Hedge(0.1))])
def test_a_weight_of_zero_is_refused_by_exponential_weights(learner: Any) -> None:
    first = np.array([0.5, 0.0, 0.5, 0.0, 0.0])
    with pytest.raises(og.exceptions.ArgumentError, match=r"got 0 at index 1: a weight of 0 stays"):
        played(learner, sequences()["constant"], first=first)


def test_regret_matching_may_start_at_a_vertex_where_one_round_attains_its_bound() -> None:
    for learner, plus in ((RegretMatching(), False), (RegretMatchingPlus(), True)):
        rows = np.array([[1.0, 0.0]])
        run = played(learner, oblivious(rows), rounds=1, first=np.array([1.0, 0.0]))
        check = check_bound(RegretMatchingBound(plus), run)
        assert check.regret[0] == check.bound[0] == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hedge(0.0), r"`Fixed\(value=\.\.\.\)` must be finite and positive, got 0\.0"),
        (lambda: Hedge(math.nan), "must be finite and positive, got nan"),
        (
            lambda: Hedge(AdaGradNorm(1.0)),
            r"`Hedge\(step_size=\.\.\.\)` must be a number or a rule",
        ),
        (lambda: BlumMansour(Hedge), r"`BlumMansour\(base=\.\.\.\)` must be a learner"),  # type: ignore[arg-type]
        (lambda: BlumMansour("hedge"), "got 'hedge'"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused_by_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(og.exceptions.ArgumentError, match=message):
        make()


@pytest.mark.parametrize("p", [1, 2, 3, 7, 40])
def test_stationary_weights_against_an_eigenvector(p: int) -> None:
    rows = np.random.default_rng(p).dirichlet(np.ones(p), (4, p))
    found = stationary_weights(rows)
    for chain, pi in zip(rows, np.asarray(found), strict=True):
        values, vectors = np.linalg.eig(chain.T)
        vector = np.real(vectors[:, np.argmin(np.abs(values - 1.0))])
        np.testing.assert_allclose(pi, vector / vector.sum(), rtol=1e-10)


def test_stationary_weights_are_accurate_in_every_entry() -> None:
    """Two states that are left with probability a and b: pi = (b, a)/(a + b), at any size."""
    for a, b in ((1e-3, 1e-300), (1e-250, 0.5), (1e-320, 1e-3), (0.25, 0.25)):
        pi = stationary_weights(np.array([[1.0 - a, a], [b, 1.0 - b]]))
        larger = max(a, b)
        expected = np.array([b / larger, a / larger]) / (a / larger + b / larger)
        np.testing.assert_allclose(pi, expected, rtol=1e-14)


REDUCIBLE = {
    "two closed classes": [[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.1, 0.9], [0, 0, 0.9, 0.1]],
    "identity": np.eye(4),
    "last absorbs": [[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]],
    "first absorbs": [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5]],
    "periodic": [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]],
    "middle absorbs": [[0.2, 0.8, 0, 0], [0, 1, 0, 0], [0.3, 0.3, 0.4, 0], [0, 0, 1, 0]],
}


@pytest.mark.parametrize("name", REDUCIBLE)
def test_stationary_weights_of_chains_that_an_eigenvector_gets_wrong(name: str) -> None:
    chain = np.asarray(REDUCIBLE[name], dtype=float)
    pi = np.asarray(stationary_weights(chain))
    assert pi.min() >= 0.0
    assert pi.sum() == pytest.approx(1.0, rel=1e-15)
    np.testing.assert_allclose(pi @ chain, pi, atol=1e-15)


def second_thoughts(size: int) -> Floats:
    """Expert 1 leads, then 2; and all the while that 2 leads, 3 would have been better."""
    phases = (([0.0, 1 / 3, 1.0], 3 * size), ([1.0, 0.0, 0.0], size), ([1.0, 0.9, 0.0], 2 * size))
    return np.concatenate([np.tile(row, (rounds, 1)) for row, rounds in phases])


@pytest.mark.parametrize("base", [Hedge(0.1), RegretMatching(), AdaHedge()], ids=repr)
def test_swap_regret_is_linear_for_the_base_and_not_for_the_copies(base: Any) -> None:
    rows = second_thoughts(100)
    rounds, first = len(rows), np.full(3, 1 / 3)
    for learner, least, most in ((base, 0.2, 0.4), (BlumMansour(base), 0.0, 0.05)):
        run = played(learner, oblivious(rows), rounds=rounds, first=first)
        assert og.regret.linear(run).value <= 0.02 * rounds
        assert least <= swap_regret(*weights_and_losses(run)) / rounds <= most


def test_a_learner_that_projects_can_be_the_copies() -> None:
    """Its matrices have zeros, and chains that are not irreducible."""
    rows = second_thoughts(50)
    learner = BlumMansour(og.learners.OnlineGradientDescent(0.05))
    run = played(learner, oblivious(rows), rounds=len(rows), first=np.full(3, 1 / 3))
    assert swap_regret(*weights_and_losses(run)) <= math.sqrt(3 * len(rows))
