"""What is checked before the first round: arguments, parts, and the first point."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from olgame.adversaries.adversary import Timing
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.chunks import is_small
from olgame.exceptions import ArgumentError, ShapeError
from olgame.feedback import Level
from olgame.learners.learner import DeclaresSets
from olgame.randomness import Seed, check_seed, game_seeds
from olgame.referee import ROUNDING
from olgame.sets.check_point import check_point
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["FIRST_ROUND", "check_arguments", "check_declared_sets", "check_parts", "first_point"]

FIRST_ROUND = (
    "It is the first round: is it a part of your own? `respond(state, view)` of an adversary "
    "returns the pair (Response(loss), state); a loss has `evaluate(w)`, which returns "
    "RoundEvaluation(value, gradient); `update(state, feedback)` of a learner returns the next "
    "state and `decide(state)` an array. `olgame.checks.check_learner(...)` and "
    "`check_adversary(...)` say what is wrong (docs/how_to/check_your_part.md)."
)
"""Note on an error of a part that may not speak the protocol."""


def check_arguments(
    rounds: object, seed: object, keep: object, on_violation: object, keep_in: object = None
) -> None:
    """Raise `ArgumentError` for a value outside its domain."""
    if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
        raise ArgumentError(f"`play(rounds=...)` must be an integer of at least 1, got {rounds!r}.")
    check_seed(seed, "play")
    for name, value, allowed in (
        ("keep", keep, ("sums", "examples", "points")),
        ("on_violation", on_violation, ("raise", "record")),
    ):
        if value not in allowed:
            raise ArgumentError(f"`play({name}=...)` must be one of {allowed}, got {value!r}.")
    if keep_in is not None:
        if not isinstance(keep_in, str | os.PathLike):
            raise ArgumentError(f"`play(keep_in=...)` must be a folder or None, got {keep_in!r}.")
        if keep == "sums":
            raise ArgumentError(
                f"`play(keep_in=...)` must be None with keep='sums', which keeps no inputs, got "
                f"{keep_in!r}. Pass keep='examples'."
            )


def check_parts(learner: Any, adversary: Any, owner: str = "play") -> None:
    """Objects that have the methods, not classes, and declare what they see."""
    methods = {"learner": ("init", "decide", "update"), "adversary": ("init", "respond")}
    declared = {"learner": ("level", Level), "adversary": ("timing", Timing)}
    for name, part in (("learner", learner), ("adversary", adversary)):
        if isinstance(part, type):
            raise ArgumentError(
                f"`{owner}({name}=...)` must be an object, got the class {part.__name__}; make "
                f"one: `{part.__name__}(...)`."
            )
        missing = [method for method in methods[name] if not hasattr(part, method)]
        if missing:
            raise ArgumentError(
                f"`{owner}({name}=...)` must have the method{'s' * (len(missing) > 1)} "
                f"{', '.join(missing)}, got {type(part).__name__}, which has not."
            )
        attribute, kind = declared[name]
        if not isinstance(getattr(part, attribute, None), kind):
            raise ArgumentError(
                f"`{attribute}` of the {name} must be one of "
                f"{', '.join(f'{kind.__name__}.{member.name}' for member in kind)}, got "
                f"{getattr(part, attribute, None)!r}."
            )


def first_point(
    start: Array | None, adversary: object, decision_set: ConvexSet, seed: Seed = 0
) -> Array:
    """W_1, checked: finite, of the right length, in K; with the leading axes of the games.

    There are as many games as the start, the adversary or, where both are of one, the seeds say.
    """
    if start is None:
        start = getattr(adversary, "start", None)
    if start is None:
        start = getattr(decision_set, "center", None)
    if start is None:
        raise ArgumentError(
            "`play(start=...)` is needed: neither the adversary has a `start` nor the decision set "
            "a `center`. Pass W_1, an array of shape (p,)."
        )
    check_point(decision_set, start, "play(start=...)")
    start = _by_game(start, adversary, seed)
    k = kernels(start)
    norm = to_numpy(k.norm(start))
    excess = float(to_numpy(k.norm(start - decision_set.project(start))).max())
    if excess > ROUNDING * unit_roundoff(start) * (1.0 + float(norm.max())):
        raise ArgumentError(
            f"`play(start=...)` must lie in the decision set, but is {excess:.3g} outside it. "
            "Project it first: `decision_set.project(start)`."
        )
    if is_small(start):
        _check_leading_axes(start, decision_set)
    return start


def _by_game(start: Array, adversary: object, seed: Seed) -> Array:
    """``start`` with a row for each game."""
    own = {
        "start": tuple(start.shape[:-1]),
        "adversary": tuple(getattr(adversary, "games", ())),
    }
    found = {name: axes for name, axes in own.items() if axes}
    if not found and not isinstance(seed, int | np.integer):
        found["seed"] = (len(seed),)
    if len(set(found.values())) > 1:
        raise ShapeError(
            "`play(...)` must be given parts that agree in the leading axes, the games, got "
            + ", ".join(f"{axes} of `{name}`" for name, axes in found.items())
            + "."
        )
    games = next(iter(found.values()), ())
    game_seeds(seed, games)
    if games == own["start"]:
        return start
    xp = kernels(start).xp
    wide: Array = xp.asarray(xp.broadcast_to(start, (*games, start.shape[-1])), copy=True)
    return wide


def check_declared_sets(
    learner: object, adversary: object, decision_set: ConvexSet, start: Array
) -> None:
    """Ask the parts that declare their sets whether this one, from this point, is among them.

    A learner may, and so may the model that an adversary plays on, which knows its own scaling.
    """
    for part in (learner, getattr(adversary, "model", None)):
        if isinstance(part, DeclaresSets):
            part.check_decision_set(decision_set, start)


def _check_leading_axes(start: Array, decision_set: ConvexSet) -> None:
    """Sets work on the last axis: the referee hands them blocks of points."""
    xp = kernels(start).xp
    pair = xp.stack([start, start])
    try:
        shapes = [tuple(decision_set.project(pair).shape)]
        shapes.append((*tuple(to_numpy(decision_set.contains(pair)).shape), start.shape[-1]))
        problem = "" if set(shapes) == {tuple(pair.shape)} else f"the result's shape is {shapes}"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise ShapeError(
            "`play(decision_set=...)` must work on points with leading axes, reducing over the "
            f"last axis only; `project` and `contains` of shape {tuple(pair.shape)} failed "
            f"({problem})."
        )
