"""A best point that jumps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.moving_comparator import LossOf, as_path, is_function, lengths
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.one_game import row
from olgame.randomness import Seed
from olgame.typing import Array

__all__ = ["Switching"]


def _as_starts(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence | np.ndarray) else value


@attrs.frozen(eq=False)
class Switching:
    """l_t = loss(u_j) in phase j: the best point u_1, u_2, ..., u_{k+1} jumps k times.

    Fixed before the game. In a game of T rounds the number of switches and the length of the path
    sum_t norm(u_{t+1} - u_t) of its best points are known exactly: `switches`, `path_length`,
    `comparators`, for regret against k shifts and dynamic regret.

    Args:
        comparators: u_1, ..., u_{k+1}, shape ``(k + 1, p)``, or ``(k + 1, ..., p)`` with one path
            for each game.
        phases: The first round of every phase after the first, rising, from 2; or one number: the
            rounds in a phase (the last phase goes on).
        loss: The round loss of a point: `QuadraticLoss`, least at the point; or a function of
            yours.

    Raises:
        ArgumentError: ``phases`` are not k rising rounds from 2 on, or not a positive number.
        ShapeError: ``comparators`` is no array of points.

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

    comparators: Array = attrs.field(validator=as_path)
    phases: int | tuple[int, ...] = attrs.field(converter=_as_starts)
    loss: LossOf = attrs.field(default=QuadraticLoss, validator=is_function)

    @phases.validator
    def _rise(self, attribute: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return
        count = self.comparators.shape[0] - 1
        starts = value if isinstance(value, tuple) else ()
        whole = all(isinstance(t, int | np.integer) for t in starts)
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

    def phase(self, t: int) -> int:
        """The index of the phase of round t, from 0."""
        if isinstance(self.phases, int):
            return min((t - 1) // self.phases, int(self.comparators.shape[0]) - 1)
        return sum(t >= start for start in self.phases)

    def switches(self, rounds: int) -> int:
        """How often the best point jumps in this many rounds."""
        return self.phase(rounds)

    def path_length(self, rounds: int) -> Any:
        """sum_{t < T} norm(u_{t+1} - u_t), a float, or one for each game."""
        found = lengths(self.comparators)[: self.phase(rounds)].sum(axis=0)
        return float(found) if found.ndim == 0 else found

    def comparators_of(self, rounds: int) -> Any:
        """The best point of every round, float64 NumPy, shape ``(T, ..., p)``."""
        return to_numpy(self.comparators)[[self.phase(t) for t in range(1, rounds + 1)]]

    def game(self, index: tuple[int, ...], /) -> Switching:
        """The adversary of one game of a batch."""
        path = to_numpy(self.comparators)
        rows = np.stack([row(point, index) for point in path])
        return attrs.evolve(self, comparators=rows)

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """loss(u_j)."""
        point = self.comparators[self.phase(view.round)]
        return Response(self.loss(view.asarray(point))), None
