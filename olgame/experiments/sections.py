"""What a report says about a game, as plain data: the sections of ``run.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame import theory
from olgame.arrays import to_numpy
from olgame.certify import Bracket
from olgame.exceptions import NotAvailableError
from olgame.losses.loss import Loss
from olgame.regret import Ledger
from olgame.results import Certified, Estimated
from olgame.transcript import Transcript

__all__ = [
    "book",
    "curves",
    "held_out",
    "hindsight",
    "ledger_rows",
    "losses",
    "regret_per_round",
    "robust_error",
    "row",
    "value_rows",
]

Section = dict[str, Any]


def losses(run: Transcript) -> Section:
    """Surrogate loss at the start, on average and at its minimum."""
    if run.rounds == 0:
        return {"start": None, "average": None, "minimum": None}
    return {
        "start": float(run.loss[0]),
        "average": float(run.loss.mean()),
        "minimum": float(run.loss.min()),
    }


def regret_per_round(run: Transcript) -> Section:
    """Linear regret beside the bounds of projected gradient descent, each divided by T."""
    try:
        found = theory.ProjectedOGD("fixed").check(run)
    except NotAvailableError:
        return {"linear": None, "prior": None, "posterior": None}
    per_round = {
        "linear": found.regret,
        "prior": found.prior,
        "posterior": found.posterior,
    }
    return {
        name: None
        if bound is None
        else Certified(bound.value / run.rounds, bound.side, bound.method)
        for name, bound in per_round.items()
    }


def book(ledger: Ledger) -> Section:
    """Whether the books against one comparator close."""
    return {
        "closing_error": ledger.closing_error,
        "tolerance": ledger.tolerance,
        "closes": ledger.closes,
        "diagnosis": ledger.diagnosis(),
    }


def ledger_rows(ledger: Ledger) -> list[Section]:
    """The ledger averaged over rounds."""
    return [entry._asdict() for entry in ledger.rows()]


def row(
    quantity: str, lower: Certified | None, upper: Certified | None, method: str | None = None
) -> Section:
    """One line of the table of certificates."""
    named = [bound.method for bound in (lower, upper) if bound is not None]
    return {
        "quantity": quantity,
        "lower": lower,
        "upper": upper,
        "method": method or "; ".join(named) or "not available",
    }


def value_rows(value: theory.GameValue) -> list[Section]:
    """Every bound on the value of the game, and the best pair of them."""
    name = f"least robust loss in B({value.weight_radius:g})"
    rows = [row(name, floor.certified, None) for floor in value.floors]
    rows += [
        row(name, None, end.certified, f"certificate at the {end.name}")
        for end in value.ceilings
        if end.certified is not None
    ]
    best = row("value of the game", value.floor, value.ceiling, "the best of the above")
    return [*rows, best]


def hindsight(value: theory.GameValue) -> Section | None:
    """The point in hindsight, which is searched for, and what is proved of it."""
    found = value.hindsight
    if found is None or found.gap is None:
        return None
    return {
        "floor": found.certified,
        "value": found.gap.value,
        "gap": found.gap.gap,
        "globally_optimal": found.gap.globally_optimal,
        "stationarity_ratio": found.gap.stationarity_ratio,
        "lambda_max": found.gap.lambda_max,
    }


def held_out(run: Transcript, observer: str, about: str) -> Section | None:
    """What a `HeldOut` observer found: at first, where its attacked loss was least, and at last."""
    found = run.observed.get(observer)
    if found is None or not len(found.rounds):
        return None
    chosen = {0: "first", int(found["attacked_loss"].argmin()): "least", len(found.rounds) - 1: ""}
    rows = []
    for i in sorted(chosen):
        t = int(found.rounds[i])
        point = f"round {t}" if t <= run.rounds else "at the end"
        values: Section = {name: float(column[i]) for name, column in found.columns.items()}
        for name in ("attacked_loss", "attacked_error"):
            values[name] = Estimated(values[name], "what the attack found: an estimate from below")
        rows.append({"point": point, **values})
    return {"data": about, "rows": rows, "robust_error": None}


def robust_error(bracket: Bracket, loss: Loss) -> Certified | None:
    """At most this part of the samples can be made wrong in B(x).

    A loss of the margin is phi(y f) with phi non-increasing: where the certified loss is below
    phi(0), y f > 0 on all of B(x).
    """
    if bracket.per_sample.upper is None or not loss.of_margin:
        return None
    nothing = np.zeros(1)
    at_zero = float(np.asarray(loss.value(nothing, nothing + 1.0))[0])
    part = float(np.mean(~(bracket.per_sample.upper < at_zero)))
    return Certified(part, "upper", "samples whose certified loss is not below that of margin 0")


def curves(run: Transcript, against_maximizer: Ledger, against_last: Ledger) -> Section:
    """Cumulative regret and bounds for the figure; lists of T numbers."""
    t = np.arange(1, run.rounds + 1)
    reach = float(to_numpy(run.decision_set.reach(run.start)))
    alpha = run.step_size
    found: Section = {
        "linear": np.cumsum(against_maximizer.linear),
        "realized": np.cumsum(against_last.loss - against_last.comparator_loss),
        "posterior": None,
        "prior": None,
    }
    if np.isfinite(reach) and np.isfinite(alpha).all() and (alpha == alpha[0]).all():
        begin = reach**2 / (2.0 * alpha[0])
        largest = float(run.gradient_norm.max())
        found["posterior"] = begin + np.cumsum(0.5 * alpha * run.gradient_norm**2)
        found["prior"] = begin + 0.5 * alpha[0] * t * largest**2
    return found
