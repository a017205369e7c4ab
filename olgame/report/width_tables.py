"""The tables of the experiment about width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from olgame.report.numbers import number

__all__ = [
    "SET_NAMES",
    "average",
    "exponent",
    "not_measured",
    "slope_from",
    "slope_of",
    "width_tables",
]

Results = Mapping[str, Any]
Rows = Iterable[Results]

SET_NAMES = {"frobenius": "B(R)", "per-neuron": "per neuron"}
"""Sets in words."""

_PLAYED = {
    "worst_mean": "worst case there, average",
    "worst_largest": "worst case there, largest",
    "error_mean": "last round, average",
    "error_largest": "last round, largest",
    "error_over_rounds": "all rounds, largest",
}
_CERTIFIED = {
    "least_loss": "min L_A(W_t)",
    "excess": "min L_A - free floor",
    "best_excess": "min L_A - best floor",
    "gap": "gap at the hindsight point",
    "ratio": "norm(g)/(2R) / lambda_max",
    "floor": "floor of the value",
    "ceiling": "ceiling of the value",
    "bracket": "ceiling - floor",
}
_MOST_COLUMNS = 8


def average(rows: Rows, width: int, key: str, **wanted: str) -> float | None:
    """The mean over seeds of one quantity at one width; None where a row does not have it."""
    found = [
        _value(row, key)
        for row in rows
        if row["width"] == width and all(row[name] == value for name, value in wanted.items())
    ]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known and len(known) == len(found) else None


def slope_of(section: Results, quantity: str, activation: str, name: str) -> Results | None:
    """The fitted power law of a quantity."""
    wanted = {"quantity": quantity, "activation": activation, "set": name}
    for one in section["slopes"]:
        if all(one[key] == value for key, value in wanted.items()):
            found: Results = one
            return found
    return None


def slope_from(section: Results) -> bool:
    """Whether the computed worst case was fitted once more from 2^16 on."""
    return any(one["quantity"].endswith(", wide") for one in section["slopes"])


def exponent(law: Results, sign: str = "±", alone: str = " (two points)") -> str:
    """A fitted exponent with its interval; two points leave nothing to find one from."""
    if np.isfinite(law["half_width"]):
        return f"{law['exponent']:+.3f} {sign} {law['half_width']:.3f}"
    return f"{law['exponent']:+.3f}" + (alone if law["points"] == 2 else "")


def not_measured(results: Results) -> str:
    """The widths that were asked for and have not been played, with the reason; or nothing."""
    missing = results["width"]["not_measured"]
    if not missing or results.get("status") == "finished":
        return ""
    return f"not played, for the run was interrupted: m = {', '.join(map(str, missing))}"


def width_tables(results: Results) -> RenderableType:
    """All that was found about width: worst cases, games, certificates, and where they end."""
    section = results["width"]
    about = section["about"]
    missing = not_measured(results)
    radius, level = about["weight_radius"], 100.0 * section["level"]
    parts: list[RenderableType] = [
        _note(
            f"{about['data']}; {about['loss']} loss, R = {radius:g}; {about['attack']}, "
            f"{about['perturbation_set']}; {about['rounds']} rounds. 'per neuron': every neuron "
            "within R/sqrt(m), a part of B(R). Averages over seeds; slopes of logarithms with "
            f"{level:g} % t-intervals." + (missing and f" {missing[0].upper()}{missing[1:]}.")
        )
    ]
    if section["computed"]:
        parts += [
            Text("Worst case of abs(f - f_lin), one input with norm 1", style="bold"),
            _note(
                "certified for the weights drawn: ReLU exact; softplus an upper bound, and a value "
                "that a point of the set attains"
            ),
            _computed(section),
        ]
    if section["played"]:
        parts += [
            Text("abs(f - f_lin) along the games, played inputs", style="bold"),
            _note(
                "measured at the points visited; the worst case at the inputs of the last round is "
                "certified (ReLU exact, softplus upper bound)"
            ),
            _errors(section),
            Text(f"Certificates, real network, B({radius:g})", style="bold"),
            _note(
                "floors and ceilings of min over B(R) of L_* are certified, network by network; "
                "averages over seeds of certified numbers"
            ),
            _certificates(section),
        ]
    if section["condition"]:
        parts += [
            Text("R from which on a global minimum is not certified", style="bold"),
            _note(
                "found by bisection (an estimate, seed 0): smooth, norm(g)/(2R) > lambda_max(M) "
                "fails; ReLU, the gap is above 1 % of F(u0). Gap and F(u0) at the smallest R found "
                "where that is so; below, the hindsight point is a certified global minimizer up "
                "to the gap"
            ),
            _condition(section),
        ]
    return Group(*parts)


def _note(text: str) -> Text:
    return Text(text, style="dim")


def _table(first: Iterable[str], widths: list[int], last: Iterable[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0, 0, 1))
    for title in first:
        table.add_column(title, overflow="fold")
    for width in widths:
        table.add_column(size(width), justify="right", no_wrap=True)
    for title in last:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def size(width: int) -> str:
    """A width for a heading: 2^18 where it is a large power of 2."""
    power = width.bit_length() - 1
    return f"2^{power}" if width == 1 << power and width >= 1 << 15 else str(width)


def _few(widths: list[int]) -> list[int]:
    """At most eight of the widths, the first and the last among them."""
    step = -(-(len(widths) - 1) // (_MOST_COLUMNS - 1)) or 1
    return widths[::-1][::step][::-1]


def _kinds(rows: Rows) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["activation"], row["set"]) for row in rows))


def _computed(section: Results) -> Table:
    rows = section["computed"]
    widths = _few(sorted({row["width"] for row in rows}))
    begin = slope_from(section)
    table = _table(("", "m ="), widths, ("slope", *["from 2^16"][:begin], "theory"))
    for activation, name in _kinds(rows):
        for key in ("upper", "lower") if activation != "relu" else ("lower",):
            word = "exact" if activation == "relu" else {"upper": "<=", "lower": ">="}[key]
            cells = _row(average(rows, m, key, activation=activation, set=name) for m in widths)
            law = slope_of(section, f"computed {key}", activation, name)
            wide = slope_of(section, f"computed {key}, wide", activation, name)
            titles = (f"{activation}, {SET_NAMES[name]}", word)
            table.add_row(*titles, *cells, _slope(law), *[_slope(wide)][:begin], _theory(law))
    return table


def _errors(section: Results) -> Table:
    rows = section["played"]
    widths = sorted({row["width"] for row in rows})
    table = _table(("", "m ="), widths, ("slope", "theory"))
    for activation, name in _kinds(rows):
        title = f"{activation}, {SET_NAMES[name]}"
        for key, words in _PLAYED.items():
            cells = _row(average(rows, m, key, activation=activation, set=name) for m in widths)
            law = slope_of(section, key, activation, name)
            theory = _theory(law) if key.startswith("worst") else f"<= {_theory(law)}"
            table.add_row(title, words, *cells, _slope(law), theory)
            title = ""
    return table


def _certificates(section: Results) -> Table:
    rows = [row for row in section["played"] if "bracket" in row]
    widths = sorted({row["width"] for row in rows})
    table = _table(("", "m ="), widths, ("slope",))
    for activation in dict.fromkeys(row["activation"] for row in rows):
        title = activation
        for key, words in _CERTIFIED.items():
            found = [average(rows, m, key, activation=activation) for m in widths]
            if any(value is None for value in found):
                continue
            cells = _row(found, key)
            law = slope_of(section, key, activation, "frobenius")
            table.add_row(title, words, *cells, "" if law is None else _slope(law))
            title = ""
    return table


def _condition(section: Results) -> Table:
    rows = section["condition"]
    widths = sorted({row["width"] for row in rows})
    table = _table(("", "m ="), widths)
    for kind in dict.fromkeys((row["activation"], row["problem"]) for row in rows):
        mine = {row["width"]: row for row in rows if (row["activation"], row["problem"]) == kind}
        title = ", ".join(kind)
        cells = [_from(mine[m]) if m in mine else "" for m in widths]
        table.add_row(title, "from R", *cells)
        for words, key in (("gap there", "gap"), ("F(u0) there", "value")):
            fails = [mine[m]["fails"] if m in mine else None for m in widths]
            table.add_row("", words, *_row([f and f[key] for f in fails], nothing=""))
    return table


def _from(row: Results) -> str:
    if row["fails"] is None:
        return f"> {row['holds']['radius']:.3g}"
    sign = "<= " if row["holds"] is None else ""
    return f"{sign}{row['fails']['radius']:.3g}"


def _value(row: Results, key: str) -> float | None:
    if key == "ratio":
        top = row.get("lambda_max")
        return None if not top else float(row["stationarity_ratio"]) / float(top)
    return number(row.get(key))


def _row(values: Iterable[float | None], key: str = "", nothing: str = "-") -> list[str]:
    """The cells of one row, all of one form: with exponents where one of them needs it."""
    found = list(values)
    small = any(value is not None and 0.0 < abs(value) < 1e-3 for value in found)
    form = {"least_loss": ".5f", "floor": ".5f", "ceiling": ".5f", "ratio": ".2f"}.get(
        key, ".2e" if small else ".3g"
    )
    return [
        nothing if value is None else "0" if not value else f"{value:{form}}" for value in found
    ]


def _slope(law: Results | None) -> str:
    return "-" if law is None else exponent(law)


def _theory(law: Results | None) -> str:
    if law is None or law["theory"] is None:
        return "-"
    return "-1/6" if abs(law["theory"] + 1 / 6) < 1e-12 else f"{law['theory']:+.2g}"
