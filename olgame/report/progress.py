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

from olgame.observers import Observer, Round

__all__ = ["progress_bar"]


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
        task = progress.add_task(label, total=None, loss="-")

        def observe(seen: Round) -> None:
            loss = f"{float(seen.evaluation.value):.4f}"  # type: ignore[arg-type]
            progress.update(task, completed=seen.round, total=seen.planned_rounds, loss=loss)

        yield observe
