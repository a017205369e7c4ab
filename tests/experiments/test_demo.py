"""``olgame demo``: the command, its folder, its answers, and how it ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import olgame as og
from olgame.storage import load_run
from tests.experiments.demo_command import check_refused, demo

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from olgame.commands import group

SMALL = ["--width", "256", "--rounds", "12"]


def certificate(results: Any, quantity: str) -> Any:
    return next(row for row in results["certificates"] if row["quantity"] == quantity)


def test_a_small_run_is_complete(tmp_path: Path) -> None:
    done = demo(tmp_path / "run", *SMALL)
    assert done.exit_code == 0, done.output
    for section in ("Plan", "Game", "Surrogate loss", "Ledger", "Certificates", "Verdict"):
        assert section in done.output
    assert "OPEN" not in done.output
    for name in ("run.json", "columns.npz", "figure.png", "figure.svg"):
        assert (tmp_path / "run" / name).stat().st_size > 1000
    run = load_run(tmp_path / "run")
    results = run.results
    assert len(run.columns["loss"]) == 12
    # Certified and estimated numbers keep their type through the folder.
    value = certificate(results, "value of the game")
    assert isinstance(value["lower"], og.Certified)
    assert value["lower"].side == "lower"
    assert isinstance(value["upper"], og.Certified)
    assert value["upper"].side == "upper"
    assert value["lower"].value <= value["upper"].value
    robust = certificate(results, "robust loss of the last iterate")
    assert robust["lower"].value <= robust["upper"].value
    # What the width of the bracket is made of, at the best of four points.
    bracket = results["value"]
    assert (bracket["floor"], bracket["ceiling"]) == (value["lower"], value["upper"])
    points = [end["point"] for end in bracket["ceilings"]]
    assert points == [
        "last iterate", "minimum-loss iterate", "hindsight point", "averaged iterate"
    ]  # fmt: skip
    certified = [end["at_most"].value for end in bracket["ceilings"] if end["at_most"] is not None]
    assert min(certified) == value["upper"].value
    assert np.isclose(sum(cause["value"] for cause in bracket["causes"]), bracket["width"])
    assert "certified; how it divides is what this" in " ".join(
        done.output.replace("│", "").split()
    )
    # 12 rounds at width 256 are not what the theorem asks for, and it says so.
    verdict = results["verdict"]
    failing = {p["name"] for p in verdict["premises"] if p["status"] == "fails"}
    assert failing == {"width", "rounds"}
    assert verdict["conclusion"] != "certified_holds"
    for book in results["ledger"]["books"].values():
        assert book["closes"]
        assert book["closing_error"] <= 1e-10
    assert len(results["ledger"]["books"]) == 4
    regret = results["regret"]
    assert regret["linear"].value <= regret["posterior"].value <= regret["prior"].value
    # The report is made from the folder alone.
    again = CliRunner().invoke(group(), ["report", str(tmp_path / "run")])
    assert again.exit_code == 0, again.output
    assert "Verdict" in again.output


@pytest.mark.parametrize(
    "options",
    [
        ["--activation", "relu"],
        ["--activation", "tanh", "--loss", "logistic"],
        ["--norm", "linf", "--input-radius", "0.02"],
        ["--loss", "smoothed_hinge", "--classes", "3,8"],
        ["--dtype", "float32"],
    ],
    ids=" ".join,
)
def test_options_play_their_own_game(options: list[str], tmp_path: Path) -> None:
    small = ["--width", "64", "--rounds", "4"]
    done = demo(tmp_path / "run", *small, *options)
    assert done.exit_code == 0, done.output
    results = load_run(tmp_path / "run").results
    for book in results["ledger"]["books"].values():
        assert book["closes"], book
    value = certificate(results, "value of the game")
    assert value["lower"].value <= value["upper"].value
    assert results["value"]["causes_close"]
    assert len(results["value"]["causes"]) == 5
    assert results["verdict"]["conclusion"] != "certified_holds"
    if "relu" in options:
        assert "C2" in results["plan"]["refused"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--accuracy", "-1"], "--accuracy must be finite and positive, got -1.0"),
        (["--weight-radius", "nan"], "--weight-radius must be finite and positive, got nan"),
        (["--classes", "3"], "--classes must be two digits separated by a comma"),
        (["--classes", "3,3"], "3"),
        (["--loss", "squared"], "'squared' is not one of"),
        (["--rounds", "0"], "--rounds must be an integer of at least 1"),
        (["--width", "7"], "8"),
        (["--activation", "relu"], "--width is needed"),
        (["--seed", "-1"], "--seed must be a non-negative integer"),
    ],
)
def test_bad_options_are_named_as_they_were_typed(
    options: list[str], message: str, tmp_path: Path
) -> None:
    check_refused(tmp_path / "run", message, *options)


def test_an_unwritable_folder_is_found_before_the_game(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    begin = time.monotonic()
    done = demo(tmp_path / "file" / "run", "--plan", "prior")
    assert done.exit_code != 0
    assert "cannot be" in done.output or "in the way" in done.output
    assert time.monotonic() - begin < 10.0
    demo(tmp_path / "twice", "--width", "16", "--rounds", "2")
    second = demo(tmp_path / "twice", "--width", "16", "--rounds", "2")
    assert second.exit_code != 0
    assert "holds a run already" in second.output
    assert "--overwrite" in second.output


def test_ctrl_c_in_mid_game_writes_what_was_played(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", "from olgame.cli import main; main()"]
    command += ["demo", "--out", str(folder), "--width", "64", "--rounds", "100000"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said = iter(process.stdout.readline, "")
    assert any("played inputs of 100000 rounds" in line for line in said), "the game begins now"
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Interrupted" in output
    assert "Traceback" not in output
    run = load_run(folder)
    assert run.game["status"] == "interrupted"
    assert 0 < len(run.columns["loss"]) < 100000
    assert json.loads((folder / "run.json").read_text())["game"]["rounds"] == len(
        run.columns["loss"]
    )
    assert (folder / "figure.png").exists()


def test_without_torch_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['olgame', 'demo'];"
        "from olgame.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert 'pip install "olgame[torch]"' in done.stderr
    assert "Traceback" not in done.stderr
