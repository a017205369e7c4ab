"""Premises recomputed from a transcript: what every theorem about a played game has to ask.

A function returns "not checked" wherever the transcript does not say, and never takes a part's
word for what the referee can measure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.adversaries.input_attack import InputAttack
from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import NotAvailableError
from olgame.losses.model_loss import ModelLoss
from olgame.theory.inner_radius import inner_radius
from olgame.theory.premise import Premise
from olgame.transcript import Transcript

__all__ = [
    "SLACK",
    "check_below_robust_loss",
    "check_single_game",
    "deterministic",
    "finished",
    "full_batch",
    "gradient_steps",
    "initial_point",
    "inputs_allowed",
    "played_losses",
    "points_feasible",
    "rounding",
]

SLACK = 64.0
"""What rounding may explain, in units of machine precision x size of what was computed; also what
the referee forgives a point."""

SHARE = 0.01
"""Rounding above this share of what was to be measured leaves a premise unchecked."""


def rounding(run: Transcript) -> float:
    """`SLACK` units of machine precision of the game's own dtype."""
    return SLACK * unit_roundoff(run.start)


def check_single_game(run: Transcript, owner: str) -> None:
    """Raise `NotAvailableError` for a transcript of several independent games."""
    if run.loss.ndim != 1:
        raise NotAvailableError(
            f"`{owner}(run=...)` must be a single game, got leading axes {run.loss.shape[1:]}; "
            "judge them one by one: `run.game(index)`."
        )


def check_below_robust_loss(run: Transcript, owner: str) -> float:
    """Raise `NotAvailableError` unless the run shows l_t <= L_* for every t.

    Returns:
        How far outside B(x) inputs were played, by rounding: l_t <= L_* holds for B(x) enlarged by
        it.
    """
    if run.rounds == 0:
        raise NotAvailableError(f"`{owner}(run=...)`: no round was played.")
    for premise in (deterministic(run), full_batch(run), inputs_allowed(run), played_losses(run)):
        if not premise.holds:
            raise NotAvailableError(
                f"`{owner}(run=...)` needs l_t <= L_*, which this run does not show: "
                f"{premise.name} ({premise.status}): {premise.detail}."
            )
    return float(run.input_distance.max())


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
    """W_t in K, to within what storing a point in floats costs.

    The referee forgives a multiple of the roundoff of norm(W), which in float32 can be larger than
    K. So its word counts only where that is at most `SHARE` of D_1, the size of K seen from W_1;
    otherwise only points in a ball around W_1 that lies in K are known to be in K.
    """
    name = "points in the decision set"
    if run.rounds == 0 or np.isnan(run.point_excess).any():
        return Premise(name, "not checked", "no record of the distance from the decision set")
    broken = [v for v in run.violations if v.rule == "point"]
    if broken:
        return Premise(name, "fails", broken[0].message)
    excess = float(run.point_excess.max())
    forgiven = SLACK * unit_roundoff(run.start) * (1.0 + float(_norms(run).max()) * 2.0)
    if not excess <= forgiven:
        return Premise(name, "fails", f"up to {excess:.3g} outside")
    size = float(to_numpy(run.decision_set.reach(run.start)))
    if forgiven <= SHARE * size:
        return Premise(name, "holds", f"in all rounds, to within {forgiven:.2g}")
    stored = _storage(run)
    most = float(stored.max())
    within = inner_radius(run.decision_set, to_numpy(run.start))
    if within is not None and most <= SHARE * size and (run.distance <= within + stored).all():
        return Premise(name, "holds", f"in all rounds, to within {most:.2g}")
    return Premise(
        name,
        "not checked",
        f"rounding explains {forgiven:.2g}, in a set that reaches {size:.3g} from W_1",
    )


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
    2 alpha norm(g_t); one that projects wrongly, the distance to the right projection. Two
    questions: in every round the error must be one that rounding explains (`_storage`), and all
    errors together must be small beside the path, sum_t e_t <= `SHARE` sum_t alpha_t norm(g_t).
    Otherwise the steps are lost in the floats that hold the weights, ascent like descent, and
    nothing was checked. The proofs bear it: with errors e_t the distance from a comparator grows
    by at most sum_t e_t more.
    """
    name = "projected gradient steps"
    if run.rounds == 0 or np.isnan(run.update_error).any() or np.isnan(run.step_size).any():
        return Premise(name, "not checked", "the learner does not report its steps")
    steps = np.abs(run.step_size) * run.gradient_norm
    errors = run.update_error
    worst, path = float(errors.max()), float(steps.sum())
    bad = ~(errors <= _storage(run) + _roundings(run) * steps)
    if bad.any():
        return Premise(
            name,
            "fails",
            f"{_where(bad)}: the next point is up to {worst:.3g} away from "
            f"Proj(W_t - alpha_t g_t); the longest step is {float(steps.max()):.3g}",
        )
    if not float(errors.sum()) <= SHARE * path:
        return Premise(
            name,
            "not checked",
            f"steps are below rounding: errors of {float(errors.sum()):.2g} on a path of "
            f"{path:.2g}; play in a wider dtype",
        )
    return Premise(name, "holds", f"up to rounding ({worst:.2g})")


def played_losses(run: Transcript) -> Premise:
    """l_t is the adversary's own: its model, its loss, its labels, all its samples.

    `InputAttack` builds its round losses itself, and has no subclasses here: by construction. Of
    any other adversary the losses that were kept are looked at, and their inputs measured again.
    """
    name = "played losses are the adversary's"
    adversary: Any = run.adversary
    if type(adversary) is InputAttack:
        return Premise(name, "holds", "by construction")
    names = ("model", "x", "y", "loss", "perturbation_set")
    parts: list[Any] = [getattr(adversary, part, None) for part in names]
    if any(part is None for part in parts):
        return Premise(name, "not checked", "the adversary has no model, data, loss and B(x)")
    if run.round_losses is None:
        return Premise(name, "not checked", "an adversary of one's own needs keep='examples'")
    model, x, y, loss, allowed = parts
    kept: Any = run.round_losses
    for t, played in enumerate(kept, start=1):
        wrong = _unlike(played, model, y, loss)
        if not wrong and played.x.shape != x.shape:
            wrong = "is on other samples"
        if not wrong:
            moved = to_numpy(allowed.distance(x, played.x))
            recorded = float(run.input_distance[t - 1])
            if not float(moved.max()) <= recorded * (1.0 + rounding(run)) + rounding(run):
                wrong = f"has inputs {float(moved.max()):.3g} outside B(x)"
        if wrong:
            return Premise(name, "fails", f"the loss of round {t} {wrong}")
    return Premise(name, "holds", f"in all {run.rounds} rounds")


def _unlike(played: object, model: object, y: Any, loss: object) -> str:
    """How a round loss differs from the adversary's; empty if it does not."""
    if type(played) is not ModelLoss:
        return f"is a {type(played).__name__}"
    if played.model is not model:
        return "is on another model"
    if played.loss != loss:
        return "is another loss"
    if played.y is not y and not np.array_equal(to_numpy(played.y), to_numpy(y)):
        return "has other labels"
    return ""


def _norms(run: Transcript) -> Any:
    """An upper bound on norm(W_t) in every round."""
    return float(kernels(run.start).norm(run.start)) + run.distance


def _roundings(run: Transcript) -> float:
    """What rounding does to a projection, relative to the distances in it.

    Its norm is a sum of p squares, which learner and referee round in different orders: errors of
    either sign, so that sqrt(p) stands for p.
    """
    return float(unit_roundoff(run.start) * (16.0 + run.start.shape[-1] ** 0.5))


def _storage(run: Transcript) -> Any:
    """What rounding does to a step, per round.

    Storing y_t = W_t - alpha_t g_t and then W_{t+1} costs half a machine precision times the entry
    each: together norm(W). Where y_t is projected, y_t - c and c + (...) are stored too, which is
    norm(W) again, and norm(c) <= norm(W) + reach. The rest is relative to distances from W_1.
    """
    eps = unit_roundoff(run.start)
    reach = float(to_numpy(run.decision_set.reach(run.start)))
    far = 2.0 * reach if np.isfinite(reach) else 0.0
    return eps * (2.0 * _norms(run) + far) + _roundings(run) * run.distance


def finished(run: Transcript, *, in_expectation: bool = False) -> Premise:
    """The game was played to its end and no number in it is nan or inf.

    A game that an observer stopped has an end that was chosen by what was played. A bound that
    holds for every sequence of moves holds after every round, so for that one too. What holds
    ``in_expectation``, for a number of rounds fixed before, need not hold at a round so chosen.
    """
    name = "played to the end"
    broken = [v for v in run.violations if v.rule == "finite"]
    if broken:
        return Premise(name, "fails", broken[0].message)
    detail = f"{run.rounds} of {run.planned_rounds} rounds, status {run.status!r}"
    if run.status == "stopped" and run.rounds <= run.planned_rounds:
        detail += f" ({run.stop_reason})"
        if in_expectation:
            return Premise(name, "not checked", f"{detail}: a round chosen by what was played")
        return Premise(name, "holds", detail)
    done = run.status == "finished" and run.rounds == run.planned_rounds
    return Premise.of(name, done, detail)
