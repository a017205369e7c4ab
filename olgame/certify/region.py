"""Sets of perturbations over which a certificate bounds a network."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import attrs
from array_api_compat import device

from olgame.arrays import kernels, unit_roundoff
from olgame.certify.quadratic_maximum import QuadraticMaximum, Spectrum, quadratic_maximum
from olgame.sets.norms import norm as norm_2
from olgame.sets.norms import unit
from olgame.typing import Array

__all__ = ["Ball", "Ends", "Region"]


class Ends(NamedTuple):
    """Where the pre-activations s_k = <w_k, x + delta> can be, delta in the region.

    Attributes:
        low, high: ``low <= s_k <= high`` for the real s_k, rounding included, shape ``(n, m)``.
        reach2: at least abs(<w_k, delta>), shape ``(n, m)``: the scale of rounding errors.
    """

    low: Array
    high: Array
    reach2: Array


class Region(Protocol):
    """A set of perturbations for each of n samples, contained in a ball around 0."""

    @property
    def norm(self) -> str:
        """Of that ball: ``"l2"`` or ``"linf"``."""
        ...

    def longest(self) -> Array:
        """At least norm2(delta), shape ``(n,)``."""
        ...

    def middle(self) -> Array:
        """Where a search starts, shape ``(n, d)``."""
        ...

    def ends(self, hidden: Array, rows: Array, z: Array, off: Array) -> Ends:
        """Ranges of the pre-activations.

        Args:
            hidden: rows w_k, shape ``(m, d)``.
            rows: norm2(w_k), shape ``(m,)``, to a few roundings.
            z: <w_k, x> as computed, shape ``(n, m)``.
            off: what each may be off, shape ``(n, m)``.
        """
        ...

    def maximum(
        self, gradient: Array, curvature: Array, smoothing: Array, spectrum: Spectrum | None
    ) -> QuadraticMaximum:
        """An upper bound on max of <g, delta> + delta^T M delta / 2 over the region."""
        ...

    def inside(self, mean: Array) -> Array:
        """``mean``, an average of perturbations up to the search's errors, moved into the ball."""
        ...

    def outward(self, mean: Array) -> Array:
        """A point of the ball or cap near ``mean``, on the boundary of a ball: for an attack."""
        ...


@attrs.frozen(eq=False)
class Ball:
    """norm(delta) <= rho.

    Args:
        radius: rho > 0, shape ``(n,)``; for linf also ``(n, d)``, one for each coordinate.
        norm: ``"l2"`` or ``"linf"``.
        dim: d.
    """

    radius: Array
    norm: str
    dim: int

    def longest(self) -> Array:
        r: Any = self.radius
        if self.norm == "l2":
            return self.radius
        out: Array = norm_2(r) if r.ndim == 2 else self.dim**0.5 * r  # type: ignore[assignment]
        return out

    def middle(self) -> Array:
        r: Any = self.radius
        out: Array = kernels(r).xp.zeros((r.shape[0], self.dim), dtype=r.dtype, device=device(r))
        return out

    def ends(self, hidden: Array, rows: Array, z: Array, off: Array) -> Ends:
        """z_k -+ rho dualnorm(w_k)."""
        xp = kernels(hidden).xp
        up = 1 + 4 * (self.dim + 4) * unit_roundoff(hidden)
        r: Any = self.radius
        long: Any = self.longest()
        reach2 = up * long[:, None] * rows + off
        reach = reach2
        if self.norm == "linf":
            size: Any = xp.abs(hidden)
            if r.ndim == 2:
                dual = xp.matmul(r, xp.linalg.matrix_transpose(size))
            else:
                dual = r[:, None] * xp.sum(size, axis=-1)
            reach = up * dual + off
        return Ends(z - reach, z + reach, reach2)

    def maximum(
        self, gradient: Array, curvature: Array, smoothing: Array, spectrum: Spectrum | None
    ) -> QuadraticMaximum:
        return quadratic_maximum(
            gradient, curvature, self.radius, self.norm, smoothing, spectrum=spectrum
        )

    def inside(self, mean: Array) -> Array:
        m: Any = mean
        xp = kernels(m).xp
        rho = (1.0 - 1e-13) * _column(self.radius)
        if self.norm == "linf":
            clipped: Array = xp.minimum(xp.maximum(m, -rho), rho)
            return clipped
        length = xp.linalg.vector_norm(m / rho, axis=-1, keepdims=True)
        shorter: Array = m / xp.clip(length, 1.0, None)
        return shorter

    def outward(self, mean: Array) -> Array:
        """The end of the ball, for linf the vertex, that ``mean`` points to."""
        along: Any = kernels(mean).xp.sign(mean) if self.norm == "linf" else unit(mean)
        out: Array = along * _column(self.radius)
        return out


def _column(radius: Any) -> Any:
    return radius if radius.ndim == 2 else radius[:, None]
