"""The report of a run on a terminal, from the results of its folder alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from olgame.report.bands import seeds_table
from olgame.report.certificate_table import certificate_table
from olgame.report.deep_tables import constants_table, trends_table
from olgame.report.numbers import number
from olgame.report.width_tables import width_tables
from olgame.results import outward

__all__ = ["render"]

_MARK = {"holds": ("+", "green"), "fails": ("x", "bold red"), "not checked": ("?", "yellow")}
_CONCLUSION = {
    "certified_holds": ("certified: holds", "bold green"),
    "certified_fails": ("certified: fails", "bold red"),
    "open": ("open", "bold yellow"),
}
_SOURCE = {
    "prior": "prior: true of any data",
    "measured": "measured at the start",
    "second moment": "from the second moment of the data",
}
_CONTENT = {"informative": "bold green", "vacuous": "bold yellow", "undecided": "yellow"}

_KNOWN = {
    *("status", "plan", "game", "loss", "regret", "ledger", "certificates", "verdict"),
    *("curves", "hindsight", "twin", "held_out", "value", "stop_reason"),
    *("suggested", "constants", "trends", "not_available", "seeds", "width"),
}
_OPTIONAL = {"held_out", "suggested", "constants", "trends", "not_available", "seeds"}

Results = Mapping[str, Any]


def render(results: Results, console: Console) -> None:
    """Print the report of one run.

    Args:
        results: The ``results`` of a run folder.
        console: Where to print.
    """
    sections = (
        ("Plan", "plan", _plan),
        ("Steps", "suggested", lambda results: _pairs(results["suggested"])),
        ("Game", "game", _game),
        ("Surrogate loss and regret", "loss", _regret),
        ("Held-out samples", "held_out", _held_out),
        ("Ledger", "ledger", _ledger),
        ("Constants beside exponents", "constants", constants_table),
        ("Trends in width and depth", "trends", trends_table),
        ("Certificates", "certificates", certificate_table),
        ("Verdict", "verdict", _verdict),
        ("Over seeds", "seeds", seeds_table),
        ("Not available", "not_available", lambda results: _pairs(results["not_available"])),
        ("What width buys", "width", width_tables),
    )
    if "width" in results and results.get("status") != "finished":
        text = f"The run was {results.get('status')}: rows are missing. --resume goes on with it."
        console.print(Text(text, style="bold red"))
    elif results.get("status") == "stopped":
        text = f"The game was stopped before its planned end. {results.get('stop_reason', '')}"
        console.print(Text(text.strip(), style="yellow"))
    elif results.get("status") != "finished":
        without = _OPTIONAL | set(results.get("not_available") or ())
        keys = [key for _, key, _ in sections if key not in without | {"width"}]
        missing = ", ".join(key for key in keys if results.get(key) is None)
        text = f"The run was {results.get('status')}; not computed: {missing or 'nothing'}."
        console.print(Text(text, style="bold red"))
    for title, key, show in sections:
        if results.get(key) is not None:
            console.print(Panel(show(results), title=title, title_align="left", box=box.ROUNDED))
    others = {key: value for key, value in results.items() if key not in _KNOWN}
    if others:
        panel = Panel(_pairs(others), title="Other results", title_align="left", box=box.ROUNDED)
        console.print(panel)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def _plan(results: Results) -> RenderableType:
    plan = results["plan"]
    if "refused" in plan:
        return Text(f"No plan: {plan['refused']}", style="yellow")
    text = (
        f"accuracy {plan['accuracy']:g} against every point within R = {plan['weight_radius']:g} "
        f"of the start takes\n"
        f"width m = {plan['width']} ({_source(plan['width_source'])})\n"
        f"rounds T = {plan['rounds']}, step size {plan['step_size']:.4g} (for gradients up to "
        f"{plan['gradient_bound']:.4g}, {_source(plan['gradient_source'])})"
    )
    marks = Text("+ holds, x fails, ? can only be checked on what is played", style="dim")
    return Group(Text(text), Text(), marks, _premises(plan["premises"]))


def _source(name: str) -> str:
    return _SOURCE.get(name, name)


def _premises(premises: Iterable[Results]) -> RenderableType:
    lines = Table.grid(padding=(0, 1))
    for premise in premises:
        mark, style = _MARK[premise["status"]]
        lines.add_row(Text(mark, style=style), Text(premise["name"]), Text(premise["detail"]))
    return lines


def _game(results: Results) -> RenderableType:
    return _pairs(results["game"])


def _pairs(section: Results) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    for key, value in section.items():
        lines.add_row(Text(key.replace("_", " "), style="dim"), str(value))
    return lines


def _regret(results: Results) -> RenderableType:
    games = [("network", results)]
    if results.get("twin"):
        games.append(("linearized twin", results["twin"]))
    table = _table("", *(name for name, _ in games))
    for label, key in (
        ("loss at the start", "start"),
        ("average", "average"),
        ("minimum", "minimum"),
    ):
        table.add_row(label, *(f"{game['loss'][key]:.4f}" for _, game in games))
    table.add_section()
    for label, key in (
        ("linear regret / T, largest over u (exact)", "linear"),
        ("bound a posteriori / T", "posterior"),
        ("bound a priori / T", "prior"),
    ):
        table.add_row(label, *(_optional(game["regret"].get(key)) for _, game in games))
    return table


def _held_out(results: Results) -> RenderableType:
    section = results["held_out"]
    table = _table("", "loss", "attacked loss", "error", "attacked error")
    for row in section["rows"]:
        losses = (f"{row['clean_loss']:.4f}", f"~ {number(row['attacked_loss']):.4f}")
        errors = (f"{row['clean_error']:.2%}", f"~ {number(row['attacked_error']):.2%}")
        table.add_row(row["point"], *losses, *errors)
    lines = [Text(f"{section['data']}; ~ is what the attack found, an estimate from below", "dim")]
    if section.get("robust_error") is not None:
        part = f"{number(section['robust_error']):.2%}"
        lines.append(Text(f"certified, last iterate: robust error at most {part}", "green"))
    return Group(lines[0], table, *lines[1:])


def _optional(value: Any) -> str:
    found = number(value)
    return "not available" if found is None else f"{found:.4f}"


def _ledger(results: Results) -> RenderableType:
    ledger = results["ledger"]
    table = _table("entry", "", "average")
    for row in ledger["rows"]:
        total = row["symbol"].startswith("=")
        style = "bold" if total else None
        table.add_row(row["entry"], row["symbol"], _entry(row["value"]), style=style)
        if total:
            table.add_section()
    head = Text(f"u is {ledger['comparator']}; averages over rounds", style="dim")
    return Group(head, table, *(_closing(name, book) for name, book in ledger["books"].items()))


def _entry(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{outward(value[0], 'lower', '.6f')}, {outward(value[1], 'upper', '.6f')}]"
    if abs(value) < 1e-12:
        return "0"
    return f"{value:+.6f}" if abs(value) >= 5e-7 else f"{value:+.1e}"


def _closing(name: str, book: Results) -> Text:
    error = f"closing error {book['closing_error']:.1e}"
    if book["closes"]:
        return Text(f"against {name}: the books close, {error}", style="green")
    return Text(
        f"against {name}: THE BOOKS ARE OPEN, {error}. {book['diagnosis']}", style="bold red"
    )


def _verdict(results: Results) -> RenderableType:
    verdict = results["verdict"]
    conclusion, style = _CONCLUSION[verdict["conclusion"]]
    head = Table.grid(padding=(0, 2))
    head.add_row("premises", _counted(verdict["premises"]))
    head.add_row("conclusion", Text(conclusion, style=style))
    head.add_row("", verdict["reason"])
    if verdict.get("regret") is not None:  # of a theorem that leaves all but the regret open
        told, regret_style = _CONCLUSION[verdict["regret"]]
        head.add_row("linear regret", Text(told, style=regret_style))
        head.add_row("", verdict["regret_reason"])
    if "content" in verdict:
        head.add_row("content", Text(verdict["content"], style=_CONTENT[verdict["content"]]))
        head.add_row("", _content(verdict))
    return Group(_premises(verdict["premises"]), Text(), head)


def _counted(premises: Iterable[Results]) -> Text:
    statuses = [premise["status"] for premise in premises]
    words = {"holds": "hold", "fails": "fail", "not checked": "not checked"}
    parts = [f"{statuses.count(s)} {words[s]}" for s in _MARK if s in statuses]
    bad = "fails" in statuses
    return Text(", ".join(parts), style="bold red" if bad else "green")


def _content(verdict: Results) -> str:
    start, accuracy = verdict["start_loss"], verdict["accuracy"]
    floor, ceiling = number(verdict["floor"]), number(verdict["ceiling"])
    if ceiling is not None and verdict["content"] == "informative":
        promised = outward(ceiling + accuracy, "upper", ".4f")
        return f"the promise, at most {promised}, is below the loss of the start, {start:.4f}"
    if floor is not None and verdict["content"] == "vacuous":
        promised = outward(floor + accuracy, "lower", ".4f")
        return f"the promise, {promised} or more, is kept by the start already: {start:.4f}"
    return "the certificates do not tell whether the start keeps the promise already"
