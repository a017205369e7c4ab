"""Perturbations that stay on the sphere through the clean input."""

from __future__ import annotations

from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.one_game import row
from olgame.perturbations.box import check_finite
from olgame.perturbations.l2_steepest import l2_steepest
from olgame.perturbations.radius import as_radius, radius_for, require_radius, take_radius
from olgame.sets.norms import norm, unit
from olgame.typing import Array

__all__ = ["CapPerturbation", "spherical_cap"]

# How many roundings a point may be off the sphere, or a direction off another, to count as on it.
_ROUNDINGS = 8.0


@final
@attrs.frozen(eq=False)
class CapPerturbation:
    """B(x) = { x' : norm2(x') = norm2(x), norm2(x' - x) <= rho }; `spherical_cap` builds it.

    rho is the ``radius``, the chord from x to the rim of the cap. Let r = norm(x). The nearest
    point of the cap to z is r z/norm(z) if that is within rho of x, else the rim's point in the
    plane of x and z,

        y = x (1 - rho^2/(2 r^2)) + e rho sqrt(1 - rho^2/(4 r^2)),

    e the unit vector orthogonal to x in that plane on the side of z (on the sphere the chord to x
    and the angle grow together, so nearest means smallest angle to z). Where the nearest point is
    not unique one is fixed: x for z = 0, and for z opposite to x the rim's point towards the
    first of the coordinate axes that are least aligned with x (x itself if d = 1). B(0) = {0}.
    The cap is not convex; certificates make use of the sphere (`olgame.certify.output_bound`).

    Args:
        radius: rho >= 0, one number or an array ``(n,)`` with one for every sample.

    Raises:
        ArgumentError: ``radius`` is out of its domain.
    """

    radius: Any = attrs.field(converter=as_radius)

    def __attrs_post_init__(self) -> None:
        require_radius(self.radius, "spherical_cap")

    @property
    def norm(self) -> str:
        """``"l2"``."""
        return "l2"

    def check_data(self, x: Array) -> None:
        """Refuse data that is not finite, or not one row a radius.

        Raises:
            DataError: An entry is nan or infinite.
            ShapeError: There are radii for another number of samples.
        """
        check_finite(x, "spherical_cap")
        radius_for(self.radius, x, "spherical_cap")

    def project(self, x: Array, x_adv: Array) -> Array:
        """The nearest point of the cap; a point on it, up to rounding, comes back unchanged."""
        xp = kernels(x).xp
        rho = self._column(x)
        r, length = _column_norm(x), _column_norm(x_adv)
        on_sphere = unit(x_adv) * r
        rim = _towards(x, _tangent(x, on_sphere - x), rho)
        nearest = xp.where(_column_norm(on_sphere - x) <= rho, on_sphere, rim)
        nearest = xp.where((r == 0.0) | (length == 0.0), x, nearest)
        feasible = (xp.abs(length - r) <= _ROUNDINGS * unit_roundoff(x) * r) & (
            _column_norm(x_adv - x) <= rho
        )
        projected: Array = xp.where(feasible, x_adv, nearest)
        return projected

    def distance(self, x: Array, x_adv: Array) -> Array:
        """Euclidean distance of ``x_adv`` from the cap, in float64, shape ``(..., n)``."""
        xp = kernels(x).xp
        x, x_adv = xp.astype(x, xp.float64), xp.astype(x_adv, xp.float64)
        outside: Array = xp.asarray(norm(x_adv - self.project(x, x_adv)))
        return outside

    def steepest(self, gradient: Array, *, atol: float | Array = 0.0) -> Array:
        """g / norm2(g), which `project` bends onto the sphere; 0 where rho norm2(g) <= ``atol``."""
        return l2_steepest(gradient, radius_for(self.radius, gradient, "spherical_cap"), atol)

    def dual_norm(self, g: Array) -> Array:
        """norm2(g) over the last axis."""
        length: Array = kernels(g).xp.asarray(norm(g))
        return length

    def euclidean_radius(self, dim: int) -> float | Array:
        """rho."""
        radius: float | Array = self.radius
        return radius

    def input_bound(self, x: Array) -> Array:
        """norm2(x), in float64, shape ``(..., n)``."""
        xp = kernels(x).xp
        bound: Array = xp.asarray(norm(xp.astype(x, xp.float64)))
        return bound

    def sample(self, x: Array, rng: np.random.Generator) -> Array:
        """A uniform direction, and a chord c with (c/min(rho, 2 r))^(d-1) uniform on [0, 1].

        Uniform on the cap in the limit of small rho. Drawn in float64 by NumPy: equal generators
        give equal points for every library.
        """
        clean = to_numpy(x)
        rho = np.asarray(to_numpy(self.radius))[..., None]
        direction = _tangent(clean, rng.standard_normal(clean.shape))
        power = 1.0 / max(clean.shape[-1] - 1, 1)
        chord = rng.random((*clean.shape[:-1], 1)) ** power * np.minimum(
            rho, 2.0 * _column_norm(clean)
        )
        return self.project(x, as_like(_towards(clean, direction, chord), x))

    def take(self, index: Array) -> CapPerturbation:
        """The set for the samples ``index``."""
        return attrs.evolve(self, radius=take_radius(self.radius, index))

    def game(self, index: tuple[int, ...], /) -> CapPerturbation:
        """The set of one game, where radii have leading axes."""
        return attrs.evolve(self, radius=row(self.radius, index))

    def enlarged(self, amount: float) -> CapPerturbation:
        """The set of radius rho + ``amount`` (the sphere stays)."""
        return attrs.evolve(self, radius=self.radius + amount)

    def _column(self, x: Array) -> Any:
        radius = radius_for(self.radius, x, "spherical_cap")
        return radius if isinstance(radius, float) else radius[..., None]


def _column_norm(x: Any) -> Any:
    """norm2 over the last axis, which stays with length 1."""
    return kernels(x).xp.asarray(norm(x))[..., None]


def _towards(x: Any, direction: Any, chord: Any) -> Any:
    """The point of the sphere through x at distance ``chord`` from x, in a tangent direction."""
    xp = kernels(x).xp
    r = _column_norm(x)
    ratio = chord / xp.where(r > 0.0, r, xp.ones_like(r))
    ratio = xp.minimum(ratio, xp.full_like(ratio, 2.0))
    sine = xp.sqrt(1.0 - ratio * ratio / 4.0)
    moved = x * (1.0 - ratio * ratio / 2.0) + direction * (r * ratio * sine)
    # In one dimension there is no tangent, and the only other point is -x.
    return xp.where((_column_norm(direction) == 0.0) & (ratio < 2.0), x, moved)


def _tangent(x: Any, v: Any) -> Any:
    """The unit vector of the part of v that is orthogonal to x, shape ``(..., d)``.

    Where that part is rounding noise: of the coordinate axis least aligned with x.
    """
    xp = kernels(x).xp
    direction = unit(x)
    part = _orthogonal(direction, v)
    noise = _ROUNDINGS * unit_roundoff(x) * _column_norm(v)
    axis = xp.argmin(xp.abs(direction), axis=-1)[..., None]
    chosen = xp.arange(x.shape[-1], device=axis.device) == axis
    fallback = xp.where(chosen, xp.ones_like(direction), xp.zeros_like(direction))
    other = _orthogonal(direction, fallback)
    aligned = _column_norm(other) <= _ROUNDINGS * unit_roundoff(x)
    other = xp.where(aligned, xp.zeros_like(other), unit(other))
    return xp.where(_column_norm(part) <= noise, other, unit(part))


def _orthogonal(direction: Any, v: Any) -> Any:
    """v minus its part along a unit vector; twice, for the rounding of the first time."""
    dot = kernels(v).dot
    for _ in range(2):
        v = v - kernels(v).xp.asarray(dot(v, direction))[..., None] * direction
    return v


def spherical_cap(radius: Any) -> CapPerturbation:
    """B(x) = { x' : norm2(x') = norm2(x), norm2(x' - x) <= radius }.

    Args:
        radius: rho >= 0, one number or one for every sample.

    Returns:
        The perturbation set.

    Raises:
        ArgumentError: ``radius`` is out of its domain.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0]])
        >>> spherical_cap(1.0).project(x, np.array([[0.0, 5.0]])).round(6)
        array([[0.5     , 0.866025]])

    References:
        gao2019.
    """
    return CapPerturbation(radius)
