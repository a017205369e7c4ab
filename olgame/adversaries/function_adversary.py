"""A plain function as an adversary."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View, require_games
from olgame.exceptions import ArgumentError
from olgame.game_generators import game_generator
from olgame.losses.round_loss import RoundLoss
from olgame.randomness import Seed
from olgame.typing import Array

__all__ = ["FunctionAdversary", "from_function"]

Answer = Callable[[View, np.random.Generator], RoundLoss | Response]


@attrs.frozen(eq=False)
class FunctionAdversary:
    """Answers with what a function returns; `from_function` builds it.

    Args:
        function: See `from_function`.
        timing: What it looks at.
        start: Where a game starts unless told otherwise; None leaves it to the decision set.
    """

    function: Answer
    timing: Timing = attrs.field(validator=attrs.validators.instance_of(Timing))
    start: Array | None = None

    def init(self, seed: Seed) -> Seed:
        """Randomness is keyed by (seed, round): only the seed is remembered."""
        return seed

    def respond(self, seed: Seed, view: View, /) -> tuple[Response, Seed]:
        """The function's answer to what the timing shows it."""
        rng = game_generator(seed, view.games, "function", view.round)
        answer = self.function(view, rng)
        loss = answer.loss if isinstance(answer, Response) else answer
        if not hasattr(loss, "evaluate"):
            raise ArgumentError(
                "`adversaries.from_function(function=...)` must return a round loss or a "
                f"Response, got {answer!r:.100}."
            )
        require_games(loss, view, "adversaries.from_function(function=...)")
        return answer if isinstance(answer, Response) else Response(loss), seed


def from_function(
    function: Answer, *, timing: Timing, start: Array | None = None
) -> FunctionAdversary:
    """Lift ``function(view, rng) -> round loss`` into an adversary.

    Args:
        function: Answers round ``view.round``. ``view.point`` is W_t and ``view.previous_point``
            W_{t-1}, as far as ``timing`` allows; ``rng`` is a generator of its own for each seed
            and round. It returns a round loss, or a `Response` with evidence. It must not
            remember anything: a memory needs a class with a state.
        timing: What it looks at: more is refused.
        start: Where a game starts unless told otherwise.

    Returns:
        The adversary.

    Raises:
        ArgumentError: ``function`` cannot be called, or ``timing`` is no `Timing`.

    Example:
        >>> import numpy as np, olgame as og
        >>> from olgame.adversaries import Timing, from_function
        >>> def push(view, rng):
        ...     return og.losses.LinearLoss(np.sign(view.point) + 0.1 * rng.normal(size=3))
        >>> adversary = from_function(push, timing=Timing.SEES_POINT, start=np.zeros(3))
        >>> learner = og.learners.OnlineGradientDescent(0.1)
        >>> og.play(learner, adversary, og.sets.L2Ball(1.0), rounds=5).rounds
        5
    """
    if not callable(function):
        raise ArgumentError(
            f"`adversaries.from_function(function=...)` must be a function, got {function!r}."
        )
    if not isinstance(timing, Timing):
        raise ArgumentError(
            f"`adversaries.from_function(timing=...)` must be a Timing, got {timing!r}."
        )
    return FunctionAdversary(function, timing, start)
