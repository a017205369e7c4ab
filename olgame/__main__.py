"""``python -m olgame``: the ``olgame`` command, where its script is not on the path."""

from __future__ import annotations

from olgame.cli import main

if __name__ == "__main__":
    main("python -m olgame")
