"""`TorchModel`: any module as a function of one flat vector."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError, ShapeError
from olgame.models import HasTwoLayers, Linearized, Model
from olgame_torch import TorchModel
from tests.olgame_torch.modules import F64, drawn_at, seeded

CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 5), nn.GELU(), nn.Linear(5, 1))


class Convolutional(nn.Module):
    """Convolution, group norm, a frozen layer, a buffer; one output of shape ``(n,)``."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.second = nn.Conv2d(4, 3, 3, stride=2)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)
        self.last = nn.Linear(3, 1)
        self.register_buffer("scale", torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.softplus(self.norm(self.first(x)))
        x = nn.functional.silu(self.second(x)).mean((2, 3))
        out: Tensor = self.last(torch.tanh(self.frozen(x)))[:, 0] * self.scale
        return out


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.there = nn.Linear(4, 4)
        self.back = nn.Linear(4, 4, bias=False)
        self.back.weight = self.there.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.back(torch.tanh(self.there(x))).sum(-1)
        return out


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "perceptron": (perceptron, (6,)),
    "convolutional": (Convolutional, (2, 5, 4)),
    "tied": (Tied, (4,)),
}


def made(name: str, device: str | None = None) -> tuple[nn.Module, TorchModel]:
    build, shape = MODULES[name]
    module = seeded(build)
    return module, TorchModel(module, input_shape=shape, device=device)


def _own_output(module: nn.Module, shape: tuple[int, ...], w: Tensor, x: Tensor) -> Tensor:
    """The user's module with w written into it by torch's own hand."""
    mine = copy.deepcopy(module).to(w.device)
    nn.utils.vector_to_parameters(w, [q for q in mine.parameters() if q.requires_grad])
    with torch.no_grad():
        out: Tensor = mine(x.reshape(-1, *shape))
    return out.reshape(-1)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("name", MODULES)
def test_derivatives_against_finite_differences(name: str, device: str) -> None:
    module, model = made(name, device)
    shape = MODULES[name][1]
    w, x, v, c = drawn_at(model)
    here = model.at(w, x)
    torch.testing.assert_close(here.z, _own_output(module, shape, w, x), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(model(w, x), here.z, rtol=1e-12, atol=1e-13)
    h = 1e-6
    u = model.asarray(np.random.default_rng(8).standard_normal(x.shape))
    along_w = (
        _own_output(module, shape, w + h * v, x) - _own_output(module, shape, w - h * v, x)
    ) / (2 * h)
    along_x = (
        _own_output(module, shape, w, x + h * u) - _own_output(module, shape, w, x - h * u)
    ) / (2 * h)
    torch.testing.assert_close(here.jvp_w(v), along_w, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(here.pullback_w(c) @ v, c @ along_w, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close((here.pullback_x(c) * u).sum(-1), c * along_x, rtol=1e-7, atol=1e-8)
    mixed = (model.at(w, x + h * u).jvp_w(v) - model.at(w, x - h * u).jvp_w(v)) / (2 * h)
    pulled = (here.jvp_w_pullback_x(v, c) * u).sum(-1)
    torch.testing.assert_close(pulled, c * mixed, rtol=1e-6, atol=1e-7)


def test_parameters_are_trained_once_and_frozen_ones_never() -> None:
    tied, model = made("tied")
    assert model.start.numel() == 4 * 4 + 4 == sum(q.numel() for q in tied.parameters())
    module, model = made("convolutional")
    frozen = sum(q.numel() for q in module.parameters() if not q.requires_grad)
    assert model.start.numel() == sum(q.numel() for q in module.parameters()) - frozen
    expected = torch.cat([q.reshape(-1) for q in module.parameters() if q.requires_grad])
    assert torch.equal(model.start, expected)
    assert not model.start.requires_grad
    assert model.name == "Convolutional"
    assert model.dim == 40
    as_model: Model = model
    assert not isinstance(as_model, HasTwoLayers)
    assert as_model.curvature_bound(model.start) is None
    assert as_model.deterministic
    moved = to_numpy(model.neighborhood(2.0).project(model.start + 1.0)) - to_numpy(model.start)
    assert np.linalg.norm(moved) == pytest.approx(2.0)


@pytest.mark.parametrize("name", MODULES)
def test_the_users_module_is_left_alone(name: str) -> None:
    build, shape = MODULES[name]
    module = seeded(build)
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    next(module.children()).eval()
    before = copy.deepcopy(module.state_dict())
    flags = [part.training for part in module.modules()]
    wanted = [parameter.requires_grad for parameter in module.parameters()]
    places = [parameter.data_ptr() for parameter in module.parameters()]
    random_state = torch.random.get_rng_state()

    model = TorchModel(module, input_shape=shape)
    w, x, v, c = drawn_at(model)
    here = model.at(w, x)
    _ = here.z, here.pullback_w(c), here.pullback_x(c), here.jvp_w_pullback_x(v, c), model(w, x)

    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert [part.training for part in module.modules()] == flags
    assert [parameter.requires_grad for parameter in module.parameters()] == wanted
    assert [parameter.data_ptr() for parameter in module.parameters()] == places
    for parameter in module.parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, torch.full_like(parameter, 7.0))
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key

    z = here.z
    with torch.no_grad():  # and what the user does later does not change the model
        for tensor in module.state_dict().values():
            tensor.zero_()
    assert torch.equal(model(w, x), z)


class Watching(nn.Module):
    """Notes where its weights lie."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.last = nn.Linear(4, 1)
        self.places: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.places.append(tuple(q.data_ptr() for q in self.parameters()))
        out: Tensor = self.last(torch.tanh(self.first(x)))
        return out


def test_weights_are_views() -> None:
    model = TorchModel(seeded(Watching))
    w, x, v, c = drawn_at(model)
    watching = model.module_at(w)
    assert isinstance(watching, Watching)
    noted: list[tuple[int, ...]] = []
    model._template.places = noted  # type: ignore[assignment]  # a module's attributes are open
    here = model.at(w, x)
    _ = here.z, model(w, x), here.pullback_x(c)
    offsets = np.cumsum([0, 12, 4, 4]) * w.element_size()
    assert noted == [tuple(w.data_ptr() + int(offset) for offset in offsets)] * 2
    here.jvp_w(v)
    assert noted[2] == noted[0]


@pytest.mark.parametrize("name", ["perceptron", "convolutional"])
def test_pullback_x_computes_no_weight_gradient(name: str) -> None:
    module, model = made(name)
    w, x, _, c = drawn_at(model, n=8)
    # What torch itself needs where weights want no gradient at all.
    mine = copy.deepcopy(module).requires_grad_(False)
    inputs = x.reshape(-1, *MODULES[name][1]).requires_grad_()
    with FlopCounterMode(display=False) as bare:
        mine(inputs).sum().backward()
    with FlopCounterMode(display=False) as counter:
        here = model.at(w, x)
        _ = here.z
        forward = counter.get_total_flops()
        here.pullback_x(c)
    assert counter.get_total_flops() == bare.get_total_flops()
    if name == "perceptron":
        assert counter.get_total_flops() == 2 * forward == 2 * 2 * 8 * (54 + 45 + 5)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("lead", [(2,), (2, 2)])
@pytest.mark.parametrize("shared", [True, False])
def test_leading_axes_are_independent_games(name: str, lead: tuple[int, ...], shared: bool) -> None:
    _, model = made(name)
    games = math.prod(lead)
    points = [drawn_at(model, seed=seed) for seed in range(games)]
    w, x, v, c = (
        torch.stack(parts).reshape(*lead, *parts[0].shape) for parts in zip(*points, strict=True)
    )
    if shared:
        x = points[0][1]
    here = model.at(w, x)
    z, gradient, pushed = here.z, here.pullback_w(c), here.jvp_w(v)
    assert z.shape == c.shape
    for game, (w_1, x_1, v_1, c_1) in enumerate(points):
        one = model.at(w_1, points[0][1] if shared else x_1)
        torch.testing.assert_close(z.reshape(games, -1)[game], one.z)
        torch.testing.assert_close(gradient.reshape(games, -1)[game], one.pullback_w(c_1))
        torch.testing.assert_close(pushed.reshape(games, -1)[game], one.jvp_w(v_1))
        pulled = here.pullback_x(c).reshape(games, *x_1.shape)[game]
        torch.testing.assert_close(pulled, one.pullback_x(c_1))
    inputs = torch.stack([x_1 for _, x_1, _, _ in points])
    many = model(points[0][0], inputs)
    for game in range(games):
        torch.testing.assert_close(many[game], model(points[0][0], inputs[game]))


def test_the_linearized_twin() -> None:
    _, model = made("convolutional")
    w, x, _, c = drawn_at(model)
    twin = Linearized(model)
    here = twin.at(w, x)
    middle = twin(0.5 * (w + model.start), x)
    torch.testing.assert_close(0.5 * (here.z + model(model.start, x)), middle)
    h, u = 1e-6, torch.cos(torch.arange(x.numel(), dtype=F64)).reshape(x.shape)
    along = (twin(w, x + h * u) - twin(w, x - h * u)) / (2 * h)
    pulled: Any = here.pullback_x(c)
    torch.testing.assert_close((pulled * u).sum(-1), c * along, rtol=1e-6, atol=1e-7)


def test_the_input_shape_of_a_linear_layer() -> None:
    assert TorchModel(seeded(perceptron)).input_shape == (6,)
    assert TorchModel(seeded(perceptron), input_shape=6).input_shape == (6,)


def test_a_layer_without_forward_mode() -> None:
    attention = seeded(
        lambda: nn.Sequential(
            nn.Unflatten(1, (3, 4)),
            nn.TransformerEncoderLayer(4, 1, 8, dropout=0.0, batch_first=True),
            nn.Flatten(),
            nn.Linear(12, 1),
        )
    )
    model = TorchModel(attention, input_shape=12)
    w, x, v, c = drawn_at(model)
    here = model.at(w, x)
    assert here.pullback_x(c).shape == x.shape
    with pytest.raises(NotAvailableError, match="no forward mode in torch"):
        here.jvp_w(v)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        torch.testing.assert_close(here.jvp_w(v) @ c, here.pullback_w(c) @ v)


# Back to modules ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_given_weights(name: str) -> None:
    module, model = made(name)
    shape = MODULES[name][1]
    w, x, _, _ = drawn_at(model)
    found = model.module_at(w)
    assert type(found) is type(module)
    with torch.no_grad():
        torch.testing.assert_close(found(x.reshape(-1, *shape)).reshape(-1), model(w, x))
    wanted = {k: q.requires_grad for k, q in module.named_parameters()}
    assert {k: q.requires_grad for k, q in found.named_parameters()} == wanted
    z, start = model(w, x), model.start.clone()
    module.load_state_dict(model.state_dict_at(w))
    with torch.no_grad():
        torch.testing.assert_close(module(x.reshape(-1, *shape)).reshape(-1), z)
        for parameter in found.parameters():  # the copy is the user's to do with as he likes
            parameter.fill_(9.0)
    assert torch.equal(model(w, x), z)
    assert torch.equal(model.start, start)
    if name == "tied":
        assert found.there.weight is found.back.weight  # type: ignore[union-attr]  # both are there
    with pytest.raises(ShapeError, match=r"module_at\(w=\.\.\.\)` must have shape"):
        model.module_at(w[1:])
