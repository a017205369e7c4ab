"""Means over seeds, with scipy as an oracle, and the interval does what it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from olgame.band import band_of, student_quantile
from olgame.exceptions import ArgumentError, DataError


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 14, 15, 16, 63, 100, 999, 1000])
def test_quantiles_of_student(degrees: int) -> None:
    for probability in (0.5, 0.55, 0.75, 0.95, 0.975, 0.995, 0.9995, 0.025, 0.3):
        expected = stats.t.ppf(probability, degrees)
        found = student_quantile(probability, degrees)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 3, 16])
def test_against_scipy(count: int, level: float) -> None:
    values = np.random.default_rng(0).lognormal(size=(7, count))
    found = band_of(values, level)
    low, high = stats.t.interval(
        level, count - 1, loc=values.mean(1), scale=stats.sem(values, axis=1)
    )
    np.testing.assert_allclose(found.lower, low, rtol=1e-10)
    np.testing.assert_allclose(found.upper, high, rtol=1e-10)
    np.testing.assert_allclose(found.standard_error, stats.sem(values, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(found.least, values.min(1))
    np.testing.assert_array_equal(found.most, values.max(1))
    for t, row in enumerate(values):
        one = band_of(row, level)
        assert (one.mean, one.lower) == (found.mean[t], found.lower[t])
        assert isinstance(one.mean, float)


def test_the_level_is_the_coverage() -> None:
    """Of 20,000 normal samples of 16 the interval holds the mean in 95 % (+- 0.5 %)."""
    found = band_of(np.random.default_rng(1).standard_normal((20_000, 16)) + 3.0)
    covered = float(((found.lower <= 3.0) & (found.upper >= 3.0)).mean())
    assert covered == pytest.approx(0.95, abs=0.005)
    # A normal quantile in the place of Student's would not: 1.96 instead of 2.13.
    narrow = 1.959964 * found.standard_error
    assert float((np.abs(found.mean - 3.0) <= narrow).mean()) < 0.94


def test_equal_values_have_no_width() -> None:
    found = band_of([0.1, 0.1, 0.1])
    assert found.half_width == pytest.approx(0.0, abs=1e-16)
    assert found.least == found.most == 0.1


def test_says_what_it_is() -> None:
    text = str(band_of([1.0, 2.0, 4.0], 0.9))
    assert text == ("2.33333 +- 2.6 (90 % t-interval of the mean over 3 seeds; from 1 to 4)")
    assert str(band_of(np.ones((5, 3)))) == "a curve of 5 means over 3 seeds"


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_levels(level: float) -> None:
    with pytest.raises(ArgumentError, match=r"`band_of\(level=\.\.\.\)` must be between 0 and 1"):
        band_of([1.0, 2.0], level)


@pytest.mark.parametrize("values", [3.0, [3.0], np.ones((4, 1))])
def test_one_game_has_no_band(values: object) -> None:
    with pytest.raises(ArgumentError, match="at least 2 games on the last axis"):
        band_of(values)


def test_what_is_not_finite() -> None:
    with pytest.raises(DataError, match="must be finite"):
        band_of([1.0, np.nan])


@pytest.mark.parametrize(("probability", "degrees"), [(0.0, 3), (1.0, 3), (0.9, 0)])
def test_no_such_quantile(probability: float, degrees: int) -> None:
    with pytest.raises(ArgumentError, match="student_quantile"):
        student_quantile(probability, degrees)
