"""A line of outputs, along which a loss of k logits is a function of one number."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like
from olgame.checks.checklist import host
from olgame.models.output_axis import OutputAxis
from olgame.typing import Array

__all__ = ["OutputLine"]


@attrs.frozen(eq=False)
class OutputLine:
    """Outputs z = base + s direction, one for each of the sorted numbers s.

    For one output the line is the whole axis, base 0 and direction 1.

    Attributes:
        s: shape ``(N,)``, rounded to the dtype that is checked.
        base: shape ``(k,)`` or ``()``.
        direction: of norm 1, the same shape.
        axis: one output or k.
        z: the outputs, shape ``(N,)`` or ``(N, k)``.
    """

    s: NDArray[np.float64]
    base: NDArray[np.float64]
    direction: NDArray[np.float64]
    axis: OutputAxis
    z: Any

    @classmethod
    def through(
        cls,
        s: NDArray[np.float64],
        base: NDArray[np.float64],
        direction: NDArray[np.float64],
        axis: OutputAxis,
        like: Array,
    ) -> OutputLine:
        """The line in the kind of array that ``like`` is."""
        z = as_like(base + np.multiply.outer(s, direction), like)
        return cls(s, base, direction, axis, z)

    def moved(self, h: float) -> Any:
        """The outputs, all h farther along the line."""
        return self.z + as_like(h * self.direction, self.z)

    def along(self, p: Any) -> NDArray[np.float64]:
        """<p, direction>, shape ``(N,)``: the slope along the line."""
        return np.asarray(self.axis.inner(host(p), self.direction))

    def shown(self, i: int) -> str:
        """Where on the line, for a message."""
        z = host(self.z)[i]
        return f"{z:.4g}" if z.ndim == 0 else np.array2string(z, precision=4)
