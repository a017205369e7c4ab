"""The value of a game, between a certified floor and a certified ceiling."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.attacks.attack import Attack
from olgame.certify import Bracket
from olgame.exceptions import NotAvailableError
from olgame.randomness import check_seed
from olgame.results import Certified, Interval, outward
from olgame.theory.audit import check_single_game
from olgame.theory.certified_descent import certified_descent
from olgame.theory.game_value_causes import Causes, width_causes
from olgame.theory.game_value_ceilings import MOST_ROUNDS, ValueCeiling, value_ceilings
from olgame.theory.game_value_checks import (
    check_bounds_robust_loss,
    check_named_points,
    check_value_options,
)
from olgame.theory.game_value_floors import ValueFloor, value_floors
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["GameValue", "game_value"]

LAST, LEAST, AVERAGE, HINDSIGHT = (
    "last iterate",
    "minimum-loss iterate",
    "averaged iterate",
    "hindsight point",
)
"""The points that are tried for the ceiling, as they are called in it."""

BEST = f"{HINDSIGHT}, best weights"
DESCENT = "least certificate"
OFFERED = (LAST, LEAST, AVERAGE, HINDSIGHT, BEST, DESCENT)
"""All that a game may have of its own."""


@attrs.frozen(eq=False)
class GameValue:
    """v = min over B(R) of L_*, between a floor and a ceiling, and why they are not equal.

    Attributes:
        weight_radius: R.
        rounds: The rounds that had been played.
        floors: Every floor that was found.
        ceilings: Every point that was tried for the ceiling, in B(R).
        causes: The width as a sum of parts; None where an end is missing.
    """

    weight_radius: float
    rounds: int
    floors: tuple[ValueFloor, ...]
    ceilings: tuple[ValueCeiling, ...]
    causes: Causes | None

    @property
    def floor(self) -> Certified | None:
        """The best floor: certified, v is at least as much."""
        best = _best_floor(self.floors)
        return None if best is None else best.certified

    @property
    def ceiling(self) -> Certified | None:
        """The best ceiling: certified, v is at most as much."""
        best = _best_ceiling(self.ceilings)
        return None if best is None else best.certified

    @property
    def point(self) -> Array | None:
        """u in B(R) with the lowest certificate: the best network that is proved to be so."""
        best = _best_ceiling(self.ceilings)
        return None if best is None else best.point

    @property
    def hindsight(self) -> ValueFloor | None:
        """The floor of the last rounds' gap, with its point u0; None where no gap is known."""
        return next((floor for floor in self.floors if floor.gap is not None), None)

    @property
    def width(self) -> float:
        """Ceiling minus floor, certified; inf where an end is missing."""
        floor, ceiling = self.floor, self.ceiling
        return np.inf if floor is None or ceiling is None else ceiling.value - floor.value

    @property
    def relative_width(self) -> float:
        """The width as a part of the floor; inf where that is not positive."""
        floor = self.floor
        return np.inf if floor is None or floor.value <= 0.0 else self.width / floor.value

    @property
    def interval(self) -> Interval:
        """Both ends.

        Raises:
            NotAvailableError: An end is missing.
        """
        floor, ceiling = self.floor, self.ceiling
        if floor is None or ceiling is None:
            raise NotAvailableError("`GameValue.interval` needs a floor and a ceiling.")
        return Interval(floor, ceiling)

    def without_points(self) -> GameValue:
        """The same numbers without the points they were found at."""
        floors = tuple(attrs.evolve(floor, point=None) for floor in self.floors)
        ceilings = tuple(attrs.evolve(ceiling, point=None) for ceiling in self.ceilings)
        return attrs.evolve(self, floors=floors, ceilings=ceilings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a run folder; certified numbers keep their type."""
        causes = self.causes
        best = _best_ceiling(self.ceilings)
        return {
            "weight_radius": self.weight_radius,
            "rounds": self.rounds,
            "floor": self.floor,
            "ceiling": self.ceiling,
            "width": self.width if np.isfinite(self.width) else None,
            "relative_width": self.relative_width if np.isfinite(self.relative_width) else None,
            "ceiling_point": None if best is None else best.name,
            "floors": [floor.certified for floor in self.floors],
            "ceilings": [
                {"point": c.name, "at_most": c.certified, "played_loss": c.seen}
                for c in self.ceilings
            ],
            "causes": [] if causes is None else [cause._asdict() for cause in causes.parts],
            "closing_error": None if causes is None else causes.closing_error,
            "causes_close": None if causes is None else causes.close,
        }

    def __str__(self) -> str:
        return self.text()

    def text(self, heading: str = "value of the game") -> str:
        """What `print` shows, under another heading."""
        lines = [f"{heading} over B({self.weight_radius:g}), after {self.rounds} rounds"]
        lines += [f"  {end or 'no bound'}" for end in (self.floor, self.ceiling)]
        if self.causes is None:
            return "\n".join(lines)
        best = _best_ceiling(self.ceilings)
        name = "" if best is None else best.name
        width = outward(self.width, "upper", ".3g")
        part = outward(self.relative_width, "upper", ".2g")
        lines.append(f"width {width}, {part} of the floor (certified)")
        lines.append(f"  parts of it, as this attack and this search found them; u: {name}")
        lines.append(textwrap.indent(str(self.causes), "  "))
        return "\n".join(lines)


def game_value(
    run: Transcript,
    weight_radius: float,
    *,
    points: Mapping[str, Array] | None = None,
    brackets: Mapping[str, Bracket] | None = None,
    late_rounds: int = 8,
    search_steps: int = 60,
    best_weights: bool = True,
    attack: Attack | None = None,
    branches: int = 0,
    certified_rounds: int = 0,
    certificate_steps: int | None = None,
    start: Array | None = None,
    seed: int = 0,
) -> GameValue:
    r"""Bracket v = min over B(R) of L_*, the best robust loss near W_0, from a game.

    **Floors** (`value_floors`): from weights omega over the rounds, F = sum_t omega_t l_t <= L_*.
    **Ceilings** (`value_ceilings`): L_*(u) <= certificate, for u in B(R) any of the last iterate,
    the minimum-loss iterate, the averaged iterate and the point in hindsight, or where a descent
    on the certificate leads from there. The best of each bracket v; the learner may be any.

    **Where the width comes from.** Let u be the ceiling's point, U its certificate and A the
    largest loss found at u in B(x), sample by sample, so that A <= L_*(u) <= U. If the best floor
    is the gap at u0 of F, that is F(u0) - gap, then

        ceiling - floor = [U - A]                the certificate, or the attack, is not sharp
                        + [A - F(u)]             at u the adversary finds more than it played
                        + [F(u) - F(u0)]         u is not the best point for what was played
                        + [F(u0) - Phi + FW]     search and kinks: what the gap were at u0 if the
                                                 network were linear (FW the Frank-Wolfe gap)
                        + [gap - (F(u0) - Phi + FW)]    curvature of the network, and rounding.

    *Proof*: everything between the first and the last term cancels. [] That it is an identity of
    numbers from different sources makes it a check: A and U come from `olgame.certify`, F(u) and
    the F(u0) of the third part from the losses that the game kept, that of the fourth from the gap;
    a loss, a label or a weight that differs between them opens the books (`Causes.closing_error`).

    *Signs.* U >= A: both bound L_*(u). A >= F(u): the inputs of the rounds with weight are among
    the candidates of A (of at most 64 of them), and a weighted mean is at most the maximum. The
    fourth is at least 0, as F(u0) >= Phi is the Fenchel-Young inequality and FW >= 0 for u0 in
    B(R); the fifth, as the curvature matrices are positive semidefinite: Gamma(mu) with M >= 0 is
    at least Gamma(mu) with M = 0, whose least value is FW. The third may have either sign: u0 is
    only searched for; it is at least minus the gap. A floor without a point (the free floor) has
    one part, F(u) - floor >= 0, in place of the last three.

    The width is certified. How it divides is not: a stronger attack moves some of the second part
    into the first, a better search some of the fourth into the third.

    Args:
        run: A single game on a network with ``keep="examples"``, every round on all samples.
        weight_radius: R > 0.
        points: More points to certify, by name, shape ``(p,)`` each; drawn into B(R) where they
            are outside. The averaged iterate is there if the game kept its points; else an
            `olgame.observers.AveragePoint` has it: ``points={"averaged iterate": average.point}``.
        brackets: What is known of L_* at some points, by name, so that it is not computed again:
            of points that lie in B(R), as `drawn_inside` leaves them.
        late_rounds: The last rounds that a floor is built from: late ones are sharpest.
        search_steps: Of the search in hindsight.
        best_weights: Also take the weights over rounds that raise the free floor most; the game is
            replayed for them, twice. Smooth networks only.
        attack: For the lower ends; None for the adversary's.
        branches: How often a certificate may cut the ball of a sample in two.
        certified_rounds: Steps down the certificate itself from the point of the lowest ceiling, to
            a lower one (`certified_descent`): each costs a certificate of all samples. Worth it
            where ``causes`` says that the certificate is what is wide, as for ReLU.
        certificate_steps: Quadratics tried for each certificate of a ceiling; None for the usual
            number. More lower it a little for ReLU, at a proportional cost.
        start: Where the search in hindsight begins; None for the last point.
        seed: Of the attack.

    Returns:
        The `GameValue`. For a network without a certificate an end is missing.

    Raises:
        ArgumentError: An argument is outside its domain, a point not finite, or a bracket is of
            a point that is not there.
        ShapeError: A point has another shape than the weights.
        NotAvailableError: A batch of games, a run that does not show l_t <= L_*, or a network of
            which neither end is known.
        NotKeptError: The played inputs were not kept.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=64, activation="softplus", seed=0)
        >>> x, y = og.data.circle(8)
        >>> adversary = og.adversaries.InputAttack(
        ...     model, x, y, loss=og.losses.logistic, attack=og.attacks.PGD(steps=5),
        ...     perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> run = og.play(og.learners.OnlineGradientDescent(2.0), adversary,
        ...               model.neighborhood(1.0), rounds=30, keep="examples")
        >>> found = game_value(run, 1.0)
        >>> found.floor.value <= found.ceiling.value < found.floor.value + 0.01
        True
        >>> found.causes.close
        True

    References:
        gao2019 (the game; bracket and identity are this library's).
    """
    owner = "game_value"
    check_value_options(
        owner,
        weight_radius=weight_radius,
        late_rounds=late_rounds,
        search_steps=search_steps,
        best_weights=best_weights,
        attack=attack,
        branches=branches,
        certified_rounds=certified_rounds,
        certificate_steps=certificate_steps,
    )
    check_seed(seed, owner)
    check_single_game(run, owner)
    check_bounds_robust_loss(run.adversary, f"{owner}(run=...)")
    adversary: Any = run.adversary
    points, brackets = check_named_points(points, brackets, adversary.model.start, OFFERED)
    radius = float(weight_radius)
    floors = value_floors(
        run,
        radius,
        late_rounds=late_rounds,
        search_steps=search_steps,
        best_weights=best_weights,
        start=start,
    )
    best = _best_floor(floors)
    tried = _tried_rounds(run, best, late_rounds)
    more: dict[str, Any] = {
        "attack": attack, "branches": branches, "steps": certificate_steps, "seed": seed
    }  # fmt: skip
    offered = _points(run, floors) | dict(points)
    ceilings = value_ceilings(run, radius, offered, tried, brackets=brackets, **more)
    top = _best_ceiling(ceilings)
    if certified_rounds and best is not None and top is not None and top.point is not None:
        u = certified_descent(adversary, top.point, radius, best.certified.value, certified_rounds)
        ceilings += value_ceilings(run, radius, {DESCENT: u}, tried, brackets={}, **more)
        top = _best_ceiling(ceilings)
    if best is None and top is None:
        name = getattr(adversary.model, "name", "this network")
        raise NotAvailableError(
            f"`game_value(run=...)`: neither a floor nor a ceiling is known for {name}. Two-layer "
            "networks have both."
        )
    causes = None if best is None or top is None else width_causes(run, top, best)
    return GameValue(radius, run.rounds, tuple(floors), tuple(ceilings), causes)


def _points(run: Transcript, floors: list[ValueFloor]) -> dict[str, Array]:
    """The points that the game and the floors have to offer."""
    adversary: Any = run.adversary
    found = {LAST: run.final_point, LEAST: run.best_point}
    if run.points is not None:
        total = sum(to_numpy(point) for point in run.points)
        found[AVERAGE] = adversary.model.asarray(total / run.rounds)
    offered = [floor for floor in floors if floor.point is not None]
    for floor in offered:
        name = HINDSIGHT if floor is offered[0] else BEST
        found[name] = adversary.model.asarray(floor.point)
    return found


def _tried_rounds(run: Transcript, floor: ValueFloor | None, late_rounds: int) -> NDArray[np.int64]:
    """The rounds whose inputs are candidates: those of the floor, the heaviest first."""
    if floor is None:
        return np.arange(max(run.rounds - late_rounds, 0), run.rounds) + 1
    heaviest = np.argsort(-floor.weights, kind="stable")[: min(MOST_ROUNDS, len(floor.rounds))]
    return np.sort(heaviest) + 1


def _best_floor(floors: Any) -> ValueFloor | None:
    found: ValueFloor | None = max(floors, key=lambda floor: floor.certified.value, default=None)
    return found


def _best_ceiling(ceilings: Any) -> ValueCeiling | None:
    known = [ceiling for ceiling in ceilings if ceiling.certified is not None]
    return min(known, key=lambda ceiling: ceiling.certified.value, default=None)
