"""Both ends against exact arithmetic: rationals for ReLU and hinge, mpmath for the others."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.activations import get_activation
from olgame.attacks.attack import AttackResult
from olgame.certify import Bracket, output_bound, quadratic_maximum, robust_loss
from olgame.certify.rounding import loss_above, loss_below
from olgame.certify.smooth_bound import SmoothRelaxation
from olgame.exceptions import ArgumentError
from olgame.losses import hinge, logistic, smoothed_hinge
from olgame.models import LinearModel, TwoLayerNet, TwoLayerWeights
from olgame.perturbations import l2, linf, spherical_cap
from olgame.typing import Array

Vector = NDArray[np.float64]


@attrs.frozen
class _Stay:
    """An attack that stays at the clean input."""

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        value = objective.value(x)
        return AttackResult(x, value, value, 1, 0)


def net(seed: int, activation: str, dim: int = 4) -> tuple[TwoLayerNet, Vector, Vector, Vector]:
    """16 neurons (c_k = +-1/4 is exact), weights of size 1 to 1e6."""
    rng = np.random.default_rng(seed)
    model = TwoLayerNet(dim=dim, width=16, activation=activation, seed=seed, paired=False)
    x, y = rng.standard_normal((1, dim)), np.array([1.0 if seed % 2 else -1.0])
    w: Vector = np.asarray(model.start) * 10.0 ** rng.uniform(0, 6)
    return model, w, x, y


def exact_hidden(w: Vector, x: Vector) -> list[Fraction]:
    rows = w.reshape(16, -1)
    entries = [Fraction(float(v)) for v in x[0]]
    return [
        sum((Fraction(float(a)) * b for a, b in zip(row, entries, strict=True)), Fraction(0))
        for row in rows
    ]


def exact_relu(model: TwoLayerNet, w: Vector, x: Vector) -> Fraction:
    signs = [Fraction(int(a)) / 4 for a in np.asarray(model.signs)]
    neurons = [max(s, Fraction(0)) for s in exact_hidden(w, x)]
    return sum((a * s for a, s in zip(signs, neurons, strict=True)), Fraction(0))


def sizes(w: Vector, x: Vector) -> float:
    """What rounding errors are relative to: the sum of the absolute terms."""
    return float(0.25 * np.linalg.norm(w.reshape(16, -1), axis=1).sum() * np.linalg.norm(x)) + 4.0


def ends(bracket: Bracket) -> tuple[Fraction, Fraction]:
    assert bracket.upper is not None
    return Fraction(bracket.lower.value), Fraction(bracket.upper.value)


def missed_at_radius_0(seeds: range) -> tuple[int, int]:
    """How many (lower, upper) ends of a ReLU net's hinge loss are beyond the exact one."""
    above = below = 0
    for seed in seeds:
        model, w, x, _ = net(seed, "relu")
        f = exact_relu(model, w, x)
        y, exact = np.array([-1.0 if f > 0 else 1.0]), 1 + abs(f)
        made: Any = (l2, linf)[seed // 2 % 2]
        bracket = robust_loss(model, w, x, y, hinge, made(0.0), attack=_Stay())
        assert bracket.width <= 1e-12 * sizes(w, x)
        lower, upper = ends(bracket)
        above, below = above + (lower > exact), below + (upper < exact)
    return above, below


def test_radius_0_brackets_the_exact_loss() -> None:
    assert missed_at_radius_0(range(60)) == (0, 0)


def test_radius_0_without_slack_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by dotted names: `olgame.certify.output_bound` is the function, too.
    broken: dict[str, Any] = {
        "output_slack": lambda layers, rows, lengths: 0.0 * lengths,
        "loss_above": lambda loss, z, y: loss.value(z, y),
        "loss_below": lambda loss, z, y, slack: loss.value(z, y),
    }
    for module in ("evidence", "output_bound", "region_bound", "loss_bound"):
        for name, instead in broken.items():
            monkeypatch.setattr(
                importlib.import_module(f"olgame.certify.{module}"), name, instead, raising=False
            )
    above, below = missed_at_radius_0(range(60))
    assert above > 0
    assert below > 0


@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_radius_0_brackets_the_logistic_loss(activation: str) -> None:
    mp = pytest.importorskip("mpmath")
    with mp.workdps(50):
        for seed in range(60):
            model, w, x, y = net(seed, activation)
            z = [mp.mpf(s.numerator) / s.denominator for s in exact_hidden(w, x)]
            if activation == "tanh":
                neurons = [mp.tanh(s) for s in z]
            else:
                neurons = [max(s, mp.mpf(0)) + mp.log1p(mp.exp(-abs(s))) for s in z]
            f = sum(mp.mpf(float(a)) / 4 * s for a, s in zip(model.signs, neurons, strict=True))
            s = -mp.mpf(float(y[0])) * f
            exact = max(s, mp.mpf(0)) + mp.log1p(mp.exp(-abs(s)))
            bracket = robust_loss(model, w, x, y, logistic, l2(0.0), attack=_Stay())
            assert bracket.upper is not None
            assert mp.mpf(bracket.lower.value) <= exact <= mp.mpf(bracket.upper.value)
            assert bracket.width <= 1e-12 * sizes(w, x)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_both_ends_where_the_network_is_linear(norm: str) -> None:
    """All neurons active on the ball: max of -y f is known; for linf it is rational."""
    for seed in range(40):
        model, w, x, y = net(seed, "relu", dim=1 if norm == "l2" else 3)
        w, x = np.abs(w), 1.0 + np.abs(x)
        rho = 0.1 if seed % 2 else 0.3
        pull = [Fraction(0)] * x.shape[1]
        for a, row in zip(np.asarray(model.signs), w.reshape(16, -1), strict=True):
            pull = [p + Fraction(float(a)) / 4 * Fraction(float(v))
                    for p, v in zip(pull, row, strict=True)]  # fmt: skip
        gain = Fraction(rho) * sum((abs(p) for p in pull), Fraction(0))
        margin = Fraction(float(y[0])) * exact_relu(model, w, x) - gain
        exact = max(Fraction(0), 1 - margin)
        made = l2(rho) if norm == "l2" else linf(rho)
        bracket = robust_loss(model, w, x, y, hinge, made)
        lower, upper = ends(bracket)
        assert lower <= exact <= upper
        assert bracket.width <= 1e-9 * sizes(w, x)


def test_float32_inputs_are_moved_into_the_ball() -> None:
    """Attacked in float32, |x'| overshoots; in one dimension the ball's end is known."""
    model, w, x, _ = net(3, "relu", dim=1)
    w, x = np.abs(w).astype(np.float32), np.array([[1.25]], dtype=np.float32)
    slope = exact_relu(model, w, np.ones((1, 1)))
    y = np.array([-np.sign(float(slope))], dtype=np.float32)
    played = x + np.float32(0.1) * np.float32(1 + 2e-7)
    bracket = robust_loss(model, w, x, y, hinge, l2(0.1), candidates=[played])
    lower, upper = ends(bracket)
    end = [Fraction(1.25) + Fraction(0.1), Fraction(float(played[0, 0]))]
    loss = [1 + abs(slope) * e for e in end]
    assert end[1] > end[0]
    assert lower <= loss[0]
    assert loss[1] <= upper
    assert "for B(x) enlarged by" in bracket.method


def test_excess_leaves_the_lower_end_in_the_ball() -> None:
    """f(x) = c softplus(<w, x>): the largest loss of a ball is at its end, in closed form."""
    model = TwoLayerNet(dim=2, width=1, activation="softplus", seed=0, paired=False)
    w, x = np.array([3.0, 4.0]), np.array([[1.0, 0.0]])
    sign = float(np.asarray(model.signs)[0])
    y = np.array([-sign])
    known = [float(np.logaddexp(0, np.logaddexp(0, 3.0 + 5.0 * rho))) for rho in (0.1, 0.6)]
    far = x + 0.6 * np.array([[0.6, 0.8]])
    with pytest.raises(ArgumentError, match="candidates"):
        robust_loss(model, w, x, y, logistic, l2(0.1), candidates=[far])
    bracket = robust_loss(model, w, x, y, logistic, l2(0.1), candidates=[far], excess=0.5)
    assert bracket.upper is not None
    assert bracket.lower.value <= known[0] * (1 + 1e-15)
    assert bracket.lower.value == pytest.approx(known[0], rel=1e-9)
    assert bracket.upper.value == pytest.approx(known[1], rel=1e-9)
    assert bracket.upper.value >= known[1]
    assert "for B(x) enlarged by 0.5" in bracket.upper.method
    assert "for B(x) enlarged by 0.5" in str(bracket)
    plain = robust_loss(model, w, x, y, logistic, l2(0.0))
    assert "enlarged" not in plain.method


def test_clean_inputs_outside_their_box_are_refused() -> None:
    model, w, x, y = net(0, "relu")
    for made in (l2(0.1, box=(-0.1, 0.1)), linf(0.1, box=(-0.1, 0.1))):
        with pytest.raises(ArgumentError, match="robust_loss\\(x"):
            robust_loss(model, w, x, y, hinge, made)


def test_a_positive_loss_has_a_positive_upper_end() -> None:
    """log(1 + e^-2000) is 1e-869; the hinges are exactly 0 there."""
    model = TwoLayerNet(dim=1, width=1, activation="softplus", seed=0, paired=False)
    y = np.asarray(model.signs)[:1].copy()
    for rho in (0.0, 0.1):
        found = {
            loss.name: robust_loss(model, np.array([2000.0]), np.ones((1, 1)), y, loss, l2(rho))
            for loss in (logistic, hinge, smoothed_hinge)
        }
        for name, bracket in found.items():
            assert bracket.upper is not None
            assert bracket.lower.value == 0.0
            assert (bracket.upper.value > 0.0) == (name == "logistic")
            assert bracket.upper.value < 1e-307


def test_reach_covers_what_cancels() -> None:
    """z = 0.1 from products of 1e8: its error is 1e-8, not relative to z."""
    rng = np.random.default_rng(5)
    caught: list[tuple[Any, Any]] = []
    true = SmoothRelaxation.of.__func__  # type: ignore[attr-defined]  # a classmethod

    def watch(cls: Any, hidden: Any, output: Any, sigma: Any, z: Any, low: Any, high: Any,
              *rest: Any, **named: Any) -> Any:  # fmt: skip
        caught.append((z, np.minimum(high - z, z - low)))
        return true(cls, hidden, output, sigma, z, low, high, *rest, **named)

    w: Vector = rng.standard_normal((16, 6)) * 1e8
    x = rng.standard_normal((1, 6))
    w -= np.outer(w @ x[0] - 0.1, x[0]) / (x[0] @ x[0])
    layers = TwoLayerWeights(w, np.ones(16) / 4, get_activation("gelu"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SmoothRelaxation, "of", classmethod(watch))
        output_bound(layers, x, np.array([1e-20]), "l2")
    (z, reach), exact = caught[0], exact_hidden(w.reshape(-1), x)
    errors = [abs(Fraction(float(a)) - b) for a, b in zip(z[0], exact, strict=True)]
    moved = np.linalg.norm(w, axis=1) * 1e-20
    for error, r, size, at in zip(errors, reach[0], moved, z[0], strict=True):
        assert error + Fraction(float(size)) <= Fraction(float(r))
        assert r <= 1e-12 * np.abs(w).max()
        assert abs(at) < 1.0
    # What relative rounding of z would have allowed for is far less.
    assert max(errors) > 1e-15 * np.abs(z).max() * 1e3


@pytest.mark.parametrize("loss", [logistic, hinge, smoothed_hinge])
@pytest.mark.parametrize("y", [1.0, -1.0])
def test_loss_below_is_below_all_outputs_near(loss: Any, y: float) -> None:
    z: Vector = np.linspace(-3, 3, 61)
    for slack in (0.0, 1e-9, 0.5):
        below = np.asarray(loss_below(loss, z, np.full(61, y), np.full(61, slack)))
        for move in np.linspace(-slack, slack, 9):
            near: Vector = z + move
            assert np.all(below <= np.asarray(loss.value(near, np.full(61, y))))
        at: Vector = z + y * slack
        assert below == pytest.approx(np.asarray(loss.value(at, np.full(61, y))), rel=1e-14)


def test_loss_below_of_a_convex_loss_is_its_tangent() -> None:
    z, y = np.linspace(-3, 3, 61), np.zeros(61)
    below = np.asarray(loss_below(_Square(), z, y, np.full(61, 0.5)))
    least = np.where(np.abs(z) < 0.5, 0.0, (np.abs(z) - 0.5) ** 2)
    assert np.all(below <= least)
    assert below == pytest.approx(z * z - np.abs(z), rel=1e-14, abs=1e-14)
    assert np.all(np.asarray(loss_above(_Square(), z, y)) >= z * z)
    endless = np.asarray(loss_below(_Square(), z, y, np.full(61, np.inf)))
    assert np.all(endless == -np.inf)


@attrs.frozen
class _Square:
    """z^2."""

    name: str = "square"
    lipschitz: float | None = None
    smoothness: float | None = 2.0
    of_margin: bool = False

    def check_labels(self, y: Array) -> None:
        """All labels are fine."""

    def value(self, z: Array, y: Array) -> Array:
        return z * z

    def derivative(self, z: Array, y: Array) -> Array:
        return 2 * z

    def conjugate(self, p: Array, y: Array) -> Array:
        return p * p * 0.25


@pytest.mark.parametrize("activation", ["softplus", "gelu", "relu"])
def test_ends_do_not_cross(activation: str) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        model = TwoLayerNet(dim=3, width=16, activation=activation, seed=seed, paired=False)
        x, y = rng.standard_normal((6, 3)), rng.choice([-1.0, 1.0], 6)
        w: Vector = np.asarray(model.start) * 10.0 ** rng.uniform(-3, 4)
        rho = np.array([0.0, 1e-300, 1e-16, 1e-8, 0.1, 3.0])
        loss: Any = (logistic, hinge, _Square())[seed % 3]
        for made in (l2(rho), linf(rho), spherical_cap(rho), l2(rho, box=(-9.0, 9.0))):
            bracket = robust_loss(model, w, x, y, loss, made)
            lower, upper = bracket.per_sample
            assert upper is not None
            assert np.all(lower <= upper)
            assert bracket.width >= 0.0


def test_a_model_without_two_layers_is_believed() -> None:
    """Its arithmetic is not known, and the lower end says so."""
    x, y = np.array([[1.0, 0.0]]), np.array([1.0])
    bracket = robust_loss(LinearModel(2), np.array([3.0, 4.0]), x, y, hinge, l2(1.0))
    assert "rounding is not bounded" in bracket.lower.method


def test_tensors_that_require_gradients() -> None:
    torch = pytest.importorskip("torch")
    model, w, x, y = net(1, "softplus")
    known = robust_loss(model, w, x, y, logistic, l2(0.1))
    w_, x_ = (torch.tensor(values, requires_grad=True) for values in (w, x))
    played = x_ * 1.0
    found = robust_loss(model, w_, x_, torch.tensor(y), logistic, l2(0.1), candidates=[played])
    assert found.upper is not None
    assert known.upper is not None
    assert found.upper.value == pytest.approx(known.upper.value, rel=1e-6)
    assert found.lower.value == pytest.approx(known.lower.value, rel=1e-6)
    assert w_.grad is None
    assert x_.grad is None
    layers = TwoLayerWeights(w_.reshape(16, 4), w_[:16], get_activation("softplus"))
    radius = torch.tensor([0.1], dtype=torch.float64)
    bound: Any = output_bound(layers, x_, radius, "l2")
    assert not bound.bound.requires_grad
    top: Any = quadratic_maximum(x_, x_[:, :, None] * x_[:, None, :], radius, "l2", x_[:, :1] * 0.1)
    assert not top.bound.requires_grad
