"""Tables and curves of many seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from olgame.band import band_of

__all__ = ["draw_band", "seeds_table"]

Results = Mapping[str, Any]


def seeds_table(results: Results) -> RenderableType:
    """Means over seeds with intervals, and whose games are not in order.

    Args:
        results: With a section ``seeds``.
    """
    section = results["seeds"]
    seeds, level = list(section["seeds"]), float(section["level"])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("mean", f"+- ({100 * level:g} %)", "least", "most"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in section["rows"]:
        found = band_of(row["values"], level)
        numbers = (found.mean, found.half_width, found.least, found.most)
        table.add_row(row["quantity"], *(_number(value) for value in numbers))
    head = (
        f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}: other starts, the same data. +- is half "
        "of a t-interval for the mean over all seeds; no certificate, and nothing about one game"
    )
    return Group(Text(head, style="dim"), table, *_lines(section))


def _lines(section: Results) -> list[Text]:
    told = {"certified_holds": "certified: holds", "certified_fails": "certified: fails"}
    count = len(section["seeds"])
    conclusions = ", ".join(
        f"{told.get(name, name)} for {number} of {count}"
        for name, number in section["conclusions"].items()
    )
    lines = [Text(f"verdict of each game on its own: {conclusions}")]
    lines += [
        Text(f"premise {name!r} fails for {_seeds(where, count)}", style="yellow")
        for name, where in section["failing"].items()
    ]
    if section["open"]:
        where = _seeds(section["open"], count)
        lines.append(Text(f"THE BOOKS ARE OPEN for {where}", style="bold red"))
    else:
        lines.append(Text(f"the books of all {count} games close", style="green"))
    lines.append(
        Text(
            f"{section['at_once']} at once; the losses of seed {section['seeds'][0]} differ from "
            f"those of the game played alone by at most {section['alone']:.1e}",
            style="dim",
        )
    )
    return lines


def _seeds(where: Sequence[int], count: int) -> str:
    if len(where) == count:
        return f"all {count}"
    shown = ", ".join(str(seed) for seed in where[:8])
    rest = f" and {len(where) - 8} more" if len(where) > 8 else ""
    return f"seed{'s' * (len(where) > 1)} {shown}{rest}"


def _number(value: float) -> str:
    """Four decimals, or two digits where those would show nothing."""
    return f"{value:.4f}" if value == 0.0 or abs(value) >= 1e-3 else f"{value:.1e}"


def draw_band(
    axis: Any, curves: NDArray[np.float64], *, what: str, level: float, color: str
) -> None:
    """A mean over seeds, its t-interval round by round, and the range of all seeds.

    Args:
        axis: of matplotlib.
        curves: One column a seed, shape ``(T, G)``.
        what: what the curves are, for the legend.
        level: of the interval.
        color: of all three.
    """
    found = band_of(curves, level)
    rounds = np.arange(1, len(curves) + 1)
    axis.fill_between(rounds, found.least, found.most, color=color, alpha=0.12, lw=0)
    axis.fill_between(rounds, found.lower, found.upper, color=color, alpha=0.35, lw=0)
    name = f"{what} of {found.count} seeds: mean, {100 * level:g} % interval, range"
    axis.plot(rounds, found.mean, color=color, lw=1.2, ls=(0, (5, 1)), label=name)
