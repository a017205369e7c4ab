"""Quadratic upper bounds on a two-layer ReLU network."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
from array_api_compat import device

from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum
from olgame.certify.relaxation import Pieces, Quadratic
from olgame.typing import Array

__all__ = ["Parabola", "ReLURelaxation", "line_below", "parabola_above"]

_FLOOR = 1e-3
_SOFT = 0.3


@attrs.frozen(eq=False)
class ReLURelaxation:
    r"""Parabolas above and lines below each ReLU, for Q(delta) = sum_k c_k relu(s_k).

    ``s_k = z_k + <w_k, delta>`` lies in ``[l_k, u_k]`` on the region, for a ball
    ``[z_k - r_k, z_k + r_k]``.
    A neuron with l_k >= 0 is linear, one with u_k <= 0 is zero. Of the others:

    **c_k > 0** needs q >= relu on [l, u]. Three one-parameter families, each convex with a point
    or end where it meets 0 from above and one where it meets the identity from above:

        q(s) = (s + v)^2 / (4 v),                  v > 0                 (on all of R)
        q(s) = s + a (s - p)^2,  a = -l/(p - l)^2,  p >= -l > 0            (q(l) = 0, q'(l) >= 0)
        q(s) = a (s + p)^2,      a = u/(p + u)^2,   p >= u > 0             (q(u) = u, q'(u) <= 1)

    First: q = ((s - v)^2 + 4 v s)/(4 v) = s + (s - v)^2/(4 v). Second: q - s >= 0, and q is
    convex with q(l) = 0 <= q'(l), so q >= 0 right of l. Third: q >= 0, and q - s is convex, 0 at
    u with slope <= 0 there, so q >= s left of u. The last two bend less than the first where an
    end is near. Given E s and E s^2 the least E q is the first at v = sqrt(E s^2) while
    v <= min(-l, u), else the second (-l <= u) at ``p = (E s^2 - l E s)/(E s - l)`` or the third
    at ``p = (E s^2 - u E s)/(u - E s)``: the extreme distribution has its two atoms where q
    touches.

    **c_k < 0** needs q <= relu: ``q(s) = lam s`` for any lam in [0, 1]. E q is best at
    lam = [E s > 0]; a ramp around 0 instead of the jump lets the search settle.

    Args:
        up, down: rows w_k of the neurons with c_k > 0 and of the others, ``(m_+, d)``,
            ``(m_-, d)``.
        c_up, c_down: their c_k.
        z_up, z_down: their pre-activations, ``(n, m_+)``, ``(n, m_-)``.
        low_up, low_down, high_up, high_down: l_k and u_k, rounded outward, ``(n, m_+)``,
            ``(n, m_-)``.
        reach2_up, reach2_down: Euclidean reach rho_2 norm2(w_k).
        spread_up, spread_down: standard deviation of <w_k, delta> to start from.
        positive: which neurons have c_k > 0, ``(m,)``.
    """

    up: Array
    down: Array
    c_up: Array
    c_down: Array
    z_up: Array
    z_down: Array
    low_up: Array
    low_down: Array
    high_up: Array
    high_down: Array
    reach2_up: Array
    reach2_down: Array
    spread_up: Array
    spread_down: Array
    positive: Array

    @classmethod
    def of(
        cls,
        hidden: Array,
        output: Array,
        z: Array,
        low: Array,
        high: Array,
        reach2: Array,
        spread: Array,
    ) -> ReLURelaxation:
        """The family at n inputs; arguments of shapes ``(m, d)``, ``(m,)``, then ``(n, m)``."""
        up: Any = output > 0  # type: ignore[operator]  # `Array` is not ordered
        down: Any = ~up

        def split(a: Array) -> tuple[Array, Array]:
            return a[:, up], a[:, down]

        z_up, z_down = split(z)
        low_up, low_down = split(low)
        high_up, high_down = split(high)
        reach2_up, reach2_down = split(reach2)
        spread_up, spread_down = split(spread)
        return cls(
            hidden[up], hidden[down], output[up], output[down], z_up, z_down,
            low_up, low_down, high_up, high_down, reach2_up, reach2_down, spread_up, spread_down,
            up,
        )  # fmt: skip

    def second(self) -> Array:
        """E s_k^2 of the neurons with c_k > 0."""
        return self.z_up * self.z_up + self.spread_up * self.spread_up

    def second_of(self, found: QuadraticMaximum) -> Array:
        """(z_k + <w_k, mean>)^2 + w_k^T covariance w_k."""
        xp = kernels(found.mean).xp
        s: Any = self.z_up + xp.matmul(found.mean, xp.linalg.matrix_transpose(self.up))
        out: Array = s * s + xp.sum(xp.matmul(self.up, found.covariance) * self.up, axis=-1)
        return out

    def pieces(self, mean: Array, second: Array) -> Pieces:
        """The parabolas and lines of all neurons in their own order."""
        xp = kernels(mean).xp
        z: Any = self.z_up
        s = z + xp.matmul(mean, xp.linalg.matrix_transpose(self.up))
        _, slope, bend = self._parabolas(s, second)
        line = self.c_down * self._lines(mean)
        up: Any = self.positive
        shape = (z.shape[0], up.shape[0])

        def joined(above: Any, below: Any) -> Any:
            whole = xp.zeros(shape, dtype=above.dtype, device=device(above))
            whole[:, up], whole[:, ~up] = above, below
            return whole

        return Pieces(joined(slope - bend * z, line), joined(bend, 0.0))

    def quadratic(self, mean: Array, second: Array) -> Quadratic:
        """The best parabolas and lines for E delta = ``mean`` and E s_k^2 = ``second``."""
        xp = kernels(mean).xp
        up: Any = self.up
        z: Any = self.z_up
        s = z + xp.matmul(mean, xp.linalg.matrix_transpose(up))
        value, slope, bend = self._parabolas(s, second)
        line = self.c_down * self._lines(mean)
        gradient = xp.matmul(slope, up) + xp.matmul(line, self.down)
        curvature = xp.matmul(xp.linalg.matrix_transpose(up) * bend[:, None, :], up)
        r: Any = self.reach2_up
        terms = xp.abs(value) + xp.abs(slope) * r + (self.c_up * xp.abs(z) + bend * r * r)
        constant = xp.sum(value, axis=-1) + xp.sum(line * self.z_down, axis=-1)
        low = xp.abs(line) * (xp.abs(self.z_down) + self.reach2_down)
        absolute = xp.sum(terms, axis=-1) + xp.sum(low, axis=-1)
        return Quadratic(constant, gradient, curvature, absolute)

    def _parabolas(self, first: Any, second: Any) -> Parabola:
        """Those of the neurons with c_k > 0, times c_k."""
        q = parabola_above(self.z_up, self.low_up, self.high_up, first, second, self.c_up)
        c: Any = self.c_up
        return Parabola(*(c * part for part in q))

    def _lines(self, mean: Any) -> Any:
        """lam of each neuron with c_k <= 0."""
        xp = kernels(mean).xp
        z: Any = self.z_down
        s = z + xp.matmul(mean, xp.linalg.matrix_transpose(self.down))
        return line_below(s, self.low_down, self.high_down, self.spread_down)


class Parabola(NamedTuple):
    """q, q' and q'' at s = z, of one parabola for each neuron."""

    value: Any
    slope: Any
    bend: Any


def parabola_above(z: Any, low: Any, high: Any, first: Any, second: Any, scale: Any) -> Parabola:
    """The parabolas of `ReLURelaxation` that are least for these moments.

    Args:
        z: where q is expanded.
        low: the least s can be.
        high: the largest.
        first: E s.
        second: E s^2, realizable or not.
        scale: what q will be multiplied by.
    """
    xp = kernels(first).xp
    lo, hi = -low, high
    tiny = 1e-300
    first = xp.minimum(xp.maximum(first, -lo), hi)
    v = xp.sqrt(xp.maximum(second, first * first))
    v = xp.maximum(v, _FLOOR * 0.5 * (hi - low)) + tiny
    value, slope, bend = (z + v) / v * (z + v) * 0.25, (z + v) / v * 0.5, 0.5 / v

    # Any p in its range will do. Where the mean is at the end, p would be infinite and a 0.
    far = 1e6 * (xp.abs(lo) + xp.abs(hi)) + tiny
    left = (v > lo) & (lo <= hi)
    p = xp.maximum((second + lo * first) / (first + lo + tiny), lo) + tiny
    p = xp.minimum(p, far)
    a = lo / (lo + p) / (lo + p)
    value = xp.where(left, z + a * (z - p) * (z - p), value)
    slope = xp.where(left, 1 + 2 * a * (z - p), slope)
    bend = xp.where(left, 2 * a, bend)

    right = (v > hi) & (lo > hi)
    p = xp.maximum((second - hi * first) / (hi - first + tiny), hi) + tiny
    p = xp.minimum(p, far)
    a = hi / (hi + p) / (hi + p)
    value = xp.where(right, a * (z + p) * (z + p), value)
    slope = xp.where(right, 2 * a * (z + p), slope)
    bend = xp.where(right, 2 * a, bend)

    on, off = lo <= 0, hi <= 0
    # A subnormal bend has lost digits, and the parabola is below its relu: not usable.
    lost = xp.minimum(bend, scale * bend) < xp.finfo(bend.dtype).smallest_normal
    value = xp.where(lost, float("inf"), value)
    value = xp.where(on, z, xp.where(off, 0.0, value))
    slope = xp.where(on, 1.0, xp.where(off, 0.0, slope))
    return Parabola(value, slope, xp.where(on | off, 0.0, bend))


def line_below(s: Any, low: Any, high: Any, spread: Any) -> Any:
    """lam of each neuron with E s_k = ``s`` whose relu is bounded from below."""
    xp = kernels(s).xp
    ramp = xp.clip(0.5 + s / (2 * _SOFT * spread + 1e-300), 0.0, 1.0)
    stable = xp.where(high <= 0, 0.0, ramp)
    return xp.where(low >= 0, 1.0, stable)
