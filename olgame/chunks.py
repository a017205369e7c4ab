"""How many rounds of a game are booked together."""

from __future__ import annotations

import math

from olgame.arrays import blocks
from olgame.typing import Array

__all__ = ["FEW", "chunk_length", "is_small"]

CHUNK = 96
"""Rounds of a small game that are booked together, at most."""

ROOM = 2**18
"""Numbers that are booked together, at most: a few times that should stay in the cache."""

FEW = 4
"""Rounds of a game that is not small that are booked together: as many gradients are held."""

SMALL = 2**11
"""Numbers in a point up to which a game is small."""

BATCH = 8
"""A batch of games is small up to this many times `SMALL` numbers."""


def is_small(start: Array) -> bool:
    """Whether the calls of a round cost more than its arithmetic.

    The set of a small game is asked about the points of many rounds at once.
    """
    return math.prod(start.shape) <= (SMALL if start.ndim == 1 else BATCH * SMALL)


def chunk_length(start: Array) -> int:
    """Rounds booked together."""
    if is_small(start):
        return max(1, min(CHUNK, ROOM // math.prod(start.shape)))
    on_host = blocks(start) != [...]
    return FEW if on_host else 1
