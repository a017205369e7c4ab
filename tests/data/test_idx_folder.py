"""IDX folders: known contents, every refusal, and a thousand damaged files."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.data import Dataset, idx_folder
from olgame.exceptions import ArgumentError, DataError, StorageError

Bytes = NDArray[np.uint8]
LABELS = np.array([3, 8, 3, 5, 8, 8, 3, 5, 3, 0], dtype=np.uint8)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 2), dtype=np.uint8)
TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def packed(array: Bytes) -> bytes:
    """The file's bytes, written here with `struct`."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write(
    folder: Path,
    images: bytes = packed(IMAGES),
    labels: bytes = packed(LABELS),
    *,
    zipped: bool = False,
    names: tuple[str, str] = TRAIN,
) -> Path:
    for name, content in zip(names, (images, labels), strict=True):
        path = folder / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_two_classes(tmp_path: Path, zipped: bool) -> None:
    data = idx_folder(write(tmp_path, zipped=zipped), classes=(8, 3), norm=2.0)
    assert isinstance(data, Dataset)
    x, y = data
    assert x.dtype == y.dtype == np.float64
    kept = [i for i, label in enumerate(LABELS) if label in (3, 8)]
    assert y.tolist() == [1.0 if LABELS[i] == 3 else -1.0 for i in kept]
    for row, i in zip(x, kept, strict=True):
        flat = [float(v) for line in IMAGES[i] for v in line]
        np.testing.assert_allclose(row, 2.0 * np.array(flat) / np.linalg.norm(flat), rtol=1e-14)


def test_all_classes_more_classes_and_a_limit(tmp_path: Path) -> None:
    write(tmp_path, names=TEST)
    x, y = idx_folder(str(tmp_path), split="test", norm=None)
    assert y.dtype == np.int64
    assert y.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(x, IMAGES.reshape(10, 6) / 255.0)
    x, y = idx_folder(tmp_path, split="test", norm=None, classes=(5, 0, 3), limit=4)
    assert y.dtype == np.int64
    assert y.tolist() == [2, 2, 0, 2]
    np.testing.assert_array_equal(x, IMAGES[[0, 2, 3, 6]].reshape(4, 6) / 255.0)
    assert len(idx_folder(tmp_path, split="test", limit=99).x) == 10


def test_the_plain_file_comes_first(tmp_path: Path) -> None:
    write(tmp_path)
    write(
        tmp_path, b"no gzip", b"no gzip", zipped=False, names=(f"{TRAIN[0]}.gz", f"{TRAIN[1]}.gz")
    )
    assert len(idx_folder(tmp_path).x) == 10


GOOD_IMAGES, GOOD_LABELS = packed(IMAGES), packed(LABELS)
BLACK = packed(IMAGES * (np.arange(10) != 4)[:, None, None].astype(np.uint8))
REFUSED: list[tuple[bytes, bytes, str, str]] = [
    (b"", GOOD_LABELS, "images", "ends after 0 bytes, within the header"),
    (GOOD_IMAGES[:3], GOOD_LABELS, "images", "ends after 3 bytes, within the header"),
    (GOOD_IMAGES[:15], GOOD_LABELS, "images", "ends after 15 bytes, within the header"),
    (GOOD_IMAGES[:-1], GOOD_LABELS, "images", r"claims 10 x 3 x 2 = 60 bytes, and 59 follow"),
    (GOOD_IMAGES + b"\0", GOOD_LABELS, "images", r"claims 10 x 3 x 2 = 60 bytes, and (61|more)"),
    (GOOD_IMAGES, GOOD_LABELS[:-4], "labels", r"claims 10 = 10 bytes, and 6 follow"),
    (GOOD_LABELS, GOOD_LABELS, "images", r"0x00000801, not with 0x00000803 \(.* 3 axes\)"),
    (GOOD_IMAGES, GOOD_IMAGES, "labels", r"0x00000803, not with 0x00000801 \(.* 1 axis\)"),
    (b"\0\0\x0d\3" + GOOD_IMAGES[4:], GOOD_LABELS, "images", r"0x00000d03, not with"),
    (b"\1\0" + GOOD_IMAGES[2:], GOOD_LABELS, "images", r"0x01000803, not with"),
    (packed(IMAGES[:0]), GOOD_LABELS, "images", r"says 0 x 3 x 2: no data"),
    (packed(IMAGES[:, :0]), GOOD_LABELS, "images", r"says 10 x 0 x 2: no data"),
    (
        struct.pack(">4B3I", 0, 0, 8, 3, *(2**32 - 1,) * 3) + bytes(60),
        GOOD_LABELS,
        "images",
        r"claims 4294967295 x 4294967295 x 4294967295 = \d{29} bytes",
    ),
    (GOOD_IMAGES, packed(LABELS[:9]), "images", "10 images, .*labels-idx1.* has 9 labels"),
    (GOOD_IMAGES, packed(LABELS * 0 + 8), "labels", "No sample of class 3"),
    (BLACK, GOOD_LABELS, "images", r"image 4 is black .*norm=None"),
]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("which", range(len(REFUSED)))
def test_refusals_name_the_file_and_the_reason(tmp_path: Path, which: int, zipped: bool) -> None:
    images, labels, culprit, reason = REFUSED[which]
    write(tmp_path, images, labels, zipped=zipped)
    with pytest.raises(DataError, match=reason) as caught:
        idx_folder(tmp_path, classes=(3, 8))
    assert str(tmp_path / f"train-{culprit}-idx") in str(caught.value)
    # The size of a plain file is known before any of it is read.
    assert zipped or "more follow" not in str(caught.value)


def test_damaged_gzip(tmp_path: Path) -> None:
    good = gzip.compress(GOOD_IMAGES, mtime=0)
    wrong_sum = good[:-8] + bytes([good[-8] ^ 1]) + good[-7:]
    cases = {"cut off": good[:-9], "damaged": wrong_sum, "damaged ": GOOD_IMAGES}
    cases["damaged  "] = good + b"garbage"
    for reason, content in cases.items():
        write(tmp_path, zipped=True)
        (tmp_path / f"{TRAIN[0]}.gz").write_bytes(content)
        with pytest.raises(DataError, match=rf"images-idx3-ubyte.gz: .*{reason.strip()}"):
            idx_folder(tmp_path)


def test_what_is_missing_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"must be a folder, and .*nowhere is none"):
        idx_folder(tmp_path / "nowhere")
    with pytest.raises(StorageError, match=r"must hold train-labels-idx1-ubyte or .*\.gz"):
        idx_folder(tmp_path)
    write(tmp_path)
    with pytest.raises(StorageError, match=r"must hold t10k-labels"):
        idx_folder(tmp_path, split="test")
    (tmp_path / TRAIN[0]).unlink()
    (tmp_path / TRAIN[0]).mkdir()
    with pytest.raises(StorageError, match=r"Cannot read .*images-idx3-ubyte: Is a directory"):
        idx_folder(tmp_path)
    (tmp_path / TRAIN[0]).rmdir()
    os.mkfifo(tmp_path / TRAIN[0])  # opened without care, this would wait for ever
    with pytest.raises(DataError, match=r"images-idx3-ubyte: it is no regular file"):
        idx_folder(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        *(
            ({"classes": c}, "classes")
            for c in [(3,), (3, 3), (3, 256), (-1, 3), (3.0, 8), "38", 3]
        ),
        ({"classes": (True, 0)}, "classes"),
        *(({"norm": v}, "norm") for v in [0.0, -1.0, float("nan"), float("inf"), "1", True]),
        *(({"limit": v}, "limit") for v in [0, -1, 1.5, True, "3"]),
        *(({"split": v}, "split") for v in ["valid", None, ["train"]]),
        ({"path": 3}, "path"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"`idx_folder\({name}=\.\.\.\)` must be"):
        idx_folder(**({"path": write(tmp_path)} | arguments))


def expected(images: bytes, labels: bytes, zipped: bool) -> tuple[Any, Any] | None:
    """What a folder holds, or None: read without any care for memory, by other means."""
    found = []
    for content, axes in ((images, 3), (labels, 1)):
        try:
            plain = gzip.decompress(content) if zipped else content
            lengths = struct.unpack_from(f">{axes}I", plain, 4)
        except Exception:
            return None
        body = plain[4 + 4 * axes :]
        if plain[:4] != bytes([0, 0, 8, axes]) or int(np.prod(lengths, dtype=object)) != len(body):
            return None
        if not body:
            return None
        found.append(np.array(list(body), dtype=float).reshape(lengths[0], -1))
    x, y = found[0], found[1][:, 0]
    return (x, y) if len(x) == len(y) else None


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    kind, place = rng.integers(5), int(rng.integers(len(content)))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content + rng.bytes(int(rng.integers(1, 30)))
    if kind == 2:
        return content[:place] + content[place + 1 :]
    spoiled = bytearray(content)
    # The header, where the claims are, as often as the rest.
    for where in rng.integers(len(content) if kind == 3 else 20, size=int(rng.integers(1, 4))):
        spoiled[int(where) % len(content)] ^= 1 << int(rng.integers(8))
    return bytes(spoiled)


def test_a_thousand_damaged_files(tmp_path: Path) -> None:
    """The right data, or a refusal that names the file and the reason; nothing from inside."""
    rng = np.random.default_rng(11)
    seen: Counter[tuple[bool, bool]] = Counter()
    folders = tmp_path / "plain", tmp_path / "zipped"
    for folder in folders:
        folder.mkdir()
    for trial in range(1000):
        zipped = trial % 2 == 1
        contents = [gzip.compress(c, mtime=0) if zipped else c for c in (GOOD_IMAGES, GOOD_LABELS)]
        spoiled = int(rng.integers(2))
        contents[spoiled] = damaged(contents[spoiled], rng)
        names = [f"{name}.gz" if zipped else name for name in TRAIN]
        folder = folders[zipped]
        for name, content in zip(names, contents, strict=True):
            (folder / name).write_bytes(content)
        known = expected(contents[0], contents[1], zipped)
        seen[zipped, known is not None] += 1
        if known is None:
            with pytest.raises(DataError) as caught:
                idx_folder(folder, norm=None)
            message = str(caught.value)
            assert str(folder / names[spoiled]) in message
            assert len(message) > len(str(folder / names[spoiled])) + 40
        else:
            x, y = idx_folder(folder, norm=None)
            np.testing.assert_array_equal(x, known[0] / 255.0)
            np.testing.assert_array_equal(y, known[1])
    assert min(seen[zipped, fine] for zipped in (False, True) for fine in (False, True)) >= 10


def header(*lengths: int) -> bytes:
    return struct.pack(f">4B{len(lengths)}I", 0, 0, 8, len(lengths), *lengths)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        # Claims 2^31 bytes in a few.
        (gzip.compress(header(2**29, 2, 2) + bytes(100)), "than .* compressed bytes can hold"),
        # Claims 3e8 bytes, which so many compressed bytes could hold, and has 4e5.
        (
            gzip.compress(header(300, 1000, 1000) + np.random.default_rng(0).bytes(400_000)),
            "= 300000000 bytes, and 400000 follow it",
        ),
        # Claims 60 bytes and unpacks to 64 MB.
        (gzip.compress(header(10, 3, 2) + bytes(1 << 26)), "= 60 bytes, and more follow it"),
    ],
    ids=["claim", "possible-claim", "bomb"],
)
def test_memory_follows_what_is_there(tmp_path: Path, content: bytes, reason: str) -> None:
    write(tmp_path, zipped=True)
    (tmp_path / f"{TRAIN[0]}.gz").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=reason):
            idx_folder(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4e6
    # The same claim in a plain file is compared with its size.
    plain = tmp_path / "plain"
    plain.mkdir()
    write(plain, header(2**29, 2, 2) + bytes(100))
    with pytest.raises(DataError, match="= 2147483648 bytes, and 100 follow it"):
        idx_folder(plain)
