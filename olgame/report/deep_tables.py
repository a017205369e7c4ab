"""The tables of a report that only a game on a deep network has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["constants_table", "trends_table"]

Results = Mapping[str, Any]


def constants_table(results: Results) -> RenderableType:
    """Measured constants beside the recalled exponents."""
    found = results["constants"]
    m, depth, radius = found["width"], found["depth"], found["weight_radius"]
    layers = ", ".join(f"{norm:.3f}" for norm in found["layer_gradients"])
    shape = found["shape"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("", "measured", "recalled, up to constants"):
        table.add_column(column, overflow="fold")
    table.add_row("f(W_0), root mean square", f"{found['output']:.3f}", "Theta(1)")
    table.add_row("gradients of f by layer / sqrt(m)", layers, "Theta(1)")
    table.add_row(
        "largest gradient of a loss, G",
        f"{found['gradient_bound']:.4g} = {found['gradient_unit']:.3f} sqrt(H m)",
        "O(sqrt(H m))",
    )
    table.add_row("reach D_1", f"{found['reach']:.4g}", f"sqrt(H) R/sqrt(m), R = {radius:g}, exact")
    table.add_row(
        "step size",
        f"{found['step_size'] * m:.4g} / m",
        f"O(accuracy/H^2) / m: {_one(shape['step_size'] * m)}",
    )
    table.add_row("error along the path, average", _error(found["path_error"]), "as below")
    table.add_row("where its direction leaves B(R)", _error(found["edge_error"]), "as below")
    table.add_row("on the path, worst sample", _error(found["largest_path_error"]), "as below")
    table.add_row(
        f"error in searched directions ({found['searched_inputs']} inputs)",
        f"at least {_error(found['searched_error'])}",
        f"R^(4/3) H^(5/2) m^(-1/6) sqrt(log m): {_one(shape['linearization'])}",
    )
    table.add_row("width", f"{m}", f"R^9 H^16 / accuracy^7: {_one(shape['width'])}")
    note = f"error: abs(f - f_lin) in B({radius:g}), H = {depth}; 'with 1': hidden constants are 1"
    return Group(Text(note, style="dim"), table)


def _one(value: float) -> str:
    return f"{value:.3g} with 1"


def _error(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def trends_table(results: Results) -> RenderableType:
    """Averages over seeds, and slopes of logarithms with their standard errors."""
    parts: list[RenderableType] = []
    for name, trend in results["trends"].items():
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0, 0, 1))
        table.add_column("width m" if name == "width" else "depth H", no_wrap=True)
        for at in trend["at"]:
            table.add_column(str(at), justify="right", no_wrap=True)
        table.add_column("slope", justify="right", no_wrap=True)
        table.add_column("recalled", justify="right", no_wrap=True)
        for title, row in trend["quantities"].items():
            cells = [f"{value:.3g}" for value in row["mean"]]
            table.add_row(QUANTITIES[title], *cells, _slope(row), f"{row['recalled']:+.3f}")
        parts += [table, Text()]
    seeds = max((trend["seeds"] for trend in results["trends"].values()), default=0)
    note = (
        f"averages over {seeds} networks of each size, after a short game; slopes of logarithms by "
        "least squares, ± one standard error; the recalled exponents of the error are those of "
        "an upper bound in B(R) (without its logarithm); edge: where the direction of the path "
        "leaves B(R)"
    )
    return Group(Text(note, style="dim"), *parts[:-1])


def _slope(row: Results) -> str:
    if row["exponent"] is None:
        return "-"
    return f"{row['exponent']:+.3f} ± {row['exponent_error']:.3f}"


QUANTITIES = {
    "searched": "error, searched",
    "path": "error, path",
    "edge": "error, edge",
    "output": "f(W_0)",
    "gradient": "layer gradient",
}
"""Row titles."""
