"""How a run prints: who played whom, how it ended, and the losses, in one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["one_line"]


def one_line(
    kind: str,
    *,
    learner: str,
    adversary: str,
    planned_rounds: object,
    status: str,
    loss: NDArray[Any],
    violations: int,
    more: str,
) -> str:
    """The repr of a run; everything else is in its fields.

    Args:
        kind: Name of its class.
        learner: Its name.
        adversary: Its name.
        planned_rounds: What was asked for.
        status: How it ended.
        loss: Of every round that was played, shape ``(T, ...)``; the mean over games is shown.
        violations: How many rules were broken.
        more: What else belongs to it.

    Example:
        >>> losses = np.array([0.5, 0.2, 0.25])
        >>> names = {"learner": "Hedge", "adversary": "Switching", "planned_rounds": 9}
        >>> one_line("Run", **names, status="stopped", loss=losses, violations=0, more="etc")
        '<Run: Hedge against Switching, 3 of 9 rounds, stopped, loss 0.5 to 0.25, least 0.2, etc>'
    """
    text = f"<{kind}: {learner} against {adversary}, {len(loss)} of {planned_rounds} rounds"
    text += f", {status}"
    if loss.ndim > 1:
        text += f", {math.prod(loss.shape[1:])} games"
    if len(loss):
        first, last, least = (float(np.mean(row)) for row in (loss[0], loss[-1], loss.min(0)))
        text += f", loss {first:.6g} to {last:.6g}, least {least:.6g}"
    if violations:
        text += f", {violations} violations"
    return f"{text}, {more}>"
