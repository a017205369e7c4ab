"""What a bracket on the value of a game asks for, said before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from olgame.adversaries.certified_adversary import CertifiedAdversary
from olgame.arrays import to_numpy
from olgame.attacks.attack_parts import check_attack_parts
from olgame.certify import Bracket
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.typing import Array
from olgame.validation import require, require_finite_positive, require_integer

__all__ = ["check_bounds_robust_loss", "check_named_points", "check_value_options"]

_PARTS = ("model", "x", "y", "loss", "perturbation_set")


def check_value_options(
    owner: str,
    *,
    weight_radius: float,
    late_rounds: int,
    search_steps: int,
    best_weights: bool,
    attack: Any,
    branches: int,
    certified_rounds: int,
    certificate_steps: int | None,
) -> None:
    """Refuse what `olgame.theory.game_value` has no use for, in the name of who was given it.

    Raises:
        ArgumentError: A value is outside its domain.
    """
    require_finite_positive(owner, weight_radius=weight_radius)
    require_integer(owner, 1, late_rounds=late_rounds, search_steps=search_steps)
    require_integer(owner, 0, branches=branches, certified_rounds=certified_rounds)
    if certificate_steps is not None:
        require_integer(owner, 1, certificate_steps=certificate_steps)
    ok = isinstance(best_weights, bool | np.bool_)
    require(ok, owner, "best_weights", "be True or False", best_weights)
    if attack is not None:
        check_attack_parts(owner, attack=attack)


def check_bounds_robust_loss(adversary: Any, argument: str) -> None:
    """Refuse an adversary whose round losses are no lower bounds on L_*, whatever is played.

    What the rounds have to show beyond that (`olgame.theory.audit`), only a transcript can.

    Args:
        adversary: Of one game.
        argument: Where it came from, as the user wrote it: ``"game_value(run=...)"``.

    Raises:
        NotAvailableError: There is no L_*, or l_t <= L_* fails.
    """
    needs = f"`{argument}` must {'be a game of' if 'run' in argument else 'play'} losses"
    if isinstance(adversary, CertifiedAdversary):
        raise NotAvailableError(
            f"{needs} l_t <= L_*, got CertifiedAdversary: its l_t is a certificate at "
            "W_t, l_t(W_t) >= L_*(W_t), and away from W_t no bound on L_* of either side, so that "
            "no floor follows. Play against an `InputAttack`; the ceiling of this one is "
            "`certify.robust_loss` at `run.best_point`."
        )
    missing = [part for part in _PARTS if getattr(adversary, part, None) is None]
    if missing:
        raise NotAvailableError(
            f"{needs} l_t <= L_*, as `InputAttack` does, got "
            f"{type(adversary).__name__}, which has no {', '.join(missing)}: it is not known what "
            "L_* is."
        )
    if getattr(adversary, "batch_size", None) is not None:
        raise NotAvailableError(
            f"{needs} on the full batch: the loss of a mini-batch may be above L_*, got "
            f"batch_size={adversary.batch_size!r}. Make the adversary with `batch_size=None`."
        )
    if not getattr(adversary.model, "deterministic", False):
        name = getattr(adversary.model, "name", type(adversary.model).__name__)
        raise NotAvailableError(
            f"{needs} of a deterministic network: equal weights and inputs give different outputs "
            f"of {name}. Switch to evaluation mode."
        )


def check_named_points(
    points: Any, brackets: Any, center: Array, offered: tuple[str, ...]
) -> tuple[Mapping[str, Array], Mapping[str, Bracket]]:
    """The ``points`` and ``brackets`` of `game_value`, if they are such; empty ones for None.

    Args:
        points: More points, by name.
        brackets: What is known at points, by name.
        center: W_0, shape ``(p,)``.
        offered: Names of the points that a game may have of its own.

    Raises:
        ArgumentError: No mapping, a point that is not finite, a bracket of no point.
        ShapeError: A point of another shape than W_0.
    """
    owner = "game_value"
    for argument, given, kind in (("points", points, "points"), ("brackets", brackets, "Bracket")):
        ok = given is None or isinstance(given, Mapping)
        require(ok, owner, argument, f"be a mapping of names to {kind}", given)
    points, brackets = points or {}, brackets or {}
    for name, point in points.items():
        shape, wanted = getattr(point, "shape", None), tuple(center.shape)
        if shape is None or tuple(shape) != wanted:
            got = type(point).__name__ if shape is None else str(tuple(shape))
            raise ShapeError(
                f"`game_value(points=...)` must have points of shape {wanted}, got {got} for "
                f"{name!r}."
            )
        if not np.isfinite(to_numpy(point)).all():
            raise ArgumentError(
                f"`game_value(points=...)` must have finite points, got nan or inf in {name!r}."
            )
    names = [*offered, *(name for name in points if name not in offered)]
    for name, bracket in brackets.items():
        if name not in names:
            raise ArgumentError(
                "`game_value(brackets=...)` must be of points of the game or of `points=...`: "
                f"{', '.join(map(repr, names))}; got {name!r}."
            )
        if not isinstance(bracket, Bracket):
            raise ArgumentError(
                f"`game_value(brackets=...)` must have brackets of `certify.robust_loss`, got "
                f"{bracket!r} for {name!r}."
            )
    return points, brackets
