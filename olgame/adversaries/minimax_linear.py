"""The minimax adversary of online linear optimization on a ball."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.arrays import as_like, to_numpy
from olgame.exceptions import ArgumentError
from olgame.losses.linear_loss import LinearLoss
from olgame.one_game import leading_axes, row
from olgame.randomness import Seed, as_seed, game_seeds, generator
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["MinimaxLinear", "MinimaxLinearState"]


@attrs.define(eq=False)
class MinimaxLinearState:
    """What the adversary remembers: its seed, the center c, and S = g_1 + ... + g_{t-1}."""

    seed: Seed
    center: Any = None
    gradient_sum: Any = None


@attrs.frozen
class MinimaxLinear:
    """Plays linear losses with norm(g_t) = G, orthogonal to W_t - c and to g_1 + ... + g_{t-1}.

    Against every learner in the ball of radius D_1 around c = W_1 the regret is exactly
    D_1 G sqrt T: nothing is suffered, as <g_t, W_t - c> = 0, while the best fixed point gains
    D_1 norm(S_T), and norm(S_T)^2 = sum norm(g_t)^2 = T G^2 by orthogonality. It is the value of
    the game, so `olgame.learners.OnlineGradientDescent` with step D_1/(G sqrt T) is minimax
    optimal.

    Two conditions on g_t leave a direction in R^p for p >= 3; p = 2 suffices while W_t - c and S
    are parallel (as for gradient descent). The two are orthonormalized first, since near-parallel
    vectors removed one after the other would leave a component of both.

    Args:
        gradient_bound: G > 0.
        center: c; default the first point that is played.

    References:
        abernethy2008, Theorem 1.
    """

    gradient_bound: float = attrs.field(default=1.0, validator=finite_positive)
    center: Array | None = attrs.field(default=None, eq=False)

    @property
    def timing(self) -> Timing:
        """Sees W_t."""
        return Timing.SEES_POINT

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a center of its own."""
        return leading_axes(self.center)

    def init(self, seed: Seed) -> MinimaxLinearState:
        """No gradients yet."""
        return MinimaxLinearState(as_seed(seed))

    def game(self, index: tuple[int, ...], /) -> MinimaxLinear:
        """The adversary of one game of a batch."""
        return attrs.evolve(self, center=row(self.center, index))

    def respond(
        self, state: MinimaxLinearState, view: View, /
    ) -> tuple[Response, MinimaxLinearState]:
        """<g_t, w> with g_t drawn in the orthogonal complement."""
        w = view.point
        if state.center is None:
            state.center = w if self.center is None else self.center
            state.gradient_sum = np.zeros(tuple(w.shape))
        offset = to_numpy(w) - to_numpy(state.center)
        seeds = game_seeds(state.seed, view.games)
        gradient = np.empty_like(offset)
        for game in np.ndindex(offset.shape[:-1]):
            rng = generator(int(seeds[game]), "minimax", view.round)
            gradient[game] = self.gradient_bound * _unit_orthogonal_to(
                [state.gradient_sum[game], offset[game]], rng
            )
        state.gradient_sum = state.gradient_sum + gradient
        return Response(LinearLoss(as_like(gradient, w))), state


def _unit_orthogonal_to(vectors: list[Any], rng: np.random.Generator) -> Any:
    """A random unit vector orthogonal to the vectors (all but those at rounding level)."""
    dim = len(vectors[0])
    basis: list[Any] = []
    for vector in vectors:
        scale = np.sqrt(vector @ vector)
        rest = _remove(vector, basis)
        # What is left of a vector inside the span is rounding; as a direction it would be noise.
        if scale > 0.0 and np.sqrt(rest @ rest) > 1e-10 * scale:
            basis.append(rest / np.sqrt(rest @ rest))
    if len(basis) >= dim:
        raise ArgumentError(
            f"`MinimaxLinear` needs a direction orthogonal to {len(basis)} vectors, and dimension "
            f"{dim} has none; play in dimension 3 or more."
        )
    rest = _remove(rng.standard_normal(dim), basis)
    return rest / np.sqrt(rest @ rest)


def _remove(vector: Any, basis: list[Any]) -> Any:
    for _ in range(2):  # twice is enough: what the first pass leaves is rounding
        for unit in basis:
            vector = vector - (unit @ vector) * unit
    return vector
