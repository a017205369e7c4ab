"""The sums that regret is computed from, in as few passes over the weights as they need.

Everything is centered at W_1: with D_t = W_t - W_1 a round costs the difference, three dot
products (<g_t, D_t>, norm(D_t), norm(g_t)) and one accumulation; where the step is audited, one
step, one projection and one distance more.

What costs is the calls where a point is small, and the memory where it is large. The rounds of a
small game are copied into one array, and every operation is done for all of them at once. A point
of millions of weights is walked through in blocks that stay in the cache: what a few rounds need of
a block is read once, S and V (eight bytes a number) once for all of them; and where the projection
only scales, as onto a ball around W_1, no projected point is ever written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
from array_api_compat import device
from numpy.typing import NDArray

from olgame.arrays import as_like, blocks, kernels
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["Played", "Reduced", "RunningSums"]


class Played(NamedTuple):
    """k rounds as they were played.

    Attributes:
        points: W_t.
        gradients: g_t; None of rounds that `RunningSums.look` has copied.
        bends: kappa_t, one number or one for each game; None where it adds nothing.
        steps: alpha_t, shape ``(k, ...)``, or None where no step is audited.
        next_point: the point after the last of them.
    """

    points: Sequence[Any]
    gradients: Sequence[Any]
    bends: Sequence[Any]
    steps: NDArray[np.float64] | None
    next_point: Any


class Reduced(NamedTuple):
    """The scalars of k rounds, shape ``(k, ...)``, in the library of the game or in NumPy."""

    inner: Any
    distance: Any
    gradient_norm: Any
    update_error: Any


@attrs.define(eq=False)
class RunningSums:
    """S = sum g_t and V = sum kappa_t D_t in float64, the best point, and scalars per round.

    Attributes:
        start: W_1, shape ``(..., p)``.
        decision_set: K.
        stacks: how many rounds `look` copies into one array; 0 where rounds are walked through in
            blocks.
        gradient_sum: S, float64, shape ``(..., p)``.
        curvature_sum: V, float64, shape ``(..., p)``.
        best_point: the point of smallest loss so far.
        best_loss: its loss, for each game.
    """

    start: Array
    decision_set: ConvexSet
    stacks: int
    gradient_sum: Any = attrs.field(init=False)
    curvature_sum: Any = attrs.field(init=False)
    best_point: Any = attrs.field(init=False)
    best_loss: Any = attrs.field(init=False)
    _recentered: Any = attrs.field(init=False)
    _project: Callable[[Any], Any] = attrs.field(init=False)
    _shrinkage: Callable[[Any], Any] = attrs.field(init=False)
    _blocks: list[Any] = attrs.field(init=False)
    _rooms: dict[str, Any] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        xp = kernels(self.start).xp
        zeros = xp.zeros_like(self.start, dtype=xp.float64)
        self.gradient_sum, self.curvature_sum = zeros, xp.zeros_like(zeros)
        self.best_point = self.start
        self.best_loss = np.full(tuple(self.start.shape[:-1]), np.inf)
        self._recentered = self.decision_set.translate(-self.start)
        in_place = getattr(self._recentered, "project_in_place", None)
        self._project = in_place or self._recentered.project
        self._shrinkage = getattr(self._recentered, "shrinkage", _unknown)
        self._blocks = blocks(self.start)

    def look(self, place: int, points: Sequence[Any], gradients: Sequence[Any]) -> None:
        """Copy rounds of a small game: the next `add` is about them.

        Memory is used again: fresh pages for every chunk cost more than the arithmetic.
        """
        k = kernels(self.start)
        if not self._rooms:
            at = k.xp.zeros_like(self.start)
            for name in ("offsets", "moved"):
                self._rooms[name] = k.xp.stack([at] * (self.stacks + 1))
        offsets, moved = self._rooms["offsets"], self._rooms["moved"]
        start, axpy = self.start, k.axpy
        for i, point in enumerate(points, place):
            axpy(-1.0, start, point, offsets[i])
        for i, gradient in enumerate(gradients, place):
            moved[i] = gradient

    def take_over(self, other: RunningSums) -> None:
        """Copy what ``other`` has looked at."""
        for name, room in other._rooms.items():
            self._rooms[name] = kernels(room).xp.asarray(room, copy=True)

    def add(self, played: Played) -> Reduced:
        """Add k rounds; a gradient, like a point, is not changed afterwards by who made it."""
        return self._add_stacked(played) if self.stacks else self._add_in_blocks(played)

    def snapshot(self) -> dict[str, Any]:
        """The sums and the best point, for a checkpoint."""
        return {
            "gradient_sum": self.gradient_sum,
            "curvature_sum": self.curvature_sum,
            "best_point": self.best_point,
            "best_loss": np.asarray(self.best_loss),
        }

    def restore(self, found: Mapping[str, Any]) -> None:
        """Take up sums of before."""
        self.gradient_sum, self.curvature_sum = found["gradient_sum"], found["curvature_sum"]
        self.best_point, self.best_loss = found["best_point"], found["best_loss"]

    def _factor(self, number: Any) -> Any:
        """One number as a float, one for each game as a column beside the points."""
        if np.size(number) == 1:
            return float(np.ravel(number)[0])
        return as_like(number, self.start)[..., None]

    def _add_in_blocks(self, played: Played) -> Reduced:
        points, gradients, bends, steps, _ = played
        k = kernels(self.start)
        alphas = None if steps is None else [*map(self._factor, steps)]
        looked: list[list[Any]] = [[] for _ in points]
        for block in self._blocks:
            start = self.start[block]
            total, curvature = self.gradient_sum[block], self.curvature_sum[block]
            for t, (point, gradient, bend) in enumerate(zip(points, gradients, bends, strict=True)):
                g = gradient[block]
                d = k.axpy(-1.0, start, point[block])
                inner, slope, distance = k.dot(g, d), k.dot(g, g), k.dot(d, d)
                total += g
                if bend is not None:
                    self._add_curvature(bend, d, curvature)
                length = distance
                if alphas is not None:
                    y = _step(d, alphas[t], g)
                    length = k.dot(y, y)
                looked[t].append((inner, slope, distance, length))
        rounds = [[*map(_total, zip(*terms, strict=True))] for terms in looked]
        inners, slopes, distances, lengths = zip(*rounds, strict=True)
        error = None
        if alphas is not None:
            error = self._update_errors(played, alphas, lengths)
        return Reduced(_column(inners), _column(distances) ** 0.5, _column(slopes) ** 0.5, error)

    def _update_errors(self, played: Played, alphas: Sequence[Any], lengths: Sequence[Any]) -> Any:
        """norm(D_{t+1} - Proj(y_t)), y_t = D_t - alpha_t g_t, of which norm(y_t)^2 is given."""
        points, gradients = played.points, played.gradients
        k, following = kernels(self.start), (*points[1:], played.next_point)
        factors = None
        if isinstance(lengths[0], float):
            factors = self._shrinkage(np.sqrt(np.array(lengths)))
        squares: list[list[Any]] = [[] for _ in points]
        if factors is None:
            moved = k.xp.empty_like(self.start)
            for t, (point, gradient) in enumerate(zip(points, gradients, strict=True)):
                for block in self._blocks:
                    d = k.axpy(-1.0, self.start[block], point[block], moved[block])
                    _step(d, alphas[t], gradient[block])
                projected = self._project(moved)
                for block in self._blocks:
                    d = k.axpy(-1.0, self.start[block], following[t][block])
                    difference = k.axpy(-1.0, projected[block], d)
                    squares[t].append((k.dot(difference, difference),))
        else:
            for block in self._blocks:
                start = self.start[block]
                d = k.axpy(-1.0, start, points[0][block])
                for t, gradient in enumerate(gradients):
                    y = _step(d, alphas[t], gradient[block])
                    d = k.axpy(-1.0, start, following[t][block])
                    difference = k.axpy(-float(factors[t]), y, d)
                    squares[t].append((k.dot(difference, difference),))
        return _column([_total(*zip(*terms, strict=True)) for terms in squares]) ** 0.5

    def _add_stacked(self, played: Played) -> Reduced:
        points, gradients, bends, steps, next_point = played
        k, rounds = kernels(self.start), len(points)
        if gradients[0] is not None:
            self.look(0, points, gradients)
        offsets, moved = self._rooms["offsets"][: rounds + 1], self._rooms["moved"][:rounds]
        k.axpy(-1.0, self.start, next_point, offsets[rounds])
        before = offsets[:rounds]
        self.gradient_sum += k.xp.sum(moved, axis=0, dtype=k.xp.float64)
        for offset, bend in zip(before, bends, strict=True):
            if bend is not None:
                self._add_curvature(bend, offset, self.curvature_sum)
        inner, slopes, distances, error = k.dot(moved, before), k.norm(moved), k.norm(before), None
        if steps is not None:
            # In the memory of the stacked gradients, which are not needed any more.
            moved *= -self._factors(steps)
            moved += before
            projected = self._project(moved)
            if projected is not moved:
                moved[...] = projected
            moved -= offsets[1:]
            error = k.norm(moved)
        return Reduced(inner, distances, slopes, error)

    def _factors(self, steps: NDArray[np.float64]) -> Any:
        """alpha_t of a chunk: one float where all are equal, else columns beside the points."""
        first = float(steps.flat[0])
        if steps.size == 1 or bool((steps == first).all()):
            return first
        return as_like(steps, self.start)[..., None]

    def _add_curvature(self, kappa: Any, offset: Any, total: Any) -> None:
        factor = self._factor(kappa)
        if isinstance(factor, float):
            kernels(self.start).accumulate(total, factor, offset)
        else:
            total += factor * offset

    def note_loss(self, point: Any, loss: NDArray[np.float64] | float) -> None:
        """Keep ``point`` where its loss is the smallest so far."""
        better = loss < self.best_loss
        found = np.count_nonzero(better)
        if found == better.size:
            self.best_loss, self.best_point = loss, point
        elif found:
            xp = kernels(self.start).xp
            mask = xp.asarray(better, device=device(self.start))[..., None]
            self.best_point = xp.where(mask, point, self.best_point)
            self.best_loss = np.minimum(self.best_loss, loss)


def _unknown(lengths: Any) -> None:
    """The shrinkage of a set that does not say whether its projection only scales."""


def _step(d: Any, alpha: Any, gradient: Any) -> Any:
    """D - alpha g in the memory of D."""
    if isinstance(alpha, float):
        kernels(d).accumulate(d, -alpha, gradient)
    else:  # games with steps of their own
        d -= alpha * gradient
    return d


def _total(terms: Sequence[Any]) -> Any:
    """The sum over blocks; the term itself, on its device, where there is one block."""
    return terms[0] if len(terms) == 1 else math.fsum(map(float, terms))


def _column(numbers: Sequence[Any]) -> Any:
    """One number a round, or one array of games."""
    if isinstance(numbers[0], float):
        return np.array(numbers)
    return kernels(numbers[0]).xp.stack([*numbers])
