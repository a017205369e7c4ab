"""Sizes of a game, computed from a theorem before it is played."""

from __future__ import annotations

import math
from fractions import Fraction

import attrs

from olgame.theory.premise import Premises

__all__ = ["Plan", "fraction", "root_upper"]

_ROOT_DIGITS = 10**30


def fraction(value: float | Fraction) -> Fraction:
    """The rational that a user means by a float: 0.1 is 1/10, not the double nearest to it.

    Args:
        value: A finite number.

    Example:
        >>> fraction(0.1)
        Fraction(1, 10)
    """
    return value if isinstance(value, Fraction) else Fraction(repr(float(value)))


def root_upper(value: Fraction) -> Fraction:
    """A rational at least sqrt(value), at most 1e-30 above it."""
    scaled = math.ceil(value * _ROOT_DIGITS**2)
    root = math.isqrt(scaled)
    return Fraction(root if root * root == scaled else root + 1, _ROOT_DIGITS)


def even_width(bound: Fraction) -> int:
    """The least even m >= max(bound, 2): the paired start needs two equal halves."""
    return max(2, 2 * math.ceil(bound / 2))


def step_below(alpha: Fraction) -> float:
    """The double nearest to alpha that, read as a decimal, does not exceed it."""
    step = float(alpha)
    return step if fraction(step) <= alpha else math.nextafter(step, 0.0)


@attrs.frozen
class Plan:
    """Width, step size and number of rounds that a theorem asks for.

    All three come from exact rational arithmetic (in floats the anchor below gives
    2024.9999999999995).

    Attributes:
        width: m, even.
        step_size: alpha, the double to hand to the learner; at most `exact_step_size`.
        rounds: T. It covers the double `step_size`, not only `exact_step_size`.
        accuracy: eps.
        weight_radius: R.
        gradient_bound: G. It may have been rounded; `exact_step_size` was computed from its exact
            square.
        gradient_source: Where G comes from: ``"prior"`` (L C1 X), ``"second moment"`` or
            ``"measured"`` (a premise to be checked again on what was played).
        width_source: Where the bound on m comes from: ``"prior"`` or ``"second moment"``.
        width_bound: The bound on m before rounding.
        exact_step_size: The bound on alpha before rounding.
        premises: What the plan relies on: what is known now holds, what only the game can tell
            is "not checked".
    """

    width: int
    step_size: float
    rounds: int
    accuracy: float
    weight_radius: float
    gradient_bound: float
    gradient_source: str
    width_source: str
    width_bound: Fraction
    exact_step_size: Fraction
    premises: Premises

    def to_dict(self) -> dict[str, object]:
        """Plain data for a run folder; rationals as ``"p/q"``."""
        return {
            "width": self.width,
            "step_size": self.step_size,
            "rounds": self.rounds,
            "accuracy": self.accuracy,
            "weight_radius": self.weight_radius,
            "gradient_bound": self.gradient_bound,
            "gradient_source": self.gradient_source,
            "width_source": self.width_source,
            "width_bound": str(self.width_bound),
            "exact_step_size": str(self.exact_step_size),
            "premises": self.premises.to_dict(),
        }

    def __str__(self) -> str:
        return (
            f"width m = {self.width} ({self.width_source} bound {float(self.width_bound):.6g})\n"
            f"step size alpha = {self.step_size:.6g} (gradients up to G = "
            f"{self.gradient_bound:.6g}, {self.gradient_source})\n"
            f"rounds T = {self.rounds}\n"
            f"for accuracy eps = {self.accuracy:g} against every point within R = "
            f"{self.weight_radius:g} of the start\n{self.premises}"
        )
