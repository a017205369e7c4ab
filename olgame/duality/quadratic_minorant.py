"""A quadratic that lies below F, and how far it can fall within balls: the duality gap Gamma."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.duality.weight_balls import WeightBalls
from olgame.exceptions import OlgameError

__all__ = ["Drop", "QuadraticMinorant"]

_BISECTIONS = 70

Floats = NDArray[np.float64]


@attrs.frozen
class Drop:
    """How far a minorant can fall below its constant on a product of balls.

    Attributes:
        gamma: An upper bound on the fall, sum over the balls of Gamma_h(mu_h) >= 0.
        mu: The largest of the multipliers that prove it.
        lambda_max: Largest eigenvalue of the curvature in the tightest ball, rounded up.
        stationarity_ratio: norm(g_h)/(2 R_h) in the tightest ball: the one where it is least above
            the largest eigenvalue.
        frank_wolfe_gap: <g, delta> + sum_h R_h norm(g_h), the fall if the curvature were 0.
        pull: sum_h 4 R_h^2 (norm(g_h)/(2 R_h) + mu_h), what errors of vectors are relative to.
        penalty: sum_h mu_h R_h^2.
    """

    gamma: float
    mu: float
    lambda_max: float
    stationarity_ratio: float
    frank_wolfe_gap: float
    pull: float
    penalty: float


@attrs.frozen(eq=False)
class QuadraticMinorant:
    r"""F(u0 + v) >= constant + <g, v> - sum_r v_r^T M_r v_r for all v, M_r in its eigenbasis.

    With K = { norm(W_h - W_0h) <= R_h for all h }, every h a group of rows r, and delta = u0 - W_0,

        Gamma_h(mu) = (1/4) sum_{r in h} q_r^T (mu I - M_r)^{-1} q_r + mu (R_h^2 - norm(delta_h)^2),
        q_r = g_r + 2 mu delta_r.

    **Claim.** For all mu_h > 0 above the eigenvalues of their group,
    constant - sum_h Gamma_h(mu_h) <= F on K. Proof: where norm(delta_h + v_h) <= R_h,
    mu_h (norm(delta_h + v_h)^2 - R_h^2) <= 0 may be added on the right, one multiplier a ball. What
    results is a sum over h of q^T v + sum_r v_r^T (mu_h I - M_r) v_r
    + mu_h (norm(delta_h)^2 - R_h^2), each strictly convex and least at
    v_r = -(mu_h I - M_r)^{-1} q_r / 2, with value -Gamma_h(mu_h). []

    As a maximum of functions affine in mu, Gamma_h is convex. With e_r = g_r/2 + M_r delta_r its
    minimizer is

        delta_r + v_r = -(mu I - M_r)^{-1} e_r,    Gamma_h'(mu) = R_h^2 - norm(delta_h + v_h)^2,

    increasing in mu, and >= 0 once mu - lambda_max >= norm(e_h)/R_h: a bisection on the sign of
    Gamma_h' over a known interval finds the best mu, for all balls at once. Its accuracy matters
    only to tightness, since every admissible mu is sound. One evaluation costs O(p): the matrices
    were diagonalized once.

    Attributes:
        constant: Value of the quadratic at u0.
        gradient: g in the eigenbases, shape ``(m, d)``.
        displacement: delta in the eigenbases, the same shape.
        eigenvalues: Of the M_r, shape ``(m, d)``, rounded *up* by whoever made them.
    """

    constant: float
    gradient: Floats
    displacement: Floats
    eigenvalues: Floats

    def drop(self, balls: WeightBalls) -> Drop:
        """The least Gamma found.

        Args:
            balls: K; norm(delta_h) must not exceed R_h but by rounding.

        Returns:
            A `Drop`.

        Raises:
            OlgameError: Gamma came out negative by more than rounding, a defect.
        """
        g, delta, eigenvalues = self.gradient, self.displacement, self.eigenvalues
        radii = balls.radii
        top = np.maximum(np.maximum.reduceat(eigenvalues.max(axis=1), balls.first), 0.0)
        below = balls.of_rows(top)[:, None] - eigenvalues
        # mu - lambda = s + below, without cancellation, for mu = top + s
        e = 0.5 * g + eigenvalues * delta
        g_norm, delta_norm = balls.norms(g), balls.norms(delta)
        inner = balls.sums(g * delta)
        ratio = g_norm / (2 * radii)
        last = np.maximum(balls.norms(e) / radii, ratio - top)
        if not np.isfinite(last + top).all():
            infinite = (np.inf,) * 2
            return Drop(*infinite, float(top.max()), float(ratio.min()), *infinite, np.inf)
        idle = (last == 0) & (top == 0)

        def outside(log_s: Floats) -> Any:
            """Where the minimizer leaves its ball."""
            s = balls.of_rows(np.exp(log_s))[:, None]
            return balls.norms(e / (s + below)) > radii

        def gamma(s: Floats) -> Floats:
            q = g + 2 * balls.of_rows(top + s)[:, None] * delta
            slack = (radii - delta_norm) * (radii + delta_norm)
            fall = 0.25 * balls.sums(q * (q / (balls.of_rows(s)[:, None] + below)))
            return np.asarray(fall + (top + s) * slack)

        scale = np.where(idle, 1.0, np.maximum(last, top))
        low, high = np.log(1e-13 * scale), np.log(scale)
        # Where Gamma increases from the first admissible mu on.
        high = np.where(outside(low), high, low)
        for _ in range(_BISECTIONS):
            if (high - low).max() < 1e-7:
                break
            middle = 0.5 * (low + high)
            out = outside(middle)
            low, high = np.where(out, middle, low), np.where(out, high, middle)
        best, mu = np.full_like(radii, np.inf), np.zeros_like(radii)
        # mu = norm(g)/(2R) is the multiplier of a stationary point on the sphere, where q = 0.
        for s in (np.exp(low), np.exp(high), ratio - top):
            positive = s > 0
            found = np.where(positive, gamma(np.where(positive, s, 1.0)), np.inf)
            better = found < best
            best, mu = np.where(better, found, best), np.where(better, top + s, mu)
        best, mu = np.where(idle, 0.0, best), np.where(idle, 0.0, mu)
        noise = 1e-13 * (np.abs(inner) + radii * g_norm + mu * radii * radii)
        if (best < -noise).any():
            worst = float(best.min())
            raise OlgameError(f"the duality gap came out as {worst!r} < 0: a defect of `gap`.")
        tightest = int(np.argmin(np.where(idle, np.inf, ratio - top)))
        return Drop(
            gamma=float(np.maximum(best, 0.0).sum()),
            mu=float(mu.max()),
            lambda_max=float(top[tightest]),
            stationarity_ratio=float(ratio[tightest]),
            frank_wolfe_gap=float((inner + radii * g_norm).sum()),
            pull=float((4 * radii**2 * (ratio + mu)).sum()),
            penalty=float((mu * radii**2).sum()),
        )
