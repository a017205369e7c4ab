"""Quadratics below F for two-layer networks: Taylor's formula per neuron, or ReLU's parabolas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.duality.quadratic_minorant import QuadraticMinorant
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import NotAvailableError

__all__ = ["relu_minorants", "smooth_minorant"]

_UNIT = float(np.finfo(np.float64).eps)
_ENTRIES = 1 << 22  # numbers in one block of temporaries (32 MB)
_TAU = (0.125, 0.25, 0.5, 0.75, 1.0, 2.0, 8.0)  # times R_h X / sqrt(m_h)
_OUT = 1e300
_MU = (1.0, 1.2)  # times norm(g)/(2R)

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
        values, basis = _eigh(total, len(slopes))
        rotated_g[side] = g[side] @ basis
        rotated_delta[side] = point.displacement[side] @ basis
        eigenvalues[side] = np.abs(point.output[side])[:, None] * values
    return QuadraticMinorant(constant, rotated_g, rotated_delta, eigenvalues)


def _eigh(matrices: Floats, terms: int) -> tuple[Floats, Floats]:
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


def relu_minorants(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    constant: float,
    balls: WeightBalls,
) -> list[QuadraticMinorant]:
    r"""Quadratics below G(u) = sum_j omega_j p_j f(u, x_j) for sigma = relu.

    Let c = omega_j p_j b_r, z = <u0_r, x_j>, t = <v_r, x_j>. Where c >= 0, relu is convex:
    relu(z + t) >= relu(z) + relu'(z) t. Where c < 0 an *upper* bound on relu is needed:
    abs(s) <= s^2/(2 v) + v/2 for any v > 0, hence relu(s) = (s + abs(s))/2 <= (s + v)^2/(4 v), and

        c relu(z + t) >= c [ (z + v)^2/(4 v) + (z + v)/(2 v) t + t^2/(4 v) ].

    With v = max(abs(z), tau) value and slope are those of relu unless abs(z) < tau, where the
    value is (v - abs(z))^2/(4 v) higher; M_r = sum over c < 0 of abs(c)/(4 v) x_j x_j^T.
    (The slope is written (z + v)/(2 v), not relu'(z) plus a correction by sign(z): z = 0 needs
    1/2.) Every pair of a neuron and a sample has its slope and its lost value from one and the
    same z: relu'(z) jumps at 0, and two products of matrices need not agree on the sign of a z
    that is 0 but for rounding.

    Any tau > 0 is sound for every neuron. Given mu the penalty is a sum over neurons, so
    each takes the best tau of a short grid around R_h X/sqrt(m_h), the move of one pre-activation
    when the m_h neurons of a ball share its budget equally; done for a few mu. One d x d matrix a
    neuron is formed and diagonalized, some neurons at a time; cost O(N m d^2) for every tau.

    Args:
        point: The network at u0.
        samples: x_j and omega_j.
        slopes: p, shape ``(N,)``.
        constant: G(u0) and what else stands in front; the values above are taken off it.
        balls: K, for the choice of tau and mu only.

    Returns:
        One `QuadraticMinorant` for each mu tried; all are sound.
    """
    m, d = point.hidden.shape
    norms = np.zeros(len(slopes))
    for where, x in samples.chunks(point.rows):
        norms[where] = np.linalg.norm(x, axis=1)
    unit = balls.of_rows(balls.radii / np.sqrt(balls.sizes)) * float(norms.max())
    # Largest norm that g can have, over 2R: where g itself says nothing (relu'(0) = 0 at a kink).
    bound = balls.norms(point.output[:, None]) * float(samples.weights * np.abs(slopes) @ norms)
    if not bound.any():
        nothing = np.zeros((m, d))
        return [QuadraticMinorant(constant, nothing, point.displacement, nothing)]
    convex = _convex_part(point, samples, slopes)
    ratio = balls.norms(point.gradient(samples, slopes)) / (2 * balls.radii)
    guesses = [balls.of_rows(ratio * factor) for factor in _MU if ratio.any()]
    guesses.append(balls.of_rows(bound / (2 * balls.radii)))

    # nan: where no tau has finite numbers, no floor may come out.
    arrays = [tuple(np.full((m, d), np.nan) for _ in range(3)) for _ in guesses]
    losses = np.zeros((len(guesses), m))
    block = max(1, _ENTRIES // (d * max(d, min(len(slopes), 1024))))
    for first in range(0, m, block):
        these = slice(first, min(first + block, m))
        best = np.full((len(guesses), these.stop - first), _OUT)
        for factor in _TAU:
            tau = factor * unit[these]
            extra, concave, curvature = _parabolas(point, samples, slopes, these, tau)
            values, basis = _eigh(curvature, len(slopes))
            g = np.einsum("ri,rik->rk", convex[these] + concave, basis)
            delta = np.einsum("ri,rik->rk", point.displacement[these], basis)
            for k, guess in enumerate(guesses):
                mu = guess[these, None]
                inside = values[:, -1] < mu[:, 0]
                room = np.where(inside[:, None], mu - values, 1.0)
                fall = extra + 0.25 * ((g + 2 * mu * delta) ** 2 / room).sum(axis=1)
                # Where no tau is admissible at this mu, the last (least curvature) stays.
                fall = np.where(inside, fall, _OUT)
                better = fall <= best[k]
                best[k] = np.where(better, fall, best[k])
                rows = first + np.flatnonzero(better)
                for target, found in zip(arrays[k], (g, delta, values), strict=True):
                    target[rows] = found[better]
                losses[k, rows] = extra[better]
    return [
        QuadraticMinorant(constant - float(lost.sum()), g, delta, values)
        for lost, (g, delta, values) in zip(losses, arrays, strict=True)
    ]


def _convex_part(point: TwoLayerPoint, samples: WeightedSamples, slopes: Floats) -> Floats:
    """Sum over c > 0 of c relu'(z_j) x_j for every neuron, shape ``(m, d)``."""
    gradient = np.zeros_like(point.hidden)
    for where, x in samples.chunks(point.rows):
        c = (samples.weights * slopes)[where]
        for s in (1.0, -1.0):
            side, rows = np.flatnonzero(point.output * s > 0), np.flatnonzero(c * s > 0)
            part = x[rows]
            slope = np.asarray(point.activation.derivative(point.hidden[side] @ part.T))
            w = np.abs(point.output[side])[:, None] * np.abs(c[rows])
            gradient[side] += (w * slope) @ part
    return gradient


def _parabolas(
    point: TwoLayerPoint, samples: WeightedSamples, slopes: Floats, these: slice, tau: Floats
) -> tuple[Floats, Floats, Floats]:
    """Of the pairs with c < 0: value lost ``(k,)``, gradient ``(k, d)``, M_r ``(k, d, d)``."""
    hidden, output = point.hidden[these], point.output[these]
    k, d = hidden.shape
    lost, gradient, curvature = np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))
    for where, x in samples.chunks(max(1, _ENTRIES // (k * d))):
        c = (samples.weights * slopes)[where]
        for s in (1.0, -1.0):
            side, rows = np.flatnonzero(output * s > 0), np.flatnonzero(c * s < 0)
            if not (len(side) and len(rows)):
                continue
            part = x[rows]
            z = hidden[side] @ part.T
            v = np.maximum(np.abs(z), tau[side, None])
            w = np.abs(output[side])[:, None] * np.abs(c[rows])
            lost[side] += (w * (v - np.abs(z)) ** 2 / (4 * v)).sum(axis=1)
            gradient[side] -= (w * ((z + v) / (2 * v))) @ part
            curvature[side] += ((w / (4 * v))[:, None, :] * part.T) @ part
    return lost, gradient, curvature
