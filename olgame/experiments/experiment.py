"""What the command line needs to know about an experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from olgame.observers import Observer
from olgame.validation import one_of

__all__ = ["Experiment", "ExperimentInterrupted", "option"]


class ExperimentInterrupted(KeyboardInterrupt):
    """Ctrl-C in an experiment that has written what was played.

    Attributes:
        folder: The run folder.
    """

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder


@attrs.frozen
class Experiment:
    """A named, parameterized run that writes a run folder.

    Third-party packages offer one under the entry-point group ``olgame.experiments``; the command
    line makes a subcommand of its name and an option of every field of its settings.

    Attributes:
        name: Subcommand.
        summary: One line of help.
        settings: An attrs class; fields made with `option` carry their help.
        run: ``run(settings, observers)`` plays, writes the run folder and returns its path.
    """

    name: str
    summary: str
    settings: type
    run: Callable[[Any, tuple[Observer, ...]], Path]


def option(
    default: Any, help: str, *, choices: tuple[str, ...] | None = None, **kwargs: Any
) -> Any:
    """An attrs field that becomes a command-line option.

    Args:
        default: Default value; None makes the option optional.
        help: One line.
        choices: Allowed values; checked at construction too.
        **kwargs: Passed to `attrs.field`.
    """
    metadata = {"help": help, "choices": choices}
    if choices is not None:
        kwargs.setdefault("validator", one_of(*choices))
    return attrs.field(default=default, metadata=metadata, **kwargs)
