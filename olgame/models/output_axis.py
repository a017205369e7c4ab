"""Outputs of one number a sample and of k numbers a sample, handled alike."""

from __future__ import annotations

from typing import Any, Protocol

from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["ClassOutputs", "OutputAxis", "ScalarOutput", "output_axis"]


class OutputAxis(Protocol):
    """What distinguishes z of shape ``(..., n)`` from z of shape ``(..., n, k)``.

    Whoever works on outputs z, slopes p or cotangents c uses these and need not know which of the
    two it has; ``output_axis(loss)`` or ``output_axis(model)`` tells. Output weights have the shape
    ``(m,)`` or ``(m, k)``, with leading axes where games have weights of their own.
    """

    def inner(self, p: Array, z: Array) -> Any:
        """<p_i, z_i> for every sample, shape ``(..., n)``."""
        ...

    def size(self, p: Array) -> Any:
        """norm1(p_i) for every sample, since abs(<p_i, z_i>) <= norm1(p_i) max_j abs(z_ij)."""
        ...

    def scaled(self, c: Any, p: Array) -> Any:
        """c_i p_i, for one number c_i a sample, shape ``(..., n)``; the shape of p."""
        ...

    def spread(self, c: Array, rows: Array) -> Any:
        """<c_i, b_r> for every sample and every row b_r of output weights, ``(..., n, m)``."""
        ...

    def weigh(self, s: Array, rows: Array) -> Any:
        """sum_r s_ir b_r for every sample, the shape of z, for s of shape ``(..., n, m)``."""
        ...

    def neurons(self, rows: Array, part: slice) -> Any:
        """The output weights of some of the neurons."""
        ...

    def lift(self, z: Array) -> Any:
        """z with an axis for outputs, shape ``(..., n, 1)`` or ``(..., n, k)``."""
        ...

    def drop(self, z: Array) -> Any:
        """Undoes `lift`."""
        ...


class ScalarOutput:
    """One number a sample: z has shape ``(..., n)``, output weights ``(m,)``."""

    __slots__ = ()

    def inner(self, p: Any, z: Any) -> Any:
        return p * z

    def size(self, p: Any) -> Any:
        return kernels(p).xp.abs(p)

    def scaled(self, c: Any, p: Any) -> Any:
        return c * p

    def spread(self, c: Any, rows: Any) -> Any:
        return c[..., None] * rows[..., None, :]

    def weigh(self, s: Any, rows: Any) -> Any:
        return s @ rows if rows.ndim == 1 else (s @ rows[..., None])[..., 0]

    def neurons(self, rows: Any, part: slice) -> Any:
        return rows[..., part]

    def lift(self, z: Any) -> Any:
        return z[..., None]

    def drop(self, z: Any) -> Any:
        return z[..., 0]


class ClassOutputs:
    """k numbers a sample: z has shape ``(..., n, k)``, output weights ``(m, k)``."""

    __slots__ = ()

    def inner(self, p: Any, z: Any) -> Any:
        return (p * z).sum(-1)

    def size(self, p: Any) -> Any:
        return kernels(p).xp.abs(p).sum(-1)

    def scaled(self, c: Any, p: Any) -> Any:
        return c[..., None] * p

    def spread(self, c: Any, rows: Any) -> Any:
        return c @ kernels(rows).xp.matrix_transpose(rows)

    def weigh(self, s: Any, rows: Any) -> Any:
        return s @ rows

    def neurons(self, rows: Any, part: slice) -> Any:
        return rows[..., part, :]

    def lift(self, z: Any) -> Any:
        return z

    def drop(self, z: Any) -> Any:
        return z


_SCALAR, _CLASSES = ScalarOutput(), ClassOutputs()


def output_axis(part: object) -> OutputAxis:
    """The output axis of a model (by ``classes``) or of a loss (by ``multiclass``).

    Both attributes are optional: a part without them has one number a sample.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import cross_entropy, hinge
        >>> p = np.array([[3.0, 4.0], [0.0, 1.0]])
        >>> output_axis(cross_entropy).size(p)
        array([7., 1.])
        >>> output_axis(hinge).size(-p[0])
        array([3., 4.])
    """
    many = getattr(part, "multiclass", False) or getattr(part, "classes", None) is not None
    return _CLASSES if many else _SCALAR
