"""Perturbations that are bounded in the Euclidean norm."""

from __future__ import annotations

from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy
from olgame.one_game import row
from olgame.perturbations.ball_and_box import project_onto_ball_and_box
from olgame.perturbations.box import Box, as_box, check_finite
from olgame.perturbations.l2_steepest import l2_steepest
from olgame.perturbations.radius import (
    as_radius,
    radius_for,
    radius_range,
    require_radius,
    take_radius,
)
from olgame.sets.norms import norm, norms_and_range
from olgame.sets.uniform_in_ball import uniform_in_ball
from olgame.typing import Array

__all__ = ["L2Perturbation", "l2"]


def _box(value: Any) -> Box | None:
    return as_box(value, "l2")


@final
@attrs.frozen(eq=False)
class L2Perturbation:
    """B(x) = { x' : norm2(x' - x) <= rho, low <= x' <= high }; `l2` builds it.

    rho is the ``radius``. Without a box the projection is x + (x' - x) min(1, rho/norm(x' - x));
    with a box it is the nearest point of the intersection, exactly. In the dtype of the data a
    projected point overshoots rho by a few roundings of rho and of the entries of x;
    `distance` measures that in float64.

    Args:
        radius: rho >= 0, one number or an array ``(n,)`` with one for every sample.
        box: Pair (low, high) of numbers or arrays ``(d,)``, or None. It has to contain the clean
            data (`check_data`), or the nearest point is another one.

    Raises:
        ArgumentError: ``radius`` or ``box`` is out of its domain.
    """

    radius: Any = attrs.field(converter=as_radius)
    box: Box | None = attrs.field(default=None, converter=_box)

    def __attrs_post_init__(self) -> None:
        require_radius(self.radius, "l2")

    @property
    def norm(self) -> str:
        """``"l2"``."""
        return "l2"

    def check_data(self, x: Array) -> None:
        """Refuse data that is not finite, outside the box, or not one row a radius.

        Raises:
            DataError: An entry is nan or infinite.
            ArgumentError: The box does not contain the data.
            ShapeError: Radii or box bounds for another number of samples or coordinates.
        """
        check_finite(x, "l2")
        radius_for(self.radius, x, "l2")
        if self.box is not None:
            self.box.check(x, "l2")

    def project(self, x: Array, x_adv: Array) -> Array:
        """The nearest point of B(x), shape ``(..., n, d)``."""
        xp = kernels(x).xp
        radius = radius_for(self.radius, x, "l2")
        if self.box is not None:
            return project_onto_ball_and_box(x, x_adv, radius, *self.box.limits(x))
        difference: Any = x_adv - x
        # Most steps leave all samples inside, or put all outside: two reductions tell.
        length, least, largest = norms_and_range(difference)
        smallest, greatest = radius_range(self.radius)
        if largest <= smallest:
            return x_adv
        all_outside = least > greatest
        if not all_outside:
            outside = xp.asarray(length > radius)  # nan is not, and stays
            length = xp.where(outside, length, xp.full_like(length, 1.0))
        difference *= xp.asarray(radius / length)[..., None]  # in place: our own
        difference += x
        if not all_outside:
            difference = xp.where(outside[..., None], difference, x_adv)
        moved: Array = difference
        return moved

    def distance(self, x: Array, x_adv: Array) -> Array:
        """Euclidean distance of ``x_adv`` from B(x), computed in float64, shape ``(..., n)``."""
        xp = kernels(x).xp
        x, x_adv = xp.astype(x, xp.float64), xp.astype(x_adv, xp.float64)
        if self.box is None:
            excess = norm(x_adv - x) - radius_for(self.radius, x, "l2")
            outside: Array = xp.maximum(excess, xp.zeros_like(excess))
        else:
            outside = xp.asarray(norm(x_adv - self.project(x, x_adv)))
        return outside

    def steepest(self, gradient: Array, *, atol: float | Array = 0.0) -> Array:
        """g / norm2(g); exactly 0 where rho norm2(g) <= ``atol``."""
        return l2_steepest(gradient, radius_for(self.radius, gradient, "l2"), atol)

    def dual_norm(self, g: Array) -> Array:
        """norm2(g) over the last axis."""
        length: Array = kernels(g).xp.asarray(norm(g))
        return length

    def euclidean_radius(self, dim: int) -> float | Array:
        """rho."""
        radius: float | Array = self.radius
        return radius

    def input_bound(self, x: Array) -> Array:
        """norm2(x) + rho, or the box's largest norm where that is less; float64, ``(..., n)``."""
        xp = kernels(x).xp
        x = xp.astype(x, xp.float64)
        bound: Any = norm(x) + radius_for(self.radius, x, "l2")
        smallest: Array = bound if self.box is None else xp.minimum(bound, self.box.corner(x))
        return smallest

    def sample(self, x: Array, rng: np.random.Generator) -> Array:
        """Uniform in the ball, then clipped to the box (which contains x: it stays in the ball).

        Drawn in float64 by NumPy: equal generators give equal points for every library.
        """
        scale = np.asarray(to_numpy(self.radius))[..., None]
        moved: Array = x + as_like(scale * uniform_in_ball(rng, tuple(x.shape)), x)
        return self.project(x, moved if self.box is None else self.box.clip(moved))

    def take(self, index: Array) -> L2Perturbation:
        """The set for the samples ``index``."""
        return attrs.evolve(self, radius=take_radius(self.radius, index))

    def game(self, index: tuple[int, ...], /) -> L2Perturbation:
        """The set of one game, where radii have leading axes."""
        return attrs.evolve(self, radius=row(self.radius, index))

    def enlarged(self, amount: float) -> L2Perturbation:
        """The set of radius rho + ``amount`` (the box stays)."""
        return attrs.evolve(self, radius=self.radius + amount)


def l2(radius: Any, box: Any = None) -> L2Perturbation:
    """B(x) = { x' : norm2(x' - x) <= radius }, cut with ``box = (low, high)`` if there is one.

    Args:
        radius: rho >= 0, one number or one for every sample.
        box: Pair of numbers or arrays ``(d,)``; None for no box.

    Returns:
        The perturbation set.

    Raises:
        ArgumentError: ``radius`` or ``box`` is out of its domain.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((1, 2))
        >>> l2(0.5).project(x, np.array([[3.0, 4.0]]))
        array([[0.3, 0.4]])
    """
    return L2Perturbation(radius, box)
