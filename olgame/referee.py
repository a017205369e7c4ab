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


class _Noted(NamedTuple):
    """What is left of a chunk of moves once its points are in the sums: scalars and evidence."""

    values: list[Any]
    kappas: list[Any]
    step_sizes: list[Any]
    reduced: Reduced
    excess: list[Any]
    evidence: list[Evidence | None]


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
    _noted: list[_Noted] = attrs.field(init=False, factory=list)
    _surely_inside: Any = attrs.field(init=False)
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
        self._start_norm = float(to_numpy(kernels(self.start).norm(self.start)).max())
        # Within the ball around W_1 that lies in K there is no need to ask K.
        inner_radius = getattr(self.decision_set, "inner_radius", None)
        radius = -math.inf if inner_radius is None else to_numpy(inner_radius(self.start))
        rounding = ROUNDING * unit_roundoff(self.start) * (1.0 + self._start_norm)
        self._surely_inside = radius + rounding

    def record(self, move: Move) -> bool:
        """Note one round; True when a chunk is full and wants `book`."""
        self._moves.append(move)
        return len(self._moves) >= self._chunk

    def book(self, next_point: Array, *, final: bool = False) -> None:
        """Add the noted rounds to the sums; ``next_point`` is the point after the last of them.

        Raises:
            ViolationError: A rule was broken and the referee raises.
        """
        if self._moves:
            moves, self._moves = self._moves, []
            self._noted.append(self._note_moves(moves, next_point))
        if final or len(self._noted) * self._chunk >= self._patience:
            self._settle()

    def _note_moves(self, moves: list[Move], next_point: Array) -> _Noted:
        """Add the points to the sums and look whether they are in K; then let go of them."""
        reduced = self._reduce(moves, next_point)
        distance = to_numpy(reduced.distance)
        excess: list[Any] = [0.0] * len(moves)
        if not (distance <= self._surely_inside).all():
            excess = [self._excess(move.point) for move in moves]
        return _Noted(
            values=[move.evaluation.value for move in moves],
            kappas=[move.evaluation.weak_convexity for move in moves],
            step_sizes=[move.step_size for move in moves],
            reduced=reduced,
            excess=excess,
            evidence=[move.response.evidence for move in moves],
        )

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
        losses = _column(values, ())
        best = int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))
        self.sums.note_loss(moves[best].point, losses[best])

    def _settle(self) -> None:
        """Write the scalars of the noted rounds into the columns, and name the broken rules."""
        noted, self._noted = self._noted, []
        values = [value for chunk in noted for value in chunk.values]
        if not values:
            return
        row = slice(self.booked, self.booked + len(values))
        column = {name: found[row] for name, found in self.columns.items()}
        column["loss"][:] = _column(values, self._games)
        kappas = [kappa for chunk in noted for kappa in chunk.kappas]
        column["weak_convexity"][:] = _column(kappas, self._games)
        step_sizes = [size for chunk in noted for size in chunk.step_sizes]
        column["step_size"][:] = _column(step_sizes, self._games)
        join = np.stack if self._chunk == 1 else np.concatenate
        for i, name in enumerate(Reduced._fields):
            if noted[0].reduced[i] is not None:
                column[name][:] = join([to_numpy(chunk.reduced[i]) for chunk in noted])
        column["point_excess"][:] = _column(
            [one for chunk in noted for one in chunk.excess], self._games
        )
        for chunk_start, chunk in enumerate(noted):
            for i, evidence in enumerate(chunk.evidence):
                if evidence is not None:
                    self._look_at_inputs(row.start + chunk_start * self._chunk + i + 1, evidence)
        self._name_broken_rules(column)
        self.booked += len(values)
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

    def _excess(self, point: Array) -> Any:
        """Distance of a point from K; 0 up to rounding."""
        k = kernels(self.start)
        size = 1.0 + self._start_norm + float(np.nan_to_num(to_numpy(k.norm(point))).max())
        atol = ROUNDING * unit_roundoff(self.start) * size
        inside = to_numpy(self.decision_set.contains(point, atol=atol)) > 0
        if inside.all():
            return np.zeros(self._games)
        outside = to_numpy(k.norm(point - self.decision_set.project(point)))
        return np.where(inside, 0.0, outside)

    def _name_broken_rules(self, column: dict[str, Floats]) -> None:
        """Points outside K, and what is not finite."""
        first = self.booked + 1
        for i in _rounds_with(~(column["point_excess"] == 0.0)):
            amount = float(column["point_excess"][i].max())
            self._note(
                first + i,
                "point",
                amount,
                f"the learner's point is {amount:.3g} outside the decision set; project it before "
                "`decide` hands it out",
            )
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            for i in _rounds_with(~np.isfinite(column[name])):
                text = f"the round's {what} is not finite"
                self._note(first + i, "finite", math.nan, text)

    def _note(self, t: int, rule: str, amount: float, text: str) -> None:
        self.violations.append(Violation(t, rule, amount, f"In round {t}, {text}."))
        self.violations.sort(key=lambda v: v.round)


def _column(values: list[Any], games: tuple[int, ...]) -> Floats:
    if not games:
        return np.array([float(value) for value in values])
    if all(isinstance(value, float) for value in values):
        common: Floats = np.multiply.outer(np.array(values), np.ones(games))
        return common
    arrays = [to_numpy(value) for value in values]
    if any(array.shape != games for array in arrays):
        arrays = [np.broadcast_to(array, games) for array in arrays]
    return np.stack(arrays)


def _rounds_with(flags: NDArray[np.bool_]) -> list[int]:
    rounds = flags.reshape(len(flags), -1).any(axis=1)
    return [int(i) for i in np.flatnonzero(rounds)]
