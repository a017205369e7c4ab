"""Products of sets over consecutive blocks of a vector."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import ArgumentError, ShapeError
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import require_length
from olgame.sets.norms import norm
from olgame.typing import Array, Value
from olgame.validation import is_integer

__all__ = ["Block", "ProductSet"]


class Block(NamedTuple):
    """One factor of a `ProductSet`.

    Attributes:
        factor: the set K_h.
        length: p_h, the number of consecutive coordinates it rules.
    """

    factor: ConvexSet
    length: int


def _as_blocks(blocks: Iterable[tuple[ConvexSet, int]]) -> tuple[Block, ...]:
    rule = "`ProductSet(blocks=...)` must be a non-empty sequence of pairs (set, length)"
    try:
        pairs = tuple(Block(*block) for block in blocks)
    except TypeError as error:
        raise ArgumentError(f"{rule}, got {blocks!r}.") from error
    if not pairs:
        raise ArgumentError(f"{rule}, got none.")
    for h, (factor, length) in enumerate(pairs):
        if not hasattr(factor, "project"):
            raise ArgumentError(f"{rule}; block {h} has no set but {factor!r}.")
        if not is_integer(length, 1):
            raise ArgumentError(f"{rule}; the length of block {h} is {length!r}.")
        dim = getattr(factor, "dim", None)
        if dim not in (None, length):
            raise ShapeError(
                f"`ProductSet(blocks=...)` must give every set its own dimension; block {h} has "
                f"length {length} but its set has dimension {dim}."
            )
    return pairs


@final
@attrs.frozen(eq=False)
class ProductSet:
    """K = K_1 x ... x K_H over consecutive blocks of a flat vector.

    Everything separates: projections and linear minimizers block by block, support functions add,
    squares of reaches and of diameters add (for a deep network, block h holds layer h).

    Args:
        blocks: Pairs (set, length), in the order of the coordinates; the lengths add up to p.

    Raises:
        ArgumentError: No blocks, or one that is no pair of a set and a positive length.
        ShapeError: A set's own dimension is not its block's length.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> product = ProductSet([(L2Ball(1.0), 2), (L2Ball(2.0), 1)])
        >>> product.project(np.array([3.0, 4.0, -5.0]))
        array([ 0.6,  0.8, -2. ])
    """

    blocks: tuple[Block, ...] = attrs.field(converter=_as_blocks)

    @property
    def dim(self) -> int:
        """p, the sum of the lengths."""
        return sum(block.length for block in self.blocks)

    @property
    def diameter(self) -> float:
        return math.hypot(*(block.factor.diameter for block in self.blocks))

    def project(self, x: Array) -> Array:
        """The projection of every block; ``x`` itself if none of them moves."""
        before = [part for _, part in self._parts(x)]
        after = [block.factor.project(p) for block, p in zip(self.blocks, before, strict=True)]
        if all(new is old for new, old in zip(after, before, strict=True)):
            return x
        result: Array = kernels(x).xp.concat(after, axis=-1)
        return result

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within ``atol`` of the product; False for nan.

        For ``atol`` > 0 the distance from the product, norm(x - project(x)), is compared.
        """
        xp = kernels(x).xp
        inside: Any = True
        for block, part in self._parts(x):
            inside = inside & block.factor.contains(part)
        if atol > 0.0 and not bool(xp.all(xp.asarray(inside))):
            distance: Any = norm(x - self.project(x))
            inside = inside | (distance <= atol)
        return bool(inside) if x.ndim == 1 else inside

    def support(self, g: Array) -> Value:
        """Sum over h of h_{K_h}(g_h)."""
        values: list[Any] = [block.factor.support(part) for block, part in self._parts(g)]
        result: Value = sum(values[1:], start=values[0])
        return result

    def lmo(self, g: Array) -> Array:
        """The linear minimizers, block by block."""
        parts = [block.factor.lmo(part) for block, part in self._parts(g)]
        result: Array = kernels(g).xp.concat(parts, axis=-1)
        return result

    def reach(self, x: Array) -> Value:
        """sqrt(sum over h of reach_h(x_h)^2)."""
        reaches: list[Any] = [block.factor.reach(part) for block, part in self._parts(x)]
        result: Value = sum(reach * reach for reach in reaches) ** 0.5
        return result

    def game(self, index: tuple[int, ...], /) -> ProductSet:
        """The product of one game, where a block has leading axes."""
        return ProductSet([(one_game(b.factor, index), b.length) for b in self.blocks])

    def translate(self, v: Array) -> ProductSet:
        """The product of the translated blocks."""
        return ProductSet([(b.factor.translate(part), b.length) for b, part in self._parts(v)])

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Independent samples of the blocks, of the kind of the first center that is no NumPy."""
        if shape[-1:] != (self.dim,):
            raise ShapeError(f"`ProductSet.sample(shape=...)` must end in {self.dim}, got {shape}.")
        parts = [b.factor.sample(rng, (*shape[:-1], b.length)) for b in self.blocks]
        kind = next((part for part in parts if not isinstance(part, np.ndarray)), parts[0])
        same = [part if type(part) is type(kind) else as_like(part, kind) for part in parts]
        result: Array = kernels(kind).xp.concat(same, axis=-1)
        return result

    def _parts(self, x: Array) -> Iterator[tuple[Block, Any]]:
        """The blocks with their slices of ``x`` (views)."""
        require_length(x, self.dim, "ProductSet")
        start = 0
        for block in self.blocks:
            yield block, x[..., start : start + block.length]
            start += block.length
