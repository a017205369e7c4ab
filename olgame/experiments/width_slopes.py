"""Fitted exponents of the experiment about width, with intervals, beside the theory's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from olgame.band import student_quantile
from olgame.experiments.width_worst import SETS, theory_line
from olgame.theory import fit_power_law

__all__ = ["slopes"]

LEVEL = 0.95
"""Of the intervals."""

WIDE = 2**16
"""The computed worst case is fitted once more from this width on."""

ERRORS = ("error_mean", "error_largest", "error_over_rounds")
WORST = ("worst_mean", "worst_largest")
CERTIFIED = ("excess", "best_excess", "gap", "bracket")

Rows = Iterable[Mapping[str, Any]]


def slopes(worst: Rows, played: Rows, radius: float) -> list[dict[str, Any]]:
    """A power of the width for every measured quantity that is positive throughout.

    Every network is a point of the fit of logarithms, and independent of the others. The interval
    is exponent -+ t standard_error with Student's t of N - 2 degrees of freedom at 0.95: it is for
    independent errors of equal size around a true power law.

    Args:
        worst: rows of the computed worst case.
        played: rows of the games.
        radius: R.
    """
    found = []
    for activation, name in _kinds(worst):
        rows = _of(worst, activation, name)
        theory = theory_line(activation, name, radius)[1]
        for key in ("lower",) if activation == "relu" else ("lower", "upper"):
            found.append(_fit("computed " + key, activation, name, rows, key, theory))
            wide = [row for row in rows if row["width"] >= WIDE]
            found.append(_fit(f"computed {key}, wide", activation, name, wide, key, theory))
    for activation, name in _kinds(played):
        rows = _of(played, activation, name)
        theory = theory_line(activation, name, radius)[1]
        found += [_fit(key, activation, name, rows, key, theory) for key in WORST + ERRORS]
        found += [_fit(key, activation, name, rows, key, None) for key in CERTIFIED]
    return [one for one in found if one is not None]


def _fit(
    quantity: str, activation: str, name: str, rows: list[Any], key: str, theory: float | None
) -> dict[str, Any] | None:
    used = [row for row in rows if row.get(key) is not None]
    at = np.array([row["width"] for row in used], dtype=np.float64)
    values = np.array([float(row[key]) for row in used])
    if np.unique(at).size < 2 or not (np.isfinite(values) & (values > 0.0)).all():
        return None
    law = fit_power_law(at, values)
    half = np.nan
    if law.points > 2:
        half = student_quantile(0.5 * (1.0 + LEVEL), law.points - 2) * law.standard_error
    return {
        "quantity": quantity,
        "activation": activation,
        "set": name,
        "exponent": law.exponent,
        "half_width": float(half),
        "prefactor": law.prefactor,
        "points": law.points,
        "theory": theory,
    }


def _kinds(rows: Rows) -> list[tuple[str, str]]:
    """The pairs of activation and set that there are, in a fixed order."""
    there = {(row["activation"], row["set"]) for row in rows}
    names = dict.fromkeys(row["activation"] for row in rows)
    return [(a, s) for a in names for s in SETS if (a, s) in there]


def _of(rows: Rows, activation: str, name: str) -> list[Any]:
    return [row for row in rows if row["activation"] == activation and row["set"] == name]
