"""The adversary that answers with the worst there is."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.payoff import Bilinear, Payoff
from olgame.adversaries.payoff_loss import PayoffLoss
from olgame.one_game import agreed_games, leading_axes, one_game, row
from olgame.randomness import Seed
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import is_convex_set
from olgame.typing import Array
from olgame.validation import one_of, require

__all__ = ["BestResponse", "answered_point", "is_payoff", "timing_of"]


def is_payoff(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an object with the methods of a `Payoff`."""
    ok = hasattr(value, "first_gradient") and not isinstance(value, type)
    rule = "be a payoff, such as `og.adversaries.Bilinear(matrix)`"
    require(ok, type(instance).__name__, attribute.name, rule, value)


def timing_of(sees: str) -> Timing:
    """Of an adversary that answers W_t (``"point"``) or W_{t-1} (``"past"``)."""
    return Timing.SEES_POINT if sees == "point" else Timing.SEES_PAST


def answered_point(view: View, sees: str) -> Any:
    """W_t, or W_{t-1}; the origin before there is one."""
    seen = view.point if sees == "point" else view.previous_point
    return view.asarray(np.zeros(view.shape)) if seen is None else seen


@attrs.frozen(eq=False)
class BestResponse:
    """l_t = phi(., y_t), y_t in Y the best response to W_t: phi(W_t, y_t) = max over Y.

    For `Bilinear` payoffs y_t is the linear minimizer of Y at -A^T W_t. Without a matrix the
    losses are <y_t, .> with y_t the worst gradient of the convex set Y. Against it the average
    loss is that of the robust problem min over x of max over y: a learner with small regret makes
    its average point nearly optimal there.

    Args:
        decision_set: Y.
        payoff: phi; default <x, y>.
        sees: ``"point"``: it answers W_t. ``"past"``: it answers W_{t-1}, and in round 1 the
            origin.
        start: Where a game starts unless told otherwise.

    Raises:
        ArgumentError: An argument is no convex set, no payoff, or not one of the words.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = BestResponse(og.sets.L2Ball(2.0))
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.1),
        ...     adversary,
        ...     og.sets.L2Ball(1.0, center=np.array([3.0, 0.0])),
        ...     rounds=100,
        ... )
        >>> round(float(run.loss[-1]), 6)  # 2 norm(w) is least at (2, 0)
        4.0

    References:
        freund1999.
    """

    decision_set: ConvexSet = attrs.field(validator=is_convex_set)
    payoff: Payoff = attrs.field(factory=Bilinear, validator=is_payoff)
    sees: Literal["point", "past"] = attrs.field(
        default="point", kw_only=True, validator=one_of("point", "past")
    )
    start: Array | None = attrs.field(default=None, kw_only=True)

    @property
    def timing(self) -> Timing:
        """Sees W_t, or the past."""
        return timing_of(self.sees)

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a set or a payoff of its own."""
        return agreed_games(
            "BestResponse",
            decision_set=leading_axes(getattr(self.decision_set, "center", None)),
            payoff=getattr(self.payoff, "games", ()),
        )

    def game(self, index: tuple[int, ...], /) -> BestResponse:
        """The adversary of one game of a batch."""
        return attrs.evolve(
            self,
            decision_set=one_game(self.decision_set, index),
            payoff=one_game(self.payoff, index),
            start=row(self.start, index),
        )

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """phi(., y_t)."""
        answer = self.payoff.best_response(answered_point(view, self.sees), self.decision_set)
        return Response(PayoffLoss(self.payoff, answer)), None
