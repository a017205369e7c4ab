"""The command: by its script and by ``python -m``, without its extra, and interrupted at any time.

An interrupt while Python reads the core itself, the first half second, is out of reach.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import olgame as og

SCRIPT = "import sys; sys.argv = ['olgame', *sys.argv[1:]]; from olgame.cli import main; main()"
MODULE = "import runpy; runpy.run_module('olgame', run_name='__main__', alter_sys=True)"
WAYS = pytest.mark.parametrize(
    ("way", "name"), [(SCRIPT, "olgame"), (MODULE, "python -m olgame")], ids=["script", "module"]
)


def call(*command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), environment.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=60
    )


def test_the_package_runs_as_a_module() -> None:
    pytest.importorskip("click")
    done = call("-m", "olgame", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"olgame, version {og.__version__}")
    assert done.stderr == ""


@WAYS
def test_both_ways_offer_the_same_and_call_themselves_by_their_names(way: str, name: str) -> None:
    pytest.importorskip("click")
    done = call("-c", way, "--help")
    assert done.stdout.startswith(f"Usage: {name} [OPTIONS] COMMAND")
    assert all(command in done.stdout for command in ("demo", "report", "what-width-buys"))


@WAYS
def test_without_the_extra_they_say_what_to_install(way: str, name: str) -> None:
    done = call("-c", f"import sys; sys.modules['click'] = None; {way}", "--help")
    assert done.returncode == 1
    assert done.stderr.startswith(f"`{name}` needs click: `pip install")
    assert "Traceback" not in done.stderr


@WAYS
def test_an_interrupt_while_torch_is_loading_ends_it_quietly(
    way: str, name: str, tmp_path: Path
) -> None:
    pytest.importorskip("click")
    slow = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(30)"
    (tmp_path / "torch.py").write_text(slow)
    done = call("-c", way, "--help", path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupted_report_has_the_exit_code_of_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    testing = pytest.importorskip("click.testing")
    from olgame import commands

    def interrupted(folder: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "load_run", interrupted)
    done = testing.CliRunner().invoke(commands.group(), ["report", str(tmp_path)])
    assert (done.exit_code, done.output) == (130, "Interrupted.\n")
