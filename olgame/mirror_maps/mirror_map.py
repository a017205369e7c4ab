"""What a mirror map has to offer."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value

__all__ = ["MirrorMap", "MirrorPoint"]


class MirrorPoint(NamedTuple):
    """A point of K and its dual.

    Attributes:
        point: w, shape ``(..., p)``.
        dual: The gradient of psi at w, kept because it may hold more digits than w itself (of a
            weight of 1e-400 the logarithm is an ordinary number).
    """

    point: Array
    dual: Array


class MirrorMap(Protocol):
    """A strictly convex function psi on part of R^p, with what mirror descent needs of it.

    With B(u, w) = psi(u) - psi(w) - <grad psi(w), u - w> the Bregman divergence and
    psi*(theta) = sup over w of <theta, w> - psi(w) the conjugate, `gradient` and `inverse` are
    inverse to each other: grad psi*(grad psi(w)) = w. The minimizer over K of psi(u) - <theta, u>
    is the Bregman projection onto K of grad psi*(theta), and that projection is exact for some
    pairs (psi, K) only, which `check_decision_set` knows.
    """

    def value(self, w: Array) -> Value:
        """psi(w), shape ``(...)``."""
        ...

    def gradient(self, w: Array) -> Array:
        """grad psi(w), shape ``(..., p)``: from points to duals."""
        ...

    def conjugate(self, theta: Array) -> Value:
        """psi*(theta), shape ``(...)``."""
        ...

    def inverse(self, theta: Array) -> Array:
        """grad psi*(theta), shape ``(..., p)``: from duals to points."""
        ...

    def divergence(self, u: Array, w: Array) -> Value:
        """B(u, w) >= 0, shape ``(...)``."""
        ...

    def project(self, theta: Array, decision_set: ConvexSet) -> MirrorPoint:
        """The minimizer over K of psi(u) - <theta, u>, with its dual."""
        ...

    def check_decision_set(self, decision_set: ConvexSet, owner: str) -> None:
        """Raise `NotAvailableError` unless `project` is exact on ``decision_set``.

        Args:
            decision_set: K.
            owner: Who asks, for the message.
        """
        ...

    def dual_norm(self, g: Array, decision_set: ConvexSet) -> Value:
        """The dual of a norm in which psi is 1-strongly convex on K, shape ``(...)``.

        That is B(u, w) >= norm(u - w)^2/2 for u, w in K.
        """
        ...

    def largest_divergence(self, w: Array, decision_set: ConvexSet) -> Value:
        """An upper bound on B(u, w) over u in K, shape ``(...)``; ``inf`` where there is none."""
        ...
