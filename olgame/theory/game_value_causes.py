"""Where the width of a bracket on the value of a game comes from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from olgame.arrays import to_numpy, unit_roundoff
from olgame.theory.game_value_ceilings import MOST_ROUNDS, ValueCeiling
from olgame.theory.game_value_floors import ValueFloor
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["Cause", "Causes", "width_causes"]


class Cause(NamedTuple):
    """A part of the width.

    Attributes:
        name: What it is.
        value: How much of the width.
        never_negative: Whether it is proved to be at least 0, up to rounding.
        remedy: What makes it smaller.
    """

    name: str
    value: float
    never_negative: bool
    remedy: str

    def __str__(self) -> str:
        amount = f"{self.value:+.2e}" if self.value else f"{0:>9}"
        return f"{amount}  {self.name} (smaller by: {self.remedy})"


class Causes(NamedTuple):
    """The parts, and how well they add up to the width.

    Attributes:
        parts: In the order from the ceiling down to the floor.
        closing_error: abs(width - sum of the parts) over the sizes of what was subtracted.
        tolerance: The largest such error that rounding explains.
    """

    parts: tuple[Cause, ...]
    closing_error: float
    tolerance: float

    @property
    def close(self) -> bool:
        """Whether the parts add up to the width."""
        return self.closing_error <= self.tolerance

    @property
    def largest(self) -> Cause | None:
        """The part to buy down first."""
        return max(self.parts, key=lambda cause: cause.value, default=None)

    def __str__(self) -> str:
        closes = "they add up" if self.close else "THEY DO NOT ADD UP"
        lines = [str(cause) for cause in self.parts]
        return "\n".join([*lines, f"{closes}: error {self.closing_error:.1e}"])


def width_causes(run: Transcript, ceiling: ValueCeiling, floor: ValueFloor) -> Causes:
    r"""The width of the bracket as a sum; `olgame.theory.game_value` has the identity."""
    assert ceiling.bracket is not None  # a ceiling and a floor make a bracket
    assert ceiling.certified is not None
    assert ceiling.point is not None
    upper, lower = ceiling.certified.value, ceiling.bracket.lower.value
    here = _weighted_loss(run, floor, ceiling.point)
    sizes = [upper, lower, lower, here, here]
    parts = [
        Cause(
            "certificate above the largest loss found at u",
            upper - lower,
            True,
            "a sharper certificate, a stronger attack",
        ),
        Cause(
            "that loss above F(u), what was played",
            lower - here,
            len(floor.rounds) <= MOST_ROUNDS,  # then all of them are candidates of A
            "more rounds",
        ),
    ]
    if floor.gap is None or floor.point is None:
        below = "F(u) above its floor: losses linearized at every W_t"
        parts.append(Cause(below, here - floor.certified.value, True, "more rounds, more width"))
        sizes += [here, floor.certified.value]
    else:
        there, gap = _weighted_loss(run, floor, floor.point), floor.gap
        convex = gap.value - gap.phi + gap.frank_wolfe_gap
        parts += [
            Cause(
                "F(u) above F(u0), the point in hindsight",
                here - there,
                False,
                "a certificate at u0, more rounds",
            ),
            Cause(
                "search and kinks at u0",
                convex,
                True,
                "more steps of the search; for ReLU more width",
            ),
            Cause(
                "curvature of the network",
                gap.gap - convex,
                True,
                "more width, a smaller R",
            ),
        ]
        sizes += [here, there, gap.value, gap.value, gap.phi, floor.certified.value]
    width = upper - floor.certified.value
    error = abs(width - sum(cause.value for cause in parts))
    scale = float(np.abs(sizes).sum())
    # The game evaluates F in its own dtype, the gap in float64.
    tolerance = 1e-10 if unit_roundoff(run.start) < 1e-12 else 1e-5
    return Causes(tuple(parts), error / max(scale, 1e-300), tolerance)


def _weighted_loss(run: Transcript, floor: ValueFloor, w: Array) -> float:
    """F(w) = sum_t omega_t l_t(w), by the losses that the game kept."""
    losses: Any = run.kept_losses("The causes of a width")
    played = (float(floor.weights[t - 1]) * losses[t - 1].value(w) for t in floor.rounds)
    return float(sum(float(to_numpy(value)) for value in played))
