"""One number per game, as a factor of points."""

from __future__ import annotations

from typing import Any

from olgame.typing import Array, Value

__all__ = ["per_game"]


def per_game(value: Value, x: Array) -> Any:
    """``value`` so that it multiplies ``x``: one for each game gets the axis of coordinates."""
    number: Any = value
    return number if isinstance(number, float) or x.ndim == 1 else number[..., None]
