"""Premise on a learner that minimizes something over K in every round: certified step by step.

Whatever way the learner finds its next point, a convex objective F has its minimum over K there
if and only if <v, W_{t+1}> + h_K(-v) = 0, for v the gradient of F at W_{t+1} and h_K the support
function. That number, the Frank-Wolfe gap, is never negative, needs no code of the learner, and is
what the proof of the step uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.sets.fields import wide
from olgame.step_sizes import StepSize
from olgame.theory import audit
from olgame.theory.premise import Premise
from olgame.transcript import Transcript

__all__ = ["PlayedStep", "never_increasing", "optimal_steps", "played_step_sizes"]

Floats = NDArray[np.float64]


class PlayedStep(NamedTuple):
    """One step, as it was played.

    Attributes:
        point: W_{t+1}.
        terms: What adds up to the gradient at W_{t+1} of the objective that it should minimize.
        move: alpha_t g_t, what the step is about.
    """

    point: Floats
    terms: tuple[Floats, ...]
    move: Floats


def optimal_steps(run: Transcript, steps: Iterable[PlayedStep] | None, name: str) -> Premise:
    """Every step minimizes its objective over K, up to rounding.

    The gap may be as large as rounding of its terms explains, and all that rounding may explain
    must be small beside the moves; otherwise nothing was checked.

    Args:
        run: A single game.
        steps: Its steps in order; None where points and gradients were not kept.
        name: Of the premise.

    Returns:
        The premise: ``"fails"`` names the first round whose gap is too large, ``"not checked"``
        says why.
    """
    if steps is None:
        return Premise(name, "not checked", "the losses were not kept: play with keep='points'")
    start: Any = wide(run.start)
    origin = to_numpy(start)
    recentered = run.decision_set.translate(-run.start)
    reach = float(to_numpy(run.decision_set.reach(run.start)))
    if not np.isfinite(reach):
        return Premise(name, "not checked", "the decision set is unbounded")
    worst, explained, path = 0.0, 0.0, 0.0
    for t, (point, terms, move) in enumerate(steps, start=1):
        slope = sum(terms[1:], start=terms[0])
        if not np.isfinite(slope).all():
            return Premise(name, "not checked", f"round {t}: the objective has no gradient there")
        offset = point - origin
        gap = float(slope @ offset) + float(to_numpy(recentered.support(as_like(-slope, start))))
        size = sum(float(np.linalg.norm(term)) for term in terms)
        allowed = audit.rounding(run) * size * (float(np.linalg.norm(offset)) + reach)
        length = float(np.linalg.norm(move))
        if not gap <= allowed:
            detail = (
                f"round {t}: the next point misses the minimum of its step by {gap:.3g}, where "
                f"rounding explains {allowed:.2g}; the move is {length:.3g} long"
            )
            return Premise(name, "fails", detail)
        worst, explained, path = max(worst, gap), explained + allowed, path + length * reach
    if not explained <= audit.SHARE * path:
        detail = f"steps are below rounding: it explains {explained:.2g} on a path of {path:.2g}"
        return Premise(name, "not checked", f"{detail}; play in a wider dtype")
    return Premise(name, "holds", f"minima of their objectives up to rounding ({worst:.2g})")


def played_step_sizes(rule: StepSize, squares: Floats, first: int = 1) -> Floats:
    """alpha_t from a rule, t = first, first + 1, ..., given the sums of squares that it may see."""
    seen = squares if rule.adaptive else np.zeros_like(squares)
    return np.array([float(to_numpy(rule(t, float(s)))) for t, s in enumerate(seen, start=first)])


def never_increasing(step_sizes: Floats) -> Premise:
    """alpha_1 >= alpha_2 >= ... > 0, up to the last bit (0 before any gradient does not count)."""
    name = "steps never increase"
    alpha = step_sizes[step_sizes != 0.0]
    if alpha.size == 0:
        return Premise(name, "holds", "no step was made")
    growth = float(np.diff(alpha).max(initial=0.0))
    holds = bool(alpha.min() > 0.0 and growth <= 1e-12 * alpha[0])
    return Premise.of(name, holds, f"from {alpha[0]:.4g} to {alpha[-1]:.4g}")
