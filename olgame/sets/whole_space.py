"""The whole space: no constraint."""

from __future__ import annotations

import math
from typing import final

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.exceptions import NotAvailableError, ShapeError
from olgame.sets.fields import require_length
from olgame.typing import Array, Value
from olgame.validation import positive_integer

__all__ = ["WholeSpace"]


@final
@attrs.frozen(eq=False)
class WholeSpace:
    """K = R^p: the learner plays where it likes.

    The projection is the identity; the support function is 0 at g = 0 and infinite elsewhere, so
    a linear regret over K is infinite as soon as the gradients do not cancel; diameter and reach
    are infinite.

    Args:
        dim: p, or None for any.

    Raises:
        ArgumentError: ``dim`` is no positive integer.

    Example:
        >>> import numpy as np
        >>> space = WholeSpace()
        >>> space.project(np.array([3.0, 4.0])), float(space.support(np.array([0.0, 1.0])))
        (array([3., 4.]), inf)
    """

    dim: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive_integer)
    )

    @property
    def diameter(self) -> float:
        return math.inf

    def project(self, x: Array) -> Array:
        """``x`` itself."""
        self._check(x)
        return x

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is finite, shape ``(...)``."""
        self._check(x)
        xp = kernels(x).xp
        finite = xp.all(xp.isfinite(x), axis=-1)
        result: Array | bool = bool(finite) if x.ndim == 1 else finite
        return result

    def support(self, g: Array) -> Value:
        """0 where g = 0, nan where it is not a number, else inf."""
        self._check(g)
        xp = kernels(g).xp
        size = xp.sum(xp.abs(g), axis=-1)
        result: Value = xp.where(size > 0.0, xp.full_like(size, math.inf), size)
        return result

    def lmo(self, g: Array) -> Array:
        """The origin for g = 0; no other linear function has a minimizer.

        Raises:
            NotAvailableError: ``g`` is not 0.
        """
        self._check(g)
        xp = kernels(g).xp
        if bool(xp.any(xp.abs(g) > 0.0)):
            raise NotAvailableError(
                "`WholeSpace.lmo(g=...)` has a minimizer only for g = 0: a linear function is "
                "unbounded below on the whole space; use a bounded decision set."
            )
        result: Array = xp.zeros_like(g)
        return result

    def reach(self, x: Array) -> Value:
        """``inf``, shape ``(...)``."""
        self._check(x)
        if x.ndim == 1:
            return math.inf
        result: Value = kernels(x).xp.full_like(x[..., 0], math.inf)
        return result

    def translate(self, v: Array) -> WholeSpace:
        """The same space."""
        self._check(v)
        return self

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Standard Gaussian points (there is no uniform law on R^p)."""
        if self.dim is not None and shape[-1:] != (self.dim,):
            raise ShapeError(f"`WholeSpace.sample(shape=...)` must end in {self.dim}, got {shape}.")
        return rng.standard_normal(shape)

    def _check(self, x: Array) -> None:
        if self.dim is not None:
            require_length(x, self.dim, "WholeSpace")
