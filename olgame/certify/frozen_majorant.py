"""The quadratic behind a certificate, held still and read as a function of the weights."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.activations import Activation
from olgame.arrays import kernels
from olgame.exceptions import NotAvailableError
from olgame.models.model import Model
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["FrozenMajorant"]


@attrs.frozen(eq=False)
class FrozenMajorant:
    r"""A model g with -y g(W) = q_i(W), equal at W_t to the certificate U_i >= max of -y f(W_t, .).

    The certificate of sample i is the maximum, at delta*, of a sum of parabolas in
    s_k = <w_k, x + delta>. Held still are delta*, the centers and the bends h_k of the parabolas
    and, for ReLU, their slopes and lines. With c_k = -y a_k/sqrt m:

        smooth:  q(W) = sum_k c_k [sigma(s_k) + sigma'(s_k) t_k] + h_k t_k^2/2 + e,
                 s_k = <w_k, x + delta_0>, t_k = <w_k, delta* - delta_0>
        ReLU:    q(W) = sum_k beta_k s_k + bend_k s_k^2/2 + cross_k s_k s_l/2 + e,
                 s_k = <w_k, x + delta*>, l = k + m/2 modulo m the partner of k

    e, a number, makes q(W_t) = U: it holds rounding slacks, for ReLU the parabolas' constants, and
    whatever delta* falls short of the bound (nothing for l2 but where the maximizer is not unique;
    for linf what the semidefinite bound exceeds the best vertex by).

    Gradients of q are exact. They are those of U in as far as an envelope theorem reaches: delta*
    maximizes the quadratic, so moving it changes nothing of first order, and neither do the
    parabolas where they are best for it. *Not differentiated* is what the ranges of s_k do to h_k,
    and to the parabolas that depend on their ends. Where the certificate is exact
    (delta_0 = delta*, no bend counts), value and gradient are those of -y f at x + delta*.

    **Only at W_t** is q_i above max of -y f(W, .): elsewhere it bounds nothing.

    Attributes:
        model: f, for its start and dtype.
        output: a_k/sqrt m, shape ``(m,)``.
        activation: sigma.
        y: labels, shape ``(n,)``.
        center: x + delta_0 (ReLU: x + delta*), shape ``(n, d)``.
        move: delta* - delta_0, shape ``(n, d)``; None for ReLU.
        slope: beta_k, shape ``(n, m)``; None for smooth sigma.
        bend: h_k, shape ``(n, m)``.
        cross: shape ``(n, m)``; None where no two neurons are bounded together.
        offset: e, shape ``(n,)``.
        played: x + delta*, shape ``(n, d)``: up to rounding in the ball around x.
        upper: U, shape ``(n,)``.
    """

    model: Model
    output: Array
    activation: Activation
    y: Array
    center: Array
    move: Array | None
    slope: Array | None
    bend: Array
    cross: Array | None
    offset: Array
    played: Array
    upper: Array

    @property
    def name(self) -> str:
        return f"certificate of the {self.model.name}"

    @property
    def start(self) -> Array:
        return self.model.start

    @property
    def dim(self) -> int:
        return self.model.dim

    @property
    def deterministic(self) -> bool:
        return True

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> _Evaluation:
        """At weights of shape ``(p,)``; the inputs are held still, ``x`` is not looked at."""
        xp = kernels(w).xp
        hidden = xp.reshape(w, (self.bend.shape[1], self.dim))
        turned = xp.linalg.matrix_transpose(hidden)
        s = xp.matmul(self.center, turned)
        t = None if self.move is None else xp.matmul(self.move, turned)
        return _Evaluation(self, s, t)

    def neighborhood(self, radius: float) -> ConvexSet:
        return self.model.neighborhood(radius)

    def curvature_bound(self, x: Array) -> Array | None:
        """None: no constant is claimed."""
        return None

    def asarray(self, values: Any) -> Array:
        return self.model.asarray(values)


@attrs.frozen(eq=False)
class _Evaluation:
    """Values and derivatives at one W, from the inner products s and t."""

    of: FrozenMajorant
    s: Any
    t: Any

    @property
    def z(self) -> Array:
        of, s = self.of, self.s
        xp = kernels(s).xp
        y: Any = of.y
        if of.slope is not None:
            terms = (of.slope + 0.5 * self._bent(s)) * s
        else:
            sigma, c = of.activation, -y[:, None] * of.output
            value: Any = sigma.value(s)
            terms = c * (value + sigma.derivative(s) * self.t)
            terms = terms + 0.5 * of.bend * self.t * self.t
        out: Array = -y * (xp.sum(terms, axis=-1) + of.offset)
        return out

    def _bent(self, s: Any) -> Any:
        """Second derivative of the parabolas times s, for ReLU."""
        of: Any = self.of
        if of.cross is None:
            return of.bend * s
        half = s.shape[-1] // 2
        partners = kernels(s).xp.concat([s[:, half:], s[:, :half]], axis=-1)
        return of.bend * s + of.cross * partners

    def _factors(self) -> tuple[Any, Any]:
        """Derivatives of -y g in s_k and t_k, each ``(n, m)``."""
        of, s, t = self.of, self.s, self.t
        if of.slope is not None:
            return of.slope + self._bent(s), None
        y: Any = of.y
        c = -y[:, None] * of.output
        first: Any = of.activation.derivative(s)
        return c * (first + of.activation.second_derivative(s) * t), c * first + of.bend * t

    def pullback_w(self, c: Array) -> Array:
        of = self.of
        xp = kernels(c).xp
        weight = (-of.y * c)[:, None]
        in_s, in_t = self._factors()
        rows = xp.matmul(xp.linalg.matrix_transpose(in_s * weight), of.center)
        if in_t is not None:
            rows = rows + xp.matmul(xp.linalg.matrix_transpose(in_t * weight), of.move)
        out: Array = xp.reshape(rows, (-1,))
        return out

    def jvp_w(self, v: Array) -> Array:
        of = self.of
        xp = kernels(v).xp
        moved = of.at(v, of.center)  # s and t are linear in W
        in_s, in_t = self._factors()
        change = xp.sum(in_s * moved.s, axis=-1)
        if in_t is not None:
            change = change + xp.sum(in_t * moved.t, axis=-1)
        out: Array = -of.y * change
        return out

    def pullback_x(self, c: Array) -> Array:
        raise NotAvailableError("A frozen certificate is a function of the weights alone.")

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        raise NotAvailableError("A frozen certificate is a function of the weights alone.")
