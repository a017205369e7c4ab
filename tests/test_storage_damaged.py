"""A damaged or hostile run folder is refused by name, whatever is in it."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from pathlib import Path

import pytest

from olgame.exceptions import StorageError
from olgame.storage import load_run, save_run
from tests.stored_runs import CERTIFIED, played


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_run(tmp_path / "run", played(), config={"a": 1}, results={"floor": CERTIFIED})


@pytest.mark.parametrize("name", ["run.json", "columns.npz", "arrays.npz", "results.npz"])
def test_truncated_flipped_and_missing_files_are_refused_by_name(folder: Path, name: str) -> None:
    path = folder / name
    intact = path.read_bytes()
    rng = random.Random(0)
    cuts = {
        0,
        1,
        len(intact) // 2,
        len(intact) - 1,
        *rng.sample(range(len(intact)), min(10, len(intact))),
    }
    for cut in sorted(cuts):
        path.write_bytes(intact[:cut])
        _refused(folder, path)
    for place in rng.sample(range(len(intact)), min(60, len(intact))):
        damaged = bytearray(intact)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(damaged))
        if name != "run.json":  # text has no redundancy: a digit may become another one
            _refused(folder, path)
            continue
        try:
            load_run(folder)
        except StorageError:
            continue
    path.unlink()
    _refused(folder, path)


def _refused(folder: Path, path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        load_run(folder)
    assert str(path) in str(caught.value)


HOSTILE_JSON = [
    "[" * 100_000,
    '{"a":' * 100_000,
    "NaN",
    "[]",
    "null",
    '{"format": "olgame-run"}',
    '{"format": "olgame-run", "format_version": 2}',
    "1" * 10_000,
    "\ufeff{}",
]


@pytest.mark.parametrize("text", HOSTILE_JSON, ids=range(len(HOSTILE_JSON)))
def test_hostile_json_is_refused(folder: Path, text: str) -> None:
    (folder / "run.json").write_text(text, encoding="utf-8")
    _refused(folder, folder / "run.json")


HOSTILE_VALUES: list[object] = [
    {"kind": "certified", "value": "0.5", "side": "lower", "method": ""},
    {"kind": "certified", "value": 0.5, "side": "guess", "method": ""},
    {"kind": "certified", "value": True, "side": "lower", "method": ""},
    {"kind": "interval", "lower": 1, "upper": 2},
    {
        "kind": "interval",
        "lower": {"kind": "estimated", "value": 1.0, "method": ""},
        "upper": {"kind": "estimated", "value": 1.0, "method": ""},
    },
    {"kind": "array", "name": "missing"},
    {"kind": "array", "name": ["a"]},
    {"kind": "float", "value": "1e5"},
    {"kind": "mapping", "items": [[1, 2]]},
    {"kind": ["a"]},
    {"kind": "pickle"},
]


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
def test_hostile_values_are_refused(folder: Path, value: object) -> None:
    path = folder / "run.json"
    document = json.loads(path.read_text())
    document["results"] = {"floor": value}
    path.write_text(json.dumps(document))
    _refused(folder, path)


def _npz(path: Path, content: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("loss.npy", content)


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


HOSTILE_ARRAYS = {
    "huge": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"),
    "short": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}\n", b"\0" * 8),
    "negative": _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}\n", b"\0" * 8),
    "objects": _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"\0" * 8),
    "code": _npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}\n"),
    "text": b"not an array at all",
    "empty": b"",
}


@pytest.mark.parametrize("content", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS)
def test_hostile_arrays_are_refused(folder: Path, content: bytes) -> None:
    _npz(folder / "columns.npz", content)
    _sign(folder, "columns.npz")
    _refused(folder, folder / "columns.npz")


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(folder: Path) -> None:
    _npz(folder / "columns.npz", b"\0" * 10**7, zipfile.ZIP_DEFLATED)
    _sign(folder, "columns.npz")
    _refused(folder, folder / "columns.npz")


def test_files_of_two_runs_do_not_mix(folder: Path, tmp_path: Path) -> None:
    other = save_run(tmp_path / "other", played(rounds=5), config={}, results={})
    shutil.copy(other / "columns.npz", folder / "columns.npz")
    _refused(folder, folder / "columns.npz")


def _sign(folder: Path, name: str) -> None:
    """What an author of a hostile folder would do: list the file's true digest."""
    import hashlib

    document = json.loads((folder / "run.json").read_text())
    document["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "run.json").write_text(json.dumps(document))
