"""Several attacks, the best of them for every sample."""

from __future__ import annotations

from functools import reduce

import attrs
import numpy as np

from olgame.attacks.attack import Attack, AttackResult, Objective
from olgame.attacks.combination import better, child
from olgame.exceptions import ArgumentError
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["BestOf"]


@attrs.frozen(eq=False, init=False)
class BestOf:
    r"""Runs every attack on every sample and keeps, per sample, the largest loss.

    All attacks score the same objective; they may climb what they like. A tie goes to the
    attack named first.

    Args:
        attacks: one or more attacks.

    Raises:
        ArgumentError: no attack is given.

    Example:
        >>> from olgame.attacks import FGSM, PGD
        >>> attack = BestOf(FGSM(), PGD(steps=20), PGD(steps=20, random_start=True))

    References:
        croce2020, Section 5.
    """

    attacks: tuple[Attack, ...]

    def __init__(self, *attacks: Attack) -> None:
        if not attacks or not all(callable(attack) for attack in attacks):
            raise ArgumentError(
                f"`BestOf(*attacks)` must be given one or more attacks, got {attacks!r}."
            )
        self.__attrs_init__(attacks)

    @property
    def deterministic(self) -> bool:
        """Whether the result does not depend on the generator."""
        return all(getattr(attack, "deterministic", False) for attack in self.attacks)

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``; evaluations of all attacks are counted."""
        runs = (attack(objective, x, perturbation_set, child(rng)) for attack in self.attacks)
        return reduce(better, runs)
