"""What an observer found in the course of a game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

__all__ = ["Observed"]


@attrs.frozen(eq=False)
class Observed:
    """Columns of numbers over the rounds in which there was something to note.

    Attributes:
        rounds: the rounds, ascending, shape ``(k,)``. T + 1 stands for the point after the last
            update, of a game that was played to its end.
        columns: by name, each of shape ``(k,)``, or ``(k, ...)`` with an axis for the games of a
            batch; float64.

    Example:
        >>> found = Observed(np.array([1, 5]), {"loss": np.array([0.7, 0.6])})
        >>> found["loss"][found.rounds == 5]
        array([0.6])
    """

    rounds: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        return self.columns[column]

    def until(self, last: int) -> Observed:
        """What was found in rounds 1, ..., ``last``."""
        count = int(np.searchsorted(self.rounds, last, side="right"))
        columns = {name: column[:count] for name, column in self.columns.items()}
        return Observed(self.rounds[:count], columns)

    def game(self, index: tuple[int, ...], /) -> Observed:
        """What was found in one game of a batch."""
        at: Any = (slice(None), *index)
        return Observed(self.rounds, {name: column[at] for name, column in self.columns.items()})

    @classmethod
    def of(cls, notes: list[tuple[int, dict[str, Any]]]) -> Observed:
        """From (round, numbers by name) pairs that all have the same names."""
        rounds = np.array([t for t, _ in notes], dtype=np.int64)
        names = notes[0][1] if notes else {}
        return cls(rounds, {name: np.stack([found[name] for _, found in notes]) for name in names})
