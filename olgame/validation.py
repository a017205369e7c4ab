"""Small validators for constructors and borders; every message has the same shape.

"`L2Ball(radius=...)` must be finite and positive, got nan."
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs

from olgame.exceptions import ArgumentError

__all__ = [
    "finite_not_negative",
    "finite_positive",
    "forgetting_factor",
    "one_of",
    "positive_integer",
    "require",
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
    ok = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    require(ok, type(instance).__name__, attribute.name, "be an integer of at least 1", value)


def one_of(*choices: str) -> Validator:
    """A validator for attrs: one of the given strings."""

    def validate(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        rule = f"be one of {', '.join(choices)}"
        require(value in choices, type(instance).__name__, attribute.name, rule, value)

    return validate
