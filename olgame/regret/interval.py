"""Regret on every interval of rounds."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import number_or_array
from olgame.exceptions import ArgumentError
from olgame.regret.played_sums import played_sums
from olgame.results import Certified
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript

__all__ = ["IntervalRegret", "dyadic_intervals", "interval"]

Ints = NDArray[np.int64]
Which = Literal["dyadic", "all"]


def dyadic_intervals(rounds: int) -> tuple[Ints, Ints]:
    """First and last rounds of all [i 2^k + 1, (i + 1) 2^k], i, k >= 0, up to round ``rounds``.

    Example:
        >>> [found.tolist() for found in dyadic_intervals(4)]
        [[1, 2, 3, 4, 1, 3, 1], [1, 2, 3, 4, 2, 4, 4]]
    """
    lengths = 2 ** np.arange(rounds.bit_length())
    last = [np.arange(n, rounds + 1, n) for n in lengths]
    first = [ends - n + 1 for ends, n in zip(last, lengths, strict=True)]
    return np.concatenate(first), np.concatenate(last)


@attrs.frozen(eq=False)
class IntervalRegret:
    """The linear regret on each of many intervals of rounds, exact.

    Attributes:
        first: First round of each interval, from 1, shape ``(k,)``.
        last: Last round, shape ``(k,)``.
        value: max over u in K of the sum over the interval of <g_t, W_t - u>, shape ``(k, ...)``.
    """

    first: Ints
    last: Ints
    value: NDArray[np.float64]

    def at(self, first: int, last: int) -> Any:
        """The regret on [first, last]: a float, or an array over the games of a batch.

        Raises:
            ArgumentError: The interval is not among those that were computed.
        """
        found = np.flatnonzero((self.first == first) & (self.last == last))
        if not found.size:
            raise ArgumentError(
                f"`IntervalRegret.at(first=..., last=...)` must be one of the {len(self.first)} "
                f"intervals that were computed, got [{first}, {last}]; ask for `which='all'`."
            )
        return number_or_array(self.value[found[0]])

    def worst(self) -> Certified:
        """The largest over all intervals that were computed."""
        number = number_or_array(self.value.max(axis=0))
        return Certified(number, "exact", f"largest of {len(self.first)} intervals")

    def worst_of_length(self) -> tuple[Ints, NDArray[np.float64]]:
        """The lengths that occur, in order, and the largest regret on an interval of each.

        With all intervals this is the *strongly adaptive regret* as a function of the length.
        """
        lengths = self.last - self.first + 1
        found, place = np.unique(lengths, return_inverse=True)
        worst = np.full((len(found), *self.value.shape[1:]), -np.inf)
        np.maximum.at(worst, place, self.value)
        return found, worst


def interval(
    run: Transcript, which: Which = "all", comparators: ConvexSet | None = None
) -> IntervalRegret:
    """max over u in K of sum_{r <= t <= s} <g_t, W_t - u>, on every interval [r, s] of rounds.

    Exact, from prefix sums of the gradients: one support function an interval. Where the losses are
    linear this is the regret on the interval, where they are convex an upper bound on it. Each
    interval may have a u of its own.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.
        which: ``"all"`` T(T + 1)/2 intervals (8 bytes each), or the fewer than 2 T ``"dyadic"``
            ones, of which every interval of n rounds is made up of at most 2 log2(n) + 1.
        comparators: The set that u ranges over; default the decision set.

    Returns:
        The `IntervalRegret`.

    Raises:
        NotKeptError: The losses were not kept.
        NotAvailableError: Something that was played is not finite, or no round was played.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([s, 0.0])) for s in (1.0, 1.0, -1.0, -1.0)]
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.5),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)),
        ...     rounds=4,
        ...     keep="examples",
        ... )
        >>> found = interval(run)
        >>> found.at(1, 4), found.at(3, 4), found.worst().value
        (1.0, 3.5, 3.5)

    References:
        daniely2015; hazan2022, Chapter 10 (recalled).
    """
    if which not in ("all", "dyadic"):
        raise ArgumentError(f"`interval(which=...)` must be 'all' or 'dyadic', got {which!r}.")
    sums = played_sums(run, comparators)
    if which == "dyadic":
        first, last = dyadic_intervals(run.rounds)
        return IntervalRegret(first, last, sums.regret(first, last))
    columns = list(sums.columns())
    first = np.concatenate([np.arange(1, len(column) + 1) for column in columns])
    last = np.repeat(np.arange(1, len(columns) + 1), np.arange(1, len(columns) + 1))
    return IntervalRegret(first, last, np.concatenate(columns))
