"""Extreme scales, translations, sampling laws and errors of the sets."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.sets import L2Ball, L2InfBall, ProductSet, WholeSpace, check_point
from olgame.sets.norms import norm, unit

CENTER = np.array([1.0, 2.0])
# A Pythagorean direction: its norm is 65 exactly, so scaled projections are known by hand.
DIRECTION = np.array([25.0, -60.0, 0.0, 0.0])
UNIT = DIRECTION / 65.0


def floats(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.integers(-300, 300), st.integers(-290, 290), st.booleans(), st.booleans())
def test_projection_at_extreme_scales(size: int, radius: int, batch: bool, center: bool) -> None:
    """norm(x) = 65 10^a against R = 10^b, float64: the projection is R x/norm(x), or x."""
    x = DIRECTION * 10.0**size
    r = 10.0**radius
    ball = L2Ball(r, np.zeros(4) if center else None)
    expected = UNIT * r if math.log10(65) + size > radius else x
    given_ = np.stack([x, np.zeros(4)]) if batch else x
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = to_numpy(ball.project(given_))
    np.testing.assert_allclose(p[0] if batch else p, expected, rtol=1e-14)
    assert not batch or np.array_equal(p[1], np.zeros(4))
    assert np.all(np.asarray(ball.contains(p, atol=1e-14 * r)))
    assert bool(np.ravel(np.asarray(ball.contains(given_)))[0]) is (expected is x)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(-36, 36), st.integers(-35, 35), st.sampled_from(["numpy", "torch"]))
def test_projection_at_extreme_scales_in_float32(size: int, radius: int, library: str) -> None:
    x: Any = (DIRECTION * 10.0**size).astype(np.float32)
    if library == "torch":
        x = pytest.importorskip("torch").tensor(x)
    expected = UNIT * 10.0**radius if math.log10(65) + size > radius else DIRECTION * 10.0**size
    p = to_numpy(L2Ball(10.0**radius).project(x))
    np.testing.assert_allclose(p, expected, rtol=1e-6)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_norm_and_unit(library: str) -> None:
    rows: Any = np.array([[3e-320, 4e-320], [3e200, 4e200], [3e-200, 4e-200], [3.0, 4.0], [0, 0]])
    if library == "torch":
        rows = pytest.importorskip("torch").tensor(rows)
    np.testing.assert_allclose(to_numpy(norm(rows)), [5e-320, 5e200, 5e-200, 5, 0], rtol=1e-3)
    np.testing.assert_allclose(to_numpy(norm(rows))[1:], [5e200, 5e-200, 5, 0], rtol=1e-15)
    np.testing.assert_allclose(to_numpy(unit(rows))[1:4], [[0.6, 0.8]] * 3, rtol=1e-15)
    assert np.array_equal(to_numpy(unit(rows))[4], [0.0, 0.0])
    assert math.isnan(float(to_numpy(norm(floats(math.nan, 1.0)))))
    assert float(to_numpy(norm(floats(0.0, 0.0)))) == 0.0


def test_one_bad_game_does_not_spoil_the_others() -> None:
    x = np.array([[math.nan, 0.0], [math.inf, 0.0], [3.0, 4.0], [0.1, 0.2]])
    for ball in (L2Ball(1.0), L2Ball(1.0, np.zeros(2))):
        p = to_numpy(ball.project(x))
        assert np.isnan(p[:2]).any(axis=1).all()
        np.testing.assert_allclose(p[2:], [[0.6, 0.8], [0.1, 0.2]], rtol=1e-15)


def test_translation_by_minus_the_center_is_exact() -> None:
    center = np.random.default_rng(0).standard_normal(50) * 10.0 ** np.arange(-25.0, 25.0)
    assert L2Ball(1.0, center).translate(-center).center is None


def test_a_center_of_another_kind_is_converted() -> None:
    """A float64 sum of a float32 game: support in float64, with the float32 center's values."""
    torch = pytest.importorskip("torch")
    center = torch.tensor([0.1, 0.2], dtype=torch.float32)
    for ball in (L2Ball(2.0, center), L2InfBall(2.0, 1, center)):
        value = ball.support(floats(3.0, 4.0))
        assert np.asarray(value).dtype == np.float64
        expected = 3.0 * float(center[0]) + 4.0 * float(center[1]) + 10.0
        assert float(to_numpy(value)) == pytest.approx(expected, rel=1e-15)
        assert ball.project(np.array([9.0, 9.0], dtype=np.float32)).dtype == np.float32


def test_samples_are_uniform_in_the_ball() -> None:
    """norm(u)^p and the first coordinate's sign against their laws."""
    from scipy import stats

    p = 5
    u = to_numpy(L2Ball(2.0, np.ones(p)).sample(np.random.default_rng(1), (4000, p))) - 1.0
    powers = (np.linalg.norm(u, axis=-1) / 2.0) ** p
    assert stats.kstest(powers, "uniform").pvalue > 1e-3
    # A coordinate of a uniform point of the unit p-ball: (1 + v)/2 is Beta((p + 1)/2, (p + 1)/2).
    for j in range(p):
        law = stats.beta((p + 1) / 2, (p + 1) / 2)
        assert stats.kstest((1.0 + u[:, j] / 2.0) / 2.0, law.cdf).pvalue > 1e-3


def test_float32_projection_of_many_weights() -> None:
    x = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    p = to_numpy(L2Ball(3.0).project(x))
    assert abs(math.sqrt(math.fsum(p * p)) - 3.0) < 3.0 * 16 * 1.2e-7


INVALID: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: L2Ball(math.nan),
        ArgumentError,
        r"`L2Ball\(radius=...\)` must be .* got nan",
    ),
    (lambda: L2Ball(math.inf), ArgumentError, r"`L2Ball\(radius=...\)` must be finite.*got inf"),
    (lambda: L2Ball(0.0), ArgumentError, r"`L2Ball\(radius=...\)` must be finite and positive"),
    (lambda: L2Ball("1"), ArgumentError, r"`L2Ball\(radius=...\)` .* got '1'"),
    (lambda: L2Ball(True), ArgumentError, r"`L2Ball\(radius=...\)` .* got True"),
    (lambda: L2Ball(None), ArgumentError, r"`L2Ball\(radius=...\)` .* got None"),
    (
        lambda: L2Ball(1.0, floats(0.0, math.nan)),
        ArgumentError,
        r"center=...\)` must be fin",
    ),
    (
        lambda: L2Ball(1.0, floats(1, 2).astype(int)),
        ShapeError,
        r"center=...\)` must be an array",
    ),
    (lambda: L2Ball(1.0, [1.0, 2.0]), ShapeError, r"center=...\)` .* got list"),  # type: ignore[arg-type]  # what is refused
    (
        lambda: L2InfBall(-1.0, 2),
        ArgumentError,
        r"`L2InfBall\(radius=...\)` must be finite",
    ),
    (lambda: L2InfBall(1.0, 0), ArgumentError, r"`L2InfBall\(rows=...\)` must be an integer of at"),
    (lambda: L2InfBall(1.0, 3, CENTER), ShapeError, r"multiple of `rows` = 3, got 2"),
    (lambda: L2InfBall(1.0, 2).project(np.zeros(5)), ShapeError, r"multiple of `rows` = 2, got 5"),
    (lambda: L2InfBall(1.0, 2, CENTER).project(np.zeros(4)), ShapeError, r"length 2, got 4"),
    (lambda: L2Ball(1.0, CENTER).project(np.zeros(3)), ShapeError, r"must have 2 entries.*got 3"),
    (lambda: L2Ball(1.0, CENTER).project(np.zeros(1)), ShapeError, r"must have 2 entries.*got 1"),
    (lambda: L2Ball(1.0, CENTER).translate(np.zeros(3)), ShapeError, r"must have 2 entries"),
    (lambda: L2Ball(1.0, CENTER).sample(np.random.default_rng(0), (3,)), ShapeError, "end in 2"),
    (lambda: ProductSet([]), ArgumentError, r"`ProductSet\(blocks=...\)` .* got none"),
    (lambda: ProductSet([L2Ball(1.0)]), ArgumentError, r"pairs \(set, length\), got"),  # type: ignore[list-item]  # what is refused
    (lambda: ProductSet([(L2Ball(1.0), 0)]), ArgumentError, r"length of block 0 is 0"),
    (lambda: ProductSet([(L2Ball(1.0, CENTER), 3)]), ShapeError, r"length 3 but .* dimension 2"),
    (lambda: ProductSet([(L2Ball(1.0), 3)]).project(np.zeros(4)), ShapeError, "3 entries"),
    (lambda: WholeSpace(dim=-1), ArgumentError, r"`WholeSpace\(dim=...\)` must be an integer"),
    (lambda: WholeSpace(dim=3).project(np.zeros(4)), ShapeError, "3 entries"),
    (lambda: WholeSpace().lmo(np.ones(2)), NotAvailableError, "unbounded below"),
]


@pytest.mark.parametrize("which", range(len(INVALID)))
def test_errors_name_the_argument(which: int) -> None:
    call, kind, message = INVALID[which]
    with pytest.raises(kind, match=message):
        call()


def test_check_point() -> None:
    ball = L2Ball(1.0, CENTER)
    check_point(ball, np.zeros(2), "play(start=...)")
    check_point(ball, np.zeros((7, 2)), "play(start=...)")
    check_point(L2Ball(1.0), np.zeros(9), "play(start=...)")
    refused: list[tuple[Any, Any, type[Exception], str]] = [
        (ball, np.zeros(3), ShapeError, r"^`play\(start=...\)` must have 2 entries .* got 3"),
        (ball, np.array([0.0, math.inf]), ArgumentError, r"must be finite, got inf at index 1"),
        (ball, np.array([[0.0, math.nan]]), ArgumentError, r"got nan at index \(0, 1\)"),
        (ball, np.zeros(2, dtype=np.float32), ShapeError, r"dtype .*\(float64\), got float32"),
        (ball, np.zeros(2, dtype=int), ShapeError, r"array of floats .* got int64"),
        (ball, [0.0, 0.0], ShapeError, r"array of floats .* got list"),
        (ball, np.array(0.0), ShapeError, r"at least one axis"),
        (L2InfBall(1.0, 2), np.zeros(3), ShapeError, r"does not fit the set.*`rows` = 2, got 3"),
        (L2Ball(1.0, np.zeros((4, 2))), np.zeros(2), ShapeError, r"leading axes of `L2Ball`"),
        (L2Ball(1.0, np.zeros((4, 2))), np.zeros((3, 2)), ShapeError, r"L2Ball.project` accepts"),
    ]
    for decision_set, x, kind, message in refused:
        with pytest.raises(kind, match=message):
            check_point(decision_set, x, "play(start=...)")


def test_check_point_refuses_another_library() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ShapeError, match=r"array library of the center"):
        check_point(L2Ball(1.0, CENTER), torch.zeros(2, dtype=torch.float64), "play(start=...)")


def test_projection_in_place_equals_projection() -> None:
    rng = np.random.default_rng(0)
    for ball in (L2Ball(1.0), L2Ball(1.0, np.full(5, 0.3)), L2Ball(1e-30)):
        for scale in (0.1, 1.0, 50.0, 1e200):
            x = scale * rng.standard_normal(5)
            expected = np.array(ball.project(x))
            np.testing.assert_array_equal(np.asarray(ball.project_in_place(x.copy())), expected)
