"""The fast gradient (sign) method: one full step."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from olgame.attacks.ascent import ascend
from olgame.attacks.attack import AttackResult, Objective
from olgame.attacks.pgd import radius_like
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["FGSM"]


@attrs.frozen
class FGSM:
    r"""One steepest step of the full radius from the clean point.

        x' = Proj_{B(x)} (x + rho d),   d = argmax of <grad_x, d> over norm(d) <= 1

    The sign of the gradient for linf, as in the reference; the normalized gradient for l2.
    Exact on a model that is linear in x with a loss that is monotone in its output. Returns,
    per sample, the better of x and x'. Two evaluations, one of them with a gradient.

    Args:
        keep_trace: keep the scores of both points.

    Example:
        >>> import numpy as np
        >>> from olgame.attacks import ModelObjective
        >>> from olgame.losses import hinge
        >>> from olgame.models import LinearModel
        >>> from olgame.perturbations import linf
        >>> w, x, y = np.array([3.0, 4.0]), np.zeros((1, 2)), np.array([1.0])
        >>> objective = ModelObjective(LinearModel(2), w, y, hinge)
        >>> found = FGSM()(objective, x, linf(0.1), np.random.default_rng(0))
        >>> print(found.loss.round(12), found.x)  # 1 + 0.1 norm1(w)
        [1.7] [[-0.1 -0.1]]

    References:
        goodfellow2015, Section 4.
    """

    keep_trace: bool = False
    deterministic: ClassVar[bool] = True

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``; ``rng`` is not used.

        Raises:
            ViolationError: a score or a gradient is not finite; names sample and step.
        """
        return ascend(
            objective,
            x,
            perturbation_set,
            steps=1,
            step=radius_like(perturbation_set, x),
            random=None,
            keep_trace=self.keep_trace,
            owner="FGSM",
        )
