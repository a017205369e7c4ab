"""Small validators for constructors and borders; every message has the same shape.

"`L2Ball(radius=...)` must be finite and positive, got nan."
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from olgame.exceptions import ArgumentError

__all__ = [
    "finite_not_negative",
    "finite_positive",
    "forgetting_factor",
    "is_function",
    "is_integer",
    "one_of",
    "positive_integer",
    "require",
    "require_finite_not_negative",
    "require_finite_positive",
    "require_integer",
]

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def require(condition: bool, owner: str, argument: str, rule: str, got: object) -> None:
    """Raise `ArgumentError` "`owner(argument=...)` must rule, got ..." unless ``condition``."""
    if not condition:
        raise ArgumentError(f"`{owner}({argument}=...)` must {rule}, got {got!r}.")


def _number(value: object) -> float:
    """``value`` as a float; nan (which fails every comparison) for what is no number."""
    if isinstance(value, bool | str):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # whatever it is: the except decides
    except (TypeError, ValueError):
        return math.nan


def is_integer(value: object, least: float = -math.inf) -> bool:
    """Whether ``value`` is an integer (of Python or NumPy, no truth value) of at least ``least``.

    Example:
        >>> is_integer(np.int64(3), 1), is_integer(0, 1), is_integer(True), is_integer(2.0)
        (True, False, False, False)
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= least)  # type: ignore[operator]  # an integer, as seen


def require_integer(owner: str, least: int = 1, **given: object) -> None:
    """Raise `ArgumentError` unless every argument is an integer of at least ``least``."""
    for name, value in given.items():
        require(is_integer(value, least), owner, name, f"be an integer of at least {least}", value)


def require_finite_positive(owner: str, **given: object) -> None:
    """Raise `ArgumentError` unless every argument is a finite number > 0."""
    for name, value in given.items():
        require(0.0 < _number(value) < math.inf, owner, name, "be finite and positive", value)


def require_finite_not_negative(owner: str, **given: object) -> None:
    """Raise `ArgumentError` unless every argument is a finite number >= 0."""
    for name, value in given.items():
        require(0.0 <= _number(value) < math.inf, owner, name, "be finite and not negative", value)


def finite_positive(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: a finite number > 0 (``attrs.validators.gt(0)`` accepts inf)."""
    ok = 0.0 < _number(value) < math.inf
    require(ok, type(instance).__name__, attribute.name, "be finite and positive", value)


def finite_not_negative(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: a finite number >= 0."""
    ok = 0.0 <= _number(value) < math.inf
    require(ok, type(instance).__name__, attribute.name, "be finite and not negative", value)


def forgetting_factor(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: a number with 0 <= beta < 1."""
    ok = 0.0 <= _number(value) < 1.0
    require(ok, type(instance).__name__, attribute.name, "be at least 0 and below 1", value)


def positive_integer(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an integer >= 1."""
    require_integer(type(instance).__name__, **{attribute.name: value})


def is_function(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: something that can be called."""
    require(callable(value), type(instance).__name__, attribute.name, "be a function", value)


def one_of(*choices: str) -> Validator:
    """A validator for attrs: one of the given strings."""

    def validate(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        rule = f"be one of {', '.join(choices)}"
        require(value in choices, type(instance).__name__, attribute.name, rule, value)

    return validate
