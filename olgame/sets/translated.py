"""Any set, moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import ShapeError
from olgame.one_game import one_game, row
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import finite_array, is_convex_set, matched, require_length
from olgame.typing import Array, Value

__all__ = ["Translated"]


@final
@attrs.frozen(eq=False)
class Translated:
    """K + v = { u + v : u in K }.

        project(x) = v + Proj_K(x - v),    h(g) = <g, v> + h_K(g),    lmo(g) = v + lmo_K(g),
        reach(x) = reach_K(x - v),    diameter = diameter of K.

    The library's own sets move by `translate`, and stay what they are; this is for sets that
    cannot: a set of your own may define ``translate`` as ``Translated(self, v)``.

    Args:
        factor: K, any convex set.
        shift: v, shape ``(p,)``, or ``(..., p)`` with one for each game.

    Raises:
        ArgumentError: ``factor`` is no convex set, or ``shift`` is not finite.
        ShapeError: ``shift`` is no array of floats, or not of the dimension of K.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import Simplex
        >>> Translated(Simplex(), np.array([1.0, 0.0])).project(np.array([3.0, 0.0]))
        array([2., 0.])
    """

    factor: ConvexSet = attrs.field(validator=is_convex_set)
    shift: Array = attrs.field(validator=finite_array)

    def __attrs_post_init__(self) -> None:
        dim = getattr(self.factor, "dim", None)
        if dim not in (None, self.shift.shape[-1]):
            raise ShapeError(
                f"`Translated(shift=...)` must have the dimension of the set, {dim}, got "
                f"{self.shift.shape[-1]}."
            )

    @property
    def dim(self) -> int:
        """p."""
        return self.shift.shape[-1]

    @property
    def center(self) -> Array | None:
        """That of K, moved; None where K has none."""
        center = getattr(self.factor, "center", None)
        return None if center is None else center + matched(self.shift, center)

    @property
    def iterative(self) -> bool:
        """Whether the projection onto K takes many steps."""
        return bool(getattr(self.factor, "iterative", False))

    @property
    def diameter(self) -> float:
        return self.factor.diameter

    def project(self, x: Array) -> Array:
        """v + Proj_K(x - v), shape ``(..., p)``; ``x`` itself if inside."""
        local = self._local(x)
        projected = self.factor.project(local)
        if projected is local and local.shape == x.shape:
            return x
        xp = kernels(x).xp
        moved = projected + matched(self.shift, projected)
        # x - v + v is x only to rounding: a point that did not move stays what it was.
        same: Any = xp.all(projected == local, axis=-1)
        found: Array = xp.where(same[..., None], x, moved)
        return found

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x - v`` is within ``atol`` of K, shape ``(...)``."""
        return self.factor.contains(self._local(x), atol=atol)

    def support(self, g: Array) -> Value:
        """<g, v> + h_K(g)."""
        require_length(g, self.dim, "Translated")
        value: Value = kernels(g).dot(g, matched(self.shift, g)) + self.factor.support(g)
        return value

    def lmo(self, g: Array) -> Array:
        """v + lmo_K(g)."""
        require_length(g, self.dim, "Translated")
        return self.factor.lmo(g) + matched(self.shift, g)

    def reach(self, x: Array) -> Value:
        """The reach of K from x - v."""
        return self.factor.reach(self._local(x))

    @property
    def inner_radius(self) -> Callable[[Array], Value] | None:
        """That of K at x - v; None where K states none."""
        stated = getattr(self.factor, "inner_radius", None)
        return None if stated is None else lambda x: stated(self._local(x))

    def game(self, index: tuple[int, ...], /) -> Translated:
        """The set of one game, where K or the shift has leading axes."""
        return Translated(one_game(self.factor, index), row(self.shift, index))

    def translate(self, v: Array) -> Translated:
        """K + (v + w)."""
        require_length(v, self.dim, "Translated")
        return Translated(self.factor, self.shift + matched(v, self.shift))

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Samples of K, moved."""
        draw = self.factor.sample(rng, shape)
        points: Array = self.shift + as_like(draw, self.shift)
        return points

    def _local(self, x: Any) -> Any:
        require_length(x, self.dim, "Translated")
        return x - matched(self.shift, x)
