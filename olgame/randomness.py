"""Counter-based randomness: a generator for every (seed, role, round), made when asked for.

No generator is shared or carried along, so resuming a game, playing many seeds and repeating a
transcript need no bookkeeping: the draw of round t never depends on what was drawn before.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from olgame.exceptions import ArgumentError

__all__ = ["Seed", "check_seed", "generator"]

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
