"""What every model of the adapter has in common: one flat weight vector, derivatives by torch."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import torch
from torch import Tensor

from olgame.exceptions import DataError, ShapeError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array
from olgame_torch.autograd_evaluation import AutogradEvaluation, Forward, TensorEvaluation
from olgame_torch.placement import reduced_precision

__all__ = ["FlatModel"]


class FlatModel(abc.ABC):
    """A map f(w, x) given as a differentiable torch function `forward`.

    A subclass has a `start`, a `dim` and a `forward`; the rest of `olgame.models.Model` follows,
    derivatives by `AutogradEvaluation`. dtype and device are those of `start`; points and inputs
    must have the same (`asarray` brings them), since a silent conversion would be a copy of the
    network in every round.

    Example:
        >>> import attrs, torch
        >>> from olgame_torch import FlatModel
        >>> @attrs.frozen(eq=False)
        ... class Sine(FlatModel):
        ...     start: torch.Tensor
        ...     dim: int = 2
        ...     def forward(self, w, x):
        ...         return torch.sin(x @ w)
        >>> model = Sine(torch.zeros(2))
        >>> model.at(model.start, torch.ones(1, 2)).pullback_w(torch.ones(1))
        tensor([1., 1.])
    """

    __slots__ = ()

    @property
    @abc.abstractmethod
    def start(self) -> Tensor:
        """W_0, shape ``(p,)``; not to be written to."""

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """d, the length of one input."""

    @abc.abstractmethod
    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        """f(w, x), as a differentiable function of w and x.

        Shape ``(..., n)``; ``(..., n, k)`` of a subclass with an attribute ``classes`` = k.
        """

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def deterministic(self) -> bool:
        return True

    @property
    def dtype(self) -> torch.dtype:
        return self.start.dtype

    @property
    def device(self) -> torch.device:
        return self.start.device

    def __call__(self, w: Array, x: Array) -> Tensor:
        point, inputs = self._checked(w, x)
        with torch.no_grad():
            return self._function(point)(point.detach(), inputs.detach())

    def at(self, w: Array, x: Array) -> TensorEvaluation:
        """f at (w, x); nothing is computed before it is asked for.

        Args:
            w: weights, shape ``(p,)`` or ``(..., p)``.
            x: inputs, shape ``(n, d)`` or ``(..., n, d)``.

        Raises:
            ShapeError: ``w`` or ``x`` is no tensor of the dtype and on the device of the model,
                or shapes do not fit.
        """
        point, inputs = self._checked(w, x)
        return AutogradEvaluation(self._function(point), point, inputs)

    def neighborhood(self, radius: float) -> ConvexSet:
        """B(R): the Euclidean ball of ``radius`` around `start`."""
        return L2Ball(radius, center=self.start)

    def curvature_bound(self, x: Array) -> Array | None:
        """None: no constant is known."""
        return None

    def asarray(self, values: Any) -> Tensor:
        """``values`` in the dtype and on the device of the model, detached.

        Raises:
            DataError: ``values`` are no real numbers, or finite ones that the dtype cannot hold.
        """
        given: Tensor
        if isinstance(values, Tensor):
            given = values.detach()
            real = not given.is_complex()
        else:
            array = _as_numpy(values)
            real = array.dtype.kind in "fiub"
            # A copy: the model must not change when the caller's array does.
            given = torch.from_numpy(np.array(array, dtype=np.float64)) if real else torch.empty(0)
        if not real:
            raise DataError(f"`{self.name}.asarray(values=...)` must be real numbers.")
        out = given.to(device=self.device, dtype=self.dtype)
        if given.dtype == torch.float64 != out.dtype and _overflowed(given, out):
            raise DataError(
                f"`{self.name}.asarray(values=...)` must fit {self.dtype}, got a number beyond "
                f"{torch.finfo(self.dtype).max:.3g}."
            )
        return out

    def describe(self) -> dict[str, Any]:
        """Name, sizes, dtype, device and what bears on precision, for reports and run folders.

        ``reduced_precision`` lists the settings of torch that make float32 products less
        accurate than float32 (TF32); it is read when asked for.
        """
        return {
            "name": self.name,
            "parameters": self.start.shape[-1],
            "dim": self.dim,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": str(self.device),
            "deterministic": self.deterministic,
            "reduced_precision": list(reduced_precision(self.dtype, self.device)),
        }

    def _function(self, w: Tensor) -> Forward:
        """The function that one evaluation at ``w`` calls, each time it has to."""
        return self.forward

    def _checked(self, w: Array, x: Array) -> tuple[Tensor, Tensor]:
        point, inputs = self._own(w, "w"), self._own(x, "x")
        if point.ndim < 1 or point.shape[-1] != self.start.shape[-1]:
            raise ShapeError(
                f"`{self.name}.at(w=...)` must have {self.start.shape[-1]} weights on its last "
                f"axis, got shape {tuple(point.shape)}."
            )
        if inputs.ndim < 2 or inputs.shape[-1] != self.dim:
            raise ShapeError(
                f"`{self.name}.at(x=...)` must have shape (..., n, {self.dim}), got "
                f"{tuple(inputs.shape)}."
            )
        if point.ndim > 1 and inputs.ndim > 2 and point.shape[:-1] != inputs.shape[:-2]:
            raise ShapeError(
                f"`{self.name}.at(w=..., x=...)` must have equal leading axes, got "
                f"{tuple(point.shape[:-1])} and {tuple(inputs.shape[:-2])}."
            )
        return point, inputs

    def _own(self, value: Array, argument: str) -> Tensor:
        start = self.start
        if (
            isinstance(value, Tensor)
            and value.dtype == start.dtype
            and value.device == start.device
        ):
            return value
        got = type(value).__name__
        if isinstance(value, Tensor):
            got = f"{value.dtype} on {value.device}"
        raise ShapeError(
            f"`{self.name}.at({argument}=...)` must be a torch tensor of {start.dtype} on "
            f"{start.device}, got {got}: convert it with `model.asarray`."
        )


def _as_numpy(values: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(values)
    except ValueError:  # ragged lists
        return np.asarray("ragged")


def _overflowed(given: Tensor, out: Tensor) -> bool:
    return bool((torch.isinf(out) & torch.isfinite(given)).any())
