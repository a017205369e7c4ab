"""Three separate answers about a theorem and a game: premises, conclusion, content."""

from __future__ import annotations

import math
import textwrap
from typing import Literal

import attrs
import numpy as np

from olgame.exceptions import ArgumentError
from olgame.results import Certified, outward
from olgame.theory.premise import Premise, Premises

__all__ = ["Conclusion", "Content", "Verdict", "judge"]

Conclusion = Literal["certified_holds", "certified_fails", "open"]
"""Whether min_t L_A(W_t) <= min over B(R) of L_* + eps is certified, refuted, or neither."""

Content = Literal["vacuous", "informative", "undecided"]
"""Whether the promise says more than the loss of the start already does."""


@attrs.frozen
class Verdict:
    """What a theorem is worth on a game that was played.

    The theorem promises min_t L_A(W_t) <= v + eps with v = min over B(R) of L_*, the value of
    the game, of which only floor <= v <= ceiling is known.

    Attributes:
        theorem: Its name.
        premises: Each recomputed from what was played.
        conclusion: ``"certified_holds"``: min_t L_A <= floor + eps, and every premise was checked
            and holds. ``"certified_fails"``: min_t L_A > ceiling + eps. ``"open"``: neither; where
            only a premise is missing, the reason says that the inequality holds all the same.
        content: ``"vacuous"``: floor + eps >= L_A(W_1), so the start already keeps the promise.
            ``"informative"``: ceiling + eps < L_A(W_1). ``"undecided"``: neither.
        reason: Why the conclusion is what it is.
        accuracy: eps.
        weight_radius: R.
        reached: min_t L_A(W_t); nan where no round was played.
        start_loss: L_A(W_1).
        floor: Certified lower bound on v, or None.
        ceiling: Certified upper bound on v, or None.
    """

    theorem: str
    premises: Premises
    conclusion: Conclusion
    content: Content
    reason: str
    accuracy: float
    weight_radius: float
    reached: float
    start_loss: float
    floor: Certified | None
    ceiling: Certified | None

    def to_dict(self) -> dict[str, object]:
        """Plain data for a run folder; None for what is not known."""
        return {
            "theorem": self.theorem,
            "premises": self.premises.to_dict(),
            "conclusion": self.conclusion,
            "content": self.content,
            "reason": self.reason,
            "accuracy": self.accuracy,
            "weight_radius": self.weight_radius,
            "reached": _finite(self.reached),
            "start_loss": _finite(self.start_loss),
            "floor": _number(self.floor),
            "ceiling": _number(self.ceiling),
        }

    def __str__(self) -> str:
        lines = [
            self.theorem,
            f"  accuracy eps = {self.accuracy:g}, weight radius R = {self.weight_radius:g}",
            "premises",
            textwrap.indent(str(self.premises), "  "),
            f"conclusion: {self.conclusion.replace('_', ' ')}",
            f"  {self.reason}",
            f"content: {self.content}",
            f"  loss at the start {self.start_loss:.6g}, least loss reached {self.reached:.6g}",
            f"  best robust loss in B(R): {_text(self.floor)}, {_text(self.ceiling)}",
        ]
        return "\n".join(lines)


def judge(
    *,
    theorem: str,
    premises: Premises,
    comparable: tuple[str, ...],
    accuracy: float,
    weight_radius: float,
    reached: float,
    start_loss: float,
    floor: Certified | None,
    ceiling: Certified | None,
    no_floor: str = "",
    rounding: float = 0.0,
) -> Verdict:
    """Conclusion and content from the numbers, never above what the premises carry.

    Args:
        theorem: Its name.
        premises: All premises.
        comparable: Names of the premises without which L_A(W_t), floor and ceiling are not about
            one game: unless every one of them holds, conclusion and content say nothing.
        accuracy: eps.
        weight_radius: R.
        reached: min_t L_A(W_t).
        start_loss: L_A(W_1).
        floor: Certified lower bound on the value of the game, if there is one.
        ceiling: Certified upper bound, if there is one.
        no_floor: Why there is no floor.
        rounding: How far computed losses may be from the losses; every comparison is made with
            it on the unfavorable side.

    Raises:
        ArgumentError: A floor that is no certified lower bound, a ceiling that is no certified
            upper bound, or a floor above the ceiling.
    """
    for name, bound, side in (("floor", floor, "lower"), ("ceiling", ceiling, "upper")):
        _check_bound(name, bound, side)
    if floor is not None and ceiling is not None and floor.value > ceiling.value:
        raise ArgumentError(
            f"`check(floor=..., ceiling=...)` must not cross, got {floor.value!r} and "
            f"{ceiling.value!r}: one of them is no bound on the best robust loss in B(R)."
        )
    low = -math.inf if floor is None else floor.value
    high = math.inf if ceiling is None else ceiling.value
    content: Content = "undecided"
    conclusion: Conclusion = "open"
    unfit = [premises[name] for name in comparable if not premises[name].holds]
    slack = rounding + 4.0 * float(np.finfo(np.float64).eps) * (abs(reached) + accuracy)
    numbers = f"least loss {reached:.6g} <= floor {outward(low, 'lower')} + {accuracy:g}"
    if rounding > 1e-6 * accuracy:
        numbers += f" (rounding of the losses, {rounding:.2g}, included)"
    if any(premise.fails for premise in unfit):
        reason = f"the theorem's numbers mean nothing for this game: {_named(unfit)}"
    elif reached + slack <= low + accuracy:
        if premises.any_fails:
            failing = ", ".join(p.name for p in premises.failing)
            reason = f"on what was played {numbers}, but premises of the theorem fail: {failing}"
        elif premises.unchecked:
            unchecked = ", ".join(p.name for p in premises.unchecked)
            reason = (
                f"the inequality holds on what was played ({numbers}), but these premises were "
                f"not checked: {unchecked}"
            )
        else:
            conclusion, reason = "certified_holds", numbers
    elif unfit and not (floor is None and ceiling is None):
        reason = f"the theorem's numbers mean nothing for this game: {_named(unfit)}"
    elif reached - slack > high + accuracy:
        conclusion = "certified_fails"
        reason = f"least loss {reached:.6g} > ceiling {outward(high, 'upper')} + {accuracy:g}"
        if premises.all_hold:
            reason += "; all premises hold, so a certificate or a checked number is wrong"
        elif premises.any_fails:
            failing = ", ".join(p.name for p in premises.failing)
            reason += f"; the theorem did not promise it, since premises fail: {failing}"
    else:
        reason = _why_open(reached, accuracy, floor, ceiling, no_floor, slack)
    if not unfit:
        if low + accuracy >= start_loss + slack:
            content = "vacuous"
        elif high + accuracy < start_loss - slack:
            content = "informative"
    return Verdict(
        theorem=theorem,
        premises=premises,
        conclusion=conclusion,
        content=content,
        reason=reason,
        accuracy=accuracy,
        weight_radius=weight_radius,
        reached=reached,
        start_loss=start_loss,
        floor=floor,
        ceiling=ceiling,
    )


def _named(premises: list[Premise]) -> str:
    return ", ".join(f"{p.name} ({p.status}{': ' if p.detail else ''}{p.detail})" for p in premises)


def _why_open(
    reached: float,
    accuracy: float,
    floor: Certified | None,
    ceiling: Certified | None,
    no_floor: str,
    slack: float,
) -> str:
    if floor is None:
        return no_floor or "no floor was given"
    low = outward(floor.value, "lower")
    if reached <= floor.value + accuracy:
        text = (
            f"least loss {reached:.6g} <= floor {low} + {accuracy:g}, but by less "
            f"than the rounding of the losses, {slack:.2g}"
        )
    else:
        text = f"least loss {reached:.6g} > floor {low} + {accuracy:g}"
    if ceiling is None:
        return text + ", and no ceiling was given"
    high = outward(ceiling.value, "upper")
    if reached > ceiling.value + accuracy:
        return text + f"; > ceiling {high} + {accuracy:g} by no more than rounding"
    return text + f", but <= ceiling {high} + {accuracy:g}"


def _check_bound(name: str, bound: object, side: str) -> None:
    if bound is None:
        return
    if not isinstance(bound, Certified) or bound.side not in (side, "exact"):
        raise ArgumentError(
            f"`check({name}=...)` must be a `Certified` {side} bound (a number that rests on a "
            f"search proves nothing), got {bound!r}."
        )
    if not math.isfinite(bound.value):
        raise ArgumentError(f"`check({name}=...)` must be finite, got {bound.value!r}.")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(bound: Certified | None) -> dict[str, object] | None:
    if bound is None:
        return None
    return {"value": bound.value, "side": bound.side, "method": bound.method}


def _text(bound: Certified | None) -> str:
    return "not available" if bound is None else str(bound)
