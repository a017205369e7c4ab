"""The sums that regret is computed from, in as few passes over the weights as they need.

Everything is centered at W_1: with D_t = W_t - W_1 a round costs the difference, three dot
products (<g_t, D_t>, norm(D_t), norm(g_t)) and one accumulation; where the step is audited, one
step, one projection and one distance more. D_{t+1}, which the audit needs, is kept for the next
round. A point of millions of weights is walked through in blocks that stay in the cache, so that
what a round needs of a block is read from memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
from array_api_compat import device
from numpy.typing import NDArray

from olgame.arrays import as_like, blocks, kernels
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["Reduced", "RunningSums"]

WAITING = 4
"""Rounds of a game with a long point whose gradients are added to the sums together."""


class Reduced(NamedTuple):
    """The scalars of a chunk of rounds, in the library of the game, shape ``(k, ...)``.

    A chunk of one round has no axis of its own: shape ``(...)``.
    """

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
        best_point: the point of smallest loss so far.
        best_loss: its loss, for each game.
    """

    start: Array
    decision_set: ConvexSet
    best_point: Any = attrs.field(init=False)
    best_loss: Any = attrs.field(init=False)
    _gradient_sum: Any = attrs.field(init=False)
    _curvature_sum: Any = attrs.field(init=False)
    _waiting: list[tuple[Any, Any, Any]] = attrs.field(init=False, factory=list)
    _recentered: Any = attrs.field(init=False)
    _project: Callable[[Any], Any] = attrs.field(init=False)
    _blocks: list[Any] = attrs.field(init=False)
    _next: tuple[Any, Any] = attrs.field(init=False, default=(None, None))
    _moved: Any = attrs.field(init=False, default=None)
    _spare: Any = attrs.field(init=False, default=None)
    _rooms: dict[str, Any] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        xp = kernels(self.start).xp
        zeros = xp.zeros_like(self.start, dtype=xp.float64)
        self._gradient_sum, self._curvature_sum = zeros, xp.zeros_like(zeros)
        self.best_point = self.start
        self.best_loss = np.full(tuple(self.start.shape[:-1]), np.inf)
        self._recentered = self.decision_set.translate(-self.start)
        in_place = getattr(self._recentered, "project_in_place", None)
        self._project = in_place or self._recentered.project
        self._blocks = blocks(self.start)

    def add_round(
        self, point: Any, gradient: Any, kappa: Any, step: Any, next_point: Array
    ) -> Reduced:
        """Add one round; no copy is made: a gradient, like a point, is not changed afterwards."""
        known, offset = self._next
        if known is not point:
            offset = point - self.start
        audited = step is not None
        alpha = self._factor(step) if audited else None
        inner, slope, distance = self._first_pass(gradient, offset, alpha)
        self._waiting.append((gradient, point, kappa))
        if len(self._waiting) >= min(WAITING, len(self._blocks)):
            self._add_waiting()
        error = None
        if audited:
            error = self._second_pass(self._project(self._moved), next_point)
            self._next, self._spare = (next_point, self._spare), offset
        return Reduced(inner, distance**0.5, slope**0.5, error)

    @property
    def gradient_sum(self) -> Any:
        """S, float64, shape ``(..., p)``."""
        self._add_waiting()
        return self._gradient_sum

    @property
    def curvature_sum(self) -> Any:
        """V, float64, shape ``(..., p)``."""
        self._add_waiting()
        return self._curvature_sum

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
        self._gradient_sum, self._curvature_sum = found["gradient_sum"], found["curvature_sum"]
        self.best_point, self.best_loss = found["best_point"], found["best_loss"]

    def _add_waiting(self) -> None:
        """Add the gradients and points of a few rounds to S and V, in their order.

        The sums take eight bytes a number to read and eight to write: as much as all the rest
        that a round needs. Rounds that are added together share that.
        """
        waiting, self._waiting = self._waiting, []
        k, bent = kernels(self.start), any(kappa is not None for _, _, kappa in waiting)
        for block in self._blocks if waiting else ():
            total = self._gradient_sum[block]
            for gradient, _, _ in waiting:
                total += gradient[block]
            if bent:
                start, total = self.start[block], self._curvature_sum[block]
                for _, point, kappa in waiting:
                    if kappa is not None:
                        self._add_curvature(kappa, k.axpy(-1.0, start, point[block]), total)

    def _factor(self, number: Any) -> Any:
        """One number as a float, one for each game as a column beside the points."""
        if np.ndim(number) == 0:
            return float(number)
        return as_like(number, self.start)[..., None]

    def _first_pass(self, gradient: Any, offset: Any, alpha: Any) -> tuple[Any, Any, Any]:
        """<g, D>, norm(g)^2, norm(D)^2; D - alpha g in memory of our own."""
        k = kernels(self.start)
        if alpha is not None and self._moved is None:
            self._moved = k.xp.empty_like(self.start)
        sums: list[tuple[Any, Any, Any]] = []
        for block in self._blocks:
            g, d = gradient[block], offset[block]
            sums.append((k.dot(g, d), k.dot(g, g), k.dot(d, d)))
            if isinstance(alpha, float):
                k.axpy(-alpha, g, d, self._moved[block])
            elif alpha is not None:  # games with steps of their own: one block
                self._moved[block] = d - alpha * g
        inner, slope, distance = (sum(terms[1:], terms[0]) for terms in zip(*sums, strict=True))
        return inner, slope, distance

    def _second_pass(self, projected: Any, next_point: Any) -> Any:
        """norm(D_{t+1} - projected), with D_{t+1} in memory of our own."""
        k = kernels(self.start)
        if self._spare is None:
            self._spare = k.xp.empty_like(self.start)
        squares = []
        for block in self._blocks:
            following = k.axpy(-1.0, self.start[block], next_point[block], self._spare[block])
            difference = k.axpy(-1.0, projected[block], following)
            squares.append(k.dot(difference, difference))
        return sum(squares[1:], squares[0]) ** 0.5

    def add_chunk(
        self, points: Sequence[Any], gradients: Sequence[Any], steps: Any, next_point: Array
    ) -> Reduced:
        """Add several rounds of a small game at once."""
        k = kernels(self.start)
        # Memory is used again: fresh pages for every chunk cost more than the arithmetic.
        offsets = self._room("offsets", len(points) + 1)
        for i, point in enumerate((*points, next_point)):
            k.axpy(-1.0, self.start, point, offsets[i])
        stacked = self._room("gradients", len(gradients))
        total, several = self._gradient_sum, self.start.ndim > 1
        for i, gradient in enumerate(gradients):
            stacked[i] = gradient
            if several:  # while it is in the cache
                total += gradient
        if not several:
            total += k.xp.sum(stacked, axis=0, dtype=k.xp.float64)
        before = offsets[:-1]
        error = None
        inner, slopes = k.dot(stacked, before), k.norm(stacked)
        if steps is not None:
            # In the memory of the stacked gradients, which are not needed any more.
            moved = stacked
            moved *= (
                -float(steps.flat[0]) if _all_equal(steps) else -as_like(steps, moved)[..., None]
            )
            moved += before
            projected = self._project(moved)
            if projected is not moved:
                moved[...] = projected
            moved -= offsets[1:]
            error = k.norm(moved)
        return Reduced(inner, k.norm(before), slopes, error)

    def _room(self, what: str, rounds: int) -> Any:
        """Memory of our own for the points of so many rounds."""
        held = self._rooms.get(what)
        if held is None or held.shape[0] < rounds:
            k = kernels(self.start)
            at = k.xp.zeros_like(self.start)
            held = self._rooms[what] = k.xp.stack([at] * rounds)
        return held[:rounds]

    def stacked(self, arrays: Sequence[Any]) -> Any:
        """``stack``, which for small arrays takes more than twice as long as this."""
        k = kernels(self.start)
        return k.xp.reshape(k.xp.concat(arrays), (len(arrays), *self.start.shape))

    def add_curvature(self, kappa: Any, point: Any) -> None:
        """V += kappa_t D_t, for a finite kappa_t, one number or one for each game."""
        self._add_curvature(kappa, point - self.start, self._curvature_sum)

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


def _all_equal(steps: NDArray[np.float64]) -> bool:
    return steps.size == 1 or bool((steps == steps.flat[0]).all())
