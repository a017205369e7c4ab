"""Half a weighted sum of squares."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ArgumentError, ShapeError
from olgame.mirror_maps.mirror_map import MirrorPoint
from olgame.one_game import row
from olgame.sets.box import Box
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import is_floating, matched
from olgame.sets.l2_ball import L2Ball
from olgame.sets.linf_ball import LinfBall
from olgame.sets.product_set import ProductSet
from olgame.sets.weighted_projection import (
    ends,
    factors,
    require_weighted_projection,
    weighted_nearest,
)
from olgame.typing import Array, Value

__all__ = ["Scaled"]


def _is_weights(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not is_floating(value) or value.ndim == 0:
        raise ShapeError(
            "`Scaled(weights=...)` must be an array of floats of shape (p,), got "
            f"{getattr(value, 'dtype', type(value).__name__)}."
        )
    found = to_numpy(value)
    bad = ~((found > 0.0) & (found < math.inf))
    if bad.any():
        where = int(np.argwhere(bad)[0][-1])
        raise ArgumentError(
            "`Scaled(weights=...)` must be finite and positive, got "
            f"{float(found[bad][0])} at index {where}."
        )


@final
@attrs.frozen(eq=False)
class Scaled:
    """psi(w) = (1/2) sum_j h_j w_j^2: gradient descent with a step size for every coordinate.

        grad psi(w) = h w,    psi*(theta) = (1/2) sum_j theta_j^2/h_j,
        B(u, w) = (1/2) sum_j h_j (u_j - w_j)^2.

    The Bregman projection weighs coordinates: exact on boxes (where it is the Euclidean one), on
    Euclidean balls (a secular equation), on the whole space and on products of these.

    Args:
        weights: h > 0, shape ``(p,)``, or ``(..., p)`` with weights for each game.

    Raises:
        ArgumentError: A weight is not finite and positive.
        ShapeError: ``weights`` is no array of floats.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import WholeSpace
        >>> scaled = Scaled(np.array([1.0, 4.0]))
        >>> scaled.project(np.array([1.0, 1.0]), WholeSpace()).point
        array([1.  , 0.25])
    """

    weights: Array = attrs.field(validator=_is_weights)

    def value(self, w: Array) -> Value:
        """(1/2) sum_j h_j w_j^2."""
        half: Value = 0.5 * kernels(w).dot(w, self.gradient(w))
        return half

    def gradient(self, w: Array) -> Array:
        """h w."""
        dual: Array = self._for(w) * w
        return dual

    def conjugate(self, theta: Array) -> Value:
        """(1/2) sum_j theta_j^2/h_j."""
        half: Value = 0.5 * kernels(theta).dot(theta, self.inverse(theta))
        return half

    def inverse(self, theta: Array) -> Array:
        """theta/h."""
        point: Array = theta / self._for(theta)
        return point

    def divergence(self, u: Array, w: Array) -> Value:
        """(1/2) sum_j h_j (u_j - w_j)^2."""
        return self.value(u - w)

    def project(self, theta: Array, decision_set: ConvexSet) -> MirrorPoint:
        """The nearest point to theta/h in the distance of B."""
        weights = self._for(theta)
        point = weighted_nearest(decision_set, theta / weights, weights)
        return MirrorPoint(point, self.gradient(point))

    def check_decision_set(self, decision_set: ConvexSet, owner: str) -> None:
        """Raise unless K is a box, a Euclidean ball, the whole space, or a product of these."""
        require_weighted_projection(decision_set, owner)

    def dual_norm(self, g: Array, decision_set: ConvexSet) -> Value:
        """sqrt(sum_j g_j^2/h_j)."""
        square: Any = kernels(g).dot(g, self.inverse(g))
        length: Value = square**0.5
        return length

    def largest_divergence(self, w: Array, decision_set: ConvexSet) -> Value:
        """The farthest corner of a box, exactly; from the center of a ball, exactly.

        Elsewhere in a ball (norm_h(w - c) + R sqrt(max h))^2/2 bounds it, and for other sets
        max(h) reach(w)^2/2.
        """
        found: Value = _largest(w, self._for(w), decision_set)
        return found

    def game(self, index: tuple[int, ...], /) -> Scaled:
        """The map of one game, where the weights have leading axes."""
        return Scaled(row(self.weights, index))

    def _for(self, x: Any) -> Any:
        """The weights in the kind of ``x``."""
        if self.weights.shape[-1] != x.shape[-1]:
            raise ShapeError(
                f"`Scaled(weights=...)` must have an entry for each of the {x.shape[-1]} "
                f"coordinates, got {self.weights.shape[-1]}."
            )
        return matched(self.weights, x)


def _largest(w: Any, h: Any, decision_set: ConvexSet) -> Any:
    k = kernels(w)
    if isinstance(decision_set, Box | LinfBall):
        low, high = ends(decision_set, w)
        far = k.xp.maximum(w - low, high - w)
        return 0.5 * k.dot(h * far, far)
    if isinstance(decision_set, ProductSet):
        parts = [
            _largest(w[..., where], h[..., where], factor)
            for factor, where in factors(decision_set)
        ]
        return sum(parts[1:], start=parts[0])
    most = k.xp.max(h, axis=-1)
    if isinstance(decision_set, L2Ball):
        offset = w if decision_set.center is None else w - matched(decision_set.center, w)
        length = k.dot(h * offset, offset) ** 0.5 + decision_set.radius * most**0.5
        return 0.5 * length * length
    reach: Any = decision_set.reach(w)
    return 0.5 * most * reach * reach
