"""Experts: feasible, one step of the proof, regret under its bound; tight games; broken ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    Hedge,
    OnlineMirrorDescent,
    RegretMatching,
    RegretMatchingPlus,
)
from olgame.step_sizes import AdaGradNorm, Decreasing
from olgame.theory import (
    AdaHedgeBound,
    BlumMansourBound,
    HedgeBound,
    RegretMatchingBound,
    check_bound,
)
from tests.learners.expert_games import (
    CASES,
    FIRST,
    STEPS,
    STRANGE,
    Case,
    P,
    T,
    halves_in_turn,
    oblivious,
    played,
    sequences,
    swap_regret,
    weights_and_losses,
)


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
        (lambda: BlumMansour(Hedge), r"`BlumMansour\(base=\.\.\.\)` must be a learner"),  # type: ignore[arg-type]  # what is refused
        (lambda: BlumMansour("hedge"), "got 'hedge'"),  # type: ignore[arg-type]  # what is refused
    ],
)
def test_bad_arguments_are_refused_by_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(og.exceptions.ArgumentError, match=message):
        make()
