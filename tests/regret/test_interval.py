"""Interval regret against a brute force over intervals, with support functions written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, NotKeptError
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.regret.interval import dyadic_intervals

Floats = NDArray[np.float64]
T, P = 23, 3
CENTER = np.array([0.3, -0.2, 0.1])


def l2(g: Floats) -> float:
    return float(g @ CENTER + 1.5 * math.sqrt(g @ g))


def simplex(g: Floats) -> float:
    return float(g.max())


def box(g: Floats) -> float:
    return float(np.maximum(-1.0 * g, 2.0 * g).sum())


SETS: dict[str, tuple[Any, Any, Floats]] = {
    "ball": (og.sets.L2Ball(1.5, CENTER), l2, CENTER + 0.1),
    "simplex": (og.sets.Simplex(3), simplex, np.array([0.2, 0.3, 0.5])),
    "box": (og.sets.Box(-1.0, 2.0, dim=3), box, CENTER),
}


def game(name: str, *, keep: Any = "points", linear: bool = True) -> og.Transcript:
    decision_set, _, start = SETS[name]
    rng = np.random.default_rng(0)
    losses: list[Any] = [LinearLoss(g) for g in rng.standard_normal((T, P))]
    if not linear:
        losses[::2] = [QuadraticLoss(a) for a in rng.standard_normal((T, P))[::2]]
    adversary = og.adversaries.ObliviousSequence(losses)
    learner = og.learners.OnlineGradientDescent(0.3)
    return og.play(learner, adversary, decision_set, rounds=T, start=start, keep=keep)


def brute_force(run: og.Transcript, support: Any, first: int, last: int) -> float:
    """max over u of the sum of <g_t, W_t - u>, round by round."""
    assert run.points is not None
    losses: Any = run.round_losses
    total, lost = np.zeros(P), 0.0
    for t in range(first - 1, last):
        w = np.asarray(run.points[t])
        g = np.asarray(losses[t].evaluate(w).gradient)
        total, lost = total + g, lost + float(g @ w)
    return lost + float(support(-total))


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("name", SETS)
def test_every_interval_equals_a_brute_force(name: str, linear: bool) -> None:
    run = game(name, linear=linear)
    found = og.regret.interval(run)
    assert len(found.value) == T * (T + 1) // 2
    worst: dict[int, float] = {}
    for first in range(1, T + 1):
        for last in range(first, T + 1):
            expected = brute_force(run, SETS[name][1], first, last)
            assert found.at(first, last) == pytest.approx(expected, abs=1e-12)
            length = last - first + 1
            worst[length] = max(worst.get(length, -math.inf), expected)
    assert found.worst().value == pytest.approx(max(worst.values()))
    assert found.worst().side == "exact"
    lengths, values = found.worst_of_length()
    assert lengths.tolist() == sorted(worst)
    np.testing.assert_allclose(values, [worst[n] for n in sorted(worst)])
    assert found.at(1, T) == pytest.approx(og.regret.linear(run).value)
    dyadic = og.regret.interval(run, "dyadic")
    for first, last, value in zip(dyadic.first, dyadic.last, dyadic.value, strict=True):
        assert value == found.at(int(first), int(last))


def test_dyadic_intervals_are_those_of_the_definition() -> None:
    for rounds in (1, 2, 7, 8, 23):
        expected = {
            (i * 2**k + 1, (i + 1) * 2**k)
            for k in range(10)
            for i in range(rounds)
            if (i + 1) * 2**k <= rounds
        }
        first, last = dyadic_intervals(rounds)
        found = list(zip(first.tolist(), last.tolist(), strict=True))
        assert set(found) == expected
        assert len(found) == len(expected) < 2 * rounds


def test_examples_are_enough_and_sums_are_not() -> None:
    kept, replayed = (
        og.regret.interval(game("ball")),
        og.regret.interval(game("ball", keep="examples")),
    )
    np.testing.assert_allclose(kept.value, replayed.value, rtol=1e-13)
    with pytest.raises(NotKeptError, match="keep='examples'"):
        og.regret.interval(game("ball", keep="sums"))


def test_other_comparators_and_games_with_leading_axes() -> None:
    run = game("ball")
    smaller = og.sets.L2Ball(0.5, CENTER)
    inside = og.regret.interval(run, comparators=smaller)
    assert (inside.value < og.regret.interval(run).value).all()

    rng = np.random.default_rng(4)
    starts, gradients = rng.standard_normal((4, P)), rng.standard_normal((T, 4, P))
    learner = og.learners.OnlineGradientDescent(0.3)

    def play(g: Any, start: Any) -> Any:
        adversary = og.adversaries.ObliviousSequence([LinearLoss(x) for x in g])
        ball = og.sets.L2Ball(1.5, center=start)
        return og.play(learner, adversary, ball, rounds=T, start=start, keep="points")

    together = og.regret.interval(play(gradients, starts))
    for i in range(4):
        alone = og.regret.interval(play(gradients[:, i], starts[i]))
        np.testing.assert_allclose(together.value[:, i], alone.value, rtol=1e-12, atol=1e-12)
    assert np.asarray(together.at(2, 9)).shape == (4,)
    assert np.asarray(together.worst().value).shape == (4,)


def test_what_cannot_be_answered_is_refused() -> None:
    run = game("ball")
    with pytest.raises(ArgumentError, match=r"must be one of the 42 intervals .*, got \[2, 3\]"):
        og.regret.interval(run, "dyadic").at(2, 3)
    with pytest.raises(
        ArgumentError, match=r"`interval\(which=\.\.\.\)` must be 'all' or 'dyadic'"
    ):
        og.regret.interval(run, "some")  # type: ignore[arg-type]  # what is refused
    bad = [LinearLoss(np.array([np.nan, 0.0, 0.0]))] * T
    broken = og.play(
        og.learners.OnlineGradientDescent(0.3),
        og.adversaries.ObliviousSequence(bad),
        og.sets.L2Ball(1.5, CENTER),
        rounds=T,
        keep="points",
        on_violation="record",
    )
    with pytest.raises(NotAvailableError, match="has no regret"):
        og.regret.interval(broken)
