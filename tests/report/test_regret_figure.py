"""The figure of a bound: what it draws, what it says, and that equal checks give equal files."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import NotAvailableError
from olgame.report import regret_figure
from olgame.theory import BoundCheck, GradientDescentBound, check_bound


def check(keep: Any = "points", step: float = 0.1) -> BoundCheck:
    run = og.play(
        og.learners.OnlineGradientDescent(step), og.adversaries.MinimaxLinear(1.0),
        og.sets.L2Ball(1.0, center=np.zeros(3)), rounds=100, keep=keep,
    )  # fmt: skip
    return check_bound(GradientDescentBound(), run)


def lines(figure: Any) -> dict[str, Any]:
    return {line.get_label().partition(":")[0]: line for line in figure.axes[0].get_lines()}


def test_both_curves_are_drawn_and_named() -> None:
    found = check()
    figure = regret_figure(found)
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["bound"].get_ydata(), found.bound)
    np.testing.assert_array_equal(drawn["regret, as played"].get_ydata(), found.regret)
    np.testing.assert_array_equal(drawn["bound"].get_xdata(), np.arange(1, 101))
    assert drawn["bound"].get_label() == "bound: 10 after round 100"
    title = figure.axes[0].get_title(loc="left")
    for text in ("Projected gradient descent", "D_1^2/(2 alpha)", "hazan2022", "(tight)",
                 "certified to hold: regret 10 <= 10"):  # fmt: skip
        assert text in title


def test_what_is_not_known_is_not_drawn() -> None:
    figure = regret_figure(check(keep="sums"))  # the last regret alone
    drawn = lines(figure)["regret, as played"]
    np.testing.assert_allclose(drawn.get_xydata(), [[100.0, 10.0]])
    assert drawn.get_marker() == "o"
    assert len(figure.axes[0].collections) == 0
    endless = attrs.evolve(check(), bound=np.full(100, math.inf))
    assert lines(regret_figure(endless))["bound"].get_label() == "bound: infinite"
    unknown = attrs.evolve(check(), regret=np.full(100, math.nan))
    assert "not known" in lines(regret_figure(unknown))["regret, as played"].get_label()


def test_a_bound_that_fails_says_so() -> None:
    good = check()
    bad = attrs.evolve(good, bound=0.5 * good.bound, conclusion="certified_fails")
    figure = regret_figure(bad)
    assert "certified to fail" in figure.axes[0].get_title(loc="left")
    filled = [area for area in figure.axes[0].collections if len(area.get_paths())]
    assert len(filled) >= 1


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_files(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("one", "two")]
    for path in paths:
        regret_figure(check(), path)
        assert path.stat().st_size > 2000
    if suffix == ".svg":
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert "regret, as played" in paths[0].read_text("utf-8")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NotAvailableError, match=r'pip install "olgame\[figures\]"'):
        regret_figure(check())
