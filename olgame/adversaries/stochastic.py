"""Independent losses of one law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View, require_games
from olgame.losses.linear_loss import LinearLoss
from olgame.losses.round_loss import RoundLoss
from olgame.one_game import row
from olgame.randomness import Seed, as_seed, game_seeds, generator
from olgame.typing import Array
from olgame.validation import is_function

__all__ = ["Stochastic"]


@attrs.frozen(eq=False)
class Stochastic:
    """l_t = loss(a_t) with a_1, a_2, ... independent and of one law.

    It sees nothing of the game, and what it draws in round t depends on the seed and on t alone.
    For every fixed u, E sum_t l_t(W_t) - l_t(u) = E sum_t L(W_t) - L(u), L the expected loss: an
    average of points with small regret is nearly optimal for L.

    Several games with a seed each draw independently, each what it draws alone; with one seed they
    have the same losses.

    Args:
        draw: a_t from a generator: an array, shape ``(p,)``.
        loss: The round loss of a_t: `LinearLoss` (a_t the gradient), `QuadraticLoss` (the target),
            or a function of yours, which must accept leading axes for several games.
        start: Where a game starts unless told otherwise.

    Raises:
        ArgumentError: ``draw`` or ``loss`` is no function.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = Stochastic(lambda rng: np.array([1.0, 0.0]) + rng.normal(size=2))
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> run = og.play(og.learners.OnlineGradientDescent(0.05), adversary, ball, rounds=400)
        >>> bool(run.final_point[0] < -0.8)
        True

    References:
        hazan2022, Section 3.4 (recalled).
    """

    draw: Callable[[np.random.Generator], Any] = attrs.field(validator=is_function)
    loss: Callable[[Any], RoundLoss] = attrs.field(default=LinearLoss, validator=is_function)
    start: Array | None = attrs.field(default=None, kw_only=True)

    @property
    def timing(self) -> Timing:
        """Sees nothing of the game."""
        return Timing.OBLIVIOUS

    def game(self, index: tuple[int, ...], /) -> Stochastic:
        """The adversary of one game of a batch."""
        return attrs.evolve(self, start=row(self.start, index))

    def init(self, seed: Seed) -> Seed:
        """Draws are keyed by (seed, round): only the seed is remembered."""
        found: Seed = as_seed(seed)
        return found

    def respond(self, seed: Seed, view: View, /) -> tuple[Response, Seed]:
        """loss(a_t)."""
        if isinstance(seed, int | np.integer):
            drawn = self.draw(generator(seed, "stochastic", view.round))
        else:
            seeds = game_seeds(seed, view.games).reshape(-1)
            each = [self.draw(generator(int(s), "stochastic", view.round)) for s in seeds]
            drawn = np.reshape(np.stack(each), (*view.games, *np.shape(each[0])))
        loss = self.loss(view.asarray(drawn))
        require_games(loss, view, "Stochastic(draw=...)")
        return Response(loss), seed
