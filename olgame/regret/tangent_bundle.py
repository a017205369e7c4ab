"""Convex losses with kinks: tangents round by round, and a proximal step on their maximum."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.payoff_loss import PayoffLoss
from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.losses.linear_loss import LinearLoss
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.losses.round_loss import RoundLoss
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex_threshold import onto_simplex
from olgame.typing import Array

__all__ = ["TangentBundle", "is_linear"]

Floats = NDArray[np.float64]

_ROOM = 2**24
"""Numbers that the tangents may take."""
_TANGENTS = 16
"""Tangents for which every group of rounds has room at least."""
_MASTER_STEPS = 2000  # of an unsolved master the next points are of no use
_MASTER_CHECK = 20


class TangentBundle:
    r"""F = (1/T) sum_t l_t minimized over K with a model for every round, not one for the sum.

    With d = u - W_1, the linear and the quadratic losses added up exactly, and each of the others
    bounded below by its own tangents,

        T F(u) >= q(d) + sum_m max_k [b_mk + <g_mk, d>],   q(d) = c + <s, d> + (M/2) norm(d)^2:

    a sum of T maxima says in a few passes what the largest of a few tangents of the sum would need
    hundreds for; of losses that are piecewise linear it is soon the sum itself. A proximal bundle
    method: the next point minimizes model + norm(d - d_c)^2/(2 tau) over K, d_c the best point of
    the serious steps so far. Its dual, a concave function of weights lambda_m in a simplex for each
    m, is maximized by accelerated projected gradient steps, where

        d(lambda) = Proj_K((d_c/tau - s - sum_mk lambda_mk g_mk)/(M + 1/tau)).

    **Certificate.** For any such weights, with g = s + sum lambda_mk g_mk and any e in K,

        T F >= c + sum lambda_mk b_mk + min over K of <g, d> + (M/2) norm(d)^2,
        min >= value at e - [<g + M e, e> + h(-(g + M e))],

    h the support function of K - W_1, by convexity; without quadratic losses -h(-g). It is also at
    least -norm(g)^2/(2 M), which serves where K is unbounded. Rounding is taken off.

    Args:
        losses: l_1, ..., l_T, convex. Rounds share a model where there are too many for the room.
        start: W_1, shape ``(p,)``.
        decision_set: K.
    """

    def __init__(self, losses: Sequence[RoundLoss], start: Array, decision_set: ConvexSet) -> None:
        self._start, self._set = start, decision_set.translate(-start)
        self._count = len(losses)
        p = start.shape[-1]
        zero = as_like(np.zeros(p), start)
        self._linear, self._bend, self._constant = np.zeros(p), 0.0, 0.0
        self._size = 0.0
        rest = []
        for loss in losses:
            if isinstance(loss, QuadraticLoss) or is_linear(loss):
                at = loss.evaluate(start + zero)
                self._linear += to_numpy(at.gradient)
                self._constant += float(to_numpy(at.value))
                self._bend += loss.curvature if isinstance(loss, QuadraticLoss) else 0.0
                self._size += abs(float(to_numpy(at.value)))
            else:
                rest.append(loss)
        groups = min(len(rest), max(1, _ROOM // (_TANGENTS * p)))
        cuts = np.linspace(0, len(rest), groups + 1).astype(int)
        self._groups = [rest[a:b] for a, b in pairwise(cuts)]
        self._slopes, self._constants = np.zeros((groups, 0, p)), np.zeros((groups, 0))
        self.passes = 0

    @property
    def is_closed_form(self) -> bool:
        """Whether all losses are linear or quadratic: `solve` then needs no step."""
        return not self._groups

    def solve(self, point: Array, steps: int, tolerance: float) -> tuple[Array, float, float]:
        """The best point met, F there, and a lower bound on min F, rounding taken off.

        Args:
            point: Where to begin.
            steps: Largest number of passes.
            tolerance: Stop where value minus floor is less.
        """
        center = self._project(to_numpy(point - self._start))
        if self.is_closed_form:
            center = self._least(self._linear)
        reached = self._add_tangents(center)
        best, top = center, reached
        weights = np.ones(self._constants.shape)
        floor = self._floor(weights)
        tau = self._first_step(center)
        for _ in range(steps):
            enough = max(tolerance * self._count, unit_roundoff(self._start) * self._size)
            if not self._groups or top - floor <= enough:
                break
            weights, d = self._master(center, weights, tau)
            floor = max(floor, self._floor(weights))
            promised = reached - self._smooth(d) - float(self._model(d).sum())
            value = self._add_tangents(d)
            weights = self._padded(weights)
            if value < top:
                best, top = d, value
            if reached - value >= 0.1 * promised:
                center, reached, tau = d, value, 2.0 * tau
            else:
                tau *= 0.7
        found = self._start + as_like(best, self._start)
        return found, top / self._count, (floor - self._slack(floor, top)) / self._count

    def _slack(self, floor: float, top: float) -> float:
        """What is taken off a floor for rounding."""
        p, tangents = self._linear.shape[0], self._constants.size
        roundoff = unit_roundoff(self._start) * (self._count + p + tangents)
        return 8.0 * roundoff * (self._size + abs(floor) + abs(top))

    def _add_tangents(self, d: Floats) -> float:
        """T F at d, and a tangent for every group there whose model is below it."""
        self.passes += 1
        u = self._start + as_like(d, self._start)
        values, slopes = np.zeros(len(self._groups)), np.zeros((len(self._groups), len(d)))
        for m, group in enumerate(self._groups):
            for loss in group:
                at = loss.evaluate(u)
                values[m] += float(to_numpy(at.value))
                slopes[m] += to_numpy(at.gradient)
        length = float(np.linalg.norm(d))
        sizes = np.abs(values) + np.linalg.norm(slopes, axis=1) * length
        self._size = max(self._size, float(sizes.sum()) + abs(self._smooth(d)))
        news = values - slopes @ d
        model = self._model(d)
        # Where there is none yet, the model is -inf.
        new = values - 1e-14 * np.abs(values) > model
        if new.any():
            self._slopes = np.concatenate([self._slopes, slopes[:, None]], axis=1)
            # A tangent that says nothing new counts as none.
            self._constants = np.concatenate(
                [self._constants, np.where(new, news, -np.inf)[:, None]], axis=1
            )
        return self._smooth(d) + float(values.sum())

    def _master(self, center: Floats, weights: Floats, tau: float) -> tuple[Floats, Floats]:
        """The weights of the dual of the proximal step, and its point."""
        there = np.isfinite(self._constants)
        constants = np.where(there, self._constants, 0.0)
        slopes = np.where(there[..., None], self._slopes, 0.0)
        rows = slopes.reshape(-1, slopes.shape[-1])
        stiff = self._bend + 1.0 / tau

        def point(w: Floats) -> Floats:
            pull = center / tau - self._linear - w.reshape(-1) @ rows
            return self._project(pull / stiff)

        step = stiff / (1.05 * _square_norm(rows) + 1e-300)
        x = y = weights
        momentum = 1.0
        for k in range(1, _MASTER_STEPS + 1):
            rise = constants + (rows @ point(y)).reshape(constants.shape)
            moved = np.where(there, y + step * rise, -np.inf)
            moved = _onto_simplices(moved)
            if float(((y - moved) * (moved - x)).sum()) > 0.0:
                momentum = 1.0
            following = 0.5 * (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5)
            y = moved + (momentum - 1.0) / following * (moved - x)
            x, momentum = moved, following
            if k % _MASTER_CHECK == 0:
                d = point(x)
                rise = constants + (rows @ d).reshape(constants.shape)
                top = np.where(there, rise, -np.inf).max(axis=1)
                # Slack of the weights, against what the step promises to gain.
                slack = float((top - (x * rise).sum(axis=1)).sum())
                gain = self._smooth(center) - self._smooth(d)
                gain += float((self._model(center) - top).sum())
                if slack <= 0.01 * max(gain, 0.0) + 1e-14 * self._size:
                    break
        return x, point(x)

    def _floor(self, weights: Floats) -> float:
        """The lower bound of the class for these weights, before rounding."""
        there = np.isfinite(self._constants)
        g = self._linear + np.einsum("mk,mkp->p", np.where(there, weights, 0.0), self._slopes)
        base = self._constant + float((weights[there] * self._constants[there]).sum())
        if self._bend == 0.0:
            return base - self._support(-g)
        e = self._least(g)
        slope = g + self._bend * e
        value = float(g @ e) + 0.5 * self._bend * float(e @ e)
        by_support = value - float(slope @ e) - self._support(-slope)
        return base + max(by_support, -0.5 * float(g @ g) / self._bend)

    def _least(self, g: Floats) -> Floats:
        """A point that minimizes <g, d> + (M/2) norm(d)^2 over K - W_1."""
        if self._bend > 0.0:
            return self._project(-g / self._bend)
        return to_numpy(self._set.lmo(as_like(g, self._start)))

    def _first_step(self, center: Floats) -> float:
        g = self._linear + self._bend * center
        if self._groups:
            g = g + self._slopes[:, 0].sum(axis=0)
        length = float(np.linalg.norm(g))
        reach = float(to_numpy(self._set.reach(as_like(np.zeros(len(g)), self._start))))
        return (reach if np.isfinite(reach) else 1.0 + float(np.linalg.norm(center))) / (
            length + 1e-300
        )

    def _model(self, d: Floats) -> Floats:
        """The largest tangent of every group at d; -inf where there is none."""
        found: Floats = np.max(self._constants + self._slopes @ d, axis=1, initial=-np.inf)
        return found

    def _smooth(self, d: Floats) -> float:
        """q(d)."""
        return self._constant + float(self._linear @ d) + 0.5 * self._bend * float(d @ d)

    def _padded(self, weights: Floats) -> Floats:
        more = self._constants.shape[1] - weights.shape[1]
        return np.pad(weights, ((0, 0), (0, more)))

    def _project(self, d: Floats) -> Floats:
        return to_numpy(self._set.project(as_like(d, self._start)))

    def _support(self, g: Floats) -> float:
        return float(to_numpy(self._set.support(as_like(g, self._start))))


def is_linear(loss: RoundLoss) -> bool:
    """Whether a round loss is known to be linear."""
    return isinstance(loss, LinearLoss) or (isinstance(loss, PayoffLoss) and loss.linear)


def _onto_simplices(x: Floats) -> Floats:
    """Every row onto the simplex, entries at -inf onto 0."""
    low = np.where(np.isfinite(x), x, -1e150)
    return np.asarray(onto_simplex(low, 1.0))


def _square_norm(rows: Floats) -> float:
    """The largest eigenvalue of rows^T rows, by power iteration (it sets a step, and no bound)."""
    v: Any = np.random.default_rng(0).standard_normal(rows.shape[1])
    for _ in range(16):
        v = rows.T @ (rows @ v)
        v /= np.linalg.norm(v) + 1e-300
    found = rows @ v
    return float(found @ found)
