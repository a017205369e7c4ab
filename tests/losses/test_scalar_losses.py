from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.exceptions import DataError
from olgame.losses.absolute import absolute
from olgame.losses.hinge import hinge
from olgame.losses.logistic import logistic
from olgame.losses.loss import Loss
from olgame.losses.smoothed_hinge import smoothed_hinge
from olgame.losses.squared import squared

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """l(z, y) as the definition reads, L, the Lipschitz constant of l', labels, and slopes."""

    value: Callable[[Floats, Any], Floats]
    lipschitz: float | None
    smoothness: float | None
    of_margin: bool = True
    labels: tuple[float, ...] = (-1.0, 1.0)
    slopes: tuple[float, float] = (-1.0, 0.0)  # of phi, or of l for a loss that is none of y z


MARGIN: list[Any] = [logistic, hinge, smoothed_hinge]
LOSSES: list[Any] = [*MARGIN, absolute, squared]
NUMBERS = (-1.0, 0.25, 2.0)
KNOWN: dict[str, Known] = {
    "logistic": Known(lambda z, y: np.logaddexp(0.0, -y * z), 1.0, 0.25),
    "hinge": Known(lambda z, y: np.maximum(0.0, 1.0 - y * z), 1.0, None),
    "smoothed_hinge": Known(
        lambda z, y: np.piecewise(
            y * z,
            [y * z < 0, (y * z >= 0) & (y * z < 1)],
            [lambda t: 0.5 - t, lambda t: (1 - t) ** 2 / 2, 0.0],
        ),
        1.0,
        1.0,
    ),
    "absolute": Known(lambda z, y: np.abs(z - y), 1.0, None, False, NUMBERS, (-1.0, 1.0)),
    "squared": Known(lambda z, y: (z - y) ** 2 / 2, None, 1.0, False, NUMBERS, (-4.0, 4.0)),
}
HAND = {  # (z, y, value, derivative)
    "logistic": [
        (0.0, 1.0, 0.6931471805599453, -0.5),
        (1.0, -1.0, 1.3132616875182228, 0.7310585786),
    ],
    "hinge": [(0.0, 1.0, 1.0, -1.0), (3.0, -1.0, 4.0, 1.0), (2.0, 1.0, 0.0, 0.0)],
    "smoothed_hinge": [(0.5, 1.0, 0.125, -0.5), (3.0, -1.0, 3.5, 1.0), (2.0, 1.0, 0.0, 0.0)],
    "absolute": [(0.5, 2.0, 1.5, -1.0), (3.0, -1.0, 4.0, 1.0), (2.0, 2.0, 0.0, 0.0)],
    "squared": [(0.5, 2.0, 1.125, -1.5), (3.0, -1.0, 8.0, 4.0), (2.0, 2.0, 0.0, 0.0)],
}

every = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
of_margin = pytest.mark.parametrize("loss", MARGIN, ids=lambda loss: loss.name)
number = st.floats(-50, 50)
which = st.integers(0, 1)


def labeled(loss: Any, z: Floats) -> tuple[Floats, Floats]:
    """Every output with every label."""
    labels = KNOWN[loss.name].labels
    return np.tile(z, len(labels)), np.repeat(labels, z.size)


def slope_at(loss: Any, share: float, y: float) -> float:
    """A slope of the domain of l*, from one end (0) to the other (1)."""
    low, high = KNOWN[loss.name].slopes
    p = low + share * (high - low)
    return y * p if KNOWN[loss.name].of_margin else p


@every
def test_is_a_loss_with_its_constants(loss: Any) -> None:
    typed: Loss = loss
    assert (typed.lipschitz, typed.smoothness, typed.of_margin) == KNOWN[loss.name][1:4]


@every
def test_hand_values(loss: Any) -> None:
    for z, y, value, slope in HAND[loss.name]:
        at, label = np.array([z]), np.array([y])
        assert loss.value(at, label)[0] == pytest.approx(value, abs=1e-15)
        assert loss.derivative(at, label)[0] == pytest.approx(slope, abs=1e-10)


@every
def test_value_is_the_definition(loss: Any) -> None:
    z, y = labeled(loss, np.concatenate([np.linspace(-50, 50, 2001), [-1e4, 1e4, 1.0, -1.0]]))
    np.testing.assert_allclose(
        loss.value(z, y), KNOWN[loss.name].value(z, y), rtol=1e-14, atol=1e-300
    )


@every
def test_derivative_is_a_finite_difference(loss: Any) -> None:
    grid = np.linspace(-6.003, 6.003, 401)
    z, y = labeled(loss, grid)
    smooth = (np.abs(np.abs(z) - 1) > 1e-3) & (np.abs(z - y) > 1e-3)
    z, y, h = z[smooth], y[smooth], 1e-5
    difference = (loss.value(z + h, y) - loss.value(z - h, y)) / (2 * h)
    np.testing.assert_allclose(loss.derivative(z, y), difference, atol=h / 2)


@every
@settings(deadline=None, derandomize=True)
@given(u=number, v=number, i=which, share=st.floats(0, 1))
def test_convex_lipschitz_smooth(loss: Any, u: float, v: float, i: int, share: float) -> None:
    _, lipschitz, smoothness, _, labels, _ = KNOWN[loss.name]
    z, label = np.array([u, v, share * u + (1 - share) * v]), np.full(3, labels[i])
    at_u, at_v, between = loss.value(z, label)
    slope_u, slope_v, _ = loss.derivative(z, label)
    rounding = 1e-13 * (1 + at_u + at_v)
    assert between <= share * at_u + (1 - share) * at_v + rounding
    assert at_v >= at_u + slope_u * (v - u) - 1e-13 * (1 + at_u + at_v + abs(v - u))
    if lipschitz is not None:
        assert abs(at_u - at_v) <= lipschitz * abs(u - v) + rounding
        assert abs(slope_u) <= lipschitz
    if smoothness is not None:
        assert abs(slope_u - slope_v) <= smoothness * abs(u - v) + 1e-13


@every
def test_constants_are_attained(loss: Any) -> None:
    lipschitz, smoothness = KNOWN[loss.name][1:3]
    z = np.array([-1e3, -1e-4, 1e-4, 0.5, 0.5001])
    slope = loss.derivative(z, np.ones(5))
    assert lipschitz is None or abs(slope[0]) == lipschitz
    if smoothness is not None:
        steepest = max(abs((slope[2] - slope[1]) / 2e-4), abs((slope[4] - slope[3]) / 1e-4))
        assert steepest >= 0.999 * smoothness


@every
def test_conjugate_is_the_supremum(loss: Any) -> None:
    """Against the largest p z - l(z) over a fine grid: just below, by at most the grid's error."""
    z = np.linspace(-30, 30, 60_001)
    for y in KNOWN[loss.name].labels:
        for share in np.linspace(0, 1, 41):
            p = slope_at(loss, share, y)
            brute = float((p * z - KNOWN[loss.name].value(z, y)).max())
            conjugate = float(loss.conjugate(np.array([p]), np.array([y]))[0])
            assert brute - 1e-13 <= conjugate <= brute + 1e-6


def test_conjugates_of_losses_of_numbers_outside_their_domain() -> None:
    steep: Any = absolute.conjugate
    flat: Any = squared.conjugate
    y, roundoff = np.full(4, 3.0), np.finfo(np.float64).eps
    p = np.array([-1.01, 1.01, 1 + 1e-14, np.inf])
    assert np.isposinf(steep(p, y)).all()
    near = np.array([1 + 2 * roundoff, -1 - 2 * roundoff])
    np.testing.assert_allclose(steep(near, y[:2]), [3.0, -3.0])
    assert np.isfinite(flat(1e3 * p[:3], y[:3])).all()
    for conjugate in (steep, flat):
        assert np.isnan(conjugate(np.array([np.nan]), np.ones(1))).all()


@of_margin
def test_conjugate_outside_its_domain(loss: Any) -> None:
    y = np.array([1.0, -1.0, 1.0, -1.0])
    far = np.array([-1.01, 1.01, 1e-9, -1e-9])
    assert np.isposinf(loss.conjugate(far, y)).all()
    roundoff = np.finfo(np.float64).eps
    rounded = np.array([-1 - 2 * roundoff, 1 + 2 * roundoff, 2 * roundoff, -2 * roundoff])
    ends = np.array([-1.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(loss.conjugate(rounded, y), loss.conjugate(ends, y))
    assert np.isfinite(loss.conjugate(ends, y)).all()
    assert np.isposinf(loss.conjugate(ends * (1 + 1e-14), y)[:2]).all()
    assert np.isnan(loss.conjugate(np.array([np.nan]), np.ones(1))).all()


def fenchel_young(loss: Any, z: Floats, p: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The gap l(z) + l*(p) - p z, and the sum of the absolute terms."""
    value, conjugate = loss.value(z, y), loss.conjugate(p, y)
    return value + conjugate - p * z, np.abs(value) + np.abs(conjugate) + np.abs(p * z)


@every
def test_fenchel_young_gap_is_zero_at_the_derivative(loss: Any) -> None:
    magnitudes = np.concatenate([np.linspace(0, 40, 801), np.logspace(1, 4, 200), [1.0, 700.0]])
    z, y = labeled(loss, np.concatenate([magnitudes, -magnitudes]))
    gap, scale = fenchel_young(loss, z, loss.derivative(z, y), y)
    assert (np.abs(gap) <= 1e-13 * scale + 1e-300).all()


@every
@settings(deadline=None, derandomize=True)
@given(z=st.floats(-1e4, 1e4), share=st.floats(0, 1), i=which)
def test_fenchel_young_gap_is_never_negative(loss: Any, z: float, share: float, i: int) -> None:
    y = KNOWN[loss.name].labels[i]
    p = slope_at(loss, share, y)
    gap, scale = fenchel_young(loss, np.array([z]), np.array([p]), np.array([y]))
    assert gap[0] >= -1e-13 * scale[0] - 1e-300


@every
@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_a_wrong_derivative_opens_the_gap(loss: Any, factor: float) -> None:
    s, y = labeled(loss, np.linspace(-5.03, 0.93, 60))
    z = y * s if KNOWN[loss.name].of_margin else y + s - 1.0
    p = factor * loss.derivative(z, y)
    gap, _ = fenchel_young(loss, z, p, y)
    assert (gap > 1e-7).all()  # inf where p left the domain of the conjugate


@pytest.mark.parametrize("loss", [absolute, squared], ids=lambda loss: loss.name)
def test_labels_that_are_numbers(loss: Any) -> None:
    loss.check_labels(np.array([0.0, -7.25]))
    with pytest.raises(DataError, match=type(loss).__name__ + ".*finite labels.*nan at index 1"):
        loss.check_labels(np.array([0.0, np.nan, np.inf]))


@of_margin
def test_labels(loss: Any) -> None:
    loss.check_labels(np.array([1.0, -1.0]))
    loss.check_labels(np.array([1, -1]))
    with pytest.raises(DataError, match=r"got 0\.0 at index 1\. .*`2\*y - 1`"):
        loss.check_labels(np.array([1.0, 0.0, 1.0]))
    with pytest.raises(DataError, match=type(loss).__name__ + r".*-1 or \+1, got 2\.0 at index 0"):
        loss.check_labels(np.array([2.0, 3.0]))
    with pytest.raises(DataError, match="got nan at index 2"):
        loss.check_labels(np.array([1.0, -1.0, np.nan]))


@every
def test_nan_does_not_pass_silently(loss: Any) -> None:
    assert np.isnan(loss.value(np.array([np.nan]), np.ones(1))).all()


@every
def test_leading_axes_and_dtype(loss: Any) -> None:
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal((3, 4)).astype(np.float32)
    y = np.array([1, -1, -1, 1], dtype=np.float32)
    for function in (loss.value, loss.derivative):
        whole = function(z, y)
        assert whole.dtype == np.float32
        for row, single in zip(z, whole, strict=True):
            np.testing.assert_allclose(function(row, y), single, rtol=1e-6)
    assert np.isfinite(loss.conjugate(loss.derivative(z, y), y)).all()


@every
def test_torch_computes_the_same(loss: Any) -> None:
    torch = pytest.importorskip("torch")
    z, y = labeled(loss, np.array([-1e4, -35.0, -1.0, -0.3, 0.0, 0.5, 1.0, 2.0, 40.0, 800.0]))
    p = loss.derivative(z, y)
    tz, ty = torch.tensor(z, requires_grad=True), torch.tensor(y)
    np.testing.assert_allclose(loss.value(tz, ty).detach().numpy(), loss.value(z, y), rtol=1e-14)
    np.testing.assert_allclose(loss.derivative(tz, ty).detach().numpy(), p, rtol=1e-14)
    conjugate = loss.conjugate(torch.tensor(p), ty).numpy()
    np.testing.assert_allclose(conjugate, loss.conjugate(p, y), rtol=1e-13)
    beyond = loss.conjugate(1.01 * torch.ones(2), torch.ones(2))
    assert bool(torch.isinf(beyond).all()) == (KNOWN[loss.name].lipschitz is not None)
    # At a kink any subderivative is right.
    smooth = (np.abs(y * z - 1) > 1e-9) & (np.abs(z - y) > 1e-9)
    (slope,) = torch.autograd.grad(loss.value(tz, ty).sum(), tz)
    np.testing.assert_allclose(slope.numpy()[smooth], p[smooth], rtol=1e-13)
    loss.check_labels(ty)
    with pytest.raises(DataError, match=r"got nan at index 1"):
        loss.check_labels(torch.tensor([1.0, np.nan]))
