"""Matrices above weighted sums of x x^T over the rounds of a game, from the mean inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["gram_bound", "stretch_and_shift"]

Floats = NDArray[np.float64]


def gram_bound(weights: Floats, spread: Floats, centers: Floats) -> Floats:
    r"""Matrices above sum_{t,i} w_{r,ti} x_{t,i} x_{t,i}^T, one for every r.

    Of a game the inputs x_{t,i} of sample i hardly differ, x_{t,i} = xbar_i + e_{t,i}. For every
    beta > 0, x x^T <= (1 + beta) xbar xbar^T + (1 + 1/beta) e e^T, hence the sum is at most

        (1 + beta) sum_i W_ri xbar_i xbar_i^T + (1 + 1/beta) S_r I,
        W_ri = sum_t w_{r,ti},   S_r = sum_{t,i} w_{r,ti} norm(e_{t,i})^2,

    in O(n d^2) instead of O(T n d^2) for every r. Exact for one round. beta = sqrt(S/a) with a half
    the trace of the sum is about the best for its largest eigenvalue.

    Args:
        weights: W >= 0, shape ``(k, n)``.
        spread: S >= 0, shape ``(k,)``.
        centers: xbar, shape ``(n, d)``.

    Returns:
        Symmetric matrices, shape ``(k, d, d)``.

    Example:
        >>> gram_bound(np.array([[2.0]]), np.array([0.0]), np.array([[1.0, 3.0]]))
        array([[[ 2.,  6.],
                [ 6., 18.]]])
    """
    stretch, shift = stretch_and_shift(weights, spread, centers)
    found = (weights[:, :, None] * centers).transpose(0, 2, 1) @ centers
    found *= stretch[:, None, None]
    found[:, range(found.shape[1]), range(found.shape[1])] += shift[:, None]
    return np.asarray(found)


def stretch_and_shift(weights: Floats, spread: Floats, centers: Floats) -> tuple[Floats, Floats]:
    """1 + beta, and (1 + 1/beta) S, shape ``(k,)`` each."""
    half = 0.5 * weights @ (centers * centers).sum(axis=1)
    ratio = np.where(half > 0, spread / np.where(half > 0, half, 1.0), 0.0)
    return 1.0 + np.sqrt(ratio), spread + np.sqrt(spread * half)
