"""Bounds of experts, leaders and bettors: hand values, broken premises, what was not kept."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    CoinBetting,
    FollowTheLeader,
    FollowThePerturbedLeader,
    Hedge,
    RegretMatching,
)
from olgame.losses import LinearLoss
from olgame.step_sizes import Decreasing
from olgame.theory import (
    AdaHedgeBound,
    BlumMansourBound,
    CoinBettingBound,
    FollowTheLeaderBound,
    HedgeBound,
    PerturbedLeaderBound,
    RegretMatchingBound,
    check_bound,
)

ROWS = np.array([[1.0, 0.0], [0.0, 3.0], [2.0, 2.0]])
UNIFORM = np.array([0.5, 0.5])


def played(learner: Any, *, keep: Any = "points", scale: float = 1.0, **options: Any) -> Any:
    adversary = og.adversaries.ObliviousSequence([LinearLoss(g) for g in ROWS])
    simplex = og.sets.Simplex(2, scale)
    options = {"start": scale * UNIFORM, **options}
    return og.play(learner, adversary, simplex, rounds=3, keep=keep, **options)


# Ranges 1, 3, 0; log p = log 2.
LOG = math.log(2.0)
GUMBEL = FollowThePerturbedLeader(0.5, noise="gumbel")
UNIFORM_NOISE = FollowThePerturbedLeader(0.25)
HAND: dict[str, tuple[Any, Any, float, list[float]]] = {
    "hedge": (
        Hedge(0.5), HedgeBound(0.5), 1.0,
        [2 * LOG + 0.5 / 8, 2 * LOG + 0.5 * 10 / 8, 2 * LOG + 0.5 * 10 / 8],
    ),
    "hedge, size 2": (
        Hedge(0.5), HedgeBound(0.5), 2.0, [2 * LOG + 0.25, 2 * LOG + 2.5, 2 * LOG + 2.5],
    ),
    "hedge, decreasing": (
        Hedge(Decreasing(1.0, 1.0)), HedgeBound(Decreasing(1.0, 1.0)), 1.0,
        [LOG + 1 / 8, LOG * math.sqrt(2) + (1 + 9 / math.sqrt(2)) / 8,
         LOG * math.sqrt(3) + (1 + 9 / math.sqrt(2)) / 8],
    ),
    "adahedge": (
        AdaHedge(), AdaHedgeBound(), 1.0,
        [math.sqrt(LOG) + 2, math.sqrt(10 * LOG) + 6, math.sqrt(10 * LOG) + 6],
    ),
    # r_1 = (-1/2, 1/2); q_2 = (0, 1); r_2 = (3, 0); q_3 = (1, 0) or so; r_3 = 0.
    "matching": (
        RegretMatching(), RegretMatchingBound(), 1.0,
        [math.sqrt(0.5), math.sqrt(9.5), math.sqrt(9.5)],
    ),
    "gumbel, mean": (GUMBEL, PerturbedLeaderBound(GUMBEL), 1.0,
                     [2 * LOG + 0.0625, 2 * LOG + 0.625, 2 * LOG + 0.625]),
    # m(K) = 1/3, c = 1, 3, 0, norm1 = 1, 3, 4.
    "uniform, mean": (UNIFORM_NOISE, PerturbedLeaderBound(UNIFORM_NOISE), 1.0,
                      [2 / 3 + 0.25, 2 / 3 + 0.25 + 2.25, 2 / 3 + 2.5]),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
def test_hand_values(name: str) -> None:
    learner, bound, scale, expected = HAND[name]
    run = played(learner, scale=scale)
    found = bound.mean_bound(run) if "mean" in name else bound.bound(run)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_the_tail_of_the_perturbed_leader_by_hand() -> None:
    bound = PerturbedLeaderBound(GUMBEL, failure_probability=0.01)
    run = played(GUMBEL)
    tail = [
        math.sqrt(0.5 * math.log(t * (t + 1) / 0.01) * squares)
        for t, squares in ((1, 1.0), (2, 10.0), (3, 10.0))
    ]
    np.testing.assert_allclose(bound.bound(run) - bound.mean_bound(run), tail, rtol=1e-12)


def test_unequal_first_weights_pay_for_the_smallest() -> None:
    run = played(Hedge(0.5), start=np.array([0.9, 0.1]))
    assert HedgeBound(0.5).bound(run)[0] == pytest.approx(2 * math.log(10) + 0.5 / 8, rel=1e-12)
    assert check_bound(HedgeBound(0.5), run).conclusion == "certified_holds"


def test_the_bound_of_a_bettor_by_hand() -> None:
    """T = 3, G = 2, e = 0.5, U = 4: a = 0.5 exp(-3/32) sqrt(2/(4 pi))."""
    a = 0.5 * math.exp(-3 / 32) * math.sqrt(2 / (4 * math.pi))
    value = 2 * (0.5 - a + 4 * math.sqrt(3 * math.log(1 + 3 * 16 / a**2)))
    assert CoinBettingBound(CoinBetting(2.0, 0.5)).against(4.0, 3).value == pytest.approx(value)
    learner = CoinBetting(3.0, per_coordinate=True)
    run = og.play(
        learner, og.adversaries.ObliviousSequence([LinearLoss(g) for g in ROWS]),
        og.sets.WholeSpace(), rounds=3, start=UNIFORM, keep="points",
    )  # fmt: skip
    single = CoinBettingBound(learner).against(4.0, 3).value
    assert CoinBettingBound(learner, 4.0).bound(run)[-1] == pytest.approx(2 * single)


BOUNDS: dict[str, tuple[Any, Any]] = {
    "hedge": (Hedge(0.5), HedgeBound(0.5)),
    "adahedge": (AdaHedge(), AdaHedgeBound()),
    "matching": (RegretMatching(), RegretMatchingBound()),
    "blum-mansour": (BlumMansour(Hedge(0.5)), BlumMansourBound(0.5)),
    "leader": (FollowTheLeader(), FollowTheLeaderBound()),
    "convex leader": (FollowTheLeader(0.5), FollowTheLeaderBound(0.5)),
    "perturbed": (GUMBEL, PerturbedLeaderBound(GUMBEL)),
    "coins": (CoinBetting(5.0), CoinBettingBound(CoinBetting(5.0))),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_statements_say_where_they_come_from(name: str) -> None:
    statement = BOUNDS[name][1].statement
    assert statement.formula.startswith(("R_T", "swap_T"))
    assert "recalled" in statement.source or "proved" in statement.source
    assert statement.tightness in {"tight", "upper"}


@pytest.mark.parametrize("name", BOUNDS)
def test_what_was_not_kept_is_not_checked(name: str) -> None:
    learner, bound = BOUNDS[name]
    run = played(learner, keep="sums")
    unknown = {p.name for p in bound.premises(run).unchecked}
    assert unknown
    if name == "coins":  # its bound needs nothing of the game but its length
        assert check_bound(bound, run).conclusion == "open"
        return
    assert np.isnan(bound.bound(run)).all()
    with pytest.raises(og.exceptions.NotAvailableError, match="play with keep='points'"):
        check_bound(bound, run)


@pytest.mark.parametrize("name", BOUNDS)
def test_replayed_examples_are_as_good_as_kept_points(name: str) -> None:
    learner, bound = BOUNDS[name]
    kept, replayed = (check_bound(bound, played(learner, keep=k)) for k in ("points", "examples"))
    np.testing.assert_array_equal(kept.bound, replayed.bound)
    np.testing.assert_allclose(kept.regret, replayed.regret, rtol=1e-13)
    assert replayed.premises.all_hold == kept.premises.all_hold


@pytest.mark.parametrize("name", BOUNDS)
def test_an_interrupted_game_and_a_moved_point_break_premises(name: str) -> None:
    learner, bound = BOUNDS[name]
    run = played(learner)
    assert bound.premises(attrs.evolve(run, status="interrupted"))["played to the end"].fails
    assert run.points is not None
    moved = attrs.evolve(run, points=(run.points[0], np.array([0.35, 0.65]), run.points[2]))
    assert bound.premises(moved).any_fails


@pytest.mark.parametrize("name", ["hedge", "adahedge", "matching", "blum-mansour"])
def test_another_set_is_named(name: str) -> None:
    bound = BOUNDS[name][1]
    run = og.play(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.ObliviousSequence([LinearLoss(g) for g in ROWS]),
        og.sets.L2Ball(1.0, center=UNIFORM), rounds=3, keep="points",
    )  # fmt: skip
    premises = bound.premises(run)
    assert premises["the decision set is a simplex"].fails
    assert np.isnan(bound.bound(run)).all()


def test_weights_of_zero_and_growing_steps_are_named() -> None:
    run = played(RegretMatching(), start=np.array([1.0, 0.0]))
    for bound in (HedgeBound(0.5), AdaHedgeBound(), BlumMansourBound(0.5)):
        assert bound.premises(run)["positive weights at first"].fails

    @attrs.frozen
    class Growing:
        adaptive = False

        def __call__(self, t: int, gradient_squares: Any, /) -> float:
            return 0.1 * t

    run = played(Hedge(Growing()))
    premises = HedgeBound(Growing()).premises(run)
    assert [p.name for p in premises.failing] == ["steps that never increase"]
    assert HedgeBound(0.1).premises(run)["exponential weights"].fails


def test_a_step_off_by_one_percent_is_another_learner() -> None:
    run = played(Hedge(0.505))
    assert HedgeBound(0.5).premises(run)["exponential weights"].fails
    run = played(BlumMansour(Hedge(0.505)))
    assert BlumMansourBound(0.5).premises(run)["weights that the copies leave unchanged"].fails


def test_swap_regret_is_at_least_the_regret() -> None:
    run = played(BlumMansour(Hedge(0.5)))
    bound = BlumMansourBound(0.5)
    assert (bound.regret(run) >= HedgeBound(0.5).regret(run) - 1e-12).all()
