"""Array vocabulary: what NumPy arrays and torch tensors have in common.

Shapes are written with one letter per axis: ``p`` weights, ``n`` samples, ``d`` input
dimension, ``m`` width, ``T`` rounds. Reductions run over the last axis; leading axes, written
``...``, are independent games.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, Self, TypeAlias

__all__ = ["Array", "Keep", "Value"]


class Array(Protocol):
    """A NumPy array or a torch tensor (a string, a list or a float is not one).

    The protocol of `array_api_compat` is an alias of ``Any``, under which a strict type check
    proves nothing. The operators below return their own type, so that arithmetic on an `Array`
    stays an `Array`; their operand is ``Any``, since a type checker cannot match the overloads of
    NumPy for a literal such as ``np.array([0.0, 1.0])`` against anything narrower.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def dtype(self) -> Any: ...
    def __add__(self, other: Any, /) -> Self: ...
    def __radd__(self, other: Any, /) -> Self: ...
    def __sub__(self, other: Any, /) -> Self: ...
    def __rsub__(self, other: Any, /) -> Self: ...
    def __mul__(self, other: Any, /) -> Self: ...
    def __rmul__(self, other: Any, /) -> Self: ...
    def __truediv__(self, other: Any, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __getitem__(self, key: Any, /) -> Any: ...


Value: TypeAlias = float | Array
"""One number per game: a float for a single game, an `Array` of the leading axes for many."""

Keep: TypeAlias = Literal["sums", "examples", "points"]
"""What a transcript keeps: scalars and O(p) sums; also the played inputs; also the points."""
