"""Where the played inputs of a game are kept: in memory, or in a file."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from array_api_compat import device

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError, NotAvailableError, StorageError
from olgame.losses.round_loss import RoundLoss
from olgame.run_files import reported
from olgame.typing import Array

__all__ = ["Shelf", "shown_bytes"]

ROUNDS = 64
"""Rounds whose inputs lie in one array in memory."""

BLOCK = 1 << 24
"""Bytes that are written at once where the system cannot reserve the room of a file."""


class Shelf:
    """Keeps the inputs of many rounds side by side.

    **In memory** they lie in blocks of 64 rounds. Kept one by one, between the large temporaries
    of a network, they would split the free memory that those leave, and the process would grow by
    megabytes a round (measured: 2.9 MB, for inputs of 0.18 MB).

    **In a file** of ``folder``, mapped into memory: bit for bit what they were, since bytes are
    copied and nothing is converted. The file has no name (or is named until it is closed, where
    the system knows no other): its room is free again when the last reader has let go of the
    inputs, however the process ends. All of the room is reserved at once. A disk that fills up
    under a mapped file would kill the process.

    Args:
        rounds: for which there must be room.
        folder: of the file; None for memory.
    """

    def __init__(self, rounds: int, folder: str | os.PathLike[str] | None = None) -> None:
        self._rows: Any = None
        self._used = 0
        self._left = rounds
        self._folder = None if folder is None else Path(os.path.abspath(folder))

    @property
    def place(self) -> str:
        """``"memory"``, or the folder."""
        return "memory" if self._folder is None else str(self._folder)

    def reserve(self, like: Array | None) -> int | None:
        """Make room for all rounds before the first one, where it is known for what.

        Args:
            like: an array of the shape, dtype and device of the inputs of one round; None where
                that is not known yet. Then a file gets its room in the first round.

        Returns:
            What all rounds take, in bytes; None where it is not known.

        Raises:
            ArgumentError: more than the memory of the machine.
            StorageError: more than the disk has free, or ``folder`` cannot be written to.
            NotAvailableError: inputs that a file cannot take.
        """
        if self._folder is not None and not self._folder.is_dir():
            raise StorageError(
                f"`play(keep_in=...)` must be a folder, and `{self._folder}` is none."
            )
        if like is None:
            return None
        need = _bytes(like) * self._left
        if self._folder is not None:
            self._rows = self._file(like)
        elif _on_host(like) and need > _memory():
            raise ArgumentError(
                f"`play(keep='examples')` would keep the inputs of {self._left} rounds, "
                f"{shown_bytes(need)}, in {shown_bytes(_memory())} of memory. Give the folder of a "
                "larger disk, `play(keep_in=...)`, play fewer rounds, or keep='sums'."
            )
        return need

    def put(self, loss: RoundLoss) -> RoundLoss:
        """``loss`` with its inputs on the shelf, where it has inputs; else as it is."""
        with_inputs = getattr(loss, "with_inputs", None)
        if with_inputs is None:
            return loss
        x: Any = loss.x  # type: ignore[attr-defined]  # a loss with inputs has them as x
        rows = self._rows
        if rows is None or self._used == len(rows) or _kind(rows[0]) != _kind(x):
            rows = self._rows = self._block(x) if self._folder is None else self._file(x)
            self._used = 0
        rows[self._used] = x
        self._used += 1
        self._left -= 1
        moved: RoundLoss = with_inputs(rows[self._used - 1])
        return moved

    def _block(self, x: Any) -> Any:
        count = min(ROUNDS, max(1, self._left))
        return kernels(x).xp.empty((count, *x.shape), dtype=x.dtype, device=device(x))

    def _file(self, x: Any) -> Any:
        """Room for all rounds that are left, as one array of the library of ``x``."""
        assert self._folder is not None  # who asks has a folder
        xp = kernels(x).xp
        try:
            dtype = np.from_dlpack(xp.zeros(1, dtype=x.dtype)).dtype
        except (BufferError, RuntimeError, TypeError):
            dtype = None
        if dtype is None or not _on_host(x):
            raise NotAvailableError(
                f"`play(keep_in=...)` keeps inputs of NumPy and of tensors on the CPU, got "
                f"{x.dtype} on {device(x)}. Keep them where they are: `keep_in=None`."
            )
        shape = (max(1, self._left), *x.shape)
        size = math.prod(shape) * dtype.itemsize
        with reported(self._folder, "written"):
            free = shutil.disk_usage(self._folder).free
            if size > free:
                raise StorageError(
                    f"`play(keep_in=...)`: the inputs of {shape[0]} rounds take "
                    f"{shown_bytes(size)}, and `{self._folder}` has {shown_bytes(free)} free. "
                    "Choose another folder, fewer rounds, or keep='sums'."
                )
            with tempfile.TemporaryFile(dir=self._folder, prefix="olgame-") as file:
                _fill(file.fileno(), size)
                mapped = np.memmap(file, dtype=dtype, mode="r+", shape=shape)
        rows = np.asarray(mapped)
        return rows if isinstance(x, np.ndarray) else xp.from_dlpack(rows)


def shown_bytes(count: float) -> str:
    """A number of bytes for people: ``4.9 GB``.

    Example:
        >>> shown_bytes(4_900_000_000), shown_bytes(831)
        ('4.9 GB', '831 bytes')
    """
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def _fill(descriptor: int, size: int) -> None:
    """Make the file ``size`` bytes long, none of which can fail to be written later."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except AttributeError:  # not every system has it: zeros do it too
        zeros = bytes(min(size, BLOCK))
        for first in range(0, size, BLOCK):
            os.write(descriptor, zeros[: min(BLOCK, size - first)])


def _bytes(x: Any) -> int:
    return int(math.prod(x.shape) * kernels(x).xp.finfo(x.dtype).bits) // 8


def _on_host(x: Any) -> bool:
    return getattr(device(x), "type", "cpu") == "cpu"


def _memory() -> float:
    """Bytes of memory of the machine; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def _kind(x: Any) -> tuple[Any, ...]:
    return type(x), tuple(x.shape), x.dtype, device(x)
