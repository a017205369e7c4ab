"""A progress bar that watches a game."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from olgame.arrays import to_numpy
from olgame.observers import Observer, Opening, Round
from olgame.shelf import shown_bytes

__all__ = ["progress_bar"]


TOLD = 10**8
"""Bytes of played inputs from which on it is said where they are kept."""


class _Bar:
    """Draws the game that it watches; says before it what is going to be kept, if that is much."""

    name = "progress"

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None, loss="-")

    def opening(self, opening: Opening) -> None:
        if opening.kept_bytes is not None and opening.kept_bytes >= TOLD:
            where = "memory" if opening.kept_in == "memory" else f"a file in {opening.kept_in}"
            self._progress.console.print(
                f"The played inputs of {opening.planned_rounds} rounds take "
                f"{shown_bytes(opening.kept_bytes)}; they are kept in {where} during the game.",
                soft_wrap=True,
            )

    def __call__(self, seen: Round) -> None:
        loss = f"{to_numpy(seen.evaluation.value).mean():.4f}"  # of several games the mean
        total = seen.planned_rounds
        self._progress.update(self._task, completed=seen.round, total=total, loss=loss)


@contextmanager
def progress_bar(console: Console, label: str) -> Iterator[Observer]:
    """A context whose value is an observer to hand to `olgame.play`.

    Each game that the observer watches gets a bar of its own.

    Args:
        console: Where to draw (nothing is drawn where it is no terminal).
        label: What is being played.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress, label)
