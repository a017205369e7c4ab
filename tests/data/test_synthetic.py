"""Circle and Gaussians: what is known of them, measured by brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame.data import circle, gaussians
from olgame.exceptions import ArgumentError


def least_distance(x: Any, y: Any) -> float:
    """Between two points with different labels, all pairs."""
    return min(
        math.dist(a, b)
        for a, s in zip(x, y, strict=True)
        for b, t in zip(x, y, strict=True)
        if s != t
    )


@pytest.mark.parametrize("sectors", [2, 4, 6])
@pytest.mark.parametrize("n", [12, 13, 31])
@pytest.mark.parametrize("separation", [1e-3, 0.5, 0.99])
def test_the_circle_keeps_its_separation(n: int, sectors: int, separation: float) -> None:
    x, y = circle(n, sectors=sectors, separation=separation)
    assert x.shape == (n, 2)
    assert np.abs(np.hypot(x[:, 0], x[:, 1]) - 1.0).max() < 4e-16
    assert least_distance(x, y) == pytest.approx(separation, abs=1e-15)
    assert set(y) == {-1.0, 1.0}
    # The label changes as often as there are sectors, once around.
    assert np.count_nonzero(y != np.roll(y, 1)) == sectors
    angle = np.arctan2(x[:, 1], x[:, 0]) % (2 * math.pi)
    assert np.array_equal(angle, np.sort(angle))


@pytest.mark.parametrize("n", [2, 4, 8])
def test_one_point_a_sector_is_a_regular_polygon(n: int) -> None:
    x, y = circle(n, sectors=n, separation=0.1)
    assert least_distance(x, y) == pytest.approx(2.0 * math.sin(math.pi / n), rel=1e-14)


def test_two_sectors_are_linearly_separable() -> None:
    x, y = circle(50, separation=0.5)
    # The upper half is -1; its ends are as high as half the chord.
    assert (-y * x[:, 1]).min() == pytest.approx(0.25, rel=1e-14)


def test_gaussian_moments_and_errors() -> None:
    x, y = gaussians(40_000, 3, separation=3.0, seed=5)
    assert x.dtype == y.dtype == np.float64
    for sign in (-1.0, 1.0):
        part = x[y == sign]
        assert len(part) == 20_000
        np.testing.assert_allclose(part.mean(axis=0), [1.5 * sign, 0.0, 0.0], atol=0.03)
        np.testing.assert_allclose(np.cov(part.T), np.eye(3), atol=0.04)

    def phi(v: float) -> float:
        return 0.5 * math.erfc(-v / math.sqrt(2.0))

    for rho in (0.0, 0.5):
        wrong = float((y * x[:, 0] - rho < 0.0).mean())
        assert wrong == pytest.approx(phi(rho - 1.5), abs=0.008)
    assert y[:4].tolist() == [-1.0, 1.0, -1.0, 1.0]


def test_gaussian_seeds() -> None:
    first, again = gaussians(9, 2, separation=1.0, seed=3), gaussians(9, 2, separation=1.0, seed=3)
    other = gaussians(9, 2, separation=1.0, seed=4)
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.allclose(first.x, other.x)
    state = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    gaussians(9, 2, separation=1.0)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize(
    ("call", "name"),
    [
        *((lambda v=v: circle(v), r"circle\(n") for v in [1, 0, 2.0, True, None]),
        (lambda: circle(3, sectors=4), r"circle\(n"),
        *((lambda v=v: circle(9, sectors=v), r"circle\(sectors") for v in [1, 3, 0, 2.0, True]),
        *(
            (lambda v=v: circle(9, separation=v), r"circle\(separation")
            for v in [0.0, 2.0, -1.0, float("nan"), "1", True]
        ),
        (lambda: circle(9, sectors=4, separation=1.42), r"circle\(separation"),
        *((lambda v=v: gaussians(v, 2, separation=1.0), r"gaussians\(n") for v in [1, 2.0, True]),
        *((lambda v=v: gaussians(4, v, separation=1.0), r"gaussians\(dim") for v in [0, "2"]),
        *(
            (lambda v=v: gaussians(4, 2, separation=v), r"gaussians\(separation")
            for v in [-1.0, float("nan"), float("inf"), "1", True]
        ),
        (lambda: gaussians(4, 2, separation=1.0, seed=-1), r"gaussians\(seed"),
    ],
)
def test_bad_arguments_are_named(call: Any, name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"`{name}=\.\.\.\)` must be"):
        call()
