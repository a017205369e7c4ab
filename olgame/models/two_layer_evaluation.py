"""A two-layer network at one (w, x), in closed form."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs

from olgame.activations import Activation
from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["TwoLayerEvaluation"]


@attrs.frozen(eq=False, slots=False)
class TwoLayerEvaluation:
    """f(W, x) = sum_r b_r sigma(<w_r, x>) and its derivatives, b_r = a_r/sqrt(m).

    With pre-activations Z_ir = <w_r, x_i>, everything is a product of matrices, and nothing of
    shape ``(n, m, d)`` is ever formed:

        z_i                          sum_r b_r sigma(Z_ir)
        pullback_w(c), row r         sum_i c_i b_r sigma'(Z_ir) x_i
        pullback_x(c), row i         c_i sum_r b_r sigma'(Z_ir) w_r
        jvp_w(V)_i                   sum_r b_r sigma'(Z_ir) <v_r, x_i>
        jvp_w_pullback_x(V, c)_i     c_i sum_r b_r [sigma''(Z_ir) <v_r, x_i> w_r + sigma'(Z_ir) v_r]

    **Pairs.** With ``paired`` the second half of the neurons has the opposite output weights,
    b_{r+h} = -b_r, h = m/2. All sums are then taken pair by pair, and the second half of Z is
    computed as Z_{r+h} = Z_r + <w_{r+h} - w_r, x>. Where the two rows of every pair are equal (the
    paired start) the second term is exactly 0, so z and pullback_x are exactly 0 too. (Two separate
    products W x would not do: a BLAS may round equal rows differently.)

    Args:
        hidden: W, shape ``(..., m, d)``.
        x: inputs, shape ``(n, d)`` or ``(..., n, d)``.
        output: b, shape ``(m,)``.
        activation: sigma.
        paired: Whether b_{r+h} = -b_r.
    """

    hidden: Any
    x: Any
    output: Any
    activation: Activation
    paired: bool

    @cached_property
    def _half(self) -> int:
        half: int = self.hidden.shape[-2] // 2
        return half

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
        """Outputs, shape ``(..., n)``; exactly 0 at a paired start."""
        sigma: Any = self.activation.value(self.preactivation)
        out: Array
        if self.paired:
            h = self._half
            out = (sigma[..., :h] - sigma[..., h:]) @ self.output[:h]
        else:
            out = sigma @ self.output
        return out

    @cached_property
    def _input_gradient(self) -> Any:
        """grad_x f(w, x_i) as rows, shape ``(..., n, d)``; exactly 0 at a paired start."""
        if not self.paired:
            return (self.slope * self.output) @ self.hidden
        h, b = self._half, self.output[: self._half]
        first, second = self.slope[..., :h], self.slope[..., h:]
        return ((first - second) * b) @ self.hidden[..., :h, :] - (second * b) @ self._difference

    def pullback_w(self, c: Array) -> Array:
        """sum_i c_i grad_w f(w, x_i), shape ``(..., m d)``."""
        xp = kernels(self.x).xp
        weights = self.slope * self.output * c[..., None]
        rows = xp.matrix_transpose(weights) @ self.x
        out: Array = xp.reshape(rows, (*rows.shape[:-2], -1))
        return out

    def pullback_x(self, c: Array) -> Array:
        """c_i grad_x f(w, x_i), shape ``(..., n, d)``."""
        out: Array = c[..., None] * self._input_gradient
        return out

    def jvp_w(self, v: Array) -> Array:
        """<grad_w f(w, x_i), v>, shape ``(..., n)``."""
        out: Array = (self.slope * self._against(self._rows(v))) @ self.output
        return out

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        """grad_x of sum_i c_i <grad_w f(w, x_i), v>, shape ``(..., n, d)``."""
        rows = self._rows(v)
        bend = self.activation.second_derivative(self.preactivation) * self._against(rows)
        gradient = (bend * self.output) @ self.hidden + (self.slope * self.output) @ rows
        out: Array = c[..., None] * gradient
        return out

    def _rows(self, v: Any) -> Any:
        shape = (*v.shape[:-1], *self.hidden.shape[-2:])
        return kernels(v).xp.reshape(v, shape)

    def _against(self, rows: Any) -> Any:
        """<rows_r, x_i>, shape ``(..., n, number of rows)``."""
        return self.x @ kernels(rows).xp.matrix_transpose(rows)
