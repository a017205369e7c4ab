"""Perturbations that stay on a sphere around 0: one more multiplier, of either sign."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels, unit_roundoff
from olgame.certify.quadratic_maximum import QuadraticMaximum, Spectrum
from olgame.certify.region import Ball, Ends
from olgame.perturbations.cap_perturbation import CapPerturbation
from olgame.sets.norms import norm as norm_2
from olgame.typing import Array

__all__ = ["Cap"]

_BISECTIONS = 16


@attrs.frozen(eq=False)
class Cap:
    r"""norm2(delta) <= rho and abs(norm2(x + delta) - r) <= t, with r = norm2(x).

    **The sphere as a multiplier.** On the sphere (t = 0) ``2 <x, delta> + norm2(delta)^2 = 0``. So
    for *every* real nu, of either sign,

        max over the cap of <g, delta> + delta^T M delta / 2
            <= max over the ball of <g - nu x, delta> + delta^T (M - nu I) delta / 2,

    where half of nu times that 0 was taken off; nu = 0 is the ball alone. In the shell,
    ``abs(2 <x, delta> + norm2(delta)^2) <= 2 r t + t^2 =: w``, so abs(nu) w / 2 comes on top. M and
    M - nu I have the same eigenvectors: no nu needs a decomposition of its own.

    *The search.* By duality in the ball, too (multiplier mu >= 0), the right side is the least over
    mu of

        F(mu, kappa) = mu rho^2/2 + norm_K(g + (mu - kappa) x)^2 / 2,    norm_K(a)^2 =
            a^T (kappa I - M)^{-1} a,    kappa = mu + nu > lambda_max(M),

    a maximum of functions that are linear in (mu, nu), hence convex in both. For fixed kappa it is
    a parabola in mu, least at ``mu = max(0, -(rho^2/2 + x^T K (g - kappa x))/(x^T K x))`` with
    K = (kappa I - M)^{-1}; and the derivative of what is left, convex in kappa, is
    -(<x, delta> + norm2(delta)^2/2) at delta = K (g + (mu - kappa) x): a bisection. Nothing of this
    is needed for soundness.

    **Ranges.** A point of the shell is within t of one on the sphere, at most rho + t from x. With
    phi_k the angle between w_k and x and Theta the angle of the cap, sin(Theta/2) =
    (rho + t)/(2 r),

        r norm(w_k) cos(min(phi_k + Theta, pi)) - t norm(w_k) <= <w_k, x + delta>
            <= r norm(w_k) cos(max(phi_k - Theta, 0)) + t norm(w_k).

    Rounding: the products and differences that make g - nu x and the eigenvalues of M - nu I are
    off by a few u times their terms; the eigensolver by a few d u norm(M). All are added.

    Args:
        ball: the ball.
        x: shape ``(n, d)``.
        shell: t >= 0, shape ``(n,)``.
    """

    ball: Ball
    x: Array
    shell: Array

    @classmethod
    def of(cls, x: Array, radius: Array, shell: Array) -> Cap:
        """The caps of radius rho > 0 around n inputs; all of a sphere is within 2 r + t."""
        return cls(Ball(radius, "l2", x.shape[-1]), x, shell)

    @property
    def norm(self) -> str:
        return "l2"

    def longest(self) -> Array:
        return self.ball.longest()

    def middle(self) -> Array:
        return self.ball.middle()

    def inside(self, mean: Array) -> Array:
        return self.ball.inside(mean)

    def outward(self, mean: Array) -> Array:
        """The point of the cap that is nearest to what ``mean`` points to on the ball."""
        cap = CapPerturbation(self.ball.radius)
        x: Any = self.x
        out: Array = cap.project(x, x + self.ball.outward(mean)) - x
        return out

    def ends(self, hidden: Array, rows: Array, z: Array, off: Array) -> Ends:
        xp = kernels(hidden).xp
        low, high, reach2 = self.ball.ends(hidden, rows, z, off)
        t, rho = self.shell[:, None], self.ball.radius[:, None]
        lengths: Any = norm_2(self.x)
        r, size = lengths[:, None], rows[None, :]
        scale = xp.where(r > 0, r, 1.0) * xp.where(size > 0, size, 1.0)
        cosine = xp.clip(z / scale, -1.0, 1.0)
        sine = xp.sqrt((1 - cosine) * (1 + cosine))
        # cos Theta and sin Theta from the sine of the half angle, rounded up.
        up = 1 + 8 * (self.x.shape[-1] + 4) * unit_roundoff(self.x)
        half = xp.clip(up * (rho + t) / (2 * xp.where(r > 0, r, 1.0)), 0.0, 1.0)
        across, along = 2 * half * xp.sqrt((1 - half) * (1 + half)), 1 - 2 * half * half
        mixed, crossed = cosine * along, sine * across
        top = xp.where(cosine >= along, 1.0, mixed + crossed)
        bottom = xp.where(-cosine >= along, -1.0, mixed - crossed)
        # The angles are right to a root of a rounding where a sine is small; the sum of the
        # rounding errors of sines and cosines times r norm(w) stays below sqrt(8 d u) there.
        few = xp.clip(t * size + 16 * off + _angle_error(self.x, sine, across) * r * size, 0, None)
        low = xp.maximum(low, r * size * bottom - few)
        high = xp.minimum(high, r * size * top + few)
        return Ends(low, high, reach2)

    def maximum(
        self, gradient: Array, curvature: Array, smoothing: Array, spectrum: Spectrum | None
    ) -> QuadraticMaximum:
        xp, u = kernels(gradient).xp, unit_roundoff(gradient)
        spectrum = Spectrum.of(curvature) if spectrum is None else spectrum
        rho: Any = self.ball.radius[:, None]
        x: Any = self.x
        g: Any = gradient
        values: Any = spectrum.values
        one = xp.where(spectrum.largest > 1e-300, spectrum.largest, 1.0)  # type: ignore[operator]
        # In units of the ball and of the problem.
        top = xp.max(xp.abs(values), axis=-1, keepdims=True) * one
        steep: Any = norm_2(g)
        size = steep[:, None] * rho + top * rho * rho
        size = xp.where(size > 1e-300, size, 1.0)
        back = xp.linalg.matrix_transpose(spectrum.basis)
        b = xp.matmul(back, (g * (rho / size))[..., None])[..., 0]
        axis = xp.matmul(back, (x / rho)[..., None])[..., 0]
        nu = _sphere_multiplier(b, values * (one * (rho / size) * rho), axis)
        nu = xp.where(xp.isfinite(nu), nu, 0.0) * (size / rho / rho)
        moved = Spectrum(values - nu / one, spectrum.basis, spectrum.largest)
        found = self.ball.maximum(g - nu * x, curvature, smoothing, moved)
        lengths: Any = norm_2(x)
        r, t = lengths[:, None], self.shell[:, None]
        terms = xp.abs(nu) * (r + rho) * rho + steep[:, None] * rho + top * rho * rho
        slack = 4 * (x.shape[-1] + 4) * u * terms + xp.abs(nu) * (1 + 1e-9) * (r + 0.5 * t) * t
        return QuadraticMaximum(
            found.bound + slack[:, 0], found.mean, spectrum, lambda: found.covariance
        )


def _angle_error(x: Any, sine: Any, across: Any) -> Any:
    """What cos(phi -+ Theta) may be off: e = 8 (d + 4) u in a cosine is at most e/sin in angle."""
    xp = kernels(x).xp
    e = 8 * (x.shape[-1] + 4) * unit_roundoff(x)
    return e + across * xp.minimum(e / xp.maximum(sine, 1e-300), (2 * e) ** 0.5 + 0.0 * sine)


def _sphere_multiplier(g: Any, values: Any, x: Any) -> Any:
    """Nu in the units of a ball of radius 1, near the best one."""
    xp = kernels(g).xp
    top = values[:, -1:]
    largest = xp.max(xp.abs(values), axis=-1, keepdims=True)
    steep = xp.linalg.vector_norm(g, axis=-1, keepdims=True)
    far = xp.linalg.vector_norm(x, axis=-1, keepdims=True)

    def multipliers(kappa: Any) -> tuple[Any, Any]:
        """Mu, and the derivative in kappa."""
        inverse = 1 / (kappa - values)
        rest = g - kappa * x
        bent = xp.sum(x * x * inverse, axis=-1, keepdims=True)
        slope = 0.5 + xp.sum(x * rest * inverse, axis=-1, keepdims=True)
        mu = xp.clip(-slope / bent, 0.0, None)
        delta = (rest + mu * x) * inverse
        return mu, -xp.sum((x + 0.5 * delta) * delta, axis=-1, keepdims=True)

    scale = largest + steep
    low = xp.log(1e-10 * scale + 1e-300)
    high = xp.log(8 * (scale + steep / far) + 1e-300)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        _, slope = multipliers(top + xp.exp(middle))
        low, high = xp.where(slope < 0, middle, low), xp.where(slope < 0, high, middle)
    kappa = top + xp.exp(0.5 * (low + high))
    return kappa - multipliers(kappa)[0]
