"""The regret theorem of online Frank-Wolfe, as an object."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.learners.online_frank_wolfe import OnlineFrankWolfe, mixing_weight
from olgame.regret.curve import linear_curve
from olgame.results import Certified
from olgame.theory.learner_premises import diameter_of, played_inside, reach_of
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require_finite_positive

__all__ = ["OnlineFrankWolfeBound", "suboptimality_bounds"]

Floats = NDArray[np.float64]


def suboptimality_bounds(gradient_norms: Floats, step_size: float, diameter: float) -> Floats:
    """H_1, ..., H_T of `OnlineFrankWolfeBound`, from norm(g_1), ..., norm(g_T).

    Args:
        gradient_norms: Shape ``(T,)``.
        step_size: eta.
        diameter: D.
    """
    found = np.zeros(len(gradient_norms))
    for t, length in enumerate(gradient_norms[:-1], start=1):
        sigma = mixing_weight(t)
        grown = (math.sqrt(found[t - 1]) + 0.5 * step_size * length) ** 2
        found[t] = (1.0 - sigma) * grown + (sigma * diameter) ** 2
    return found


@attrs.frozen
class OnlineFrankWolfeBound:
    """Regret of `olgame.learners.OnlineFrankWolfe` in a bounded K, against every u in K.

    With D_1 = sup over u in K of norm(W_1 - u), D = diam K, sigma_t = min(1, 2/sqrt t),

        regret <= D_1^2/eta + (eta/4) sum_t norm(g_t)^2 + sum_t norm(g_t) sqrt(H_t),
        H_1 = 0,  H_{t+1} = (1 - sigma_t)(sqrt(H_t) + eta norm(g_t)/2)^2 + sigma_t^2 D^2,

    and for norm(g_t) <= G and eta = D/(2 G T^(3/4))

        regret <= (2 + 8/3 + 1/8) D G T^(3/4) < 4.8 D G T^(3/4)     (the book: 8 D G T^(3/4)).

    Proof. Let F_t(x) = eta <g_1 + ... + g_{t-1}, x> + norm(x - W_1)^2 with minimizer x_t over K,
    and h_t = F_t(W_t) - F_t(x_t), so that norm(W_t - x_t)^2 <= h_t. *Of the leader*: with z =
    x_{t+1}, F_{t+1}(z) >= F_t(x_t) + norm(z - x_t)^2 + eta <g_t, z>, which summed up and held
    against F_{T+1}(u) gives eta sum <g_t, x_t - u> <= norm(u - W_1)^2 + sum eta^2 norm(g_t)^2/4.
    *Of the distance from it*:

        F_{t+1}(W_t) - F_{t+1}(z)
            <= h_t - norm(z - x_t)^2 + eta norm(g_t) (sqrt(h_t) + norm(z - x_t))
            <= (sqrt(h_t) + eta norm(g_t)/2)^2,

    and a step of Frank-Wolfe with weight sigma_t on the 2-smooth F_{t+1} leaves (1 - sigma_t) of it
    and adds at most sigma_t^2 D^2: h_t <= H_t by induction. Add sum <g_t, W_t - x_t>.
    *Constants*: H_t <= 2 D^2 sigma_t. This holds for t <= 5 (H is at most D^2 then), and if at t,
    eta G <= D/(2 t^(3/4)) makes the first term at most (1 - sigma_t)(2 sigma_t + sigma_t^2/4 +
    sigma_t^3/128) D^2, so H_{t+1} <= 2 D^2 sigma_t (1 - 3 sigma_t/8) <= 2 D^2 sigma_{t+1}. Hence
    sum sqrt(H_t) <= 2 D sum t^(-1/4) <= (8/3) D T^(3/4). []

    The order is attained: on constant gradients in the ball of radius R = D/2 around W_1, the
    leader needs 2 T^(3/4) rounds to reach the best point, and the regret is about D G T^(3/4)/2.

    Args:
        learner: Who played; its eta is what the bound is about.

    Example:
        >>> sizes = dict(rounds=10_000, gradient_bound=1.0, diameter=2.0)
        >>> bound = OnlineFrankWolfeBound(OnlineFrankWolfe.tuned(**sizes))
        >>> round(bound.prior(**sizes).value, 9)
        9583.333333333

    References:
        hazan2022, Theorem 7.3.
    """

    learner: OnlineFrankWolfe

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Online Frank-Wolfe, external regret",
            formula=(
                "R_T <= D_1^2/eta + (eta/4) sum norm(g_t)^2 + sum norm(g_t) sqrt(H_t), at most "
                "4.8 D G T^(3/4)"
            ),
            source="proved here; hazan2022, Theorem 7.3 (second edition) has 8 D G T^(3/4)",
            tightness="upper",
            size="diam",
        )

    def prior(self, rounds: int, *, gradient_bound: float, diameter: float) -> Certified:
        """(2 + 8/3 + 1/8) D G T^(3/4), for the tuned eta.

        Args:
            rounds: T >= 1.
            gradient_bound: G > 0.
            diameter: D.

        Raises:
            ArgumentError: A number is not finite and positive.
        """
        owner = "OnlineFrankWolfeBound.prior"
        require_finite_positive(
            owner, rounds=rounds, gradient_bound=gradient_bound, diameter=diameter
        )
        value = (2.0 + 8.0 / 3.0 + 1.0 / 8.0) * diameter * gradient_bound * rounds**0.75
        return Certified(value, "upper", "(2 + 8/3 + 1/8) D G T^(3/4)")

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, recomputed."""
        return played_inside(run, self.learner)

    def regret(self, run: Transcript) -> Floats:
        """The linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound from the gradient norms that were played."""
        eta, norms = float(self.learner.step_size), run.gradient_norm
        distances = np.sqrt(suboptimality_bounds(norms, eta, diameter_of(run)))
        terms = np.cumsum(0.25 * eta * norms**2 + norms * distances)
        return np.asarray(reach_of(run) ** 2 / eta + terms)
