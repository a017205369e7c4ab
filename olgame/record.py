"""What is kept of a game, and the transcript that is made of it."""

from __future__ import annotations

from typing import Any

from olgame.adversaries.adversary import Adversary
from olgame.learners.learner import Learner
from olgame.losses.round_loss import RoundLoss
from olgame.observers.watch import Watch
from olgame.randomness import Seed
from olgame.referee import Referee
from olgame.shelf import Shelf
from olgame.transcript import Status, Transcript
from olgame.typing import Array, Keep

__all__ = ["Record"]


class Record:
    """Puts a transcript together at the end of a game, however it ends."""

    def __init__(
        self,
        learner: Learner[Any],
        adversary: Adversary[Any],
        referee: Referee,
        seed: Seed,
        keep: Keep,
        shelf: Shelf,
        watch: Watch,
    ) -> None:
        self.referee, self.watch, self.seed = referee, watch, seed
        self._parts: dict[str, Any] = {"learner": learner, "adversary": adversary, "seed": seed}
        self._keep = keep
        self._losses: list[RoundLoss] = []
        self._shelf = shelf
        self._points: list[Array] = []

    def keep(self, point: Array, loss: RoundLoss) -> None:
        """Keep what was asked for of a round."""
        if self._keep == "sums":
            return
        self._losses.append(self._shelf.put(loss))
        if self._keep == "points":
            self._points.append(point)

    def close(self, status: Status, final_point: Array) -> Transcript:
        """Book what is left and write the transcript; never raises for a broken rule."""
        self.referee.raise_violations = False
        self.referee.book(final_point, final=True)
        reason = self.watch.stop_reason if status == "stopped" else ""
        return self._transcript(self.referee, status, reason, final_point)

    def so_far(self, next_point: Array) -> Transcript:
        """The transcript, were the game stopped before ``next_point`` is played."""
        referee = self.referee.until_now(next_point)
        reason = f"a look at the game after round {referee.booked}"
        return self._transcript(referee, "stopped", reason, next_point)

    def _transcript(
        self, referee: Referee, status: Status, reason: str, final_point: Array
    ) -> Transcript:
        played = referee.booked
        columns: dict[str, Any] = {name: c[:played] for name, c in referee.columns.items()}
        kept = self._keep != "sums"
        return Transcript(
            **self._parts,
            **columns,
            decision_set=referee.decision_set,
            keep=self._keep,
            planned_rounds=referee.rounds,
            status=status,
            stop_reason=reason,
            violations=tuple(referee.violations),
            start=referee.start,
            final_point=final_point,
            best_point=referee.sums.best_point,
            full_batch=referee.full_batch[:played],
            gradient_sum=referee.sums.gradient_sum,
            curvature_sum=referee.sums.curvature_sum,
            round_losses=tuple(self._losses[:played]) if kept else None,
            points=tuple(self._points[:played]) if self._keep == "points" else None,
            observed=self.watch.observed(played + (status in ("finished", "stopped"))),
        )
