"""The referee: checks every move and keeps the sums that regret is computed from.

Moves are collected in blocks of at most `BLOCK` numbers and booked a block at a time, by array
operations over the block: for a small game the cost of a round is an append, for a large network
(a block is one round) a few passes over its weights. A block changes neither what is booked nor
its order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Response
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import ViolationError
from olgame.learners.learner import GradientStep
from olgame.losses.round_loss import RoundEvaluation
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Violation
from olgame.typing import Array

__all__ = ["BLOCK", "COLUMNS", "Referee"]

BLOCK = 2**13
"""Numbers a block of points may hold (a block has at least one round)."""

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

ROUNDING = 64.0
"""Distance from K that rounding may explain, in units of roundoff x norm of the point."""


class Move(NamedTuple):
    """One round as it was played, before it is booked."""

    point: Array
    evaluation: RoundEvaluation
    response: Response
    step: GradientStep | None


@attrs.define(eq=False)
class Referee:
    """Collects moves, books them in blocks, and finds broken rules.

    Attributes:
        start: W_1.
        decision_set: K.
        rounds: planned number of rounds.
        raise_violations: raise at a broken rule, or record it and go on.
        columns: per-round scalars, each ``(rounds, ...)``, nan where nothing was booked.
        booked: rounds booked so far.
    """

    start: Array
    decision_set: ConvexSet
    rounds: int
    raise_violations: bool
    columns: dict[str, NDArray[np.float64]] = attrs.field(init=False)
    full_batch: NDArray[np.bool_] = attrs.field(init=False)
    gradient_sum: Any = attrs.field(init=False)
    curvature_sum: Any = attrs.field(init=False)
    best_point: Any = attrs.field(init=False)
    best_loss: Any = attrs.field(init=False)
    violations: list[Violation] = attrs.field(init=False, factory=list)
    booked: int = attrs.field(init=False, default=0)
    moves: list[Move] = attrs.field(init=False, factory=list)
    block_rounds: int = attrs.field(init=False)
    tolerance: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        games = tuple(self.start.shape[:-1])
        xp = kernels(self.start).xp
        numbers = math.prod(self.start.shape)
        self.block_rounds = max(1, min(self.rounds, BLOCK // max(1, numbers)))
        self.columns = {name: np.full((self.rounds, *games), np.nan) for name in COLUMNS}
        self.full_batch = np.ones(self.rounds, dtype=bool)
        self.gradient_sum = xp.astype(self.start * 0.0, xp.float64)
        self.curvature_sum = xp.astype(self.start * 0.0, xp.float64)
        self.best_point = self.start
        self.best_loss = np.full(games, np.inf)
        self.tolerance = ROUNDING * unit_roundoff(self.start)

    def record(self, move: Move) -> bool:
        """Note one round; True when the block is full and wants `book`."""
        self.moves.append(move)
        return len(self.moves) >= self.block_rounds

    def book(self, next_point: Array) -> None:
        """Book the collected rounds; ``next_point`` is the point after the last of them.

        Raises:
            ViolationError: A rule was broken and the referee raises.
        """
        moves = self.moves
        if not moves:
            return
        k = kernels(self.start)
        single = len(moves) == 1
        stack = _wrap if single else k.xp.stack
        points = stack([m.point for m in moves])
        gradients = stack([m.evaluation.gradient for m in moves])
        offsets = points - self.start
        row = slice(self.booked, self.booked + len(moves))
        column = {name: values[row] for name, values in self.columns.items()}
        column["loss"][:] = _scalars([m.evaluation.value for m in moves], column["loss"])
        kappas = [m.evaluation.weak_convexity for m in moves]
        column["weak_convexity"][:] = _scalars(kappas, column["loss"])
        column["inner"][:] = to_numpy(k.dot(gradients, offsets))
        column["distance"][:] = to_numpy(k.norm(offsets))
        column["gradient_norm"][:] = to_numpy(k.norm(gradients))
        column["step_size"][:] = _scalars(
            [math.nan if m.step is None else m.step.step_size for m in moves], column["loss"]
        )
        column["update_error"][:] = self._audit(points, gradients, column["step_size"], next_point)
        self._evidence(moves, row)
        self._check(points, column)

        self._add(gradients, offsets, column["weak_convexity"])
        self._keep_best(points, column["loss"])
        self.moves = []
        self.booked += len(moves)
        if self.raise_violations and self.violations:
            raise ViolationError(self.violations[0].message)

    def _audit(
        self, points: Any, gradients: Any, steps: NDArray[np.float64], next_point: Array
    ) -> Any:
        """norm(W_{t+1} - Proj_K(W_t - alpha_t g_t)), from what was played and the set alone."""
        if np.isnan(steps).all():
            return np.nan
        k = kernels(self.start)
        if len(points) == 1:
            following = _wrap([next_point])
        else:
            following = k.xp.concat([points[1:], next_point[None]])
        if (steps == steps.flat[0]).all():
            moved = points - float(steps.flat[0]) * gradients
        else:
            alpha = k.xp.asarray(steps, dtype=points.dtype)
            moved = points - alpha[..., None] * gradients
        return to_numpy(k.norm(following - self.decision_set.project(moved)))

    def _add(self, gradients: Any, offsets: Any, kappas: NDArray[np.float64]) -> None:
        """S += sum g_t and V += sum kappa_t (W_t - W_1), in float64."""
        xp = kernels(self.start).xp
        kappas = np.where(np.isfinite(kappas), kappas, 0.0)
        if len(gradients) == 1:
            self.gradient_sum += gradients[0]
            if kappas.ndim == 1 and kappas[0] != 0.0:
                self.curvature_sum += float(kappas[0]) * offsets[0]
                return
        else:
            self.gradient_sum += xp.sum(gradients, axis=0, dtype=xp.float64)
        if kappas.any():
            weights = xp.asarray(kappas, dtype=offsets.dtype)[..., None]
            self.curvature_sum += xp.sum(weights * offsets, axis=0, dtype=xp.float64)

    def _keep_best(self, points: Any, losses: NDArray[np.float64]) -> None:
        first = np.where(np.isnan(losses), np.inf, losses).argmin(axis=0)
        if losses.ndim == 1:
            if losses[first] < self.best_loss:
                self.best_loss, self.best_point = losses[first], points[int(first)]
            return
        games = np.indices(first.shape)
        candidate = points[(first, *games)]
        better = losses[(first, *games)] < self.best_loss
        xp = kernels(self.start).xp
        self.best_point = xp.where(xp.asarray(better)[..., None], candidate, self.best_point)
        self.best_loss = np.minimum(self.best_loss, losses[(first, *games)])

    def _evidence(self, moves: list[Move], row: slice) -> None:
        """Book how far inputs were moved; note what is outside B(x)."""
        for i, move in enumerate(moves, start=row.start):
            evidence = move.response.evidence
            if evidence is None:
                continue
            self.columns["input_distance"][i] = to_numpy(evidence.distance)
            self.columns["input_norm"][i] = to_numpy(evidence.input_norm)
            self.full_batch[i] = evidence.batch is None
            distance = float(self.columns["input_distance"][i].max())
            if not distance <= evidence.tolerance:
                self._note(
                    i + 1,
                    "input",
                    distance,
                    f"sample {evidence.worst_sample} was moved {distance:.3g} outside its "
                    f"perturbation set (rounding explains {evidence.tolerance:.3g}); project onto "
                    "the set as the attack's last step",
                )

    def _check(self, points: Any, column: dict[str, NDArray[np.float64]]) -> None:
        """W_t in K, and everything finite."""
        column["point_excess"][:] = 0.0
        scale = 1.0 + float(np.nan_to_num(column["distance"]).max()) + self._start_norm()
        inside = to_numpy(self.decision_set.contains(points, atol=self.tolerance * scale)) > 0
        if not inside.all():
            k = kernels(self.start)
            excess = to_numpy(k.norm(points - self.decision_set.project(points)))
            column["point_excess"][:] = np.where(inside, 0.0, excess)
            for i in _rounds_with(~inside):
                amount = float(column["point_excess"][i].max())
                self._note(
                    self.booked + i + 1,
                    "point",
                    amount,
                    f"the learner's point is {amount:.3g} outside the decision set; project it "
                    "before `decide` hands it out",
                )
        for name, what in (("loss", "loss"), ("gradient_norm", "gradient")):
            for i in _rounds_with(~np.isfinite(column[name])):
                self._note(
                    self.booked + i + 1, "finite", math.nan, f"the round's {what} is not finite"
                )

    def _start_norm(self) -> float:
        return float(to_numpy(kernels(self.start).norm(self.start)).max())

    def _note(self, t: int, rule: str, amount: float, text: str) -> None:
        self.violations.append(Violation(t, rule, amount, f"In round {t}, {text}."))
        self.violations.sort(key=lambda v: v.round)


def _wrap(arrays: Sequence[Any]) -> Any:
    """A block of one round, without a copy."""
    return arrays[0][None]


def _scalars(values: list[Any], like: NDArray[np.float64]) -> NDArray[np.float64]:
    if like.ndim == 1:
        return np.array([float(v) for v in values])
    return np.stack([np.broadcast_to(to_numpy(v), like.shape[1:]) for v in values])


def _rounds_with(flags: NDArray[np.bool_]) -> list[int]:
    rounds = flags.reshape(len(flags), -1).any(axis=1)
    return [int(i) for i in np.flatnonzero(rounds)]
