"""External regret against one fixed point."""

from __future__ import annotations

from typing import Any

from olgame.arrays import number_or_array, to_numpy
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["external"]


def external(run: Transcript, comparator: Array) -> Any:
    """R_T(u) = sum_t l_t(W_t) - l_t(u), on the losses that were actually played.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.
        comparator: u, shape ``(p,)``, or ``(..., p)``.

    Returns:
        A float, or an array over the games of a batch.

    Raises:
        NotKeptError: The losses were not kept.
    """
    losses = run.kept_losses("Regret against a point chosen afterwards")
    suffered = sum(to_numpy(loss.value(comparator)) for loss in losses)
    return number_or_array(run.loss.sum(axis=0) - suffered)
