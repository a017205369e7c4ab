"""Premises recomputed from a transcript: what every theorem about a played game has to ask.

A function returns "not checked" wherever the transcript does not say, and never takes a part's
word for what the referee can measure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import NotAvailableError
from olgame.theory.premise import Premise
from olgame.transcript import Transcript

__all__ = [
    "SLACK",
    "check_single_game",
    "deterministic",
    "finished",
    "full_batch",
    "gradient_steps",
    "initial_point",
    "inputs_allowed",
    "points_feasible",
    "rounding",
]

SLACK = 64.0
"""What rounding may explain, in units of machine precision x size of what was computed."""


def rounding(run: Transcript) -> float:
    """`SLACK` units of machine precision of the game's own dtype."""
    return SLACK * unit_roundoff(run.start)


def check_single_game(run: Transcript, owner: str) -> None:
    """Raise `NotAvailableError` for a transcript of several independent games."""
    if run.loss.ndim != 1:
        raise NotAvailableError(
            f"`{owner}(run=...)` must be a single game, got leading axes {run.loss.shape[1:]}; "
            "play and judge the games one by one."
        )


def _where(bad: Any) -> str:
    """The rounds (from 1) where ``bad`` is true, in words."""
    rounds = [int(t) + 1 for t in np.flatnonzero(bad)]
    shown = ", ".join(str(t) for t in rounds[:3])
    rest = f" and {len(rounds) - 3} more" if len(rounds) > 3 else ""
    return f"round{'s' if len(rounds) > 1 else ''} {shown}{rest}"


def _played_inputs(run: Transcript) -> bool:
    return run.rounds > 0 and not bool(np.isnan(run.input_distance).any())


def deterministic(run: Transcript) -> Premise:
    """One f: the same (w, x) gives the same output in every round and in L_*."""
    name = "deterministic network"
    model = getattr(run.adversary, "model", None)
    known = getattr(model, "deterministic", None)
    if known is None:
        return Premise(name, "not checked", "the adversary has no model that says so")
    detail = (
        "" if known else "equal weights and inputs give different outputs: f is not one function"
    )
    return Premise.of(name, bool(known), detail)


def full_batch(run: Transcript) -> Premise:
    """Every l_t averages over all samples; a mini-batch breaks l_t <= L_* round by round."""
    name = "full batch"
    if not _played_inputs(run):
        return Premise(name, "not checked", "no evidence of what inputs were played")
    part = ~np.asarray(run.full_batch)
    if part.any():
        return Premise(name, "fails", f"{_where(part)} played a part of the samples")
    return Premise(name, "holds", f"in all {run.rounds} rounds")


def inputs_allowed(run: Transcript) -> Premise:
    """x'_{t,i} in B(x_i): all that is ever used of an attack."""
    name = "inputs in B(x)"
    if not _played_inputs(run):
        return Premise(name, "not checked", "no evidence of what inputs were played")
    broken = [v for v in run.violations if v.rule == "input"]
    if broken:
        return Premise(name, "fails", broken[0].message)
    distance = float(run.input_distance.max())
    scale = 1.0 + float(np.nan_to_num(run.input_norm, nan=0.0).max())
    if not distance <= rounding(run) * scale:
        bad = ~(run.input_distance <= rounding(run) * scale)
        return Premise(name, "fails", f"{_where(bad)}: up to {distance:.3g} outside")
    if distance > 0.0:
        return Premise(
            name, "holds", f"up to rounding; read B(x) with its radius enlarged by {distance:.2g}"
        )
    return Premise(name, "holds", "exactly")


def points_feasible(run: Transcript) -> Premise:
    """W_t in K."""
    name = "points in the decision set"
    if run.rounds == 0 or np.isnan(run.point_excess).any():
        return Premise(name, "not checked", "no record of the distance from the decision set")
    broken = [v for v in run.violations if v.rule == "point"]
    if broken:
        return Premise(name, "fails", broken[0].message)
    excess = float(run.point_excess.max())
    scale = float(kernels(run.start).norm(run.start)) + float(run.distance.max())
    if not excess <= rounding(run) * scale:
        return Premise(name, "fails", f"up to {excess:.3g} outside")
    return Premise(name, "holds", "in all rounds")


def initial_point(run: Transcript) -> Premise:
    """W_1 = W_0, the initialization of the model."""
    name = "starts at the initialization"
    model = getattr(run.adversary, "model", None)
    start = getattr(model, "start", None)
    if start is None:
        return Premise(name, "not checked", "the adversary has no model with a start")
    origin, first = to_numpy(start), to_numpy(run.start)
    if origin.shape != first.shape:
        return Premise(name, "fails", f"W_1 has shape {first.shape}, W_0 {origin.shape}")
    distance = float(np.linalg.norm(first - origin))
    if distance != 0.0:  # nan included
        return Premise(name, "fails", f"W_1 is {distance:.3g} away from W_0")
    return Premise(name, "holds", "W_1 = W_0")


def gradient_steps(run: Transcript) -> Premise:
    """W_{t+1} = Proj_K(W_t - alpha_t g_t), recomputed by the referee from g_t and alpha_t.

    A learner that ascends while it reports a positive step size has an update error of
    2 alpha norm(g_t); one that projects wrongly, the distance to the right projection.
    """
    name = "projected gradient steps"
    if run.rounds == 0 or np.isnan(run.update_error).any():
        return Premise(name, "not checked", "the learner does not report its steps")
    moved = float((np.abs(run.step_size) * run.gradient_norm).max())
    scale = float(kernels(run.start).norm(run.start)) + float(run.distance.max()) + moved
    # The referee's projection of its own y_t rounds like the learner's; both are covered.
    bad = ~(run.update_error <= rounding(run) * scale)
    worst = float(run.update_error.max())
    if bad.any():
        return Premise(
            name,
            "fails",
            f"{_where(bad)}: the next point is up to {worst:.3g} away from "
            f"Proj(W_t - alpha_t g_t); the longest step is {moved:.3g}",
        )
    return Premise(name, "holds", f"up to rounding ({worst:.2g})")


def finished(run: Transcript) -> Premise:
    """The game was played to its end and no number in it is nan or inf."""
    name = "played to the end"
    broken = [v for v in run.violations if v.rule == "finite"]
    if broken:
        return Premise(name, "fails", broken[0].message)
    done = run.status == "finished" and run.rounds == run.planned_rounds
    return Premise.of(
        name, done, f"{run.rounds} of {run.planned_rounds} rounds, status {run.status!r}"
    )
