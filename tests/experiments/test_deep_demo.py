"""``olgame demo --network deep``: its sections, its slopes, its refusals, and how it ends early."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from olgame.experiments import ExperimentInterrupted
from olgame.observers import Round
from olgame.storage import load_run
from tests.experiments import demo_command

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from olgame.commands import group

SMALL = ["--width", "64", "--weight-radius", "1.5", "--rounds", "8", "--samples", "40"]
SMALL += ["--trend-seeds", "2"]


def demo(folder: Path, *options: str) -> Any:
    return demo_command.demo(folder, "--network", "deep", *options)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    folder = tmp_path_factory.mktemp("deep") / "run"
    done = demo(folder, *SMALL, "--held-out", "attacked")
    assert done.exit_code == 0, done.output
    return done.output, load_run(folder)


def test_every_part_is_there_or_says_why_not(played: tuple[str, Any]) -> None:
    output, run = played
    for section in (
        "Steps", "Game", "Surrogate loss and regret", "Held-out", "Ledger",
        "Constants beside exponents", "Trends in width and depth", "Verdict", "Not available",
    ):  # fmt: skip
        assert section in output, section
    assert "no certificate for deep networks" in " ".join(output.split())
    assert "OPEN" not in output
    assert set(run.results["not_available"]) == {"plan", "certificates", "linearized twin"}
    assert run.results["status"] == "finished"
    assert len(run.columns["loss"]) == 8
    for name in ("figure.png", "figure.svg"):
        assert (run.folder / name).stat().st_size > 1000
    assert "linearization error" in run.observed
    again = CliRunner().invoke(group(), ["report", str(run.folder)])
    assert again.exit_code == 0, again.output
    assert "Trends in width and depth" in again.output


def test_the_books_close_and_the_regret_is_certified(played: tuple[str, Any]) -> None:
    _, run = played
    results = run.results
    for book in results["ledger"]["books"].values():
        assert book["closes"]
        assert book["closing_error"] <= 1e-10
    regret = results["regret"]
    assert regret["linear"].value <= regret["posterior"].value <= regret["prior"].value
    verdict = results["verdict"]
    assert verdict["conclusion"] == "open"
    assert verdict["regret"] == "certified_holds"
    assert verdict["floor"] is verdict["ceiling"] is None
    unsure = {p["name"] for p in verdict["premises"] if p["status"] != "holds"}
    assert unsure == {"width", "step size", "rounds"}
    # The bound's size of the set is that of two balls of R/sqrt(m).
    constants = results["constants"]
    assert constants["reach"] == pytest.approx(math.sqrt(2.0) * 1.5 / 8.0)
    alpha = constants["step_size"]
    norms = run.columns["gradient_norm"]
    posterior = constants["reach"] ** 2 / (2 * alpha) + 0.5 * alpha * (norms**2).sum()
    assert regret["posterior"].value * 8 == pytest.approx(posterior)


def test_trends_are_slopes_of_what_is_stored(played: tuple[str, Any]) -> None:
    output, run = played
    trends = run.results["trends"]
    assert trends["width"]["at"] == [8, 16, 32, 64]
    assert trends["depth"]["at"] == [1, 2, 3, 4]
    for trend in trends.values():
        logs = np.log(trend["at"])
        for row in trend["quantities"].values():
            assert (np.asarray(row["mean"]) > 0).all()
            assert row["exponent_error"] > 0.0
            # Means of logarithms are near logarithms of means: the same line, nearly.
            slope = np.polyfit(logs, np.log(row["mean"]), 1)[0]
            assert row["exponent"] == pytest.approx(slope, abs=0.35)
            assert f"{row['exponent']:+.3f}" in output
    recalled = {name: trends[name]["quantities"]["searched"]["recalled"] for name in trends}
    assert recalled == {"width": pytest.approx(-1 / 6), "depth": 2.5}
    # Deeper networks are farther from linear, and the search finds more than the path.
    depth = trends["depth"]["quantities"]
    assert depth["searched"]["exponent"] > 0.5
    assert (np.asarray(depth["searched"]["mean"]) > np.asarray(depth["path"]["mean"])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--width", "64", "--weight-radius", "3"], "--width must be at least 80"),
        (["--activation", "tanh"], "--activation must be relu for a deep network"),
        (["--plan", "prior"], "--plan must be measured for a deep network"),
        (["--held-out", "certified"], "--held-out must be attacked for a deep network"),
        (["--depth", "0"], "--depth must be an integer of at least 1"),
        (["--seeds", "2"], "--seeds must be 1 with a deep network"),
        (["--trend-seeds", "0"], "--trend-seeds must be an integer of at least 1"),
        (["--network", "wide"], "'wide' is not one of 'two-layer', 'deep'"),
    ],
)
def test_bad_options_are_named_as_they_were_typed(
    options: list[str], message: str, tmp_path: Path
) -> None:
    demo_command.check_refused(tmp_path / "run", message, "--network", "deep", *options)


@pytest.mark.parametrize(
    "options", [["--dtype", "float32"], ["--depth", "3", "--loss", "logistic"]]
)
def test_other_games(options: list[str], tmp_path: Path) -> None:
    small = ["--width", "32", "--weight-radius", "1", "--rounds", "4", "--samples", "12"]
    small += ["--trend-seeds", "1"]
    done = demo(tmp_path / "run", *small, *options)
    assert done.exit_code == 0, done.output
    results = load_run(tmp_path / "run").results
    assert all(book["closes"] for book in results["ledger"]["books"].values())
    assert results["verdict"]["regret"] == "certified_holds"


def test_ctrl_c_in_mid_game_writes_what_was_played(tmp_path: Path) -> None:
    from olgame_torch.experiments import demo as experiment

    def stop(seen: Round) -> None:
        if seen.round == 5:
            raise KeyboardInterrupt

    settings = experiment.settings(
        network="deep", width=64, weight_radius=1.5, rounds=50, samples=20, out=tmp_path / "run"
    )
    with pytest.raises(ExperimentInterrupted):
        experiment.run(settings, (stop,))
    run = load_run(tmp_path / "run")
    assert run.game["status"] == run.results["status"] == "interrupted"
    assert 0 < len(run.columns["loss"]) <= 5
    assert run.results["loss"]["start"] == run.columns["loss"][0]
    assert (tmp_path / "run" / "figure.png").exists()
    told = CliRunner().invoke(group(), ["report", str(tmp_path / "run")])
    assert told.exit_code == 0, told.output
    assert "The run was interrupted; not computed: ledger, verdict." in told.output


def test_ctrl_c_in_the_trends_keeps_the_game(tmp_path: Path, monkeypatch: Any) -> None:
    from olgame.experiments import deep_trends

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deep_trends, "_measure", stop)
    done = demo(tmp_path / "run", *SMALL)
    assert done.exit_code == 130, done.output
    run = load_run(tmp_path / "run")
    assert run.results["status"] == "interrupted"
    assert len(run.columns["loss"]) == 8
    assert run.results["verdict"]["regret"] == "certified_holds"
    assert run.results["trends"] == {}
    assert (tmp_path / "run" / "figure.png").exists()
