"""The stationary distribution of a Markov chain, without a subtraction."""

from __future__ import annotations

from typing import Any

from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["stationary_weights"]


def stationary_weights(transition: Array) -> Any:
    """Probabilities pi with pi Q = pi, for a matrix Q of non-negative rows that add up to 1.

    State reduction: the last state is removed and the chain watched on the others only, Q_ij +
    Q_in Q_nj/s_n with s_n = sum_{j < n} Q_nj, until one state is left; then the weights are put
    together again from pi_n s_n = sum_{i < n} pi_i Q_in. No two numbers are subtracted, so every
    weight is accurate to a few p roundings of *its own size*, however small it is (an eigenvector
    is accurate relative to the largest weight, and where there are several may be negative).

    A chain with several closed classes has many stationary distributions; one of them is returned.
    If s_n = 0, state n is never left: where the states before it lead there they get no weight.

    Args:
        transition: Q, shape ``(..., p, p)``; float64.

    Returns:
        pi, shape ``(..., p)``.

    Example:
        >>> import numpy as np
        >>> stationary_weights(np.array([[0.9, 0.1], [0.3, 0.7]]))
        array([0.75, 0.25])

    References:
        grassmann1985.
    """
    xp = kernels(transition).xp
    p = transition.shape[-1]
    chain: Any = xp.asarray(transition, copy=True)
    leaving: list[tuple[Any, Any]] = []
    for n in range(p - 1, 0, -1):
        row = chain[..., n, :n]
        out = xp.sum(row, axis=-1, keepdims=True)
        positive = xp.where(out > 0.0, out, xp.ones_like(out))
        chain = chain[..., :n, :]
        into = chain[..., :, n]
        chain = chain[..., :, :n] + into[..., :, None] * (row / positive)[..., None, :]
        leaving.append((into, out))
    weights = xp.ones_like(transition[..., 0, :1])
    for n in range(1, p):
        into, out = leaving[-n]
        arriving = xp.sum(weights * into, axis=-1, keepdims=True)
        total = out + arriving
        # Normalized as it grows: a state that is hardly ever left would overflow.
        kept = xp.where(total > 0.0, out, xp.ones_like(total))
        total = xp.where(total > 0.0, total, xp.ones_like(total))
        weights = xp.concat((weights * (kept / total), arriving / total), axis=-1)
    return weights / xp.sum(weights, axis=-1, keepdims=True)
