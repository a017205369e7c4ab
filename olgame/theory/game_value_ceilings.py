"""Ceilings above the value of a game: certificates at points that lie in B(R)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.attacks.attack import Attack
from olgame.certify import Bracket, robust_loss
from olgame.results import Certified
from olgame.theory.ceiling import ceiling
from olgame.theory.drawn_inside import drawn_inside
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["MOST_ROUNDS", "ValueCeiling", "value_ceilings"]

MOST_ROUNDS = 64
"""Rounds whose played inputs are tried at the points, at most."""

PROMISING = 0.25
"""A point is certified where its played loss is above the least by at most this part of the
slack that the first certificate had."""


@attrs.frozen(eq=False)
class ValueCeiling:
    """A point of B(R), and what is known of the robust loss there.

    Attributes:
        name: Which point it is.
        point: u, in B(R); None where it was let go.
        seen: The mean over the samples of the largest loss at u over the played inputs that were
            looked at: L_*(u) is at least as much (up to rounding).
        bracket: L_*(u) between attack and certificate; None where it was not worth computing.
        certified: The upper end as a bound on min over B(R) of L_*; None without one.
    """

    name: str
    point: Array | None
    seen: float
    bracket: Bracket | None
    certified: Certified | None


def value_ceilings(
    run: Transcript,
    weight_radius: float,
    points: Mapping[str, Array],
    rounds: NDArray[np.int64],
    *,
    brackets: Mapping[str, Bracket],
    attack: Attack | None,
    branches: int,
    steps: int | None,
    seed: int,
) -> list[ValueCeiling]:
    """Certify the points that can have the lowest certificate, the most promising first.

    A certificate at u is at least L_*(u), and L_*(u) is at least the loss at u of any played
    inputs, the largest for each sample: a forward pass a round. Points are taken in the order of
    that number. A point for which it exceeds the best certificate so far cannot have a lower one,
    and is left out; so is one that is far above the first, beside what the first certificate added
    to its own: the certificates of points of one neighborhood have about the same slack.

    Args:
        run: A single game with ``keep="examples"``.
        weight_radius: R.
        points: By name; a point outside B(R) is drawn into it.
        rounds: The rounds (from 1) whose played inputs are looked at.
        brackets: What is known of the robust loss at some of the points, by their names (of points
            that lie in B(R)).
        attack: For the lower ends; None for the adversary's own.
        branches: Of `olgame.certify.robust_loss`.
        steps: Of the same.
        seed: Of the attack.

    Returns:
        One for each point, in the order of ``points``.
    """
    adversary: Any = run.adversary
    losses: tuple[Any, ...] = run.kept_losses("A ceiling")
    played = [losses[t - 1] for t in rounds]
    center, limit = adversary.model.start, np.inf
    inside, seen = dict[str, Array](), dict[str, float]()
    for name, point in points.items():
        inside[name] = drawn_inside(point, center, weight_radius)
        seen[name] = _largest_played(played, inside[name])
    found = dict[str, ValueCeiling]()
    for name in sorted(inside, key=lambda name: (name not in brackets, seen[name])):
        point, bracket = inside[name], brackets.get(name)
        if bracket is None and seen[name] < limit:
            bracket = robust_loss(
                adversary.model,
                point,
                adversary.x,
                adversary.y,
                adversary.loss,
                adversary.perturbation_set,
                attack=attack or getattr(adversary, "attack", None),
                candidates=tuple(loss.x for loss in played),
                seed=seed,
                branches=branches,
                steps=steps,
                excess=float(run.input_distance[rounds - 1].max()),
            )
        certified = None
        if bracket is not None and bracket.upper is not None:
            certified = ceiling(center, bracket, point, weight_radius)
            slack = certified.value - seen[name]
            limit = min(limit, certified.value, seen[name] + PROMISING * slack)
        found[name] = ValueCeiling(name, point, seen[name], bracket, certified)
    return [found[name] for name in points]


def _largest_played(losses: list[Any], w: Array) -> float:
    """(1/n) sum_i of the largest l(f(w, x'_{t,i}), y_i) over these rounds."""
    largest: Any = -np.inf
    for played in losses:
        z = played.model(w, played.x)
        largest = np.maximum(largest, to_numpy(played.loss.value(z, played.y)))
    return float(largest.mean())
