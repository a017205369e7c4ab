"""A quadratic below F for a two-layer ReLU network: parabolas above relu, neuron by neuron."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.duality.gram_bound import gram_bound, stretch_and_shift
from olgame.duality.quadratic_minorant import QuadraticMinorant
from olgame.duality.smooth_minorant import symmetric_eigenbasis
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples

__all__ = ["relu_minorant"]

_ENTRIES = 1 << 17  # pairs of a neuron and a sample in one block (1 MB: they stay in the cache)
_MATRICES = 1 << 22  # numbers in one block of d x d matrices (32 MB)
_TAU = (0.125, 0.25, 0.5, 0.75, 1.0, 2.0, 8.0)  # times R_h X / sqrt(m_h)
_MU = (1.0, 1.2)  # times norm(g)/(2R)
_ROUNDS = 8  # that tau is chosen from
_POWER_STEPS = 4

Floats = NDArray[np.float64]


def relu_minorant(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    constant: float,
    balls: WeightBalls,
) -> QuadraticMinorant:
    r"""A quadratic below G(u) = sum_j omega_j p_j f(u, x_j) for sigma = relu.

    Let c = omega_j p_j b_r, z = <u0_r, x_j>, t = <v_r, x_j>. Where c >= 0, relu is convex:
    relu(z + t) >= relu(z) + relu'(z) t. Where c < 0 an *upper* bound on relu is needed:
    abs(s) <= s^2/(2 v) + v/2 for any v > 0, hence relu(s) = (s + abs(s))/2 <= (s + v)^2/(4 v), and

        c relu(z + t) >= c [ (z + v)^2/(4 v) + (z + v)/(2 v) t + t^2/(4 v) ].

    With v = max(abs(z), tau) value and slope are those of relu unless abs(z) < tau, where the
    value is (v - abs(z))^2/(4 v) higher; M_r = sum over c < 0 of w_rj x_j x_j^T, w = abs(c)/(4 v).
    (The slope is written (z + v)/(2 v), not relu'(z) plus a correction by sign(z): z = 0 needs
    1/2.) Every pair of a neuron and a sample has its slope and its lost value from one and the
    same z: relu'(z) jumps at 0, and two products of matrices need not agree on the sign of a z
    that is 0 but for rounding.

    For k classes read p_j b_r as <p_j, b_r>.

    **Rounds.** M_r is replaced by a larger matrix, from the mean inputs of the rounds
    (`gram_bound`): still sound, in O(n m d^2) instead of O(T n m d^2).

    **tau.** Any tau > 0 is sound for every neuron. Given mu the penalty is a sum over neurons, so
    each takes the best tau of a short grid around R_h X/sqrt(m_h), the move of one pre-activation
    when the m_h neurons of a ball share its budget equally; done for a few mu, on a few rounds and
    with a few steps of the power method, since it is a choice and no proof. Then one pass over
    all rounds: two products of matrices, O(N m d).

    Args:
        point: The network at u0.
        samples: x_j and omega_j.
        slopes: p, shape ``(N,)`` or ``(N, k)``.
        constant: G(u0) and what else stands in front; the values above are taken off it.
        balls: K, for the choice of tau and mu only.

    Returns:
        The `QuadraticMinorant`.
    """
    m, d = point.hidden.shape
    norms = np.zeros(len(slopes))
    for where, x in samples.chunks(point.rows):
        norms[where] = np.linalg.norm(x, axis=1)
    # Largest norm that g can have, over 2R: where g itself says nothing (relu'(0) = 0 at a kink).
    pull = samples.weights * point.axis.size(slopes)
    bound = balls.norms(point.sizes[:, None]) * float(pull @ norms)
    if not bound.any():
        nothing = np.zeros((m, d))
        return QuadraticMinorant(constant, nothing, point.displacement, nothing)
    unit = balls.of_rows(balls.radii / np.sqrt(balls.sizes)) * float(norms.max())
    tau = _chosen(point, samples, slopes, balls, unit, bound)
    centers = samples.centers()
    lost = 0.0
    gradient, displacement, eigenvalues = (np.empty((m, d)) for _ in range(3))
    for these in _blocks(m, _MATRICES // (d * max(d, len(centers)))):
        sums = _parabolas(point, samples, slopes, centers, these, tau[these])
        values, basis = symmetric_eigenbasis(sums.curvature(centers), len(slopes))
        lost += float(sums.lost.sum())
        gradient[these] = np.einsum("ri,rik->rk", sums.gradient, basis)
        displacement[these] = np.einsum("ri,rik->rk", point.displacement[these], basis)
        eigenvalues[these] = values
    return QuadraticMinorant(constant - lost, gradient, displacement, eigenvalues)


class _Sums(NamedTuple):
    """What a block of k neurons adds up.

    Attributes:
        lost: of the value, shape ``(k,)``.
        gradient: shape ``(k, d)``.
        weights: W, shape ``(k, n)``.
        spread: S, shape ``(k,)``.
    """

    lost: Floats
    gradient: Floats
    weights: Floats
    spread: Floats

    def curvature(self, centers: Floats) -> Floats:
        """The matrices above the M_r, shape ``(k, d, d)``."""
        return gram_bound(self.weights, self.spread, centers)

    def steepest(self, centers: Floats) -> tuple[Floats, Floats]:
        """About the largest eigenvalue and its eigenvector: the power method, from the mean."""
        stretch, shift = stretch_and_shift(self.weights, self.spread, centers)
        vector = self.weights @ centers
        for _ in range(_POWER_STEPS):
            size = np.linalg.norm(vector, axis=1)
            vector = vector / np.where(size > 0, size, 1.0)[:, None]
            vector = (self.weights * (vector @ centers.T)) @ centers
        size = np.linalg.norm(vector, axis=1)
        vector = vector / np.where(size > 0, size, 1.0)[:, None]
        return stretch * size + shift, vector


class _Guess:
    """Multipliers mu of every row, the best tau for them, and what they lead to.

    A neuron is modeled by three coordinates: the direction of largest curvature, that of the rest
    of g, and that of the rest of delta; its curvature is 0 but in the first.
    """

    def __init__(self, mu: Floats, tau: Floats) -> None:
        self.mu, self.tau = mu, tau
        self.fall, self.lost = np.full(len(mu), np.inf), np.zeros(len(mu))
        self.g, self.delta, self.top = (np.zeros((len(mu), 3)) for _ in range(3))

    def offer(self, these: slice, tau: Floats, sums: _Sums, centers: Floats, delta: Floats) -> None:
        """Take ``tau`` where it makes the fall smaller; the last one offered, where none fits."""
        top, direction = sums.steepest(centers)
        g, moved = _coordinates(sums.gradient, delta, direction)
        mu = self.mu[these, None]
        room = np.where(top[:, None] < mu, mu - top[:, None] * [1.0, 0.0, 0.0], 1.0)
        fall = sums.lost + 0.25 * ((g + 2 * mu * moved) ** 2 / room).sum(axis=1)
        fall = np.where(top < mu[:, 0], fall, np.inf)
        better = fall <= self.fall[these]
        rows = these.start + np.flatnonzero(better)
        self.fall[rows], self.lost[rows] = fall[better], sums.lost[better]
        self.tau[rows], self.top[rows, 0] = tau[better], top[better]
        self.g[rows], self.delta[rows] = g[better], moved[better]

    def drop(self, balls: WeightBalls) -> float:
        """How far the modeled quadratic falls, with what it lost."""
        model = QuadraticMinorant(0.0, self.g, self.delta, self.top)
        return model.drop(balls).gamma + float(self.lost.sum())


def _coordinates(g: Floats, delta: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """g and delta along ``direction``, along the rest of g, and along what is left; ``(k, 3)``."""

    def split(vector: Floats, unit: Floats) -> tuple[Floats, Floats]:
        along = (vector * unit).sum(axis=1)
        return along, vector - along[:, None] * unit

    g_along, g_rest = split(g, direction)
    delta_along, rest = split(delta, direction)
    size = np.linalg.norm(g_rest, axis=1)
    second, rest = split(rest, g_rest / np.where(size > 0, size, 1.0)[:, None])
    third = np.linalg.norm(rest, axis=1)
    return (
        np.stack([g_along, size, np.zeros_like(size)], axis=1),
        np.stack([delta_along, second, third], axis=1),
    )


def _chosen(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    balls: WeightBalls,
    unit: Floats,
    bound: Floats,
) -> Floats:
    """tau for every neuron, shape ``(m,)``: the best of the grid at the best of a few mu."""
    thin, kept = samples.thinned(_ROUNDS)
    slopes, centers = slopes[kept], thin.centers()
    ratio = balls.norms(point.gradient(thin, slopes)) / (2 * balls.radii)
    multipliers = [balls.of_rows(ratio * factor) for factor in _MU if ratio.any()]
    multipliers.append(balls.of_rows(bound / (2 * balls.radii)))
    guesses = [_Guess(mu, unit * _TAU[-1]) for mu in multipliers]
    for these in _blocks(len(unit), _ENTRIES // max(1, len(centers)) + 1):
        for factor in _TAU:
            tau = factor * unit[these]
            sums = _parabolas(point, thin, slopes, centers, these, tau)
            for guess in guesses:
                guess.offer(these, tau, sums, centers, point.displacement[these])
    return min(guesses, key=lambda guess: guess.drop(balls)).tau


def _parabolas(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    centers: Floats,
    these: slice,
    tau: Floats,
) -> _Sums:
    """One pass over the samples for some neurons."""
    hidden, output = point.hidden[these], point.output[these]
    k, d = hidden.shape
    lost, spread, gradient = np.zeros(k), np.zeros(k), np.zeros((k, d))
    weights = np.zeros((k, len(centers)))
    for where, x in samples.chunks(max(1, _ENTRIES // k)):
        same = np.arange(where.start, where.stop) % len(centers)
        apart = ((x - centers[same]) ** 2).sum(axis=1)
        pulled = point.axis.scaled(samples.weights[where], slopes[where])
        c = point.axis.spread(pulled, output).T
        z = hidden @ x.T
        size = np.abs(z)
        v = np.maximum(size, tau[:, None])
        w = np.maximum(-c, 0.0) / (4.0 * v)  # 0 where relu is convex
        lost += (w * (v - size) ** 2).sum(axis=1)
        on = np.maximum(c, 0.0) * np.asarray(point.activation.derivative(z))
        gradient += (on - 2.0 * w * (z + v)) @ x
        spread += w @ apart
        weights[:, same] += w
    return _Sums(lost, gradient, weights, spread)


def _blocks(m: int, size: int) -> Iterator[slice]:
    """Slices of 0..m of at most ``size`` (at least 1) neurons."""
    size = max(1, size)
    for first in range(0, m, size):
        yield slice(first, min(first + size, m))
