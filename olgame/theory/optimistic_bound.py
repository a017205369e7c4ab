"""The regret theorem of optimistic mirror descent and its lazy form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.mirror_maps.mirror_map import MirrorMap
from olgame.regret.curve import linear_curve
from olgame.theory import audit
from olgame.theory.optimal_steps import PlayedStep, optimal_steps
from olgame.theory.played_sequence import PlayedSequence, played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import finite_positive

__all__ = ["OptimisticBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class OptimisticBound:
    """Linear regret of `olgame.learners.Optimistic` with hints m_t and a fixed step.

    Around mirror descent, Z_1 = W_1 before its hint, B the divergence of psi, which is 1-strongly
    convex on K in a norm with dual norm_*:

        W_t minimizes alpha <m_t, u> + B(u, Z_t),    Z_{t+1} minimizes alpha <g_t, u> + B(u, Z_t);

    around follow-the-regularized-leader (``lazy``) W_t minimizes alpha <g_1 + ... + g_{t-1} + m_t,
    u> + B(u, Z_1). Either way

        R_T <= sup_u B(u, Z_1)/alpha + (alpha/2) sum_t norm_*(g_t - m_t)^2.

    Proof. <g_t, W_t - u> = <g_t - m_t, W_t - Z_{t+1}> + <m_t, W_t - Z_{t+1}> + <g_t, Z_{t+1} - u>.
    The two minimizers give, as for mirror descent, alpha <m_t, W_t - Z_{t+1}> <= B(Z_{t+1}, Z_t) -
    B(Z_{t+1}, W_t) - B(W_t, Z_t) and alpha <g_t, Z_{t+1} - u> <= B(u, Z_t) - B(u, Z_{t+1}) -
    B(Z_{t+1}, Z_t). In the sum B(Z_{t+1}, W_t) >= norm(Z_{t+1} - W_t)^2/2 is left over, which pays
    for all of <g_t - m_t, W_t - Z_{t+1}> but (alpha/2) norm_*(g_t - m_t)^2, and B(u, .) telescopes.
    Lazy: let F(u) = alpha <g_1 + ... + g_{t-1}, u> + B(u, Z_1), Z_t its minimizer and M_{t-1} its
    minimum. As W_t minimizes F + alpha <m_t, .>, M_t - alpha <g_t - m_t, Z_{t+1}> = F(Z_{t+1}) +
    alpha <m_t, Z_{t+1}> >= M_{t-1} + alpha <m_t, W_t> + norm(Z_{t+1} - W_t)^2/2, hence M_t -
    M_{t-1} >= alpha <g_t, W_t> - alpha^2 norm_*(g_t - m_t)^2/2. From M_0 = 0 to M_T <= B(u, Z_1) +
    alpha <g_1 + ... + g_T, u>. []

    Tight at m_t = 0 for the Euclidean map, where it is the bound of `MirrorDescentBound`.

    Args:
        mirror_map: psi; `Euclidean` around gradient descent and dual averaging.
        step_size: alpha.
        hints: As the learner's: None (the last gradient), a sequence, or a function of t.
        lazy: Whether the learner inside is a regularized leader.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1.0, 0.0]))] * 50
        >>> run = og.play(
        ...     og.learners.Optimistic(og.learners.OnlineGradientDescent(0.1)),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)), rounds=50, keep="points",
        ... )
        >>> check = og.theory.check_bound(OptimisticBound(og.mirror_maps.Euclidean(), 0.1), run)
        >>> check.conclusion, round(float(check.regret[-1]), 6), round(float(check.bound[-1]), 6)
        ('certified_holds', 4.6, 5.05)

    References:
        rakhlin2013, Lemma 2; orabona2019, Section 7.12.
    """

    mirror_map: MirrorMap
    step_size: float = attrs.field(validator=finite_positive)
    hints: Sequence[Any] | Callable[[int], Any] | None = None
    lazy: bool = False

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        kind = "regularized leader" if self.lazy else "mirror descent"
        return BoundStatement(
            name=f"Optimistic {kind} with {self.mirror_map!r}, linear regret",
            formula="R_T <= sup_u B(u, Z_1)/alpha + (alpha/2) sum_t norm_*(g_t - m_t)^2",
            source="rakhlin2013, Lemma 2, recalled; proved here",
            tightness="tight",
            size="sup B(., Z_1)",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, both minimizers of every round, and a size of K that is finite."""
        game = played_sequence(run)
        steps = None if game is None else self._steps(game, run)
        first = self._size(run)
        return Premises(
            (
                audit.points_feasible(run),
                optimal_steps(run, steps, "optimistic steps"),
                Premise.of("bounded decision set", math.isfinite(first), f"B_1 = {first:.6g}"),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound after every round, from the gradients and hints."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        surprise = game.gradients - self._hints(game)[:-1]
        squares = to_numpy(self.mirror_map.dual_norm(surprise, run.decision_set)) ** 2
        moved = self.step_size * np.cumsum(squares) / 2.0
        return np.asarray(self._size(run) / self.step_size + moved)

    def _size(self, run: Transcript) -> float:
        largest = self.mirror_map.largest_divergence(run.start, run.decision_set)
        return float(to_numpy(largest))

    def _hints(self, game: PlayedSequence) -> Floats:
        """m_1, ..., m_{T+1}, the last one for the point after the last round."""
        rounds, dim = game.gradients.shape
        hints: Any = self.hints
        if hints is None:
            return np.vstack([np.zeros((1, dim)), game.gradients])
        if callable(hints):
            return np.stack([to_numpy(hints(t)) for t in range(1, rounds + 2)])
        given = np.stack([to_numpy(hint) for hint in hints[: rounds + 1]])
        return given if len(given) > rounds else np.vstack([given, np.zeros((1, dim))])

    def _steps(self, game: PlayedSequence, run: Transcript) -> Iterator[PlayedStep]:
        """W_t from Z_t and m_t, then Z_{t+1} from Z_t and g_t: both are certified.

        Z_t is no part of a transcript. It is computed here, and as good as its own certificate.
        """
        psi, alpha, hints = self.mirror_map, self.step_size, self._hints(game)
        played = to_numpy(psi.gradient(game.points))
        first = middle = to_numpy(psi.gradient(to_numpy(run.start)))
        total = np.zeros_like(game.gradients[0])
        for t, hint in enumerate(hints):
            move = alpha * game.gradients[min(t, len(game.gradients) - 1)]
            if self.lazy:
                terms = (alpha * (total + hint), played[t], -first)
            else:
                terms = (alpha * hint, played[t], -middle)
            yield PlayedStep(game.points[t], terms, move)
            if t == len(game.gradients):
                return
            total = total + game.gradients[t]
            if not self.lazy:
                theta: Any = as_like(middle - move, run.start)
                point = to_numpy(psi.project(theta, run.decision_set).point)
                following = to_numpy(psi.gradient(point))
                yield PlayedStep(point, (move, following, -middle), move)
                middle = following
