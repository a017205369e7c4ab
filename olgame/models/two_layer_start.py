"""The initialization that all two-layer networks share, whatever library runs them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError
from olgame.randomness import Seed, check_seed, generator
from olgame.validation import is_integer, require

__all__ = ["check_classes", "two_layer_start"]


def two_layer_start(
    dim: int,
    width: int,
    seed: Seed = 0,
    paired: bool = True,
    *,
    classes: int | None = None,
    owner: str = "two_layer_start",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the start W_0 and the signs a of f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>).

    The rows w_r are standard normal vectors, the signs a_r are +-1 with equal chances, all
    independent; for k classes a_r is a vector of k such signs, and W_0 stays the same. A *paired*
    start draws the first m/2 rows and signs alone; row r + m/2 is a copy of row r with the opposite
    sign. Then f(W_0, x) = 0 for every x: exactly so where the sum is taken in pairs.

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons; even for a paired start.
        seed: Non-negative seed, or one for each game of a batch.
        paired: Whether to pair.
        classes: k, at least 2; None for one output.
        owner: Who asks, as error messages call it.

    Returns:
        (W_0, a), float64 of shapes ``(m, d)`` and ``(m,)`` or ``(m, k)``, fresh arrays; with a
        leading axis for several seeds, where row i is what seed i gives alone.

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
        require(is_integer(value, 1), owner, argument, "be an integer >= 1", value)
    check_classes(classes, owner)
    check_seed(seed, owner)
    if paired and width % 2:
        raise ArgumentError(
            f"`{owner}(width=...)` must be even for a paired start, got {width}: "
            f"use {width + 1}, or `paired=False`."
        )
    if not isinstance(seed, int | np.integer):
        drawn = [_draw(dim, width, int(s), paired, classes) for s in seed]
        return np.stack([hidden for hidden, _ in drawn]), np.stack([signs for _, signs in drawn])
    return _draw(dim, width, int(seed), paired, classes)


def _draw(
    dim: int, width: int, seed: int, paired: bool, classes: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = generator(seed, "start")
    drawn = width // 2 if paired else width
    hidden = rng.standard_normal((drawn, dim))
    shape = drawn if classes is None else (drawn, classes)
    signs = np.where(rng.integers(0, 2, shape) == 1, 1.0, -1.0)
    if paired:
        hidden = np.concatenate([hidden, hidden])
        signs = np.concatenate([signs, -signs])
    return hidden, signs


def check_classes(classes: object, owner: str) -> None:
    """Raise `ArgumentError` unless there are two classes at least, or None."""
    good = classes is None or is_integer(classes, 2)
    require(good, owner, "classes", "be an integer >= 2, or None for one output", classes)
