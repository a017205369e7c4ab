"""A best point that drifts."""

from __future__ import annotations

import math
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
from olgame.randomness import Seed, generator
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import is_function, require, require_finite_positive

__all__ = ["Drifting"]

_TRIES = 64


@attrs.frozen(eq=False)
class Drifting:
    """l_t = loss(a_t) along a path a_1, a_2, ... that is fixed before the game.

    The best points u_t (`comparators_of`) and the length of their path, sum_{t < T} norm(u_{t+1} -
    u_t), on which dynamic regret depends, are known exactly; as for `Switching`, u_t is a_t for
    quadratic losses. `circle` and `walk` make paths.

    Args:
        path: a_1, ..., a_T, shape ``(T, p)``, or ``(T, ..., p)`` with one path for each game; as
            long as the game, or longer.
        loss: The round loss of a point: `QuadraticLoss`, least at the point; `LinearLoss`; or a
            function of yours.
        best: Where the loss of a point is least, as for `Switching`.

    Raises:
        ArgumentError: The path is not finite.
        ShapeError: ``path`` is no array of points.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = Drifting.circle(np.zeros(2), radius=0.5, step=0.01, rounds=200)
        >>> round(adversary.path_length(200), 9)
        1.99
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> learner = og.learners.OnlineGradientDescent(0.5)
        >>> run = og.play(learner, adversary, ball, rounds=200, keep="points")
        >>> og.regret.dynamic(run, adversary.comparators_of(200)) < 0.3
        True

    References:
        zinkevich2003.
    """

    path: Array = attrs.field(validator=as_path)
    loss: LossOf = attrs.field(default=QuadraticLoss, validator=is_function)
    best: BestOf | None = attrs.field(default=None, kw_only=True, validator=optional_function)

    @classmethod
    def circle(
        cls, center: Array, radius: float, step: float, rounds: int, loss: LossOf = QuadraticLoss
    ) -> Drifting:
        """Around a circle in the plane of the first two coordinates, ``step`` a round.

        Args:
            center: shape ``(p,)``, p >= 2.
            radius: Of the circle.
            step: norm(u_{t+1} - u_t), at most 2 radius.
            rounds: T.
            loss: As for `Drifting`.

        Raises:
            ArgumentError: A length that is not positive, a step longer than the diameter, p < 2.
        """
        rule = "be positive and at most twice the radius"
        require(0.0 < radius < math.inf, "Drifting.circle", "radius", "be positive", radius)
        require(0.0 < step <= 2.0 * radius, "Drifting.circle", "step", rule, step)
        middle = to_numpy(center)
        require(middle.shape[-1] >= 2, "Drifting.circle", "center", "be in a plane", center)
        angles = 2.0 * math.asin(step / (2.0 * radius)) * np.arange(rounds)
        path = np.tile(middle, (rounds, *(1 for _ in middle.shape)))
        path[..., 0] += (radius * np.cos(angles)).reshape(-1, *(1 for _ in middle.shape[1:]))
        path[..., 1] += (radius * np.sin(angles)).reshape(-1, *(1 for _ in middle.shape[1:]))
        return cls(path, loss)

    @classmethod
    def walk(
        cls,
        start: Array,
        step: float,
        rounds: int,
        *,
        seed: int = 0,
        decision_set: ConvexSet | None = None,
        loss: LossOf = QuadraticLoss,
    ) -> Drifting:
        """A random walk with steps of one length, in uniform directions.

        A step that would leave the set is drawn again. Where 64 directions in a row lead out, as
        near corners and in sets without inner points, steps are tried toward 64 random points of
        the set instead, which stay in it by convexity. Every step that is made has the length
        ``step``: the path is (T - 1) ``step`` long.

        Args:
            start: u_1, shape ``(p,)``.
            step: norm(u_{t+1} - u_t).
            rounds: T.
            seed: Of the directions; round t has its own generator.
            decision_set: Where the path stays; None: nowhere in particular.
            loss: As for `Drifting`.

        Raises:
            ArgumentError: A step that is not positive, a start outside the set, or no step of
                this length found from where the walk is.
        """
        require_finite_positive("Drifting.walk", step=step)
        point = to_numpy(start)
        if decision_set is not None and not bool(decision_set.contains(point, atol=1e-12)):
            raise ArgumentError("`Drifting.walk(start=...)` must lie in `decision_set`.")
        path = [point]
        for t in range(1, rounds):
            moved = _moved(point, step, decision_set, generator(seed, "drift", t))
            if moved is None:
                raise ArgumentError(
                    f"`Drifting.walk(step=...)` must fit in `decision_set`, got {step!r}: after "
                    f"{t - 1} steps none of this length was found that stays in it. Take a shorter "
                    "one."
                )
            point = moved
            path.append(point)
        return cls(np.stack(path), loss)

    @property
    def timing(self) -> Timing:
        """Sees nothing of the game."""
        return Timing.OBLIVIOUS

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a path of its own."""
        return leading_axes(self.path)[1:]

    def path_length(self, rounds: int, decision_set: ConvexSet | None = None) -> Any:
        """sum_{t < T} norm(u_{t+1} - u_t), a float, or one for each game; see `comparators_of`."""
        return number_or_array(lengths(self.comparators_of(rounds, decision_set)).sum(axis=0))

    def switches(self, rounds: int) -> int:
        """How often the loss changes in this many rounds (in the game where it does most often)."""
        self._require(rounds)
        return most_moves(self.path[:rounds])

    def comparators_of(self, rounds: int, decision_set: ConvexSet | None = None) -> Any:
        """The best point of every round, float64 NumPy, shape ``(T, ..., p)``.

        Args:
            rounds: T.
            decision_set: K; None: among all points.

        Raises:
            NotAvailableError: Where a loss is least is not known.
        """
        self._require(rounds)
        return best_path(self.path[:rounds], self.loss, self.best, decision_set, "Drifting")

    def game(self, index: tuple[int, ...], /) -> Drifting:
        """The adversary of one game of a batch."""
        return attrs.evolve(self, path=np.stack([row(u, index) for u in to_numpy(self.path)]))

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """loss(a_t)."""
        self._require(view.round)
        return Response(self.loss(view.asarray(self.path[view.round - 1]))), None

    def _require(self, rounds: int) -> None:
        if rounds > self.path.shape[0]:
            raise ArgumentError(
                f"`Drifting(path=...)` holds {self.path.shape[0]} points, but round {rounds} was "
                "asked for; make it as long as `play(rounds=...)`."
            )


def _moved(point: Any, step: float, decision_set: ConvexSet | None, rng: Any) -> Any:
    """A point at distance ``step`` in the set; None where none was found."""

    def along(direction: Any) -> Any:
        return point + step * direction / np.linalg.norm(direction)

    if decision_set is None:
        return along(rng.standard_normal(point.shape))
    for _ in range(_TRIES):
        moved = along(rng.standard_normal(point.shape))
        if bool(decision_set.contains(moved)):
            return moved
    for _ in range(_TRIES):
        toward = to_numpy(decision_set.sample(rng, point.shape)) - point
        if np.linalg.norm(toward) >= step:
            return along(toward)
    return None
