"""Quadratic upper bounds on a two-layer network with a smooth activation."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.activations import Activation, softplus
from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum
from olgame.certify.relaxation import Pieces, Quadratic
from olgame.typing import Array

__all__ = ["SmoothRelaxation"]


@attrs.frozen(eq=False)
class SmoothRelaxation:
    r"""Second-order Taylor bounds of Q(delta) = sum_k c_k sigma(z_k + <w_k, delta>).

    On the region ``s_k = z_k + <w_k, delta>`` is in ``[l_k, u_k]``, for a ball [z_k - r_k,
    z_k + r_k]. With ``h_k >= c_k sigma''`` on all of it and *any* center delta_0 of the region,
    Taylor's formula neuron by neuron gives, for every delta of the region and v = delta - delta_0,

        Q(delta) <= Q(delta_0) + <grad Q(delta_0), v> + v^T M v / 2,     M = sum_k h_k w_k w_k^T

    (between two points of an interval lies only the interval). ``c_k sigma''`` keeps the sign of
    c_k: where it is negative, h_k lowers the bound. delta_0 = 0 is the classical bound; moving
    delta_0 to the maximizer costs only a gradient, since M does not depend on it. If delta_0
    maximizes its own bound, the bound there is Q(delta_0): the certificate is *exact*. For l2
    this happens when delta_0 = rho grad Q(delta_0) / norm(grad Q(delta_0)) and
    norm(grad Q(delta_0)) / rho >= lambda_max(M).

    Every neuron may have a center of its own in [l_k, u_k]. It is ``z_k + <w_k, mean>``, moved
    into the interval: a mean that is off costs tightness, not validity.

    Among all centers, one for each neuron, E q is least at ``E <w_k, delta>``: its derivative in
    the center s is ``(c_k sigma''(s) - h_k)(E - s)``. So the mean is all that this family asks.

    **Softplus, sharper.** softplus(s) = s/2 + L(s^2) with L(u) = log(2 cosh(sqrt(u)/2)) concave
    (L'(s^2) = tanh(s/2)/(4 s) falls in abs(s)), so from the tangent of L at s_0^2

        softplus(s) <= softplus(s_0) + softplus'(s_0)(s - s_0) + phi(s_0)(s - s_0)^2 / 2

    for all s, phi(s_0) = tanh(s_0/2)/(2 s_0) <= 1/4. For c_k > 0, c_k phi at the center serves as
    h_k where it is less. Then M moves with the center and is summed again for each one; worth it
    where the relaxation is not nearly exact already (``sharp``).

    Args:
        hidden: rows w_k, shape ``(m, d)``.
        output: signed output weights c_k, shape ``(m,)``.
        activation: sigma, with a second derivative.
        z: pre-activations at delta = 0, shape ``(n, m)``.
        low, high: l_k and u_k, shape ``(n, m)``, rounded outward, and by what z_k may be off: its
            error is not relative to z_k, where the products that make it cancel.
        reach2: Euclidean reach rho_2 norm2(w_k), shape ``(n, m)``.
        bounds: h_k, shape ``(n, m)``; made by `SmoothRelaxation.of`.
        curvature: M, shape ``(n, d, d)``.
        bend: sum_k abs(h_k) reach2_k^2, shape ``(n,)``.
        sharp: whether to sharpen h_k at every center (softplus only).

    References:
        singla2020 (the bound centered at x, with one curvature bound for all of the ball);
        jaakkola2000 (the tangent of log cosh in s^2, there a lower bound on log sigmoid).
    """

    hidden: Array
    output: Array
    activation: Activation
    z: Array
    low: Array
    high: Array
    reach2: Array
    bounds: Array
    curvature: Array
    bend: Array
    sharp: bool

    @classmethod
    def of(
        cls,
        hidden: Array,
        output: Array,
        activation: Activation,
        z: Array,
        low: Array,
        high: Array,
        reach2: Array,
        *,
        sharp: bool = False,
    ) -> SmoothRelaxation:
        """The family at n inputs (arguments as above)."""
        xp = kernels(z).xp
        c: Any = output
        # What z_k may be off is part of the interval; its ends are rounded once more.
        wide: Any = 1e-15 * (xp.abs(low) + xp.abs(high))
        least, largest = activation.second_derivative_range(low - wide, high + wide)
        h: Any = xp.where(c > 0, c * largest, c * least)
        curvature = _weighted_gram(hidden, h)
        bend = xp.sum(xp.abs(h) * reach2 * reach2, axis=-1)
        sharp = sharp and activation == softplus
        return cls(hidden, output, activation, z, low, high, reach2, h, curvature, bend, sharp)

    def second(self) -> Array:
        out: Array = self.z[:, :1]
        return out

    def second_of(self, found: QuadraticMaximum) -> Array:
        return self.second()

    def pieces(self, mean: Array, second: Array) -> Pieces:
        """Every neuron's parabola."""
        s, _, slope, bend = self._centered(mean)
        return Pieces(slope - bend * s, bend)

    def _centered(self, mean: Array) -> tuple[Any, Any, Any, Any]:
        """Center, value, slope and bend of every neuron's parabola; centered at the mean."""
        xp = kernels(mean).xp
        moved: Any = xp.matmul(mean, xp.linalg.matrix_transpose(self.hidden))
        s = xp.minimum(xp.maximum(self.z + moved, self.low), self.high)
        value: Any = self.output * self.activation.value(s)
        slope: Any = self.output * self.activation.derivative(s)
        return s, value, slope, self._sharpened(s) if self.sharp else self.bounds

    def quadratic(self, mean: Array, second: Array) -> Quadratic:
        """Their sum, written around 0."""
        s, value, slope, h = self._centered(mean)
        xp = kernels(value).xp
        shift = s - self.z
        constant = xp.sum(value - (slope - 0.5 * h * shift) * shift, axis=-1)
        gradient = xp.matmul(slope - h * shift, self.hidden)
        curvature = _weighted_gram(self.hidden, h) if self.sharp else self.curvature
        absolute = xp.sum(xp.abs(value) + 2 * xp.abs(slope) * self.reach2, axis=-1)
        # abs(shift) <= reach2: it is between two values of <w_k, delta>, up to rounding.
        return Quadratic(constant, gradient, curvature, absolute + 2 * self.bend)

    def _sharpened(self, s: Any) -> Any:
        xp = kernels(s).xp
        c: Any = self.output
        flat = xp.abs(s) < 1e-3
        safe = xp.where(flat, 1.0, s)
        phi = xp.where(flat, 0.25, 0.5 * xp.tanh(0.5 * safe) / safe)
        return xp.where(c > 0, xp.minimum(c * phi, self.bounds), self.bounds)


def _weighted_gram(hidden: Any, weights: Any) -> Any:
    """sum_k weights_k w_k w_k^T for every sample."""
    xp = kernels(hidden).xp
    return xp.matmul(xp.linalg.matrix_transpose(hidden) * weights[:, None, :], hidden)
