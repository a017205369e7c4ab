"""The panels of the figure that only a game on a deep network has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from olgame.storage import StoredRun

__all__ = ["deep_panels"]

_STYLE = {
    "searched": ("#b3261e", "s", "searched directions"),
    "edge": ("#d1660a", "^", "edge, the path's direction"),
    "path": ("#0b5fa5", "o", "path"),
}
_GRAY = "#6b7280"


def deep_panels(axes: Sequence[Any], run: StoredRun) -> None:
    """The linearization error along the path, and its trends in width and depth.

    Args:
        axes: Three axes of matplotlib.
        run: A stored run with the section ``constants``.
    """
    _path(axes[0], run)
    trends = run.results.get("trends") or {}
    _trend(axes[1], trends.get("width"), "width m", "Wider")
    _trend(axes[2], trends.get("depth"), "depth H", "Deeper")


def _path(axis: Any, run: StoredRun) -> None:
    found = run.observed.get("linearization error")
    constants = run.results["constants"]
    color, marker, _ = _STYLE["path"]
    if found is not None:
        axis.plot(found.rounds, found["mean"], color=color, marker=marker, ms=3, label="average")
        axis.plot(found.rounds, found["largest"], color=color, ls="--", lw=1.2, label="largest")
    if constants["searched_error"] is not None:
        axis.axhline(
            constants["searched_error"], color=_STYLE["searched"][0], lw=1.4, ls=":",
            label="searched directions of the set, at least",
        )  # fmt: skip
    axis.set(xlabel="round t", ylabel=r"$|f - f_{\mathrm{lin}}|$")
    axis.set_title("Distance from the linearization, played inputs", loc="left", fontsize=11)
    axis.legend(fontsize=8, framealpha=0.9)


def _trend(axis: Any, trend: Any, label: str, title: str) -> None:
    """Both errors against one size, on logarithmic axes, with their fitted lines."""
    axis.set_title(f"{title}: slopes of the error", loc="left", fontsize=11)
    if trend is None:
        axis.text(0.5, 0.5, "not computed", ha="center", transform=axis.transAxes)
        return
    at = np.asarray(trend["at"], dtype=np.float64)
    for name, (color, marker, words) in _STYLE.items():
        row = trend["quantities"][name]
        mean, spread = np.asarray(row["mean"]), np.nan_to_num(row["standard_error"])
        axis.errorbar(at, mean, yerr=spread, color=color, marker=marker, ls="", ms=5, capsize=3)
        if row["exponent"] is None:
            continue
        told = f"{row['exponent']:+.2f} $\\pm$ {row['exponent_error']:.2f}"
        line = row["prefactor"] * at ** row["exponent"]
        axis.plot(at, line, color=color, lw=1.4, label=f"{words}: slope {told}")
        recalled = mean[0] * (at / at[0]) ** row["recalled"]
        if name == "searched":
            axis.plot(
                at, recalled, color=_GRAY, lw=1.0, ls=":",
                label=f"recalled, of an upper bound: {row['recalled']:+.2f}",
            )  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel=label, ylabel=r"$|f - f_{\mathrm{lin}}|$")
    axis.set_xticks(at, [f"{size:g}" for size in at])
    axis.minorticks_off()
    axis.legend(fontsize=8, framealpha=0.9)
