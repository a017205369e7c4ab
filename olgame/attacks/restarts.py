"""A random attack, several times over."""

from __future__ import annotations

from functools import reduce
from typing import Any

import attrs
import numpy as np

from olgame.attacks.attack import Attack, AttackResult, Objective
from olgame.attacks.combination import better, child
from olgame.exceptions import ArgumentError
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array
from olgame.validation import positive_integer

__all__ = ["Restarts"]


def _random(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if getattr(value, "deterministic", False):
        raise ArgumentError(
            f"`Restarts(attack=...)` must draw its start, got {value!r}: every restart would "
            "find the same point. Use `PGD(..., random_start=True)`; for one start from the clean "
            "point as well, `BestOf(PGD(...), Restarts(PGD(..., random_start=True), n))`."
        )


@attrs.frozen(eq=False)
class Restarts:
    r"""n independent runs of an attack; per sample the run with the *largest loss* is kept.

    Not the first success, nor the last run, as several attack libraries do: a robust loss is a
    maximum, and a misclassified sample can still get worse.

    Every restart has a generator of its own, seeded by draws from the one that is handed in: the
    first restarts of ``Restarts(attack, 5)`` are those of ``Restarts(attack, 3)``, so more
    restarts never find less.

    Args:
        attack: an attack that draws its start, ``PGD(random_start=True)``.
        n: number of runs, at least 1.

    Raises:
        ArgumentError: ``attack`` says that it is deterministic.

    Example:
        >>> from olgame.attacks import PGD, BestOf
        >>> starts = Restarts(PGD(steps=20, random_start=True), 4)
        >>> attack = BestOf(PGD(steps=20), starts)  # also from the clean point
    """

    attack: Attack = attrs.field(validator=_random)
    n: int = attrs.field(validator=positive_integer)

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``; evaluations of all runs are counted."""
        runs = (self.attack(objective, x, perturbation_set, child(rng)) for _ in range(self.n))
        return reduce(better, runs)
