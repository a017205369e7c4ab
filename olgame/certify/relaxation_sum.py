"""A network above-bounded in two parts."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.certify.quadratic_maximum import QuadraticMaximum
from olgame.certify.relaxation import Pieces, Quadratic, Relaxation
from olgame.typing import Array

__all__ = ["RelaxationSum"]


@attrs.frozen(eq=False)
class RelaxationSum:
    """Q = Q_1 + Q_2 of different neurons: the sum of two quadratics is one of the sum.

    Args:
        first: of some neurons.
        rest: of the others, ``others`` of them.
        others: their indices among all neurons, shape ``(m_2,)``.
        size: of the second moments of the first part.
    """

    first: Relaxation
    rest: Relaxation
    others: Any
    size: int

    def second(self) -> Array:
        """Those of both, one after the other."""
        parts: list[Any] = [self.first.second(), self.rest.second()]
        out: Array = kernels(parts[0]).xp.concat(parts, axis=-1)
        return out

    def second_of(self, found: QuadraticMaximum) -> Array:
        parts: list[Any] = [self.first.second_of(found), self.rest.second_of(found)]
        out: Array = kernels(parts[0]).xp.concat(parts, axis=-1)
        return out

    def quadratic(self, mean: Array, second: Array) -> Quadratic:
        own, others = self._split(second)
        parts: Any = zip(
            self.first.quadratic(mean, own), self.rest.quadratic(mean, others), strict=True
        )
        return Quadratic(*(a + b for a, b in parts))

    def pieces(self, mean: Array, second: Array) -> Pieces:
        own, others = self._split(second)
        found, more = self.first.pieces(mean, own), self.rest.pieces(mean, others)
        pairs: Any = zip(found, more, strict=True)
        for whole, part in pairs:
            if part is not None:
                whole[:, self.others] = part
        return found

    def _split(self, second: Any) -> tuple[Any, Any]:
        return second[:, : self.size], second[:, self.size :]
