"""Any set, scaled about the origin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import as_float, is_convex_set
from olgame.typing import Array, Value
from olgame.validation import require

__all__ = ["Scaled"]


def _nonzero(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    ok = isinstance(value, float) and math.isfinite(value) and value != 0.0
    require(ok, "Scaled", attribute.name, "be a finite number other than 0", value)


@final
@attrs.frozen(eq=False)
class Scaled:
    """s K = { s u : u in K }, about the origin; a negative s reflects.

        project(x) = s Proj_K(x/s),    h(g) = h_K(s g),    lmo(g) = s lmo_K(sign(s) g),
        reach(x) = abs(s) reach_K(x/s),    diameter = abs(s) diameter of K.

    To scale about another point c, translate before and after:
    ``Scaled(K.translate(-c), s).translate(c)``.

    Args:
        factor: K, any convex set.
        scale: s, finite and not 0.

    Raises:
        ArgumentError: ``factor`` is no convex set, or ``scale`` is 0 or not finite.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import Simplex
        >>> Scaled(Simplex(), -2.0).project(np.array([1.0, -3.0])) + 0.0
        array([ 0., -2.])
    """

    factor: ConvexSet = attrs.field(validator=is_convex_set)
    scale: float = attrs.field(converter=as_float, validator=_nonzero)

    @property
    def dim(self) -> int | None:
        """p where K has one, else None (any)."""
        dim: int | None = getattr(self.factor, "dim", None)
        return dim

    @property
    def center(self) -> Array | None:
        """s times that of K; None where K has none."""
        center = getattr(self.factor, "center", None)
        return None if center is None else center * self.scale

    @property
    def iterative(self) -> bool:
        """Whether the projection onto K takes many steps."""
        return bool(getattr(self.factor, "iterative", False))

    @property
    def diameter(self) -> float:
        return abs(self.scale) * self.factor.diameter

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """s Proj_K(x/s), shape ``(..., p)``; ``x`` itself if inside."""
        local = x / self.scale
        projected = self.factor.project(local)
        if projected is local:
            return x
        xp = kernels(x).xp
        # s (x/s) is x only to rounding: a point that did not move stays what it was.
        same: Any = xp.all(projected == local, axis=-1)
        found: Array = xp.where(same[..., None], x, projected * self.scale)
        return found

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x/s`` is within ``atol/abs(s)`` of K, shape ``(...)``."""
        return self.factor.contains(x / self.scale, atol=atol / abs(self.scale))

    def support(self, g: Array) -> Value:
        """h_K(s g)."""
        return self.factor.support(g * self.scale)

    def lmo(self, g: Array) -> Array:
        """s lmo_K(sign(s) g)."""
        return self.factor.lmo(g if self.scale > 0.0 else -g) * self.scale

    def reach(self, x: Array) -> Value:
        """abs(s) times the reach of K from x/s."""
        reach: Value = self.factor.reach(x / self.scale) * abs(self.scale)
        return reach

    @property
    def inner_radius(self) -> Callable[[Array], Value] | None:
        """abs(s) times that of K at x/s; None where K states none."""
        stated = getattr(self.factor, "inner_radius", None)
        return None if stated is None else lambda x: stated(x / self.scale) * abs(self.scale)

    def game(self, index: tuple[int, ...], /) -> Scaled:
        """The set of one game, where K has leading axes."""
        return Scaled(one_game(self.factor, index), self.scale)

    def translate(self, v: Array) -> Scaled:
        """s (K + v/s)."""
        return Scaled(self.factor.translate(v / self.scale), self.scale)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Samples of K, scaled."""
        return self.factor.sample(rng, shape) * self.scale
