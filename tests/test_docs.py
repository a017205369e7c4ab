"""The pages agree with the code: references, rooms, constraints, and the one command."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCES = sorted([*(ROOT / "olgame").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")])
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
KEY = re.compile(r"^\s*@\w+\{(\w+),", re.MULTILINE)
CITED = re.compile(r"^\s*([a-z][a-z-]*\d{4}[a-z]*)\b")
BIBLIOGRAPHY = (DOCS / "references.bib").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def _cited(docstring: str) -> set[str]:
    """Keys in the `References:` section: ``key, place; key``, one or more on a line."""
    found: set[str] = set()
    for section in re.findall(r"^\s*References:\n((?:\s+\S.*\n?)+)", docstring, re.MULTILINE):
        for part in re.split(r"[;\n]", section):
            match = CITED.match(part)
            found.update({match.group(1)} if match else ())
    return found


def _docstrings(path: Path) -> list[str]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    nodes = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, kinds)]
    return [found for node in nodes if (found := ast.get_docstring(node))]


def test_every_reference_is_in_the_bibliography() -> None:
    keys = set(KEY.findall(BIBLIOGRAPHY))
    cited = {path.name: {k for d in _docstrings(path) for k in _cited(d)} for path in SOURCES}
    assert len(set().union(*cited.values())) >= 5
    missing = {name: found - keys for name, found in cited.items() if found - keys}
    assert missing == {}


def test_every_citation_of_a_page_is_in_the_bibliography() -> None:
    keys = set(KEY.findall(BIBLIOGRAPHY))
    for page in PAGES:
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text("utf-8")):
            assert set(group.split(",")) <= keys, page.name


def test_no_two_references_share_a_key_or_an_address() -> None:
    keys = KEY.findall(BIBLIOGRAPHY)
    assert len(keys) == len(set(keys))
    urls = re.findall(r"^\s*url\s*=\s*\{(.+?)\}", BIBLIOGRAPHY, re.MULTILINE)
    assert len(urls) == len(set(urls)) >= 10


def test_every_room_has_a_reference_page() -> None:
    """Every folder, and every module that `import olgame as og` offers."""
    rooms = {path.parent.name for path in (ROOT / "olgame").glob("*/__init__.py")}
    for node in ast.parse((ROOT / "olgame" / "__init__.py").read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module == "olgame":
            rooms.update(alias.name for alias in node.names)
    found = {page.stem for page in (DOCS / "reference").glob("*.md")}
    missing = {f"olgame_{room}" for room in rooms} - found
    assert missing == set()
    listed = (DOCS / "reference" / "index.md").read_text("utf-8").split()
    assert found - {"index"} <= set(listed)


def test_pages_run_in_both_runners() -> None:
    """Examples stand in doctest blocks (Sphinx) that end in an empty line (pytest)."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for block in re.findall(r"^```(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if ">>>" in block:
                assert block.startswith("{doctest}"), page.name
                assert block.endswith("\n\n"), f"{page.name}: an empty line before the fence"


def test_the_notation_page_knows_the_letters() -> None:
    text = (DOCS / "notation.md").read_text("utf-8")
    for name in ("accuracy", "radius", "step_size", "rounds", "input_bound", "gradient_bound"):
        assert f"`{name}`" in text


def _project() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text("utf-8")
    )["project"]
    return content


def test_commands_that_install_extras_name_extras() -> None:
    files = [*SOURCES, *PAGES, ROOT / "README.md", ROOT / "adapters" / "README.md"]
    text = "\n".join(path.read_text("utf-8") for path in files)
    named = re.findall(r"how_to_install\([\"'](\w+)[\"']\)", text)
    by_folder = re.findall(r"pip install.* \"\.\[([\w,]+)\]\"", text)
    assert len(named) >= 5
    assert len(by_folder) >= 6
    assert {e for es in named + by_folder for e in es.split(",")} <= {
        *_project()["optional-dependencies"]
    }
    # The name alone is no way to a first installation, and shells read brackets.
    assert set(re.findall(r"pip install \S*olgame\[\S+", text)) == {
        'pip install "olgame[{extra}]"`', 'pip install "olgame[torch]"`',
    }  # fmt: skip


def test_constraints_pin_every_dependency_once() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = [pin.partition("==")[0].replace("_", "-").lower() for pin in pins]
    assert len(names) == len(set(names))
    assert "torch==2.13.0" in pins
    wanted = [*_project()["dependencies"]]
    for requirements in _project()["optional-dependencies"].values():
        wanted += requirements
    for requirement in wanted:
        name = re.split(r"[<>=\[ ;]", requirement)[0].lower()
        assert name == "olgame" or name in names, requirement


def test_ci_runs_exactly_the_command_of_the_readme() -> None:
    match = re.search(r"^<!-- development -->\n+```\w*\n(.*?)^```$", README, re.M | re.S)
    assert match is not None, "README.md: the development command follows <!-- development -->"
    command = match.group(1)
    shown = subprocess.run(
        [str(ROOT / ".ci" / "run"), "--print"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == command
    for step in ("venv", "constraints.txt", "ruff check", "ruff format --check", "mypy", "pytest"):
        assert step in command
    for step in ("OLGAME_BLOCK_TORCH=1", "-b html", "-b doctest", "-n -W"):
        assert step in command


def test_the_readme_has_the_users_command() -> None:
    assert re.search(r"pip install -c constraints\.txt \"\.\[demo\]\" && .*olgame demo", README)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_use_american_spelling(page: Path) -> None:
    british = re.compile(
        r"\b(?:\w+isations?|centre[ds]?|\w*(?:minim|maxim|optim|linear|normal|initial)is(?:e|ed|es|er|ing)"
        r"|\w*(?:favour|behaviour|colour|neighbour)\w*)\b"
    )
    assert british.findall(page.read_text("utf-8").lower()) == []
