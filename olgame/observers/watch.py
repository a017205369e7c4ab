"""The observers of one game: who is called when, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from olgame.observers.observed import Observed
from olgame.observers.observer import Ending, Observer, Opening, Round
from olgame.validation import require

__all__ = ["Watch", "checked_observers"]


class Watch:
    """Calls observers, and writes down what they return.

    Args:
        observers: In the order in which they are called. Two of one name are told apart by a
            number: ``held out``, ``held out 2``.
        games: The leading axes of the game.
    """

    def __init__(self, observers: Sequence[Observer], games: tuple[int, ...]) -> None:
        observers = checked_observers(observers, "play")
        self._observers: dict[str, Observer] = {}
        self._games = games
        self._notes: dict[str, list[tuple[int, dict[str, NDArray[np.float64]]]]] = {}
        for observer in observers:
            self._observers[_free(_name(observer), self._observers)] = observer
        self._stops: dict[str, Callable[[], object]] = {
            name: observer.why_stop
            for name, observer in self._observers.items()
            if hasattr(observer, "why_stop")
        }
        self.stop_reason = ""

    def open(self, opening: Opening) -> None:
        """Before the first round."""
        for observer in self._observers.values():
            opens = getattr(observer, "opening", None)
            if opens is not None:
                opens(opening)

    def see(self, seen: Round) -> bool:
        """After a round; True where an observer says why the game should stop here."""
        for name, observer in self._observers.items():
            found = observer(seen)
            if found is not None:
                self._note(name, seen.round, found)
        for name, why_stop in self._stops.items():
            reason = why_stop()
            if reason is not None:
                self.stop_reason = f"{name}: {_sentence(name, reason)}"
                return True
        return False

    def end(self, ending: Ending) -> None:
        """After the last round of a game that was played to its end, or stopped."""
        for name, observer in self._observers.items():
            ends = getattr(observer, "ending", None)
            found = None if ends is None else ends(ending)
            if found is not None:
                self._note(name, ending.rounds + 1, found)

    @property
    def idle(self) -> bool:
        """Whether nobody watches."""
        return not self._observers

    def snapshot(self) -> dict[str, Any]:
        """What was found so far, by observer and name, for a checkpoint."""
        return {
            name: {
                "rounds": [t for t, _ in notes],
                "columns": {key: np.stack([n[key] for _, n in notes]) for key in notes[0][1]},
            }
            for name, notes in self._notes.items()
        }

    def restore(self, found: Mapping[str, Any]) -> None:
        """Take up what was found before."""
        for name, kept in found.items():
            columns = kept["columns"]
            notes = self._notes[name] = [
                (int(t), {key: np.array(column[i]) for key, column in columns.items()})
                for i, t in enumerate(kept["rounds"])
            ]
            resuming = getattr(self._observers.get(name), "resuming", None)
            if resuming is not None:
                resuming(Observed.of(notes))

    def observed(self, last: int) -> dict[str, Observed]:
        """What was found in rounds 1, ..., ``last``, by the names of the observers."""
        return {name: Observed.of(notes).until(last) for name, notes in self._notes.items()}

    def _note(self, name: str, t: int, found: Any) -> None:
        if not isinstance(found, Mapping):
            raise ArgumentError(
                f"`play(observers=...)`: what {name!r} returns must be None or a mapping of names "
                f"to numbers, which goes into the transcript, got {found!r}."
            )
        notes = self._notes.setdefault(name, [])
        if notes and notes[0][1].keys() != found.keys():
            raise ArgumentError(
                f"`play(observers=...)`: {name!r} must always return the same names, got "
                f"{sorted(map(str, found))} in round {t} and {sorted(notes[0][1])} in round "
                f"{notes[0][0]}."
            )
        notes.append((t, {str(key): self._number(name, key, v) for key, v in found.items()}))

    def _number(self, name: str, key: Any, value: Any) -> NDArray[np.float64]:
        """A float64 number, or array over the games, of its own."""
        try:
            return np.array(np.broadcast_to(to_numpy(value), self._games))
        except (TypeError, ValueError):
            shape = f"an array of shape {self._games}" if self._games else "a number"
            raise ArgumentError(
                f"`play(observers=...)`: {key!r} of {name!r} must be {shape}, got {value!r}."
            ) from None


def checked_observers(observers: Any, owner: str) -> tuple[Observer, ...]:
    """The observers, if they are such: objects that can be called.

    Args:
        observers: As the user gave them.
        owner: To whom, for the message.

    Raises:
        ArgumentError: No sequence, or something in it that is no observer.
    """
    ok = isinstance(observers, Iterable) and not isinstance(observers, str | Mapping)
    require(ok, owner, "observers", "be a sequence of observers", observers)
    found = tuple(observers)
    for k, observer in enumerate(found):
        if not callable(observer) or isinstance(observer, type):
            raise ArgumentError(
                f"`{owner}(observers=...)` must have observers that can be called with a `Round`, "
                f"objects and no classes, got {observer!r} at index {k}."
            )
        if not callable(getattr(observer, "why_stop", len)):
            raise ArgumentError(
                f"`{owner}(observers=...)`: `why_stop` of {_name(observer)!r} must be a method, "
                f"got {observer.why_stop!r}."
            )
    return found


def _name(observer: Any) -> str:
    name = getattr(observer, "name", None) or getattr(observer, "__name__", None)
    return str(name or type(observer).__name__)


def _sentence(name: str, reason: object) -> str:
    if not isinstance(reason, str) or not reason:
        raise ArgumentError(
            f"`play(observers=...)`: `why_stop()` of {name!r} must return None or a sentence that "
            f"says why the game should stop, got {reason!r}."
        )
    return reason


def _free(name: str, taken: Mapping[str, object]) -> str:
    names = [name, *(f"{name} {k}" for k in range(2, len(taken) + 2))]
    return next(free for free in names if free not in taken)
