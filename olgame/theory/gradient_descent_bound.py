"""The regret theorem of projected gradient descent, as a curve over the rounds."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError
from olgame.regret.curve import linear_curve
from olgame.theory.premise import Premises
from olgame.theory.projected_ogd import ProjectedOGD, Steps
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import one_of

__all__ = ["GradientDescentBound"]


@attrs.frozen
class GradientDescentBound:
    """`ProjectedOGD`, its statement, proof and premises, in the shape of the other bounds.

    The bound is the one a posteriori, from the steps and gradients that were played: D_1 alone for
    fixed steps, diam as soon as steps change (with D_1 in its place the textbook constant 1.5 of
    decreasing steps is false).

    Args:
        steps: The rule of the steps: ``"fixed"``, ``"decreasing"`` or ``"adagrad"``.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = og.learners.OnlineGradientDescent(0.1)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> adversary = og.adversaries.MinimaxLinear(1.0)
        >>> run = og.play(learner, adversary, ball, rounds=100, keep="points")
        >>> check = og.theory.check_bound(GradientDescentBound(), run)
        >>> check.conclusion, round(float(check.regret[-1]), 9), round(float(check.bound[-1]), 9)
        ('certified_holds', 10.0, 10.0)

    References:
        zinkevich2003; hazan2022, Theorem 3.1; streeter2010.
    """

    steps: Steps = attrs.field(default="fixed", validator=one_of("fixed", "decreasing", "adagrad"))

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        fixed = self.steps == "fixed"
        return BoundStatement(
            name=f"Projected gradient descent, {self.steps} steps, linear regret",
            formula="R_T <= D_1^2/(2 alpha) + (alpha/2) sum_t norm(g_t)^2"
            if fixed
            else "R_T <= D_1^2/(2 alpha_1) + (diam^2/2) (1/alpha_T - 1/alpha_1) "
            "+ (1/2) sum_t alpha_t norm(g_t)^2",
            source="hazan2022, Theorem 3.1, second edition, recalled; proved in `ProjectedOGD`",
            tightness="tight" if fixed else "upper",
            size="D_1" if fixed else "D_1 and diam",
        )

    def premises(self, run: Transcript) -> Premises:
        """Those of `ProjectedOGD.check`."""
        return ProjectedOGD(self.steps).check(run).premises

    def regret(self, run: Transcript) -> NDArray[np.float64]:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> NDArray[np.float64]:
        """The bound a posteriori after every round; nan where steps or sizes are not known."""
        reach = float(to_numpy(run.decision_set.reach(run.start)))
        diameter = min(float(run.decision_set.diameter), 2.0 * reach)
        theorem = ProjectedOGD(self.steps)
        try:
            return theorem.posterior_curve(
                run.step_size, run.gradient_norm, reach=reach, diameter=diameter
            )
        except NotAvailableError:
            return np.full(run.rounds, math.nan)
