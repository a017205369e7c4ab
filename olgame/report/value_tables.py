"""What the width of the bracket on the value of a game is made of, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from olgame.report.numbers import number
from olgame.results import outward

__all__ = ["width_of_value"]


def width_of_value(value: Mapping[str, Any]) -> list[RenderableType]:
    """The parts of the width, and what makes each smaller; nothing where there is no bracket.

    Args:
        value: `olgame.theory.GameValue.to_dict`.
    """
    if not value.get("causes"):
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("part of the width", overflow="fold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("smaller by", overflow="fold")
    for cause in value["causes"]:
        amount = f"{cause['value']:+.1e}" if cause["value"] else "0"
        table.add_row(cause["name"], amount, cause["remedy"])
    total = outward(value["width"], "upper", ".2g")
    if value.get("relative_width") is not None:
        total += f" ({outward(value['relative_width'], 'upper', '.2g')} of the floor)"
    text = (
        f"the width of the value of the game, {total}, is certified; how it divides is what this "
        f"attack and this search found. u: {value['ceiling_point']}, where the best ceiling was "
        "certified; F: the weighted mean of the played losses that gave the best floor"
    )
    if any("u0" in cause["name"] for cause in value["causes"]):
        text += "; u0: the best point that was found for F"
    lines: list[RenderableType] = [Text(), Text(text, style="dim"), table]
    if not value["causes_close"]:
        error = f"THE PARTS DO NOT ADD UP, error {value['closing_error']:.1e}"
        lines.append(Text(error, style="bold red"))
    left = [end for end in value["ceilings"] if end["at_most"] is None]
    if left:
        names = ", ".join(f"{end['point']} (~ {number(end['played_loss']):.4f})" for end in left)
        text = f"not worth a certificate, by the loss of played inputs: {names}"
        lines.append(Text(text, style="dim"))
    return lines
