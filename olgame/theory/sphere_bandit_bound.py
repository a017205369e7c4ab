"""What the theorems of the two bandits share: a bound that is sure, from the estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.learners.sphere_bandit import SphereBandit
from olgame.results import Certified
from olgame.theory.bandit_steps import bandit_steps
from olgame.theory.learner_premises import played_inside, reach_of
from olgame.theory.premise import Premises
from olgame.transcript import Transcript
from olgame.validation import require_finite_positive

__all__ = ["SphereBanditBound"]

Floats = NDArray[np.float64]


class SphereBanditBound:
    """sum <g^_t, z_t - u> <= (s D_1)^2/(2 alpha) + (alpha/2) sum norm(g^_t)^2, for every draw.

    `OnePointBound` and `TwoPointBound` add what follows in the mean: the size of the estimates and
    what exploring costs.
    """

    __slots__ = ()
    learner: SphereBandit

    def mean_bound(
        self, sizes: dict[str, Any], estimate_square: float, exploring: float
    ) -> Certified:
        """(s D_1)^2/(2 alpha) + (alpha/2) T V + delta T L c.

        Args:
            sizes: ``rounds`` T, ``dim`` p, ``reach`` D_1, ``inner_radius`` r, ``lipschitz`` L.
            estimate_square: V, a bound on E norm(g^_t)^2.
            exploring: c.
        """
        alpha, delta = float(self.learner.step_size), float(self.learner.exploration)
        size = (1.0 - delta / sizes["inner_radius"]) * sizes["reach"]
        bias = delta * sizes["rounds"] * sizes["lipschitz"] * exploring
        value = size**2 / (2.0 * alpha) + 0.5 * alpha * sizes["rounds"] * estimate_square + bias
        return Certified(value, "upper", "in the mean over the learner's draws")

    def checked(self, **given: Any) -> dict[str, Any]:
        """The numbers that were given to ``expected``, finite and positive."""
        require_finite_positive(f"{type(self).__name__}.expected", **given)
        return given

    def premises(self, run: Transcript) -> Premises:
        """What the sure bound assumes, recomputed."""
        return played_inside(run, self.learner, in_expectation=True)

    def regret(self, run: Transcript) -> Floats:
        """The regret on the estimates after every round."""
        return bandit_steps(run, self.learner).regret()

    def bound(self, run: Transcript) -> Floats:
        """The bound from the estimates that were made."""
        return bandit_steps(run, self.learner).bound(float(self.learner.step_size), reach_of(run))
