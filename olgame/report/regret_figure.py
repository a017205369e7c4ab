"""Measured regret under its textbook bound, in one call."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from olgame.exceptions import NotAvailableError
from olgame.extras import how_to_install
from olgame.theory.regret_bound import BoundCheck

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["regret_figure"]

_BLUE, _RED, _GRAY = "#0b5fa5", "#b3261e", "#6b7280"
_VERDICT = {
    "certified_holds": "certified to hold",
    "certified_fails": "certified to fail",
    "open": "open",
}


def regret_figure(check: BoundCheck, path: str | Path | None = None) -> Figure:
    """The regret after every round below the bound after every round, and what the theorem says.

    What is known of a curve is drawn: a line, or a single point where only the last round is
    known. A bound that is infinite has no place in the figure, and is said to be so.

    Args:
        check: From `olgame.theory.check_bound`.
        path: Where to write it, by its suffix (``.png``, ``.svg``, ``.pdf``); None writes nothing.

    Returns:
        The matplotlib figure; nothing is drawn on a screen.

    Raises:
        NotAvailableError: matplotlib is not installed.

    Example:
        >>> import numpy as np, olgame as og
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.1), og.adversaries.MinimaxLinear(1.0),
        ...     og.sets.L2Ball(1.0, center=np.zeros(3)), rounds=100, keep="points",
        ... )
        >>> check = og.theory.check_bound(og.theory.GradientDescentBound(), run)
        >>> figure = regret_figure(check)
        >>> figure.axes[0].get_xlabel()
        'round t'
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise NotAvailableError(
            f"`regret_figure` draws with matplotlib: {how_to_install('figures')}."
        ) from None
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axis: Any = figure.subplots()
    rounds = np.arange(1, len(check.regret) + 1)
    _curve(axis, rounds, check.bound, color=_RED, style="--", name="bound")
    _curve(axis, rounds, check.regret, color=_BLUE, style="-", name="regret, as played")
    both = np.isfinite(check.regret) & np.isfinite(check.bound)
    if np.count_nonzero(both) > 1:
        t, low, high = rounds[both], check.regret[both], check.bound[both]
        for where, color, alpha in ((low <= high, _GRAY, 0.12), (low > high, _RED, 0.4)):
            axis.fill_between(t, low, high, where=where, color=color, alpha=alpha, lw=0)
    axis.axhline(0.0, color=_GRAY, lw=0.8)
    axis.set(xlabel="round t", ylabel="regret", xlim=(1, max(2, len(rounds))))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title(_title(check), loc="left", fontsize=9)
    axis.legend(fontsize=8, framealpha=0.9, loc="best")
    if path is not None:
        options: Any = {"metadata": {"Date": None}} if Path(path).suffix == ".svg" else {}
        # Text stays text in an SVG; the hash salt makes equal checks give equal files.
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "olgame"}):
            figure.savefig(path, dpi=130, **options)
    return figure


def _curve(axis: Any, rounds: Any, values: Any, *, color: str, style: str, name: str) -> None:
    """One curve with its last value in the legend; what is not finite is left out, and said."""
    known = np.isfinite(values)
    if not known.any():
        unknown = "infinite" if np.isinf(values).any() else "not known"
        axis.plot([], [], color=color, ls=style, label=f"{name}: {unknown}")
        return
    last = float(values[known][-1])
    marker = "o" if np.count_nonzero(known) == 1 else None
    axis.plot(
        rounds[known], values[known], color=color, ls=style, lw=1.8, marker=marker,
        label=f"{name}: {last:.6g} after round {int(rounds[known][-1])}",
    )  # fmt: skip


def _title(check: BoundCheck) -> str:
    """Theorem, inequality, source and verdict, wrapped to the width of the figure."""
    statement = check.statement
    lines = [
        statement.name,
        statement.formula,
        f"{statement.source} ({statement.tightness})",
        f"{_VERDICT[check.conclusion]}: {check.reason}",
    ]
    # A dollar would switch to formulas, which names and bounds are not written in.
    return "\n".join(
        textwrap.fill(line, 96, subsequent_indent="    ").replace("$", r"\$") for line in lines
    )
