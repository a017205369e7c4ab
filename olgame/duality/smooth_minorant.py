"""A quadratic below F for a smooth two-layer network: Taylor's formula, neuron by neuron."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from olgame.duality.gram_bound import gram_bound
from olgame.duality.quadratic_minorant import QuadraticMinorant
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import NotAvailableError

__all__ = ["smooth_minorant", "symmetric_eigenbasis"]

_UNIT = float(np.finfo(np.float64).eps)
_EXACT = 16  # so many matrices are summed over all rounds one by one, more from mean inputs
_MATRICES = 1 << 22  # numbers in one block of d x d matrices (32 MB)

Floats = NDArray[np.float64]


def smooth_minorant(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    constant: float,
    gradient: Floats,
) -> QuadraticMinorant:
    r"""A quadratic below G(u) = sum_j omega_j p_j f(u, x_j), for sigma'' in [c-, c+].

    Taylor's formula for one neuron and one sample: with t = <v_r, x_j>,

        p_j b_r sigma(z + t) = p_j b_r [ sigma(z) + sigma'(z) t ] + (1/2) p_j b_r sigma''(xi) t^2,

    and p_j b_r sigma''(xi) >= -abs(b_r) max(0, -p_j s c+, -p_j s c-), s = sign(b_r), because a
    product with a number from [c-, c+] is least at one of the two ends. Summed,

        G(u0 + v) >= G(u0) + <g, v> - sum_r v_r^T M_r v_r,
        M_r = abs(b_r) N_s,   N_s = (1/2) sum_j omega_j max(0, -p_j s c+, -p_j s c-) x_j x_j^T:

    two d x d matrices, whatever the width. For k classes read p_j s as <p_j, s>, b_r = sizes_r s
    with one s for each direction that the output weights have: neurons of one direction share a
    matrix. Where there are many, those of a game come from its mean inputs (`gram_bound`).

    Args:
        point: The network at u0.
        samples: x_j and omega_j.
        slopes: p, shape ``(N,)`` or ``(N, k)``.
        constant: Put into the result as it is.
        gradient: g, shape ``(m, d)``.

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
    rotated_g, rotated_delta = np.empty_like(gradient), np.empty_like(gradient)
    eigenvalues = np.empty_like(gradient)
    directions, of_row = point.directions()
    size = max(1, _MATRICES // gradient.shape[1] ** 2)
    for first in range(0, len(directions), size):
        block = directions[first : first + size]
        found = symmetric_eigenbasis(_matrices(point, samples, slopes, block), len(slopes))
        for i, (values, basis) in enumerate(zip(*found, strict=True), start=first):
            side = of_row == i
            rotated_g[side] = gradient[side] @ basis
            rotated_delta[side] = point.displacement[side] @ basis
            eigenvalues[side] = point.sizes[side, None] * values
    return QuadraticMinorant(constant, rotated_g, rotated_delta, eigenvalues)


def _matrices(
    point: TwoLayerPoint, samples: WeightedSamples, slopes: Floats, directions: Floats
) -> Floats:
    """N_s, or a matrix above it, for every direction s, shape ``(D, d, d)``."""
    d = point.hidden.shape[1]
    weights = _weights(point, samples, slopes, directions)
    if len(directions) <= _EXACT or len(samples.blocks) == 1:
        total = np.zeros((len(directions), d, d))
        for _, x, w in weights:
            for i in range(len(directions)):
                total[i] += (x * w[:, i, None]).T @ x
        return total
    centers = samples.centers()
    means, spread = np.zeros((len(directions), len(centers))), np.zeros(len(directions))
    for where, x, w in weights:
        same = np.arange(where.start, where.stop) % len(centers)
        means[:, same] += w.T
        spread += ((x - centers[same]) ** 2).sum(axis=1) @ w
    return gram_bound(means, spread, centers)


def _weights(
    point: TwoLayerPoint, samples: WeightedSamples, slopes: Floats, directions: Floats
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Where, inputs x_j, and (1/2) omega_j max(0, -<p_j, s> c+, -<p_j, s> c-), ``(rows, D)``."""
    assert point.activation.curvature_range is not None  # asked for above
    least, largest = point.activation.curvature_range
    p = point.axis.lift(slopes)
    # <p, s> has k terms and errs by as many roundoffs of norm1(p); a product of two numbers is
    # rounded in proportion to itself, which the eigenvalues allow for.
    off = _UNIT * (point.terms + 4) * max(abs(least), abs(largest)) if point.terms else 0.0
    for where, x in samples.chunks(max(1, point.rows * len(point.output) // len(directions))):
        q = p[where] @ directions.T
        bend = np.maximum(0.0, np.maximum(-q * largest, -q * least))
        bend = bend + off * np.abs(p[where]).sum(axis=1)[:, None]
        yield where, x, bend * (0.5 * samples.weights[where])[:, None]


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
