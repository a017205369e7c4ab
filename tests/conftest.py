"""Settings of the whole suite: threads, hypothesis, and a run as if torch were not installed."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy and torch are imported

import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

ROOT = Path(__file__).parent.parent
USES_TORCH = re.compile(r"^\s*>>> .*\b(torch|olgame_torch)\b", re.MULTILINE)
BLOCKED = os.environ.get("OLGAME_BLOCK_TORCH") == "1"

collect_ignore = ["typing/user_plugins.py", "typing/user_mistakes.py"]  # checked, never run

hypothesis.settings.register_profile("olgame", deadline=None, derandomize=True)
hypothesis.settings.load_profile("olgame")


class WithoutTorch(PathFinder):
    """Python's own finder, for which torch is not installed."""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname == "torch" or fullname.startswith("torch."):
            return None
        return PathFinder.find_spec(fullname, path, target)


if BLOCKED:
    if "torch" in sys.modules:
        raise pytest.UsageError("OLGAME_BLOCK_TORCH=1 comes too late: torch is imported already.")
    sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTorch


def pytest_configure(config: pytest.Config) -> None:
    """Without torch, leave out the adapter and the pages that show it; nothing of the core."""
    if BLOCKED:
        pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
        left_out = [page for page in pages if USES_TORCH.search(page.read_text("utf-8"))]
        tests = ROOT / "tests"
        left_out += [ROOT / "adapters", tests / "olgame_torch", tests / "benchmarks"]
        config.option.ignore = [*(config.option.ignore or []), *map(str, left_out)]
        # Paths that were asked for by name are collected whatever `ignore` says.
        config.args = [a for a in config.args if not _under(Path(a.partition("::")[0]), left_out)]


def _under(path: Path, folders: list[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)


def pytest_report_header() -> list[str]:
    """Say so where torch is blocked."""
    return ["torch: blocked, as if it were not installed"] if BLOCKED else []
