"""A network at the weights of many games, a few games at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from array_api_compat import device

from olgame.arrays import kernels
from olgame.models.model import ModelEvaluation
from olgame.typing import Array

__all__ = ["GroupedEvaluation", "game_groups"]

GROUP = 2**19
"""Numbers in one temporary of a group of games: 4 MB in float64, which a cache of a core holds."""


def game_groups(w: Array, x: Array, width: int) -> list[slice]:
    """Slices of the first leading axis of ``w`` that are evaluated together.

    Temporaries of a layer have ``n width`` numbers a game. Those of many small games together cost
    what those of one do, as most of that is the calls. Those of many large games would only leave
    the cache: such games are evaluated in groups (on an accelerator, always together).

    Args:
        w: weights, shape ``(p,)`` or ``(..., p)``.
        x: inputs, shape ``(n, d)`` or ``(..., n, d)``.
        width: numbers of a temporary for one sample.

    Example:
        >>> import numpy as np
        >>> game_groups(np.zeros((3, 8)), np.zeros((2**10, 2)), width=2**8)
        [slice(0, 2, None), slice(2, 4, None)]
    """
    if w.ndim < 2 or getattr(device(w), "type", "cpu") != "cpu":
        return [slice(None)]
    numbers = math.prod(w.shape[1:-1]) * x.shape[-2] * width
    size = max(1, GROUP // max(1, numbers))
    return [slice(first, first + size) for first in range(0, w.shape[0], size)] or [slice(None)]


class GroupedEvaluation:
    """The evaluations of groups of games as one; see `olgame.models.ModelEvaluation`.

    Args:
        make: ``make(slice)``, the evaluation of the games in a slice of the first leading axis.
        groups: the slices, in order.
    """

    def __init__(self, make: Callable[[slice], ModelEvaluation], groups: Sequence[slice]) -> None:
        self._parts = [(group, make(group)) for group in groups]

    @cached_property
    def z(self) -> Array:
        """Outputs, shape ``(..., n)`` or ``(..., n, k)``."""
        return _joined([part.z for _, part in self._parts])

    def pullback_w(self, c: Array) -> Array:
        return _joined([part.pullback_w(c[group]) for group, part in self._parts])

    def pullback_x(self, c: Array) -> Array:
        return _joined([part.pullback_x(c[group]) for group, part in self._parts])

    def jvp_w(self, v: Array) -> Array:
        return _joined([part.jvp_w(v[group]) for group, part in self._parts])

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        parts = self._parts
        return _joined([part.jvp_w_pullback_x(v[group], c[group]) for group, part in parts])


def _joined(parts: list[Any]) -> Array:
    joined: Array = kernels(parts[0]).xp.concat(parts, axis=0)
    return joined
