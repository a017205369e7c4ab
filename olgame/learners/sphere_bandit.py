"""What gradient descent on gradients estimated along a random direction is made of."""

from __future__ import annotations

from typing import Any, Self

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.bandit_state import (
    BanditState,
    estimated,
    is_seed,
    seed_of_game,
    unit_direction,
)
from olgame.learners.shrunk_set import ShrunkSet, shrunk_for_exploration
from olgame.randomness import Seed, as_seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["SphereBandit"]


@attrs.frozen
class SphereBandit:
    """z_{t+1} = Proj_{K_s}(z_t - alpha g^_t), g^_t = p slope_t v_t, v_t uniform on the unit sphere.

    K_s = W_1 + s (K - W_1), s = 1 - delta/r, has room for a step of length delta. `OnePointBandit`
    and `TwoPointBandit` say what the slope along v_t is and which point is played.

    Args:
        step_size: alpha > 0.
        exploration: delta, positive and smaller than r.
        seed: Of v_1, v_2, ...; one, or one for each game.
        inner_radius: r, the radius of a ball around W_1 in K; default what the set states at W_1.
    """

    step_size: float = attrs.field(validator=finite_positive)
    exploration: float = attrs.field(validator=finite_positive)
    seed: Seed = attrs.field(default=0, kw_only=True, converter=as_seed, validator=is_seed)
    inner_radius: float | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(finite_positive)
    )

    @property
    def level(self) -> Level:
        """What it is told."""
        raise NotImplementedError

    def slope(self, state: BanditState, feedback: Feedback) -> Any:
        """The estimated slope of l_t along v_t, one number for each game."""
        raise NotImplementedError

    def played(self, iterate: Array, direction: Array) -> Array:
        """W_t, from z_t and v_t."""
        raise NotImplementedError

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any set with a ball of radius larger than ``exploration`` around the start."""
        self._shrunk(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> BanditState:
        """The state before round 1, for which a direction is drawn already."""
        direction, shrunk = unit_direction(self.seed, 1, start), self._shrunk(decision_set, start)
        return BanditState(self.played(start, direction), start, direction, shrunk, 0.0 * start)

    def decide(self, state: BanditState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: BanditState, feedback: Feedback, /) -> BanditState:
        """Estimate the gradient, step, and draw the next direction."""
        state.estimate = estimated(self.slope(state, feedback), state.direction)
        state.iterate = state.shrunk.project(state.iterate - self.step_size * state.estimate)
        state.direction = unit_direction(self.seed, feedback.round + 1, state.iterate)
        state.point = self.played(state.iterate, state.direction)
        return state

    def copy(self, state: BanditState, /) -> BanditState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> Self:
        """The learner of one game of a batch."""
        return attrs.evolve(self, seed=seed_of_game(self.seed, index))

    def _shrunk(self, decision_set: ConvexSet, start: Array) -> ShrunkSet:
        return shrunk_for_exploration(
            decision_set, start, self.exploration, self.inner_radius, type(self).__name__
        )
