"""A quadratic below F for a smooth two-layer network: Taylor's formula, neuron by neuron."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.duality.quadratic_minorant import QuadraticMinorant
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import NotAvailableError

__all__ = ["smooth_minorant", "symmetric_eigenbasis"]

_UNIT = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]


def smooth_minorant(
    point: TwoLayerPoint, samples: WeightedSamples, slopes: Floats, constant: float
) -> QuadraticMinorant:
    r"""A quadratic below G(u) = sum_j omega_j p_j f(u, x_j), for sigma'' in [c-, c+].

    Taylor's formula for one neuron and one sample: with t = <v_r, x_j>,

        p_j b_r sigma(z + t) = p_j b_r [ sigma(z) + sigma'(z) t ] + (1/2) p_j b_r sigma''(xi) t^2,

    and p_j b_r sigma''(xi) >= -abs(b_r) max(0, -p_j s c+, -p_j s c-), s = sign(b_r), because a
    product with a number from [c-, c+] is least at one of the two ends. Summed,

        G(u0 + v) >= G(u0) + <g, v> - sum_r v_r^T M_r v_r,
        M_r = abs(b_r) N_s,   N_s = (1/2) sum_j omega_j max(0, -p_j s c+, -p_j s c-) x_j x_j^T:

    two d x d matrices, whatever the width.

    Args:
        point: The network at u0.
        samples: x_j and omega_j.
        slopes: p, shape ``(N,)``.
        constant: Put into the result as it is.

    Returns:
        The `QuadraticMinorant`; eigenvalues are rounded up by more than the error of the sums
        and of the symmetric eigensolver.

    Raises:
        NotAvailableError: sigma has no range of sigma''.
    """
    if point.activation.curvature_range is None:
        raise NotAvailableError(
            "`gap(model=...)` must have an activation with a `curvature_range`, or "
            f"`olgame.activations.relu` itself, got {point.activation!r}."
        )
    least, largest = point.activation.curvature_range
    d = point.hidden.shape[1]
    n_plus, n_minus = np.zeros((d, d)), np.zeros((d, d))
    for where, x in samples.chunks(point.rows):
        p = slopes[where]
        omega = samples.weights[where]
        for s, total in ((1.0, n_plus), (-1.0, n_minus)):
            bend = np.maximum(0.0, np.maximum(-p * s * largest, -p * s * least))
            total += (x * (0.5 * omega * bend)[:, None]).T @ x
    g = point.gradient(samples, slopes)
    rotated_g, rotated_delta = np.empty_like(g), np.empty_like(g)
    eigenvalues = np.empty_like(g)
    for side, total in ((point.output >= 0, n_plus), (point.output < 0, n_minus)):
        values, basis = symmetric_eigenbasis(total, len(slopes))
        rotated_g[side] = g[side] @ basis
        rotated_delta[side] = point.displacement[side] @ basis
        eigenvalues[side] = np.abs(point.output[side])[:, None] * values
    return QuadraticMinorant(constant, rotated_g, rotated_delta, eigenvalues)


def symmetric_eigenbasis(matrices: Floats, terms: int) -> tuple[Floats, Floats]:
    """Eigenvalues, rounded up, and eigenvectors of positive semidefinite sums of ``terms``.

    Each entry of a sum of N terms omega x x^T is off by at most N roundoffs of the sum of
    absolute values, hence the matrix by N roundoffs of its trace; the solver (backward stable)
    adds a small multiple of d roundoffs of its norm. What overflowed has eigenvalues inf.
    """
    if not np.isfinite(matrices).all():
        return np.full(matrices.shape[:-1], np.inf), np.zeros_like(matrices)
    values, basis = np.linalg.eigh(0.5 * (matrices + np.swapaxes(matrices, -1, -2)))
    trace = np.trace(matrices, axis1=-1, axis2=-2)
    slack = _UNIT * (terms + 16 * matrices.shape[-1]) * trace
    return np.maximum(values, 0.0) + np.asarray(slack)[..., None], basis
