"""Counter-based randomness: a generator for every (seed, role, round), made when asked for.

No generator is shared or carried along, so resuming a game, playing many seeds and repeating a
transcript need no bookkeeping: the draw of round t never depends on what was drawn before.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError

__all__ = ["Seed", "as_seed", "check_seed", "game_seeds", "generator"]

Seed = int | Sequence[int]


def check_seed(seed: object, owner: str) -> None:
    """Raise `ArgumentError` unless ``seed`` is a non-negative integer (or a sequence of them)."""
    seeds = seed if isinstance(seed, Sequence) and not isinstance(seed, str | bytes) else (seed,)
    if not seeds or not all(
        isinstance(s, int | np.integer) and not isinstance(s, bool) and s >= 0 for s in seeds
    ):
        raise ArgumentError(
            f"`{owner}(seed=...)` must be a non-negative integer or a sequence of them, "
            f"one for each game, got {seed!r}."
        )


def as_seed(seed: Any) -> Any:
    """A sequence of seeds (a list, ``range(16)``, an array) as a tuple; anything else as it is.

    Example:
        >>> as_seed(range(3)), as_seed(7)
        ((0, 1, 2), 7)
    """
    if isinstance(seed, np.ndarray):
        return tuple(seed.reshape(-1).tolist())
    return tuple(seed) if isinstance(seed, Sequence) and not isinstance(seed, str) else seed


def generator(seed: Seed, role: str, round: int = 0) -> np.random.Generator:
    """A Philox generator keyed by (seed, role, round).

    Args:
        seed: Non-negative seed of the game (or the seeds of a batch of games, as one key).
        role: Who draws (``"attack"``, ``"start"``, ...); hashed with CRC-32, stable across runs.
        round: Round index t.

    Returns:
        A fresh generator; equal keys give equal streams, different keys independent ones.

    Example:
        >>> first, again = generator(0, "attack", 3), generator(0, "attack", 3)
        >>> bool(first.integers(100) == again.integers(100))
        True
    """
    seeds = [int(seed)] if isinstance(seed, int | np.integer) else [int(s) for s in seed]
    sequence = np.random.SeedSequence([*seeds, zlib.crc32(role.encode()), int(round)])
    return np.random.Generator(np.random.Philox(sequence))


def game_seeds(seed: Seed, games: tuple[int, ...]) -> NDArray[np.object_]:
    """The seed of every game of a batch.

    Args:
        seed: One seed for all games, or one for each, in row-major order.
        games: The leading axes of the points; ``()`` for a single game.

    Returns:
        Python integers in an array of shape ``games``.

    Raises:
        ArgumentError: Another number of seeds than of games.

    Example:
        >>> game_seeds([5, 6], (2,)).tolist(), game_seeds(5, (3,)).tolist()
        ([5, 6], [5, 5, 5])
    """
    found = np.empty(games, dtype=object)
    if isinstance(seed, int | np.integer):
        found[...] = int(seed)
        return found
    if len(seed) != math.prod(games):
        raise ArgumentError(
            f"`play(seed=...)` must be one seed or one for each game, got {len(seed)} seeds for "
            f"games of shape {games}."
        )
    found.reshape(-1)[:] = [int(s) for s in seed]
    return found
