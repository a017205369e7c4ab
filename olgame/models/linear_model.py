"""f(w, x) = <w, x>."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ShapeError
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array
from olgame.validation import positive_integer

__all__ = ["LinearEvaluation", "LinearModel", "check_point"]


def check_point(w: Array, x: Array, length: int, dim: int, owner: str) -> None:
    """Raise `ShapeError` unless w is ``(..., length)``, x ``(..., n, dim)``, of one dtype."""
    if w.ndim < 1 or w.shape[-1] != length:
        raise ShapeError(
            f"`{owner}.at(w=...)` must have {length} weights on its last axis, "
            f"got shape {tuple(w.shape)}."
        )
    if x.ndim < 2 or x.shape[-1] != dim:
        raise ShapeError(
            f"`{owner}.at(x=...)` must have shape (..., n, {dim}), got {tuple(x.shape)}."
        )
    if w.dtype != x.dtype:
        raise ShapeError(
            f"`{owner}.at(w=..., x=...)` must be of one library and dtype, got {w.dtype} and "
            f"{x.dtype}: convert data with `model.asarray`."
        )


@attrs.frozen(eq=False)
class LinearEvaluation:
    """The linear model at (w, x); see `olgame.models.ModelEvaluation` for the methods."""

    w: Any
    x: Any

    @property
    def z(self) -> Array:
        return self.jvp_w(self.w)

    def pullback_w(self, c: Array) -> Array:
        out: Array = (c[..., None, :] @ self.x)[..., 0, :]
        return out

    def pullback_x(self, c: Array) -> Array:
        return self.jvp_w_pullback_x(self.w, c)

    def jvp_w(self, v: Array) -> Array:
        out: Array = (self.x @ v[..., None])[..., 0]
        return out

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        out: Array = c[..., None] * v[..., None, :]
        return out


@attrs.frozen
class LinearModel:
    """The linear model f(w, x) = <w, x>, started at w = 0.

    With a convex loss its round losses are convex: the game is plain online convex optimization.
    Written for NumPy arrays and torch tensors alike; `start` and `asarray` are NumPy's. Leading
    axes of ``w`` (``(..., d)``) and of ``x`` (``(n, d)`` or ``(..., n, d)``) are independent games.

    Args:
        dim: d, the length of an input and of w.

    Raises:
        ArgumentError: ``dim`` is no integer >= 1.

    Example:
        >>> import numpy as np
        >>> from olgame.models import LinearModel
        >>> LinearModel(2)(np.array([1.0, -2.0]), np.array([[3.0, 1.0], [0.0, 1.0]]))
        array([ 1., -2.])
    """

    dim: int = attrs.field(validator=positive_integer)

    @property
    def name(self) -> str:
        return "linear"

    @property
    def start(self) -> Array:
        return np.zeros(self.dim)

    @property
    def deterministic(self) -> bool:
        return True

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> LinearEvaluation:
        """The model at (w, x), shapes ``(..., d)`` and ``(..., n, d)``.

        Raises:
            ShapeError: shapes do not fit, or ``w`` and ``x`` differ in library or dtype.
        """
        check_point(w, x, self.dim, self.dim, "LinearModel")
        return LinearEvaluation(w, x)

    def neighborhood(self, radius: float) -> L2Ball:
        """The ball of ``radius`` around 0."""
        return L2Ball(radius, center=self.start)

    def curvature_bound(self, x: Array) -> Array:
        """0: the model is its own linearization."""
        bound: Array = kernels(x).xp.zeros_like(x[..., 0])
        return bound

    def asarray(self, values: Any) -> Array:
        """``values`` as a float64 NumPy array."""
        return to_numpy(values)
