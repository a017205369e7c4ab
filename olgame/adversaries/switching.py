"""A best point that jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.moving_comparator import (
    BestOf,
    LossOf,
    as_path,
    best_path,
    lengths,
    most_moves,
    optional_function,
)
from olgame.arrays import number_or_array, to_numpy
from olgame.exceptions import ArgumentError
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.one_game import leading_axes, row
from olgame.randomness import Seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import is_function, is_integer

__all__ = ["Switching"]


def _as_starts(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence | np.ndarray) else value


@attrs.frozen(eq=False)
class Switching:
    """l_t = loss(a_j) in phase j, with a_1, a_2, ..., a_{k+1}: the best point jumps.

    Fixed before the game. What regret against shifts and dynamic regret need is known exactly: how
    often the losses change (`switches`), the best points u_t (`comparators_of`) and the length of
    their path, sum_{t < T} norm(u_{t+1} - u_t) (`path_length`).

    The best point of a quadratic loss is a_j, or with a decision set K its projection; that of
    `LinearLoss`, where a_j is the *gradient*, is the linear minimizer of K, so K must be said.

    Args:
        points: a_1, ..., a_{k+1}, shape ``(k + 1, p)``, or ``(k + 1, ..., p)`` with one path for
            each game. Neighbors may be equal: that is no switch.
        phases: The first round of every phase after the first, rising, from 2; or one number: the
            rounds in a phase (the last phase goes on).
        loss: The round loss of a point: `QuadraticLoss`, least at the point; `LinearLoss`; or a
            function of yours.
        best: Where the loss of a point is least, ``best(a, K)``, K None where it was not said;
            needed for losses other than quadratic and linear ones.

    Raises:
        ArgumentError: ``phases`` are not k rising rounds from 2 on, or not a positive number.
        ShapeError: ``points`` is no array of points.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = Switching(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), phases=20)
        >>> adversary.switches(30), round(adversary.path_length(30), 6), adversary.switches(100)
        (1, 1.414214, 2)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.5), adversary, ball, rounds=60, keep="points"
        ... )
        >>> round(og.regret.dynamic(run, adversary.comparators_of(60)), 2)
        3.33

    References:
        zinkevich2003.
    """

    points: Array = attrs.field(validator=as_path)
    phases: int | tuple[int, ...] = attrs.field(converter=_as_starts)
    loss: LossOf = attrs.field(default=QuadraticLoss, validator=is_function)
    best: BestOf | None = attrs.field(default=None, kw_only=True, validator=optional_function)

    @phases.validator
    def _rise(self, attribute: attrs.Attribute[Any], value: Any) -> None:
        if is_integer(value, 1):
            return
        count = self.points.shape[0] - 1
        starts = value if isinstance(value, tuple) else ()
        whole = all(is_integer(t) for t in starts)
        rising = whole and all(a < b for a, b in zip((1, *starts), starts, strict=False))
        if not rising or len(starts) != count:
            raise ArgumentError(
                "`Switching(phases=...)` must be the rounds in a phase, or the first rounds of the "
                f"{count} phases after the first, rising from 2 on, got {value!r}."
            )

    @property
    def timing(self) -> Timing:
        """Sees nothing of the game."""
        return Timing.OBLIVIOUS

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a path of its own."""
        return leading_axes(self.points)[1:]

    def phase(self, t: int) -> int:
        """The index of the phase of round t, from 0."""
        if isinstance(self.phases, int):
            return min(max(t - 1, 0) // self.phases, int(self.points.shape[0]) - 1)
        return sum(t >= start for start in self.phases)

    def switches(self, rounds: int) -> int:
        """How often the loss changes in this many rounds (in the game where it does most often).

        The best point of a decision set moves no more often than that.
        """
        return most_moves(self.points[: self.phase(rounds) + 1])

    def path_length(self, rounds: int, decision_set: ConvexSet | None = None) -> Any:
        """sum_{t < T} norm(u_{t+1} - u_t), a float, or one for each game; see `comparators_of`."""
        found = lengths(self._best(decision_set))[: self.phase(rounds)]
        return number_or_array(found.sum(axis=0))

    def comparators_of(self, rounds: int, decision_set: ConvexSet | None = None) -> Any:
        """The best point of every round, float64 NumPy, shape ``(T, ..., p)``.

        Args:
            rounds: T.
            decision_set: K; None: among all points.

        Raises:
            NotAvailableError: Where a loss is least is not known.
        """
        return self._best(decision_set)[[self.phase(t) for t in range(1, rounds + 1)]]

    def game(self, index: tuple[int, ...], /) -> Switching:
        """The adversary of one game of a batch."""
        path = to_numpy(self.points)
        rows = np.stack([row(point, index) for point in path])
        return attrs.evolve(self, points=rows)

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """loss(a_j)."""
        point = self.points[self.phase(view.round)]
        return Response(self.loss(view.asarray(point))), None

    def _best(self, decision_set: ConvexSet | None) -> Any:
        return best_path(self.points, self.loss, self.best, decision_set, "Switching")
