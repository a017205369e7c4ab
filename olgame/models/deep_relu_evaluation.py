"""A deep ReLU network at one (w, x), in closed form."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.models.deep_layers import DeepLayers, cut_layers
from olgame.typing import Array

__all__ = ["DeepReLUEvaluation"]


@attrs.frozen(eq=False, slots=False)
class DeepReLUEvaluation:
    """f = a^T x^(H), x^(h) = relu(W^(h) x^(h-1)), x^(0) = A x, and its derivatives.

    With D_h the diagonal of the active neurons (W^(h) x^(h-1) > 0), everything is three
    recursions, one sample a row:

        forward     x^(h) = D_h W^(h) x^(h-1)                              z = a^T x^(H)
        backward    q^(H) = a,  q^(h-1) = W^(h)^T D_h q^(h)                q^(h) = df/dx^(h)
        tangent     t^(0) = 0,  t^(h) = D_h (W^(h) t^(h-1) + V^(h) x^(h-1))

        pullback_w(c), block h       sum_i c_i D_h q_i^(h) x_i^(h-1)^T
        pullback_x(c)_i              c_i A^T q_i^(0)
        jvp_w(V)_i                   a^T t_i^(H)
        jvp_w_pullback_x(V, c)_i     c_i A^T s_i^(0),
            s^(H) = 0,  s^(h-1) = W^(h)^T D_h s^(h) + V^(h)^T D_h q^(h)

    (the last one because D_h does not change with x except at kinks). A neuron at its kink counts
    as inactive.

    Args:
        layers: A, the W^(h) (shape ``(..., m, m)``, views of the weights) and a.
        x: inputs, shape ``(n, d)`` or ``(..., n, d)``.
    """

    layers: DeepLayers
    x: Any

    @property
    def _width(self) -> int:
        width: int = self.layers.output.shape[0]
        return width

    @cached_property
    def signals(self) -> list[Any]:
        """x^(0), ..., x^(H), each of shape ``(..., n, m)``."""
        signal = self.x @ _transposed(self.layers.embedding)
        found = [signal]
        for weights in self.layers.hidden:
            before = signal @ _transposed(weights)
            # Not `maximum`, which has no say on nan; the product is 0 where inactive.
            signal = before * _active(before)
            found.append(signal)
        return found

    @cached_property
    def masks(self) -> list[Any]:
        """The diagonals of D_1, ..., D_H as zeros and ones: x^(h) > 0 where W^(h) x^(h-1) is."""
        return [_active(signal) for signal in self.signals[1:]]

    @cached_property
    def z(self) -> Array:
        """Outputs, shape ``(..., n)``."""
        out: Array = self.signals[-1] @ self.layers.output
        return out

    @cached_property
    def adjoints(self) -> list[Any]:
        """q^(0), ..., q^(H), each of shape ``(..., n, m)`` (the last ``(m,)``, equal for all)."""
        adjoint: Any = self.layers.output
        found = [adjoint]
        for weights, mask in zip(self.layers.hidden[::-1], self.masks[::-1], strict=True):
            adjoint = (mask * adjoint) @ weights
            found.append(adjoint)
        return found[::-1]

    @property
    def layer_gradient_norms(self) -> Array:
        """norm_F(grad_{W^(h)} f(w, x_i)) = norm(D_h q_i^(h)) norm(x_i^(h-1)), ``(..., n, H)``."""
        xp, norm = kernels(self.x).xp, kernels(self.x).norm
        parts = zip(self.masks, self.adjoints[1:], self.signals, strict=False)
        norms: Array = xp.stack([norm(m * q) * norm(signal) for m, q, signal in parts], axis=-1)
        return norms

    def pullback_w(self, c: Array) -> Array:
        """sum_i c_i grad_w f(w, x_i), shape ``(..., H m^2)``."""
        xp = kernels(self.x).xp
        blocks = []
        for mask, adjoint, signal in zip(self.masks, self.adjoints[1:], self.signals, strict=False):
            rows = _transposed(mask * adjoint * c[..., None]) @ signal
            blocks.append(xp.reshape(rows, (*rows.shape[:-2], -1)))
        out: Array = xp.concat(blocks, axis=-1)
        return out

    def pullback_x(self, c: Array) -> Array:
        """c_i grad_x f(w, x_i), shape ``(..., n, d)``."""
        out: Array = c[..., None] * (self.adjoints[0] @ self.layers.embedding)
        return out

    def jvp_w(self, v: Array) -> Array:
        """<grad_w f(w, x_i), v>, shape ``(..., n)``."""
        tangent: Any = None
        moves = cut_layers(v, self._width)
        parts = zip(moves, self.layers.hidden, self.signals, self.masks, strict=False)
        for moved, weights, signal, mask in parts:
            change = signal @ _transposed(moved)
            if tangent is not None:
                change = change + tangent @ _transposed(weights)
            tangent = mask * change
        out: Array = tangent @ self.layers.output
        return out

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        """grad_x of sum_i c_i <grad_w f(w, x_i), v>, shape ``(..., n, d)``."""
        adjoint: Any = None
        steps = zip(
            cut_layers(v, self._width),
            self.layers.hidden,
            self.masks,
            self.adjoints[1:],
            strict=True,
        )
        for moved, weights, mask, above in reversed(list(steps)):
            below = (mask * above) @ moved
            adjoint = below if adjoint is None else below + (mask * adjoint) @ weights
        out: Array = c[..., None] * (adjoint @ self.layers.embedding)
        return out


def _transposed(matrix: Any) -> Any:
    return kernels(matrix).xp.matrix_transpose(matrix)


def _active(values: Any) -> Any:
    return kernels(values).xp.astype(values > 0, values.dtype)
