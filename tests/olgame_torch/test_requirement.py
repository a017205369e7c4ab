"""`import olgame_torch` where torch is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules["torch"] = None
try:
    import {module}
except ImportError as error:
    from olgame.exceptions import OlgameError
    assert isinstance(error, OlgameError), type(error)
    print(type(error).__name__, error)
"""


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["olgame_torch", "olgame_torch.two_layer_net"])
def test_says_what_to_install(module: str) -> None:
    said = _run(BLOCKED.format(module=module))
    assert said.startswith("TorchMissingError")
    assert 'pip install "olgame[torch]"' in said


def test_a_torch_that_is_there_and_broken_says_so_itself() -> None:
    broken = """
import importlib.abc, sys
class Broken(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")
sys.meta_path.insert(0, Broken())
try:
    import olgame_torch
except ModuleNotFoundError as error:
    print(error)
"""
    assert "nonsense" in _run(broken)


def test_the_core_does_not_import_torch() -> None:
    program = "import sys, olgame, olgame.models, olgame.sets; print('torch' in sys.modules)"
    assert _run(program).strip() == "False"
