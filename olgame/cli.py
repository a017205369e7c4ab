"""Entry point of the ``olgame`` command; says what to install where a part is missing."""

from __future__ import annotations

import sys

from olgame.extras import how_to_install

__all__ = ["main"]


def main(name: str = "olgame") -> None:
    """Run the command line.

    Args:
        name: How the user called it.
    """
    try:  # whatever takes long to load is loaded in here, torch too
        from olgame.commands import group

        command = group()
    except ModuleNotFoundError as error:
        sys.exit(f"`{name}` needs {error.name}: {how_to_install('demo')}.")
    except KeyboardInterrupt:
        sys.exit(130)
    command(prog_name=name)
