"""f(w, x) = <w, x>, or W x for k classes."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ShapeError
from olgame.models.output_axis import OutputAxis, output_axis
from olgame.models.two_layer_start import check_classes
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array
from olgame.validation import positive_integer

__all__ = ["LinearEvaluation", "LinearModel", "check_games", "check_point"]


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


def check_games(w: Array, games: tuple[int, ...], owner: str) -> None:
    """Raise `ShapeError` unless ``w`` has a row for each of the starts of a network."""
    if games and tuple(w.shape[-2:-1]) != games:
        raise ShapeError(
            f"`{owner}(seed=...)` holds {games[0]} networks, and `w` must have a row for each, "
            f"shape (..., {games[0]}, {w.shape[-1]}), got {tuple(w.shape)}. One of them is "
            "`model.game(index)`."
        )


@attrs.frozen(eq=False)
class LinearEvaluation:
    """The linear model at (w, x); see `olgame.models.ModelEvaluation` for the methods.

    w is a matrix of one row, or of a row for each class, flattened.
    """

    w: Any
    x: Any
    axis: OutputAxis

    @property
    def z(self) -> Array:
        return self.jvp_w(self.w)

    def pullback_w(self, c: Array) -> Array:
        xp = kernels(self.x).xp
        rows = xp.matrix_transpose(self.axis.lift(c)) @ self.x
        out: Array = xp.reshape(rows, (*rows.shape[:-2], -1))
        return out

    def pullback_x(self, c: Array) -> Array:
        return self.jvp_w_pullback_x(self.w, c)

    def jvp_w(self, v: Array) -> Array:
        rows = kernels(v).xp.matrix_transpose(self._rows(v))
        out: Array = self.axis.drop(self.x @ rows)
        return out

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        out: Array = self.axis.lift(c) @ self._rows(v)
        return out

    def _rows(self, v: Any) -> Any:
        return kernels(v).xp.reshape(v, (*v.shape[:-1], -1, self.x.shape[-1]))


@attrs.frozen
class LinearModel:
    """The linear model f(w, x) = <w, x>, started at w = 0; W x, W of k rows, for k classes.

    With a convex loss its round losses are convex: the game is plain online convex optimization.
    Written for NumPy arrays and torch tensors alike; `start` and `asarray` are NumPy's. Leading
    axes of ``w`` (``(..., p)``) and of ``x`` (``(n, d)`` or ``(..., n, d)``) are independent games.

    Args:
        dim: d, the length of an input.
        classes: k, the number of logits; None for one output. w has length d, or k d.

    Raises:
        ArgumentError: ``dim`` is no integer >= 1, or ``classes`` none >= 2.

    Example:
        >>> import numpy as np
        >>> from olgame.models import LinearModel
        >>> LinearModel(2)(np.array([1.0, -2.0]), np.array([[3.0, 1.0], [0.0, 1.0]]))
        array([ 1., -2.])
    """

    dim: int = attrs.field(validator=positive_integer)
    classes: int | None = None

    def __attrs_post_init__(self) -> None:
        check_classes(self.classes, "LinearModel")

    @property
    def name(self) -> str:
        return "linear"

    @property
    def start(self) -> Array:
        return np.zeros(self.dim * (self.classes or 1))

    @property
    def deterministic(self) -> bool:
        return True

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> LinearEvaluation:
        """The model at (w, x), shapes ``(..., p)`` and ``(..., n, d)``.

        Raises:
            ShapeError: shapes do not fit, or ``w`` and ``x`` differ in library or dtype.
        """
        check_point(w, x, self.dim * (self.classes or 1), self.dim, "LinearModel")
        return LinearEvaluation(w, x, output_axis(self))

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
