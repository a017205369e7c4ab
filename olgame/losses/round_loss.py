"""What the loss of one round, l_t(w), has to offer."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from olgame.typing import Array, Value

__all__ = ["Remainder", "RoundEvaluation", "RoundLoss"]


class RoundEvaluation(NamedTuple):
    """l_t at a point w: a certified quadratic lower model.

    For every u:  l_t(u) >= value + <gradient, u - w> - weak_convexity norm(u - w)^2.

    Attributes:
        value: l_t(w), shape ``(...)``.
        gradient: a (sub)gradient g_t of l_t at w, shape ``(..., p)``.
        weak_convexity: kappa_t >= 0 of the line above: 0 for a convex loss, ``inf`` where no
            constant is known.
    """

    value: Value
    gradient: Array
    weak_convexity: Value = 0.0


class Remainder(NamedTuple):
    """Why l_t(u) differs from its linearization at w; every term is measured on its own.

    l_t(w) = value + <g_t, w - u> - curvature - nonlinearity   (THE identity of the ledger).

    Attributes:
        value: l_t(u).
        curvature: C_t(u) >= 0, the loss's own curvature.
        nonlinearity: N_t(u), the network's departure from its linearization.
    """

    value: Value
    curvature: Value
    nonlinearity: Value


class RoundLoss(Protocol):
    """The loss of one round, fixed by the adversary's answer."""

    def value(self, w: Array) -> Value:
        """l_t(w), shape ``(...)`` for ``w`` of shape ``(..., p)``."""
        ...

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value, (sub)gradient and weak-convexity constant at ``w``; fresh arrays each call."""
        ...

    def remainder(self, w: Array, u: Array) -> Remainder:
        """The terms that separate l_t(u) from the linearization of l_t at ``w``."""
        ...
