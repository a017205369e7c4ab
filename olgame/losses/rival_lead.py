"""The lead of one class over the label: what a targeted attack climbs."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs
from array_api_compat import device

from olgame.arrays import kernels, unit_roundoff
from olgame.losses.class_labels import check_class_labels, is_label
from olgame.typing import Array

__all__ = ["RivalLead"]


def _class(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    check_class_labels(value, "RivalLead(rival=...)")


@attrs.frozen
class RivalLead:
    """l(z, y) = z_j - z_y for one class j: linear in the logits, 0 for samples of class j.

    Its slope e_j - e_y is the same everywhere: where other losses have leveled off, or see the
    strongest rival alone, it still points somewhere.

        derivative   e_j - e_y
        conjugate    0 at p = e_j - e_y;  inf elsewhere
        L = sqrt 2.

    Args:
        rival: j, a class.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import RivalLead
        >>> RivalLead(2).value(np.array([[1.0, 0.0, 3.0]]), np.array([0]))
        array([2.])
    """

    rival: int = attrs.field(validator=_class)

    @property
    def name(self) -> str:
        return f"lead of class {self.rival}"

    lipschitz: ClassVar[float] = math.sqrt(2.0)
    lipschitz_max: ClassVar[float] = 2.0
    smoothness: ClassVar[None] = None
    of_margin: ClassVar[bool] = True
    multiclass: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is a class 0, 1, 2, ..."""
        check_class_labels(y, type(self).__name__)

    def value(self, z: Array, y: Array) -> Array:
        """z_j - z_y, shape ``(..., n)``."""
        out: Array = kernels(z).xp.sum(z * self._slope(z, y), axis=-1)
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """e_j - e_y, shape ``(..., n, k)``."""
        out: Array = self._slope(z, y) + 0.0 * z
        return out

    def conjugate(self, p: Array, y: Array) -> Array:
        """0 at e_j - e_y up to four units roundoff; ``inf`` elsewhere."""
        xp = kernels(p).xp
        off: Any = xp.max(xp.abs(p - self._slope(p, y)), axis=-1)
        infinite = xp.full_like(off, float("inf"))
        return xp.where(off > 4.0 * unit_roundoff(p), infinite, 0.0 * off)  # type: ignore[no-any-return]  # a namespace is untyped

    def _slope(self, z: Array, y: Array) -> Any:
        xp = kernels(z).xp
        classes = xp.arange(z.shape[-1], device=device(z))
        chosen = xp.astype(classes == self.rival, z.dtype)
        return chosen - xp.astype(is_label(z, y), z.dtype)
