"""One evaluation of a differentiable function f(w, x), by torch's automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from olgame.exceptions import NotAvailableError, ShapeError
from olgame.typing import Array
from olgame_torch.dual import dual_level, make_dual, unpack_dual

__all__ = ["AutogradEvaluation", "Forward", "TensorEvaluation"]

Forward = Callable[[Tensor, Tensor], Tensor]
"""A pure function (w, x) -> z: no randomness, no state, differentiable in both arguments."""


class TensorEvaluation(Protocol):
    """`olgame.models.ModelEvaluation` in tensors."""

    @property
    def z(self) -> Tensor: ...
    def pullback_w(self, c: Array) -> Tensor: ...
    def pullback_x(self, c: Array) -> Tensor: ...
    def jvp_w(self, v: Array) -> Tensor: ...
    def jvp_w_pullback_x(self, v: Array, c: Array) -> Tensor: ...


class AutogradEvaluation:
    """f at one (w, x): its output, two pullbacks by reverse mode, pushforwards by forward mode.

    z = f(w, x) is computed when first asked for, with a graph recorded for both arguments; each
    pullback walks only the part of that graph which leads to its own argument, so that
    `pullback_x` pays for no weight gradient. The graph lives exactly as long as the evaluation.
    Nothing accumulates anywhere: ``param.grad``, ``requires_grad`` and the global random state of
    the caller stay as they are, and what is returned is detached.

    Args:
        forward: the function f, (w, x) -> z.
        w: weights, shape ``(..., p)``; not copied, and not to be changed in place before the last
            pullback (torch refuses if they were).
        x: inputs, shape ``(..., n, d)``; likewise.

    Example:
        >>> import torch
        >>> from olgame_torch import AutogradEvaluation
        >>> w, x = torch.tensor([2.0, 3.0]), torch.tensor([[1.0, 10.0]])
        >>> evaluation = AutogradEvaluation(lambda w, x: torch.sin(x) @ (w * w), w, x)
        >>> evaluation.pullback_x(torch.tensor([1.0]))  # w^2 cos x
        tensor([[ 2.1612, -7.5516]])
        >>> evaluation.jvp_w(torch.tensor([1.0, 0.0]))  # 2 w_1 sin x_1
        tensor([3.3659])
    """

    __slots__ = ("_forward", "_output", "_pushed", "_w", "_x")

    def __init__(self, forward: Forward, w: Tensor, x: Tensor) -> None:
        self._forward = forward
        # Leaves of our own on the caller's storage: the version counter is shared, so torch
        # notices a change in place; the flag `requires_grad` is not.
        self._w, self._x = (leaf.requires_grad_() for leaf in _by_game(w.detach(), x.detach()))
        self._output: Tensor | None = None
        self._pushed: tuple[Tensor, int, Tensor] | None = None

    @property
    def z(self) -> Tensor:
        """Outputs f(w, x), shape ``(..., n)``, or ``(..., n, k)`` for k classes."""
        return self._recorded().detach()

    def pullback_w(self, c: Array) -> Tensor:
        """sum_i c_i grad_w f(w, x_i), shape of w, for ``c`` of the shape of z."""
        z = self._recorded()
        cotangent = _matching("pullback_w(c=...)", "z", c, z)
        return torch.autograd.grad(z, self._w, cotangent, retain_graph=True)[0]

    def pullback_x(self, c: Array) -> Tensor:
        """c_i grad_x f(w, x_i) for every i, shape of x, for ``c`` of the shape of z."""
        z = self._recorded()
        cotangent = _matching("pullback_x(c=...)", "z", c, z)
        return torch.autograd.grad(z, self._x, cotangent, retain_graph=True)[0]

    def jvp_w(self, v: Array) -> Tensor:
        """<grad_w f(w, x_i), v> for every i, shape of z, by forward mode.

        Args:
            v: a direction, in the shape and dtype of w.

        Raises:
            NotAvailableError: a layer has no forward mode in torch.
        """
        return self._tangent(v).detach()

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Tensor:
        """grad_x of sum_i c_i <grad_w f(w, x_i), v>, by reverse mode over forward mode.

        After ``jvp_w(v)`` with the same (unchanged) ``v`` the pushforward is not repeated.
        """
        tangent = self._tangent(v)
        cotangent = _matching("jvp_w_pullback_x(c=...)", "z", c, tangent)
        if not tangent.requires_grad:  # f is linear in w with coefficients that x does not enter
            return torch.zeros_like(self._x, requires_grad=False)
        return torch.autograd.grad(
            tangent, self._x, cotangent, retain_graph=True, materialize_grads=True
        )[0]

    def _recorded(self) -> Tensor:
        if self._output is None:
            _refuse_inference_mode()
            with torch.enable_grad():
                self._output = self._forward(self._w, self._x)
        return self._output

    def _tangent(self, v: Array) -> Tensor:
        found = self._pushed
        if found is not None and found[0] is v and found[1] == found[0]._version:
            return found[2]
        direction = _matching("jvp_w(v=...)", "w", v, self._w)
        _refuse_inference_mode()
        try:
            with torch.enable_grad(), dual_level():
                dual = make_dual(self._w.detach(), direction.detach())
                z, tangent = unpack_dual(self._forward(dual, self._x))
        except NotImplementedError as error:
            reason = str(error).strip().split("\n")[0]
            raise NotAvailableError(
                "`jvp_w` is not available for this model: a layer has no forward mode in torch "
                f"({reason})"
            ) from error
        if tangent is None:  # the output does not depend on w
            tangent = torch.zeros_like(z, requires_grad=False)
        self._pushed = (direction, direction._version, tangent)
        return tangent


def _by_game(w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the leading axes of either: what games share has a derivative for each of them."""
    if w.ndim <= 1 and x.ndim <= 2:
        return w, x
    games = np.broadcast_shapes(tuple(w.shape[:-1]), tuple(x.shape[:-2]))
    return w.expand(*games, w.shape[-1]), x.expand(*games, *x.shape[-2:])


def _matching(argument: str, name: str, value: Array, like: Tensor) -> Tensor:
    if (
        isinstance(value, Tensor)
        and value.shape == like.shape
        and value.dtype == like.dtype
        and value.device == like.device
    ):
        return value
    device = getattr(value, "device", "no device")
    raise ShapeError(
        f"`{argument}` must be a tensor of the shape, dtype and device of {name}, "
        f"{tuple(like.shape)} {like.dtype} on {like.device}, got {type(value).__name__} "
        f"{tuple(value.shape)} {value.dtype} on {device}."
    )


def _refuse_inference_mode() -> None:
    # Inside inference mode torch records nothing and forward mode returns no tangent: silently.
    if torch.is_inference_mode_enabled():
        raise NotAvailableError(
            "derivatives are not available inside `torch.inference_mode()`; leave it, or use "
            "`torch.no_grad()`, which is allowed here."
        )
