"""Perturbations between parallel planes: what a branch leaves of a ball or a cap."""

from __future__ import annotations

from typing import Any

import attrs
from array_api_compat import device

from olgame.arrays import kernels, unit_roundoff
from olgame.certify.cap_region import Cap
from olgame.certify.quadratic_maximum import QuadraticMaximum, Spectrum
from olgame.certify.region import Ball, Ends
from olgame.typing import Array

__all__ = ["Slabs"]

_NEWTON_STEPS = 9
_LAST_STEPS = 5
_BISECTIONS = 8


@attrs.frozen(eq=False)
class Slabs:
    r"""The part of a Euclidean ball (or cap) with ``a_j <= <v_j, delta> <= b_j`` for all j.

    **Maximum.** ``(<v_j, delta> - a_j)(b_j - <v_j, delta>) >= 0`` on the region. Half of it, times
    any tau_j >= 0, may be added to the objective:

        <g, delta> + delta^T M delta/2 <= <g + sum_j tau_j (a_j + b_j)/2 v_j, delta>
            + delta^T (M - sum_j tau_j v_j v_j^T) delta/2 - sum_j tau_j a_j b_j / 2,

    and the right side is maximized over the ball. *Every* tau gives a bound; along v_j it takes
    curvature off. They come from Newton steps on the dual of the ball and the slabs with a barrier,
    as for boxes (`quadratic_maximum`). Nothing is assumed of the vectors v_j.

    **Ranges.** With ``omega_j = <w, v_j>``, w' = w - sum_j omega_j v_j and any eta > 0, since
    norm(delta)^2 is at least sum_j <v_j, delta>^2 plus the rest for orthonormal v_j,

        <w, delta> <= eta rho^2/2 + sum_j max over s in [a_j, b_j] of (omega_j s - eta s^2/2)
                      + norm(w')^2/(2 eta):

    add eta (rho^2 - norm(delta)^2)/2 and maximize coordinate by coordinate. The best eta is a
    bisection. For one slab that is the exact range. The v_j are orthonormal up to e =
    norm(V V^T - I), measured, which changes the left side by at most a few e rho norm(w).

    Args:
        outer: the ball or cap.
        axes: v_j, shape ``(n, p, d)``, orthonormal up to rounding, or 0 (no slab).
        low, high: a_j <= b_j, shape ``(n, p)``.
    """

    outer: Ball | Cap
    axes: Array
    low: Array
    high: Array

    @property
    def norm(self) -> str:
        return "l2"

    def longest(self) -> Array:
        return self.outer.longest()

    def middle(self) -> Array:
        """The center of the box that the slabs make of the span of their axes."""
        middle: Any = 0.5 * (self.low + self.high)
        return self.inside(_along(self.axes, middle))

    def inside(self, mean: Array) -> Array:
        return self.outer.inside(mean)

    def outward(self, mean: Array) -> Array:
        return self.outer.outward(mean)

    def ends(self, hidden: Array, rows: Array, z: Array, off: Array) -> Ends:
        xp, u = kernels(hidden).xp, unit_roundoff(hidden)
        low, high, reach2 = self.outer.ends(hidden, rows, z, off)
        axes, rho = self.axes, self.longest()[:, None]
        turned = xp.linalg.matrix_transpose(axes)
        wide: Any = rows
        # In units of norm(w) and rho: squares neither overflow nor underflow.
        unit_rows = hidden / xp.where(wide > 0, wide, 1.0)[:, None]
        inner = xp.matmul(unit_rows, turned)
        rest = xp.clip(1.0 - xp.sum(inner * inner, axis=-1), 0.0, None)
        # A difference of squares: what rounding makes of it is added.
        rest = xp.sqrt(rest + 8 * (hidden.shape[1] + 8) * u)
        eye = xp.eye(axes.shape[1], dtype=axes.dtype, device=device(axes))
        used = xp.sum(axes * axes, axis=-1) > 0.5
        oblique = xp.matmul(axes, turned) - eye * used[:, :, None]
        few = xp.max(xp.max(xp.abs(oblique), axis=-1), axis=-1)[:, None] * axes.shape[1]
        few = 8 * few + 32 * (hidden.shape[1] + 8) * u
        a, b = (self.low / rho)[:, None, :], (self.high / rho)[:, None, :]
        top = (_range_end(inner, rest, a, b) + few) * (rho * wide) + 4 * off
        bottom = (_range_end(-inner, rest, a, b) + few) * (rho * wide) + 4 * off
        return Ends(xp.maximum(low, z - bottom), xp.minimum(high, z + top), reach2)

    def maximum(
        self, gradient: Array, curvature: Array, smoothing: Array, spectrum: Spectrum | None
    ) -> QuadraticMaximum:
        g: Any = gradient
        m: Any = curvature
        xp, u = kernels(g).xp, unit_roundoff(g)
        rho: Any = self.longest()[:, None]
        low, high = self.low / rho, self.high / rho
        largest = xp.max(xp.max(xp.abs(m), axis=-1), axis=-1)[:, None]
        size = xp.max(xp.abs(g), axis=-1, keepdims=True) * rho + largest * rho * rho
        size = xp.where(size > 1e-300, size, 1.0)
        scaled = m * ((rho / size) * rho)[:, :, None]
        tau, mean, covariance = _slab_multipliers(
            g * (rho / size), scaled, self.axes, low, high, smoothing
        )
        used = xp.sum(self.axes * self.axes, axis=-1) > 0.5
        tau = tau * (size / rho / rho)
        tau = xp.where(xp.isfinite(tau) & used, tau, 0.0)
        drop = xp.matmul(xp.linalg.matrix_transpose(self.axes), self.axes * tau[:, :, None])
        pull = 0.5 * tau * (self.low + self.high)
        found = self.outer.maximum(g + _along(self.axes, pull), m - drop, smoothing, None)
        terms = xp.sum(tau, axis=-1, keepdims=True) * rho * rho + size * m.shape[-1]
        bound = found.bound - 0.5 * xp.sum(tau * self.low * self.high, axis=-1)
        bound = bound + 8 * (m.shape[-1] + self.axes.shape[1] + 4) * u * terms[:, 0]
        ok = xp.all(xp.isfinite(mean), axis=-1)
        mean = xp.where(ok[:, None], mean * rho, found.mean)
        square = (rho * rho)[:, :, None]
        return QuadraticMaximum(
            bound,
            mean,
            None,
            lambda: xp.where(ok[:, None, None], covariance * square, found.covariance),
        )


def _along(axes: Any, s: Any) -> Any:
    """sum_j s_j v_j."""
    return kernels(axes).xp.matmul(s[:, None, :], axes)[:, 0, :]


def _range_end(inner: Any, rest: Any, a: Any, b: Any) -> Any:
    """The bound on <w, delta> for norm(w) = rho = 1, shape ``(n, m)``; ``inner``: the omega_j."""
    xp = kernels(inner).xp
    near = xp.minimum(xp.maximum(xp.zeros_like(a), a), b)
    room = xp.clip(1.0 - xp.sum(near * near, axis=-1), 1e-12, None)
    low, high = xp.log(rest), xp.log(2 / xp.sqrt(room)) + 0.0 * rest
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        eta = xp.exp(middle)[:, :, None]
        s = xp.minimum(xp.maximum(inner / eta, a), b)
        long = xp.sum(s * s, axis=-1) + (rest / eta[:, :, 0]) ** 2 > 1.0
        low, high = xp.where(long, middle, low), xp.where(long, high, middle)
    eta = xp.exp(0.5 * (low + high))[:, :, None]
    s = xp.minimum(xp.maximum(inner / eta, a), b)
    total = 0.5 * (eta[:, :, 0] + rest * rest / eta[:, :, 0])
    return total + xp.sum((inner - 0.5 * eta * s) * s, axis=-1)


def _slab_multipliers(
    g: Any, m: Any, axes: Any, low: Any, high: Any, smoothing: Any
) -> tuple[Any, Any, Any]:
    """Tau of the unit ball's slabs, mean and covariance of the relaxed maximizer."""
    xp = kernels(g).xp
    dim, slabs = g.shape[-1], axes.shape[1]
    eye = xp.eye(dim, dtype=g.dtype, device=device(g))
    turned = xp.linalg.matrix_transpose(axes)
    middle = 0.5 * (low + high)
    pulls = axes * middle[:, :, None]
    steep = xp.linalg.vector_norm(g, axis=-1, keepdims=True)
    top = xp.clip(xp.linalg.eigvalsh(m)[:, -1:], 0.0, None)
    size = steep + top + 1e-300
    mu, tau = top + steep + 0.1 * size, 0.1 * size + 0.0 * low
    crude = 0.5 * (top + 2 * steep) + 1e-3 * size
    count = dim + slabs + 1
    last = smoothing / count * crude
    t = xp.maximum(0.3 / count * crude, last)
    shrink = (last / t) ** (1.0 / (_NEWTON_STEPS - 2))
    theta = xp.concat([mu, tau], axis=-1)
    found: Any = None
    for step in range(_NEWTON_STEPS + _LAST_STEPS):
        mu, tau = theta[:, :1], theta[:, 1:]
        matrix = mu[:, :, None] * eye + xp.matmul(turned * tau[:, None, :], axes) - m
        inverse = xp.linalg.inv(matrix)
        mean = xp.matmul(inverse, (g + _along(pulls, tau))[..., None])[..., 0]
        s = xp.matmul(axes, mean[..., None])[..., 0]
        # Derivatives of g, less those of the matrix times the mean, in mu and in the tau_j.
        change = xp.concat([-mean[:, None, :], axes * (middle - s)[:, :, None]], axis=1)
        slope = 0.5 * xp.concat(
            [1 - xp.sum(mean * mean, axis=-1, keepdims=True), (s - low) * (high - s)], axis=-1
        )
        image = xp.matmul(axes, inverse)
        crossed = xp.matmul(image, turned)
        traces = xp.concat(
            [xp.sum(xp.linalg.diagonal(inverse), axis=-1)[:, None], xp.linalg.diagonal(crossed)],
            axis=-1,
        )
        corner = xp.sum(xp.sum(inverse * inverse, axis=-1), axis=-1)[:, None, None]
        edge = xp.sum(image * image, axis=-1)
        barrier = xp.concat(
            [
                xp.concat([corner, edge[:, None, :]], axis=-1),
                xp.concat([edge[:, :, None], crossed * crossed], axis=-1),
            ],
            axis=1,
        )
        few = xp.eye(slabs + 1, dtype=g.dtype, device=device(g))
        barrier = barrier + few / (theta * theta)[:, :, None]
        slope = slope - t * traces - t / theta
        hessian = xp.matmul(xp.matmul(change, inverse), xp.linalg.matrix_transpose(change))
        hessian = hessian + t[:, :, None] * barrier
        move = -xp.linalg.solve(hessian, slope[..., None])[..., 0]
        length = xp.sqrt(xp.sum(move * xp.matmul(barrier, move[..., None])[..., 0], axis=-1))
        theta = theta + move * xp.clip(0.9 / (length[:, None] + 1e-300), None, 1.0)
        if step == _NEWTON_STEPS - 1:
            found = mean, 2 * t[:, :, None] * inverse
        t = xp.maximum(t * shrink, last) if step < _NEWTON_STEPS - 1 else 0.2 * t
    mean, covariance = found
    return theta[:, 1:], mean, covariance
