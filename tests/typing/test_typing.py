"""A strict type check accepts a user's plug-ins and finds a user's mistakes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="module")
def found() -> list[tuple[str, int, str]]:
    """(file, line, error code) of everything that mypy --strict reports in the two programs.

    With the cache of the repository: a minute where it is cold, seconds after ``mypy``.
    """
    out, err, _ = api.run(
        [
            *("--config-file", str(ROOT / "pyproject.toml")),
            *("--cache-dir", str(ROOT / ".mypy_cache")),
            *("--python-executable", sys.executable),
            *("--strict", "--show-error-codes", "--no-error-summary", "--no-pretty"),
            *(str(HERE / name) for name in ("user_plugins.py", "user_mistakes.py")),
        ]
    )
    assert not err
    errors = re.findall(r"^(.+?):(\d+):(?:\d+:)? error: .*\[([a-z-]+)\]$", out, re.MULTILINE)
    assert len(errors) == out.count(" error: "), out
    return sorted((Path(file).name, int(line), code) for file, line, code in errors)


def test_a_users_parts_pass(found: list[tuple[str, int, str]]) -> None:
    assert [error for error in found if error[0] != "user_mistakes.py"] == []


def test_a_users_mistakes_are_found(found: list[tuple[str, int, str]]) -> None:
    lines = (HERE / "user_mistakes.py").read_text("utf-8").splitlines()
    expected = [
        ("user_mistakes.py", number, line.partition("# expected: ")[2])
        for number, line in enumerate(lines, start=1)
        if "# expected: " in line
    ]
    assert len(expected) >= 9
    assert [error for error in found if error[0] == "user_mistakes.py"] == expected
