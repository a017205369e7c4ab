"""Projected gradient descent, climbing: the standard attack of adversarial training."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like
from olgame.attacks.ascent import ascend
from olgame.attacks.attack import AttackResult, Objective
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array
from olgame.validation import finite_positive, positive_integer

__all__ = ["PGD", "radius_like"]


def radius_like(perturbation_set: PerturbationSet, x: Array) -> Any:
    """rho as a float, or one per sample as an array like ``x``."""
    radius: Any = perturbation_set.radius
    if getattr(radius, "ndim", 0) == 0:
        return float(radius)
    return as_like(radius, x)


@attrs.frozen
class PGD:
    r"""Projected gradient ascent with steepest steps in the norm of the set.

        x_{k+1} = Proj_{B(x)} (x_k + alpha d_k),   d_k = argmax of <grad_k, d> over norm(d) <= 1

    (grad / norm2(grad) for l2, sign(grad) for linf), from x_0 = x or a random point of B(x).
    Kept is, per sample, the *visited point with the largest score*, the clean point included:
    ``loss`` is exactly the running maximum of the attack's own trace. This departs from the
    reference, which plays the last iterate; a step may well overshoot.

    Evaluations: ``steps`` values with gradients, at x_0, ..., x_{steps-1}, and one value at
    x_steps; one more value at the clean point with ``random_start``.

    Where the loss is so flat that its first-order gain over B(x), rho dualnorm(grad), is below
    64 unit roundoffs of max(1, abs(score)), the gradient is noise and the sample stays where it
    is. Climb another loss there (``ModelObjective(..., climb=...)``).

    Args:
        steps: number of steps, at least 1.
        step_size: alpha, an absolute length in the norm of the set; None for 2.5 rho / steps,
            with the rho of each sample, so that every point of B(x) can be reached.
        random_start: start from ``perturbation_set.sample`` instead of from x.
        keep_trace: keep the scores of all visited points.

    Example:
        >>> import numpy as np
        >>> from olgame.attacks import ModelObjective
        >>> from olgame.losses import hinge
        >>> from olgame.models import LinearModel
        >>> from olgame.perturbations import l2
        >>> w, x, y = np.array([3.0, 4.0]), np.zeros((1, 2)), np.array([1.0])
        >>> objective = ModelObjective(LinearModel(2), w, y, hinge)
        >>> found = PGD(steps=4)(objective, x, l2(0.1), np.random.default_rng(0))
        >>> print(found.loss.round(12), found.x.round(12))  # 1 + 0.1 norm(w)
        [1.5] [[-0.06 -0.08]]

    References:
        madry2018, Section 2.1.
    """

    steps: int = attrs.field(default=10, validator=positive_integer)
    step_size: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(finite_positive)
    )
    random_start: bool = False
    keep_trace: bool = False

    @property
    def deterministic(self) -> bool:
        """Whether the result does not depend on the generator."""
        return not self.random_start

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``.

        Raises:
            ViolationError: a score or a gradient is not finite; names sample and step.
        """
        if self.step_size is None:
            step = 2.5 * radius_like(perturbation_set, x) / self.steps
        else:
            step = float(self.step_size)
        return ascend(
            objective,
            x,
            perturbation_set,
            steps=self.steps,
            step=step,
            random=rng if self.random_start else None,
            keep_trace=self.keep_trace,
            owner="PGD",
        )
