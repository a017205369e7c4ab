"""The minimax adversary, made to forget: as hard as can be against every k-shift comparator."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.minimax_linear import MinimaxLinear, MinimaxLinearState
from olgame.arrays import to_numpy
from olgame.randomness import Seed
from olgame.typing import Array
from olgame.validation import finite_positive, positive_integer

__all__ = ["WorstCaseSwitching"]


@attrs.frozen
class WorstCaseSwitching:
    """`MinimaxLinear`, started anew every ``phase`` rounds.

    Linear losses with norm(g_t) = G, orthogonal to W_t - c and to the sum of the gradients of the
    phase so far. Nothing is suffered but <g_t, c>, and in a phase of L rounds the sum has norm
    G sqrt L; so on the ball of radius D_1 around c **every** learner has

        sum_t <g_t, W_t - u_t> = D_1 G sum over phases of sqrt(L_j)

    against the best comparators u_t = c - D_1 S_j/norm(S_j), one for each phase: k + 1 equal phases
    force D_1 G sqrt((k + 1) T). It is the exact value for k switches at these rounds (the best
    k-shift comparator may switch elsewhere, and gain more); on other sets D_1 is to be replaced by
    what they reach in the directions -S_j.

    Proof: as for `MinimaxLinear`, phase by phase: by orthogonality norm(S_j)^2 is the sum of the
    norm(g_t)^2 of the phase. []

    Args:
        gradient_bound: G > 0.
        phase: L, the rounds in a phase.
        center: c; default the first point that is played.

    Raises:
        ArgumentError: An argument is out of its domain.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = WorstCaseSwitching(gradient_bound=2.0, phase=16)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> learner = og.learners.OnlineGradientDescent(0.1)
        >>> run = og.play(learner, adversary, ball, rounds=64, keep="examples")
        >>> gradients = np.array([loss.gradient for loss in run.round_losses])
        >>> best = [-np.linalg.norm(part.sum(axis=0)) for part in np.split(gradients, 4)]
        >>> adversary.forced_regret(1.0, 64), round(float(run.loss.sum() - sum(best)), 9)
        (32.0, 32.0)

    References:
        abernethy2008, Theorem 1.
    """

    gradient_bound: float = attrs.field(default=1.0, validator=finite_positive)
    phase: int = attrs.field(default=1, validator=positive_integer)
    center: Array | None = attrs.field(default=None, eq=False)

    @property
    def timing(self) -> Timing:
        """Sees W_t."""
        return Timing.SEES_POINT

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a center of its own."""
        return self._minimax.games

    def switches(self, rounds: int) -> int:
        """How often a phase ends before the last of this many rounds."""
        return max(rounds - 1, 0) // self.phase

    def forced_regret(self, reach: float, rounds: int) -> float:
        """D_1 G sum over phases of sqrt(L_j), the last phase cut at T."""
        full, rest = divmod(rounds, self.phase)
        return reach * self.gradient_bound * (full * math.sqrt(self.phase) + math.sqrt(rest))

    def game(self, index: tuple[int, ...], /) -> WorstCaseSwitching:
        """The adversary of one game of a batch."""
        return attrs.evolve(self, center=self._minimax.game(index).center)

    def init(self, seed: Seed) -> MinimaxLinearState:
        """No gradients yet."""
        return self._minimax.init(seed)

    def respond(
        self, state: MinimaxLinearState, view: View, /
    ) -> tuple[Response, MinimaxLinearState]:
        """The minimax answer, which knows of this phase alone."""
        if (view.round - 1) % self.phase == 0 and state.gradient_sum is not None:
            state.gradient_sum = np.zeros_like(to_numpy(state.gradient_sum))
        answer: tuple[Response, Any] = self._minimax.respond(state, view)
        return answer

    @property
    def _minimax(self) -> MinimaxLinear:
        return MinimaxLinear(self.gradient_bound, self.center)
