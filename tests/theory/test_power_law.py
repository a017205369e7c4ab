"""Fitted exponents against scipy's regression, and what they must not be fitted to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import linregress

from olgame.exceptions import ArgumentError, DataError
from olgame.theory import PowerLaw, fit_power_law


@pytest.mark.parametrize("seed", range(5))
def test_exponent_and_error_are_those_of_a_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.repeat([128.0, 256.0, 512.0, 1024.0], 3)
    y = 3.0 * x**-0.4 * np.exp(0.2 * rng.standard_normal(x.size))
    found, known = fit_power_law(x, y), linregress(np.log(x), np.log(y))
    assert found.exponent == pytest.approx(known.slope, rel=1e-12)
    assert found.standard_error == pytest.approx(known.stderr, rel=1e-10)
    assert found.prefactor == pytest.approx(math.exp(known.intercept), rel=1e-10)
    assert found.points == 12


def test_the_error_covers_the_truth_as_often_as_it_should() -> None:
    """Two standard errors of a slope from 12 points: 92.7 % (Student, 10 degrees of freedom)."""
    rng, x = np.random.default_rng(0), np.repeat([1.0, 2.0, 3.0, 4.0], 3)
    laws = [fit_power_law(x, x**2.5 * np.exp(0.3 * rng.standard_normal(12))) for _ in range(2000)]
    inside = np.mean([abs(law.exponent - 2.5) < 2.0 * law.standard_error for law in laws])
    assert inside == pytest.approx(0.927, abs=0.018)


def test_two_points_have_no_error() -> None:
    law = fit_power_law([1, 4], [2, 1])
    assert law.exponent == pytest.approx(-0.5)
    assert math.isnan(law.standard_error)
    np.testing.assert_allclose(law([1.0, 4.0]), [2.0, 1.0])
    assert str(law) == "-0.500 (a line through two points, no error)"
    assert str(PowerLaw(0.5, 0.01, 1.0, 9)) == "+0.500 +- 0.010"


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        ([1.0, 2.0], [1.0], ArgumentError),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], ArgumentError),
        ([[1.0, 2.0]], [[1.0, 2.0]], ArgumentError),
        ([1.0, 2.0], [1.0, 0.0], DataError),
        ([1.0, 2.0], [1.0, math.nan], DataError),
        ([-1.0, 2.0], [1.0, 1.0], DataError),
    ],
)
def test_bad_measurements(x: Any, y: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="fit_power_law"):
        fit_power_law(x, y)
