"""Losses of the margin between the label's logit and its strongest rival."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError
from olgame.losses.class_labels import check_class_labels, rival_weights, rivals
from olgame.losses.hinge import hinge
from olgame.losses.logistic import logistic
from olgame.losses.loss import Loss
from olgame.losses.smoothed_hinge import smoothed_hinge
from olgame.losses.smoothed_loss import smoothed_loss
from olgame.typing import Array

__all__ = [
    "MulticlassMargin",
    "multiclass_hinge",
    "multiclass_logistic",
    "multiclass_smoothed_hinge",
]


def _of_margin(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not getattr(value, "of_margin", False) or getattr(value, "multiclass", False):
        raise ArgumentError(
            "`MulticlassMargin(phi=...)` must be a loss phi(y z) of one output with phi convex and "
            f"not increasing, such as `og.losses.hinge`, got {value!r}."
        )


@attrs.frozen
class MulticlassMargin:
    r"""l(z, y) = phi(z_y - max_{j != y} z_j) of k logits, labels y = 0, ..., k-1.

    With the hinge it is the multi-class hinge max(0, 1 + max_{j != y} z_j - z_y). The margin is
    concave in z (minus a maximum of linear functions), so with phi convex and non-increasing l is
    convex. With q = -phi'(margin) >= 0 and pi spread evenly over the rivals that attain the
    maximum:

        derivative   q (pi - e_y)
        conjugate    phi*(-q)   at p = q (pi - e_y), pi any point of the rivals' simplex;  inf else
        L = sqrt 2 L_phi (Euclidean), no smoothness: the strongest rival changes.

    L: norm(pi - e_y)^2 = norm(pi)^2 + 1 <= 2. The conjugate: at margin s, <p, z> - l is largest
    where all rivals are equal, -q s - phi(s), and the supremum over s is phi*(-q). A negative entry
    of a rival, or a sum that is not 0, makes it infinite: lower that rival, or shift all logits,
    and l stays as it is.

    Args:
        phi: A loss of one output with ``of_margin``, taken at the label +1.

    Raises:
        ArgumentError: ``phi`` is no loss of the margin.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import multiclass_hinge
        >>> z, y = np.array([[2.0, 1.5, 0.0], [0.0, 3.0, 3.0]]), np.array([0, 0])
        >>> multiclass_hinge.value(z, y)
        array([0.5, 4. ])
        >>> multiclass_hinge.derivative(z, y)
        array([[-1. ,  1. ,  0. ],
               [-1. ,  0.5,  0.5]])

    References:
        crammer2001.
    """

    phi: Loss = attrs.field(validator=_of_margin)

    @property
    def name(self) -> str:
        return f"multiclass_{self.phi.name}"

    @property
    def lipschitz(self) -> float | None:
        return None if self.phi.lipschitz is None else math.sqrt(2.0) * self.phi.lipschitz

    @property
    def lipschitz_max(self) -> float | None:
        """The largest norm1(q (pi - e_y)) = 2 q."""
        return None if self.phi.lipschitz is None else 2.0 * self.phi.lipschitz

    smoothness: ClassVar[None] = None
    of_margin: ClassVar[bool] = True
    multiclass: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is a class 0, 1, 2, ..."""
        check_class_labels(y, self.name)

    def value(self, z: Array, y: Array) -> Array:
        """phi of the margin, shape ``(..., n)``."""
        margin: Array = -kernels(z).xp.max(rivals(z, y), axis=-1)
        return self.phi.value(margin, _ones(margin))

    def derivative(self, z: Array, y: Array) -> Array:
        """q (pi - e_y), shape ``(..., n, k)``."""
        xp = kernels(z).xp
        lead = rivals(z, y)
        top = xp.max(lead, axis=-1, keepdims=True)
        margin = -top[..., 0]
        slope: Any = self.phi.derivative(margin, _ones(margin))
        strongest = xp.astype(lead == top, lead.dtype)
        share = strongest / xp.sum(strongest, axis=-1, keepdims=True)
        own = xp.astype(lead == -float("inf"), lead.dtype)
        out: Array = -slope[..., None] * (share - own)
        return out

    def smoothed(self, z: Array, y: Array, theta: float) -> tuple[Array, Array]:
        """phi, smoothed, of the margin with theta log sum_j e^{lead_j / theta} as the maximum.

        That is at most theta log(k - 1) above it, convex, and pi becomes a softmax: see
        `olgame.losses.smoothed_loss`.
        """
        xp = kernels(z).xp
        lead = rivals(z, y)
        top = xp.max(lead, axis=-1, keepdims=True)
        powers = xp.exp((lead - top) / theta)
        total = xp.sum(powers, axis=-1, keepdims=True)
        margin = -(top + theta * xp.log(total))[..., 0]
        value, slope = smoothed_loss(self.phi, margin, _ones(margin), theta)
        own = xp.astype(lead == -float("inf"), lead.dtype)
        out: Array = -slope[..., None] * (powers / total - own)
        return value, out

    def conjugate(self, p: Array, y: Array) -> Array:
        """phi*(-q) with q = -p_y; ``inf`` where p is not q (pi - e_y)."""
        q, _, outside = rival_weights(p, y)
        value: Any = self.phi.conjugate(-q, _ones(q))
        xp = kernels(q).xp
        out: Array = xp.where(outside, xp.full_like(value, float("inf")), value)
        return out


def _ones(margin: Any) -> Any:
    return kernels(margin).xp.ones_like(margin)


multiclass_hinge = MulticlassMargin(hinge)
multiclass_logistic = MulticlassMargin(logistic)
multiclass_smoothed_hinge = MulticlassMargin(smoothed_hinge)
