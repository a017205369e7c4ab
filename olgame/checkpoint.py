"""A game that is saved while it is played, so that a killed process costs a few rounds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import numpy as np

from olgame.exceptions import ArgumentError, NotAvailableError, StorageError
from olgame.fingerprint import Fingerprint, fingerprints
from olgame.packed_state import Arrays, pack
from olgame.record import Record
from olgame.run_files import flushed, read_arrays, reported
from olgame.typing import Array
from olgame.validation import positive_integer

__all__ = ["Checkpoint", "Position", "Saved", "read_checkpoint"]

S = TypeVar("S")
A = TypeVar("A")

FORMAT = "olgame-checkpoint"
FORMAT_VERSION = 2  # 1 has no fingerprints of the parts: they cannot be checked
DOCUMENT = "document"


class Position(NamedTuple, Generic[S, A]):
    """Where a game stands between two rounds.

    Attributes:
        round: t, the last round that was played; 0 before the first.
        point: W_{t+1}, the point to be played next.
        previous: W_t; None before the first round.
        state: of the learner.
        memory: of the adversary.
    """

    round: int
    point: Array
    previous: Array | None
    state: S
    memory: A


class Saved(NamedTuple):
    """What a checkpoint holds, as it is stored."""

    document: dict[str, Any]
    arrays: Arrays


def _folded(value: Any) -> Path:
    return Path(os.path.abspath(value))


@attrs.define(eq=False)
class Checkpoint:
    """Saves a game to one file every so many rounds.

    The file is replaced whole: a process that is killed while it writes leaves the one before. It
    holds numbers only (nothing is pickled); `olgame.resume` is given the parts again, and refuses
    others by the fingerprints in the file. A game is saved when its rounds are booked, whatever
    ``every`` is: of at most 2,048 weights every 96 rounds at the earliest, a longer one every 4 on
    the host and every round elsewhere. (Games side by side, p weights in all: every
    min(96, floor(262,144/p)) rounds up to p = 16,384, every round beyond.)

    Args:
        path: The file, for example ``"game.npz"``. One that is there is replaced.
        every: Rounds from one save to the next, at least.

    Raises:
        ArgumentError: ``every`` is no integer of at least 1.
        StorageError: The folder of ``path`` is not there or cannot be written to.

    Example:
        >>> import tempfile, numpy as np, olgame as og
        >>> learner, ball = og.learners.OnlineGradientDescent(0.1), og.sets.L2Ball(1.0, np.zeros(3))
        >>> adversary = og.adversaries.MinimaxLinear(gradient_bound=1.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save = Checkpoint(folder + "/game.npz", every=50)
        ...     run = og.play(learner, adversary, ball, rounds=200, checkpoint=save)
        ...     again = og.resume(save.path, learner, adversary, ball)  # as after a kill
        >>> bool((again.loss == run.loss).all())
        True
    """

    path: Path = attrs.field(converter=_folded)
    every: int = attrs.field(default=100, validator=positive_integer)
    _last: int = attrs.field(init=False, default=0)
    _parts: dict[str, Fingerprint] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        with reported(self.path, "written"), self._beside().open("wb"):
            pass
        self._beside().unlink()

    def check(self, keep: str) -> None:
        """Refuse a game whose inputs are kept: they are not saved."""
        if keep != "sums":
            raise ArgumentError(
                f"`play(checkpoint=...)` must be None with keep={keep!r}: a checkpoint holds sums, "
                "not the played inputs. Pass keep='sums', or keep_in=FOLDER without a checkpoint."
            )

    def begin(self, learner: object, adversary: object, decision_set: object) -> None:
        """Note the parts of a game that begins, before anything has changed them."""
        self._last = 0
        self._parts = fingerprints(learner=learner, adversary=adversary, decision_set=decision_set)

    def offer(self, at: Position[Any, Any], record: Record) -> None:
        """Save the game if it is time."""
        if at.round - self._last >= self.every:
            self._last = at.round
            self.save(at, record)

    def resumed_at(self, round: int, parts: dict[str, Fingerprint] | None) -> None:
        """Go on saving a game of which this many rounds were played before."""
        self._last, self._parts = round, parts

    def save(self, at: Position[Any, Any], record: Record) -> None:
        """Write the file.

        Raises:
            StorageError: It cannot be written.
        """
        arrays: Arrays = {}
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "round": at.round,
            "every": self.every,
            "seed": record.seed if isinstance(record.seed, int) else [int(s) for s in record.seed],
            "planned_rounds": record.referee.rounds,
            "parts": self._parts,
            "position": pack(at._asdict(), arrays),
            "referee": pack(record.referee.snapshot(), arrays),
            "observed": pack(record.watch.snapshot(), arrays),
        }
        text = json.dumps(document, allow_nan=False).encode("utf-8")
        with reported(self.path, "written"):
            partial = self._beside()
            with flushed(partial) as file:
                content = {**arrays, DOCUMENT: np.frombuffer(text, np.uint8)}
                np.savez(file, allow_pickle=False, **content)
            os.replace(partial, self.path)

    def _beside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.partial")


def read_checkpoint(path: str | os.PathLike[str]) -> Saved:
    """The numbers of a checkpoint, every size checked.

    Raises:
        StorageError: The file cannot be read, is damaged, or is no checkpoint.
        NotAvailableError: It was written by a newer version.
    """
    place = _folded(path)
    arrays = read_arrays(place)
    try:
        document: dict[str, Any] = json.loads(arrays.pop(DOCUMENT).tobytes().decode("utf-8"))
        if document["format"] != FORMAT:
            raise ValueError("another format")
        version = int(document["format_version"])
    except (KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise StorageError(f"`{place}` is no checkpoint of a game ({error}).") from None
    if version > FORMAT_VERSION:
        raise NotAvailableError(
            f"`{place}` has format {version}; this version reads up to {FORMAT_VERSION}."
        )
    return Saved(document, arrays)
