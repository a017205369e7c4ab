"""A learner that is told the truth with noise."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs
import numpy as np

from olgame.arrays import as_like
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback, Level
from olgame.game_generators import game_generator
from olgame.learners.bandit_state import is_seed, seed_of_game
from olgame.learners.learner import DeclaresSets, Learner
from olgame.noise import Noise
from olgame.one_game import one_game
from olgame.randomness import Seed, as_seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["Noisy"]

S = TypeVar("S")


def _has_draw(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not hasattr(value, "draw"):
        raise ArgumentError(
            f"`Noisy({attribute.name}=...)` must be a noise model such as "
            f"`olgame.noise.Gaussian(0.1)`, got {value!r}."
        )


@attrs.frozen
class Noisy(Generic[S]):
    """Hands ``learner`` the value and the gradient of every round with noise added.

        value:  l_t(W_t) + e_t,      gradient:  g_t + n_t,

    drawn from a generator keyed by (seed, round), so that a repeated or resumed game has the same
    noise. The noise is between the game and this learner: the referee, regret and theorems see the
    losses that were played. In the mean nothing is lost but variance: for noise that is independent
    of the past with E n_t = 0, E <g_t, W_t - u> = E <g_t + n_t, W_t - u> for every fixed u, so that
    the bound of ``learner`` on what it was told bounds, in the mean, its regret on what was played.
    With projected gradient descent, step alpha and standard deviation s of each of the p numbers:

        E sum_t <g_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) (sum_t norm(g_t)^2 + T p s^2),

    and one game may be off by what `olgame.theory.NoisyBound` states with a probability.

    A learner that asks for the loss itself (`Level.FULL`) cannot be told it with noise; wrap what
    it hands its gradients to instead: ``SharpnessAware(Noisy(OnlineGradientDescent(0.1), ...))``.
    The wrapped learner makes no gradient steps in the sense of the ledger, as its steps are not
    those of g_t.

    Args:
        learner: Of level VALUE or GRADIENT.
        gradient: Noise of the gradient; None for none.
        value: Noise of the value; None for none.
        seed: Of the noise; one, or one for each game.

    Raises:
        ArgumentError: The learner asks for the loss itself, or a noise cannot be drawn.

    Example:
        >>> import numpy as np, olgame as og
        >>> descent = og.learners.OnlineGradientDescent(0.01)
        >>> learner = Noisy(descent, gradient=og.noise.Gaussian(1.0))
        >>> target = og.losses.QuadraticLoss(np.array([0.5, 0.0]))
        >>> adversary = og.adversaries.ObliviousSequence([target] * 2000)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> run = og.play(learner, adversary, ball, rounds=2000)
        >>> bool(run.loss[1000:].mean() < 0.02)  # the losses that were played, without noise
        True

    References:
        orabona2019, Chapter 3 (of means, in the sixth arXiv edition).
    """

    learner: Learner[S]
    gradient: Noise | None = attrs.field(default=None, validator=_has_draw)
    value: Noise | None = attrs.field(default=None, validator=_has_draw)
    seed: Seed = attrs.field(default=0, kw_only=True, converter=as_seed, validator=is_seed)

    def __attrs_post_init__(self) -> None:
        if self.learner.level >= Level.FULL:
            raise ArgumentError(
                "`Noisy(learner=...)` must be of level VALUE or GRADIENT, got "
                f"{type(self.learner).__name__}, which asks for the loss itself."
            )
        if self.gradient is not None and self.learner.level < Level.GRADIENT:
            raise ArgumentError(
                "`Noisy(gradient=...)` must be None for a learner that is told no gradient, got "
                f"{self.gradient!r} for {type(self.learner).__name__}; give `value`."
            )

    @property
    def level(self) -> Level:
        """What the learner asks for."""
        return self.learner.level

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """What the learner says."""
        if isinstance(self.learner, DeclaresSets):
            self.learner.check_decision_set(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> S:
        """The learner's state."""
        return self.learner.init(start, decision_set)

    def decide(self, state: S, /) -> Array:
        """W_t."""
        return self.learner.decide(state)

    def update(self, state: S, feedback: Feedback, /) -> S:
        """Add the noise of the round and hand it on."""
        return self.learner.update(state, self.told(feedback))

    def copy(self, state: S, /) -> S:
        """An independent copy."""
        return self.learner.copy(state)

    def game(self, index: tuple[int, ...], /) -> Noisy[S]:
        """The learner of one game of a batch."""
        seed = seed_of_game(self.seed, index)
        return attrs.evolve(self, learner=one_game(self.learner, index), seed=seed)

    def told(self, feedback: Feedback) -> Feedback:
        """What the learner is told where the truth is ``feedback``."""
        games = tuple(feedback.point.shape[:-1])
        if self.gradient is not None and feedback.gradient is not None:
            rng = game_generator(self.seed, games, "gradient noise", feedback.round)
            noise = self.gradient.draw(rng, tuple(feedback.gradient.shape))
            gradient = feedback.gradient + as_like(noise, feedback.gradient)
            feedback = feedback._replace(gradient=gradient)
        if self.value is not None:
            rng = game_generator(self.seed, games, "value noise", feedback.round)
            noise = self.value.draw(rng, (*games, 1))[..., 0]
            added: Any = as_like(np.asarray(noise), feedback.point)
            feedback = feedback._replace(value=feedback.value + added)
        return feedback
