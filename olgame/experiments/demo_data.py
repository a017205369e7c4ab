"""The demonstration's data: what is played with, and what is held out."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from olgame import data
from olgame.data import Dataset
from olgame.data.idx_folder import has_split
from olgame.exceptions import ArgumentError, DataError
from olgame.experiments.demo_settings import DemoSettings

__all__ = ["DemoData", "load"]


@attrs.frozen(eq=False)
class DemoData:
    """Two classes on the unit sphere.

    Attributes:
        train: what the game is played with.
        held_out: samples that it is not played with; None where nobody asked for them.
        name: in words.
        source: of the held-out samples, in words.
    """

    train: Dataset
    held_out: Dataset | None
    name: str
    source: str


def load(settings: DemoSettings) -> DemoData:
    """The data that the settings ask for.

    Raises:
        ArgumentError: There is no such folder, or it has not so many samples.
        DataError, StorageError: The files are not what they should be; names the file.
    """
    low, high = settings.classes
    wanted = settings.held_out != "none"
    held_out, source = None, ""
    if settings.dataset == "digits":
        train, name = data.digits(classes=settings.classes), f"digits {low} vs {high}"
    else:
        folder = Path(settings.dataset)
        if not folder.is_dir():
            raise ArgumentError(
                "`DemoSettings(dataset=...)` must be digits or a folder of IDX files, got "
                f"{settings.dataset!r}, which is no folder."
            )
        name = f"{folder.resolve().name} {low} vs {high}"
        train = data.idx_folder(folder, classes=settings.classes)
        if wanted and has_split(folder, "test"):
            held_out = data.idx_folder(folder, classes=settings.classes, split="test")
            source = "the folder's test files"
    if wanted and held_out is None:
        train, held_out = data.train_test_split(train, 0.25, seed=settings.seed)
        source = "a quarter of the data, drawn with the seed"
    return DemoData(_first(train, settings.samples), held_out, name, source)


def _first(train: Dataset, samples: int | None) -> Dataset:
    if samples is None:
        return train
    if samples > len(train.y):
        raise ArgumentError(
            f"`DemoSettings(samples=...)` must be at most the {len(train.y)} there are to play "
            f"with, got {samples}."
        )
    first = Dataset(train.x[:samples], train.y[:samples])
    if len(np.unique(first.y)) < 2:
        raise DataError(
            f"`DemoSettings(samples=...)`: the first {samples} samples are all of one class; take "
            "more."
        )
    return first
