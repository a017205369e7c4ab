"""The regret theorem of projected online gradient descent, as an object."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.regret.linear import linear
from olgame.results import Certified
from olgame.theory import audit
from olgame.theory.premise import Premise, Premises
from olgame.theory.verdict import Conclusion
from olgame.transcript import Transcript
from olgame.validation import require_finite_positive, require_integer

__all__ = ["ProjectedOGD", "RegretVerdict", "Steps"]

Steps = Literal["fixed", "decreasing", "adagrad"]


@attrs.frozen
class RegretVerdict:
    """The regret of a game beside what the theorem allows.

    Attributes:
        premises: Each recomputed from what was played.
        conclusion: ``"certified_fails"``: the linear regret exceeds a bound, by more than rounding.
            ``"certified_holds"``: it does not, and every premise was checked and holds.
            ``"open"`` otherwise.
        reason: Why.
        regret: The linear regret max over u in K of sum <g_t, W_t - u>, exact.
        posterior: The bound from the gradients and steps that were played; None where unknown.
        prior: The bound from G, T and the set alone; None where unknown.
    """

    premises: Premises
    conclusion: Conclusion
    reason: str
    regret: Certified
    posterior: Certified | None
    prior: Certified | None

    def __str__(self) -> str:
        return (
            f"Projected online gradient descent\n{self.premises}\n"
            f"conclusion: {self.conclusion.replace('_', ' ')}: {self.reason}"
        )


@attrs.frozen
class ProjectedOGD:
    """Regret of W_{t+1} = Proj_K(W_t - alpha_t g_t), K closed and convex, against every u in K.

    With D_1 = sup over u in K of norm(W_1 - u) (``reach``), diam = diam K (``diameter``),
    norm(g_t) <= G (``gradient_bound``) and linear regret = max over u in K of
    sum_t <g_t, W_t - u>, which is at least the regret where the l_t are convex:

    * any positive non-increasing steps (a posteriori, `posterior`)

          regret <= D_1^2/(2 alpha_1) + (diam^2/2) (1/alpha_T - 1/alpha_1)
                    + (1/2) sum_t alpha_t norm(g_t)^2;

    * ``"fixed"``, alpha_t = alpha: regret <= D_1^2/(2 alpha) + alpha T G^2/2, which is
      **D_1 G sqrt T** at alpha = D_1/(G sqrt T). Tight: attained against the minimax adversary;
    * ``"decreasing"``, alpha_t = D/(G sqrt t): regret <= (diam^2/(2 D) + D) G sqrt T, which is
      **1.5 diam G sqrt T** at D = diam and, as diam <= 2 D_1, at most **3 D_1 G sqrt T** at
      D = D_1. The textbook constant 1.5 is *false* with D_1 in place of diam: at D_1 = G = 1,
      D = D_1, T = 5, the exact worst case is 3.678 > 1.5 sqrt 5 = 3.354;
    * ``"adagrad"``, alpha_t = D/sqrt(sum_{s<=t} norm(g_s)^2): regret <= (diam^2/(2 D) + D)
      sqrt(sum_t norm(g_t)^2), which is sqrt(2) diam sqrt(sum norm(g_t)^2) at D = diam/sqrt 2.

    Proof. With d_t = norm(W_t - u), d_{t+1}^2 <= d_t^2 - 2 alpha_t <g_t, W_t - u> + alpha_t^2
    norm(g_t)^2, since projection brings no point farther from u. Divide by 2 alpha_t and sum; by
    parts sum_t (d_t^2 - d_{t+1}^2)/(2 alpha_t) <= d_1^2/(2 alpha_1) + sum_{t>=2} (d_t^2/2)
    (1/alpha_t - 1/alpha_{t-1}), with d_1 <= D_1 and d_t <= diam. For the rates, d_1 <= diam also,
    sum_{t<=T} 1/sqrt t <= 2 sqrt T, and sum_t a_t/sqrt(a_1 + ... + a_t) <= 2 sqrt(sum_t a_t). []

    Args:
        steps: The rule of the steps: ``"fixed"``, ``"decreasing"`` or ``"adagrad"``.

    Example:
        >>> ProjectedOGD().prior(100, gradient_bound=2.0, reach=3.0).value
        60.0
        >>> ProjectedOGD("decreasing").prior(100, gradient_bound=2.0, diameter=3.0).value
        90.0

    References:
        zinkevich2003; hazan2022, Theorem 3.1; orabona2019, Theorem 2.13; streeter2010.
    """

    steps: Steps = "fixed"

    def __attrs_post_init__(self) -> None:
        if self.steps not in ("fixed", "decreasing", "adagrad"):
            raise ArgumentError(
                "`ProjectedOGD(steps=...)` must be 'fixed', 'decreasing' or 'adagrad', got "
                f"{self.steps!r}."
            )

    def prior(
        self,
        rounds: int,
        *,
        gradient_bound: float,
        reach: float | None = None,
        diameter: float | None = None,
        scale: float | None = None,
    ) -> Certified:
        """The bound before the game.

        Args:
            rounds: T >= 1.
            gradient_bound: G > 0.
            reach: D_1. Needed for fixed steps; gives diam <= 2 D_1 where ``diameter`` is missing.
            diameter: diam K.
            scale: alpha of fixed steps (default D_1/(G sqrt T)), D of the other rules (default
                diam for decreasing steps, diam/sqrt 2 for AdaGrad).

        Raises:
            ArgumentError: A number is missing, or not finite and positive.
        """
        require_integer("ProjectedOGD.prior", rounds=rounds)
        given = {"gradient_bound": gradient_bound, "reach": reach, "diameter": diameter}
        known = {n: value for n, value in {**given, "scale": scale}.items() if value is not None}
        require_finite_positive("ProjectedOGD.prior", **known)
        root = gradient_bound * math.sqrt(rounds)
        if self.steps == "fixed":
            if reach is None:
                raise ArgumentError("`ProjectedOGD.prior(reach=...)` is needed for fixed steps.")
            if scale is None:
                return Certified(reach * root, "upper", "D_1 G sqrt T")
            value = reach**2 / (2.0 * scale) + scale * root**2 / 2.0
            return Certified(value, "upper", "D_1^2/(2 alpha) + alpha T G^2/2")
        if diameter is None:
            if reach is None:
                raise ArgumentError(
                    "`ProjectedOGD.prior(diameter=...)` (or `reach`) is needed for changing steps."
                )
            diameter = 2.0 * reach
        best = diameter if self.steps == "decreasing" else diameter / math.sqrt(2.0)
        scale = best if scale is None else scale
        value = (diameter**2 / (2.0 * scale) + scale) * root
        return Certified(value, "upper", "(diam^2/(2 D) + D) G sqrt T")

    def posterior(
        self,
        step_sizes: NDArray[np.float64],
        gradient_norms: NDArray[np.float64],
        *,
        reach: float,
        diameter: float,
    ) -> Certified:
        """The bound from the steps and gradient norms that were played, each of shape ``(T,)``.

        Raises:
            NotAvailableError: Steps are unknown, not positive or increasing, or a needed size of K
                is infinite.
        """
        curve = self.posterior_curve(step_sizes, gradient_norms, reach=reach, diameter=diameter)
        return Certified(float(curve[-1]), "upper", "start term + gradient term, as played")

    def posterior_curve(
        self,
        step_sizes: NDArray[np.float64],
        gradient_norms: NDArray[np.float64],
        *,
        reach: float,
        diameter: float,
    ) -> NDArray[np.float64]:
        """`posterior` after 1, ..., T rounds, shape ``(T,)``; raises like it."""
        alpha = np.asarray(step_sizes, dtype=np.float64)
        if not (alpha.ndim == 1 and alpha.size and np.isfinite(alpha).all() and alpha.min() > 0.0):
            raise NotAvailableError("`ProjectedOGD.posterior` needs known, positive step sizes.")
        # Equal steps may differ in the last bit; more would be another algorithm.
        if (np.diff(alpha) > 1e-12 * alpha[0]).any():
            raise NotAvailableError(
                "`ProjectedOGD.posterior` needs step sizes that never increase."
            )
        growth = np.maximum(0.0, 1.0 / alpha - 1.0 / alpha[0])
        if not (math.isfinite(reach) and ((growth == 0.0).all() or math.isfinite(diameter))):
            raise NotAvailableError("`ProjectedOGD.posterior` needs a bounded decision set.")
        start = reach**2 / (2.0 * float(alpha[0])) + np.zeros_like(alpha)
        if (growth > 0.0).any():
            start = start + diameter**2 / 2.0 * growth
        return np.asarray(start + np.cumsum(alpha * gradient_norms**2) / 2.0)

    def check(self, run: Transcript, gradient_bound: float | None = None) -> RegretVerdict:
        """The linear regret of ``run`` against the bounds, every premise recomputed.

        Args:
            run: A single game.
            gradient_bound: G of the a-priori bound; default the largest gradient norm played.

        Raises:
            ArgumentError: ``gradient_bound`` is not finite and positive.
            NotAvailableError: ``run`` holds several independent games, or none of its rounds.
        """
        audit.check_single_game(run, "ProjectedOGD.check")
        if run.rounds == 0:
            raise NotAvailableError("`ProjectedOGD.check(run=...)`: no round was played.")
        if gradient_bound is not None:
            require_finite_positive("ProjectedOGD.check", gradient_bound=gradient_bound)
        largest = float(run.gradient_norm.max())
        bound = largest if gradient_bound is None else float(gradient_bound)
        reach = float(to_numpy(run.decision_set.reach(run.start)))
        diameter = min(float(run.decision_set.diameter), 2.0 * reach)
        premises = Premises(
            (
                audit.points_feasible(run),
                audit.gradient_steps(run),
                self._step_rule(run, bound),
                Premise.of(
                    "bounded gradients",
                    None if math.isnan(largest) else largest <= bound * (1.0 + audit.rounding(run)),
                    f"norms up to {largest:.6g}, G = {bound:.6g}",
                ),
                Premise.of("bounded decision set", math.isfinite(reach), f"D_1 = {reach:.6g}"),
                audit.finished(run),
            )
        )
        regret = linear(run)
        posterior = prior = None
        try:
            posterior = self.posterior(
                run.step_size, run.gradient_norm, reach=reach, diameter=diameter
            )
            if bound > 0.0:
                scale = self._scale(run, bound)
                prior = self.prior(
                    run.rounds, gradient_bound=bound, reach=reach, diameter=diameter, scale=scale
                )
        except NotAvailableError:
            pass
        size = abs(regret.value) + float(np.abs(run.inner).sum() + run.gradient_norm.sum() * reach)
        conclusion, reason = _compare(
            regret, posterior, prior, premises, audit.rounding(run) * size
        )
        return RegretVerdict(premises, conclusion, reason, regret, posterior, prior)

    def _scale(self, run: Transcript, gradient_bound: float) -> float:
        """alpha or D of the rule, from the first step that was played."""
        first = float(run.step_size[0])
        if self.steps == "fixed":
            return first
        return first * (
            gradient_bound if self.steps == "decreasing" else float(run.gradient_norm[0])
        )

    def _step_rule(self, run: Transcript, gradient_bound: float) -> Premise:
        name = f"{self.steps} step sizes"
        alpha = run.step_size
        if np.isnan(alpha).any():
            return Premise(name, "not checked", "the learner does not report its steps")
        rule = np.ones(run.rounds)
        if self.steps == "decreasing":
            rule = 1.0 / np.sqrt(np.arange(1, run.rounds + 1))
        elif self.steps == "adagrad":
            squares = np.cumsum(run.gradient_norm**2)
            if squares[0] == 0.0:
                return Premise(name, "not checked", "the first gradient is 0")
            rule = np.sqrt(squares[0] / squares)
        off = float(np.abs(alpha - alpha[0] * rule).max())
        known = bool(alpha[0] > 0.0 and off <= 1e-6 * alpha[0] + audit.rounding(run) * alpha[0])
        return Premise.of(
            name, known, f"alpha_1 = {float(alpha[0]):.6g}, off the rule by {off:.2g}"
        )


def _compare(
    regret: Certified,
    posterior: Certified | None,
    prior: Certified | None,
    premises: Premises,
    slack: float,
) -> tuple[Conclusion, str]:
    bounds = [b for b in (posterior, prior) if b is not None]
    for bound in bounds:
        if not regret.value <= bound.value + slack:
            text = f"regret {regret.value:.6g} > {bound.value:.6g} ({bound.method})"
            if premises.all_hold:
                text += "; all premises hold, so a checked number is wrong"
            return "certified_fails", text
    if not bounds:
        return "open", "no bound is known for these steps"
    text = f"regret {regret.value:.6g} <= " + ", ".join(
        f"{b.value:.6g} ({b.method})" for b in bounds
    )
    if premises.any_fails:
        names = ", ".join(p.name for p in premises.failing)
        return "open", f"{text}, but premises of the theorem fail: {names}"
    if premises.unchecked:
        names = ", ".join(p.name for p in premises.unchecked)
        return "open", f"{text}, but these premises were not checked: {names}"
    return "certified_holds", text
