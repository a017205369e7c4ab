"""The certified numbers of a run, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from olgame.report.numbers import number
from olgame.report.value_tables import width_of_value
from olgame.results import Side, outward

__all__ = ["certificate_table"]

_WORDS = (
    "every number of this table is certified. Robust loss: against every input that may be played "
    "for x (the set B(x)), whatever the attack found. Least robust loss in B(R): of the best "
    "weights within R of the start, whoever finds them; it is the value of the game"
)

Results = Mapping[str, Any]


def certificate_table(results: Results) -> RenderableType:
    """Lower and upper ends, a row for those that print alike, and the width of the value.

    Args:
        results: The ``results`` of a run folder, with ``certificates``.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    table.add_column("at least", justify="right", no_wrap=True)
    table.add_column("at most", justify="right", no_wrap=True)
    table.add_column("by", overflow="fold")
    above = None
    for printed, rows in groupby(results["certificates"], _printed):
        quantity, *ends = printed
        methods = list(dict.fromkeys(row["method"] for row in rows))
        table.add_row("" if quantity == above else quantity, *ends, _listed(methods))
        above = quantity
    value = results.get("value") or {}
    return Group(Text(_WORDS, style="dim"), table, *width_of_value(value))


def _printed(row: Results) -> tuple[str, str, str]:
    return row["quantity"], _end(row.get("lower"), "lower"), _end(row.get("upper"), "upper")


def _end(value: Any, side: Side) -> str:
    found = number(value)
    return "-" if found is None else outward(found, side, ".6f")


def _listed(methods: Iterable[str]) -> str:
    """``certificate at the start; certificate at the end``, with the common words said once."""
    first, *others = (method.split() for method in methods)
    same = [len(set(words)) == 1 for words in zip(first, *others, strict=False)]
    shared = [*same, False].index(False)
    if not (others and shared):
        return "; ".join(" ".join(words) for words in [first, *others])
    return ", ".join(" ".join(words) for words in [first, *(words[shared:] for words in others)])
