"""Play a saved game on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from olgame.adversaries.adversary import Adversary
from olgame.arrays import as_like, to_numpy
from olgame.checkpoint import Checkpoint, Position, read_checkpoint
from olgame.exceptions import StorageError
from olgame.fingerprint import check_same_parts, fingerprints
from olgame.game import play_on
from olgame.learners.learner import Learner
from olgame.observers.observer import Observer
from olgame.observers.watch import Watch, checked_observers
from olgame.opening import check_declared_sets, check_parts
from olgame.packed_state import unpack
from olgame.randomness import as_seed
from olgame.record import Record
from olgame.referee import Referee
from olgame.sets.convex_set import ConvexSet
from olgame.shelf import Shelf
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["resume"]

S = TypeVar("S")
A = TypeVar("A")


def resume(
    path: str | os.PathLike[str],
    learner: Learner[S],
    adversary: Adversary[A],
    decision_set: ConvexSet,
    *,
    like: Array | None = None,
    observers: Sequence[Observer] = (),
    on_violation: Literal["raise", "record"] = "raise",
) -> Transcript:
    """Play the game of a `Checkpoint` to its end: the transcript it would have had, bit for bit.

    The file holds numbers, no code: the parts are given again, made as they were for `play`. What
    they remember comes from the file. Randomness is keyed by seed and round, so that nothing of
    it has to be remembered. The game goes on being saved to the same file.

    Parts that are others by their fingerprints (type, settings, data) are refused. What cannot be
    looked into, an ``nn.Module`` for example, counts by its type only (and its ``start``), a
    function by its name; and files of format 1 hold no fingerprints, so that nothing is compared.

    Args:
        path: The file of the checkpoint.
        learner: As in `play`.
        adversary: As in `play`.
        decision_set: As in `play`.
        like: An array of the library and on the device of the game, where neither the adversary
            has a ``start`` nor the set a ``center`` (NumPy is assumed then).
        observers: As in `play`; what they have found comes from the file, by their names. What an
            observer keeps to itself is lost.
        on_violation: As in `play`.

    Returns:
        The transcript of the whole game.

    Raises:
        ArgumentError: A part is not the one that the game was played with.
        StorageError: The file cannot be read, is damaged or is no checkpoint.
        NotAvailableError: The state in the file is not one of this learner or adversary.
        GameInterrupted, ViolationError: As in `play`.
    """
    saved = read_checkpoint(path)
    document, arrays = saved
    check_parts(learner, adversary, "resume")
    observers = checked_observers(observers, "resume")
    parts = document.get("parts", {} if document["format_version"] > 1 else None)
    if parts is not None:  # else the game began with format 1, which did not note them
        found = fingerprints(learner=learner, adversary=adversary, decision_set=decision_set)
        check_same_parts(path, parts, found)
    try:
        stored, rounds = document["position"], int(document["planned_rounds"])
        seed = as_seed(document["seed"])
        first_point = arrays[document["referee"]["mapping"]["start"]["array"]]
        start = _like(first_point, like, adversary, decision_set)
        fresh = learner.init(start, decision_set)
        first: Position[Any, Any] = Position(0, start, start, fresh, adversary.init(seed))
        at = Position(**unpack(stored, first._asdict(), arrays, start, "position"))
        check_declared_sets(learner, adversary, decision_set, start)
        referee = Referee(start, decision_set, rounds, raise_violations=on_violation == "raise")
        referee.restore(unpack(document["referee"], referee.snapshot(), arrays, start, "referee"))
        watch = Watch(observers, tuple(start.shape[:-1]))
        watch.restore(unpack(document["observed"], {}, arrays, to_numpy(start), "observed"))
        save = Checkpoint(path, int(document["every"]))
        save.resumed_at(at.round, parts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise StorageError(f"`{path}` is damaged, or of another game: {reason}.") from error
    record = Record(learner, adversary, referee, seed, "sums", Shelf(rounds), watch)
    return play_on(at, learner, adversary, referee, record, watch, save)


def _like(stored: Any, like: Any, adversary: object, decision_set: ConvexSet) -> Array:
    """W_1 in the library and on the device of the game."""
    for reference in (
        like,
        getattr(adversary, "start", None),
        getattr(decision_set, "center", None),
    ):
        if reference is not None:
            found: Array = as_like(stored, reference)
            return found
    point: Array = stored
    return point
