"""The bracket: ends, evidence, refusals; trained networks; losses that are not of the margin."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.attacks import PGD
from olgame.certify import Bracket, robust_loss
from olgame.exceptions import ArgumentError, DataError, NotAvailableError, ShapeError
from olgame.losses import hinge, logistic, smoothed_hinge
from olgame.models import LinearModel, TwoLayerNet, TwoLayerWeights
from olgame.perturbations import l2, linf, spherical_cap
from olgame.typing import Array

Vector = NDArray[np.float64]
PHI: dict[str, Any] = {
    "logistic": lambda s: np.logaddexp(0.0, -s),
    "hinge": lambda s: np.maximum(0.0, 1 - s),
    "smoothed": lambda s: np.where(s >= 1, 0.0, np.where(s < 0, 0.5 - s, 0.5 * (1 - s) ** 2)),
}
SIGMA: dict[str, Any] = {
    "softplus": lambda z: np.logaddexp(0.0, z),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
}
LOSS: dict[str, Any] = {"logistic": logistic, "hinge": hinge, "smoothed": smoothed_hinge}


def game(
    activation: str, dim: int = 2, width: int = 12, n: int = 5, rounds: int = 0, seed: int = 0
) -> tuple[TwoLayerNet, Vector, Vector, Vector]:
    """A small network, trained for a few steps by plain gradient descent, and its data."""
    rng = np.random.default_rng(seed)
    model = TwoLayerNet(dim=dim, width=width, activation=activation, seed=seed, paired=False)
    x = rng.standard_normal((n, dim))
    y = np.where(x[:, 0] + x[:, -1] > 0, 1.0, -1.0)
    w = np.array(model.start, dtype=float)
    for _ in range(rounds):
        here = model.at(w, x)
        w = w - 2.0 * np.asarray(here.pullback_w(logistic.derivative(here.z, y))) / n
    return model, w, x, y


def disc(rho: float, norm: str) -> Vector:
    axis = np.linspace(-rho, rho, 81)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    if norm == "linf":
        return grid
    angle = np.linspace(0, 2 * np.pi, 600)
    rim = rho * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.concatenate([grid[np.linalg.norm(grid, axis=1) <= rho], rim])


@pytest.mark.parametrize("name", list(PHI))
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("activation", ["softplus", "tanh", "relu"])
@pytest.mark.parametrize("rounds", [0, 40])
def test_ends_around_the_best_of_a_grid(activation: str, norm: str, name: str, rounds: int) -> None:
    model, w, x, y = game(activation, rounds=rounds)
    made = l2(0.3) if norm == "l2" else linf(0.3)
    bracket = robust_loss(model, w, x, y, LOSS[name], made)
    lower, upper = bracket.per_sample
    assert upper is not None
    assert bracket.upper is not None
    hidden, signs = w.reshape(12, 2), np.asarray(model.signs) / 12**0.5
    sigma = SIGMA[activation]
    for i in range(len(x)):
        z = sigma((x[i] + disc(0.3, norm)) @ hidden.T) @ signs
        best = PHI[name](y[i] * z).max()
        assert best <= upper[i]
        assert lower[i] >= best - (0.02 if activation == "relu" else 2e-3)
        assert lower[i] <= upper[i]
    assert bracket.lower.value == pytest.approx(lower.mean(), rel=1e-15)
    assert bracket.upper.value == pytest.approx(upper.mean(), rel=1e-15)
    clean = PHI[name](y * (sigma(x @ hidden.T) @ signs))
    assert bracket.clean == pytest.approx(clean.mean(), rel=1e-12)
    assert bracket.width <= (0.2 if activation == "relu" else 0.1)
    assert str(bracket).startswith("robust loss in [")
    assert bracket.interval.lower.side == "lower"
    assert bracket.interval.upper.side == "upper"


@pytest.mark.parametrize("made", [l2(0.0), linf(0.0), spherical_cap(0.0)])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_no_perturbation_no_width(activation: str, made: Any) -> None:
    model, w, x, y = game(activation)
    bracket = robust_loss(model, w, x, y, hinge, made)
    assert bracket.width <= 1e-12
    assert bracket.lower.value == pytest.approx(bracket.clean, abs=1e-12)


def test_radii_of_the_samples() -> None:
    model, w, x, y = game("softplus", n=4)
    rho = np.array([0.0, 0.1, 0.5, 2.0])
    together = robust_loss(model, w, x, y, logistic, l2(rho)).per_sample
    assert together.upper is not None
    for i in range(4):
        one = slice(i, i + 1)
        alone = robust_loss(model, w, x[one], y[one], logistic, l2(float(rho[i]))).per_sample
        assert alone.upper is not None
        assert together.upper[i] == pytest.approx(alone.upper[0], rel=1e-9)
        assert together.lower[i] <= alone.upper[0]


def test_nearly_exact_where_theory_says_so() -> None:
    """Softplus, l2: the Taylor bound centered at the maximizer closes the bracket."""
    model, w, x, y = game("softplus", dim=6, width=40, n=10, rounds=30)
    bracket = robust_loss(model, w, x, y, logistic, l2(0.1))
    lower, upper = bracket.per_sample
    assert upper is not None
    assert np.all(lower <= upper)
    assert bracket.width <= 1e-5 * (bracket.lower.value - bracket.clean)


def test_candidates_raise_the_lower_end() -> None:
    model, w, x, y = game("softplus", n=3)
    lazy = _Stay()
    base = robust_loss(model, w, x, y, hinge, linf(0.2), attack=lazy)
    pushed = x - 0.2 * np.sign(y[:, None] * np.asarray(model.at(w, x).pullback_x(np.ones(3))))
    with_it = robust_loss(model, w, x, y, hinge, linf(0.2), attack=lazy, candidates=[pushed])
    value = np.asarray(hinge.value(model(w, pushed), y))
    assert np.all(with_it.per_sample.lower >= value - 1e-12)
    assert np.all(with_it.per_sample.lower >= base.per_sample.lower)
    outside = x + 0.21
    with pytest.raises(ArgumentError, match=r"sample 0 at distance 0\.01"):
        robust_loss(model, w, x, y, hinge, linf(0.2), candidates=[outside])
    allowed = robust_loss(model, w, x, y, hinge, linf(0.2), candidates=[outside], excess=0.011)
    assert allowed.upper is not None
    assert base.upper is not None
    assert allowed.upper.value > base.upper.value
    with pytest.raises(ShapeError, match="candidates"):
        robust_loss(model, w, x, y, hinge, linf(0.2), candidates=[x[:1]])


def test_an_attack_that_leaves_the_ball_is_named() -> None:
    model, w, x, y = game("softplus")
    with pytest.raises(ArgumentError, match="robust_loss\\(attack"):
        robust_loss(model, w, x, y, hinge, l2(0.2), attack=_Stay(shift=1.0))


def test_boxes_and_spheres_keep_the_upper_end_valid() -> None:
    model, w, x, y = game("softplus")
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    for made in (spherical_cap(0.3), l2(0.3, box=(-1.0, 1.0)), linf(0.3, box=(-1.0, 1.0))):
        bracket = robust_loss(model, w, x, y, logistic, made)
        assert bracket.width >= 0
        assert bracket.lower.value > bracket.clean


def test_float32_play_is_certified_in_float64() -> None:
    model, w, x, y = game("relu", dim=4, width=30, n=6, rounds=20)
    small = [np.asarray(values, dtype=np.float32) for values in (w, x, y)]
    bracket = robust_loss(model, small[0], small[1], small[2], logistic, linf(0.1))
    w, x, y = (values.astype(np.float64) for values in small)
    exact = robust_loss(model, w, x, y, logistic, linf(0.1))
    lower, upper = bracket.per_sample
    assert upper is not None
    assert np.all(lower <= upper)
    assert bracket.upper is not None
    assert exact.upper is not None
    assert bracket.upper.value == pytest.approx(exact.upper.value, rel=1e-5)


def test_torch_equals_numpy() -> None:
    torch = pytest.importorskip("torch")
    model, w, x, y = game("softplus", dim=3, rounds=10)
    w_, x_, y_ = (torch.tensor(values) for values in (w, x, y))
    for made in (l2(0.2), linf(0.2)):
        known = robust_loss(model, w, x, y, logistic, made)
        found = robust_loss(model, w_, x_, y_, logistic, made)
        for a, b in ((known.upper, found.upper), (known.lower, found.lower)):
            assert a is not None
            assert b is not None
            assert b.value == pytest.approx(a.value, rel=1e-10)


def test_convex_loss_that_is_not_of_the_margin() -> None:
    model, w, x, y = game("softplus", rounds=20)
    half: Vector = 0.5 * y
    bracket = robust_loss(model, w, x, half, _Squared(), l2(0.3))
    lower, upper = bracket.per_sample
    assert upper is not None
    for i in range(len(x)):
        points: Vector = x[i] + disc(0.3, "l2")
        z = np.asarray(model(w, points))
        best = ((z - 0.5 * y[i]) ** 2).max()
        assert lower[i] <= upper[i]
        assert best <= upper[i] <= best + 0.05
        assert lower[i] >= best - 2e-3


def test_without_two_layers_there_is_no_upper_end() -> None:
    w: Vector = np.array([3.0, 4.0])
    x, y = np.array([[1.0, 0.0]]), np.array([1.0])
    bracket = robust_loss(LinearModel(2), w, x, y, hinge, l2(1.0))
    assert bracket.upper is None
    assert bracket.per_sample.upper is None
    assert bracket.method == "attack only, no certificate"
    assert bracket.lower.value == pytest.approx(max(0.0, 1 - (3 - 5)), rel=1e-9)
    assert bracket.width == float("inf")
    assert "no upper end" in str(bracket)
    with pytest.raises(NotAvailableError, match="attack only"):
        _ = bracket.interval


def test_same_seed_same_bracket() -> None:
    model, w, x, y = game("gelu")
    ends = [robust_loss(model, w, x, y, hinge, linf(0.3), seed=4).per_sample for _ in range(2)]
    assert np.array_equal(ends[0].lower, ends[1].lower)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"w": np.zeros((2, 24))}, ShapeError, "shape \\(p,\\)"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, DataError, "at least one sample"),
        ({"x": np.full((5, 2), np.nan)}, DataError, "x=.*finite"),
        ({"w": np.full(24, np.inf)}, DataError, "w=.*finite"),
        ({"y": np.ones(4)}, ShapeError, "\\(n,\\)"),
        ({"y": np.zeros(5)}, DataError, "-1 or \\+1"),
        ({"excess": -1.0}, ArgumentError, "excess"),
        ({"excess": float("nan")}, ArgumentError, "excess"),
        ({"seed": -1}, ArgumentError, "seed"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], error: type[Exception], match: str) -> None:
    model, w, x, y = game("softplus")
    given: dict[str, Any] = {"w": w, "x": x, "y": y, **change}
    with pytest.raises(error, match=match):
        robust_loss(model, loss=hinge, perturbation_set=l2(0.1), **given)


def test_models_that_cannot_be_certified_are_refused() -> None:
    model, w, x, y = game("softplus")
    with pytest.raises(NotAvailableError, match="deterministic"):
        robust_loss(_Dropout(model), w, x, y, hinge, l2(0.1))
    with pytest.raises(NotAvailableError, match="does not reproduce"):
        robust_loss(_Liar(model), w, x, y, hinge, l2(0.1))


def test_default_attack_matters_where_the_clean_input_is_critical() -> None:
    """f(x) = relu(x) + relu(-x) at x = 0: the gradient says 0, the loss of y = -1 grows."""
    model = TwoLayerNet(dim=1, width=2, activation="softplus", seed=0, paired=False)
    w = np.array([1.0, -1.0])
    sign = float(np.asarray(model.signs)[0])
    if np.asarray(model.signs)[1] != sign:
        pytest.skip("the signs differ")
    x, y = np.zeros((1, 1)), np.array([-sign])
    bracket = robust_loss(model, w, x, y, logistic, l2(1.0))
    assert bracket.lower.value > bracket.clean + 1e-3
    blind = robust_loss(model, w, x, y, logistic, l2(1.0), attack=PGD(steps=5))
    assert isinstance(blind, Bracket)


@attrs.frozen
class _Stay:
    """An attack that moves every coordinate by ``shift``."""

    shift: float = 0.0

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        from olgame.attacks.attack import AttackResult

        value = objective.value(x)
        return AttackResult(x + self.shift, value, value, 1, 0)


@attrs.frozen
class _Squared:
    """(z - y)^2."""

    name: str = "squared"
    lipschitz: float | None = None
    smoothness: float | None = 2.0
    of_margin: bool = False

    def check_labels(self, y: Array) -> None:
        """All labels are fine."""

    def value(self, z: Array, y: Array) -> Array:
        return (z - y) * (z - y)

    def derivative(self, z: Array, y: Array) -> Array:
        return 2 * (z - y)

    def conjugate(self, p: Array, y: Array) -> Array:
        return p * p * 0.25 + p * y


class _Wrapped:
    def __init__(self, model: TwoLayerNet) -> None:
        self.inner = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, w: Array, x: Array) -> Array:
        return self.inner(w, x)

    @property
    def deterministic(self) -> bool:
        return True

    @property
    def width(self) -> int:
        return self.inner.width

    def two_layer(self, w: Array) -> TwoLayerWeights:
        return self.inner.two_layer(w)


class _Dropout(_Wrapped):
    @property
    def deterministic(self) -> bool:
        return False


class _Liar(_Wrapped):
    def two_layer(self, w: Array) -> TwoLayerWeights:
        layers = self.inner.two_layer(w)
        return layers._replace(output=layers.output * 1.01)
