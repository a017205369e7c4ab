"""Plain functions as a loss, with a numerical conjugate where none is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import ArgumentError
from olgame.losses.class_labels import check_class_labels
from olgame.losses.squared import check_numbers
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["FunctionLoss", "from_function", "numerical_conjugate"]

Function = Callable[[Any, Any], Any]
_GROWTH = 1e-9
_STEPS = 120


def numerical_conjugate(value: Function, p: Array, y: Array, span: float) -> Array:
    """sup over abs(z) <= span of p z - l(z, y), by trisection; ``inf`` where it still grows.

    p z - l(z) is concave, so of two points inside an interval the lower one cuts off what lies
    beyond it. 120 steps leave (2/3)^120 = 1e-21 of the interval: what is left is the rounding of
    p z and l(z) near the maximum. Where the largest value is at an end of the interval and still
    grows there by more than 1e-9 per unit of z, the supremum counts as infinite; where it has
    leveled off (the logistic loss at p = 0), it is the value there. Computed with l alone, not
    with its derivative, so that a wrong derivative shows in the ledger.

    Args:
        value: l.
        p: Slopes.
        y: Labels, shape broadcast with ``p``.
        span: Largest abs(z).
    """
    xp = kernels(p).xp
    y = y + 0.0 * p
    p = p + 0.0 * y

    def height(z: Any) -> Any:
        found = p * z - value(z, y)
        return xp.where(xp.isnan(found), xp.full_like(found, -float("inf")), found)

    with np.errstate(all="ignore"):  # l may overflow far out, which is below the maximum
        low, high = xp.full_like(p, -span), xp.full_like(p, span)
        ends = xp.maximum(height(low), height(high))
        outer = xp.maximum(height(low) - height(0.5 * low), height(high) - height(0.5 * high))
        for _ in range(_STEPS):
            left, right = low + (high - low) / 3.0, high - (high - low) / 3.0
            at_left, at_right = height(left), height(right)
            # Equal heights (both -inf, say): the maximum lies between them.
            low = xp.where(at_left <= at_right, left, low)
            high = xp.where(at_right <= at_left, right, high)
        best = xp.maximum(height(0.5 * low + 0.5 * high), ends)
        grows = (best <= ends) & (outer > _GROWTH * 0.5 * span)
    out: Array = xp.where(grows, xp.full_like(best, float("inf")), best)
    return xp.where(xp.isnan(p), p, out)  # type: ignore[no-any-return]  # a namespace is untyped


@attrs.frozen(eq=False)
class FunctionLoss:
    """l(z, y) from plain functions; `from_function` builds it and says what each field is."""

    _value: Function
    _derivative: Function
    name: str
    lipschitz: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(finite_positive)
    )
    smoothness: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(finite_positive)
    )
    of_margin: bool = False
    multiclass: bool = False
    _conjugate: Function | None = None
    _labels: Callable[[Any], None] | None = None
    span: float = attrs.field(default=1e4, validator=finite_positive)

    def check_labels(self, y: Array) -> None:
        """Ask ``labels``, if given; else any finite number is a label, of k logits any class."""
        if self._labels is not None:
            self._labels(y)
        elif self.multiclass:
            check_class_labels(y, self.name)
        else:
            check_numbers(y, self.name)

    def value(self, z: Array, y: Array) -> Array:
        """l(z, y) per sample."""
        out: Array = self._value(z, y)
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """A slope of l(., y) at z, per sample."""
        out: Array = self._derivative(z, y)
        return out

    def conjugate(self, p: Array, y: Array) -> Array:
        """l*(p, y), the given one or `numerical_conjugate`."""
        if self._conjugate is not None:
            given: Array = self._conjugate(p, y)
            return given
        return numerical_conjugate(self._value, p, as_like(y, p), self.span)


def from_function(
    value: Function,
    derivative: Function,
    *,
    conjugate: Function | None = None,
    lipschitz: float | None = None,
    smoothness: float | None = None,
    of_margin: bool = False,
    multiclass: bool = False,
    labels: Callable[[Any], None] | None = None,
    name: str | None = None,
    span: float = 1e4,
) -> FunctionLoss:
    """Lift functions of (z, y), element by element, into a loss.

    Without ``conjugate`` it is computed from ``value`` (`numerical_conjugate`): to a few unit
    roundoffs of abs(p z) + abs(l(z)) near the maximum, never above l* but for rounding, and right
    only where the maximum is attained, or approached, within abs(z) <= ``span``. That is enough
    for a ledger. A certified floor needs l* from above: for certificates give the exact one.

    Args:
        value: l(z, y), convex in z.
        derivative: A slope of it in z.
        conjugate: l*(p, y) = sup over z of p z - l(z, y); None computes it.
        lipschitz: L; None where there is none.
        smoothness: Lipschitz constant of the derivative; None for kinks.
        of_margin: Whether l(z, y) = phi(y z) with phi non-increasing; see `olgame.losses.Loss`.
        multiclass: Whether z are k logits, shape ``(..., n, k)``, and y classes; ``conjugate`` must
            then be given.
        labels: Raises `olgame.exceptions.DataError` for labels without meaning; None accepts all
            that are finite, or all classes.
        name: Default the name of ``value``.
        span: Where the conjugate is looked for.

    Returns:
        The loss.

    Raises:
        ArgumentError: What should be a function is none, or a constant is not positive.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import from_function
        >>> squared = from_function(
        ...     lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y, smoothness=1.0, name="squared"
        ... )
        >>> squared.conjugate(np.array([2.0]), np.array([1.0])).round(12)  # p^2/2 + p y
        array([4.])
    """
    for argument, function in (("value", value), ("derivative", derivative)):
        if not callable(function):
            raise ArgumentError(
                f"`losses.from_function({argument}=...)` must be a function of (z, y), got "
                f"{function!r}."
            )
    if multiclass and conjugate is None:
        raise ArgumentError(
            "`losses.from_function(conjugate=...)` must be given for k logits: it is computed for "
            "one output only."
        )
    return FunctionLoss(
        value,
        derivative,
        name=str(name or getattr(value, "__name__", "loss")),
        lipschitz=lipschitz,
        smoothness=smoothness,
        of_margin=of_margin,
        multiclass=multiclass,
        conjugate=conjugate,
        labels=labels,
        span=span,
    )
