"""The figure of the experiment about width, from its run folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from olgame.report.width_tables import (
    SET_NAMES,
    average,
    exponent,
    not_measured,
    slope_from,
    slope_of,
)
from olgame.storage import StoredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["width_figure"]

_COLORS = {
    ("softplus", "frobenius"): "#0b5fa5",
    ("softplus", "per-neuron"): "#0f766e",
    ("relu", "frobenius"): "#b3261e",
    ("relu", "per-neuron"): "#d1660a",
}
_PROBLEM_MARKS = {"0 vs 1, hinge": "o", "3 vs 8, logistic": "s"}
_GRAY = "#6b7280"
_CERTIFIED: dict[str, Any] = {"marker": "o", "ms": 4.5, "lw": 1.6}
_ESTIMATED: dict[str, Any] = {"marker": "o", "ms": 5, "lw": 1.3, "ls": "--", "mfc": "white"}

Results = Mapping[str, Any]
Floats = NDArray[np.float64]


def width_figure(run: StoredRun) -> Figure:
    """Six panels against the width: worst case, games, their slopes, value, certificates, radius.

    Filled markers on solid lines are certified numbers (averaged over seeds), open markers on
    dashed lines are measured or found by a search. Panels of what was not measured say so.

    Args:
        run: A stored run with the section ``width``.

    Returns:
        A matplotlib figure; nothing is drawn on a screen.
    """
    from matplotlib.figure import Figure

    section = run.results["width"]
    figure = Figure(figsize=(17.0, 12.0), layout="constrained")
    axes = figure.subplots(2, 3)
    panels = (
        (_worst, "computed", "Worst case at one input of norm 1"),
        (_games, "played", "Along the games: average over played inputs, last round"),
        (_slopes, "slopes", "Slopes, with 95 % intervals, and the theory's"),
        (_value, "played", "Value of the game, certified, and the best loss played"),
        (_certificates, "played", "What the certificates leave open"),
        (_condition, "condition", "Up to which radius a global minimum is certified"),
    )
    for axis, (draw, needs, title) in zip(axes.flat, panels, strict=True):
        axis.set_title(title, loc="left", fontsize=11)
        if section[needs]:
            draw(axis, section)
        else:
            axis.set_axis_off()
            axis.text(0.5, 0.5, "not measured", ha="center", transform=axis.transAxes)
    figure.suptitle(_title(run.results), fontsize=11, x=0.01, ha="left")
    return figure


def _title(results: Results) -> str:
    about = results["width"]["about"]
    missing = not_measured(results)
    return (
        f"What width buys: two-layer networks in B(R), R = {about['weight_radius']:g}, and with "
        f"every neuron within R/sqrt(m) of its start{missing and '; ' + missing}\n"
        f"games: {about['data']}, {about['loss']} loss, {about['attack']} in the "
        f"{about['perturbation_set']}, {about['rounds']} rounds\n"
        "filled markers, solid lines: certified for each network; open markers, dashed lines: "
        "measured or searched; averages over seeds"
    )


def _kinds(rows: Any) -> list[tuple[str, str]]:
    there = {(row["activation"], row["set"]) for row in rows}
    return [kind for kind in _COLORS if kind in there]


def _name(kind: tuple[str, str]) -> str:
    return f"{kind[0]}, {SET_NAMES[kind[1]]}"


def _curve(rows: Any, key: str, **wanted: str) -> tuple[Floats, Floats]:
    """Widths and averages, where there are any."""
    widths = sorted({row["width"] for row in rows})
    pairs = [(m, average(rows, m, key, **wanted)) for m in widths]
    known = [(m, value) for m, value in pairs if value is not None and value > 0.0]
    table = np.array(known, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _width_axis(axis: Any, label: str, *, logarithmic: bool = True) -> None:
    axis.set_xscale("log", base=2)
    if logarithmic:
        axis.set_yscale("log")
    axis.set(xlabel="width m (neurons)", ylabel=label)
    axis.grid(alpha=0.25, lw=0.6)


def _legend(axis: Any, title: str = "") -> None:
    """Below the panel, where no line runs."""
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, fontsize=8, frameon=False,
        title=title or None, title_fontsize=8,
    )  # fmt: skip


def _law(section: Results, quantity: str, kind: tuple[str, str]) -> str:
    law = slope_of(section, quantity, *kind)
    return "" if law is None else ": " + exponent(law, "$\\pm$", alone="")


def _slopes_title(section: Results, quantity: str, title: str) -> str:
    """The title of a legend with slopes: why some of them have no interval."""
    laws = [law for law in section["slopes"] if law["quantity"] == quantity]
    alone = any(law["points"] == 2 for law in laws)
    return title + (", through two points: no interval" if alone else "")


def _as_in_the_ball(rows: Any, key: str, kind: tuple[str, str]) -> str:
    """Said of a curve of the smaller set that hides the one of B(R)."""
    if kind[1] == "frobenius":
        return ""
    at, own = _curve(rows, key, activation=kind[0], set=kind[1])
    there, ball = _curve(rows, key, activation=kind[0], set="frobenius")
    same = len(at) and np.array_equal(at, there) and np.allclose(own, ball, rtol=0.03)
    return ", on B(R)" if same else ""


def _on_the_ball(axis: Any) -> str:
    """What "on B(R)" means, where it is said."""
    said = any(label.endswith(", on B(R)") for label in axis.get_legend_handles_labels()[1])
    return "\non B(R): hides that curve, they coincide" if said else ""


def _worst(axis: Any, section: Results) -> None:
    rows = section["computed"]
    begin = slope_from(section)
    quantity = "computed lower, wide" if begin else "computed lower"
    for kind in _kinds(rows):
        activation, name = kind
        color, wanted = _COLORS[kind], {"activation": activation, "set": name}
        at, value = _curve(rows, "lower", **wanted)
        word = "exact" if activation == "relu" else "attained"
        label = f"{_name(kind)}, {word}{_law(section, quantity, kind)}"
        label += _as_in_the_ball(rows, "lower", kind)
        axis.plot(at, value, color=color, label=label, **_CERTIFIED)
        law = section["theory"][f"{activation}, {name}"]
        if activation == "softplus" and name == "per-neuron":
            continue  # the same bound as in B(R)
        words = "bound" if activation != "relu" else "theory, large m"
        exponent = "-1/6" if abs(law["exponent"] + 1 / 6) < 1e-9 else f"{law['exponent']:g}"
        axis.plot(
            at, law["factor"] * at ** law["exponent"], color="black", lw=1.1, zorder=3,
            ls=":" if activation == "relu" else (0, (4, 3)),
            label=f"{activation}: {words}, slope {exponent}",
        )  # fmt: skip
    _width_axis(axis, r"$\sup\,|f - f_{\mathrm{lin}}|$ over the set (output units)")
    words = "slopes from $m = 2^{16}$ on" if begin else "slopes"
    _legend(axis, _slopes_title(section, quantity, words) + _on_the_ball(axis))


def _games(axis: Any, section: Results) -> None:
    rows = section["played"]
    for kind in _kinds(rows):
        activation, name = kind
        color, wanted = _COLORS[kind], {"activation": activation, "set": name}
        axis.plot(*_curve(rows, "worst_mean", **wanted), color=color, **_CERTIFIED)
        at, value = _curve(rows, "error_mean", **wanted)
        label = f"{_name(kind)}{_law(section, 'error_mean', kind)}"
        label += _as_in_the_ball(rows, "error_mean", kind)
        axis.plot(at, value, color=color, label=label, **_ESTIMATED)
        each = [
            (row["width"], row["error_mean"])
            for row in rows
            if (row["activation"], row["set"]) == kind and row["error_mean"] > 0.0
        ]
        axis.plot(*np.array(each).T, color=color, ls="", marker=".", ms=3, alpha=0.6)
        if _as_in_the_ball(rows, "worst_mean", kind):
            words = f"{activation}, {SET_NAMES[name]}: worst case, on B(R)"
            axis.plot([], [], color=color, label=words, **_CERTIFIED)
    axis.plot([], [], color=_GRAY, label="worst case, same inputs", **_CERTIFIED)
    _width_axis(axis, r"$|f - f_{\mathrm{lin}}|$ (output units)")
    title = _slopes_title(section, "error_mean", "slopes")
    _legend(axis, f"{title}; dots: single networks" + _on_the_ball(axis))


def _slopes(axis: Any, section: Results) -> None:
    shown = [
        (quantity, words, kind)
        for quantity, words in (
            ("computed lower, wide" if slope_from(section) else "computed lower", "computed"),
            ("worst_mean", "at played inputs"),
            ("error_mean", "games, mean"),
            ("error_largest", "games, largest"),
        )
        for kind in _COLORS
        if slope_of(section, quantity, *kind) is not None
    ]
    for row, (quantity, _, kind) in enumerate(shown):
        law = slope_of(section, quantity, *kind)
        assert law is not None  # only such are shown
        style = _ESTIMATED if quantity.startswith("error") else _CERTIFIED
        half = law["half_width"]
        axis.errorbar(
            law["exponent"], row, xerr=half if np.isfinite(half) else None, color=_COLORS[kind],
            marker="o", ms=5, mfc=style.get("mfc", _COLORS[kind]), capsize=3, lw=1.3,
        )  # fmt: skip
        axis.plot([law["theory"]] * 2, [row - 0.4, row + 0.4], color=_GRAY, lw=2.2)
    labels = [f"{words}: {_name(kind)}" for _, words, kind in shown]
    axis.set_yticks(range(len(shown)), labels, fontsize=8)
    axis.invert_yaxis()
    axis.grid(alpha=0.25, lw=0.6, axis="x")
    axis.set(xlabel="exponent of m; gray bar: theory, of the worst case")


def _value(axis: Any, section: Results) -> None:
    rows = [row for row in section["played"] if "bracket" in row]
    for kind in _kinds(rows):
        color, wanted = _COLORS[kind], {"activation": kind[0]}
        at, low = _curve(rows, "floor", **wanted)
        up, high = _curve(rows, "ceiling", **wanted)
        if len(at) == len(up):
            axis.fill_between(at, low, high, color=color, alpha=0.25, lw=0)
        axis.plot(at, low, color=color, label=f"{kind[0]}: floor and ceiling", **_CERTIFIED)
        axis.plot(up, high, color=color, **_CERTIFIED)
        axis.plot(
            *_curve(rows, "least_loss", **wanted), color=color,
            label=f"{kind[0]}: $\\min_t L_A(W_t)$", **(_ESTIMATED | {"marker": "^"}),
        )  # fmt: skip
    _width_axis(axis, r"$\min_{B(R)} L_*$ (loss units)", logarithmic=False)
    _legend(axis)


def _certificates(axis: Any, section: Results) -> None:
    rows = [row for row in section["played"] if "bracket" in row]
    marks = {
        "excess": ("v", "$\\min L_A$ - free floor"),
        "bracket": ("s", "ceiling - floor"),
        "gap": ("D", "gap at the hindsight point"),
    }
    for kind in _kinds(rows):
        for key, (marker, words) in marks.items():
            at, value = _curve(rows, key, activation=kind[0])
            if len(at):
                style = _CERTIFIED | {"marker": marker}
                axis.plot(at, value, color=_COLORS[kind], label=f"{kind[0]}: {words}", **style)
    _width_axis(axis, "loss units")
    _legend(axis)


def _condition(axis: Any, section: Results) -> None:
    rows = section["condition"]
    for activation in dict.fromkeys(row["activation"] for row in rows):
        color = _COLORS[activation, "frobenius"]
        for problem, marker in _PROBLEM_MARKS.items():
            found = [
                (row["width"], row["fails"]["radius"], row["fails"]["value"])
                for row in rows
                if (row["activation"], row["problem"]) == (activation, problem) and row["fails"]
            ]
            if not found:
                continue
            at, radius, value = np.array(found).T
            zero = value == 0.0
            style = _ESTIMATED | {"marker": marker}
            axis.plot(at, radius, color=color, label=f"{activation}, {problem}", **style)
            axis.plot(at[zero], radius[zero], color=color, ls="", marker="x", ms=9, mew=1.6)
    axis.plot([], [], color=_GRAY, ls="", marker="x", ms=9, mew=1.6, label="F reaches 0 there")
    axis.axhline(section["about"]["weight_radius"], color=_GRAY, lw=0.9, ls=":")
    _width_axis(axis, "R where a global minimum is not certified any more")
    for place in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        place("{x:g}")
    _legend(axis, "dotted: R of the games")
