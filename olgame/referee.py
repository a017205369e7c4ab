"""The referee: checks every move and keeps the scalars and sums that regret is computed from.

Rounds are booked a few together: of a small game, where the cost of a round is then an append, up
to 96; of a network, whose weights are then read from memory less often, four. That does not change
what is booked, only how soon a broken rule is found; it is named by its own round.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Evidence, Response
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.chunks import FEW, chunk_length, is_small
from olgame.exceptions import ViolationError
from olgame.losses.round_loss import RoundEvaluation
from olgame.round_columns import as_column, finite_curvature, joined, places, transposed
from olgame.running_sums import Played, Reduced, RunningSums
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import COLUMNS, Violation
from olgame.typing import Array, Value

__all__ = ["ROUNDING", "Move", "Referee"]

PATIENCE = 96
"""Rounds of a small game that are checked together, at least."""

ROUNDING = 64.0
"""Distance from K that rounding may explain, in units of roundoff x norm of the point."""

BOOKED = ("loss", "weak_convexity", "step_size", "point_excess", *Reduced._fields)
"""The columns that are booked with every move."""

Floats = NDArray[np.float64]


class Move(NamedTuple):
    """One round as it was played, before it is booked.

    ``gradient`` is None where it has been looked at, ``step_size`` where there is none.
    """

    point: Array
    value: Value
    gradient: Array | None
    kappa: Value
    response: Response
    step_size: Value | None


@attrs.define(eq=False)
class Referee:
    """Collects moves, books their sums, and finds broken rules.

    Attributes:
        start: W_1.
        decision_set: K.
        rounds: planned number of rounds.
        raise_violations: raise at a broken rule, or record it and go on.
        sums: S, V and the best point.
        columns: per-round scalars, each ``(rounds, ...)``; what holds one number in all rounds
            so far is a read-only view of it.
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
    _moves: list[Move] = attrs.field(init=False, factory=list)
    _noted: list[tuple[Any, ...]] = attrs.field(init=False, factory=list)
    _pending: int = attrs.field(init=False, default=0)
    _surely_inside: Any = attrs.field(init=False)
    _start_norm: Floats = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._games = tuple(self.start.shape[:-1])
        self._chunk = chunk_length(self.start)
        stacks = min(self._chunk, self.rounds) if is_small(self.start) else 0
        self.sums = RunningSums(self.start, self.decision_set, stacks)
        unknown = np.broadcast_to(np.nan, (self.rounds, *self._games))
        self.columns = dict.fromkeys(COLUMNS, unknown)
        self.full_batch = np.ones(self.rounds, dtype=bool)
        self._start_norm = to_numpy(kernels(self.start).norm(self.start))
        # Within the ball around W_1 that lies in K there is no need to ask K.
        inner_radius = getattr(self.decision_set, "inner_radius", None)
        radius = -math.inf if inner_radius is None else to_numpy(inner_radius(self.start))
        rounding = ROUNDING * unit_roundoff(self.start) * (1.0 + self._start_norm)
        self._surely_inside = radius + rounding

    def record(
        self,
        point: Array,
        evaluation: RoundEvaluation,
        response: Response,
        step_size: Value | None,
    ) -> bool:
        """Note one round; True when a chunk is full and wants `book`."""
        value, gradient, kappa = evaluation
        noted: Array | None = gradient
        if self._games and self.sums.stacks:  # several: while they are in the cache
            self.sums.look(len(self._moves), (point,), (gradient,))
            noted = None
        self._moves.append(Move(point, value, noted, kappa, response, step_size))
        return len(self._moves) >= self._chunk

    def book(self, next_point: Array, *, final: bool = False) -> None:
        """Add the noted rounds to the sums; ``next_point`` is the point after the last of them.

        Raises:
            ViolationError: A rule was broken and the referee raises.
        """
        if self._moves:
            moves, self._moves = self._moves, []
            self._add(moves, next_point)
        if final or self._pending >= PATIENCE or self._chunk <= FEW:
            self._settle()

    def snapshot(self) -> dict[str, Any]:
        """What was booked so far, for a checkpoint; only between two bookings."""
        self._settle()
        return {
            "start": self.start,
            "booked": self.booked,
            "columns": {name: np.array(c[: self.booked]) for name, c in self.columns.items()},
            "full_batch": self.full_batch[: self.booked],
            "violations": [tuple(violation) for violation in self.violations],
            "sums": self.sums.snapshot(),
        }

    def restore(self, found: Mapping[str, Any]) -> None:
        """Take up what was booked before."""
        self.booked = int(found["booked"])
        for name, column in found["columns"].items():
            self.columns[name] = np.full((self.rounds, *self._games), np.nan)
            self.columns[name][: self.booked] = column
        self.full_batch[: self.booked] = found["full_batch"]
        self.violations = [Violation(*violation) for violation in found["violations"]]
        self.sums.restore(found["sums"])

    def until_now(self, next_point: Array) -> Referee:
        """One that has booked all moves until now; this one is left as it would be without."""
        found = self.snapshot()
        xp = kernels(self.start).xp
        for name in ("gradient_sum", "curvature_sum"):  # added to in place
            found["sums"][name] = xp.asarray(found["sums"][name], copy=True)
        other = Referee(self.start, self.decision_set, self.rounds, raise_violations=False)
        other.restore(found)
        other._moves = list(self._moves)
        other.sums.take_over(self.sums)
        other.book(next_point, final=True)
        return other

    def _add(self, moves: list[Move], next_point: Array) -> None:
        """Add rounds to the sums, look whether their points are in K, and keep their scalars."""
        points, values, gradients, kappas, responses, step_sizes = transposed(moves)
        bends: Sequence[Any] = [None] * len(moves)
        column = self._constant(0.0, moves)
        if {*map(type, kappas)} != {float} or any(kappas):
            bends, column = [*map(finite_curvature, kappas)], as_column(kappas, self._games)
        stepped = step_sizes[0] is not None
        alphas = as_column(step_sizes, self._games) if stepped else self._constant(math.nan, moves)
        steps = alphas if stepped else None
        reduced = self.sums.add(Played(points, gradients, bends, steps, next_point))
        losses = as_column(values, self._games)
        if self._games:
            better = losses < self.sums.best_loss
            if np.count_nonzero(better):
                for i in np.flatnonzero(better.reshape(len(better), -1).any(axis=1)):
                    self.sums.note_loss(points[i], losses[i])
        else:
            best = int(np.argmin(np.where(np.isnan(losses), np.inf, losses)))
            self.sums.note_loss(points[best], losses[best])
        inside = self._surely_in(reduced) or (self.sums.stacks and self._all_in(points))
        excess = self._constant(0.0, moves)
        if not inside:
            excess = as_column([self._excess(point) for point in points], self._games)
        self._note((losses, column, alphas, excess, *reduced), responses)

    def _constant(self, value: float, moves: Sequence[Move]) -> Floats:
        """A column of one number."""
        return np.full((len(moves), *(1 for _ in self._games)), value)

    def _note(self, scalars: tuple[Any, ...], responses: Sequence[Response]) -> None:
        """Keep the scalars of rounds, and what the evidence shows, but not the evidence."""
        first = self.booked + self._pending + 1
        self._pending += len(responses)
        self._noted.append(scalars)
        for t, response in enumerate(responses, start=first):
            if response.evidence is not None:
                self._look_at_inputs(t, response.evidence)

    def _surely_in(self, reduced: Reduced) -> bool:
        """Whether all points are within the ball around W_1 that lies in K."""
        inside = to_numpy(reduced.distance) <= self._surely_inside
        return bool(np.count_nonzero(inside) == inside.size)

    def _all_in(self, points: Sequence[Array]) -> bool:
        """Whether K contains all points of a chunk, by a tolerance that suits the smallest."""
        atol = ROUNDING * unit_roundoff(self.start) * (1.0 + float(self._start_norm.min()))
        k = kernels(self.start)
        # `stack` takes more than twice as long for small arrays.
        stacked = k.xp.reshape(k.xp.concat(points), (len(points), *self.start.shape))
        inside = to_numpy(self.decision_set.contains(stacked, atol=atol))
        return bool((inside > 0).all())

    def _settle(self) -> None:
        """Write the scalars of the noted rounds into the columns, and name the broken rules."""
        if not self._noted:
            return
        rows = slice(self.booked, self.booked + self._pending)
        for name, parts in zip(BOOKED, transposed(self._noted), strict=True):
            if parts[0] is not None:
                self._write(name, rows, joined(parts))
        self._noted, self._pending = [], 0
        self._name_broken_rules({name: found[rows] for name, found in self.columns.items()})
        self.violations.sort(key=lambda violation: violation.round)
        self.booked = rows.stop
        if self.raise_violations and self.violations:
            raise ViolationError(self.violations[0].message)

    @functools.cached_property
    def _room(self) -> Floats:
        """Memory for the columns, in one piece: large pieces come in large pages.

        Nothing is written before it is booked, and a column that is never written takes no memory.
        """
        return np.empty((len(BOOKED), self.rounds, *self._games))

    def _write(self, name: str, rows: slice, values: Floats) -> None:
        """Fill rows of a column; one that is the same number all along takes no memory."""
        column = self.columns[name]
        if not column.flags.writeable:
            if rows.start == 0:
                column = self.columns[name] = np.broadcast_to(values.flat[0], column.shape)
            common = column[(0,) * column.ndim]
            if (values == common).all():
                return
            column = self.columns[name] = self._room[BOOKED.index(name)]
            column[: rows.start] = common
        column[rows] = values

    def _look_at_inputs(self, t: int, evidence: Evidence) -> None:
        """Book how far inputs were moved; note what is outside B(x)."""
        for name in ("input_distance", "input_norm"):
            if not self.columns[name].flags.writeable:
                self.columns[name] = np.array(self.columns[name])
        self.columns["input_distance"][t - 1] = to_numpy(evidence.distance)
        self.columns["input_norm"][t - 1] = to_numpy(evidence.input_norm)
        self.full_batch[t - 1] = evidence.batch is None
        found = np.asarray(self.columns["input_distance"][t - 1])
        tolerance = np.broadcast_to(to_numpy(evidence.tolerance), self._games)
        for game in places(~(found <= tolerance)):
            distance = float(found[game])
            sample = int(np.broadcast_to(to_numpy(evidence.worst_sample), self._games)[game])
            if math.isnan(distance):
                text = f"the played input of sample {sample} is not finite"
                self._note_violation(t, "finite", distance, text, game)
                continue
            self._note_violation(
                t,
                "input",
                distance,
                f"sample {sample} was moved {distance:.3g} outside its perturbation set "
                f"(rounding explains {float(tolerance[game]):.3g}); project onto the set as the "
                "attack's last step",
                game,
            )

    def _excess(self, point: Array) -> Any:
        """Distance of a point from K; 0 up to rounding."""
        k, rounding = kernels(self.start), ROUNDING * unit_roundoff(self.start)
        atol = rounding * (1.0 + self._start_norm)
        inside = to_numpy(self.decision_set.contains(point, atol=float(atol.min()))) > 0
        if not inside.all():  # only then it matters how large the point is
            atol = atol + rounding * np.nan_to_num(to_numpy(k.norm(point)))
            inside = to_numpy(self.decision_set.contains(point, atol=float(atol.min()))) > 0
        if inside.all():
            return np.zeros(self._games)
        outside = to_numpy(k.norm(point - self.decision_set.project(point)))
        if self._games:  # K was asked with the tolerance of the smallest point
            inside = inside | (outside <= atol)
        return np.where(inside, 0.0, outside)

    def _name_broken_rules(self, column: dict[str, Floats]) -> None:
        """Points outside K, and what is not finite."""
        first = self.booked + 1
        for i, *game in places(~(column["point_excess"] == 0.0)):
            amount = float(column["point_excess"][i, *game])
            self._note_violation(
                first + i,
                "point",
                amount,
                f"the learner's point is {amount:.3g} outside the decision set; project it before "
                "`decide` hands it out",
                tuple(game),
            )
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            for i, *game in places(~np.isfinite(column[name])):
                text = f"the round's {what} is not finite"
                self._note_violation(first + i, "finite", math.nan, text, tuple(game))

    def _note_violation(
        self, t: int, rule: str, amount: float, text: str, game: tuple[int, ...]
    ) -> None:
        where = f"In round {t}"
        if game:
            where += f" of game {game[0] if len(game) == 1 else game}"
        self.violations.append(Violation(t, rule, amount, f"{where}, {text}.", game))
