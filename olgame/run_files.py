"""The files of a run folder: flushed when written, checked when read."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import StorageError

__all__ = ["Arrays", "digest", "flushed", "read_arrays", "reported"]

Arrays = dict[str, NDArray[Any]]


@contextmanager
def reported(path: Path, done: str) -> Iterator[None]:
    """Turn an error of the file system into one that names the path and the reason."""
    try:
        yield
    except StorageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(f"`{path}` cannot be {done}: {reason}.") from error


@contextmanager
def flushed(path: Path) -> Iterator[IO[bytes]]:
    """A new file, on the disk (not only in the system's cache) when the block ends."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with reported(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_arrays(path: Path, names: set[str] | None = None) -> Arrays:
    """The arrays of an ``.npz`` of ours; sizes are checked before anything is allocated."""
    try:
        with reported(path, "read"), zipfile.ZipFile(path) as archive:
            found = {}
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if names is None or name in names:
                    found[name] = _read_array(archive, entry)
            return found
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise StorageError(f"`{path}` is damaged: {error}.") from None


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    # Stored as they are, members cannot unpack to more than the file is long.
    if entry.compress_type != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile(f"{entry.filename!r} is compressed")
    with archive.open(entry) as member:
        try:
            major = np.lib.format.read_magic(member)[0]
            if major == 1:
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(member)
        except Exception as error:  # the header is text that numpy parses: whatever it raises
            reason = f"{entry.filename!r} has no readable header ({error})"
            raise zipfile.BadZipFile(reason) from None
        content = member.read()
    if dtype.kind not in "biuf" or min(shape, default=0) < 0:
        raise zipfile.BadZipFile(f"{entry.filename!r} is of dtype {dtype}, not numbers")
    if math.prod(shape) * dtype.itemsize != len(content):
        raise zipfile.BadZipFile(f"{entry.filename!r} does not hold {shape} numbers")
    flat: NDArray[Any] = np.frombuffer(bytearray(content), dtype)
    return flat.reshape(shape, order="F" if fortran else "C")
