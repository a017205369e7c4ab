"""The logarithmic regret of the online Newton step."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.sets.fields import wide
from olgame.sets.metric_projection import metric_nearest
from olgame.theory import audit
from olgame.theory.concave_maximum import certified_maximum
from olgame.theory.optimal_steps import PlayedStep, optimal_steps
from olgame.theory.played_sequence import PlayedSequence, played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import finite_positive

__all__ = ["NewtonStepBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class NewtonStepBound:
    """Regret of the minimizers of <g_t, u>/gamma + (u - W_t)^T A_t (u - W_t)/2 over u in K.

    A_t = delta I + sum over s <= t of g_s g_s^T. The theorem is about

        R_T(gamma) = max over u in K of sum_t <g_t, W_t - u> - (gamma/2) <g_t, W_t - u>^2
                   <= gamma delta D_1^2/2 + (1/(2 gamma)) sum_t g_t^T A_t^{-1} g_t
                   <= gamma delta D_1^2/2 + (p/(2 gamma)) log(1 + sum_t norm(g_t)^2/(p delta))

    and holds whatever the losses are. R_T(gamma) is at least the regret where every l_t has l_t(u)
    >= l_t(W_t) + <g_t, u - W_t> + (gamma/2) <g_t, u - W_t>^2 on K, as beta-exp-concave losses do
    for gamma <= min(1/(G diam), beta)/2.

    Proof. As for mirror descent with the divergence of A_t, of which gamma times the step is a
    step of size 1,

        2 <g_t, W_t - u> <= gamma [norm_t(W_t - u)^2 - norm_t(W_{t+1} - u)^2] + g_t^T A_t^{-1}
                            g_t/gamma.

    norm_t(v)^2 - norm_{t-1}(v)^2 = <g_t, v>^2 at v = W_t - u: in the sum these are what R_T(gamma)
    has less, and delta norm(W_1 - u)^2 gamma is left over at the start. For the logarithm,
    g_t^T A_t^{-1} g_t = 1 - det A_{t-1}/det A_t <= log(det A_t/det A_{t-1}), and det A_T is at most
    (tr A_T/p)^p.
    Exp-concave: exp(-2 gamma l_t) is concave (2 gamma <= beta), so l_t(u) >= l_t(W_t) -
    log(1 - 2 gamma <g_t, u - W_t>)/(2 gamma), and -log(1 - z) >= z + z^2/4 for -1 <= z < 1 (the
    difference has the derivative (abs(z)/2) (1 - abs(z))/(1 + abs(z)) in abs(z) for z < 0). []

    Tight as T grows: where nothing is projected, the left side is gamma delta norm(W_1 - u)^2/2 +
    (1/(2 gamma)) sum_t g_t^T A_t^{-1} g_t - (gamma/2) norm_T(W_{T+1} - u)^2 exactly, and u may be
    W_{T+1}: all but the first term is attained, and only the second one grows.

    Args:
        gamma: gamma.
        delta: delta.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([(-1.0) ** t, 0.5])) for t in range(40)]
        >>> run = og.play(
        ...     og.learners.OnlineNewtonStep(0.2, 1.0), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)), rounds=40, keep="points",
        ... )
        >>> og.theory.check_bound(NewtonStepBound(0.2, 1.0), run).conclusion
        'certified_holds'

    References:
        hazan2007, Theorem 2; hazan2022, Theorem 4.5.
    """

    gamma: float = attrs.field(validator=finite_positive)
    delta: float = attrs.field(validator=finite_positive)

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        return BoundStatement(
            name="Online Newton step, regret of exp-concave losses",
            formula="max_u sum_t <g_t, W_t - u> - (gamma/2) <g_t, W_t - u>^2 "
            "<= gamma delta D_1^2/2 + (1/(2 gamma)) sum_t g_t^T A_t^{-1} g_t",
            source="hazan2022, Theorem 4.5, second edition, recalled; proved here",
            tightness="tight",
            size="D_1",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, steps, and a size of K that is finite."""
        game = played_sequence(run)
        steps = None if game is None else self._steps(game)
        reach = float(to_numpy(run.decision_set.reach(run.start)))
        return Premises(
            (
                audit.points_feasible(run),
                optimal_steps(run, steps, "Newton steps"),
                Premise.of("bounded decision set", math.isfinite(reach), f"D_1 = {reach:.6g}"),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """R_t(gamma) after every round, certified from above; nan where losses were not kept."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        like = wide(run.start)
        recentered = run.decision_set.translate(-run.start)
        x, g = game.points[:-1] - game.points[0], game.gradients
        inner = np.vecdot(g, x)
        base = np.cumsum(inner - self.gamma / 2.0 * inner**2)
        slopes = np.cumsum((self.gamma * inner - 1.0)[:, None] * g, axis=0)
        found, outer = [], np.zeros((x.shape[1],) * 2)
        for t, slope in enumerate(slopes):
            # F(v) = base + <slope, v> - (gamma/2) v^T G v for v = u - W_1; slope is in G's range.
            outer = outer + np.outer(g[t], g[t])
            values, vectors = np.linalg.eigh(outer)
            seen = values > 1e-14 * values[-1]
            weights = np.where(seen, values, 0.0)
            turned = vectors.T @ slope / (self.gamma * np.where(seen, values, 1.0))
            free = vectors @ np.where(seen, turned, 0.0)
            arrays = (as_like(a, like) for a in (free, weights, vectors))
            v = to_numpy(metric_nearest(recentered, *arrays))
            value = float(base[t] + slope @ v - self.gamma / 2.0 * (v @ outer @ v))
            rest = slope - self.gamma * (outer @ v)
            found.append(certified_maximum(value, rest, v, recentered, like))
        return np.array(found)

    def bound(self, run: Transcript) -> Floats:
        """The bound after every round, from the gradients; nan where they were not kept."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        reach = float(to_numpy(run.decision_set.reach(run.start)))
        shares = [
            float(g @ np.linalg.solve(matrix, g))
            for g, matrix in zip(game.gradients, self._matrices(game), strict=True)
        ]
        moved = np.cumsum(shares) / (2.0 * self.gamma)
        return np.asarray(self.gamma * self.delta * reach**2 / 2.0 + moved)

    def _matrices(self, game: PlayedSequence) -> Iterator[Floats]:
        matrix = self.delta * np.eye(game.gradients.shape[1])
        for gradient in game.gradients:
            matrix = matrix + np.outer(gradient, gradient)
            yield matrix

    def _steps(self, game: PlayedSequence) -> Iterator[PlayedStep]:
        offsets = game.points - game.points[0]
        for t, matrix in enumerate(self._matrices(game)):
            move = game.gradients[t] / self.gamma
            terms = (move, matrix @ offsets[t + 1], -matrix @ offsets[t])
            yield PlayedStep(game.points[t + 1], terms, move)
