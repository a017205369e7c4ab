"""Self-play: the adversary is itself a learner."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.best_response import is_payoff
from olgame.adversaries.payoff import Payoff
from olgame.adversaries.payoff_loss import PayoffLoss
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback, Level
from olgame.learners.learner import Learner
from olgame.one_game import agreed_games, leading_axes, one_game, row
from olgame.randomness import Seed
from olgame.sets.check_point import check_point
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import is_convex_set
from olgame.typing import Array
from olgame.validation import one_of, require

__all__ = ["LearnerAsAdversary", "SelfPlayState"]


@attrs.define(eq=False)
class SelfPlayState:
    """What the second player remembers.

    Attributes:
        learner: The state of its learner; None before round 1.
        move: y of the round before.
    """

    learner: Any = None
    move: Any = None


def _is_learner(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    methods = ("init", "decide", "update", "copy")
    ok = all(hasattr(value, name) for name in methods) and not isinstance(value, type)
    rule = "be a learner, such as `og.learners.OnlineGradientDescent(0.1)`"
    require(ok, type(instance).__name__, attribute.name, rule, value)


@attrs.frozen(eq=False)
class LearnerAsAdversary:
    """The second player of phi learns too: two learners against each other.

    In round t the first player (the learner of the game) plays x_t in X and pays phi(x_t, y_t); the
    second plays y_t in Y with a learner of its own, whose loss is -phi(x_t, .). Two orders:

    * ``moves="together"``: y_t is decided from x_1, ..., x_{t-1};
    * ``moves="second"``: the second player's learner hears x_t before it plays, that is, y_t is
      its decision *after* the update of round t.

    With R^x and R^y the linear regrets of the two on what they played, and averages over T rounds,

        max over y of phi(x_avg, y) - min over x of phi(x, y_avg) <= (R^x + R^y)/T,

    with equality where phi is bilinear: `olgame.regret.exploitability` computes the left side
    exactly, and `exploitability_bounds` brackets it for other convex-concave phi. (Proof for
    bilinear phi: T phi(x_avg, y) = sum phi(x_t, y), so T max_y phi(x_avg, y) is sum phi(x_t, y_t) +
    R^y, and likewise for x. []) So small regret on both sides makes the averages a saddle point, of
    matrix games to within their linear-programming value.

    Args:
        learner: Plays y_t. It is told -phi(x_t, .) at the level it declares.
        payoff: phi.
        decision_set: Y.
        start: y_1, shape ``(q,)``, or ``(..., q)`` for several games; default the center of Y.
        moves: ``"together"`` or ``"second"``.
        first_start: x_1, where a game starts unless told otherwise.

    Raises:
        ArgumentError: An argument is out of its domain, or no y_1 is known.
        ShapeError: ``start`` does not fit Y.

    Example:
        >>> import numpy as np, olgame as og
        >>> rock_paper_scissors = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
        >>> opponent = LearnerAsAdversary(
        ...     og.learners.Hedge(0.1),
        ...     og.adversaries.Bilinear(rock_paper_scissors),
        ...     og.sets.Simplex(),
        ...     start=np.array([0.6, 0.3, 0.1]),
        ... )
        >>> run = og.play(
        ...     og.learners.Hedge(0.1), opponent, og.sets.Simplex(), rounds=400,
        ...     start=np.array([0.2, 0.2, 0.6]), keep="points",
        ... )
        >>> og.regret.exploitability(run).value < 0.15
        True

    References:
        freund1999.
    """

    learner: Learner[Any] = attrs.field(validator=_is_learner)
    payoff: Payoff = attrs.field(validator=is_payoff)
    decision_set: ConvexSet = attrs.field(validator=is_convex_set)
    second_start: Array | None = attrs.field(default=None, alias="start")
    moves: Literal["together", "second"] = attrs.field(
        default="together", kw_only=True, validator=one_of("together", "second")
    )
    start: Array | None = attrs.field(default=None, kw_only=True, alias="first_start")

    def __attrs_post_init__(self) -> None:
        if self.second_start is None:
            center = getattr(self.decision_set, "center", None)
            if center is None:
                raise ArgumentError(
                    "`LearnerAsAdversary(start=...)` is needed: `decision_set` has no `center`. "
                    "Pass y_1, an array of shape (q,)."
                )
            object.__setattr__(self, "second_start", center)
        check_point(self.decision_set, self.second_start, "LearnerAsAdversary(start=...)")  # type: ignore[arg-type]  # it is set: the center, where None was given
        y: Any = self.second_start
        outside = float(to_numpy(kernels(y).norm(y - self.decision_set.project(y))).max())
        size = 1.0 + float(to_numpy(kernels(y).norm(y)).max())
        if not outside <= 16.0 * unit_roundoff(y) * size:
            raise ArgumentError(
                f"`LearnerAsAdversary(start=...)` must lie in `decision_set`, but is {outside:.3g} "
                "outside it. Project it first: `decision_set.project(start)`."
            )

    @property
    def timing(self) -> Timing:
        """Sees the past, or W_t."""
        return Timing.SEES_PAST if self.moves == "together" else Timing.SEES_POINT

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a y_1, a payoff or a set of its own."""
        return agreed_games(
            "LearnerAsAdversary",
            start=leading_axes(self.second_start),
            payoff=getattr(self.payoff, "games", ()),
            decision_set=leading_axes(getattr(self.decision_set, "center", None)),
        )

    def game(self, index: tuple[int, ...], /) -> LearnerAsAdversary:
        """The adversary of one game of a batch."""
        return LearnerAsAdversary(
            one_game(self.learner, index),
            one_game(self.payoff, index),
            one_game(self.decision_set, index),
            row(self.second_start, index),
            moves=self.moves,
            first_start=row(self.start, index),
        )

    def init(self, seed: Seed) -> SelfPlayState:
        """Nothing has been played; what a state is made of is known already, for `resume`."""
        return SelfPlayState(self.learner.init(self.second_start, self.decision_set))  # type: ignore[arg-type]  # it is set: the center, where None was given

    def respond(self, state: SelfPlayState, view: View, /) -> tuple[Response, SelfPlayState]:
        """phi(., y_t)."""
        if view.round == 1:  # now the games, their library and device are known
            start = view.asarray(to_numpy(self.second_start))
            start = _for_games(start, (*view.games, start.shape[-1]))
            state.learner = self.learner.init(start, self.decision_set)
        if self.moves == "second":
            state = self._heard(state, view.round, self.learner.decide(state.learner), view.point)
        elif view.round > 1:
            state = self._heard(state, view.round - 1, state.move, view.previous_point)
        state.move = self.learner.decide(state.learner)
        return Response(PayoffLoss(self.payoff, state.move)), state

    def _heard(self, state: SelfPlayState, t: int, y: Any, x: Any) -> SelfPlayState:
        """The learner of y is told what round t cost."""
        loss = PayoffLoss(self.payoff, x, first=False)
        found = loss.evaluate(y)
        gradient = found.gradient if self.learner.level >= Level.GRADIENT else None
        seen = loss if self.learner.level >= Level.FULL else None
        state.learner = self.learner.update(
            state.learner, Feedback(t, y, found.value, gradient, seen)
        )
        return state


def _for_games(start: Any, shape: tuple[int, ...]) -> Any:
    if tuple(start.shape) == shape:
        return start
    xp = kernels(start).xp
    return xp.asarray(xp.broadcast_to(start, shape), copy=True)
