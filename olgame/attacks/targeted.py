"""One attack toward every class."""

from __future__ import annotations

from functools import reduce
from typing import Protocol, runtime_checkable

import attrs
import numpy as np

from olgame.attacks.attack import Attack, AttackResult, Objective
from olgame.attacks.combination import better, child
from olgame.exceptions import NotAvailableError
from olgame.losses.loss import Loss
from olgame.losses.rival_lead import RivalLead
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["HasRivals", "Targeted"]


@runtime_checkable
class HasRivals(Protocol):
    """An objective whose climb can be chosen, such as `olgame.attacks.ModelObjective`."""

    @property
    def classes(self) -> int | None:
        """k, or None for one output."""
        ...

    def climbing(self, loss: Loss) -> Objective:
        """The same scores, with the gradient of ``loss``."""
        ...


@attrs.frozen(eq=False)
class Targeted:
    r"""Runs an attack once for every class j, climbing the lead f_j - f_y; keeps the largest loss.

    An untargeted attack follows the rival that is strongest where it starts. Another one may
    become stronger within B(x); it is found by the run that climbs its lead alone. All runs score
    the same loss. k times the cost of the attack; a sample stays in the run of its own label.

    Args:
        attack: the attack to run, `PGD(steps=10)` for example.

    Example:
        >>> from olgame.attacks import PGD, BestOf
        >>> attack = BestOf(PGD(steps=20), Targeted(PGD(steps=10)))
    """

    attack: Attack

    @property
    def deterministic(self) -> bool:
        """Whether the result does not depend on the generator."""
        return bool(getattr(self.attack, "deterministic", False))

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``; evaluations of all runs are counted.

        Raises:
            NotAvailableError: the objective is not that of a model of k classes.
        """
        if not isinstance(objective, HasRivals) or objective.classes is None:
            raise NotAvailableError(
                "`Targeted` attacks a model of k classes; this objective has no rivals to aim at."
            )
        targets = [objective.climbing(RivalLead(j)) for j in range(objective.classes)]
        runs = (self.attack(target, x, perturbation_set, child(rng)) for target in targets)
        return reduce(better, runs)
