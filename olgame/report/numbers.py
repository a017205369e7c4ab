"""Numbers as a run folder holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["number"]


def number(value: Any) -> float | None:
    """The float of a plain, certified or estimated number; None for None."""
    if isinstance(value, Mapping):
        value = value["value"]
    return None if value is None else float(value)
