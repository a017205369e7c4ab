"""Folders of images in MNIST's format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from olgame.data.dataset import Dataset
from olgame.data.idx_file import read_idx
from olgame.data.normalization import check_norm, normalize
from olgame.exceptions import ArgumentError, DataError, StorageError
from olgame.validation import is_integer, require, require_integer

__all__ = ["has_split", "idx_folder"]

_PREFIXES = {"train": "train", "test": "t10k"}


def idx_folder(
    path: str | os.PathLike[str],
    *,
    classes: Sequence[int] | None = None,
    split: Literal["train", "test"] = "train",
    norm: float | None = 1.0,
    limit: int | None = None,
) -> Dataset:
    r"""A data set from a folder of IDX files: MNIST, Fashion-MNIST and their like.

    Reads ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte`` (for the test split
    ``t10k-...``), each plain or with ``.gz`` after its name; where both are there, the plain one.
    Nothing in the files is believed before it is checked (`olgame.data.idx_file.read_idx`): what
    is cut off, too long, damaged or pretends to be larger than it can be is refused. In memory
    are the bytes of the split, and float64 of the samples that are returned.

    Args:
        path: The folder.
        classes: The labels to keep, different integers from 0 to 255. Of two, the first is
            labeled -1 and the second +1. Of more, y is the place in ``classes``: 0, 1, ... None
            keeps all samples and the labels of the file.
        split: ``"train"`` or ``"test"``.
        norm: Euclidean length of every input, finite and positive; None for pixels in [0, 1].
        limit: Keep the first so many of the chosen samples; None keeps all.

    Returns:
        ``(x, y)`` in the order of the files: x of shape ``(n, rows * columns)``, float64; y of
        shape ``(n,)``, float64 for two classes, else int64.

    Raises:
        ArgumentError: An argument is outside its domain.
        DataError: A file is no such IDX file, images and labels do not match, a class is missing,
            or an image that is to get a length is black; names the file and the reason.
        StorageError: A file or the folder is missing or cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from olgame.data import idx_folder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     images = b"\0\0\x08\3" + bytes([0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2])
        ...     labels = b"\0\0\x08\1" + bytes([0, 0, 0, 3])
        ...     _ = Path(folder, "train-images-idx3-ubyte").write_bytes(images + b"abcdef")
        ...     _ = Path(folder, "train-labels-idx1-ubyte").write_bytes(labels + b"\3\5\x08")
        ...     x, y = idx_folder(folder, classes=(3, 8))
        >>> x.shape, y
        ((2, 2), array([-1.,  1.]))
    """
    chosen = None if classes is None else _check_classes(classes)
    require(
        isinstance(split, str) and split in _PREFIXES,
        "idx_folder",
        "split",
        "be train or test",
        split,
    )
    if norm is not None:
        check_norm(norm, "idx_folder")
    if limit is not None:
        require_integer("idx_folder", limit=limit)
    labels_path = _find(path, f"{_PREFIXES[split]}-labels-idx1-ubyte")
    images_path = _find(path, f"{_PREFIXES[split]}-images-idx3-ubyte")
    labels, images = read_idx(labels_path, 1), read_idx(images_path, 3)
    if len(labels) != len(images):
        raise DataError(
            f"Images and labels do not match: {images_path} has {len(images)} images, "
            f"{labels_path} has {len(labels)} labels."
        )
    index, y = _choose(labels, chosen, labels_path)
    index, y = index[:limit], y[:limit]
    pixels = images[index].reshape(len(index), -1)
    if norm is None:
        return Dataset(pixels / 255.0, y)
    black = np.flatnonzero(~pixels.any(axis=1))
    if len(black):
        raise DataError(
            f"Not usable with a norm: {images_path}: image {index[black[0]]} is black and has no "
            "direction; read it with `idx_folder(norm=None)`."
        )
    return Dataset(normalize(pixels.astype(np.float64), norm), y)


def has_split(path: str | os.PathLike[str], split: Literal["train", "test"]) -> bool:
    """Whether a folder has a file of the split; half a split is one that `idx_folder` refuses."""
    names = (f"{_PREFIXES[split]}-labels-idx1-ubyte", f"{_PREFIXES[split]}-images-idx3-ubyte")
    return any(Path(path, f"{name}{end}").exists() for name in names for end in ("", ".gz"))


def _check_classes(classes: Any) -> tuple[int, ...]:
    given = tuple(classes) if isinstance(classes, Sequence | np.ndarray | range) else ()
    if len(given) < 2 or not all(is_integer(c, 0) and c <= 255 for c in given):
        different = False
    else:
        different = len(set(given)) == len(given)
    if not different:
        raise ArgumentError(
            "`idx_folder(classes=...)` must be two or more different integers from 0 to 255, "
            f"got {classes!r}."
        )
    return tuple(int(c) for c in given)


def _find(folder: str | os.PathLike[str], name: str) -> Path:
    """The plain file of that name, or the compressed one."""
    try:
        root = Path(folder)
        plain, packed = root / name, root / f"{name}.gz"
        for path in (plain, packed):
            if path.exists():
                return path
        there = root.is_dir()
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"`idx_folder(path=...)` must be a folder, got {folder!r}.") from error
    except OSError as error:
        raise StorageError(f"Cannot read {folder}: {error.strerror or error}.") from error
    if not there:
        raise StorageError(f"`idx_folder(path=...)` must be a folder, and {root} is none.")
    raise StorageError(f"{root} must hold {name} or {name}.gz, and has neither.")


def _choose(
    labels: NDArray[np.uint8], classes: tuple[int, ...] | None, path: Path
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The chosen samples, and their labels for the game."""
    if classes is None:
        return np.arange(len(labels)), labels.astype(np.int64)
    place = np.full(256, -1, dtype=np.int64)
    place[list(classes)] = np.arange(len(classes))
    y = place[labels]
    missing = [c for k, c in enumerate(classes) if not (y == k).any()]
    if missing:
        raise DataError(f"No sample of class {missing[0]}: {path} has none labeled so.")
    index = np.flatnonzero(y >= 0)
    if len(classes) == 2:
        return index, 2.0 * y[index] - 1.0
    return index, y[index]
