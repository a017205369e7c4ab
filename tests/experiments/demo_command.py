"""``olgame demo`` called in this process, and what every refusal has to be like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner

__all__ = ["check_refused", "demo", "played"]


def demo(folder: Path, *options: object) -> Any:
    """Run the command with the folder as ``--out``."""
    from olgame.commands import group

    return CliRunner().invoke(group(), ["demo", "--out", str(folder), *map(str, options)])


def played(folder: Path, *options: object) -> Any:
    """The stored run of a command that went well."""
    from olgame.storage import load_run

    done = demo(folder, *options)
    assert done.exit_code == 0, done.output
    return load_run(folder)


def check_refused(folder: Path, message: str, *options: object) -> None:
    """The option is named as it was typed, without a traceback, before anything is written."""
    done = demo(folder, *options)
    assert done.exit_code != 0
    assert message in " ".join(done.output.replace("`", "").split()), done.output
    assert "Traceback" not in done.output
    assert not folder.exists()
