"""What is printed of a certified number is certified too."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import olgame as og
from olgame.results import Certified, Interval, outward

NUMBERS = st.floats(min_value=-1e300, max_value=1e300, allow_subnormal=False)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(NUMBERS)
def test_bounds_are_rounded_outward(value: float) -> None:
    low, high = outward(value, "lower"), outward(value, "upper")
    # Of the texts: a float of a text would be rounded again.
    assert Fraction(low) <= Fraction(repr(value)) <= Fraction(high)
    near = float(format(value, ".6g"))
    assert near in (float(low), float(high))


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0.590366818851145, "0.590366", "0.590367"),
        (0.5, "0.5", "0.5"),
        (1.0, "1", "1"),
        (-0.1234567, "-0.123457", "-0.123456"),
        (1e-7, "1e-07", "1e-07"),
        (123456789.0, "1.23456e+08", "1.23457e+08"),
        (np.inf, "inf", "inf"),
    ],
)
def test_hand_values(value: float, low: str, high: str) -> None:
    assert outward(value, "lower") == low
    assert outward(value, "upper") == high


def test_what_prints_them() -> None:
    lower, upper = Certified(0.5903668, "lower", "a"), Certified(0.5903662, "upper", "b")
    assert str(lower).startswith(">= 0.590366 ")
    assert str(upper).startswith("<= 0.590367 ")
    assert str(Interval(lower, upper)).startswith("in [0.590366, 0.590367] ")
    batch = Certified(np.array([0.5903668, 0.25]), "lower", "a")  # type: ignore[arg-type]  # batch
    assert "[0.590366 0.25]" in str(batch)
    bracket = og.certify.Bracket(lower, upper, per_sample=None, clean=0.0, method="m")  # type: ignore[arg-type]  # nothing of samples
    assert "[0.590366, 0.590367]" in str(bracket)


def test_a_transcript_prints_in_a_line() -> None:
    losses = [og.losses.QuadraticLoss(np.full(4000, 0.01))] * 3
    ball = og.sets.L2Ball(1.0, center=np.zeros(4000))
    learner, adversary = (
        og.learners.OnlineGradientDescent(0.5),
        og.adversaries.ObliviousSequence(losses),
    )
    run = og.play(learner, adversary, ball, rounds=3, keep="points")
    assert str(run) == (
        "<Transcript: OnlineGradientDescent against ObliviousSequence, 3 of 3 rounds, finished, "
        "loss 0.2 to 0.0125, least 0.0125, keep='points'>"
    )
    assert repr(run) == str(run)


def test_a_stored_run_prints_in_a_line(tmp_path: Path) -> None:
    learner, ball = og.learners.OnlineGradientDescent(0.5), og.sets.L2Ball(1.0, center=np.zeros(5))
    adversary = og.adversaries.ObliviousSequence([og.losses.QuadraticLoss(np.full(5, 0.4))] * 3)
    run = og.play(learner, adversary, ball, rounds=3)
    folder = og.storage.save_run(tmp_path / "run", run, config={}, results={"a": 1, "b": 2})
    stored = og.storage.load_run(folder)
    short = str(run).removeprefix("<Transcript: ").removesuffix(", keep='sums'>")
    assert "3 of 3 rounds, finished, loss 0.4 to" in short
    assert str(stored) == f"<StoredRun: {short}, results: a, b, folder={str(folder)!r}>"
    stranger = attrs.evolve(stored, game={"violations": 3}, results={})  # a file of somebody else
    assert "? against ?, 3 of ? rounds, ?, loss" in repr(stranger)
    assert "results: none" in repr(stranger)
    broken = attrs.evolve(stored, game={**stored.game, "violations": [{}, {}]})
    assert "2 violations" in repr(broken)
