"""What the terminal makes of certificates: each number once, zeros as zeros, words for letters."""

from __future__ import annotations

import io
from typing import Any

import pytest

pytest.importorskip("rich")

from rich.console import Console

from olgame.report.terminal import render
from olgame.results import Certified

LEAST = "least robust loss in B(3)"


def shown(results: dict[str, Any], width: int = 160) -> str:
    page = io.StringIO()
    render({"status": "finished", **results}, Console(width=width, file=page))
    return " ".join(page.getvalue().replace("│", " ").split())


def row(quantity: str, lower: float | None, upper: float | None, method: str) -> dict[str, Any]:
    ends = {
        "lower": None if lower is None else Certified(lower, "lower", method),
        "upper": None if upper is None else Certified(upper, "upper", method),
    }
    return {"quantity": quantity, "method": method, **ends}


ROWS = [
    row("robust loss of the last iterate", 0.25, 0.5, "inputs; certificate"),
    row(LEAST, 0.1, None, "free floor"),
    row(LEAST, 0.1, None, "gap over 8 rounds"),
    row(LEAST, None, 0.5000001, "certificate at the last iterate"),
    row(LEAST, None, 0.5000002, "certificate at the minimum-loss iterate"),
    row(LEAST, None, 0.5000002, "certificate at the last iterate"),
    row(LEAST, None, 0.6, "certificate at the hindsight point"),
    row("value of the game", 0.1, 0.5000001, "the best of the above"),
]


def test_rows_that_print_alike_are_one() -> None:
    text = shown({"certificates": ROWS})
    assert text.count("0.500001") == 2  # the ceiling and the value: rounded up, said once
    assert "- 0.500001 certificate at the last iterate, minimum-loss iterate" in text
    assert "0.100000 - free floor; gap over 8 rounds" in text
    assert "- 0.600000 certificate at the hindsight point" in text
    assert text.count(LEAST) == 1
    assert "value of the game 0.100000 0.500001 the best of the above" in text
    assert "whoever finds them" in text


def value(*causes: tuple[str, float]) -> dict[str, Any]:
    return {
        "causes": [{"name": name, "value": part, "remedy": "more rounds"} for name, part in causes],
        "width": 0.0125,
        "relative_width": 0.051,
        "ceiling_point": "hindsight point",
        "ceilings": [],
        "causes_close": True,
    }


def test_the_width_is_rounded_up_and_its_letters_are_explained() -> None:
    parts = [("certificate above the loss at u", 0.0122), ("F(u) above F(u0)", 0.0)]
    text = shown({"certificates": ROWS, "value": value(*parts)})
    assert "width of the value of the game, 0.013 (0.051 of the floor), is certified" in text
    assert "+1.2e-02 more rounds" in text
    assert "F(u) above F(u0) 0 more rounds" in text
    assert "u: hindsight point" in text
    assert "u0: the best point that was found for F" in text
    assert "u0" not in shown({"certificates": ROWS, "value": value(("F(u) above its floor", 1.0))})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("prior", "prior: true of any data"),
        ("measured", "measured at the start"),
        ("second moment", "from the second moment of the data"),
    ],
)
def test_a_plan_says_where_its_bounds_come_from(source: str, words: str) -> None:
    numbers = {"accuracy": 0.1, "weight_radius": 3.0, "width": 7, "rounds": 9, "step_size": 0.5}
    premise = {"status": "not checked", "name": "full batch", "detail": ""}
    plan = {**numbers, "gradient_bound": 0.25, "premises": [premise]}
    text = shown({"plan": {**plan, "width_source": source, "gradient_source": "measured"}})
    assert f"width m = 7 ({words})" in text
    assert "gradients up to 0.25, measured at the start" in text
    assert "? can only be checked on what is played" in text
