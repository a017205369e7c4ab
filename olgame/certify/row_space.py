"""A narrow network in high dimension: only the row space of its weights counts."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels, unit_roundoff
from olgame.models.model import TwoLayerWeights
from olgame.sets.norms import norm as norm_2
from olgame.sets.norms import unit
from olgame.typing import Array

__all__ = ["RowSpace"]


@attrs.frozen(eq=False)
class RowSpace:
    r"""sum_k c_k sigma(<w_k, x'>) over a Euclidean ball of R^d, as a problem in R^m, m < d.

    With Q of shape ``(d, m)``, its columns (nearly) orthonormal and spanning the rows w_k, and
    l_k = Q^T w_k,

        <w_k, x'> = <l_k, Q^T x'>,     Q^T maps the ball around x onto the ball around Q^T x

    of the same radius: the maximum is the same, and what costs O(d^3) costs O(m^3).

    **Rounding.** l_k, Q and y = Q^T x are what was computed. Whatever they are, for x' in the ball

        <w_k, x'> = <l_k, Q^T x'> + <w_k - Q l_k, x'>,     norm(Q^T x' - y) <= rho_m,
        rho_m = sqrt(1 + e) rho + norm(Q^T x - y),         e = norm_F(Q^T Q - I).

    So a bound of the problem in R^m over the ball of radius rho_m, plus
    ``C1 sum_k abs(c_k) norm(w_k - Q l_k) (norm(x) + rho)``, bounds the one in R^d. The four errors
    are measured, and what the measuring rounds off is added: a sum of j products errs by at most
    ``j u`` times the sum of their absolute values, and norm_F(Q)^2 <= m (1 + e).

    Attributes:
        layers: l_k, c_k, sigma: a square problem.
        x: y, shape ``(n, m)``.
        radius: rho_m, shape ``(n,)``.
        slack: what a bound in R^m lacks, shape ``(n,)``; ``inf`` where it overflows.
        basis: Q.
    """

    layers: TwoLayerWeights
    x: Array
    radius: Array
    slack: Array
    basis: Array

    @classmethod
    @np.errstate(all="ignore")
    def of(cls, layers: TwoLayerWeights, x: Array, radius: Array) -> RowSpace:
        """The problem of width m < d in R^m.

        Args:
            layers: w_k, c_k, sigma; float64.
            x: centers, shape ``(n, d)``, float64.
            radius: rho >= 0, shape ``(n,)``, float64.
        """
        hidden: Any = layers.hidden
        rho: Any = radius
        xp, u = kernels(hidden).xp, unit_roundoff(hidden)
        width, dim = hidden.shape
        basis = xp.linalg.qr(xp.linalg.matrix_transpose(hidden)).Q
        back = xp.linalg.matrix_transpose(basis)
        short, y = xp.matmul(hidden, basis), xp.matmul(x, basis)
        eye = xp.eye(width, dtype=hidden.dtype, device=hidden.device)
        oblique = xp.linalg.matrix_norm(xp.matmul(back, basis) - eye) + 2 * dim * width * u
        size = (width * (1 + oblique)) ** 0.5
        lengths: Any = norm_2(x)
        reach = (1 + oblique) * rho + (dim + 8) * u * size * lengths
        rows: Any = norm_2(hidden)
        lost: Any = norm_2(hidden - xp.matmul(short, back)) * (1 + (dim + 8) * u)
        lost = lost + (width + 8) * u * (rows + size * norm_2(short))
        tiny = float(xp.finfo(hidden.dtype).smallest_normal) * (width + dim)
        moved = layers.activation.c1 * xp.sum(xp.abs(layers.output) * (lost + tiny))
        slack = moved * (lengths + rho) * (1 + 1e-9)
        slack = xp.where(xp.isnan(slack), float("inf"), slack)
        return cls(layers._replace(hidden=short), y, (1 + 8 * u) * reach, slack, basis)

    def back(self, delta: Array, radius: Array) -> Array:
        """A perturbation of the problem in R^m as one of length ``radius`` in R^d."""
        xp = kernels(delta).xp
        rho: Any = radius
        moved: Any = xp.matmul(delta, xp.linalg.matrix_transpose(self.basis))
        found: Array = unit(moved) * rho[:, None]
        return found
