"""What a finished (or interrupted) game leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Adversary
from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError, NotKeptError
from olgame.learners.learner import Learner
from olgame.losses.round_loss import RoundLoss
from olgame.observers.observed import Observed
from olgame.one_game import DiffersByGame, game_index, one_game
from olgame.one_line import one_line
from olgame.randomness import Seed, game_seeds
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Keep

__all__ = ["ARRAYS", "COLUMNS", "Status", "Transcript", "Violation"]

COLUMNS = (
    "loss",
    "inner",
    "distance",
    "gradient_norm",
    "weak_convexity",
    "step_size",
    "update_error",
    "point_excess",
    "input_distance",
    "input_norm",
)
"""The per-round columns of a transcript that each game has of its own."""

ARRAYS = ("start", "final_point", "best_point", "gradient_sum", "curvature_sum")
"""The points and sums of a transcript, shape ``(..., p)``."""

Status = Literal["finished", "stopped", "interrupted", "violated", "failed"]
Floats = NDArray[np.float64]


class Violation(NamedTuple):
    """A rule of the game that was broken.

    Attributes:
        round: t.
        rule: ``"point"`` (W_t left K), ``"input"`` (x' left B(x)) or ``"finite"`` (nan or inf).
        amount: by how much (a distance; nan where there is none).
        message: a sentence that names round, sample and amount.
        game: which game of a batch; ``()`` where there is one.
    """

    round: int
    rule: str
    amount: float
    message: str
    game: tuple[int, ...] = ()


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Transcript:
    """The record of a game: scalars of every round, O(p) sums, and what else was kept.

    Per-round arrays are float64, of shape ``(T,)``, or ``(T, ...)`` where leading axes are
    independent games. Points and sums are arrays of the game's own library and device.

    Attributes:
        learner: The learner that played.
        adversary: The adversary that answered.
        decision_set: K.
        seed: Seed of the game, or one for each of several.
        keep: ``"sums"``, ``"examples"`` or ``"points"``.
        planned_rounds: Rounds that were asked for.
        status: ``"finished"``; ``"stopped"`` before that by an observer; ``"interrupted"`` by
            Ctrl-C; ``"violated"``: a rule was broken; ``"failed"``: a part raised an error.
        stop_reason: which observer stopped the game and why; empty where none did.
        violations: Rules that were broken and recorded.
        start: W_1, shape ``(..., p)``.
        final_point: W_{T+1}, the point after the last update: the trained network.
        best_point: the W_t of smallest loss.
        loss: l_t(W_t); of adversarial training the surrogate loss L_A(W_t).
        inner: <g_t, W_t - W_1>, centered so that nothing cancels.
        distance: norm(W_t - W_1).
        gradient_norm: norm(g_t).
        weak_convexity: kappa_t; ``inf`` where no constant is known.
        step_size: alpha_t; nan where the learner takes no gradient steps.
        update_error: norm(W_{t+1} - Proj_K(W_t - alpha_t g_t)); nan where not audited.
        point_excess: distance of W_t from K (0 inside).
        input_distance: largest distance of a played input outside B(x); nan where no inputs moved.
        input_norm: largest norm2(x') played; nan where no inputs moved.
        full_batch: whether all samples were played, shape ``(T,)``.
        gradient_sum: S = sum g_t, float64, shape ``(..., p)``.
        curvature_sum: V = sum kappa_t (W_t - W_1), float64 (finite kappa_t only).
        round_losses: l_1, ..., l_T, or None unless ``keep`` is ``"examples"`` or ``"points"``.
        points: W_1, ..., W_T, or None unless ``keep`` is ``"points"``.
        observed: what observers found, by their names.
    """

    learner: Learner[Any]
    adversary: Adversary[Any]
    decision_set: ConvexSet
    seed: Seed
    keep: Keep
    planned_rounds: int
    status: Status
    stop_reason: str = ""
    violations: tuple[Violation, ...]
    start: Array
    final_point: Array
    best_point: Array
    loss: Floats
    inner: Floats
    distance: Floats
    gradient_norm: Floats
    weak_convexity: Floats
    step_size: Floats
    update_error: Floats
    point_excess: Floats
    input_distance: Floats
    input_norm: Floats
    full_batch: NDArray[np.bool_]
    gradient_sum: Array
    curvature_sum: Array
    round_losses: tuple[RoundLoss, ...] | None
    points: tuple[Array, ...] | None
    observed: Mapping[str, Observed] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        """What was played by whom, how it ended, and the losses: all else is in the fields."""
        return one_line(
            "Transcript",
            learner=type(self.learner).__name__,
            adversary=type(self.adversary).__name__,
            planned_rounds=self.planned_rounds,
            status=self.status,
            loss=self.loss,
            violations=len(self.violations),
            more=f"keep={self.keep!r}",
        )

    @property
    def rounds(self) -> int:
        """T, the rounds that were played."""
        return len(self.loss)

    @property
    def games(self) -> tuple[int, ...]:
        """The leading axes: ``()`` for a single game."""
        return tuple(self.loss.shape[1:])

    def game(self, index: int | tuple[int, ...]) -> Transcript:
        """One game of a batch, as the transcript of a single game.

        It is judged like any other: every theorem, ledger, floor and certificate of one game
        applies. Parts that differ from game to game say what they are in one (a method ``game``);
        the others are shared. With ``seed`` and parts of the result the game can be played alone.

        Args:
            index: Its place: an integer, or a tuple for several leading axes.

        Returns:
            The transcript of that game; views of the arrays of this one.

        Raises:
            ArgumentError: There is no such game.
            NotAvailableError: A part with leading axes has no method ``game``.

        Example:
            >>> import numpy as np, olgame as og
            >>> ball = og.sets.L2Ball(1.0, center=np.zeros((3, 4)))
            >>> learner = og.learners.OnlineGradientDescent(0.1)
            >>> adversary = og.adversaries.MinimaxLinear()
            >>> run = og.play(learner, adversary, ball, rounds=9, seed=[5, 6, 7])
            >>> single = run.game(2)
            >>> single.games, single.seed, round(og.regret.linear(single).value, 12)
            ((), 7, 3.0)
        """
        place = game_index(index, self.games, "Transcript.game")
        start = self.start[place]
        columns = {name: getattr(self, name)[:, *place] for name in COLUMNS}
        arrays = {name: getattr(self, name)[place] for name in ARRAYS}
        losses, points = self.round_losses, self.points
        adversary = one_game(self.adversary, place)
        return attrs.evolve(
            self,
            **columns,
            **arrays,
            learner=one_game(self.learner, place),
            adversary=adversary,
            decision_set=_checked(one_game(self.decision_set, place), start),
            seed=int(game_seeds(self.seed, self.games)[place]),
            violations=tuple(v._replace(game=()) for v in self.violations if v.game == place),
            round_losses=None if losses is None else _losses_of(losses, place, start),
            points=None if points is None else tuple(point[place] for point in points),
            observed={name: found.game(place) for name, found in self.observed.items()},
        )

    def each_game(self) -> Iterator[Transcript]:
        """The games of a batch one after the other, in row-major order; a single game itself."""
        if not self.games:
            yield self
            return
        for place in np.ndindex(self.games):
            yield self.game(place)

    @property
    def best_round(self) -> Any:
        """The round (from 1) of smallest loss, for each game."""
        return np.where(np.isnan(self.loss), np.inf, self.loss).argmin(axis=0) + 1

    def kept_losses(self, purpose: str) -> tuple[RoundLoss, ...]:
        """The round losses, or an error that says how to keep them.

        Args:
            purpose: What they are needed for, e.g. ``"A ledger"``.

        Raises:
            NotKeptError: The game was played with ``keep="sums"``.
        """
        if self.round_losses is None:
            raise NotKeptError(
                f"{purpose} needs the round losses, which `play(..., keep='sums')` does not keep. "
                "Play again with keep='examples' (same seed, same game)."
            )
        return self.round_losses


def _checked(decision_set: ConvexSet, start: Array) -> ConvexSet:
    """The set of one game; an error where it is still that of many."""
    if tuple(decision_set.project(start).shape) != tuple(start.shape):
        raise NotAvailableError(
            f"`Transcript.game(index=...)`: {type(decision_set).__name__} has leading axes, and no "
            "method `game(index)` that returns the set of one game."
        )
    return decision_set


def _losses_of(
    losses: tuple[RoundLoss, ...], place: tuple[int, ...], start: Array
) -> tuple[RoundLoss, ...]:
    """The round losses of one game; an error where they are still those of many."""
    found = tuple(one_game(loss, place) for loss in losses)
    if found and not isinstance(found[0], DiffersByGame) and to_numpy(found[0].value(start)).ndim:
        raise NotAvailableError(
            f"`Transcript.game(index=...)`: {type(found[0]).__name__} has leading axes, and no "
            "method `game(index)` that returns the loss of one game."
        )
    return found
