"""What a finished (or interrupted) game leaves behind."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Adversary
from olgame.exceptions import NotKeptError
from olgame.learners.learner import Learner
from olgame.losses.round_loss import RoundLoss
from olgame.randomness import Seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Keep

__all__ = ["Status", "Transcript", "Violation"]

Status = Literal["finished", "interrupted", "violated", "failed"]
Floats = NDArray[np.float64]


class Violation(NamedTuple):
    """A rule of the game that was broken.

    Attributes:
        round: t.
        rule: ``"point"`` (W_t left K), ``"input"`` (x' left B(x)) or ``"finite"`` (nan or inf).
        amount: by how much (a distance; nan where there is none).
        message: a sentence that names round, sample and amount.
    """

    round: int
    rule: str
    amount: float
    message: str


@attrs.frozen(eq=False, kw_only=True)
class Transcript:
    """The record of a game: scalars of every round, O(p) sums, and what else was kept.

    Per-round arrays are float64, of shape ``(T,)``, or ``(T, ...)`` where leading axes are
    independent games. Points and sums are arrays of the game's own library and device.

    Attributes:
        learner: The learner that played.
        adversary: The adversary that answered.
        decision_set: K.
        seed: Seed of the game.
        keep: ``"sums"``, ``"examples"`` or ``"points"``.
        planned_rounds: Rounds that were asked for.
        status: ``"finished"``; ``"interrupted"`` by Ctrl-C; ``"violated"``: a rule was broken;
            ``"failed"``: a part raised an error.
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
    """

    learner: Learner[Any]
    adversary: Adversary[Any]
    decision_set: ConvexSet
    seed: Seed
    keep: Keep
    planned_rounds: int
    status: Status
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

    @property
    def rounds(self) -> int:
        """T, the rounds that were played."""
        return len(self.loss)

    @property
    def games(self) -> tuple[int, ...]:
        """The leading axes: ``()`` for a single game."""
        return tuple(self.loss.shape[1:])

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
