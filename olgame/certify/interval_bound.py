"""Neuron-by-neuron upper bounds on a two-layer network."""

from __future__ import annotations

from typing import Any

from olgame.activations import Activation, relu, softplus, tanh
from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["interval_bound"]

_MONOTONE = (relu, softplus, tanh)


def interval_bound(
    output: Array, activation: Activation, z: Array, low: Array, high: Array
) -> Array:
    r"""sum_k max of c_k sigma over [l_k, u_k]: every neuron at its own worst.

    Coarse (neurons cannot all be at their worst at once), but bounded where the quadratic bounds
    grow with rho^2. For a non-decreasing sigma the maximum is at an end, by the sign of c_k.
    Otherwise it is at most ``c_k sigma(z_k) + abs(c_k) C1 r_k`` and, by Taylor's formula, at most
    ``c_k sigma(z_k) + abs(c_k sigma'(z_k)) r_k + h_k r_k^2 / 2`` with h_k >= max(0, c_k sigma'').

    Args:
        output: c_k, shape ``(m,)``.
        activation: sigma.
        z: points z_k to expand at, shape ``(n, m)``.
        low: l_k, shape ``(n, m)``.
        high: u_k, shape ``(n, m)``; r_k is the farthest that [l_k, u_k] goes from z_k.

    Returns:
        Shape ``(n,)``, up to rounding.

    Example:
        >>> import numpy as np
        >>> z, r = np.array([[0.5]]), np.array([[1.0]])
        >>> print(interval_bound(np.array([2.0]), relu, z, z - r, z + r))  # z + r = 1.5
        [3.]
    """
    xp = kernels(z).xp
    c: Any = output
    if activation in _MONOTONE:
        end = xp.where(c > 0, high, low)
        total: Array = xp.sum(c * activation.value(end), axis=-1)
        return total
    reach: Any = xp.maximum(high - z, z - low)
    room: Any = xp.abs(c) * (activation.c1 * reach)
    if activation.c2 is not None:
        wide: Any = reach + 1e-15 * (xp.abs(z) + reach)  # the ends are rounded
        least, largest = activation.second_derivative_range(z - wide, z + wide)
        h = xp.clip(xp.where(c > 0, c * largest, c * least), 0.0, None)
        taylor = xp.abs(c * activation.derivative(z)) * reach + 0.5 * (h * reach) * reach
        room = xp.minimum(room, taylor)
    total = xp.sum(c * activation.value(z) + room, axis=-1)
    return total
