"""Perturbations that are bounded coordinate by coordinate."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy
from olgame.one_game import row
from olgame.perturbations.box import Box, as_box, check_finite
from olgame.perturbations.radius import as_radius, radius_for, require_radius, take_radius
from olgame.sets.norms import norm
from olgame.typing import Array

__all__ = ["LinfPerturbation", "linf"]


def _box(value: Any) -> Box | None:
    return as_box(value, "linf")


@final
@attrs.frozen(eq=False)
class LinfPerturbation:
    """B(x) = { x' : abs(x'_j - x_j) <= rho, low <= x' <= high }; `linf` builds it.

    rho is the ``radius``. The projection clips each coordinate to
    [max(x_j - rho, low_j), min(x_j + rho, high_j)], whose ends are rounded to the dtype of the
    data; `distance` measures in float64.

    Args:
        radius: rho >= 0, one number or an array ``(n,)`` with one for every sample.
        box: Pair (low, high) of numbers or arrays ``(d,)``, or None; it has to contain the clean
            data (`check_data`), or B(x) could be empty.

    Raises:
        ArgumentError: ``radius`` or ``box`` is out of its domain.
    """

    radius: Any = attrs.field(converter=as_radius)
    box: Box | None = attrs.field(default=None, converter=_box)

    def __attrs_post_init__(self) -> None:
        require_radius(self.radius, "linf")

    @property
    def norm(self) -> str:
        """``"linf"``."""
        return "linf"

    def check_data(self, x: Array) -> None:
        """Refuse data that is not finite, outside the box, or not one row a radius.

        Raises:
            DataError: An entry is nan or infinite.
            ArgumentError: The box does not contain the data.
            ShapeError: Radii or box bounds for another number of samples or coordinates.
        """
        check_finite(x, "linf")
        radius_for(self.radius, x, "linf")
        if self.box is not None:
            self.box.check(x, "linf")

    def project(self, x: Array, x_adv: Array) -> Array:
        """The nearest point of B(x), in every norm, shape ``(..., n, d)``."""
        xp = kernels(x).xp
        low, high = self._interval(x)
        projected: Array = xp.clip(x_adv, low, high)
        return projected

    def distance(self, x: Array, x_adv: Array) -> Array:
        """Largest excess of a coordinate over its interval, in float64, shape ``(..., n)``."""
        xp = kernels(x).xp
        x, x_adv = xp.astype(x, xp.float64), xp.astype(x_adv, xp.float64)
        radius = self._column(x)
        # norm(x' - x) - rho, not x' - (x + rho): the sum would round rho away.
        excess = xp.max(xp.abs(x_adv - x) - radius, axis=-1)
        excess = xp.maximum(excess, xp.zeros_like(excess))
        if self.box is not None:
            excess = xp.maximum(excess, xp.max(xp.abs(x_adv - self.box.clip(x_adv)), axis=-1))
        outside: Array = excess
        return outside

    def steepest(self, gradient: Array, *, atol: float | Array = 0.0) -> Array:
        """sign(g), with sign(0) = 0; exactly 0 where rho norm1(g) <= ``atol``.

        A row with a nan comes out as nan.
        """
        k = kernels(gradient)
        length: Any = self.dual_norm(gradient)
        moves = ~(length * radius_for(self.radius, gradient, "linf") <= atol)
        # In two passes over the gradient. A tensor's sign of nan is 0: nan comes from the norm.
        direction: Any = k.sign(gradient)
        factor = k.xp.where(k.xp.isnan(length), length, k.xp.astype(moves, length.dtype))
        direction *= factor[..., None]
        steepest: Array = direction
        return steepest

    def dual_norm(self, g: Array) -> Array:
        """norm1(g) over the last axis."""
        xp = kernels(g).xp
        length: Array = xp.sum(xp.abs(g), axis=-1)
        return length

    def euclidean_radius(self, dim: int) -> float | Array:
        """rho sqrt(d)."""
        radius: float | Array = self.radius * math.sqrt(dim)
        return radius

    def input_bound(self, x: Array) -> Array:
        """norm2(x) + rho sqrt(d), or the box's largest norm if less; float64, ``(..., n)``."""
        xp = kernels(x).xp
        x = xp.astype(x, xp.float64)
        spread = radius_for(self.radius, x, "linf") * math.sqrt(x.shape[-1])
        bound: Any = norm(x) + spread
        smallest: Array = bound if self.box is None else xp.minimum(bound, self.box.corner(x))
        return smallest

    def sample(self, x: Array, rng: np.random.Generator) -> Array:
        """Uniform in the cube, then clipped to the box.

        Drawn in float64 by NumPy: equal generators give equal points for every library.
        """
        scale = np.asarray(to_numpy(self.radius))[..., None]
        draw = scale * rng.uniform(-1.0, 1.0, tuple(x.shape))
        return self.project(x, x + as_like(draw, x))

    def take(self, index: Array) -> LinfPerturbation:
        """The set for the samples ``index``."""
        return attrs.evolve(self, radius=take_radius(self.radius, index))

    def game(self, index: tuple[int, ...], /) -> LinfPerturbation:
        """The set of one game, where radii have leading axes."""
        return attrs.evolve(self, radius=row(self.radius, index))

    def enlarged(self, amount: float) -> LinfPerturbation:
        """The set of radius rho + ``amount`` (the box stays)."""
        return attrs.evolve(self, radius=self.radius + amount)

    def _column(self, x: Array) -> Any:
        """rho as it broadcasts over ``x`` itself, shape ``()`` or ``(n, 1)``."""
        radius = radius_for(self.radius, x, "linf")
        return radius if isinstance(radius, float) else radius[..., None]

    def _interval(self, x: Array) -> tuple[Any, Any]:
        """The ends of the interval of every coordinate, shape ``(..., n, d)``."""
        radius = self._column(x)
        low, high = x - radius, x + radius
        if self.box is not None:
            low, high = self.box.clip(low), self.box.clip(high)
        return low, high


def linf(radius: Any, box: Any = None) -> LinfPerturbation:
    """B(x) = { x' : abs(x'_j - x_j) <= radius }, cut with ``box = (low, high)`` if there is one.

    Args:
        radius: rho >= 0, one number or one for every sample.
        box: Pair of numbers or arrays ``(d,)``; None for no box.

    Returns:
        The perturbation set.

    Raises:
        ArgumentError: ``radius`` or ``box`` is out of its domain.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.25, 0.5]])
        >>> linf(0.5, box=(0.0, 1.0)).project(x, np.array([[-3.0, 4.0]]))
        array([[0., 1.]])
    """
    return LinfPerturbation(radius, box)
