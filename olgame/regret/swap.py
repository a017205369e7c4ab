"""Swap regret on the simplex, exactly."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import number_or_array, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.regret.played_sums import played_points
from olgame.results import Certified
from olgame.sets.simplex import Simplex
from olgame.transcript import Transcript

__all__ = ["SwapRegret", "swap", "swap_curve"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class SwapRegret:
    """The regret against the best way to play j wherever i was played.

    Attributes:
        value: Swap regret, exact: a float, or an array over the games of a batch.
        internal: Regret against the best *single* replacement of an i by a j, exact.
        replacement: For each i the j that would have been best, shape ``(..., p)``.
        matrix: A_ij = sum_t q_t(i) g_t(j), shape ``(..., p, p)``: what the mass on i would have
            suffered on j.
    """

    value: Certified
    internal: Certified
    replacement: NDArray[np.int64]
    matrix: Floats


def swap(run: Transcript) -> SwapRegret:
    """max over maps phi of {1..p} to itself of sum_t sum_i q_t(i) (g_t(i) - g_t(phi(i))).

    On the simplex, W_t = o + q_t. With A_ij = sum_t q_t(i) g_t(j) the best phi(i) is the least
    entry of row i, and the regret sum_i (A_ii - min_j A_ij): exact in O(T p^2). By linearity it is
    also the largest regret against sum_i q_t(i) Q_i over all stochastic matrices Q, so that no map
    of the simplex to itself that is linear can do better. Where the losses are linear this is the
    swap regret, where they are convex an upper bound on sum_t l_t(W_t) - l_t(o + Q^T q_t).

    Args:
        run: A transcript on `olgame.sets.Simplex` with ``keep="examples"`` or ``"points"``.

    Returns:
        The `SwapRegret`.

    Raises:
        NotAvailableError: Another decision set, or something that was played is not finite.
        NotKeptError: The losses were not kept.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array(g)) for g in ([1.0, 0.0], [0.0, 1.0])]
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(1.0),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(2),
        ...     rounds=2,
        ...     start=np.array([1.0, 0.0]),
        ...     keep="examples",
        ... )
        >>> found = swap(run)
        >>> found.value.value, found.replacement.tolist()
        (1.0, [1, 0])

    References:
        blum2007.
    """
    matrix = _matrix(run)
    if not np.isfinite(matrix).all():
        raise NotAvailableError(
            "This game has no regret: a loss, a gradient or a point in it is not finite (see "
            "`violations` of the transcript)."
        )
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    gains = diagonal - matrix.min(axis=-1)
    return SwapRegret(
        _exact(gains.sum(axis=-1), "best entry of every row of sum_t q_t g_t^T"),
        _exact(gains.max(axis=-1), "best single replacement"),
        matrix.argmin(axis=-1),
        matrix,
    )


def swap_curve(run: Transcript) -> Floats:
    """Swap regret after 1, ..., T rounds, shape ``(T, ...)``; see `swap`."""
    found = []
    total: Any = 0.0
    for q, gradient in _weighted(run):
        # Differences first: what all losses of a round have in common costs no digits.
        total = total + q[..., :, None] * (gradient[..., :, None] - gradient[..., None, :])
        found.append(total.max(axis=-1).sum(axis=-1))
    return np.stack(found)


def _matrix(run: Transcript) -> Floats:
    terms = list(_weighted(run))
    weights, gradients = (np.stack(parts) for parts in zip(*terms, strict=True))
    matrix: Floats = np.einsum("t...i,t...j->...ij", weights, gradients)
    return matrix


def _weighted(run: Transcript) -> Any:
    """(q_t, g_t) as float64 arrays, shapes ``(..., p)``."""
    simplex = run.decision_set
    if not isinstance(simplex, Simplex):
        raise NotAvailableError(
            "Swap regret is computed on `Simplex`, where a point is a mixture of actions, got "
            f"{type(simplex).__name__}."
        )
    if run.rounds == 0:
        raise NotAvailableError("No round was played: there is no regret.")
    offset = 0.0 if simplex.offset is None else to_numpy(simplex.offset)
    for point, gradient in played_points(run):
        yield to_numpy(point) - offset, np.broadcast_to(to_numpy(gradient), tuple(point.shape))


def _exact(value: Any, method: str) -> Certified:
    return Certified(number_or_array(value), "exact", method)
