"""The plan of the house: what may import what, and what no file may contain."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "olgame"
ADAPTER = ROOT / "adapters" / "olgame_torch"
CORE_FILES = sorted(CORE.rglob("*.py"))
ADAPTER_FILES = sorted(ADAPTER.rglob("*.py"))
FILES = CORE_FILES + ADAPTER_FILES
LONGEST_FILE = 350

# Room -> the rooms it may import from. A room that is not listed may not exist.
BASE = {"typing", "arrays", "exceptions", "extras", "validation", "randomness", "results"}
BASE |= {"game_generators", "one_game", "band"}  # of many games at once
PROTOCOLS = {"sets", "losses", "learners", "adversaries", "feedback"}
GAME = {"game", "opening", "observers", "transcript", "replay"}
PARTS = {
    *("sets", "perturbations", "activations", "losses", "models", "step_sizes", "mirror_maps"),
    *("feedback", "learners", "attacks", "adversaries", "data"),
}
READERS = {"duality", "regret", "theory", "certify"}
TOP = {"storage", "report", "experiments"}
ARROWS: dict[str, set[str]] = {
    "typing": set(),
    "exceptions": set(),
    "extras": set(),
    "results": set(),
    "arrays": {"typing"},
    "validation": {"exceptions"},
    "randomness": {"exceptions"},
    "game_generators": {"exceptions", "randomness"},
    "one_game": {"exceptions"},
    "one_line": set(),
    "band": {"arrays", "exceptions", "validation"},
    "sets": BASE,
    "activations": BASE,
    "data": BASE,
    "noise": BASE,
    "step_sizes": BASE,
    "mirror_maps": BASE | {"sets"},
    "perturbations": BASE | {"sets"},
    "models": BASE | {"activations", "sets"},
    "losses": BASE | {"models", "activations"},
    "feedback": BASE | {"losses"},
    "learners": BASE | {"sets", "step_sizes", "mirror_maps", "feedback", "noise"},
    "attacks": BASE | {"perturbations", "models", "losses"},
    "adversaries": BASE
    | {"attacks", "models", "losses", "perturbations", "data", "sets", "learners", "feedback"}
    | {"certify"},
    "transcript": BASE | PROTOCOLS | {"observers", "one_line"},
    "running_sums": BASE | PROTOCOLS,
    "round_columns": BASE,
    "chunks": {"typing", "arrays"},
    "referee": BASE | PROTOCOLS | {"transcript", "running_sums", "round_columns", "chunks"},
    "observers": BASE | PARTS,
    "opening": BASE | PROTOCOLS | {"referee", "chunks"},
    "shelf": BASE | PROTOCOLS | {"run_files"},
    "packed_state": BASE | {"json_values"},
    "record": BASE | PROTOCOLS | {"transcript", "referee", "observers", "shelf"},
    "fingerprint": BASE | {"json_values"},
    "checkpoint": BASE | PROTOCOLS | {"fingerprint", "packed_state", "record", "run_files"},
    "game": BASE
    | PROTOCOLS
    | {"transcript", "referee", "observers", "opening", "shelf", "record", "checkpoint"},
    "play_until": BASE | PARTS | GAME | READERS,
    "resume": BASE
    | PROTOCOLS
    | {"transcript", "referee", "observers", "opening", "shelf", "record", "checkpoint"}
    | {"fingerprint", "packed_state", "game"},
    "replay": BASE | PROTOCOLS | {"transcript"},
    "duality": BASE | PARTS | {"transcript", "replay"},
    "regret": BASE | PARTS | {"transcript", "replay", "duality"},
    # Not adversaries: one of them plays certificates.
    "certify": BASE | {"activations", "attacks", "losses", "models", "perturbations", "sets"},
    "theory": BASE | PARTS | {"noise", "transcript", "replay", "duality", "regret", "certify"},
    "json_values": BASE,
    "run_files": BASE,
    "stored_run": BASE | {"run_files", "observers", "one_line"},
    "storage": BASE | {"json_values", "run_files", "stored_run", "transcript"},
    "checks": BASE | PARTS | GAME,
    "report": BASE | PARTS | GAME | READERS | {"shelf", "storage"},
    "experiments": BASE | PARTS | GAME | READERS | TOP,
    "commands": BASE | TOP,
    "cli": BASE | TOP | {"commands"},
    "__main__": {"cli"},
}
# The loop and what records it know protocols, no part: these files of the rooms above, no other.
KNOWS_ONLY_PROTOCOLS = {
    "game",
    "record",
    "checkpoint",
    "resume",
    "shelf",
    "opening",
    "referee",
    "chunks",
    "running_sums",
    "transcript",
    "replay",
    "feedback",
}
CONTRACTS = {
    "olgame.sets.convex_set",
    "olgame.sets.check_point",  # of any set: it is written against the protocol
    "olgame.losses.round_loss",
    "olgame.learners.learner",
    "olgame.adversaries.adversary",
    "olgame.observers.observed",
    "olgame.observers.observer",
    "olgame.observers.watch",  # of any observers
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_IMPORTS = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported at run time, at the top or inside a function."""
    for_types: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for_types.update(inner for child in node.body for inner in ast.walk(child))
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert node.level == 0, "imports are absolute"
            names = [f"olgame.{alias.name}" for alias in node.names]
            yield from names if module == "olgame" else [module]


def _room(path: Path) -> str:
    return path.relative_to(CORE).with_suffix("").parts[0]


def test_the_files_are_found() -> None:
    assert len(CORE_FILES) > 50
    assert len(ADAPTER_FILES) > 3


@pytest.mark.parametrize("path", CORE_FILES, ids=_name)
def test_arrows_run_one_way(path: Path) -> None:
    room = _room(path)
    if room == "__init__":
        return
    assert room in ARROWS, f"{room!r} is no room of the plan: give it a place in ARROWS"
    for module in _imports(_tree(path)):
        if not module.startswith("olgame."):
            whole = module == "olgame" and room not in {"experiments", "commands", "cli"}
            assert not whole, f"{_name(path)} imports the whole package"
            continue
        other = module.split(".")[1]
        assert other == room or other in ARROWS[room], f"{_name(path)} must not import {module}"
        if room in KNOWS_ONLY_PROTOCOLS and (CORE / other).is_dir():
            assert module in CONTRACTS, f"{_name(path)} must know protocols only, not {module}"


def test_the_arrows_have_no_circle() -> None:
    left = {room: set(others) for room, others in ARROWS.items()}
    while left:
        free = [room for room, others in left.items() if not others & (left.keys() - {room})]
        assert free, f"a circle among {sorted(left)}"
        for room in free:
            del left[room]


@pytest.mark.parametrize("path", CORE_FILES, ids=_name)
def test_the_core_never_imports_an_adapter_or_torch(path: Path) -> None:
    for module in _imports(_tree(path)):
        assert module.split(".")[0] not in {"torch", "olgame_torch", "adapters"}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_nothing_runs_stored_code(path: Path) -> None:
    tree = _tree(path)
    for module in _imports(tree):
        assert module.split(".")[0] not in FORBIDDEN_IMPORTS, module
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in FORBIDDEN_CALLS, f"{called}() in line {node.lineno}"
        for keyword in node.keywords:
            if keyword.arg in {"allow_pickle", "shell"}:
                assert ast.unparse(keyword.value) == "False", f"line {node.lineno}"
        if called == "torch.load":
            assert any(
                k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords
            )


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=_name)
def test_init_files_are_tables_of_contents(path: Path) -> None:
    for node in _tree(path).body:
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant)  # the docstring
        elif isinstance(node, ast.ImportFrom):
            names = [alias for alias in node.names if alias.name != "annotations"]
            assert all(alias.asname == alias.name for alias in names), "write `X as X`"
        elif isinstance(node, ast.Assign):
            targets = [ast.unparse(target) for target in node.targets]
            assert targets == ["__version__"]
        else:
            # The check that torch is there has to run before anything else of the adapter.
            assert ast.unparse(node).startswith("import olgame_torch.requirement")


def test_adapters_is_a_folder_and_no_package() -> None:
    assert not (ROOT / "adapters" / "__init__.py").exists()
    assert (ROOT / "adapters" / "README.md").exists()


@pytest.mark.parametrize("package", [CORE, ADAPTER], ids=["olgame", "olgame_torch"])
def test_packages_say_that_they_are_typed(package: Path) -> None:
    assert (package / "py.typed").exists()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_files_are_of_readable_length(path: Path) -> None:
    length = len(path.read_text("utf-8").splitlines())
    assert length <= LONGEST_FILE, f"{length} lines: one object a file"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_modules_are_public_and_have_a_docstring(path: Path) -> None:
    assert not path.name.startswith("_") or path.name in {"__init__.py", "__main__.py"}
    if path.name != "__init__.py":
        assert ast.get_docstring(_tree(path)), "say in a line what the module is"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_epsilon_is_nobodys_name(path: Path) -> None:
    with tokenize.open(path) as file:
        names = {t.string for t in tokenize.generate_tokens(file.readline) if t.type == 1}
    assert not {name for name in names if "epsilon" in name.lower()}


TEXT = [
    path
    for folder in ("olgame", "adapters", "tests", "docs", ".ci", ".")
    for path in sorted((ROOT / folder).glob("*" if folder == "." else "**/*"))
    if path.suffix in {".py", ".md", ".toml", ".txt", ".bib", ""}
    and path.is_file()
    and "_build" not in path.parts
]
# Spelled in two halves, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/tm" + "p/w")))


def test_the_text_names_no_machine() -> None:
    for path in TEXT:
        found = MACHINE_PATHS.search(path.read_text("utf-8"))
        assert found is None, f"{_name(path)} contains {found.group()!r}" if found else ""
