"""The one figure of a game, from its run folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from olgame.exceptions import NotAvailableError
from olgame.extras import how_to_install
from olgame.report.bands import draw_band
from olgame.report.deep_panels import deep_panels
from olgame.report.numbers import number
from olgame.report.width_figure import width_figure
from olgame.results import outward
from olgame.storage import StoredRun, load_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_drawable", "game_figure", "save_figure"]

_BLUE, _ORANGE, _GREEN, _RED, _GRAY = "#0b5fa5", "#d1660a", "#2a7f3f", "#b3261e", "#6b7280"
_VIOLET, _TEAL = "#6d3fa0", "#0f766e"


def check_drawable() -> None:
    """Raise, before a long game, where its figure could not be drawn after it.

    Raises:
        NotAvailableError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        reason = f"The figure is drawn with matplotlib: {how_to_install('figures')}."
        raise NotAvailableError(reason) from None
    del mpl


def game_figure(run: StoredRun) -> Figure:
    """Three panels: loss between floor and guarantee, regret under its bounds, the ledger.

    A game on a deep network has a second row: the distance from the linearization along the path,
    and its slopes in width and depth.

    Args:
        run: A stored run of the demonstration game.

    Returns:
        A matplotlib figure; nothing is drawn on a screen.
    """
    from matplotlib.figure import Figure

    deep = run.results.get("constants") is not None
    figure = Figure(figsize=(16.0, 10.6 if deep else 5.6), layout="constrained")
    rows = figure.subplots(2 if deep else 1, 3, width_ratios=(1.05, 1.0, 1.1), squeeze=False)
    _losses(rows[0][0], run)
    _regret(rows[0][1], run)
    _waterfall(rows[0][2], run)
    if deep:
        deep_panels(rows[1], run)
    figure.suptitle(_title(run), fontsize=11, x=0.01, ha="left")
    return figure


def save_figure(folder: str | Path) -> tuple[Path, Path]:
    """Write ``figure.png`` and ``figure.svg`` into a run folder.

    Args:
        folder: A run folder with results.

    Returns:
        The two paths.

    Raises:
        NotAvailableError: matplotlib is not installed.
    """
    check_drawable()
    import matplotlib as mpl

    folder = Path(folder)
    # Text stays text in the SVG; the hash salt makes equal runs give equal files.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "olgame"}):
        run = load_run(folder)
        # A run of the experiment about width is many games, with a figure of its own.
        figure = width_figure(run) if "width" in run.results else game_figure(run)
        png, svg = folder / "figure.png", folder / "figure.svg"
        figure.savefig(png, dpi=130)
        figure.savefig(svg, metadata={"Date": None})
    return png, svg


def _title(run: StoredRun) -> str:
    game = run.results["game"]
    return (
        f"{game['data']}: {game['network']}, {game['loss']} loss\n"
        f"adversary: {game['attack']} in the {game['perturbation_set']}; "
        f"learner: {game['learner']}, in {game['decision_set']}"
    )


def _losses(axis: Any, run: StoredRun) -> None:
    loss = run.columns["loss"]
    rounds = np.arange(1, len(loss) + 1)
    verdict = run.results.get("verdict") or {}
    twin = (run.results.get("twin") or {}).get("loss_curve")
    axis.plot(rounds, loss, color=_BLUE, lw=2, label=rf"network{_whose(run)}: $L_A(W_t)$")
    _seeds(axis, run, "loss", "loss")
    if twin is not None:
        axis.plot(
            np.arange(1, len(twin) + 1), twin, color=_ORANGE, lw=1.4, ls="--",
            label="linearized twin",
        )  # fmt: skip
    _observed(axis, run)
    floor, ceiling = number(verdict.get("floor")), number(verdict.get("ceiling"))
    if floor is not None and ceiling is not None:
        axis.axhspan(
            floor, ceiling, color=_GREEN, alpha=0.25, lw=0,
        )  # fmt: skip
        axis.axhline(
            floor, color=_GREEN, lw=1.2,
            label=f"value of the game{_whose(run)}, certified: "
            f"{outward(floor, 'lower', '.6f')} to {outward(ceiling, 'upper', '.6f')}",
        )  # fmt: skip
    if floor is not None:
        guarantee = floor + verdict["accuracy"]
        axis.axhline(
            guarantee, color=_RED, lw=1.4, ls=":",
            label=f"guarantee: floor + accuracy = {guarantee:.4f}",
        )  # fmt: skip
    axis.axhline(loss[0], color=_GRAY, lw=0.9, label=f"loss of the start: {loss[0]:.4f}")
    last = max([2, len(loss), *(int(found.rounds.max()) for found in run.observed.values())])
    axis.set(xlabel="round t", ylabel="surrogate loss", xlim=(1, last))
    axis.xaxis.get_major_locator().set_params(integer=True)
    title = "Loss of the game" if floor is None else "Loss between floor and guarantee"
    axis.set_title(title, loc="left", fontsize=11)
    axis.legend(fontsize=8, framealpha=0.9)


def _seeds(axis: Any, run: StoredRun, name: str, what: str) -> None:
    """The curves of many seeds, where they were played."""
    section = run.results.get("seeds")
    if section is not None:
        level = float(section["level"])
        draw_band(axis, section[name], what=what, level=level, color=_TEAL)


def _whose(run: StoredRun) -> str:
    """Whose game the lines are of, where the curves of others are drawn too."""
    section = run.results.get("seeds")
    return "" if section is None else f", seed {section['seeds'][0]}"


def _observed(axis: Any, run: StoredRun) -> None:
    """Losses that observers found; the point after the last update is drawn as round T + 1."""
    styles = iter((("-", "o"), ("--", "s"), (":", "^"), ("-.", "v")))
    for name, found in run.observed.items():
        for column, values in found.columns.items():
            if not column.endswith("loss") or values.ndim != 1:
                continue
            dash, marker = next(styles, ("-", "o"))
            axis.plot(
                found.rounds, values, color=_VIOLET, lw=1.2, ls=dash, marker=marker, ms=3,
                label=f"{name}: {_told(column)}",
            )  # fmt: skip


def _told(column: str) -> str:
    """The name of an observed loss; what an attack found is an estimate from below."""
    return column.replace("_", " ") + (" (estimated)" if column.startswith("attacked") else "")


def _regret(axis: Any, run: StoredRun) -> None:
    curves = run.results.get("curves") or _curves_of_the_columns(run)
    rounds = np.arange(1, len(run.columns["loss"]) + 1)
    if not curves:
        _empty(axis, "Regret under its bounds", "not computed")
        return
    for key, color, style, label in (
        ("prior", _RED, ":", "bound a priori"),
        ("posterior", _ORANGE, "--", "bound a posteriori"),
        ("linear", _BLUE, "-", "linear regret, exact, best comparator of all T rounds"),
        ("realized", _GREEN, "-.", "realized regret against the last iterate"),
    ):
        if curves.get(key) is not None:
            alone = np.isfinite(curves[key]).sum() == 1  # only the last round is known
            axis.plot(
                rounds, curves[key], color=color, ls=style, lw=1.8, label=label,
                marker="o" if alone else None, ms=6, clip_on=not alone,
            )  # fmt: skip
    _seeds(axis, run, "linear", "linear regret")
    axis.axhline(0.0, color=_GRAY, lw=0.8)
    axis.set(xlabel="round t", ylabel="cumulative regret", xlim=(1, max(2, len(rounds))))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title("Regret under its bounds", loc="left", fontsize=11)
    axis.legend(fontsize=8, framealpha=0.9)


def _curves_of_the_columns(run: StoredRun) -> dict[str, Any]:
    """The curves of a game that was not analyzed to its end, as far as its folder knows them.

    With fixed steps alpha both bounds are known backwards from their last value: a posteriori
    D^2/(2 alpha) + sum_{s <= t} alpha norm(g_s)^2/2, and a priori D^2/(2 alpha) + alpha t G^2/2
    with the largest gradient of the game. The regret is known after the last round alone.
    """
    alpha, norms = run.columns["step_size"], run.columns["gradient_norm"]
    fixed = np.isfinite(alpha).all() and (alpha == alpha[:1]).all()
    squares = {"posterior": norms**2, "prior": np.full(len(norms), norms.max(initial=0.0) ** 2)}
    found: dict[str, Any] = {}
    for key, last in _stored_regret(run).items():
        if fixed and key in squares:
            grown = np.cumsum(0.5 * alpha * squares[key])
            found[key] = last - grown[-1] + grown
        else:
            found[key] = np.append(np.full(len(norms) - 1, np.nan), last)
    return found


def _stored_regret(run: StoredRun) -> dict[str, float]:
    """Linear regret and bounds after the last round: the entries of the report times T."""
    section, rounds = run.results.get("regret") or {}, len(run.columns["loss"])
    if not rounds or number(section.get("linear")) is None:
        return {}
    each = {key: number(section.get(key)) for key in ("linear", "posterior", "prior")}
    return {key: rounds * value for key, value in each.items() if value is not None}


def _empty(axis: Any, title: str, reason: str) -> None:
    """A panel of which nothing is known: its title and the reason, no axes."""
    axis.set_axis_off()
    axis.set_title(title, loc="left", fontsize=11)
    axis.text(0.5, 0.5, reason, ha="center", transform=axis.transAxes)


def _waterfall(axis: Any, run: StoredRun) -> None:
    """The loss account as steps: from the comparator's loss to the average loss."""
    ledger = run.results.get("ledger")
    title = "Ledger: where the average loss comes from"
    if ledger is None:
        _empty(axis, title, "not computed")
        return
    axis.set_title(title, loc="left", fontsize=11)
    labels, level = [], 0.0
    for i, row in enumerate(ledger["rows"]):
        value = row["value"]
        spread = 0.0
        if isinstance(value, list | tuple):
            spread, value = (value[1] - value[0]) / 2.0, (value[0] + value[1]) / 2.0
        total = row["symbol"].startswith("=")
        bottom = 0.0 if total or i == 0 else level
        color = _BLUE if total or i == 0 else (_GREEN if value < 0 else _RED)
        axis.bar(i, value, bottom=bottom, color=color, width=0.66, yerr=spread or None, capsize=4)
        level = bottom + value
        end = max(bottom, level)
        if i and not total:
            axis.plot([i - 0.67, i + 0.33], [bottom, bottom], color=_GRAY, lw=0.8)
        axis.annotate(
            _signed(value) if i and not total else f"{value:.4f}", (i, end),
            xytext=(0, 4 if not spread else 8), textcoords="offset points", ha="center", fontsize=8,
        )  # fmt: skip
        labels.append(row["entry"].replace(" of the ", "\nof the ").replace(" ", "\n", 1))
        if total:
            break
    axis.set_xticks(range(len(labels)), labels, fontsize=8)
    axis.set_ylabel("average over rounds, in units of the loss")
    axis.use_sticky_edges = False  # a falling bar would stick the axis to its upper end
    axis.margins(y=0.12)
    if axis.dataLim.y0 >= 0.0:
        axis.set_ylim(bottom=0.0)
    axis.axhline(0.0, color=_GRAY, lw=0.8)
    book = ledger["books"].get(ledger["comparator"])
    if book is not None:
        state = "the books close" if book["closes"] else "THE BOOKS ARE OPEN"
        axis.set_xlabel(
            f"against {ledger['comparator']}; {state}: error {book['closing_error']:.1e} of the "
            "sum of entries",
            fontsize=9,
        )


def _signed(value: float) -> str:
    """Four decimals, or two digits where four decimals would show nothing."""
    if abs(value) < 1e-12:
        return "0"
    return f"{value:+.4f}" if abs(value) >= 5e-4 else f"{value:+.1e}"
