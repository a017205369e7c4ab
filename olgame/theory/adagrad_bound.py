"""The regret theorem of AdaGrad, with a weight for every coordinate and with a full matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.regret.curve import linear_curve
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import wide
from olgame.theory import audit
from olgame.theory.optimal_steps import PlayedStep, optimal_steps
from olgame.theory.played_sequence import PlayedSequence, played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import finite_not_negative, finite_positive, one_of

__all__ = ["AdaGradBound", "coordinate_widths"]

Floats = NDArray[np.float64]


@attrs.frozen
class AdaGradBound:
    """Linear regret of the minimizers of alpha <g_t, u> + (u - W_t)^T H_t (u - W_t)/2 over u in K.

    ``"diagonal"``, H_t = diag(h_t), h_{t,j} = delta + norm(g_{1:t,j}) with norm(g_{1:t,j})^2 = sum
    over s <= t of g_{s,j}^2, and d_j the width of K along coordinate j:

        R_T <= sum_j d_j^2 h_{T,j}/(2 alpha) + alpha norm(g_{1:T,j});

    ``"full"``, H_t = delta I + G_t^(1/2), G_t = sum over s <= t of g_s g_s^T:

        R_T <= diam^2 (delta + tr G_T^(1/2))/(2 alpha) + alpha tr G_T^(1/2).

    Proof. As for mirror descent with the divergence of H_t, alpha <g_t, W_t - u> is at most
    [norm_t(W_t - u)^2 - norm_t(W_{t+1} - u)^2 + alpha^2 norm_{t,*}(g_t)^2]/2. The norms only grow,
    so the first two sum up to at most sum_t (W_t - u)^T (H_t - H_{t-1}) (W_t - u)/2 with H_0 = 0:
    at most sum_j d_j^2 h_{T,j}/2, or diam^2 (delta + tr G_T^(1/2))/2, as the largest eigenvalue of
    H_t - H_{t-1} is at most its trace for t > 1, and delta more for t = 1. The last ones sum up to
    at most alpha^2 sum_j norm(g_{1:T,j}) or alpha^2 tr G_T^(1/2): tr G^(1/2) is concave in G with
    gradient G^(-1/2)/2, hence g_t^T G_t^(-1/2) g_t <= 2 (tr G_t^(1/2) - tr G_{t-1}^(1/2)), and the
    same for each coordinate. []

    It is the *width* that counts, not the reach from W_1: the steps change in every round.

    Args:
        step_size: alpha.
        delta: delta.
        matrix: ``"diagonal"`` for `AdaGrad`, ``"full"`` for `FullMatrixAdaGrad`.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(3)[t % 3] * (-1) ** t) for t in range(30)]
        >>> run = og.play(
        ...     og.learners.AdaGrad(2**0.5), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.LinfBall(1.0, center=np.zeros(3)), rounds=30, keep="points",
        ... )
        >>> og.theory.check_bound(AdaGradBound(2**0.5), run).conclusion
        'certified_holds'

    References:
        duchi2011, Theorem 5 and Theorem 7; streeter2010; orabona2019, Section 4.2.
    """

    step_size: float = attrs.field(validator=finite_positive)
    delta: float = attrs.field(default=0.0, validator=finite_not_negative)
    matrix: Literal["diagonal", "full"] = attrs.field(
        default="diagonal", validator=one_of("diagonal", "full")
    )

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        diagonal = self.matrix == "diagonal"
        return BoundStatement(
            name=f"AdaGrad, {self.matrix} matrix, linear regret",
            formula="R_T <= sum_j d_j^2 h_{T,j}/(2 alpha) + alpha norm(g_{1:T,j})"
            if diagonal
            else "R_T <= diam^2 (delta + tr G_T^(1/2))/(2 alpha) + alpha tr G_T^(1/2)",
            source=f"duchi2011, Theorem {5 if diagonal else 7}, recalled; proved here",
            tightness="upper",
            size="d_j, the widths along coordinates" if diagonal else "diam",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, steps, and widths that are finite."""
        game = played_sequence(run)
        rule = self._diagonal_steps if self.matrix == "diagonal" else self._full_steps
        steps = None if game is None else rule(game)
        widest = float(np.max(self._widths(run)))
        return Premises(
            (
                audit.points_feasible(run),
                optimal_steps(run, steps, "AdaGrad steps"),
                Premise.of("bounded decision set", np.isfinite(widest), f"widths to {widest:.6g}"),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound after every round, from the gradients; nan where they were not kept."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        half = self._widths(run) ** 2 / (2.0 * self.step_size)
        if self.matrix == "diagonal":
            lengths = np.sqrt(np.cumsum(game.gradients**2, axis=0))
            each = half * (self.delta + lengths) + self.step_size * lengths
            return np.asarray(each.sum(axis=1))
        traces = np.array([lengths.sum() for lengths, _ in _roots(game)])
        return np.asarray(half * (self.delta + traces) + self.step_size * traces)

    def _widths(self, run: Transcript) -> Any:
        if self.matrix == "full":
            return float(run.decision_set.diameter)
        return coordinate_widths(run.decision_set, wide(run.start))

    def _diagonal_steps(self, game: PlayedSequence) -> Iterator[PlayedStep]:
        metric = self.delta + np.sqrt(np.cumsum(game.gradients**2, axis=0))
        offsets = game.points - game.points[0]
        for t, h in enumerate(metric):
            move = self.step_size * game.gradients[t]
            yield PlayedStep(game.points[t + 1], (move, h * offsets[t + 1], -h * offsets[t]), move)

    def _full_steps(self, game: PlayedSequence) -> Iterator[PlayedStep]:
        offsets = game.points - game.points[0]
        for t, (lengths, axes) in enumerate(_roots(game)):
            h = (axes.T * lengths) @ axes + self.delta * np.eye(offsets.shape[1])
            move = self.step_size * game.gradients[t]
            yield PlayedStep(game.points[t + 1], (move, h @ offsets[t + 1], -h @ offsets[t]), move)


def coordinate_widths(decision_set: ConvexSet, like: Any) -> Floats:
    """max u_j - min u_j over K for every j, shape ``(p,)``, from the support function."""
    axes = as_like(np.eye(like.shape[-1]), like)
    return to_numpy(decision_set.support(axes)) + to_numpy(decision_set.support(-axes))


def _roots(game: PlayedSequence) -> Iterator[tuple[Floats, Floats]]:
    """Eigenvalues and eigenvectors (in rows) of G_t^(1/2), the first not below rounding.

    They are the singular values of the matrix of gradients, of which a triangle is kept. From the
    eigenvalues of G_t the roots would have half the digits.
    """
    triangle: Any = np.zeros((0, game.gradients.shape[1]))
    for gradient in game.gradients:
        triangle = np.linalg.qr(np.vstack([triangle, gradient]), mode="r")
        _, lengths, axes = np.linalg.svd(triangle, full_matrices=False)
        yield lengths, axes
