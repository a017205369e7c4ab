"""Premises that the bounds of several learners share, and the sizes they are stated with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.adversaries.adversary import Timing
from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback
from olgame.learners.learner import Learner
from olgame.replay import replay
from olgame.theory import audit
from olgame.theory.premise import Premise, Premises
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = [
    "bounded_gradients",
    "bounded_set",
    "convex_losses",
    "diameter_of",
    "played_by",
    "played_inside",
    "reach_of",
    "timing_oblivious",
]


def reach_of(run: Transcript) -> float:
    """D_1 = sup over u in K of norm(W_1 - u)."""
    return float(to_numpy(run.decision_set.reach(run.start)))


def diameter_of(run: Transcript) -> float:
    """An upper bound on diam K: what the set states, or 2 D_1 where that is less or unknown."""
    twice = 2.0 * reach_of(run)
    try:
        return min(float(run.decision_set.diameter), twice)
    except NotAvailableError:
        return twice


def played_by(run: Transcript, learner: Learner[Any]) -> Premise:
    """The points are those of ``learner``, which is replayed on the losses that were played."""
    name = f"played by {type(learner).__name__}"
    if run.round_losses is None or run.rounds == 0:
        return Premise(name, "not checked", "the losses of the game were not kept")
    points = [*run.points, run.final_point] if run.points is not None else None
    if points is None:
        points = [step.point for step in replay(run)] + [run.final_point]
    state = learner.init(run.start, run.decision_set)
    worst, where, size = 0.0, 0, 1.0
    for t, (loss, point) in enumerate(zip(run.round_losses, points[:-1], strict=True), start=1):
        worst, where, size = _farther(learner.decide(state), point, t, (worst, where, size))
        value, gradient, _ = loss.evaluate(point)
        state = learner.update(state, Feedback(t, point, value, gradient, loss))
    last = len(points)
    worst, where, size = _farther(learner.decide(state), points[-1], last, (worst, where, size))
    forgiven = audit.rounding(run) * size
    if not worst <= forgiven:
        return Premise(name, "fails", f"W_{where} is {worst:.3g} away from its point")
    return Premise(name, "holds", f"replayed on the losses, up to rounding ({worst:.2g})")


def _farther(
    right: Array, played: Array, t: int, worst: tuple[float, int, float]
) -> tuple[float, int, float]:
    """The largest distance so far, its round, and the largest size of a point."""
    a, b = to_numpy(right), to_numpy(played)
    distance, size = float(np.abs(a - b).max()), max(worst[2], 1.0 + float(np.abs(b).max()))
    if distance > worst[0] or math.isnan(distance):
        return distance, t, size
    return worst[0], worst[1], size


def bounded_gradients(run: Transcript, gradient_bound: float) -> Premise:
    """norm(g_t) <= G in every round."""
    largest = float(run.gradient_norm.max())
    known = None if math.isnan(largest) else largest <= gradient_bound * (1.0 + audit.rounding(run))
    detail = f"norms up to {largest:.6g}, G = {gradient_bound:.6g}"
    return Premise.of("bounded gradients", known, detail)


def bounded_set(run: Transcript) -> Premise:
    """D_1 is finite."""
    reach = reach_of(run)
    return Premise.of("bounded decision set", math.isfinite(reach), f"D_1 = {reach:.6g}")


def played_inside(
    run: Transcript, learner: Learner[Any], *, in_expectation: bool = False
) -> Premises:
    """What a bound assumes that is only about the learner: its points, all of them, in a bounded K.

    Args:
        run: The game.
        learner: Whose bound it is; it is replayed.
        in_expectation: See `olgame.theory.audit.finished`.
    """
    return Premises(
        (
            played_by(run, learner),
            audit.points_feasible(run),
            bounded_set(run),
            audit.finished(run, in_expectation=in_expectation),
        )
    )


def convex_losses(run: Transcript) -> Premise:
    """Every l_t is convex, by the constant that came with its value."""
    name = "convex losses"
    if np.isnan(run.weak_convexity).any():
        return Premise(name, "not checked", "the losses do not say")
    worst = float(run.weak_convexity.max())
    return Premise.of(name, worst == 0.0, f"weak convexity up to {worst:.6g}")


def timing_oblivious(run: Transcript) -> Premise:
    """The losses were fixed before the game: a learner's draws cannot have moved them."""
    timing = run.adversary.timing
    detail = f"the adversary's timing is {timing.value!r}"
    return Premise.of("losses fixed beforehand", timing is Timing.OBLIVIOUS, detail)
