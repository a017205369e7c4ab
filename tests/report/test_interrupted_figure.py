"""The figure of a game that was cut short, and the command where nothing can draw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.experiments import sections
from olgame.report.figure import game_figure
from olgame.storage import StoredRun, load_run, save_run

ABOUT = dict.fromkeys(
    ("data", "network", "loss", "attack", "perturbation_set", "learner", "decision_set"), "-"
)


def interrupted(folder: Path, step: Any = 0.1) -> tuple[og.Transcript, StoredRun]:
    """What an interrupted demo stores: columns and sums, no ledger and no curves."""
    rng = np.random.default_rng(3)
    losses = [og.losses.QuadraticLoss(rng.normal(size=3)) for _ in range(30)]
    run = og.play(
        og.learners.OnlineGradientDescent(step),
        og.adversaries.ObliviousSequence(losses),
        og.sets.L2Ball(1.0, center=np.zeros(3)),
        rounds=30,
        keep="points",
    )
    results = {"status": "interrupted", "game": ABOUT, "regret": sections.regret_per_round(run)}
    save_run(folder, run, config={}, results=results)
    return run, load_run(folder)


def lines(axis: Any) -> dict[str, Any]:
    return {line.get_label().partition(",")[0]: line for line in axis.get_lines()}


def test_the_regret_that_is_stored_is_drawn(tmp_path: Path) -> None:
    run, stored = interrupted(tmp_path / "run")
    _, regret, ledger = game_figure(stored).axes
    drawn = lines(regret)
    # Bounds from their formulas: D = 1 is the distance from the start to the edge of the ball.
    squares = run.gradient_norm**2
    t = np.arange(1, 31)
    np.testing.assert_allclose(
        drawn["bound a posteriori"].get_ydata(), 1 / 0.2 + 0.05 * np.cumsum(squares)
    )
    np.testing.assert_allclose(
        drawn["bound a priori"].get_ydata(), 1 / 0.2 + 0.05 * t * squares.max()
    )
    linear = drawn["linear regret"]
    exact = float(run.inner.sum() + np.linalg.norm(np.asarray(run.gradient_sum)))
    assert linear.get_ydata()[-1] == pytest.approx(exact)
    assert np.isnan(linear.get_ydata()[:-1]).all()
    assert linear.get_marker() == "o"
    assert ledger.axison is False
    assert [text.get_text() for text in ledger.texts] == ["not computed"]
    assert ledger.get_title(loc="left").startswith("Ledger")


def test_without_a_stored_regret_the_panel_has_no_axes(tmp_path: Path) -> None:
    run, _ = interrupted(tmp_path / "run")
    save_run(tmp_path / "bare", run, config={}, results={"game": ABOUT})
    loss, regret, ledger = game_figure(load_run(tmp_path / "bare")).axes
    assert (loss.axison, regret.axison, ledger.axison) == (True, False, False)


def test_of_changing_steps_the_last_round_alone_is_drawn(tmp_path: Path) -> None:
    _, stored = interrupted(tmp_path / "run", og.step_sizes.Decreasing(0.1, 1.0))
    regret = game_figure(stored).axes[1]
    assert "linear regret" in lines(regret)
    for line in regret.get_lines()[:-1]:  # the last is the axis
        assert np.isfinite(line.get_ydata()).sum() == 1


@pytest.mark.parametrize("argument", ["--version", "--help", "report"])
def test_the_command_without_the_other_extras(argument: str, tmp_path: Path) -> None:
    _, stored = interrupted(tmp_path / "run")
    arguments = [argument, str(stored.folder)] if argument == "report" else [argument]
    code = (
        "import sys\n"
        "for name in ('matplotlib', 'torch', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        f"sys.argv = ['olgame', *{arguments!r}]\n"
        "from olgame.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    if argument == "report":  # what can be told is told, and then what is missing
        assert "Surrogate loss" in done.stdout or "Game" in done.stdout
        assert 'pip install "olgame[figures]"' in done.stderr
        assert done.returncode == 1
        return
    assert done.returncode == 0, done.stderr
    assert (og.__version__ if argument == "--version" else "what-width-buys") in done.stdout


def test_a_game_whose_figure_cannot_be_drawn_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from olgame.experiments.demo_settings import DemoSettings
    from olgame.experiments.width_settings import WidthSettings
    from olgame_torch.experiments import demo, what_width_buys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    place = str(tmp_path / "run")
    for experiment, settings in ((demo, DemoSettings), (what_width_buys, WidthSettings)):
        with pytest.raises(og.exceptions.NotAvailableError, match="figures"):
            experiment.run(settings(out=place), ())
    assert not (tmp_path / "run").exists()


def test_importing_olgame_offers_storage_and_needs_no_extra() -> None:
    code = (
        "import sys; import olgame as og; og.storage.save_run; og.storage.load_run;"
        "extras = {'matplotlib', 'rich', 'click', 'torch', 'sklearn', 'scipy'};"
        "sys.exit(', '.join(sorted(extras & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
