"""A two-layer network above-bounded by a quadratic, and the search for the best one."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import attrs
from array_api_compat import device

from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum, quadratic_maximum
from olgame.typing import Array

__all__ = ["Quadratic", "Relaxation", "Tightened", "tighten"]


class Quadratic(NamedTuple):
    """Q(delta) <= constant + <gradient, delta> + delta^T curvature delta / 2 on the ball.

    Attributes:
        constant: shape ``(n,)``.
        gradient: shape ``(n, d)``.
        curvature: symmetric, shape ``(n, d, d)``.
        absolute: sum of the absolute terms behind the three, each at its largest on the ball,
            shape ``(n,)``: what rounding errors are relative to.
    """

    constant: Array
    gradient: Array
    curvature: Array
    absolute: Array


class Relaxation(Protocol):
    """A family of quadratic upper bounds on Q over the ball, indexed by moments of delta.

    Every member is valid for any moments, realizable or not.
    """

    def second(self) -> Array:
        """The second moments to start from, shape ``(n, k)``, in the family's own coordinates."""
        ...

    def second_of(self, found: QuadraticMaximum) -> Array:
        """The second moments of the relaxed maximizer."""
        ...

    def quadratic(self, mean: Array, second: Array) -> Quadratic:
        """The best member of the family for these moments."""
        ...


@attrs.frozen(eq=False)
class Tightened:
    """The best bound found.

    Attributes:
        bound: upper bound on max of Q over the ball, shape ``(n,)``; rounding included.
        mean: E delta at which the best quadratic was built, shape ``(n, d)``.
    """

    bound: Array
    mean: Array


def tighten(
    relaxation: Relaxation,
    radius: Array,
    norm: str,
    dim: int,
    rounding: float,
    steps: int,
    smoothing: tuple[float, float],
) -> Tightened:
    r"""Minimize over the family of quadratics the maximum over the ball.

    Write ``phi(P) = inf over q in the family of E_P q``: concave in the moments of P, and the
    maximum of phi over distributions P on the ball is the least bound of the family (minimax;
    exactly so where `quadratic_maximum` is exact). Frank-Wolfe on phi: at moments P take the best
    quadratic q_P, maximize it over the ball (that value *is* an upper bound on max Q, whatever P
    is), and move the moments toward those of its maximizer.

    Moves that do not lower the bound are taken back and tried again shorter, toward the average
    of the directions seen since. Nothing here is needed for soundness.

    Args:
        relaxation: the family, for n samples at once.
        radius: rho, positive, shape ``(n,)``.
        norm: ``"l2"`` or ``"linf"``.
        dim: d.
        rounding: slack per unit of ``Quadratic.absolute``.
        steps: quadratics tried.
        smoothing: of the maximizers' moments at first, and its factor after a lower bound.

    Returns:
        The least bound; ``inf`` where the arithmetic overflowed.
    """
    xp = kernels(radius).xp
    second: Any = relaxation.second()
    mean: Any = xp.zeros((radius.shape[0], dim), dtype=radius.dtype, device=device(radius))
    kept_mean, kept_second = mean, second
    toward_mean, toward_second = mean, second
    best: Any = xp.full_like(radius, float("inf"))
    ones = xp.ones_like(radius)[:, None]
    move, level = 0.5 * ones, smoothing[0] * ones
    curvature, usable, spectrum = None, None, None
    m: Any = None
    for step in range(steps):
        q = relaxation.quadratic(mean, second)
        finite = xp.isfinite(q.constant + q.absolute)
        finite = finite & xp.isfinite(xp.sum(xp.sum(q.curvature, axis=-1) + q.gradient, axis=-1))
        if q.curvature is not curvature or bool(xp.any(finite != usable)):
            curvature, usable, spectrum = q.curvature, finite, None
            m = xp.where(finite[:, None, None], q.curvature, 0.0)
        g = xp.where(finite[:, None], q.gradient, 0.0)
        top = quadratic_maximum(g, m, radius, norm, level, spectrum=spectrum)
        spectrum = top.spectrum  # some families keep their curvature
        value: Any = q.constant + top.bound + rounding * q.absolute
        lower = finite & (value < best)
        best = xp.where(lower, value, best)
        ok = lower[:, None]
        kept_mean, kept_second = xp.where(ok, mean, kept_mean), xp.where(ok, second, kept_second)
        if step == steps - 1:
            break
        new_mean: Any = top.mean
        new_second: Any = relaxation.second_of(top)
        toward_mean = xp.where(ok, new_mean, 0.5 * (toward_mean + new_mean))
        toward_second = xp.where(ok, new_second, 0.5 * (toward_second + new_second))
        move = xp.where(ok, xp.clip(1.2 * move, None, 0.7), 0.3 * move)
        level = xp.where(ok, xp.clip(smoothing[1] * level, 0.1 * smoothing[0], None), level)
        mean = _into_ball(kept_mean + move * (toward_mean - kept_mean), radius, norm)
        second = kept_second + move * (toward_second - kept_second)
    return Tightened(best, kept_mean)


def _into_ball(mean: Any, radius: Any, norm: str) -> Any:
    """``mean`` in the ball: Taylor bounds are centered at it, and the search only nearly is."""
    xp = kernels(mean).xp
    rho = (1.0 - 1e-13) * radius[:, None]
    if norm == "linf":
        return xp.minimum(xp.maximum(mean, -rho), rho)
    length = xp.linalg.vector_norm(mean / rho, axis=-1, keepdims=True)
    return mean / xp.clip(length, 1.0, None)
