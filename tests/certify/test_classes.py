"""Certificates of networks of k classes against grids, exact integer programs and one output."""

from __future__ import annotations

import decimal
import importlib
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import olgame as og
from olgame.activations import get_activation, relu
from olgame.attacks import PGD, ModelObjective, Targeted
from olgame.certify import lead_bounds, loss_bound
from olgame.certify.rounding import loss_above, loss_below
from olgame.exceptions import NotAvailableError
from olgame.losses import (
    RivalLead,
    cross_entropy,
    logistic,
    multiclass_hinge,
    multiclass_logistic,
    multiclass_smoothed_hinge,
)
from olgame.models import TwoLayerNet, TwoLayerWeights
from olgame.perturbations import l2, linf
from tests.certify.test_exact_relu import disc_maximum, mixed_integer_maximum

Vector = NDArray[np.float64]
robust_loss: Any = og.certify.robust_loss  # also of models that are only as much as it asks for
SIGMA: dict[str, Any] = {
    "softplus": lambda z: np.logaddexp(0.0, z),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
}
LOSSES = [cross_entropy, multiclass_hinge, multiclass_logistic, multiclass_smoothed_hinge]


def written_out(name: str, z: Vector, y: int) -> Vector:
    """The loss of logits ``(..., k)`` for one label."""
    lead = np.delete(z, y, axis=-1) - z[..., y : y + 1]
    if name == "cross_entropy":
        return np.asarray(np.log1p(np.exp(lead).sum(-1)))
    s = -lead.max(-1)
    known: dict[str, Vector] = {
        "multiclass_hinge": np.maximum(0.0, 1 - s),
        "multiclass_logistic": np.logaddexp(0.0, -s),
        "multiclass_smoothed_hinge": np.where(
            s >= 1, 0.0, np.where(s < 0, 0.5 - s, 0.5 * (1 - s) ** 2)
        ),
    }
    return known[name]


def game(
    activation: str, classes: int = 3, dim: int = 2, width: int = 14, n: int = 6, rounds: int = 0
) -> tuple[TwoLayerNet, Vector, Vector, Vector]:
    """A small network, trained for a few steps by plain gradient descent, and its data."""
    rng = np.random.default_rng(classes)
    model = TwoLayerNet(
        dim=dim, width=width, activation=activation, seed=5, paired=False, classes=classes
    )
    x, y = rng.standard_normal((n, dim)), (np.arange(n) % classes).astype(float)
    w = np.array(model.start, dtype=float)
    for _ in range(rounds):
        here = model.at(w, x)
        w = w - 2.0 * np.asarray(here.pullback_w(cross_entropy.derivative(here.z, y))) / n
    return model, w, x, y


def logits(model: TwoLayerNet, w: Vector, x: Vector) -> Vector:
    sigma = SIGMA[model.activation.name](x @ w.reshape(model.width, -1).T)
    out: Vector = sigma @ model.signs / model.width**0.5
    return out


def disc(rho: float, norm: str) -> Vector:
    axis = np.linspace(-rho, rho, 61)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    if norm == "linf":
        return grid
    angle = np.linspace(0, 2 * np.pi, 400)
    rim = rho * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.concatenate([grid[np.linalg.norm(grid, axis=1) <= rho], rim])


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("activation", list(SIGMA))
@pytest.mark.parametrize("rounds", [0, 40])
def test_ends_around_the_best_of_a_grid(activation: str, norm: str, loss: Any, rounds: int) -> None:
    model, w, x, y = game(activation, rounds=rounds)
    made = l2(0.3) if norm == "l2" else linf(0.3)
    bracket = robust_loss(model, w, x, y, loss, made)
    lower, upper = bracket.per_sample
    assert upper is not None
    assert bracket.upper is not None
    for i in range(len(x)):
        z = logits(model, w, x[i] + disc(0.3, norm))
        best = written_out(loss.name, z, int(y[i])).max()
        assert best <= upper[i]
        assert best - (0.02 if activation == "relu" else 3e-3) <= lower[i] <= upper[i]
    clean = [written_out(loss.name, logits(model, w, x[[i]])[0], int(y[i])) for i in range(len(x))]
    assert bracket.clean == pytest.approx(np.mean(clean), rel=1e-12)
    smooth = activation != "relu" and loss is not cross_entropy
    assert bracket.width <= (0.1 if smooth else 0.25)


def test_a_rival_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = importlib.import_module("olgame.certify.lead_bounds")
    whole = module._leads
    model, w, x, y = game("softplus", n=9)
    best = np.array([
        written_out("multiclass_hinge", logits(model, w, x[i] + disc(0.3, "l2")), int(y[i])).max()
        for i in range(len(x))
    ])  # fmt: skip
    noticed = 0
    for left_out in range(3):

        def some(output: Any, left_out: int = left_out) -> Any:
            return (lead for lead in whole(output) if lead[1] != left_out)

        monkeypatch.setattr(module, "_leads", some)
        rho = np.full(len(x), 0.3)
        found = np.asarray(loss_bound(model.two_layer(w), x, y, multiclass_hinge, rho, "l2").upper)
        noticed += bool(np.any(best > found + 1e-3))
    assert noticed >= 2  # a class that is never the strongest rival is not missed


@pytest.mark.parametrize("trained", [False, True])
def test_above_the_exact_value_of_tiny_networks(trained: bool) -> None:
    """Leads by mixed-integer programs (linf) and cell by cell (discs): exact robust margins."""
    for seed in range(5):
        rng = np.random.default_rng([7, seed])
        m, k = int(rng.integers(3, 11)), int(rng.integers(2, 5))
        w, b = rng.standard_normal((m, 2)), rng.choice([-1.0, 1.0], (m, k)) / m**0.5
        x, y = rng.standard_normal((1, 2)), float(rng.integers(0, k))
        for _ in range(30 if trained else 0):
            p = np.asarray(cross_entropy.derivative(np.maximum(x @ w.T, 0) @ b, np.array([y])))
            w -= 0.3 * (((x @ w.T > 0) * (p @ b.T)).T @ x)
        layers, rho = TwoLayerWeights(w, b, relu), float(rng.choice([0.1, 0.5, 2.0]))
        for norm in ("linf", "l2"):
            leads, bounds = [], lead_bounds(layers, x, np.array([y]), np.array([rho]), norm)
            for j in range(k):
                c = b[:, j] - b[:, int(y)]
                if norm == "l2":
                    leads.append(disc_maximum(w, c, x[0], rho))
                else:
                    delta, _ = mixed_integer_maximum(w, c, x[0], rho)
                    leads.append(float(np.maximum((x[0] + delta) @ w.T, 0.0) @ c))
                assert leads[j] <= np.asarray(bounds.bounds)[0, j] + 1e-15
            others = np.delete(leads, int(y))
            made: Any = l2(rho) if norm == "l2" else linf(rho)
            model = _Given(layers)
            for loss in (multiclass_hinge, multiclass_logistic):
                exact = written_out(loss.name, np.insert(others, int(y), 0.0), int(y))
                lower, upper = robust_loss(
                    model, w.reshape(-1), x, np.array([y]), loss, made
                ).per_sample
                assert upper is not None
                assert lower[0] <= exact + 1e-6
                assert exact <= upper[0]
            _, upper = robust_loss(
                model, w.reshape(-1), x, np.array([y]), cross_entropy, made
            ).per_sample
            assert upper is not None
            assert np.logaddexp(0.0, others.max()) <= upper[0]


@attrs.frozen(eq=False)
class _Given:
    """A network of given weights, as much of a model as `robust_loss` asks for."""

    layers: TwoLayerWeights
    deterministic: bool = True
    name: str = "given"
    classes = property(lambda self: self.layers.output.shape[1])
    width = property(lambda self: len(self.layers.output))
    activation = property(lambda self: self.layers.activation)

    def two_layer(self, w: Any) -> TwoLayerWeights:
        return self.layers._replace(hidden=w.reshape(self.layers.hidden.shape))

    def __call__(self, w: Any, x: Any) -> Any:
        hidden, output, activation = self._parts(w)
        return activation.value(x @ hidden.T) @ output

    def _parts(self, w: Any) -> Any:
        return self.two_layer(w)

    def at(self, w: Any, x: Any) -> Any:
        hidden, output, activation = self._parts(w)
        given: Any = self
        slope = activation.derivative(x @ hidden.T)

        class At:
            z = given(w, x)
            pullback_x = staticmethod(lambda c: (slope * (c @ output.T)) @ hidden)

        return At()


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("activation", ["softplus", "gelu", "relu"])
def test_two_logits_are_one_output(activation: str, norm: str) -> None:
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((10, 3)), rng.choice([-1.0, 1.0], 10)
    sigma = get_activation(activation)
    one, two = TwoLayerWeights(w, b, sigma), TwoLayerWeights(w, np.outer(b, [-0.5, 0.5]), sigma)
    x, y, rho = rng.standard_normal((5, 3)), np.array([0.0, 1, 1, 0, 1]), np.full(5, 0.4)
    pairs: list[tuple[Any, Any]] = [
        (cross_entropy, logistic), (multiclass_hinge, og.losses.hinge)
    ]  # fmt: skip
    for many, single in pairs:
        known = np.asarray(loss_bound(one, x, 2 * y - 1, single, rho, norm).upper)
        found = np.asarray(loss_bound(two, x, y, many, rho, norm).upper)
        np.testing.assert_allclose(found, known, rtol=1e-12)


def test_classes_with_the_same_weights_have_no_lead() -> None:
    rng = np.random.default_rng(0)
    b = rng.standard_normal((6, 2))[:, [0, 1, 0]]
    layers = TwoLayerWeights(rng.standard_normal((6, 2)), b, relu)
    found = lead_bounds(layers, rng.standard_normal((4, 2)), np.zeros(4), np.ones(4), "l2")
    bounds = np.asarray(found.bounds)
    np.testing.assert_array_equal(bounds[:, [0, 2]], 0.0)
    assert np.all(bounds[:, 1] != 0.0)
    assert len(found.deltas) == 3


def test_of_the_strongest_rival_nothing_is_lost() -> None:
    model, w, x, y = game("softplus", classes=4, dim=6, width=40, n=12, rounds=30)
    bracket = robust_loss(model, w, x, y, multiclass_logistic, l2(0.1))
    assert 0.0 < bracket.width <= 1e-5 * (bracket.lower.value - bracket.clean)
    wider = robust_loss(model, w, x, y, cross_entropy, l2(0.1))
    assert bracket.width < wider.width


def test_a_loss_of_no_leads_has_no_certificate() -> None:
    def value(z: Any, y: Any) -> Any:
        return 0.5 * (z * z).sum(-1) + cross_entropy.value(z, y)

    regularized = og.losses.from_function(
        value,
        lambda z, y: z + cross_entropy.derivative(z, y),
        conjugate=lambda p, y: p.sum(-1),
        multiclass=True,
    )
    model, w, x, y = game("softplus", rounds=5)
    bracket = robust_loss(model, w, x, y, regularized, l2(0.2))
    assert bracket.upper is None
    assert "not a function of the leads" in bracket.method
    assert bracket.lower.value > bracket.clean
    best = np.mean([np.max(value(logits(model, w, x[i] + disc(0.2, "l2")), np.full(
        len(disc(0.2, "l2")), y[i]))) for i in range(len(x))])  # fmt: skip
    assert bracket.lower.value == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize("loss", [og.losses.squared, og.losses.absolute])
@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_losses_of_numbers_take_the_larger_end(loss: Any, activation: str) -> None:
    model = TwoLayerNet(dim=2, width=12, activation=activation, seed=1, paired=False)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 2)), rng.standard_normal(6)
    w = np.asarray(model.start)
    for norm, made in (("l2", l2(0.3)), ("linf", linf(0.3))):
        lower, upper = robust_loss(model, w, x, y, loss, made).per_sample
        assert upper is not None
        for i in range(6):
            z = SIGMA[activation]((x[i] + disc(0.3, norm)) @ w.reshape(12, 2).T) @ model.signs
            off = np.abs(z / 12**0.5 - y[i])
            best = (off if loss.name == "absolute" else 0.5 * off**2).max()
            assert best - 0.02 <= lower[i] <= upper[i]
            assert best <= upper[i] <= 1.1 * best + 0.1


def test_torch_and_float32_equal_numpy() -> None:
    torch = pytest.importorskip("torch")
    model, w, x, y = game("softplus", rounds=10)
    tensors = [torch.tensor(values) for values in (w, x, y)]
    for made in (l2(0.2), linf(0.2)):
        known = robust_loss(model, w, x, y, cross_entropy, made).per_sample
        found = robust_loss(model, *tensors, cross_entropy, made).per_sample
        np.testing.assert_allclose(found.upper, known.upper, rtol=1e-9)
        np.testing.assert_allclose(found.lower, known.lower, rtol=1e-3)
    small = [np.asarray(values, dtype=np.float32) for values in (w, x, y)]
    coarse = robust_loss(model, *small, cross_entropy, l2(0.2))
    exact = robust_loss(model, *(v.astype(np.float64) for v in small), cross_entropy, l2(0.2))
    assert coarse.upper is not None
    assert exact.upper is not None
    assert coarse.upper.value == pytest.approx(exact.upper.value, rel=1e-5)


def test_a_targeted_attack_finds_the_rival_that_wins_later() -> None:
    """Class 1 leads at the clean input and is flat; class 2 is behind, and ahead after the step."""
    hidden = np.array([[0.0, 1.0], [1.0, 0.0]])
    output = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 3.0]])  # f_1 = relu(x_2), f_2 = 3 relu(x_1)
    model = _Given(TwoLayerWeights(hidden, output, relu))
    x, y = np.array([[0.1, 1.0]]), np.array([0.0])
    objective = ModelObjective(model, hidden.reshape(-1), y, multiclass_hinge)  # type: ignore[arg-type]  # plain arrays
    rng = np.random.default_rng(0)
    plain = PGD(steps=10)(objective, x, l2(0.6), rng)
    aimed = Targeted(PGD(steps=10))(objective, x, l2(0.6), rng)
    assert float(np.asarray(plain.loss)[0]) == pytest.approx(2.6)  # 1 + (1 + 0.6)
    assert float(np.asarray(aimed.loss)[0]) == pytest.approx(3.1)  # 1 + 3 (0.1 + 0.6)
    assert aimed.n_gradients == 3 * plain.n_gradients
    one = ModelObjective(TwoLayerNet(dim=2, width=2), np.zeros(4), y, logistic)
    with pytest.raises(NotAvailableError, match="no rivals"):
        Targeted(PGD())(one, x, l2(0.1), rng)


def exact_cross_entropy(z: Vector, y: int) -> decimal.Decimal:
    """log(1 + sum e^lead) in 60 digits; for tiny sums by its series, 1 + s would lose them."""
    with decimal.localcontext() as context:
        context.prec = 60
        values = [decimal.Decimal(float(v)) for v in z]
        rivals = [(v - values[y]).exp() for j, v in enumerate(values) if j != y]
        s = sum(rivals, start=decimal.Decimal(0))
        return s - s * s / 2 + s**3 / 3 if s < decimal.Decimal("1e-12") else (1 + s).ln()


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    leads=st.lists(st.floats(-760, 60), min_size=2, max_size=5),
    y=st.integers(0, 2),
    shift=st.floats(-100, 100),
    slack=st.floats(0, 0.5),
    moves=st.lists(st.floats(-1, 1), min_size=6, max_size=6),
)
def test_losses_are_rounded_outward(
    leads: list[float], y: int, shift: float, slack: float, moves: list[float]
) -> None:
    z = np.insert(np.array(leads), min(y, len(leads)), 0.0)
    label = np.array([float(min(y, len(leads)))])
    with decimal.localcontext() as context:
        context.prec = 60
        exact = exact_cross_entropy(z, int(label[0]))
        assert (
            decimal.Decimal(float(np.asarray(loss_above(cross_entropy, z[None], label))[0]))
            >= exact
        )
        computed = z + shift
        below = np.asarray(loss_below(cross_entropy, computed[None], label, np.array([slack])))
        near = computed + slack * 0.999999 * np.array(moves[: len(z)])
        assert decimal.Decimal(float(below[0])) <= exact_cross_entropy(near, int(label[0]))


def test_hinge_losses_that_are_zero_stay_zero() -> None:
    z = np.array([[0.0, -1.0, -3.0], [0.0, -0.999, -3.0]])
    found = np.asarray(loss_above(multiclass_hinge, z, np.zeros(2)))
    assert found[0] == 0.0
    assert found[1] > 1e-3
    assert np.all(np.asarray(loss_above(RivalLead(1), z, np.zeros(2))) >= z[:, 1])
