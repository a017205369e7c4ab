"""Follow the perturbed leader: what would have been best so far, after random losses."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback, Level
from olgame.learners.bandit_state import seed_of_game
from olgame.learners.told import told_wide
from olgame.randomness import Seed, as_seed, check_seed, game_seeds, generator
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex import Simplex
from olgame.typing import Array
from olgame.validation import finite_positive, one_of

__all__ = ["FollowThePerturbedLeader", "FollowThePerturbedLeaderState"]

ROLE = "perturbed leader"
"""Whose draws they are, for `olgame.randomness.generator`."""


def _valid_seed(instance: Any, attribute: Any, value: object) -> None:
    check_seed(value, "FollowThePerturbedLeader")


@attrs.define(eq=False)
class FollowThePerturbedLeaderState:
    """W_t, and the sum of the gradients.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: K.
        losses: S_{t-1} = g_1 + ... + g_{t-1}, float64.
    """

    point: Array
    decision_set: ConvexSet
    losses: Any


@attrs.frozen
class FollowThePerturbedLeader:
    """W_t = lmo(S_{t-1} + N_t): the minimizer over K of <g_1 + ... + g_{t-1} + N_t, u>.

    It needs of K a linear minimizer and nothing else. The noise N_t is new in every round:

    * ``"uniform"`` in the cube [-1/(2 eta), 1/(2 eta)]^p. With m(K) the mean of max over u in K of
      <nu, u> for nu uniform in [-1, 1]^p (at most D_1 sqrt(p/3)) and c_t = max over u, v in K of
      <g_t, u - v>, against losses that are fixed beforehand

          expected regret <= m(K)/(2 eta) + eta sum_t c_t norm1(g_t).

      Kalai and Vempala draw from [0, 1/eta]^p, which moves all expectations alike, and state twice
      or more the first term: norm1-diameter of K over eta.
    * ``"gumbel"`` on a simplex of size s: the expectation of q_t is the q_t of `Hedge` with the
      same eta, and so is the bound.

    **What is random**: W_t. A game has one draw of it, so its regret is a number that may exceed
    the bound on the mean; `olgame.theory.PerturbedLeaderBound` says by how much, with what
    probability. An adversary that sees W_t defeats the noise: that premise fails by name.

    The first point is lmo(N_1), not the start, which gives only shape, dtype and device.

    Args:
        step_size: eta > 0.
        noise: ``"uniform"`` or ``"gumbel"``.
        seed: Of the noise; for several games at once, one for all or one for each. N_t is keyed by
            (seed, round).

    Raises:
        ArgumentError: An argument is outside its domain.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([(-1.0) ** t])) for t in range(400)]
        >>> interval = og.sets.LinfBall(1.0, center=np.zeros(1))
        >>> sequence = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(FollowThePerturbedLeader(0.1), sequence, interval, rounds=400)
        >>> sorted({float(w) for w in run.distance}), bool(og.regret.linear(run).value < 90)
        ([1.0], True)

    References:
        kalai2005, Theorem 1.1; cesabianchi2006, Section 4.3.
    """

    step_size: float = attrs.field(validator=finite_positive)
    noise: str = attrs.field(default="uniform", kw_only=True, validator=one_of("uniform", "gumbel"))
    seed: Seed = attrs.field(default=0, kw_only=True, converter=as_seed, validator=_valid_seed)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A bounded set; for Gumbel noise a simplex."""
        if not decision_set.diameter < math.inf:
            raise NotAvailableError(
                "`FollowThePerturbedLeader` needs a bounded decision set, got "
                f"{type(decision_set).__name__}: linear losses have no minimizer there."
            )
        if self.noise == "gumbel" and not isinstance(decision_set, Simplex):
            raise NotAvailableError(
                "`FollowThePerturbedLeader(noise='gumbel')` plays on `olgame.sets.Simplex` only, "
                f"got {type(decision_set).__name__}; use noise='uniform'."
            )

    def init(self, start: Array, decision_set: ConvexSet) -> FollowThePerturbedLeaderState:
        """The state before round 1, noise drawn."""
        self.check_decision_set(decision_set, start)
        xp = kernels(start).xp
        losses = xp.zeros_like(start, dtype=xp.float64)
        state = FollowThePerturbedLeaderState(start, decision_set, losses)
        return self._lead(state, 1)

    def decide(self, state: FollowThePerturbedLeaderState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: FollowThePerturbedLeaderState, feedback: Feedback, /
    ) -> FollowThePerturbedLeaderState:
        """Add the gradient and find the leader after new noise."""
        state.losses = state.losses + told_wide(feedback, self)
        return self._lead(state, feedback.round + 1)

    def copy(self, state: FollowThePerturbedLeaderState, /) -> FollowThePerturbedLeaderState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> FollowThePerturbedLeader:
        """The learner of one game of a batch."""
        return attrs.evolve(self, seed=seed_of_game(self.seed, index))

    def perturbation(self, round: int, shape: tuple[int, ...], scale: float = 1.0) -> Any:
        """N_t for points of shape ``(..., p)``, float64 NumPy; ``scale`` is the s of a simplex."""
        games = shape[:-1]
        drawn: dict[int, Any] = {}
        noise = np.empty(shape)
        seeds: Any = game_seeds(self.seed, games)
        for game in np.ndindex(games):
            seed = seeds[game]
            if seed not in drawn:
                drawn[seed] = self.draw(generator(seed, ROLE, round), shape[-1:], scale)
            noise[game] = drawn[seed]
        return noise

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], scale: float = 1.0) -> Any:
        """Noise of this distribution, shape ``shape``; ``scale`` is the s of a simplex."""
        if self.noise == "uniform":
            return rng.uniform(-0.5, 0.5, shape) / self.step_size
        return rng.gumbel(size=shape) / (-scale * self.step_size)

    def _lead(
        self, state: FollowThePerturbedLeaderState, round: int
    ) -> FollowThePerturbedLeaderState:
        scale = getattr(state.decision_set, "scale", 1.0)
        noise = self.perturbation(round, tuple(state.point.shape), scale)
        perturbed = state.losses + as_like(noise, state.losses)
        state.point = state.decision_set.lmo(as_like(perturbed, state.point))
        return state
