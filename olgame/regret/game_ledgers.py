"""The ledgers of the games of a batch."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.one_game import row
from olgame.regret.ledger import Ledger
from olgame.regret.ledgers import ledger
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["GameLedgers", "game_ledgers"]


@attrs.frozen(eq=False)
class GameLedgers:
    """The books of several games, each kept on its own; says whose are open.

    Attributes:
        ledgers: The `Ledger` of every game, by its place.
        games: The leading axes.
    """

    ledgers: dict[tuple[int, ...], Ledger]
    games: tuple[int, ...]

    @property
    def closing_error(self) -> NDArray[np.float64]:
        """The closing error of every game, shape ``games``."""
        found = np.empty(self.games)
        for place, books in self.ledgers.items():
            found[place] = books.closing_error
        return found

    @property
    def open_games(self) -> list[tuple[int, ...]]:
        """The places of the games whose books are open."""
        return [place for place, books in self.ledgers.items() if not books.closes]

    @property
    def closes(self) -> bool:
        """Whether the books of all games close."""
        return not self.open_games

    def __getitem__(self, index: int | tuple[int, ...]) -> Ledger:
        return self.ledgers[index if isinstance(index, tuple) else (index,)]

    def __str__(self) -> str:
        if self.closes:
            return (
                f"the books of {len(self.ledgers)} games close: error at most "
                f"{self.closing_error.max():.2e}"
            )
        lines = [
            f"THE BOOKS OF GAME {place[0] if len(place) == 1 else place} ARE OPEN: "
            f"{self.ledgers[place].diagnosis()}"
            for place in self.open_games
        ]
        return "\n".join(lines)


def game_ledgers(run: Transcript, comparator: Array) -> GameLedgers:
    """The `Ledger` of every game of a batch against its comparator.

    Every game is replayed by itself, from the inputs that were played in the batch: so the books
    also say whether the batch was these games. One that mixed two of them has a replay error.

    Args:
        run: A transcript of several games, with ``keep="examples"`` or ``"points"``.
        comparator: u, shape ``(..., p)``, or ``(p,)`` for all games.

    Returns:
        The `GameLedgers`.

    Raises:
        NotKeptError: The losses were not kept.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=8, seed=range(3))
        >>> adversary = og.adversaries.InputAttack(
        ...     model, np.eye(2), np.array([1.0, -1.0]), loss=og.losses.logistic,
        ...     attack=og.attacks.PGD(steps=3), perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> learner = og.learners.OnlineGradientDescent(0.5)
        >>> ball = model.neighborhood(1.0)
        >>> run = og.play(learner, adversary, ball, rounds=5, seed=range(3), keep="examples")
        >>> game_ledgers(run, run.final_point).closes
        True
    """
    found: dict[tuple[int, ...], Ledger] = {}
    for place in np.ndindex(run.games):
        single = run.game(place) if run.games else run
        u: Any = row(comparator, place)
        found[place] = ledger(single, u)
    return GameLedgers(found, run.games)
