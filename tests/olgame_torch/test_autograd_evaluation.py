"""`AutogradEvaluation` against derivatives by hand, and what it must leave alone."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from olgame.exceptions import NotAvailableError, ShapeError
from olgame.models.model import ModelEvaluation
from olgame_torch import AutogradEvaluation

CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
)


def square_sine(w: Tensor, x: Tensor) -> Tensor:
    """sum_j w_j^2 sin(x_j)."""
    return torch.sin(x) @ (w * w)


class Counted:
    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, w: Tensor, x: Tensor) -> Tensor:
        self.calls += 1
        return self.function(w, x)


def _data(device: str = "cpu") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(3)
    w, x, v, c = (rng.standard_normal(shape) for shape in ((4,), (5, 4), (4,), (5,)))
    return tuple(torch.tensor(a, device=device) for a in (w, x, v, c))  # type: ignore[return-value]  # four of them


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_derivatives_by_hand(device: str) -> None:
    w, x, v, c = _data(device)
    here: ModelEvaluation = AutogradEvaluation(square_sine, w, x)
    expected = {
        "z": torch.sin(x) @ w**2,
        "pullback_w": (c[:, None] * torch.sin(x)).sum(0) * 2 * w,
        "pullback_x": c[:, None] * torch.cos(x) * w**2,
        "jvp_w": torch.sin(x) @ (2 * w * v),
        "jvp_w_pullback_x": c[:, None] * torch.cos(x) * 2 * w * v,
    }
    for _ in range(2):  # a second time must work, and give the same
        found: dict[str, Any] = {
            "z": here.z,
            "pullback_w": here.pullback_w(c),
            "pullback_x": here.pullback_x(c),
            "jvp_w": here.jvp_w(v),
            "jvp_w_pullback_x": here.jvp_w_pullback_x(v, c),
        }
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-13, atol=1e-14)
            assert not found[name].requires_grad, name


@pytest.mark.parametrize("order", [("pullback_x", "z"), ("jvp_w", "pullback_w"), ("pullback_w",)])
def test_any_order(order: tuple[str, ...]) -> None:
    w, x, v, c = _data()
    here = AutogradEvaluation(square_sine, w, x)
    results = {
        "z": lambda: here.z,
        "jvp_w": lambda: here.jvp_w(v),
        "pullback_x": lambda: here.pullback_x(c),
        "pullback_w": lambda: here.pullback_w(c),
    }
    fresh = AutogradEvaluation(square_sine, w, x)
    for name in order:
        again = fresh.z if name == "z" else getattr(fresh, name)(v if name == "jvp_w" else c)
        assert torch.equal(results[name](), again)


def test_the_caller_is_left_alone() -> None:
    w, x, v, c = _data()
    parameter = torch.nn.Parameter(w)
    parameter.grad = torch.full_like(w, 7.0)
    inputs = x.clone().requires_grad_()
    random_state = torch.random.get_rng_state()
    with torch.no_grad():
        here = AutogradEvaluation(square_sine, parameter, inputs)
        here.pullback_w(c)
        here.pullback_x(c)
        here.jvp_w_pullback_x(v, c)
        assert not torch.is_grad_enabled()
    assert torch.equal(parameter.grad, torch.full_like(w, 7.0))
    assert parameter.requires_grad
    assert inputs.requires_grad
    assert inputs.grad is None
    assert torch.equal(torch.random.get_rng_state(), random_state)
    plain = AutogradEvaluation(square_sine, w, x)
    plain.pullback_w(c)
    assert not w.requires_grad
    assert not x.requires_grad


def test_nothing_is_computed_twice_or_before_it_is_asked_for() -> None:
    w, x, v, c = _data()
    forward = Counted(square_sine)
    here = AutogradEvaluation(forward, w, x)
    assert forward.calls == 0
    _ = here.z, here.pullback_x(c), here.pullback_w(c), here.pullback_x(c), here.z
    assert forward.calls == 1
    _ = here.jvp_w(v), here.jvp_w_pullback_x(v, c), here.jvp_w(v)
    assert forward.calls == 2
    first = here.jvp_w(v)
    v.mul_(2.0)  # the same tensor with other numbers is another direction
    torch.testing.assert_close(here.jvp_w(v), 2.0 * first)
    torch.testing.assert_close(here.jvp_w_pullback_x(v, c), c[:, None] * torch.cos(x) * 2 * w * v)
    assert forward.calls == 3


def test_the_graph_dies_with_the_evaluation() -> None:
    w, x, v, c = _data()
    seen: list[weakref.ref[Tensor]] = []

    def forward(w: Tensor, x: Tensor) -> Tensor:
        hidden = x * w  # what the backward pass of the product below needs
        seen.append(weakref.ref(hidden))
        return (hidden * hidden).sum(-1)

    def use(here: AutogradEvaluation) -> list[Tensor]:
        results = [here.z, here.pullback_w(c), here.pullback_x(c), here.jvp_w(v)]
        return [*results, here.jvp_w_pullback_x(v, c)]

    use(AutogradEvaluation(forward, w, x))  # torch loads parts of itself, and leaves cycles
    gc.collect()
    gc.disable()  # so that a cycle of ours would show
    try:
        seen.clear()
        here = AutogradEvaluation(forward, w, x)
        kept = use(here)
        alive = [tensor() is not None for tensor in seen]  # an `assert` would hold the tensors
        del here
        left = [tensor() is not None for tensor in seen]
    finally:
        gc.enable()
    assert alive == [True, True]
    assert left == [False, False]
    assert len(kept) == 5


def test_a_change_in_place_is_noticed() -> None:
    w, x, _, c = _data()
    here = AutogradEvaluation(square_sine, w, x)
    _ = here.z
    x.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        here.pullback_x(c)


class WrongBackward(torch.autograd.Function):
    """The identity with a wrong reverse mode (by 1 %) and the right forward mode."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grad: Any) -> Any:
        return 1.01 * grad[0]

    @staticmethod
    def jvp(ctx: Any, *tangent: Any) -> Any:
        return tangent[0].view_as(tangent[0])


class NoForwardMode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grad: Any) -> Any:
        return grad[0]


def test_forward_mode_does_not_rest_on_reverse_mode() -> None:
    w, x, v, c = _data()

    def wrong(w: Tensor, x: Tensor) -> Tensor:
        return square_sine(WrongBackward.apply(w), x)  # type: ignore[no-untyped-call]  # torch says nothing of it

    for forward, factor in ((square_sine, 1.0), (wrong, 1.01)):
        here = AutogradEvaluation(forward, w, x)
        pulled, pushed = here.pullback_w(c) @ v, here.jvp_w(v) @ c
        torch.testing.assert_close(pulled, factor * pushed, rtol=1e-13, atol=0.0)


def test_a_layer_without_forward_mode_is_named() -> None:
    w, x, v, c = _data()

    def forward(w: Tensor, x: Tensor) -> Tensor:
        return square_sine(NoForwardMode.apply(w), x)  # type: ignore[no-untyped-call]  # torch says nothing of it

    here = AutogradEvaluation(forward, w, x)
    here.pullback_w(c)
    with pytest.raises(NotAvailableError, match=r"`jvp_w` .* no forward mode .*jvp function"):
        here.jvp_w(v)


def test_what_does_not_depend_has_derivative_zero() -> None:
    w, x, v, c = _data()
    constant = AutogradEvaluation(lambda w, x: x.sum(-1), w, x)
    assert torch.equal(constant.jvp_w(v), torch.zeros(5, dtype=torch.float64))
    bias = AutogradEvaluation(lambda w, x: x.sum(-1) + w[0], w, x)
    assert torch.equal(bias.jvp_w_pullback_x(v, c), torch.zeros_like(x))


def test_inference_mode_is_refused() -> None:
    w, x, v, c = _data()
    with torch.inference_mode():
        here = AutogradEvaluation(square_sine, w, x)
        with pytest.raises(NotAvailableError, match=r"torch\.no_grad"):
            here.pullback_x(c)
        with pytest.raises(NotAvailableError, match=r"torch\.no_grad"):
            here.jvp_w(v)


@pytest.mark.parametrize(
    ("bad", "got"),
    [
        (torch.ones(4, dtype=torch.float64), r"\(4,\) torch\.float64"),
        (torch.ones(5, dtype=torch.float32), r"torch\.float32 on cpu"),
        (np.ones(5), r"ndarray \(5,\) float64"),
    ],
)
def test_cotangents_that_do_not_fit(bad: Any, got: str) -> None:
    w, x, v, _ = _data()
    here = AutogradEvaluation(square_sine, w, x)
    calls: list[Callable[[Any], Tensor]] = [here.pullback_w, here.pullback_x]
    calls.append(functools.partial(here.jvp_w_pullback_x, v))
    for call in calls:
        with pytest.raises(ShapeError, match=rf"\(c=\.\.\.\)` must be .* of z, .* got .*{got}"):
            call(bad)
    with pytest.raises(ShapeError, match=r"`jvp_w\(v=\.\.\.\)` must be"):
        here.jvp_w(bad[:3])
