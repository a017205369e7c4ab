"""The same attacks on tensors: NumPy is the oracle, and the user's module is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, BestOf, ModelObjective, Restarts
from olgame.exceptions import ViolationError
from olgame.losses import logistic
from olgame.models import TwoLayerNet
from olgame.perturbations import l2, linf

torch = pytest.importorskip("torch")
RNG = np.random.default_rng
D, M, N = 7, 40, 15


@attrs.frozen(eq=False)
class At:
    """f at (w, x) by autograd; the output is handed out detached."""

    graph: Any
    x: Any

    @property
    def z(self) -> Any:
        return self.graph.detach()

    def pullback_x(self, c: Any) -> Any:
        (gradient,) = torch.autograd.grad(self.graph, self.x, c)
        return gradient


@attrs.frozen(eq=False)
class Module:
    """A user's two-layer softplus network with weights of its own, as a model of torch tensors."""

    net: Any
    signs: Any

    def forward(self, x: Any) -> Any:
        # logaddexp and not torch's softplus, which is cut off at 20.
        hidden = torch.logaddexp(torch.zeros((), dtype=x.dtype), self.net(x))
        return hidden @ self.signs

    def __call__(self, w: Any, x: Any) -> Any:
        with torch.no_grad():
            return self.forward(x)

    def at(self, w: Any, x: Any) -> At:
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            return At(self.forward(x), x)


def both() -> tuple[Any, Any, Any, Any, Any]:
    """The network as NumPy's closed form and as a module with autograd, of equal weights."""
    rng = RNG(0)
    reference = TwoLayerNet(dim=D, width=M, activation="softplus", seed=3)
    w = np.asarray(reference.start) + 0.3 * rng.normal(size=M * D)
    net = torch.nn.Linear(D, M, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(w.reshape(M, D)))
    module: Any = Module(net, torch.from_numpy(np.array(reference.two_layer(w).output)))
    x, y = rng.normal(size=(N, D)), np.where(rng.random(N) < 0.5, -1.0, 1.0)
    return reference, w, module, x, y


ATTACKS: list[Any] = [
    FGSM(keep_trace=True),
    PGD(keep_trace=True),
    PGD(steps=3, step_size=0.02),
    PGD(steps=4, random_start=True),
    Restarts(PGD(steps=4, random_start=True, keep_trace=True), 3),
    BestOf(FGSM(), PGD(steps=5)),
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("radius", [0.1, np.linspace(0.01, 0.3, N)])
@pytest.mark.parametrize("ball", [l2, linf])
def test_tensors_get_the_points_of_numpy(
    ball: Callable[[Any], Any], radius: Any, attack: Any
) -> None:
    reference, w, module, x, y = both()
    expected = attack(ModelObjective(reference, w, y, logistic), x, ball(radius), RNG(1))
    objective = ModelObjective(module, None, torch.from_numpy(y), logistic)  # type: ignore[arg-type]  # no weights
    found = attack(objective, torch.from_numpy(x), ball(radius), RNG(1))
    for name in ("x", "loss", "clean_loss", "trace"):
        got, want = getattr(found, name), getattr(expected, name)
        assert (got is None) == (want is None)
        if want is not None:
            assert got.dtype is torch.float64
            assert not got.requires_grad
            np.testing.assert_allclose(got.numpy(), want, rtol=0, atol=1e-10)
    assert (found.n_values, found.n_gradients) == (expected.n_values, expected.n_gradients)
    assert np.abs(np.asarray(expected.x) - x).max() > 0.01


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("ball", [l2, linf])
def test_the_network_of_the_adapter(ball: Callable[[Any], Any], attack: Any) -> None:
    """Equal points from a common w; at the paired start, where all is noise, no move at all."""
    adapter = pytest.importorskip("olgame_torch", exc_type=ImportError)
    reference, w, _, x, y = both()
    model: Any = adapter.TwoLayerNet(dim=D, width=M, activation="softplus", seed=3)
    data, labels = model.asarray(x), model.asarray(y)
    expected = attack(ModelObjective(reference, w, y, logistic), x, ball(0.1), RNG(1))
    objective = ModelObjective(model, model.asarray(w), labels, logistic)
    found = attack(objective, data, ball(0.1), RNG(1))
    np.testing.assert_allclose(found.x.numpy(), expected.x, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.loss.numpy(), expected.loss, rtol=0, atol=1e-10)
    assert not found.x.requires_grad
    assert not found.loss.requires_grad
    if not getattr(attack, "random_start", False) and not isinstance(attack, Restarts):
        at_start = attack(
            ModelObjective(model, model.start, labels, logistic), data, ball(0.1), RNG(1)
        )
        assert torch.equal(at_start.x, data)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_users_module_and_random_state_are_left_alone(attack: Any) -> None:
    _, _, module, x, y = both()
    net = module.net
    net.eval()
    net.weight.grad = torch.full_like(net.weight, 7.0)
    weights, state = net.weight.detach().clone(), torch.random.get_rng_state()
    data = torch.from_numpy(x)
    objective = ModelObjective(module, None, torch.from_numpy(y), logistic)  # type: ignore[arg-type]  # no weights
    attack(objective, data, l2(0.1), RNG(1))
    assert (net.weight.grad == 7.0).all()
    assert (net.weight == weights).all()
    assert net.weight.requires_grad
    assert not net.training
    assert not data.requires_grad
    assert (data.numpy() == x).all()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_single_precision_stays_single() -> None:
    _, _, module, x, y = both()
    module.net.float()
    single: Any = Module(module.net, module.signs.float())
    objective = ModelObjective(single, None, torch.from_numpy(y).float(), logistic)  # type: ignore[arg-type]  # no weights
    data = torch.from_numpy(x).float()
    found: Any = PGD()(objective, data, l2(np.linspace(0.01, 0.3, N)), RNG(1))
    assert found.x.dtype is torch.float32
    assert (found.loss > found.clean_loss).all()


@pytest.mark.parametrize("ball", [l2, linf])
def test_a_nan_gradient_is_not_lost_in_a_sign(ball: Callable[[Any], Any]) -> None:
    """torch.sign(nan) is 0: without a check, a bad gradient would be an unmoved coordinate."""

    class Bad:
        def value(self, x: Any) -> Any:
            return x.sum(-1)

        def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
            gradient = torch.ones_like(x)
            gradient[4, 1] = float("nan")
            return x.sum(-1), gradient

        def output(self, x: Any) -> Any:
            return x.sum(-1)

        def take(self, index: Any) -> Any:
            return self

    with pytest.raises(ViolationError, match="gradient of sample 4 must be finite at step 0"):
        PGD()(Bad(), torch.zeros(6, 3, dtype=torch.float64), ball(0.1), RNG(0))
