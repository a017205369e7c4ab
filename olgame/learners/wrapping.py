"""What learners around other learners share."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.exceptions import ArgumentError
from olgame.feedback import Level

__all__ = ["needs_gradients"]


def needs_gradients(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: a learner of level GRADIENT, which can be handed another gradient."""
    if getattr(value, "level", None) != Level.GRADIENT:
        level = getattr(value, "level", None)
        told = f"of level {level.name}" if isinstance(level, Level) else "no learner"
        raise ArgumentError(
            f"`{type(instance).__name__}({attribute.name}=...)` must be a learner of level "
            f"GRADIENT, got {type(value).__name__}, {told}."
        )
