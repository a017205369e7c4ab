"""Entry point of the ``olgame`` command; says what to install where a part is missing."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        from olgame.commands import group
    except ModuleNotFoundError as error:
        sys.exit(f'`olgame` needs {error.name}. Install it: pip install "olgame[demo]"')
    except KeyboardInterrupt:  # while its parts were loading
        sys.exit(130)
    group()(prog_name="olgame")
