"""The table over seeds names the games that are not in order."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rich")

from rich.console import Console

from olgame.report.bands import seeds_table


def text_of(**changes: Any) -> str:
    section: dict[str, Any] = {
        "seeds": list(range(12)),
        "level": 0.9,
        "rows": [{"quantity": "average loss", "values": np.linspace(0.5, 0.6, 12)}],
        "conclusions": {"certified_holds": 12},
        "failing": {},
        "open": [],
        "alone": 2e-16,
        "at_once": 12,
        **changes,
    }
    console = Console(file=io.StringIO(), width=200)
    console.print(seeds_table({"seeds": section}))
    file: Any = console.file
    return str(file.getvalue())


def test_all_in_order() -> None:
    text = text_of()
    assert "+- (90 %)" in text
    assert "certified: holds for 12 of 12" in text
    assert "the books of all 12 games close" in text
    assert "no certificate" in text
    assert "premise" not in text


def test_games_are_named() -> None:
    text = text_of(
        open=[3],
        failing={"width": list(range(12)), "projected gradient steps": [3, 7]},
        conclusions={"certified_holds": 9, "open": 2, "certified_fails": 1},
    )
    assert "THE BOOKS ARE OPEN for seed 3" in text
    assert "premise 'width' fails for all 12" in text
    assert "premise 'projected gradient steps' fails for seeds 3, 7" in text
    assert "certified: holds for 9 of 12, open for 2 of 12, certified: fails for 1 of 12" in text
    assert "fails for seeds 0, 1, 2, 3, 4, 5, 6, 7 and 2 more" in text_of(
        failing={"rounds": list(range(10))}
    )
