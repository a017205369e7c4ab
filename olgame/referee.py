"""The referee: checks every move and keeps the scalars and sums that regret is computed from.

Small games are booked in chunks of rounds, where the cost of a round is an append; games whose
points are large are booked round by round, without a copy. Neither changes what is booked.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Evidence, Response
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import ViolationError
from olgame.learners.learner import GradientStep
from olgame.losses.round_loss import RoundEvaluation
from olgame.running_sums import Reduced, RunningSums
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Violation
from olgame.typing import Array

__all__ = ["ROUNDING", "Move", "Referee"]

CHUNK = 64
"""Rounds of a small game that are booked together, at most."""

SMALL = 2**11
"""Numbers in a point up to which a game is small."""

LARGE = 2**16
"""Numbers in a point from which on every round is checked as soon as it is played."""

ROUNDING = 64.0
"""Distance from K that rounding may explain, in units of roundoff x norm of the point."""

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
"""The per-round columns of a transcript."""

Floats = NDArray[np.float64]


class Move(NamedTuple):
    """One round as it was played, before it is booked."""

    point: Array
    evaluation: RoundEvaluation
    response: Response
    step: GradientStep | None

    @property
    def step_size(self) -> Any:
        """alpha_t; nan where the learner takes no gradient steps."""
        return math.nan if self.step is None else self.step.step_size


@attrs.define(eq=False)
class Referee:
    """Collects moves, books their sums, and finds broken rules.

    Attributes:
        start: W_1.
        decision_set: K.
        rounds: planned number of rounds.
        raise_violations: raise at a broken rule, or record it and go on.
        sums: S, V and the best point.
        columns: per-round scalars, each ``(rounds, ...)``, nan where nothing was booked.
        full_batch: whether all samples were played, per round.
        violations: broken rules so far.
        booked: rounds in the columns so far.
    """

    start: Array
    decision_set: ConvexSet
    rounds: int
    raise_violations: bool
    sums: RunningSums = attrs.field(init=False)
    columns: dict[str, Floats] = attrs.field(init=False)
    full_batch: NDArray[np.bool_] = attrs.field(init=False)
    violations: list[Violation] = attrs.field(init=False, factory=list)
    booked: int = attrs.field(init=False, default=0)
    _games: tuple[int, ...] = attrs.field(init=False)
    _chunk: int = attrs.field(init=False)
    _patience: int = attrs.field(init=False)
    _moves: list[Move] = attrs.field(init=False, factory=list)
    _summed: list[tuple[list[Move], Reduced]] = attrs.field(init=False, factory=list)
    _inner_radius: Any = attrs.field(init=False)
    _start_norm: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._games = tuple(self.start.shape[:-1])
        numbers = math.prod(self.start.shape)
        self._chunk = CHUNK if numbers <= SMALL else 1
        self._patience = 1 if numbers >= LARGE else CHUNK
        # A batch is not audited: only theorems about one game ask for it.
        self.sums = RunningSums(self.start, self.decision_set, audit=not self._games)
        self.columns = {name: np.full((self.rounds, *self._games), np.nan) for name in COLUMNS}
        self.full_batch = np.ones(self.rounds, dtype=bool)
        inner_radius = getattr(self.decision_set, "inner_radius", None)
        self._inner_radius = -1.0 if inner_radius is None else to_numpy(inner_radius(self.start))
        self._start_norm = float(to_numpy(kernels(self.start).norm(self.start)).max())

    def record(self, move: Move) -> bool:
        """Note one round; True when a chunk is full and wants `book`."""
        self._moves.append(move)
        return len(self._moves) >= self._chunk

    def book(self, next_point: Array, *, final: bool = False) -> None:
        """Add the noted rounds to the sums; ``next_point`` is the point after the last of them.

        Raises:
            ViolationError: A rule was broken and the referee raises.
        """
        moves = self._moves
        if moves:
            self._summed.append((moves, self._reduce(moves, next_point)))
            self._moves = []
        if final or len(self._summed) * self._chunk >= self._patience:
            self._settle()

    def _reduce(self, moves: list[Move], next_point: Array) -> Reduced:
        """The passes over points and gradients."""
        sums = self.sums
        if self._chunk == 1:
            (move,) = moves
            step = None if move.step is None else move.step.step_size
            reduced = sums.add_round(move.point, move.evaluation.gradient, step, next_point)
        else:
            points = [move.point for move in moves]
            gradients = [move.evaluation.gradient for move in moves]
            steps = None
            if moves[0].step is not None:
                steps = _column([move.step_size for move in moves], self._games)
            reduced = sums.add_chunk(points, gradients, steps, next_point)
        for move in moves:
            kappa = move.evaluation.weak_convexity
            if not (isinstance(kappa, float) and kappa in (0.0, math.inf)):
                kappa = to_numpy(kappa)
                sums.add_curvature(np.where(np.isfinite(kappa), kappa, 0.0), move.point)
        self._note_best(moves)
        return reduced

    def _note_best(self, moves: list[Move]) -> None:
        """The first of the rounds with the smallest loss (of each game: round by round)."""
        values = [move.evaluation.value for move in moves]
        if self._games:
            for move, value in zip(moves, values, strict=True):
                self.sums.note_loss(move.point, to_numpy(value))
            return
        losses = np.array([float(value) for value in values])
        best = int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))
        self.sums.note_loss(moves[best].point, losses[best])

    def _settle(self) -> None:
        """Write the scalars of the summed rounds into the columns, and look for broken rules."""
        moves = [move for chunk, _ in self._summed for move in chunk]
        if not moves:
            return
        row = slice(self.booked, self.booked + len(moves))
        column = {name: values[row] for name, values in self.columns.items()}
        column["loss"][:] = _column([m.evaluation.value for m in moves], self._games)
        kappas = [m.evaluation.weak_convexity for m in moves]
        column["weak_convexity"][:] = _column(kappas, self._games)
        column["step_size"][:] = _column([m.step_size for m in moves], self._games)
        for name in ("inner", "distance", "gradient_norm", "update_error"):
            at = 0
            for chunk, reduced in self._summed:
                value = getattr(reduced, name)
                if value is not None:
                    column[name][at : at + len(chunk)] = to_numpy(value)
                at += len(chunk)
        for t, move in enumerate(moves, start=self.booked + 1):
            if move.response.evidence is not None:
                self._look_at_inputs(t, move.response.evidence)
        self._look_at_points(moves, column)
        self._summed = []
        self.booked += len(moves)
        if self.raise_violations and self.violations:
            raise ViolationError(self.violations[0].message)

    def _look_at_inputs(self, t: int, evidence: Evidence) -> None:
        """Book how far inputs were moved; note what is outside B(x)."""
        found = self.columns["input_distance"][t - 1] = to_numpy(evidence.distance)
        self.columns["input_norm"][t - 1] = to_numpy(evidence.input_norm)
        self.full_batch[t - 1] = evidence.batch is None
        distance = float(np.max(found))
        if not distance <= evidence.tolerance:
            self._note(
                t,
                "input",
                distance,
                f"sample {evidence.worst_sample} was moved {distance:.3g} outside its "
                f"perturbation set (rounding explains {evidence.tolerance:.3g}); project onto "
                "the set as the attack's last step",
            )

    def _look_at_points(self, moves: list[Move], column: dict[str, Floats]) -> None:
        """W_t in K, and everything finite."""
        column["point_excess"][:] = 0.0
        distance = column["distance"]
        allowed = ROUNDING * unit_roundoff(self.start) * (1.0 + distance + self._start_norm)
        # Within the ball around W_1 that lies in K there is no need to ask K.
        for i in _rounds_with(~(distance <= self._inner_radius + allowed)):
            self._look_at_point(
                self.booked + 1 + i, moves[i].point, column["point_excess"][i : i + 1]
            )
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            for i in _rounds_with(~np.isfinite(column[name])):
                t = self.booked + 1 + i
                self._note(t, "finite", math.nan, f"the round's {what} is not finite")

    def _look_at_point(self, t: int, point: Array, excess: Floats) -> None:
        k = kernels(self.start)
        size = 1.0 + self._start_norm + float(np.nan_to_num(to_numpy(k.norm(point))).max())
        atol = ROUNDING * unit_roundoff(self.start) * size
        inside = to_numpy(self.decision_set.contains(point, atol=atol)) > 0
        if inside.all():
            return
        outside = to_numpy(k.norm(point - self.decision_set.project(point)))
        excess[0] = np.where(inside, 0.0, outside)
        amount = float(excess.max())
        self._note(
            t,
            "point",
            amount,
            f"the learner's point is {amount:.3g} outside the decision set; project it before "
            "`decide` hands it out",
        )

    def _note(self, t: int, rule: str, amount: float, text: str) -> None:
        self.violations.append(Violation(t, rule, amount, f"In round {t}, {text}."))
        self.violations.sort(key=lambda v: v.round)


def _column(values: list[Any], games: tuple[int, ...]) -> Floats:
    if not games:
        return np.array([float(value) for value in values])
    if all(isinstance(value, float) for value in values):
        common: Floats = np.multiply.outer(np.array(values), np.ones(games))
        return common
    return np.stack([np.broadcast_to(to_numpy(value), games) for value in values])


def _rounds_with(flags: NDArray[np.bool_]) -> list[int]:
    rounds = flags.reshape(len(flags), -1).any(axis=1)
    return [int(i) for i in np.flatnonzero(rounds)]
