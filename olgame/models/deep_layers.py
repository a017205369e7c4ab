"""The structure of a deep network: what theorems and searches look at, layer by layer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol, runtime_checkable

from olgame.arrays import kernels
from olgame.exceptions import ShapeError
from olgame.sets.l2_ball import L2Ball
from olgame.sets.product_set import ProductSet
from olgame.typing import Array
from olgame.validation import require

__all__ = ["DeepLayers", "HasDeepLayers", "cut_layers", "deep_neighborhood"]


class DeepLayers(NamedTuple):
    """x^(0) = A x, x^(h) = relu(W^(h) x^(h-1)) for h = 1..H, f = a^T x^(H).

    Attributes:
        embedding: A, shape ``(m, d)``, fixed.
        hidden: W^(1), ..., W^(H), each of shape ``(..., m, m)``: views of the flat weights.
        output: a, shape ``(m,)``, fixed.
    """

    embedding: Array
    hidden: tuple[Array, ...]
    output: Array


@runtime_checkable
class HasDeepLayers(Protocol):
    """A model whose structure is the deep ReLU network of the theorems."""

    @property
    def width(self) -> int: ...

    @property
    def depth(self) -> int:
        """H, the number of trained layers."""
        ...

    def deep_layers(self, w: Array) -> DeepLayers:
        """The structure at the flat weights ``w``, shape ``(..., p)``, p = H m^2."""
        ...


def cut_layers(w: Any, width: int) -> tuple[Array, ...]:
    """The blocks of m^2 weights of ``w``, shape ``(..., H m^2)``, as matrices: views, no copies.

    Example:
        >>> import numpy as np
        >>> [layer.tolist() for layer in cut_layers(np.arange(8.0), width=2)]
        [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]
    """
    length = width * width
    if w.shape[-1] % length:
        raise ShapeError(
            f"`cut_layers(w=...)` must have a multiple of {length} weights on its last axis, got "
            f"shape {tuple(w.shape)}."
        )
    xp = kernels(w).xp
    pieces = (w[..., i : i + length] for i in range(0, w.shape[-1], length))
    return tuple(xp.reshape(piece, (*piece.shape[:-1], width, width)) for piece in pieces)


def deep_neighborhood(start: Array, width: int, radius: float) -> ProductSet:
    """B(R) of the deep network: a ball of R/sqrt(m) around the start of every layer.

    Args:
        start: W_0 flattened, shape ``(H m^2,)``.
        width: m.
        radius: R, finite and positive.

    Raises:
        ArgumentError: ``radius`` is out of its domain.
    """
    number = isinstance(radius, int | float) and not isinstance(radius, bool)
    good = number and 0.0 < radius < math.inf
    require(good, "DeepReLUNet.neighborhood", "radius", "be finite and positive", radius)
    length = width * width
    centers = (start[i : i + length] for i in range(0, start.shape[-1], length))
    return ProductSet([(L2Ball(radius / math.sqrt(width), c), length) for c in centers])
