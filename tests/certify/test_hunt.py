"""A hunt for networks whose certificates are wrong, in exact arithmetic.

Weights, inputs and radii of sizes 1e-150 to 1e150, ties at kinks, neurons that are zero or there
twice. ReLU networks and hinge losses are evaluated in rationals, the others with 60 digits, and the
points tried lie in B(x) exactly.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import olgame as og
from olgame.activations import get_activation
from olgame.attacks import FGSM
from olgame.certify import lead_bounds, output_bound, robust_loss
from olgame.exceptions import OlgameError
from olgame.models import TwoLayerNet, TwoLayerWeights

mp: Any = pytest.importorskip("mpmath")
Floats = NDArray[np.float64]
Point = Sequence[Any]
DIGITS = 60
# What is found is printed as it is: shrinking it takes minutes.
HUNT = settings(deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
SMOOTH = ("softplus", "tanh", "gelu", "silu")
BELOW_1 = 1.0 - 2.0**-40  # a unit vector of floats, times this, is no longer than 1


class Net(NamedTuple):
    """w of shape (m, d), c of shape (m,) or (m, k), one input, rho."""

    w: Floats
    c: Floats
    x: Floats
    rho: float


ENTRIES = st.integers(-3, 3).map(float) | st.floats(-2.0, 2.0).map(lambda v: round(v, 3))
SIZES = st.sampled_from([1.0, 1.0, 1.0, 1e-150, 1e-60, 1e-8, 1e-3, 1e3, 1e8, 1e60, 1e150])


@st.composite
def nets(draw: Callable[[Any], Any], classes: int = 0, dims: int = 3) -> Net:
    """Integers make ties: a pre-activation that is 0, neurons that are alike or have no weight."""
    m, d = draw(st.integers(1, 4)), draw(st.integers(1, dims))
    w = np.array(draw(st.lists(ENTRIES, min_size=m * d, max_size=m * d))).reshape(m, d)
    shape = (m, classes) if classes else (m,)
    c = np.array(
        draw(st.lists(ENTRIES, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    ).reshape(shape)
    x = np.array(draw(st.lists(ENTRIES, min_size=d, max_size=d)))
    if m > 1 and draw(st.booleans()):
        w[1] = w[0] if draw(st.booleans()) else -w[0]
    if m % 2 == 0 and draw(st.booleans()):  # pairs that cancel, nearly or quite
        half, ratio = m // 2, draw(st.sampled_from([1.0, 1.0, 0.5, 3.0]))
        apart = draw(st.sampled_from([0.0, 1e-15, 1e-6, 0.01, 0.1, 0.5]))
        w[half:] = ratio * (w[:half] + apart * w[half:])
        c[half:] = -c[:half] / ratio
    share = draw(st.sampled_from([0.0, 1e-12, 0.1, 0.5, 1.0, 4.0, 1e6]))
    a, b, e = draw(SIZES), draw(SIZES), draw(SIZES)
    rho = share * (1.0 if draw(st.booleans()) else float(np.abs(x).max()))
    return Net(w * a, c * e, x * b, float(rho * b))


def rationals(values: Any) -> list[Any]:
    return [Fraction(float(v)) for v in np.ravel(values)]


def pre_activations(net: Net, point: Point) -> list[Fraction]:
    return [
        sum((a * b for a, b in zip(rationals(row), point, strict=True)), Fraction(0))
        for row in net.w
    ]


def real(value: Fraction) -> Any:
    return mp.mpf(value.numerator) / value.denominator


def neuron(name: str, s: Fraction) -> Any:
    """sigma(s): a rational for relu, else with 60 digits."""
    if name == "relu":
        return max(s, Fraction(0))
    z = real(s)
    if name == "tanh":
        return mp.tanh(z)
    if name == "gelu":
        if abs(z) > 1000:  # beyond 1e-200000 of a line; farther out mpmath overflows
            return max(z, mp.mpf(0))
        return z * mp.ncdf(z)
    if name == "silu":
        return z / (1 + mp.exp(-z)) if z >= 0 else z * mp.exp(z) / (1 + mp.exp(z))
    return max(z, mp.mpf(0)) + mp.log1p(mp.exp(-abs(z)))


def output(name: str, net: Net, c: Floats, point: Point) -> Any:
    weights = rationals(c)
    neurons = [neuron(name, s) for s in pre_activations(net, point)]
    if name == "relu":
        return sum((a * b for a, b in zip(weights, neurons, strict=True)), Fraction(0))
    return mp.fsum(real(a) * b for a, b in zip(weights, neurons, strict=True))


def tries(net: Net, norm: str, c: Floats) -> list[Point]:
    """Points of the ball, exactly: the center, corners, gradients, kinks, a few random ones."""
    d = len(net.x)
    x, rho = rationals(net.x), Fraction(net.rho)
    rng = np.random.default_rng(0)
    # The directions do not depend on the sizes of weights, inputs and outputs.
    scale = max(float(np.abs(net.w).max()), 1e-300)
    w = net.w / scale
    c = c / max(float(np.abs(c).max()), 1e-300)
    directions = [*np.eye(d), *-np.eye(d), *rng.standard_normal((4, d)), *w, *-w]
    z = w @ (net.x / max(float(np.abs(net.x).max()), 1e-300))
    directions += [c @ w, (c * (z > 0)) @ w, np.maximum(c, 0) @ w, -x_direction(net)]
    found: list[Point] = [x]
    for u in directions:
        length = float(np.linalg.norm(u)) if norm == "l2" else float(np.abs(u).max())
        if not (0 < length < np.inf):
            continue
        unit = np.sign(u) if norm == "linf" and rng.random() < 0.7 else BELOW_1 * u / length
        for share in (Fraction(1), Fraction(1, 3)):
            step = [share * rho * Fraction(float(v)) for v in unit]
            found.append([a + b for a, b in zip(x, step, strict=True)])
    return found


def x_direction(net: Net) -> Floats:
    return np.asarray(net.x / max(float(np.abs(net.x).max()), 1e-300))


def at_least(bound: float, value: Any) -> bool:
    if np.isnan(bound):
        return False
    if np.isinf(bound):
        return bound > 0
    if isinstance(value, Fraction):
        return Fraction(bound) >= value
    return bool(mp.mpf(bound) >= value)


def on_the_sphere(net: Net) -> list[Point]:
    """x turned in a plane of two coordinates, by angles with rational sines: exactly on it."""
    x, square = rationals(net.x), Fraction(net.rho) ** 2
    length = sum((v * v for v in x), Fraction(0))
    share = float(square / (4 * length)) if length else 0.0
    largest = (share / (1 - share)) ** 0.5 if share < 1 else 1e6
    found: list[Point] = [x]
    for first, second in itertools.combinations(range(len(x)), 2):
        for part in (BELOW_1, 0.5, 0.1, -0.1, -0.5, -BELOW_1):
            t = Fraction(largest * part)
            cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
            turned = list(x)
            turned[first] = cosine * x[first] - sine * x[second]
            turned[second] = sine * x[first] + cosine * x[second]
            moved = sum(((a - b) ** 2 for a, b in zip(turned, x, strict=True)), Fraction(0))
            if moved <= square:
                found.append(turned)
    return found


@np.errstate(all="ignore")
def output_is_bounded(name: str, norm: str, net: Net, branches: int = 0) -> None:
    layers = TwoLayerWeights(net.w, net.c, get_activation(name))
    cap = norm == "cap"
    found = output_bound(
        layers, net.x[None], np.array([net.rho]), "l2" if cap else norm, branches=branches,
        sphere=np.zeros(1) if cap else None,
    )  # fmt: skip
    bound = float(np.asarray(found.bound)[0])
    with mp.workdps(DIGITS):
        for point in on_the_sphere(net) if cap else tries(net, norm, net.c):
            assert at_least(bound, output(name, net, net.c, point)), (name, norm, net, bound)


@np.errstate(all="ignore")
def leads_are_bounded(name: str, norm: str, net: Net, label: int) -> None:
    layers = TwoLayerWeights(net.w, net.c, get_activation(name))
    y, rho = np.array([float(label)]), np.array([net.rho])
    bounds = np.asarray(lead_bounds(layers, net.x[None], y, rho, norm).bounds)[0]
    with mp.workdps(DIGITS):
        for rival in {0, 1, 2} - {label}:
            # In the reals: the difference of the weights is not rounded here.
            one, two = net.c[:, rival], net.c[:, label]
            for point in tries(net, norm, one - two):
                lead = output(name, net, one, point) - output(name, net, two, point)
                assert at_least(float(bounds[rival]), lead), (name, norm, net, label, rival)


NORMS = st.sampled_from(["l2", "linf"])
REGIONS = st.sampled_from(["l2", "linf", "cap"])
CUTS = st.sampled_from([0, 0, 1, 3])


@settings(HUNT, max_examples=90)
@given(net=nets(), norm=REGIONS, branches=CUTS)
def test_outputs_of_relu_networks(net: Net, norm: str, branches: int) -> None:
    output_is_bounded("relu", norm, net, branches)


@pytest.mark.parametrize("size", [1e140, 1e149, 1e150])
def test_parabolas_of_subnormal_curvature_are_not_used(size: float) -> None:
    """Found by the hunt: with z of 1e299 their curvature is subnormal, and they were too low."""
    w = 1e150 * np.array([[-1.0, 2.0], [-1.0, 2.0], [2.0, -1.593], [-0.931, -1.0]])
    c, x = np.array([0.5, -0.5, -0.5, 0.5]), size * np.array([0.0, 0.922])
    corner = Net(w, c, x, 0.5 * size)
    assert float(pre_activations(corner, rationals(x))[0]) > 1e289
    output_is_bounded("relu", "linf", corner)


@settings(HUNT, max_examples=70)
@given(net=nets(), norm=REGIONS, name=st.sampled_from(SMOOTH), branches=CUTS)
def test_outputs_of_smooth_networks(net: Net, norm: str, name: str, branches: int) -> None:
    output_is_bounded(name, norm, net, branches)


@settings(HUNT, max_examples=40)
@given(
    net=nets(classes=3),
    norm=NORMS,
    name=st.sampled_from(["relu", "relu", "relu", "softplus", "tanh"]),
    label=st.integers(0, 2),
)
def test_leads_of_three_classes(net: Net, norm: str, name: str, label: int) -> None:
    leads_are_bounded(name, norm, net, label)


@pytest.mark.slow
@settings(HUNT, max_examples=4000)
@given(net=nets(), norm=REGIONS, branches=CUTS)
def test_outputs_of_many_relu_networks(net: Net, norm: str, branches: int) -> None:
    output_is_bounded("relu", norm, net, branches)


@pytest.mark.slow
@settings(HUNT, max_examples=2000)
@given(net=nets(), norm=REGIONS, name=st.sampled_from(SMOOTH), branches=CUTS)
def test_outputs_of_many_smooth_networks(net: Net, norm: str, name: str, branches: int) -> None:
    output_is_bounded(name, norm, net, branches)


@pytest.mark.slow
@settings(HUNT, max_examples=1500)
@given(
    net=nets(classes=3),
    norm=NORMS,
    name=st.sampled_from(["relu", *SMOOTH]),
    label=st.integers(0, 2),
)
def test_leads_of_many_networks(net: Net, norm: str, name: str, label: int) -> None:
    leads_are_bounded(name, norm, net, label)


def exact_ends(net: Net, c: Floats, box: bool) -> tuple[Fraction, Fraction]:
    """min and max of a ReLU network on an interval or a square: its corners, kinks on edges, 0."""
    x, rho = rationals(net.x), Fraction(net.rho)
    assert box or len(x) == 1
    corners = [list(p) for p in itertools.product(*[(v - rho, v + rho) for v in x])]
    points: list[Point] = list(corners)
    if len(x) == 2:
        for fixed, free in ((0, 1), (1, 0)):
            for side, row in itertools.product((x[fixed] - rho, x[fixed] + rho), net.w):
                a, b = Fraction(float(row[fixed])), Fraction(float(row[free]))
                if b != 0:
                    point = [side, side]
                    point[free] = min(max(-a * side / b, x[free] - rho), x[free] + rho)
                    points.append(point)
    if all(abs(v) <= rho for v in x):
        points.append([Fraction(0)] * len(x))
    values = [output("relu", net, c, point) for point in points]
    return min(values), max(values)


LOSSES: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "hinge": lambda z, y: max(Fraction(0), 1 - y * z),
    "absolute": lambda z, y: abs(z - y),
    "squared": lambda z, y: (z - y) ** 2 / 2,
    "smoothed_hinge": lambda z, y: (
        Fraction(0) if y * z >= 1 else Fraction(1, 2) - y * z if y * z < 0 else (1 - y * z) ** 2 / 2
    ),
}


@np.errstate(all="ignore")
def bracket_holds(net: Net, made: str, loss: str, y: float, seed: int, dtype: Any) -> bool:
    """Both ends around the exact robust loss; False where the input is refused."""
    m, d = net.w.shape
    model = TwoLayerNet(dim=d, width=m, activation="relu", seed=seed, paired=False)
    w, x = net.w.reshape(-1).astype(dtype), net.x[None].astype(dtype)
    if not (np.isfinite(w).all() and np.isfinite(x).all()):
        return False
    rounded = net._replace(w=w.reshape(m, d).astype(np.float64), x=x[0].astype(np.float64))
    allowed: Any = getattr(og.perturbations, made)(net.rho)
    # Output weights 1/sqrt(m) are rounded to the dtype of the weights: these are the network's.
    c = np.asarray(np.asarray(model.two_layer(w).output), dtype=np.float64)
    try:
        bracket = robust_loss(
            model, w, x, np.array([y], dtype=dtype), getattr(og.losses, loss), allowed,
            attack=FGSM(), seed=seed,
        )  # fmt: skip
    except OlgameError as refused:
        assert "not finite" in str(refused) or "finite" in str(refused)  # noqa: PT017
        return False
    lower, upper = (float(np.asarray(end)[0]) for end in bracket.per_sample)
    least, largest = exact_ends(rounded, c, made == "linf")
    label = Fraction(float(np.asarray(y, dtype=dtype)))
    exact = max(LOSSES[loss](least, label), LOSSES[loss](largest, label))
    assert at_least(upper, exact), (rounded, made, loss, y, upper, float(exact))
    assert lower == -np.inf or Fraction(lower) <= exact, (rounded, made, loss, y, lower)
    return True


BRACKETS: dict[str, Any] = {
    "net": nets(dims=2),
    "loss": st.sampled_from(list(LOSSES)),
    "y": st.sampled_from([1.0, -1.0]),
    "seed": st.integers(0, 3),
    "dtype": st.sampled_from([np.float64, np.float64, np.float32]),
}


@settings(HUNT, max_examples=60)
@given(**BRACKETS)
def test_brackets_of_relu_networks(net: Net, loss: str, y: float, seed: int, dtype: Any) -> None:
    made = "l2" if len(net.x) == 1 and seed % 2 else "linf"
    bracket_holds(net, made, loss, y, seed, dtype)


@pytest.mark.slow
@settings(HUNT, max_examples=5000)
@given(**BRACKETS)
def test_brackets_of_many_relu_networks(
    net: Net, loss: str, y: float, seed: int, dtype: Any
) -> None:
    made = "l2" if len(net.x) == 1 and seed % 2 else "linf"
    bracket_holds(net, made, loss, y, seed, dtype)
