"""A two-layer network at one (w, x), in closed form."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs

from olgame.activations import Activation
from olgame.arrays import kernels
from olgame.models.output_axis import OutputAxis
from olgame.typing import Array

__all__ = ["TwoLayerEvaluation"]


@attrs.frozen(eq=False, slots=False)
class TwoLayerEvaluation:
    """f(W, x) = sum_r b_r sigma(<w_r, x>) and its derivatives, b_r = a_r/sqrt(m).

    With pre-activations Z_ir = <w_r, x_i>, everything is a product of matrices, and nothing of
    shape ``(n, m, d)`` is ever formed:

        z_i                          sum_r b_r sigma(Z_ir)
        pullback_w(c), row r         sum_i q_ir sigma'(Z_ir) x_i,    q_ir = <c_i, b_r>
        pullback_x(c), row i         sum_r q_ir sigma'(Z_ir) w_r
        jvp_w(V)_i                   sum_r b_r sigma'(Z_ir) <v_r, x_i>
        jvp_w_pullback_x(V, c)_i     sum_r q_ir [sigma''(Z_ir) <v_r, x_i> w_r + sigma'(Z_ir) v_r]

    For k classes b_r is a vector, the output weights a matrix with these rows.

    **Pairs.** With ``paired`` the second half of the neurons has the opposite output weights,
    b_{r+h} = -b_r, h = m/2. All sums are then taken pair by pair, and the second half of Z is
    computed as Z_{r+h} = Z_r + <w_{r+h} - w_r, x>. Where the two rows of every pair are equal (the
    paired start) the second term is exactly 0, so z and pullback_x are exactly 0 too. (Two separate
    products W x would not do: a BLAS may round equal rows differently.)

    Args:
        hidden: W, shape ``(..., m, d)``.
        x: inputs, shape ``(n, d)`` or ``(..., n, d)``.
        output: b, shape ``(m,)`` or ``(m, k)``, with leading axes where games have their own.
        activation: sigma.
        paired: Whether b_{r+h} = -b_r.
        axis: One output or k.
    """

    hidden: Any
    x: Any
    output: Any
    activation: Activation
    paired: bool
    axis: OutputAxis

    @cached_property
    def _half(self) -> int:
        half: int = self.hidden.shape[-2] // 2
        return half

    @cached_property
    def _first(self) -> Any:
        """b_r of the first half of the neurons."""
        return self.axis.neurons(self.output, slice(self._half))

    @cached_property
    def _difference(self) -> Any:
        """w_{r+h} - w_r, shape ``(..., h, d)``."""
        return self.hidden[..., self._half :, :] - self.hidden[..., : self._half, :]

    @cached_property
    def preactivation(self) -> Any:
        """Z, shape ``(..., n, m)``."""
        if not self.paired:
            return self._against(self.hidden)
        first = self._against(self.hidden[..., : self._half, :])
        second = first + self._against(self._difference)
        return kernels(first).xp.concat([first, second], axis=-1)

    @cached_property
    def slope(self) -> Any:
        """sigma'(Z), shape ``(..., n, m)``."""
        return self.activation.derivative(self.preactivation)

    @cached_property
    def z(self) -> Array:
        """Outputs, shape ``(..., n)`` or ``(..., n, k)``; exactly 0 at a paired start."""
        sigma: Any = self.activation.value(self.preactivation)
        out: Array
        if self.paired:
            h = self._half
            out = self.axis.weigh(sigma[..., :h] - sigma[..., h:], self._first)
        else:
            out = self.axis.weigh(sigma, self.output)
        return out

    def pullback_w(self, c: Array) -> Array:
        """sum_i c_i grad_w f(w, x_i), shape ``(..., m d)``."""
        xp = kernels(self.x).xp
        weights = self.slope * self.axis.spread(c, self.output)
        rows = xp.matrix_transpose(weights) @ self.x
        out: Array = xp.reshape(rows, (*rows.shape[:-2], -1))
        return out

    def pullback_x(self, c: Array) -> Array:
        """c_i grad_x f(w, x_i), shape ``(..., n, d)``; exactly 0 at a paired start."""
        out: Array
        if not self.paired:
            out = (self.slope * self.axis.spread(c, self.output)) @ self.hidden
            return out
        h = self._half
        q = self.axis.spread(c, self._first)
        first, second = self.slope[..., :h], self.slope[..., h:]
        out = ((first - second) * q) @ self.hidden[..., :h, :] - (second * q) @ self._difference
        return out

    def jvp_w(self, v: Array) -> Array:
        """<grad_w f(w, x_i), v>, shape ``(..., n)`` or ``(..., n, k)``."""
        out: Array = self.axis.weigh(self.slope * self._against(self._rows(v)), self.output)
        return out

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        """grad_x of sum_i c_i <grad_w f(w, x_i), v>, shape ``(..., n, d)``."""
        rows = self._rows(v)
        bend = self.activation.second_derivative(self.preactivation) * self._against(rows)
        q = self.axis.spread(c, self.output)
        out: Array = (bend * q) @ self.hidden + (self.slope * q) @ rows
        return out

    def _rows(self, v: Any) -> Any:
        shape = (*v.shape[:-1], *self.hidden.shape[-2:])
        return kernels(v).xp.reshape(v, shape)

    def _against(self, rows: Any) -> Any:
        """<rows_r, x_i>, shape ``(..., n, number of rows)``."""
        return self.x @ kernels(rows).xp.matrix_transpose(rows)
