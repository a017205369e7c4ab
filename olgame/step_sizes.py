"""Step sizes alpha_t of online gradient descent and its kin."""

from __future__ import annotations

import math
from typing import Any, Protocol

import attrs

from olgame.arrays import namespace
from olgame.typing import Value
from olgame.validation import finite_positive, require

__all__ = [
    "AdaGradNorm",
    "Decreasing",
    "Fixed",
    "StepSize",
    "StronglyConvex",
    "as_step_size",
    "not_adaptive",
]


class StepSize(Protocol):
    """A rule for alpha_t."""

    @property
    def adaptive(self) -> bool:
        """Whether the rule looks at the gradients (else the learner does not sum them)."""
        ...

    def __call__(self, t: int, gradient_squares: Value, /) -> Value:
        """alpha_t, t from 1, given sum of norm(g_s)^2 over s <= t (0 unless ``adaptive``)."""
        ...


@attrs.frozen
class Fixed:
    """alpha_t = alpha.

    Args:
        value: alpha > 0. With alpha = D_1/(G sqrt T), T known, projected gradient descent has
            regret at most D_1 G sqrt T.
    """

    value: float = attrs.field(validator=finite_positive)
    adaptive = False

    def __call__(self, t: int, gradient_squares: Value, /) -> Value:
        """alpha."""
        return self.value


@attrs.frozen
class Decreasing:
    """alpha_t = D / (G sqrt t), which needs no horizon.

    Regret at most 1.5 D G sqrt T for every T with D = **diam K**. With D = D_1, the reach from the
    first point, that constant is false (exact worst cases exceed it); 3 D_1 G sqrt T holds.

    Args:
        diameter: D > 0.
        gradient_bound: G > 0.

    References:
        zinkevich2003; hazan2022, Theorem 3.1.
    """

    diameter: float = attrs.field(validator=finite_positive)
    gradient_bound: float = attrs.field(validator=finite_positive)
    adaptive = False

    def __call__(self, t: int, gradient_squares: Value, /) -> Value:
        """D / (G sqrt t)."""
        return self.diameter / (self.gradient_bound * math.sqrt(t))


@attrs.frozen
class AdaGradNorm:
    """alpha_t = D / sqrt(sum over s <= t of norm(g_s)^2): no horizon, no gradient bound.

    With D = diam K / sqrt 2 the regret is at most sqrt(2) diam K sqrt(sum norm(g_t)^2). While all
    gradients were 0 the step is 0.

    Args:
        diameter: D > 0.

    References:
        streeter2010; orabona2019, Section 4.2.
    """

    diameter: float = attrs.field(validator=finite_positive)
    adaptive = True

    def __call__(self, t: int, gradient_squares: Value, /) -> Value:
        """D / sqrt(gradient_squares), per game; 0 where all gradients were 0."""
        if isinstance(gradient_squares, float | int):
            return self.diameter / math.sqrt(gradient_squares) if gradient_squares > 0 else 0.0
        xp = namespace(gradient_squares)
        positive = gradient_squares > 0  # type: ignore[operator]  # arrays compare element-wise
        root = xp.sqrt(xp.where(positive, gradient_squares, 1.0))
        step: Value = xp.where(positive, self.diameter / root, 0.0)
        return step


@attrs.frozen
class StronglyConvex:
    """alpha_t = 1/(mu t): regret that grows like log T where every l_t is mu-strongly convex.

    Projected gradient descent with these steps has sum_t l_t(W_t) - l_t(u) <= sum_t
    norm(g_t)^2/(2 mu t) <= (G^2/(2 mu)) (1 + log T) for every u in K, whatever the size of K: see
    `olgame.theory.StronglyConvexBound`, with the proof. On losses that are not strongly convex
    nothing of the kind holds.

    Args:
        curvature: mu > 0.

    Example:
        >>> [StronglyConvex(2.0)(t, 0.0) for t in (1, 2, 4)]
        [0.5, 0.25, 0.125]

    References:
        hazan2007; hazan2022, Section 3.3.
    """

    curvature: float = attrs.field(validator=finite_positive)
    adaptive = False

    def __call__(self, t: int, gradient_squares: Value, /) -> Value:
        """1/(mu t)."""
        return 1.0 / (self.curvature * t)


def as_step_size(value: float | StepSize) -> StepSize:
    """A number as a `Fixed` step; a rule as it is."""
    return value if callable(value) else Fixed(value)


def not_adaptive(instance: Any, attribute: attrs.Attribute[Any], value: StepSize) -> None:
    """attrs validator: a rule that does not look at the gradients."""
    rule = "be a number or a rule that does not look at the gradients"
    require(not value.adaptive, type(instance).__name__, attribute.name, rule, value)
