"""The generators of a batch of games: every game draws what it would draw alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.randomness import Seed, game_seeds, generator

__all__ = ["GameGenerators", "game_generator"]

POSITION = {
    "random": 0,
    "standard_normal": 0,
    "standard_exponential": 0,
    "normal": 2,
    "uniform": 2,
    "laplace": 2,
    "integers": 2,
    "choice": 1,
}
"""The methods of a generator that games share, with the position of their argument ``size``."""


class GameGenerators:
    """One generator for each game of a batch, drawn from as if it were one.

    Of an array whose shape begins with the leading axes of the games, every game draws its own
    part from its own generator: ``rng.standard_normal((16, n, d))`` for 16 games is what sixteen
    generators give for ``(n, d)``. A game of a batch therefore is, draw by draw, the game that its
    seed plays alone. Made when first drawn from: what draws nothing pays nothing.

    Args:
        make: The generator of the game at an index.
        games: The leading axes.
        shared: Whether all games have the same seed. Then an array without leading axes is drawn
            once, for all.

    Example:
        >>> rng = game_generator([3, 4], (2,), "attack", 1)
        >>> alone = game_generator(4, (), "attack", 1)
        >>> bool((rng.standard_normal((2, 5))[1] == alone.standard_normal(5)).all())
        True
    """

    def __init__(
        self,
        make: Callable[[tuple[int, ...]], np.random.Generator],
        games: tuple[int, ...],
        *,
        shared: bool = False,
    ) -> None:
        self.games = games
        self._make = make
        self._shared = shared
        self._made: dict[tuple[int, ...], np.random.Generator] = {}

    def game(self, index: tuple[int, ...]) -> np.random.Generator:
        """The generator of one game."""
        if index not in self._made:
            self._made[index] = self._make(index)
        return self._made[index]

    def map(self, derive: Callable[[np.random.Generator], np.random.Generator]) -> GameGenerators:
        """Another batch of generators, each derived from the one of its game."""
        derived = {index: derive(self.game(index)) for index in np.ndindex(self.games)}
        return GameGenerators(derived.__getitem__, self.games, shared=self._shared)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in POSITION:
            raise NotAvailableError(
                f"The generators of several games have no `{name}`; draw with one of "
                f"{', '.join(POSITION)}, or for each game from `rng.game(index)`."
            )

        def draw(*args: Any, **kwargs: Any) -> Any:
            return self._drawn(name, args, kwargs)

        return draw

    def _drawn(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        position = POSITION[name]
        given = list(args)
        size = given[position] if len(given) > position else kwargs.get("size")
        shape = (size,) if isinstance(size, int | np.integer) else tuple(size or ())
        if shape[: len(self.games)] != self.games:
            if self._shared:  # drawn by all, so that all have drawn as much
                return self._of_each(name, given, kwargs)[0]
            raise ArgumentError(
                f"`rng.{name}(size=...)` must begin with the axes {self.games} of the games, each "
                f"of which draws for itself, got {shape}."
            )
        rest = shape[len(self.games) :]
        if len(given) > position:
            given[position] = rest
        else:
            kwargs["size"] = rest
        return np.reshape(np.stack(self._of_each(name, given, kwargs)), shape)

    def _of_each(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
        """What the games draw, in row-major order."""
        return [getattr(self.game(i), name)(*args, **kwargs) for i in np.ndindex(self.games)]


def game_generator(
    seed: Seed, games: tuple[int, ...], role: str, round: int = 0
) -> np.random.Generator:
    """The generator of a game, or those of the games of a batch, keyed by (seed, role, round).

    Args:
        seed: One seed for all games, or one for each.
        games: The leading axes of the points; ``()`` for a single game.
        role: Who draws (see `olgame.randomness.generator`).
        round: Round index t.

    Returns:
        NumPy's generator for a single game, else `GameGenerators` (which offers those of its
        methods that draw an array).
    """
    if not games:
        return generator(seed, role, round)
    seeds = game_seeds(seed, games)

    def make(index: tuple[int, ...]) -> np.random.Generator:
        return generator(int(seeds[index]), role, round)

    shared = len(set(seeds.reshape(-1).tolist())) == 1
    return GameGenerators(make, games, shared=shared)  # type: ignore[return-value]  # draws alike
