"""Reading one IDX file of bytes (MNIST's format), plain or gzip, that nobody vouches for."""

from __future__ import annotations

import gzip
import math
import os
import stat
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import DataError, StorageError

__all__ = ["read_idx"]

_UNSIGNED_BYTE = 0x08
# A deflate stream cannot grow by more than 1032 : 1 (258 bytes for two bits).
_MOST_PER_COMPRESSED_BYTE = 1032
_BLOCK = 1 << 20


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The array of bytes of an IDX file, whose every claim is checked before it is believed.

    The format: two zero bytes, the code 0x08 of unsigned bytes, the number of axes, one big-endian
    32-bit length an axis, then the bytes in row-major order and nothing else. The claimed size is
    compared with the file's before anything of that size is read (exactly for a plain file; for
    gzip with what so many compressed bytes can hold at most). A gzip file is then decompressed a
    block at a time up to one byte more than it claims, so that memory follows what is there, and
    its checksum is verified.

    Args:
        path: A regular file; gzip if its name ends in ``.gz``.
        axes: The number of axes it must have: 1 for labels, 3 for images.

    Returns:
        The bytes, shape as the header says.

    Raises:
        DataError: The file is no such IDX file, cut off, too long, or damaged; names the file and
            the reason.
        StorageError: The file cannot be opened or read.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as raw:
            status = os.fstat(raw.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _refusal(path, "it is no regular file")
            if path.suffix != ".gz":
                return _read(path, raw, axes, status.st_size, packed=False)
            with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                return _read(path, unpacked, axes, status.st_size, packed=True)
    except EOFError as error:
        raise _refusal(path, "its gzip stream is cut off") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(path, f"its gzip stream is damaged ({error})") from error
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror or error}.") from error


def _open_without_waiting(name: str, flags: int) -> int:
    """A pipe would block for ever where it is opened to be read."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _read(path: Path, stream: Any, axes: int, size: int, *, packed: bool) -> NDArray[np.uint8]:
    """The array of an opened file of ``size`` bytes on disk."""
    header = _up_to(stream, 4 + 4 * axes)
    if len(header) < 4:
        raise _refusal(path, f"it ends after {len(header)} bytes, within the header")
    if header[:2] != b"\0\0" or header[2] != _UNSIGNED_BYTE or header[3] != axes:
        raise _refusal(
            path,
            f"it starts with 0x{header[:4].hex()}, not with "
            f"0x0000{_UNSIGNED_BYTE:02x}{axes:02x} (unsigned bytes, {axes} "
            f"{'axis' if axes == 1 else 'axes'})",
        )
    if len(header) < 4 + 4 * axes:
        raise _refusal(path, f"it ends after {len(header)} bytes, within the header")
    shape = tuple(int.from_bytes(header[4 * k : 4 * k + 4], "big") for k in range(1, axes + 1))
    claim = math.prod(shape)
    lengths = " x ".join(map(str, shape))
    if claim == 0:
        raise _refusal(path, f"its header says {lengths}: no data")
    if packed and len(header) + claim > _MOST_PER_COMPRESSED_BYTE * size:
        raise _refusal(
            path,
            f"its header claims {lengths} = {claim} bytes, more than {size} compressed bytes "
            "can hold",
        )
    if not packed and len(header) + claim != size:
        raise _refusal(
            path,
            f"its header claims {lengths} = {claim} bytes, and {size - len(header)} follow it",
        )
    data = _up_to(stream, claim)
    if len(data) < claim:
        raise _refusal(
            path, f"its header claims {lengths} = {claim} bytes, and {len(data)} follow it"
        )
    # The last read is also what makes gzip compare its checksum.
    if stream.read(1):
        raise _refusal(path, f"its header claims {lengths} = {claim} bytes, and more follow it")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _up_to(stream: Any, count: int) -> bytearray:
    """The next ``count`` bytes, or fewer at the end; never more memory than there are bytes."""
    data = bytearray()
    while len(data) < count:
        block = stream.read(min(_BLOCK, count - len(data)))
        if not block:
            break
        data += block
    return data


def _refusal(path: Path, reason: str) -> DataError:
    return DataError(f"Not usable as an IDX file: {path}: {reason}.")
