"""The cross-entropy of k logits."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs

from olgame.arrays import kernels, unit_roundoff
from olgame.losses.class_labels import check_class_labels, rival_weights, rivals
from olgame.typing import Array

__all__ = ["CrossEntropy", "cross_entropy"]


@attrs.frozen
class CrossEntropy:
    r"""The cross-entropy l(z, y) = log sum_j e^{z_j} - z_y of k logits, labels y = 0, ..., k-1.

    With the softmax s_j = e^{z_j} / sum_i e^{z_i}:

        value        log(1 + sum_{j != y} e^{z_j - z_y})
        derivative   s - e_y
        conjugate    sum_j s_j log s_j   at p = s - e_y, s in the simplex, 0 log 0 = 0;  inf else
        L = sqrt 2 (Euclidean), smoothness 1/2.

    L: norm(s - e_y)^2 = sum_{j != y} s_j^2 + (1 - s_y)^2 <= 2 (1 - s_y)^2, approached where one
    rival has s_j -> 1. Smoothness: the Hessian is diag(s) - s s^T, and for a unit vector v its form
    is the variance of v_j under s, at most (max v - min v)^2/4 <= 1/2; attained at s = (1/2, 1/2).

    It depends on the leads z_j - z_y alone and grows with each (``of_margin``), so upper bounds on
    them bound it. With two logits it is the logistic loss of z_y - z_j.

    Nothing overflows, and a loss near 0 keeps its relative accuracy. The conjugate allows s to
    leave the simplex by rounding (see `olgame.losses.class_labels.rival_weights`).

    Example:
        >>> import numpy as np
        >>> from olgame.losses import cross_entropy
        >>> z, y = np.array([[0.0, 0.0], [800.0, 0.0], [0.0, 800.0]]), np.array([0, 0, 0])
        >>> cross_entropy.value(z, y).round(4)
        array([6.931e-01, 0.000e+00, 8.000e+02])
        >>> cross_entropy.derivative(z, y)
        array([[-0.5,  0.5],
               [-0. ,  0. ],
               [-1. ,  1. ]])
    """

    name: ClassVar[str] = "cross_entropy"
    lipschitz: ClassVar[float] = math.sqrt(2.0)
    lipschitz_max: ClassVar[float] = 2.0  # the largest norm1(s - e_y) = 2 (1 - s_y)
    smoothness: ClassVar[float] = 0.5
    of_margin: ClassVar[bool] = True
    multiclass: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is a class 0, 1, 2, ..."""
        check_class_labels(y, self.name)

    def value(self, z: Array, y: Array) -> Array:
        """log(1 + sum_{j != y} e^{z_j - z_y}), shape ``(..., n)``."""
        _, top, total = _shifted(z, y)
        xp = kernels(z).xp
        # With top = 0 this is log1p(total); else total >= 1, and nothing cancels.
        out: Array = (top + xp.log1p(total[..., None] + xp.expm1(-top)))[..., 0]
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """Softmax minus e_y, shape ``(..., n, k)``; its entries have sum 0."""
        lead, top, total = _shifted(z, y)
        xp = kernels(z).xp
        share = xp.exp(lead - top) / (total[..., None] + xp.exp(-top))
        out: Array = xp.where(lead == -float("inf"), -xp.sum(share, axis=-1, keepdims=True), share)
        return out

    def conjugate(self, p: Array, y: Array) -> Array:
        """The negative entropy of p + e_y; ``inf`` where that is not in the simplex."""
        q, own, outside = rival_weights(p, y)
        xp = kernels(q).xp
        slopes: Any = p
        zero, one = xp.zeros_like(slopes), xp.ones_like(slopes)
        rival = xp.where(own | (slopes < 0), zero, slopes)
        entropy = xp.sum(rival * xp.log(xp.where(rival > 0, rival, one)), axis=-1)
        beyond = (4.0 + p.shape[-1]) * unit_roundoff(q)
        outside = outside | (q < -beyond) | (q > 1.0 + beyond)
        share = 1.0 - q
        kept = share > 0
        entropy = entropy + xp.where(
            kept, share * xp.log1p(-xp.where(kept, q, xp.zeros_like(q))), xp.zeros_like(q)
        )
        out: Array = xp.where(outside, xp.full_like(q, float("inf")), entropy)
        return xp.where(xp.isnan(q), q, out)  # type: ignore[no-any-return]  # a namespace is untyped


def _shifted(z: Array, y: Array) -> tuple[Any, Any, Any]:
    """Leads z_j - z_y, the largest of them and 0, and the sum of e^{lead - largest}."""
    xp = kernels(z).xp
    lead = rivals(z, y)
    top = xp.max(lead, axis=-1, keepdims=True)
    top = xp.where(top > 0, top, xp.zeros_like(top))
    return lead, top, xp.sum(xp.exp(lead - top), axis=-1)


cross_entropy = CrossEntropy()
