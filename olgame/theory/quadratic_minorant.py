"""A quadratic that lies below F, and how far it can fall within a ball: the duality gap Gamma."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import OlgameError

__all__ = ["Drop", "QuadraticMinorant"]

_BISECTIONS = 70


@attrs.frozen
class Drop:
    """How far a minorant can fall below its constant on the ball.

    Attributes:
        gamma: An upper bound on the fall, Gamma(mu) >= 0.
        mu: The multiplier that proves it.
        lambda_max: Largest eigenvalue of the curvature, rounded up; mu > lambda_max.
        stationarity_ratio: norm(g)/(2R).
        frank_wolfe_gap: <g, delta> + R norm(g), the fall if the curvature were 0.
    """

    gamma: float
    mu: float
    lambda_max: float
    stationarity_ratio: float
    frank_wolfe_gap: float


@attrs.frozen(eq=False)
class QuadraticMinorant:
    r"""F(u0 + v) >= constant + <g, v> - sum_r v_r^T M_r v_r for all v, M_r in its eigenbasis.

    Gamma(mu) = (1/4) sum_r h_r^T (mu I - M_r)^{-1} h_r + mu (R^2 - norm(delta)^2),
    h_r = g_r + 2 mu delta_r, delta = u0 - W_0.

    **Claim.** For every mu > 0 above all eigenvalues, constant - Gamma(mu) <= F on the ball B(R)
    around W_0. Proof: where norm(delta + v) <= R, mu (norm(delta + v)^2 - R^2) <= 0 may be added
    on the right. What results, h^T v + sum_r v_r^T (mu I - M_r) v_r + mu (norm(delta)^2 - R^2), is
    strictly convex and least at v_r = -(mu I - M_r)^{-1} h_r / 2, with value -Gamma(mu). []

    As a maximum of functions affine in mu, Gamma is convex. With e_r = g_r/2 + M_r delta_r its
    minimizer is

        delta_r + v_r = -(mu I - M_r)^{-1} e_r,    Gamma'(mu) = R^2 - norm(delta + v)^2,

    increasing in mu, and >= 0 once mu - lambda_max >= norm(e)/R: a bisection on the sign of
    Gamma' over a known interval finds the best mu. Its accuracy matters only to tightness, since
    every admissible mu is sound. One evaluation costs O(p): the matrices were diagonalized once.

    Attributes:
        constant: Value of the quadratic at u0.
        gradient: g in the eigenbases, any shape with p entries.
        displacement: delta in the eigenbases, the same shape.
        eigenvalues: Of the M_r, broadcastable to that shape, rounded *up* by whoever made them.
    """

    constant: float
    gradient: NDArray[np.float64]
    displacement: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]

    def drop(self, radius: float) -> Drop:
        """The least Gamma found.

        Args:
            radius: R > 0; norm(displacement) must not exceed it but by rounding.

        Returns:
            A `Drop`.

        Raises:
            OlgameError: Gamma came out negative by more than rounding, a defect.
        """
        g, delta, eigenvalues = self.gradient, self.displacement, self.eigenvalues
        top = max(0.0, float(eigenvalues.max()))
        below = top - eigenvalues  # mu - lambda = s + below, without cancellation, for mu = top + s
        e = 0.5 * g + eigenvalues * delta
        g_norm, delta_norm = _norm(g), _norm(delta)
        ratio = g_norm / (2 * radius)
        frank_wolfe = float(np.vdot(g, delta)) + radius * g_norm
        last = max(_norm(e) / radius, ratio - top)
        if not np.isfinite(last + top):
            return Drop(np.inf, np.inf, top, ratio, frank_wolfe)  # overflow: nothing is proved
        if last == 0 and top == 0:
            return Drop(0.0, 0.0, 0.0, 0.0, 0.0)

        def gamma(s: float) -> float:
            h = g + 2 * (top + s) * delta
            slack = (radius - delta_norm) * (radius + delta_norm)
            return 0.25 * float(np.sum(h * (h / (s + below)))) + (top + s) * slack

        scale = max(last, top)
        low, high = np.log(1e-13 * scale), np.log(scale)
        if _norm(e / (np.exp(low) + below)) <= radius:
            high = low  # Gamma increases from the first admissible mu on
        for _ in range(_BISECTIONS):
            if high - low < 1e-7:
                break
            middle = 0.5 * (low + high)
            if _norm(e / (np.exp(middle) + below)) > radius:
                low = middle
            else:
                high = middle
        # mu = norm(g)/(2R) is the multiplier of a stationary point on the sphere, where h = 0.
        trials = [float(np.exp(low)), float(np.exp(high)), ratio - top]
        best, s = min((gamma(s), s) for s in trials if s > 0)
        noise = 1e-13 * (
            abs(float(np.vdot(g, delta))) + radius * g_norm + (top + s) * radius * radius
        )
        if best < -noise:
            raise OlgameError(f"the duality gap came out as {best!r} < 0: a defect of `gap`.")
        return Drop(max(best, 0.0), top + s, top, ratio, frank_wolfe)


def _norm(a: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.vdot(a, a)))
