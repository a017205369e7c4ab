"""Sphinx configuration; build with ``-n -W``: a dead reference is an error."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring

project = "olgame"
author = "The olgame authors"
copyright = author
html_title = "olgame"
html_theme = "furo"
exclude_patterns = ["_build"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
]

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]

autodoc_member_order = "bysource"
# Shapes and domains stand in the text of the docstrings; the annotations, which name protocols and
# type variables without pages of their own, are checked by mypy.
autodoc_typehints = "none"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Examples in docstrings run in their own modules (pytest --doctest-modules); the doctest builder
# runs those of the pages.
doctest_test_doctest_blocks = ""

# Single backticks in docstrings are arguments as a user writes them, or names.
default_role = "code"

# Pages are built without a network, so other projects' objects have no target to link to.
nitpick_ignore_regex = [
    (r"py:.*", r"(attrs?|collections|enum|fractions|numpy|pathlib|torch|typing)\..*")
]

SECTION = re.compile(r"^\s*[A-Z][A-Za-z ]*:$")


def keep_formulas(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Docstrings set formulas as indented text, and tables with bars: keep lines and columns."""
    result: list[str] = []
    indent, block = 0, None  # of the text around, and of the formula that is being read
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        before = next((earlier for earlier in reversed(lines[:number]) if earlier.strip()), "")
        if not line.strip():
            result.append(line)
            continue
        if block is not None and depth < block:
            block = None
        starts = number > 0 and not lines[number - 1].strip() and depth > indent
        if block is None and line.startswith("|"):
            result += ["    " + line] if before.startswith("|") else ["::", "", "    " + line]
            continue
        example = line.lstrip().startswith((">>>", "- ", "* "))
        if block is None and starts and not example and not SECTION.match(before):
            result += [" " * indent + "::", ""]
            block = depth
        if block is None:
            indent = depth
        result.append(line)
    lines[:] = result


def plain_attribute(self: GoogleDocstring) -> tuple[str, list[str]]:
    """Napoleon takes what stands before a colon for a type; here it is a sentence."""
    return "", self._dedent(self._consume_to_end())


def setup(app: Sphinx) -> None:
    """Before napoleon, which runs at the default priority of 500."""
    GoogleDocstring._consume_inline_attribute = plain_attribute  # type: ignore[method-assign]  # the one hook there is
    app.connect("autodoc-process-docstring", keep_formulas, priority=100)
