"""A two-layer network above-bounded by a quadratic, and the search for the best one."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import attrs

from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum
from olgame.certify.region import Region
from olgame.typing import Array

__all__ = ["Pieces", "Quadratic", "Relaxation", "Search", "Tightened", "tighten"]


class Quadratic(NamedTuple):
    """Q(delta) <= constant + <gradient, delta> + delta^T curvature delta / 2 on the region.

    Attributes:
        constant: shape ``(n,)``.
        gradient: shape ``(n, d)``.
        curvature: symmetric, shape ``(n, d, d)``.
        absolute: sum of the absolute terms behind the three, each at its largest on the region,
            shape ``(n,)``: what rounding errors are relative to.
    """

    constant: Array
    gradient: Array
    curvature: Array
    absolute: Array


class Pieces(NamedTuple):
    r"""A quadratic in the pre-activations s_k, but for its constant.

        sum_k slope_k s_k + bend_k s_k^2/2 + cross_k s_k s_l/2,   l = k + m/2 modulo m

    Each of shape ``(n, m)``; cross is None where no two neurons are bounded together.
    """

    slope: Array
    bend: Array
    cross: Array | None = None


class Search(NamedTuple):
    """How moments move, see `tighten`.

    Attributes:
        smoothing: of the maximizers' moments at first.
        cooling: its factor after a lower bound.
        move: how far to go toward the first of them.
        shorter: factor of the way after a bound that was not lower.
    """

    smoothing: float
    cooling: float
    move: float = 0.5
    shorter: float = 0.3


class Relaxation(Protocol):
    """A family of quadratic upper bounds on Q over a region, indexed by moments of delta.

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

    def pieces(self, mean: Array, second: Array) -> Pieces:
        """The same one in the pre-activations."""
        ...


@attrs.frozen(eq=False)
class Tightened:
    """The best bound found.

    Attributes:
        bound: upper bound on max of Q over the region, shape ``(n,)``; rounding included.
        mean: E delta at which the best quadratic was built, shape ``(n, d)``.
        second: the second moments there.
    """

    bound: Array
    mean: Array
    second: Array


def tighten(
    relaxation: Relaxation,
    region: Region,
    rounding: float,
    steps: int,
    search: Search,
    start: tuple[Array, Array] | None = None,
) -> Tightened:
    r"""Minimize over the family of quadratics the maximum over a region.

    Write ``phi(P) = inf over q in the family of E_P q``: concave in the moments of P, and the
    maximum of phi over distributions P on the region is the least bound of the family (minimax;
    exactly so where `Region.maximum` is exact). Frank-Wolfe on phi: at moments P take the best
    quadratic q_P, maximize it over the region (that value *is* an upper bound on max Q, whatever
    P is), and move the moments toward those of its maximizer.

    Moves that do not lower the bound are taken back and tried again shorter, toward the average
    of the directions seen since. Nothing here is needed for soundness.

    Args:
        relaxation: the family, for n samples at once.
        region: the perturbations of these samples; the family is valid on it.
        rounding: slack per unit of ``Quadratic.absolute``.
        steps: quadratics tried.
        search: how moments move.
        start: moments to start from, mean and second; None for those of region and family.

    Returns:
        The least bound; ``inf`` where the arithmetic overflowed.
    """
    mean: Any
    second: Any
    mean, second = (region.middle(), relaxation.second()) if start is None else start
    xp = kernels(mean).xp
    kept_mean, kept_second = mean, second
    toward_mean, toward_second = mean, second
    ones = xp.ones_like(mean[:, :1])
    best: Any = float("inf") * ones[:, 0]
    move, level = search.move * ones, search.smoothing * ones
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
        top = region.maximum(g, m, level, spectrum)
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
        move = xp.where(ok, xp.clip(1.2 * move, None, 0.7), search.shorter * move)
        level = xp.where(ok, xp.clip(search.cooling * level, 0.1 * search.smoothing, None), level)
        mean = region.inside(kept_mean + move * (toward_mean - kept_mean))
        second = kept_second + move * (toward_second - kept_second)
    return Tightened(best, kept_mean, kept_second)
