"""The adapter's tests need torch; the one about its absence does not."""

from __future__ import annotations

import importlib.util

collect_ignore_glob: list[str] = []
if importlib.util.find_spec("torch") is None:
    collect_ignore_glob = ["test_[!r]*.py"]
