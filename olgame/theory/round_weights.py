"""Weights over the rounds that raise the certified floor: a small concave problem."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError
from olgame.replay import replay
from olgame.theory.audit import check_single_game
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["round_weights"]

Floats = NDArray[np.float64]

_STEPS = 20000
_TOLERANCE = 1e-9


def round_weights(run: Transcript, weight_radius: float, *, last: int = 64) -> Floats:
    r"""The mixed strategy of the adversary, over the rounds played, with the largest free floor.

    With q_t = g_t + 2 kappa_t D_t and
    c_t = l_t(W_t) - <g_t, D_t> - kappa_t norm(D_t)^2 - R^2 kappa_t, a game from W_1 = W_0 has
    (`floor`), for every lambda in the simplex,

        min over B(R) of L_* >= phi(lambda) = sum_t lambda_t c_t - R norm(sum_t lambda_t q_t),

    a concave function of lambda. Only the Gram matrix Q_st = <q_s, q_t> of the last N rounds is
    needed: phi = <c, lambda> - R sqrt(lambda^T Q lambda). Pairwise Frank-Wolfe: weight moves from
    the round of least slope to that of the largest, as far as it helps, until the Frank-Wolfe gap
    max_t d_t - <d, lambda>, d the gradient of phi, is below 1e-9: the best weights to within that.

    Any weights are sound. So where W_1 is not W_0, or the floor is taken with other means
    (`theory.gap` with these ``weights``), they are a guess, and as good as any other proof.

    Args:
        run: A single game on a network with ``keep="examples"``.
        weight_radius: R > 0.
        last: N, the rounds counted from the end that may get weight; N p numbers are held.

    Returns:
        lambda >= 0 with sum 1, shape ``(T,)``.

    Raises:
        ArgumentError: A number is outside its domain.
        NotAvailableError: A gradient, a loss or kappa_t is not finite.
        NotKeptError: The played inputs were not kept.

    References:
        gao2019 (the idea of the game; the weights are this library's).
    """
    ok = 0.0 < weight_radius < np.inf
    require(ok, "round_weights", "weight_radius", "be finite and positive", weight_radius)
    require(last >= 1, "round_weights", "last", "be an integer of at least 1", last)
    check_single_game(run, "round_weights")
    radius, first = float(weight_radius), max(run.rounds - last, 0)
    start, rows = to_numpy(run.start), list[Floats]()
    kappa: Floats = run.weak_convexity
    for step in replay(run):
        if step.round > first:
            displacement = to_numpy(step.point) - start
            bend = 2.0 * float(kappa[step.round - 1])
            rows.append(np.asarray(to_numpy(step.evaluation.gradient) + bend * displacement))
    matrix = np.stack(rows)
    constants = (run.loss - run.inner - kappa * run.distance**2 - radius**2 * kappa)[first:]
    if not (np.isfinite(matrix).all() and np.isfinite(constants).all()):
        raise NotAvailableError(
            "`round_weights(run=...)` needs losses, gradients and a curvature constant of the "
            "network that are finite (a ReLU network has none)."
        )
    found = np.zeros(run.rounds)
    found[first:] = _ascend(constants, matrix @ matrix.T, radius)
    return found


def _ascend(c: Floats, gram: Floats, radius: float) -> Floats:
    """argmax of <c, lambda> - R sqrt(lambda^T Q lambda) over the simplex.

    Along e_s - e_v, a move by gamma has the slope
    a - R (b + gamma q)/sqrt(r + 2 b gamma + gamma^2 q), with a = c_s - c_v,
    b = (Q lambda)_s - (Q lambda)_v, q = Q_ss - 2 Q_sv + Q_vv, r = lambda^T Q lambda: decreasing,
    and its root is found by bisection.
    """
    weights = np.full(len(c), 1.0 / len(c))
    for _ in range(_STEPS):
        pull = gram @ weights
        square = max(float(weights @ pull), 0.0)
        slope = c - radius * pull / max(square**0.5, 1e-300)
        toward = int(slope.argmax())
        away = int(np.where(weights > 0.0, slope, np.inf).argmin())
        if float(slope[toward] - slope @ weights) <= _TOLERANCE or toward == away:
            break
        a, b = float(c[toward] - c[away]), float(pull[toward] - pull[away])
        q = float(gram[toward, toward] - 2.0 * gram[toward, away] + gram[away, away])
        low, high = 0.0, float(weights[away])
        for _ in range(60):
            middle = 0.5 * (low + high)
            length = max(square + 2.0 * b * middle + q * middle * middle, 0.0) ** 0.5
            if a * length >= radius * (b + middle * q):
                low = middle
            else:
                high = middle
        # All of it, where even the end rises: rounding must leave no crumbs.
        gamma = float(weights[away]) if high == float(weights[away]) else low
        weights[toward] += gamma
        weights[away] -= gamma
    return weights
