"""An attack that climbs another loss than the one it is scored by."""

from __future__ import annotations

import attrs
import numpy as np

from olgame.attacks.attack import Attack, AttackResult, Objective
from olgame.attacks.targeted import HasRivals
from olgame.exceptions import NotAvailableError
from olgame.losses.loss import Loss
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["Climbing"]


@attrs.frozen(eq=False)
class Climbing:
    """The attack, along the gradient of another loss; scored, and kept, is the objective's own.

    The hinge loss is flat where the margin is above 1: an attack that starts there has no gradient
    to follow, though a point with a smaller margin, and a positive loss, may be in B(x). A game
    against such an attack can reach losses below the least robust loss. The logistic loss falls
    with the margin everywhere, and points the way.

    Args:
        attack: any attack.
        loss: what it climbs, of the same outputs as the objective's loss.

    Example:
        Margin 1.05 at x = 0, 0.95 at the worst point of B(x):

        >>> import numpy as np
        >>> from olgame.attacks import PGD, ModelObjective
        >>> from olgame.losses import hinge, logistic
        >>> from olgame.models import LinearModel
        >>> from olgame.perturbations import l2
        >>> w, x, y = np.array([1.0, 0.0]), np.array([[1.05, 0.0]]), np.array([1.0])
        >>> objective, rng = ModelObjective(LinearModel(2), w, y, hinge), np.random.default_rng(0)
        >>> blind = PGD()(objective, x, l2(0.1), rng).loss
        >>> blind, Climbing(PGD(), logistic)(objective, x, l2(0.1), rng).loss.round(3)
        (array([0.]), array([0.05]))
    """

    attack: Attack
    loss: Loss

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
        """Attack ``x``, shape ``(..., n, d)``.

        Raises:
            NotAvailableError: the objective is not that of a model, and cannot climb what it
                does not score.
        """
        if not isinstance(objective, HasRivals):
            raise NotAvailableError(
                "`Climbing` attacks the loss of a model (`ModelObjective`); this objective has no "
                "outputs that another loss could be climbed on."
            )
        return self.attack(objective.climbing(self.loss), x, perturbation_set, rng)
