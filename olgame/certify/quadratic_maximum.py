"""Upper bounds on the maximum of a quadratic over a ball, by weak duality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
from array_api_compat import device

from olgame.arrays import kernels, unit_roundoff
from olgame.certify.rounding import detached
from olgame.typing import Array

__all__ = ["QuadraticMaximum", "Spectrum", "quadratic_maximum"]

_SECULAR_STEPS = 12
_NEWTON_STEPS = 12
_TINY = 1e-300


@attrs.frozen(eq=False)
class QuadraticMaximum:
    """What is known of max <g, delta> + delta^T M delta / 2 over a ball, sample by sample.

    Attributes:
        bound: an upper bound on the maximum, shape ``(n,)``.
        mean: E delta of the relaxed maximizer, shape ``(n, d)``: the maximizer itself where the
            relaxation is exact and the maximizer unique.
        spectrum: for l2, of the curvature: what another maximum with it need not find again.
    """

    bound: Array
    mean: Array
    spectrum: Spectrum | None
    _covariance: Callable[[], Array] = attrs.field(alias="covariance")

    @property
    def covariance(self) -> Array:
        """Cov delta of the relaxed maximizer, shape ``(n, d, d)``; computed when asked for."""
        return self._covariance()


class Spectrum(NamedTuple):
    """Eigenvalues and eigenvectors of matrices M in units of each one's largest entry.

    Attributes:
        values: ascending, shape ``(n, d)``.
        basis: shape ``(n, d, d)``, eigenvectors as columns.
        largest: the largest absolute entry, shape ``(n, 1)``; the unit, 1 where it is 0.
    """

    values: Array
    basis: Array
    largest: Array

    @classmethod
    def of(cls, matrices: Array) -> Spectrum:
        """By the symmetric eigensolver of the array library; backward stable."""
        m: Any = matrices
        xp = kernels(m).xp
        largest = _largest(m)[:, None]
        values, basis = xp.linalg.eigh(m / _unit(largest)[:, :, None])
        return cls(values, basis, largest)


def quadratic_maximum(
    gradient: Array,
    curvature: Array,
    radius: Array,
    norm: str,
    smoothing: Array,
    *,
    spectrum: Spectrum | None = None,
) -> QuadraticMaximum:
    r"""Bound max of <g, delta> + delta^T M delta / 2 over norm(delta) <= rho.

    For a diagonal D >= 0 (for l2: D = mu I) with D - M positive definite, the ball gives
    ``sum_i D_i (rho^2 - delta_i^2) >= 0`` (l2: ``mu (rho^2 - norm(delta)^2) >= 0``). Half of it,
    added to the objective, leaves a strictly concave quadratic whose maximum over R^d is

        F(D) = rho^2/2 sum_i D_i + g^T (D - M)^{-1} g / 2        (l2: mu rho^2/2 comes first).

    So *every* admissible D gives an upper bound, however it was found.

    * l2: the least one is the exact maximum (the trust-region problem has no duality gap); mu
      solves the secular equation norm((mu I - M)^{-1} g) = rho in the eigenvalues of M.
    * linf: the least one is the semidefinite relaxation of the box-constrained problem. It never
      exceeds ``rho norm1(g) + rho^2/2 min(d lambda_max, sum_ij abs(M_ij))``: with
      ``D = E + diag(abs(g))/rho``, E = lambda_max I or the absolute row sums of M, one has
      ``D - M >= diag(abs(g))/rho``, hence F(D) is at most that. This D is the start of Newton
      steps on ``F(D) - t logdet(D - M) - t sum log D_i`` with falling t.

    The moments reported belong to the problem with the barrier: ``mean = (D - M)^{-1} g`` and
    ``covariance = 2 t (D - M)^{-1}``. Stationarity in D says that together they spend what the
    ball allows: ``E norm(delta)^2 = rho^2`` for l2, ``E delta_i^2 = rho^2`` (- 2t/D_i) for linf.

    Rounding: g and M are taken as exact (their errors are the caller's). A symmetric eigensolver
    is backward stable, so its eigenpairs are those of a matrix within a few d u norm(M); this
    moves the maximum by rho_2^2/2 times as much, and the sums above have a relative error of a
    few d u. Both are added to the bound.

    Args:
        gradient: g, shape ``(n, d)``.
        curvature: M, symmetric, shape ``(n, d, d)``.
        radius: rho, positive, shape ``(n,)``; for linf also ``(n, d)``, one for each coordinate
            (read rho_i delta_i for rho delta_i above).
        norm: ``"l2"`` or ``"linf"``.
        smoothing: d t relative to the size of the maximum, in (0, 1), shape ``(n, 1)``. Moments
            get smoother with it; the linf bound loses about this fraction.
        spectrum: for l2, that of ``curvature`` if it is known already (most of the cost).

    Returns:
        Bound and moments.

    Example:
        >>> import numpy as np
        >>> g, M = np.array([[3.0, 4.0]]), np.zeros((1, 2, 2))
        >>> rho, t = np.array([0.1]), np.array([[1e-6]])
        >>> print(quadratic_maximum(g, M, rho, "l2", t).bound.round(6))
        [0.5]
        >>> print(quadratic_maximum(g, M, rho, "linf", t).bound.round(4))
        [0.7]

    References:
        more1983 (the trust-region problem, its multiplier and the secular equation).
    """
    gradient, curvature = detached(gradient), detached(curvature)
    radius, smoothing = detached(radius), detached(smoothing)
    xp = kernels(gradient).xp
    rho: Any = radius if radius.ndim == 2 else radius[:, None]
    # In units of the ball and of the problem: no overflow, no underflow, one scale.
    g: Any = gradient * rho
    size = xp.max(xp.abs(g), axis=-1, keepdims=True)
    if norm == "l2":
        spectrum = Spectrum.of(curvature) if spectrum is None else spectrum
        scale = _unit(size + (spectrum.largest * rho) * rho)
        values: Any = spectrum.values
        values = values * (_unit(spectrum.largest) * (rho / scale) * rho)
        bound, mean, covariance = _over_ball(g / scale, values, spectrum.basis, smoothing)
    else:
        m: Any = (curvature * rho[:, :, None]) * rho[:, None, :]
        scale = _unit(size + _largest(m)[:, None])
        bound, mean, covariance = _over_box(g / scale, m / scale[:, :, None], smoothing)
    square = rho[:, :, None] * rho[:, None, :]
    return QuadraticMaximum(
        bound * scale[:, 0], mean * rho, spectrum, lambda: covariance() * square
    )


def _largest(m: Any) -> Any:
    """The largest absolute entry of every matrix."""
    xp = kernels(m).xp
    return xp.max(xp.max(xp.abs(m), axis=-1), axis=-1)


def _unit(size: Any) -> Any:
    """``size``, or 1 where that is too small to divide by."""
    return kernels(size).xp.where(size > _TINY, size, 1.0)


def _transposed(a: Any) -> Any:
    return kernels(a).xp.linalg.matrix_transpose(a)


def _apply(a: Any, v: Any) -> Any:
    """Matrix times vector, batched."""
    return kernels(v).xp.matmul(a, v[..., None])[..., 0]


def _over_ball(g: Any, eigenvalues: Any, basis: Any, smoothing: Any) -> tuple[Any, Any, Any]:
    """Bound and moments over the unit ball of norm2."""
    xp = kernels(g).xp
    dim = g.shape[-1]
    b = _apply(_transposed(basis), g)
    top = eigenvalues[:, -1:]
    length = xp.linalg.vector_norm(b, axis=-1, keepdims=True)
    largest = xp.max(xp.abs(eigenvalues), axis=-1, keepdims=True)
    floor = xp.clip(top, 0.0, None) + 1e-13 * (largest + length) + _TINY

    def multiplier(t: Any) -> Any:
        """Mu of sum b^2/(mu - lambda)^2 + 2t/(mu - lambda) = 1, or ``floor`` if that is less."""
        # Below the root one term alone is too large, above it all of them are small enough.
        left = xp.maximum(top + xp.maximum(xp.abs(b[:, -1:]), 2 * t), floor)
        right = xp.maximum(top + xp.maximum(1.5 * length, 4 * dim * t), left)
        mu = left
        for _ in range(_SECULAR_STEPS):
            gap = mu - eigenvalues
            step = b / gap
            square = xp.sum(step * step + 2 * t / gap, axis=-1, keepdims=True) + _TINY
            slope = xp.sum((step * step + t / gap) / gap, axis=-1, keepdims=True) + _TINY
            # Newton on square^(-1/2) - 1, nearly linear in mu where square itself is not.
            mu = mu + square / slope * (xp.sqrt(square) - 1.0)
            mu = xp.minimum(xp.maximum(mu, left), right)
        return mu

    mu = multiplier(0.0 * floor)
    bound = 0.5 * mu[:, 0] + 0.5 * xp.sum(b * (b / (mu - eigenvalues)), axis=-1)
    slack = 4 * dim * unit_roundoff(g) * (bound + 0.5 * (mu + largest)[:, 0])
    t = smoothing / dim * (bound[:, None] + _TINY)
    mu = multiplier(t)
    mean = _apply(basis, b / (mu - eigenvalues))
    spread = (2 * t / (mu - eigenvalues))[:, None, :]
    return bound + slack, mean, lambda: xp.matmul(basis * spread, _transposed(basis))


def _over_box(g: Any, curvature: Any, smoothing: Any) -> tuple[Any, Any, Any]:
    """Bound and moments over the cube [-1, 1]^d."""
    xp = kernels(g).xp
    dim = g.shape[-1]
    eye = xp.eye(dim, dtype=g.dtype, device=device(g))
    rows = xp.sum(xp.abs(curvature), axis=-1)
    top = xp.clip(xp.linalg.eigvalsh(curvature)[:, -1:], 0.0, None)
    spectral = dim * top < xp.sum(rows, axis=-1, keepdims=True)
    simple = xp.where(spectral, top, rows) + xp.abs(g)
    size = xp.max(rows + xp.abs(g), axis=-1, keepdims=True)
    size = xp.where(size > 0, size, 1.0)
    crude = xp.sum(simple, axis=-1, keepdims=True) + 1e-3 * size

    last = smoothing / dim * crude
    t = xp.maximum(0.3 / dim * crude, last)
    shrink = (last / t) ** (1.0 / (_NEWTON_STEPS - 2))
    multipliers = simple + 0.1 / dim * size
    inverse, mean = eye + 0.0 * curvature, g
    for _ in range(_NEWTON_STEPS):
        inverse = xp.linalg.inv(multipliers[:, :, None] * eye - curvature)
        mean = _apply(inverse, g)
        diagonal = xp.linalg.diagonal(inverse)
        slope = 0.5 - 0.5 * mean * mean - t * diagonal - t / multipliers
        barrier = inverse * inverse + eye / (multipliers * multipliers)[:, :, None]
        hessian = (mean[:, :, None] * mean[:, None, :]) * inverse + t[:, :, None] * barrier
        move = -xp.linalg.solve(hessian, slope[..., None])[..., 0]
        # A step inside the Dikin ellipsoid of the barrier keeps D - M positive definite.
        length = xp.sqrt(xp.sum(move * _apply(barrier, move), axis=-1, keepdims=True))
        multipliers = multipliers + move * xp.clip(0.9 / (length + _TINY), None, 1.0)
        t = xp.maximum(t * shrink, last)
    multipliers = xp.where(xp.isfinite(multipliers), multipliers, simple)
    bound = xp.minimum(_box_value(g, curvature, simple), _box_value(g, curvature, multipliers))
    return bound, mean, lambda: 2 * t[:, :, None] * inverse


def _box_value(g: Any, curvature: Any, multipliers: Any) -> Any:
    """F(D + tau I), tau >= 0 the least shift that makes D - M + tau I positive definite."""
    xp = kernels(g).xp
    dim = g.shape[-1]
    eye = xp.eye(dim, dtype=g.dtype, device=device(g))
    d = xp.clip(multipliers, 0.0, None)
    eigenvalues, basis = xp.linalg.eigh(d[:, :, None] * eye - curvature)
    b = _apply(_transposed(basis), g)
    largest = xp.max(xp.abs(eigenvalues), axis=-1, keepdims=True) + _TINY
    shift = xp.clip(1e-13 * largest + _TINY - eigenvalues[:, :1], 0.0, None)
    quadratic = xp.sum(b * (b / (eigenvalues + shift)), axis=-1)
    bound = 0.5 * xp.sum(d + shift, axis=-1) + 0.5 * quadratic
    return bound + 4 * dim * unit_roundoff(g) * (bound + dim * largest[:, 0])
