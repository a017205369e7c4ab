"""Quadratic upper bounds on pairs of ReLU neurons that nearly cancel."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
from array_api_compat import device

from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum
from olgame.certify.region import Ends, Region
from olgame.certify.relaxation import Pieces, Quadratic
from olgame.certify.relu_bound import line_below, parabola_above
from olgame.sets.norms import norm as norm_2
from olgame.typing import Array

__all__ = ["ReLUPairs", "pairs"]

_NEAR = 0.5
_SAFE = 1e-100  # of the norms of rows: scaled by c, they keep their digits
_LEAST = 1e-3  # k and 1/beta at least, in units of the largest abs(e) and of the reach of s
_SPREAD = 0.3  # k at least, in units of the standard deviation of e
_TINY = 1e-300


def pairs(hidden: Array, output: Array) -> tuple[Any, Any] | None:
    """Neurons k and k + m/2 of opposite output weights that nearly cancel.

    That is how a paired start lays them out. Near is
    ``norm(c_k w_k + c_l w_l) <= min(norm(c_k w_k), norm(c_l w_l)) / 2``: farther apart, one bound
    for each does as well.

    Args:
        hidden: rows w_k, shape ``(m, d)``.
        output: c_k, shape ``(m,)``.

    Returns:
        Indices of the neurons with c_k > 0 and of their partners, or None where there are none.
    """
    rows: Any = hidden
    c: Any = output
    xp = kernels(rows).xp
    half = rows.shape[0] // 2
    if 2 * half != rows.shape[0]:
        return None
    first, second = c[:half, None] * rows[:half], c[half:, None] * rows[half:]
    least = xp.minimum(norm_2(first), norm_2(second))
    opposite = ((c[:half] > 0) & (c[half:] < 0)) | ((c[:half] < 0) & (c[half:] > 0))
    near: Any = norm_2(first + second) <= _NEAR * least
    at = xp.nonzero(opposite & near & (least > _SAFE))[0]
    if at.shape[0] == 0:
        return None
    positive = c[:half][at] > 0
    return xp.where(positive, at, at + half), xp.where(positive, at + half, at)


class _Bounds(NamedTuple):
    """One bound for each pair, around e_0 and s_0, its values at delta = 0; ``(n, h)`` each.

    value + in_e (e - e_0) + in_s (s - s_0) + (root_e (e - e_0) + root_s (s - s_0))^2 / 2.
    """

    value: Any
    in_e: Any
    in_s: Any
    root_e: Any
    root_s: Any


class _Moments(NamedTuple):
    """E s, E e, E s^2, E s e, E e^2, and what of a standard deviation k is at least."""

    s: Any
    e: Any
    ss: Any
    se: Any
    ee: Any
    deviation: Any


@attrs.frozen(eq=False)
class ReLUPairs:
    r"""One square above each pair, for Q(delta) = sum_i relu(s_i + e_i) - relu(s_i).

    A pair is c_k relu(<w_k, x'>) + c_l relu(<w_l, x'>), c_k > 0 > c_l. relu is positively
    homogeneous, so the weights c go into the rows:

        s = <n, x + delta>,  n = abs(c_l) w_l,       e = <c_k w_k - n, x + delta>.

    The pair is e where both are on, 0 where both are off, and in between (e >= 0) min(relu(s + e),
    e): a step of height e, smoothed over abs(e). A bound for each relu on its own loses a part of
    both *relus*, and is not 0 where e is; a bound on the step loses a part of e alone.

    With emax >= e on the region, any k > 0 and any ``0 <= beta <= 1/(emax + k)``,

        relu(s + e) - relu(s) <= k (1/2 + e/(2k) + beta s)^2.                            (off)

    *Proof.* For e <= 0 the left side is <= 0. For e > 0 write a = (e + k)/(2k) > 0; by the
    inequality of the means k a^2 = (e + k)^2/(4k) >= e. Where s >= 0: a + beta s >= a, and the left
    side is e. Where -e <= s < 0: k (a + beta s)^2 >= k a^2 + 2 k a beta s >= e + s, since
    2 k a beta = (e + k) beta <= 1 and s < 0; the left side is s + e. Where s < -e it is 0. []

    Since relu(t) = t + relu(-t), the pair is e + [relu(-s - e) - relu(-s)]: the same bound holds
    for (-s, -e), with emin <= e in place of -emax, plus e:

        relu(s + e) - relu(s) <= e + k (1/2 - e/(2k) - beta s)^2,  beta <= 1/(k - emin).  (on)

    Where emax <= 0 the square of the first is left out (the left side is <= 0), where emin >= 0
    that of the second. Hence a pair with e = 0 on all of the region costs nothing. Third, the sum
    of what bounds each relu (`parabola_above`, `line_below`): less where abs(e) is larger than
    what s moves, or where one of the two cannot change its sign.

    **Choice.** (e - k)^2 >= 0 is all that k loses, so k is about E e. E of the square is least at
    beta = -E[a s]/E s^2: for e = k this is the Cantelli inequality ``P(s > 0) <= var/(var +
    mean^2)``, the best there is for two moments. Of the three bounds the one with the least mean is
    taken. E s^2 is kept for every pair; the moments of e, which is nearly constant, are taken as if
    the covariance of delta were a multiple of the identity (half of the work).

    Args:
        rows: n of every pair, shape ``(h, d)``.
        apart: c_k w_k - n, shape ``(h, d)``.
        s, e: at delta = 0, shape ``(n, h)``.
        ends_e: emin and emax, rounded outward, each ``(n, h)``.
        ends_s: those of s.
        ends_up: those of s + e.
        reach, reach_apart: at least abs(<n, delta>) and abs(<c_k w_k - n, delta>), ``(n, h)``.
        longest: at least norm2(delta), shape ``(n, 1)``.
        scale: c_k and abs(c_l), each ``(h,)``.
        places: indices k and l, each ``(h,)``.
        width: m.
    """

    rows: Array
    apart: Array
    s: Array
    e: Array
    ends_e: tuple[Any, Any]
    ends_s: tuple[Any, Any]
    ends_up: tuple[Any, Any]
    reach: Array
    reach_apart: Array
    longest: Array
    scale: tuple[Any, Any]
    places: tuple[Any, Any]
    width: int

    @classmethod
    def of(
        cls,
        hidden: Array,
        output: Array,
        places: tuple[Any, Any],
        z: Array,
        off_by: Array,
        ends: Ends,
        region: Region,
    ) -> ReLUPairs:
        """The pairs at n inputs.

        Args:
            hidden: all rows w_k, shape ``(m, d)``.
            output: c_k, shape ``(m,)``.
            places: k and l of every pair, see `pairs`.
            z: <w_k, x>, shape ``(n, m)``.
            off_by: what each may be off, shape ``(n, m)``.
            ends: of all neurons.
            region: the perturbations.
        """
        plus, minus = places
        w: Any = hidden
        c: Any = output
        xp = kernels(c).xp
        up, down = c[plus], -c[minus]
        rows = down[:, None] * w[minus]
        apart = up[:, None] * w[plus] - rows

        def of_pairs(a: Any) -> tuple[Any, Any]:
            return up * a[:, plus], down * a[:, minus]

        above, s = of_pairs(z)
        e = above - s
        errors = of_pairs(off_by)
        far: Any = norm_2(apart)
        least, most, reach_apart = region.ends(apart, far, e, errors[0] + errors[1])
        # Then e is 0 everywhere, whatever rounding has done to z.
        same = (far == 0) & (e == 0)
        least, most = xp.where(same, 0.0, least), xp.where(same, 0.0, most)
        low, high = of_pairs(ends.low), of_pairs(ends.high)
        return cls(
            rows=rows, apart=apart, s=s, e=e, ends_e=(least, most),
            ends_s=(low[1], high[1]), ends_up=(low[0], high[0]),
            reach=of_pairs(ends.reach2)[1], reach_apart=reach_apart,
            longest=region.longest()[:, None],
            scale=(up, down), places=places, width=w.shape[0],
        )  # fmt: skip

    def second(self) -> Array:
        """E s^2 of every pair, then E norm2(delta)^2, shape ``(n, h + 1)``."""
        s: Any = self.s
        reach: Any = self.reach
        long: Any = self.longest
        share = reach * reach / self.rows.shape[1]
        out: Array = kernels(s).xp.concat([s * s + share, long * long], axis=-1)
        return out

    def second_of(self, found: QuadraticMaximum) -> Array:
        xp = kernels(found.mean).xp
        s: Any = self.s + xp.matmul(found.mean, xp.linalg.matrix_transpose(self.rows))
        covariance = found.covariance
        spread = xp.vecdot(xp.matmul(self.rows, covariance), self.rows[None])
        total = xp.sum(xp.linalg.diagonal(covariance), axis=-1)
        out: Array = xp.concat([s * s + spread, total[:, None]], axis=-1)
        return out

    def quadratic(self, mean: Array, second: Array) -> Quadratic:
        """The best bounds for E delta = ``mean`` and these second moments."""
        xp = kernels(mean).xp
        q = self._bounds(mean, second)
        roots = q.root_e[:, :, None] * self.apart
        roots += q.root_s[:, :, None] * self.rows
        curvature = xp.matmul(xp.linalg.matrix_transpose(roots), roots)
        gradient = xp.matmul(q.in_e, self.apart) + xp.matmul(q.in_s, self.rows)
        e: Any = self.e
        s: Any = self.s
        far: Any = self.reach_apart
        reach: Any = self.reach
        sizes = (xp.abs(e) + far, xp.abs(s) + reach)
        bent = xp.abs(q.root_e) * sizes[0] + xp.abs(q.root_s) * sizes[1]
        terms = xp.abs(q.in_e) * sizes[0] + xp.abs(q.in_s) * sizes[1] + bent * bent
        absolute = xp.sum(xp.abs(q.value) + terms, axis=-1)
        return Quadratic(xp.sum(q.value, axis=-1), gradient, curvature, absolute)

    def pieces(self, mean: Array, second: Array) -> Pieces:
        """The same bounds in the pre-activations."""
        xp = kernels(mean).xp
        q = self._bounds(mean, second)
        s: Any = self.s
        above = s + self.e
        # In s + e and s in place of e and s.
        root_up, root = q.root_e, q.root_s - q.root_e
        back = root_up * above + root * s
        line_up, line = q.in_e - root_up * back, q.in_s - q.in_e - root * back
        (plus, minus), (up, down) = self.places, self.scale
        slope, bend, cross = (
            xp.zeros((s.shape[0], self.width), dtype=s.dtype, device=device(s)) for _ in range(3)
        )
        slope[:, plus], slope[:, minus] = up * line_up, down * line
        bend[:, plus], bend[:, minus] = (up * root_up) ** 2, (down * root) ** 2
        cross[:, plus] = cross[:, minus] = (up * root_up) * (down * root)
        return Pieces(slope, bend, cross)

    def _bounds(self, mean: Any, second: Any) -> _Bounds:
        """The one of the three with the least mean, for every pair."""
        xp = kernels(mean).xp
        back = xp.linalg.matrix_transpose
        s: Any = self.s + xp.matmul(mean, back(self.rows))
        e: Any = self.e + xp.matmul(mean, back(self.apart))
        share = second[:, -1:] / self.rows.shape[1]
        far: Any = norm_2(self.apart)
        inner = xp.sum(self.rows * self.apart, axis=-1)
        moments = _Moments(
            s, e, second[:, :-1], s * e + share * inner, e * e + share * (far * far),
            _SPREAD * xp.sqrt(share) * far,
        )  # fmt: skip
        least, expected = self._alone(moments)
        for on in (False, True):
            other, its = self._step(moments, on)
            less = ~(expected <= its)
            expected = xp.where(less, its, expected)
            pairs_of: Any = zip(other, least, strict=True)
            least = _Bounds(*(xp.where(less, new, old) for new, old in pairs_of))
        return least

    def _step(self, of: _Moments, on: bool) -> tuple[_Bounds, Any]:
        """The square that is k where both neurons are off, or e more where both are on."""
        xp = kernels(of.s).xp
        s: Any = self.s
        e: Any = self.e
        sign, least, most = -1.0 if on else 1.0, *self.ends_e
        end = -least if on else most
        k = xp.maximum(xp.maximum(sign * of.e, of.deviation), _LEAST * xp.maximum(-least, most))
        k = k + _TINY
        along = (of.se + sign * k * of.s) / (2 * k)  # E a (sign s)
        steepest = 1 / (xp.clip(end, 0.0, None) + k + _LEAST * self.reach)
        beta = xp.minimum(xp.clip(-along / (of.ss + _TINY), 0.0, None), steepest)
        expected = k * beta * (2 * along + beta * of.ss) + 0.25 * (of.ee / k + k)
        expected = expected + 0.5 * sign * of.e
        none = end <= 0
        root = xp.where(none, 0.0, xp.sqrt(2 * k))
        root_e, root_s = root * (0.5 * sign / k), root * (sign * beta)
        at = 0.5 * root + root_e * e + root_s * s
        found = _Bounds(
            0.5 * at * at + on * e, at * root_e + float(on), at * root_s, root_e, root_s
        )
        return found, xp.where(none, 0.0, expected) + on * of.e

    def _alone(self, of: _Moments) -> tuple[_Bounds, Any]:
        """A parabola above the first relu, a line below the second."""
        xp = kernels(of.s).xp
        s: Any = self.s
        up = s + self.e
        first, second = of.s + of.e, of.ss + 2 * of.se + of.ee
        q = parabola_above(up, *self.ends_up, first, second, 1.0)
        line = line_below(of.s, *self.ends_s, self.reach / self.rows.shape[1] ** 0.5)
        root = xp.sqrt(q.bend)
        expected = q.value + q.slope * (first - up) - line * of.s
        expected = expected + 0.5 * q.bend * (second - 2 * up * first + up * up)
        return _Bounds(q.value - line * s, q.slope, q.slope - line, root, root), expected
