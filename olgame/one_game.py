"""One game of a batch: what a part that differs from game to game is in one of them."""

from __future__ import annotations

import operator
from typing import Any, Protocol, TypeVar, runtime_checkable

from olgame.exceptions import ArgumentError, ShapeError

__all__ = ["DiffersByGame", "agreed_games", "game_index", "leading_axes", "one_game", "row"]

P = TypeVar("P")


@runtime_checkable
class DiffersByGame(Protocol):
    """A part with leading axes: games in which it differs.

    The method is optional: a part without it is the same in all games.
    """

    def game(self, index: tuple[int, ...], /) -> Any:
        """The part as it is in the game at ``index`` of the leading axes."""
        ...


def one_game(part: P, index: tuple[int, ...]) -> P:
    """``part.game(index)`` where the part has that method, else the part, which all games share.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> balls = L2Ball(1.0, center=np.array([[0.0, 0.0], [3.0, 4.0]]))
        >>> one_game(balls, (1,)).center
        array([3., 4.])
    """
    if isinstance(part, DiffersByGame):
        found: P = part.game(index)
        return found
    return part


def row(values: Any, index: tuple[int, ...], axes: int = 1) -> Any:
    """``values[index]`` where an array has leading axes before its last ``axes``; else itself.

    Example:
        >>> import numpy as np
        >>> float(row(np.array([[1.0], [2.0]]), (1,))[0]), row(0.5, (1,))
        (2.0, 0.5)
    """
    return values if getattr(values, "ndim", 0) <= axes else values[index]


def leading_axes(values: Any, axes: int = 1) -> tuple[int, ...]:
    """The axes of an array before its last ``axes``: the games; ``()`` of anything else.

    Example:
        >>> import numpy as np
        >>> leading_axes(np.zeros((3, 2))), leading_axes(None)
        ((3,), ())
    """
    shape = tuple(int(n) for n in getattr(values, "shape", ()))
    return shape[:-axes] if axes else shape


def agreed_games(owner: str, **given: tuple[int, ...]) -> tuple[int, ...]:
    """The one shape of the games among the arguments ``given``; ``()`` stands for all games alike.

    Raises:
        ShapeError: Two of them differ.
    """
    found = {name: games for name, games in given.items() if games}
    if len(set(found.values())) > 1:
        raise ShapeError(
            f"`{owner}({', '.join(f'{name}=...' for name in found)})` must agree in the leading "
            "axes, the games, got " + " and ".join(map(str, found.values())) + "."
        )
    return next(iter(found.values()), ())


def game_index(index: object, games: tuple[int, ...], owner: str) -> tuple[int, ...]:
    """``index`` as a tuple of integers >= 0, checked against the leading axes ``games``.

    Raises:
        ArgumentError: There is no such game.
    """
    given = index if isinstance(index, tuple) else (index,)
    try:
        found = tuple(operator.index(i) for i in given)
    except TypeError:
        found = ()
    inside = all(-n <= i < n for i, n in zip(found, games, strict=False))
    if not games or len(found) != len(games) or not inside:
        there = f"games of shape {games}" if games else "a single game"
        raise ArgumentError(
            f"`{owner}(index=...)` must be the place of one of the games, got {index!r} for "
            f"{there}."
        )
    return tuple(i % n for i, n in zip(found, games, strict=True))
