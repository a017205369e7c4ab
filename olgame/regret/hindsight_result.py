"""A fixed point of K and how good it is in hindsight, with the certificate."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from olgame.duality.gap import Gap
from olgame.results import Certified, Interval
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["Hindsight", "regret_per_round"]

State = Literal["global minimizer certified", "within the gap"]


@attrs.frozen(eq=False)
class Hindsight:
    """A fixed point u of K, F(u) = (1/T) sum_t l_t(u), and how far F can be below on K.

    Attributes:
        point: u, shape ``(p,)``.
        value: F(u).
        gap: min over K of F lies in [value - gap, value].
        passes: Evaluations of all rounds: values, and gradients as one each.
        method: What was searched, and what certifies.
        tolerance: The relative gap that was asked for.
        run: The game.
        certificate: The gap of a two-layer network in detail; None for other games.
    """

    point: Array
    value: float
    gap: float
    passes: float
    method: str
    tolerance: float
    run: Transcript = attrs.field(repr=False)
    certificate: Gap | None = attrs.field(default=None, repr=False)

    @property
    def relative_gap(self) -> float:
        """The gap as a part of the regret per round; inf where that is not positive."""
        regret = float(self.run.loss.mean()) - self.value
        return self.gap / regret if regret > 0.0 else np.inf

    @property
    def state(self) -> State:
        """``"global minimizer certified"`` where the gap is within the tolerance."""
        certified = self.gap <= self.tolerance * regret_per_round(self.run, self.value)
        return "global minimizer certified" if certified else "within the gap"

    @property
    def least_value(self) -> Interval:
        """min over K of F."""
        return Interval(
            Certified(self.value - self.gap, "lower", self.method),
            Certified(self.value, "upper", "attained at a point of the set"),
        )

    @property
    def regret(self) -> Interval:
        """max over u in K of sum_t l_t(W_t) - l_t(u), of the game as it was played."""
        total, rounds = float(self.run.loss.sum()), self.run.rounds
        attained = total - rounds * self.value
        return Interval(
            Certified(attained, "lower", "attained at a point of the set"),
            Certified(attained + rounds * self.gap, "upper", self.method),
        )

    def __str__(self) -> str:
        return (
            f"best point in hindsight: F(u) = {self.value:.6g}, least F {self.least_value}\n"
            f"regret {self.regret}\n{self.state} (relative gap {self.relative_gap:.2g}, "
            f"{self.passes:.3g} passes over the rounds; {self.method})"
        )


def regret_per_round(run: Transcript, value: float) -> float:
    """abs(avg l_t(W_t) - F(u)), what gaps are relative to; not 0."""
    return max(abs(float(run.loss.mean()) - value), 1e-12)
