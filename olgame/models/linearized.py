"""A model replaced by its linearization in the weights."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import attrs

from olgame.arrays import as_like, kernels
from olgame.exceptions import DataError, ShapeError
from olgame.models.model import Model, ModelEvaluation
from olgame.one_game import one_game, row
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["HasLinearization", "Linearized", "LinearizedEvaluation"]


@runtime_checkable
class HasLinearization(Protocol):
    """A model that evaluates its linearization itself, at less cost than its own pushforward."""

    def linearized_at(self, origin: Array, step: Array, x: Array) -> ModelEvaluation:
        """f(W_0, x) + <grad_w f(W_0, x), v> and its derivatives in v and x.

        Args:
            origin: W_0, of the shape of ``step``.
            step: v = w - W_0, shape ``(..., p)``.
            x: inputs, shape ``(..., n, d)``.
        """
        ...


@attrs.frozen(eq=False, slots=False)
class LinearizedEvaluation:
    """f_lin at (w, x): the model's evaluation at (W_0, x), and the step v = w - W_0.

    See `olgame.models.ModelEvaluation` for the methods.
    """

    base: ModelEvaluation
    step: Any

    @cached_property
    def z(self) -> Array:
        """f(W_0, x) + <grad f(W_0, x), v>, shape ``(..., n)``."""
        return self.base.z + self.base.jvp_w(self.step)

    def pullback_w(self, c: Array) -> Array:
        """sum_i c_i grad f(W_0, x_i): the same at every w."""
        return self.base.pullback_w(c)

    def pullback_x(self, c: Array) -> Array:
        """The model's gradient in x at W_0, and that of its pushforward along v."""
        return self.base.pullback_x(c) + self.base.jvp_w_pullback_x(self.step, c)

    def jvp_w(self, v: Array) -> Array:
        return self.base.jvp_w(v)

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        return self.base.jvp_w_pullback_x(v, c)


@attrs.frozen(eq=False)
class Linearized:
    """f_lin(w, x) = f(W_0, x) + <grad_w f(W_0, x), w - W_0>, W_0 = ``at``.

    Linear in w and as non-linear in x as the model: with a convex loss the game played on it *is*
    online convex optimization, the convex twin of the game on the model. (Not to be confused with
    the linearization of a *loss* at the current point, which is what a regret bound uses.)

    Works for every model whose evaluation offers `jvp_w`; attacks also need `jvp_w_pullback_x`. A
    model with a method ``linearized_at`` (`HasLinearization`) is asked for f_lin as a whole. It has
    the model's start, neighborhood and data type, and curvature bound 0. It is no two-layer
    network, so certificates that need one do not apply to it.

    **Warning: ReLU.** Where grad_w f jumps, f_lin is *discontinuous in x*: crossing the kink of
    neuron r at W_0 changes it by a_r <w_r - w_r0, x>/sqrt(m) at once. `pullback_x` is the gradient
    between the jumps and does not see them, so a gradient attack on a linearized ReLU network can
    miss most of what an adversary could gain. Use a smooth sigma, or an attack that compares
    values.

    Args:
        model: The model f.
        at: W_0, of the shape of the model's start, finite; by default that start.

    Raises:
        ShapeError: ``at`` is not of the shape of the model's start.
        DataError: ``at`` is not finite.

    Example:
        >>> import numpy as np
        >>> from olgame.models import Linearized, TwoLayerNet
        >>> model = TwoLayerNet(dim=2, width=4, activation="tanh", seed=1, paired=False)
        >>> twin = Linearized(model)
        >>> x, v = np.array([[1.0, 0.5]]), np.ones(8)
        >>> bool(twin(model.start, x) == model(model.start, x))
        True
        >>> float(abs(twin(model.start + 2 * v, x) - 2 * twin(model.start + v, x)
        ...           + twin(model.start, x))[0]) < 1e-15
        True

    References:
        gao2019, Theorem 4.2.
    """

    model: Model
    point: Any = attrs.field(default=None, alias="at", repr=False)
    _single: dict[tuple[int, ...], Linearized] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.point is None:
            object.__setattr__(self, "point", self.model.start)
            return
        point = self.model.asarray(self.point)
        expected = tuple(self.model.start.shape)
        if tuple(point.shape) != expected:
            raise ShapeError(
                f"`Linearized(at=...)` must have the shape {expected} of the model's start, "
                f"got {tuple(point.shape)}."
            )
        xp = kernels(point).xp
        if not bool(xp.all(xp.isfinite(point))):
            raise DataError("`Linearized(at=...)` must be finite, got nan or inf in it.")
        object.__setattr__(self, "point", xp.asarray(point, copy=True))

    @property
    def name(self) -> str:
        return f"linearized {self.model.name}"

    @property
    def start(self) -> Array:
        """The model's start (not ``at``)."""
        return self.model.start

    @property
    def dim(self) -> int:
        return self.model.dim

    @property
    def classes(self) -> int | None:
        """Those of the model."""
        return getattr(self.model, "classes", None)

    @property
    def deterministic(self) -> bool:
        return self.model.deterministic

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> ModelEvaluation:
        """f_lin at (w, x), shapes ``(..., p)`` and ``(..., n, d)``."""
        origin = as_like(self.point, w)
        step: Any = w - origin
        if origin.ndim < step.ndim:  # games that share W_0
            origin = kernels(w).xp.broadcast_to(origin, step.shape)
        if isinstance(self.model, HasLinearization):
            return self.model.linearized_at(origin, step, x)
        return LinearizedEvaluation(self.model.at(origin, x), step)

    def game(self, index: tuple[int, ...], /) -> Linearized:
        """The linearization of one game, at its W_0; the same object each time."""
        if index not in self._single:
            model = one_game(self.model, index)
            self._single[index] = Linearized(model, at=row(self.point, index))
        return self._single[index]

    def neighborhood(self, radius: float) -> ConvexSet:
        """B(R) of the model."""
        return self.model.neighborhood(radius)

    def curvature_bound(self, x: Array) -> Array:
        """0: linear in w."""
        bound: Array = kernels(x).xp.zeros_like(x[..., 0])
        return bound

    def asarray(self, values: Any) -> Array:
        """``values`` in the dtype and on the device of the model."""
        return self.model.asarray(values)
