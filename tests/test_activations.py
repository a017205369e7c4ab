from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame.activations
from olgame.activations import (
    gelu,
    get_activation,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from olgame.exceptions import ArgumentError, NotAvailableError

Floats = NDArray[np.float64]
SMOOTH = [softplus, tanh, gelu, silu]
# What each activation is, in mpmath and independent of the code under test.
DEFINITION: dict[str, Callable[[Any, Any], Any]] = {
    "softplus": lambda mp, z: mp.log1p(mp.exp(z)),
    "tanh": lambda mp, z: mp.tanh(z),
    "gelu": lambda mp, z: z * mp.erfc(-z / mp.sqrt(2)) / 2,
    "silu": lambda mp, z: z / (1 + mp.exp(-z)),
}
# C1 and C2 to six digits, the range of sigma'' and its critical points, worked out by hand or by a
# root finder elsewhere.
KNOWN = {
    "softplus": (1.0, 0.25, (0.0, 0.25), (0.0,)),
    "tanh": (1.0, 0.7698003589, (-0.7698003589, 0.7698003589), (-0.658478948, 0.658478948)),
    "gelu": (1.1289041452, 0.7978845608, (-0.1079819330, 0.7978845608), (-2.0, 0.0, 2.0)),
    "silu": (1.0998393201, 0.5, (-0.0369143732, 0.5), (-3.435840994, 0.0, 3.435840994)),
}
POINTS = np.array(
    [-700.0, -300.0, -40.0, -20.5, -7.0, -3.0, -1.0, -1e-3, 0.0, 1e-9, 0.4, 2.0, 20.5, 300.0, 700.0]
)

smooth = pytest.mark.parametrize("sigma", SMOOTH, ids=lambda s: s.name)


@pytest.fixture
def mp() -> Any:
    return pytest.importorskip("mpmath")


def reference(mp: Any, sigma: Any, z: Floats, order: int) -> Floats:
    """The derivative of the definition, by mpmath's own differentiation with 60 digits."""
    definition = functools.partial(DEFINITION[sigma.name], mp)
    with mp.workdps(60):
        return np.array([float(mp.diff(definition, mp.mpf(float(s)), order)) for s in z])


@smooth
@pytest.mark.parametrize("order", [0, 1, 2])
def test_values_and_derivatives_match_sixty_digit_ones(mp: Any, sigma: Any, order: int) -> None:
    got = [sigma.value, sigma.derivative, sigma.second_derivative][order](POINTS)
    want = reference(mp, sigma, POINTS, order)
    # Relative, in the tails too; GELU's tails come from erfc and exp of a large square.
    near = np.abs(POINTS) <= (7.0 if sigma is gelu else 100.0)
    np.testing.assert_allclose(got[near], want[near], rtol=5e-14, atol=1e-300)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-30)


@smooth
def test_values_and_derivatives_at_once_are_those_one_by_one(sigma: Any) -> None:
    z = np.concatenate([POINTS, [-1e300, -800.0, -0.0, 0.0, 800.0, 1e300]])
    value, derivative = sigma.value_and_derivative(z)
    np.testing.assert_allclose(value, sigma.value(z), rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(derivative, sigma.derivative(z), rtol=1e-15, atol=1e-300)
    assert np.isnan(sigma.value_and_derivative(np.array([np.nan]))).all()


@smooth
def test_derivatives_are_finite_differences(sigma: Any) -> None:
    z = np.linspace(-8, 8, 801)
    h = 1e-5
    first = (sigma.value(z + h) - sigma.value(z - h)) / (2 * h)
    second = (sigma.derivative(z + h) - sigma.derivative(z - h)) / (2 * h)
    np.testing.assert_allclose(sigma.derivative(z), first, atol=1e-9)
    np.testing.assert_allclose(sigma.second_derivative(z), second, atol=1e-9)


@smooth
def test_constants_are_bounds_and_tight(sigma: Any) -> None:
    c1, c2, curvature, points = KNOWN[sigma.name]
    assert sigma.c1 == pytest.approx(c1, abs=1e-9)
    assert sigma.c2 == pytest.approx(c2, abs=1e-9)
    assert sigma.curvature_range == pytest.approx(curvature, abs=1e-9)
    assert sigma.critical_points == pytest.approx(points, abs=1e-8)
    z = np.concatenate([np.linspace(-12, 12, 400_001), np.array(sigma.critical_points), [500.0]])
    first, second = sigma.derivative(z), sigma.second_derivative(z)
    assert np.abs(first).max() <= sigma.c1
    assert np.abs(second).max() <= sigma.c2
    assert sigma.curvature_range[0] <= second.min()
    assert second.max() <= sigma.curvature_range[1]
    assert np.abs(first).max() >= sigma.c1 - 1e-8
    assert np.abs(second).max() >= sigma.c2 - 1e-8
    assert second.min() <= sigma.curvature_range[0] + 1e-8


@smooth
def test_constants_bound_the_exact_extremes(mp: Any, sigma: Any) -> None:
    """The extremes with 40 digits, located by mpmath's root finder: outward by at most 2e-12."""
    definition = functools.partial(DEFINITION[sigma.name], mp)
    with mp.workdps(40):
        extremes = []
        for point in sigma.critical_points:
            exact = mp.findroot(lambda z: mp.diff(definition, z, 3), point, tol=1e-25)
            assert abs(exact - point) < 1e-14
            extremes.append(mp.diff(definition, exact, 2))
        low, high = min([*extremes, mp.mpf(0)]), max(extremes)
        assert low - mp.mpf("2e-12") <= mp.mpf(sigma.curvature_range[0]) <= low
        assert high <= mp.mpf(sigma.curvature_range[1]) <= high + mp.mpf("2e-12")
        assert max(-low, high) <= mp.mpf(sigma.c2)
        # abs(sigma') is largest at a zero of sigma'' or at infinity, where it tends to 0 or 1.
        zeros = {"gelu": [mp.sqrt(2)], "silu": [mp.mpf("2.4")], "tanh": [mp.mpf(0)], "softplus": []}
        slopes = [mp.mpf(0 if sigma is tanh else 1)]
        for zero in zeros[sigma.name]:
            exact = mp.findroot(lambda z: mp.diff(definition, z, 2), zero, tol=1e-25)
            slopes.append(abs(mp.diff(definition, exact)))
        assert max(slopes) <= mp.mpf(sigma.c1) <= max(slopes) + mp.mpf("2e-12")


@smooth
def test_range_of_the_second_derivative_is_that_of_a_dense_grid(sigma: Any) -> None:
    rng = np.random.default_rng(3)
    lo = rng.uniform(-6, 5, 300)
    hi = lo + rng.exponential(1.5, 300)
    least, largest = sigma.second_derivative_range(lo, hi)
    grid = lo[:, None] + (hi - lo)[:, None] * np.linspace(0, 1, 4001)
    dense = sigma.second_derivative(grid)
    ulps = 4e-16
    assert (least <= dense.min(axis=1) + ulps).all()
    assert (largest >= dense.max(axis=1) - ulps).all()
    np.testing.assert_allclose(least, dense.min(axis=1), atol=2e-6)
    np.testing.assert_allclose(largest, dense.max(axis=1), atol=2e-6)
    # Ends alone would not do: the critical points are what makes it a range.
    ends = np.stack([sigma.second_derivative(lo), sigma.second_derivative(hi)])
    assert (largest > ends.max(axis=0) + 1e-3).any() or (least < ends.min(axis=0) - 1e-3).any()


@smooth
def test_range_over_everything_and_over_a_point(sigma: Any) -> None:
    least, largest = sigma.second_derivative_range(np.array([-np.inf]), np.array([np.inf]))
    assert (least[0], largest[0]) == pytest.approx(sigma.curvature_range, abs=1e-11)
    point = np.array([0.3, -5.0])
    for end in sigma.second_derivative_range(point, point):
        np.testing.assert_array_equal(end, sigma.second_derivative(point))


@pytest.mark.parametrize("lo", [1.0, math.nan])
def test_range_over_no_interval_is_refused(lo: float) -> None:
    lower: Floats = np.array([0.0, lo])
    upper: Floats = np.array([1.0, 0.5])
    with pytest.raises(ArgumentError, match="lo <= hi"):
        softplus.second_derivative_range(lower, upper)


def test_relu() -> None:
    z = np.array([-2.0, -0.0, 0.0, 3.0])
    np.testing.assert_array_equal(relu.value(z), [0.0, 0.0, 0.0, 3.0])
    np.testing.assert_array_equal(relu.derivative(z), [0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(relu.second_derivative(z), np.zeros(4))
    assert (relu.c1, relu.c2, relu.curvature_range) == (1.0, None, None)
    with pytest.raises(NotAvailableError, match="jumps"):
        relu.second_derivative_range(z, z)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sigma", [*SMOOTH, relu], ids=lambda s: s.name)
def test_nothing_overflows_and_the_dtype_stays(sigma: Any, dtype: Any) -> None:
    big = float(np.finfo(dtype).max) / 4
    z = np.array([-big, -1e4, -90.0, 90.0, 1e4, big], dtype=dtype)
    for function in (sigma.value, sigma.derivative, sigma.second_derivative, sigmoid):
        got = np.asarray(function(z))
        assert np.isfinite(got).all()
        assert got.dtype == dtype
    assert (sigma.derivative(z)[:3] <= 1e-20).all()


@pytest.mark.parametrize("sigma", [*SMOOTH, relu], ids=lambda s: s.name)
def test_nan_does_not_pass_silently(sigma: Any) -> None:
    assert np.isnan(sigma.value(np.array([math.nan]))).all()


def test_gelu_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    want: Any = gelu.value(POINTS)
    olgame.activations._numpy_erfc.cache_clear()
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    try:
        got: Any = gelu.value(POINTS)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-200)
        assert gelu.value(POINTS.astype(np.float32)).dtype == np.float32
    finally:
        olgame.activations._numpy_erfc.cache_clear()


@pytest.mark.parametrize("sigma", [*SMOOTH, relu], ids=lambda s: s.name)
def test_found_by_name(sigma: Any) -> None:
    assert get_activation(sigma.name) is sigma


@pytest.mark.parametrize("name", ["sigmoid", "", None, 3])
def test_unknown_name(name: Any) -> None:
    with pytest.raises(ArgumentError, match="'softplus', 'tanh', 'gelu', 'silu', 'relu', got"):
        get_activation(name)


@pytest.mark.parametrize("sigma", [*SMOOTH, relu], ids=lambda s: s.name)
def test_torch_computes_the_same(sigma: Any) -> None:
    torch = pytest.importorskip("torch")
    z = torch.tensor(POINTS)
    for function in (sigma.value, sigma.derivative, sigma.second_derivative):
        want = function(POINTS)
        np.testing.assert_allclose(function(z).numpy(), want, rtol=1e-13, atol=1e-30)
    if sigma.c2 is not None:
        ranges = sigma.second_derivative_range(z - 1, z + 1)
        want = sigma.second_derivative_range(POINTS - 1, POINTS + 1)
        for got, end in zip(ranges, want, strict=True):
            np.testing.assert_allclose(got.numpy(), end, atol=1e-15)


@smooth
# Torch's forward mode compiles its decompositions with it when first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_torch_differentiates_them_at_zero_and_in_the_tails(sigma: Any) -> None:
    """abs, maximum and logaddexp each give a wrong derivative or nan at one of these points."""
    torch = pytest.importorskip("torch")
    points = np.array([-1e4, -800.0, -30.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 30.0, 800.0, 1e4])
    z = torch.tensor(points, requires_grad=True)
    (first,) = torch.autograd.grad(sigma.value(z).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    (of_derivative,) = torch.autograd.grad(sigma.derivative(z).sum(), z)
    want_first, want_second = sigma.derivative(points), sigma.second_derivative(points)
    np.testing.assert_allclose(first.detach().numpy(), want_first, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(second.numpy(), want_second, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(of_derivative.numpy(), want_second, rtol=1e-12, atol=1e-14)
    forward = torch.autograd.forward_ad
    for function, want in ((sigma.value, want_first), (sigma.derivative, want_second)):
        with forward.dual_level():
            dual = forward.make_dual(z.detach(), torch.ones_like(z))
            pushed = forward.unpack_dual(function(dual)).tangent
        np.testing.assert_allclose(pushed.numpy(), want, rtol=1e-12, atol=1e-14)


def test_torch_differentiates_relu_to_zero_at_the_kink() -> None:
    torch = pytest.importorskip("torch")
    _relu: Any = relu.value
    z = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True, dtype=torch.float64)
    (slope,) = torch.autograd.grad(torch.sum(_relu(z)), z)
    assert slope.tolist() == [0.0, 0.0, 1.0]
