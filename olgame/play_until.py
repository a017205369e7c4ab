"""Play until the value of the game is known well enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Adversary
from olgame.attacks.attack import Attack
from olgame.exceptions import NotAvailableError
from olgame.game import play
from olgame.learners.learner import Learner
from olgame.models.model import HasTwoLayers
from olgame.observers import AveragePoint, Ending, Observer, Opening, Round
from olgame.observers.watch import checked_observers
from olgame.opening import check_parts
from olgame.randomness import Seed, as_seed
from olgame.results import Certified, outward
from olgame.sets.convex_set import ConvexSet
from olgame.theory.game_value import AVERAGE, GameValue, game_value
from olgame.theory.game_value_checks import check_bounds_robust_loss, check_value_options
from olgame.transcript import Transcript
from olgame.typing import Array, Keep
from olgame.validation import require, require_finite_positive, require_integer

__all__ = ["PlayedUntil", "play_until"]

S = TypeVar("S")
A = TypeVar("A")

NAME = "value of the game"
"""What the transcript calls the looks at the value."""


@attrs.frozen(eq=False)
class PlayedUntil:
    """A game, and what was known of its value on the way.

    v = min over B(R) of L_* does not depend on the rounds: every floor and every ceiling of every
    look bounds it, and the best of all are the bracket.

    Attributes:
        run: The transcript. ``run.observed["value of the game"]`` has the columns ``floor``,
            ``ceiling`` and ``width`` (of the bracket known by then) over the rounds.
        values: The value at each look; the points of all but the last, and of the one with the
            lowest ceiling, were let go.
        bracket_width: What was asked for.
        relative: Whether that is a part of the floor.
    """

    run: Transcript
    values: tuple[GameValue, ...]
    bracket_width: float
    relative: bool

    @property
    def floor(self) -> Certified:
        """The best floor of all looks."""
        floors = [value.floor for value in self.values]
        return max((f for f in floors if f is not None), key=lambda floor: floor.value)

    @property
    def ceiling(self) -> Certified:
        """The best ceiling of all looks."""
        found = _lowest(self.values).ceiling
        assert found is not None  # two-layer networks have one
        return found

    @property
    def point(self) -> Array:
        """u in B(R), at which the best ceiling was certified."""
        found = _lowest(self.values).point
        assert found is not None  # it is kept
        return found

    @property
    def width(self) -> float:
        """Ceiling minus floor."""
        return self.ceiling.value - self.floor.value

    @property
    def narrow(self) -> bool:
        """Whether the bracket is as narrow as was asked for."""
        return self.width <= self.bracket_width * (self.floor.value if self.relative else 1.0)

    @property
    def widths(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rounds of the looks, and the width of the bracket known by then."""
        found = self.run.observed[NAME]
        return found.rounds, found["width"]

    def __str__(self) -> str:
        state = "as narrow as" if self.narrow else "not as narrow as"
        part = " of the floor" if self.relative else ""
        rounds = ", ".join(f"{t}: {_width(w)}" for t, w in zip(*self.widths, strict=True))
        return (
            f"value of the game {self.floor}, {self.ceiling}\n"
            f"width {_width(self.width)}, {state} asked for ({self.bracket_width:g}{part}), after "
            f"{self.run.rounds} rounds\nwidths by rounds: {rounds}\n"
            f"{self.values[-1].text('last look')}"
        )


def _width(value: float) -> str:
    return outward(value, "upper", ".3g")


def play_until(
    learner: Learner[S],
    adversary: Adversary[A],
    decision_set: ConvexSet,
    *,
    weight_radius: float,
    bracket_width: float,
    relative: bool = False,
    rounds: int,
    seconds: float | None = None,
    every: int = 25,
    late_rounds: int = 8,
    search_steps: int = 60,
    best_weights: bool = False,
    attack: Attack | None = None,
    branches: int = 0,
    certified_rounds: int = 0,
    certificate_steps: int | None = None,
    start: Array | None = None,
    seed: Seed = 0,
    keep: Keep = "examples",
    keep_in: str | PathLike[str] | None = None,
    observers: Sequence[Observer] = (),
    on_violation: Literal["raise", "record"] = "raise",
) -> PlayedUntil:
    """Play until the bracket on v = min over B(R) of L_* is narrow, or the budget ends.

    The game is that of `olgame.play`, round for round. Every ``every`` rounds, and when it ends,
    the value is bracketed from what was played (`olgame.theory.game_value`), and the game is
    stopped, with the status ``"stopped"``, where the best floor and the best ceiling so far are
    close enough. A look costs a search in hindsight on a few rounds and up to four certificates;
    how it divides says `values[-1].causes`.

    Args:
        learner: As in `play`.
        adversary: An adversary that moves inputs of a two-layer network, all of them every round.
        decision_set: As in `play`.
        weight_radius: R.
        bracket_width: The width at which to stop.
        relative: Whether the width is a part of the floor, rather than absolute.
        rounds: The budget of rounds.
        seconds: A budget of time, looks included; what is played then depends on the machine.
        every: Rounds from one look to the next.
        late_rounds: As in `game_value`.
        search_steps: As in `game_value`.
        best_weights: As in `game_value`.
        attack: As in `game_value`.
        branches: As in `game_value`.
        certified_rounds: As in `game_value`, at every look.
        certificate_steps: As in `game_value`.
        start: As in `play`.
        seed: As in `play`.
        keep: ``"examples"`` or ``"points"``: floors need the played inputs.
        keep_in: As in `play`.
        observers: As in `play`; they see a round before the value is looked at.
        on_violation: As in `play`.

    Returns:
        The `PlayedUntil`.

    Raises:
        ArgumentError: An argument is outside its domain.
        NotAvailableError: Several games, an adversary whose losses are no lower bounds on L_*, a
            network that has no certificate, all before the first round; or a round does not show
            l_t <= L_*.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=64, activation="softplus", seed=0)
        >>> x, y = og.data.circle(8)
        >>> adversary = og.adversaries.InputAttack(
        ...     model, x, y, loss=og.losses.logistic, attack=og.attacks.PGD(steps=5),
        ...     perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> found = play_until(
        ...     og.learners.OnlineGradientDescent(2.0), adversary, model.neighborhood(1.0),
        ...     weight_radius=1.0, bracket_width=1e-3, rounds=200, every=5,
        ... )
        >>> found.narrow, found.run.status, found.run.rounds < 200
        (True, 'stopped', True)

    References:
        gao2019 (the game; the bracket is this library's).
    """
    owner = "play_until"
    options: dict[str, Any] = {
        "late_rounds": late_rounds,
        "search_steps": search_steps,
        "best_weights": best_weights,
        "attack": attack,
        "branches": branches,
        "certified_rounds": certified_rounds,
        "certificate_steps": certificate_steps,
    }
    require_finite_positive(owner, bracket_width=bracket_width)
    check_value_options(owner, weight_radius=weight_radius, **options)
    require(isinstance(relative, bool | np.bool_), owner, "relative", "be True or False", relative)
    if seconds is not None:
        require_finite_positive(owner, seconds=seconds)
    require_integer(owner, 1, every=every, rounds=rounds)
    ok = keep in ("examples", "points")
    require(ok, owner, "keep", "be 'examples' or 'points'", keep)
    watched = checked_observers(observers, owner)
    check_parts(learner, adversary, owner)
    _check_game(adversary, start, as_seed(seed))

    def look(run: Transcript, average: Array) -> GameValue:
        return game_value(run, weight_radius, points={AVERAGE: average}, **options)

    looks = _Looks(look, every, bracket_width, relative, seconds)
    run = play(
        learner,
        adversary,
        decision_set,
        rounds=rounds,
        start=start,
        seed=seed,
        keep=keep,
        keep_in=keep_in,
        observers=(*watched, looks),
        on_violation=on_violation,
    )
    return PlayedUntil(run, tuple(looks.values), float(bracket_width), relative)


def _check_game(adversary: Any, start: Any, seed: Any) -> None:
    """Refuse a game that no look could bracket the value of, before it is played."""
    argument = "play_until(adversary=...)"
    check_bounds_robust_loss(adversary, argument)
    model: Any = adversary.model
    if not isinstance(model, HasTwoLayers):
        raise NotAvailableError(
            f"`{argument}` must play on a two-layer network: only those have a certificate for a "
            f"ceiling, got {getattr(model, 'name', type(model).__name__)}."
        )
    if getattr(model, "classes", None) and not adversary.loss.of_margin:
        raise NotAvailableError(
            f"`{argument}` must have a loss of the leads over the rivals: only those have a "
            f"certificate for a ceiling, got {adversary.loss.name}."
        )
    leading = {
        "seed": np.shape(seed),
        "start": tuple(getattr(start, "shape", ()))[:-1],
        "adversary": tuple(adversary.x.shape[:-2]) or tuple(adversary.model.start.shape[:-1]),
    }
    for name, axes in leading.items():
        if axes:
            raise NotAvailableError(
                f"`play_until({name}=...)` must be of one game, got leading axes {axes}: the value "
                "is bracketed game by game."
            )


class _Looks:
    """Brackets the value now and then, and ends the game where the bracket is narrow."""

    name = NAME

    def __init__(
        self,
        look: Callable[[Transcript, Array], GameValue],
        every: int,
        bracket_width: float,
        relative: bool,
        seconds: float | None,
    ) -> None:
        self.values: list[GameValue] = []
        self._look, self._every, self._seconds = look, every, seconds
        self._wanted, self._relative = bracket_width, relative
        self._average, self._reason = AveragePoint(), ""

    def opening(self, opening: Opening) -> None:
        self._so_far, self._end = opening.so_far, math.inf
        if self._seconds is not None:
            self._end = time.monotonic() + self._seconds
        self._average.opening(opening)

    def __call__(self, seen: Round) -> Mapping[str, Any] | None:
        self._average(seen)
        late = time.monotonic() >= self._end
        if seen.round % self._every and seen.round != seen.planned_rounds and not late:
            return None
        return self._looked(seen.next_point)

    def ending(self, ending: Ending) -> Mapping[str, Any] | None:
        """Another observer may have ended the game between two looks."""
        fresh = bool(self.values) and self.values[-1].rounds == ending.rounds
        return None if fresh else self._looked(ending.point)

    def why_stop(self) -> str | None:
        return self._reason or None

    def _looked(self, next_point: Array) -> Mapping[str, Any]:
        """The bracket known by now."""
        self._keep(self._look(self._so_far(next_point), self._average.point))
        ends = [(value.floor, value.ceiling) for value in self.values]
        floor = max((low.value for low, _ in ends if low is not None), default=-math.inf)
        ceiling = min((high.value for _, high in ends if high is not None), default=math.inf)
        width = ceiling - floor
        allowed = self._wanted * (floor if self._relative else 1.0)
        if width <= allowed:
            self._reason = f"the bracket is {width:.3g} wide, {allowed:.3g} was asked for"
        elif time.monotonic() >= self._end:
            self._reason = f"{self._seconds:g} seconds are over"
        return {"floor": floor, "ceiling": ceiling, "width": width}

    def _keep(self, value: GameValue) -> None:
        """Let go of the points of earlier looks, but of those with the lowest ceiling."""
        lowest = _lowest((*self.values, value))
        self.values = [v if v is lowest else v.without_points() for v in self.values]
        self.values.append(value)


def _lowest(values: Sequence[GameValue]) -> GameValue:
    """The look with the lowest ceiling."""
    return min(values, key=lambda value: np.inf if value.ceiling is None else value.ceiling.value)
