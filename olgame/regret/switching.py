"""Regret against the best comparator that may shift a few times."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.regret.dynamic import dynamic
from olgame.regret.played_sums import PlayedSums, played_sums
from olgame.results import Certified, Interval
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.validation import is_integer

__all__ = ["SwitchingRegret", "switching"]

Ints = NDArray[np.int64]


@attrs.frozen(eq=False)
class SwitchingRegret:
    """The best comparator with at most ``shifts`` shifts, and the regret against it.

    Attributes:
        shifts: k.
        linear: max over paths with at most k shifts of sum_t <g_t, W_t - u_t>, exact.
        starts: The rounds, from 1, in which a maximizing path takes a new point (the first is 1).
        points: That path's points, shape ``(len(starts), p)``.
        run: The game.
    """

    shifts: int
    linear: Certified
    starts: tuple[int, ...]
    points: NDArray[np.float64]
    run: Transcript

    @property
    def path(self) -> NDArray[np.float64]:
        """u_1, ..., u_T, shape ``(T, p)``."""
        lengths = np.diff([*self.starts, self.run.rounds + 1])
        return np.repeat(self.points, lengths, axis=0)

    @property
    def regret(self) -> Interval:
        """max over paths with at most k shifts of sum_t l_t(W_t) - l_t(u_t), for convex losses.

        At least what the maximizing path of the linear regret attains on the losses themselves, at
        most the linear regret; one number where the losses are linear.

        Raises:
            NotAvailableError: A loss is not known to be convex.
        """
        if (self.run.weak_convexity > 0.0).any():
            raise NotAvailableError(
                "The regret against shifting comparators lies below the linear one only where "
                "every loss is convex, and one of this game is not known to be; use `linear`."
            )
        # Equal for linear losses, but for rounding: an interval has its ends in order.
        value = min(dynamic(self.run, self.path), self.linear.value)
        attained = Certified(value, "lower", "attained by a path")
        return Interval(attained, attrs.evolve(self.linear, side="upper"))


def switching(
    run: Transcript, shifts: int, comparators: ConvexSet | None = None
) -> SwitchingRegret:
    """The regret against the best sequence u_1, ..., u_T in K with u_{t+1} != u_t at most k times.

    On the linearized losses it is exact, for every K: the best point of an interval of rounds is a
    linear minimizer, and of all ways to cut the rounds into k + 1 intervals dynamic programming
    finds the best,

        M_j(s) = max over r <= s of M_{j-1}(r - 1) + regret on [r, s],    M_0(0) = 0.

    On the losses themselves `SwitchingRegret.regret` gives an interval, for convex losses; where
    they are linear it has no width.

    Takes T^2/2 support functions and O(k T^2) additions (T = 2000, p = 10: about a second), and
    memory O(T (p + k)).

    Args:
        run: A transcript of a single game with ``keep="examples"`` or ``"points"``.
        shifts: k >= 0; 0 is the linear regret of `olgame.regret.linear`, T - 1 or more the dynamic
            one against the best point of every round.
        comparators: The set that the u_t range over; default the decision set.

    Returns:
        The `SwitchingRegret`.

    Raises:
        ArgumentError: ``shifts`` is no integer >= 0.
        NotKeptError: The losses were not kept.
        NotAvailableError: The transcript holds a batch of games (take one of them), or something
            that was played is not finite.

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
        >>> [switching(run, k).linear.value for k in (0, 1, 2)]
        [1.0, 5.0, 5.0]
        >>> switching(run, 1).starts, switching(run, 1).regret.width
        ((1, 3), 0.0)

    References:
        herbster1998.
    """
    if not is_integer(shifts, 0):
        raise ArgumentError(f"`switching(shifts=...)` must be an integer >= 0, got {shifts!r}.")
    if run.games:
        raise NotAvailableError(
            "`switching` is of one game; this transcript holds a batch of games. Take one of them."
        )
    sums = played_sums(run, comparators)
    value, starts = _best_cuts(sums, min(shifts + 1, run.rounds))
    ends = [*(start - 1 for start in starts[1:]), run.rounds]
    points = [to_numpy(sums.maximizer(r, s)) for r, s in zip(starts, ends, strict=True)]
    method = f"dynamic programming over {run.rounds * (run.rounds + 1) // 2} intervals"
    return SwitchingRegret(
        shifts, Certified(value, "exact", method), tuple(starts), np.stack(points), run
    )


def _best_cuts(sums: PlayedSums, most: int) -> tuple[float, list[int]]:
    """The largest sum over cuts of the rounds into at most ``most`` intervals, and their starts."""
    rounds = len(sums.inner)
    best = np.full((most + 1, rounds + 1), -np.inf)  # M_j(s): exactly j intervals end in round s
    best[0, 0] = 0.0
    begun: Ints = np.zeros((most + 1, rounds + 1), dtype=np.int64)
    for s, column in enumerate(sums.columns(), start=1):
        candidates = best[:-1, :s] + column
        where: Any = candidates.argmax(axis=1)
        best[1:, s] = np.take_along_axis(candidates, where[:, None], axis=1)[:, 0]
        begun[1:, s] = where + 1
    j = int(best[:, rounds].argmax())
    value = float(best[j, rounds])
    starts, last = [], rounds
    while last > 0:
        starts.append(int(begun[j, last]))
        j, last = j - 1, starts[-1] - 1
    return value, starts[::-1]
