"""The initialization that all two-layer networks share, whatever library runs them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError
from olgame.randomness import generator
from olgame.validation import require

__all__ = ["two_layer_start"]


def two_layer_start(
    dim: int, width: int, seed: int = 0, paired: bool = True, *, owner: str = "two_layer_start"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the start W_0 and the signs a of f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>).

    The rows w_r are standard normal vectors, the signs a_r are +-1 with equal chances, all
    independent. A *paired* start draws the first m/2 rows and signs alone; row r + m/2 is a copy of
    row r with the opposite sign. Then f(W_0, x) = 0 for every x: exactly so where the sum is taken
    in pairs.

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons; even for a paired start.
        seed: Non-negative seed.
        paired: Whether to pair.
        owner: Who asks, as error messages call it.

    Returns:
        (W_0, a), float64 of shapes ``(m, d)`` and ``(m,)``, fresh arrays.

    Raises:
        ArgumentError: a size or the seed is out of range, or the width of a paired start is odd.

    Example:
        >>> hidden, signs = two_layer_start(dim=3, width=4, seed=7)
        >>> bool((hidden[:2] == hidden[2:]).all()), bool((signs[:2] == -signs[2:]).all())
        (True, True)

    References:
        gao2019, Theorem 4.2 (the two-layer network).
    """
    for argument, value in (("dim", dim), ("width", width)):
        require(_is_integer(value) and value >= 1, owner, argument, "be an integer >= 1", value)
    require(_is_integer(seed) and seed >= 0, owner, "seed", "be a non-negative integer", seed)
    if paired and width % 2:
        raise ArgumentError(
            f"`{owner}(width=...)` must be even for a paired start, got {width}: "
            f"use {width + 1}, or `paired=False`."
        )
    rng = generator(seed, "start")
    drawn = width // 2 if paired else width
    hidden = rng.standard_normal((drawn, dim))
    signs = np.where(rng.integers(0, 2, drawn) == 1, 1.0, -1.0)
    if paired:
        hidden = np.concatenate([hidden, hidden])
        signs = np.concatenate([signs, -signs])
    return hidden, signs


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
