"""A run folder is whole or absent, and comes back as it was."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.adversaries.oblivious_sequence import ObliviousSequence
from olgame.exceptions import (
    NotAvailableError,
    NotKeptError,
    OlgameError,
    StorageError,
)
from olgame.game import play
from olgame.json_values import Record, decode, encode
from olgame.learners.online_gradient_descent import OnlineGradientDescent
from olgame.losses.linear_loss import LinearLoss
from olgame.results import Certified, Estimated, Interval
from olgame.sets.l2_ball import L2Ball
from olgame.storage import COLUMNS, load_run, reserve, save_run
from tests.stored_runs import CERTIFIED, played

ESTIMATED = Estimated(0.25, "attack")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_run(tmp_path / "run", played(), config={"a": 1}, results={"floor": CERTIFIED})


def _entries(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_everything_comes_back_in_its_own_dtype(tmp_path: Path, dtype: Any) -> None:
    run = played(dtype)
    config = {"rounds": 4, "radius": 0.1, "classes": (0, 1), "name": "Über", "no": None}
    stored = load_run(save_run(tmp_path / "deep" / "run", run, config=config, results={}))
    assert stored.config == {**config, "classes": [0, 1]}
    assert stored.game["status"] == "finished"
    assert (stored.game["rounds"], stored.game["seed"]) == (4, 7)
    assert stored.game["learner"] == "OnlineGradientDescent"
    assert stored.versions["numpy"] == np.__version__
    for name in COLUMNS:
        np.testing.assert_array_equal(stored.columns[name], getattr(run, name))
    for name in ("start", "final_point", "best_point", "gradient_sum", "curvature_sum"):
        original = getattr(run, name)
        assert stored.arrays[name].dtype == original.dtype
        np.testing.assert_array_equal(stored.arrays[name], original)
    stored.columns["loss"][0] = 1.0  # what was read is the reader's own, writable
    assert _entries(tmp_path / "deep") == ["run"]


class Pair(NamedTuple):
    left: float
    right: str


@attrs.frozen
class Part:
    size: int
    step: Any


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


VALUES: list[tuple[object, object]] = [
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (np.float32(0.5), 0.5),
    (np.int64(2**53 + 1), 2**53 + 1),
    (np.bool_(True), True),
    (10**30, 10**30),
    (CERTIFIED, CERTIFIED),
    (ESTIMATED, ESTIMATED),
    (Certified(math.inf, "upper", ""), Certified(math.inf, "upper", "")),
    (Interval(CERTIFIED, CERTIFIED), Interval(CERTIFIED, CERTIFIED)),
    ({"kind": "certified", "value": 1.0}, {"kind": "certified", "value": 1.0}),
    ({"nested": [{"kind": 3}, (1, 2)]}, {"nested": [{"kind": 3}, [1, 2]]}),
    ({1: "one"}, {"1": "one"}),
    ("nan", "nan"),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_values_survive_strict_json(value: object, expected: object) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    text = json.dumps(encode(value, arrays), allow_nan=False)
    found = decode(json.loads(text), arrays)
    assert type(found) is type(expected)
    assert found == expected


def test_nan_arrays_and_records_survive() -> None:
    arrays: dict[str, NDArray[Any]] = {}
    column = np.array([1.0, math.nan], dtype=np.float32)
    value = {
        "nan": math.nan,
        "column": column,
        "batch": Certified(column, "exact", ""),  # type: ignore[arg-type]  # of a batch of games
        "pair": Pair(0.5, "r"),
        "part": Part(3, Part(4, len)),
        "broken": Unprintable(),
    }
    found = decode(json.loads(json.dumps(encode(value, arrays), allow_nan=False)), arrays)
    assert math.isnan(found["nan"])
    assert found["column"].dtype == np.float32
    np.testing.assert_array_equal(found["column"], column)
    np.testing.assert_array_equal(found["batch"].value, column)
    assert isinstance(found["pair"], Record)
    assert found["pair"].fields == {"left": 0.5, "right": "r"}
    assert found["part"].fields["step"].fields["size"] == 4
    assert "RuntimeError" in found["broken"].fields["text"]


def test_certified_and_estimated_are_told_apart_on_disk(folder: Path, tmp_path: Path) -> None:
    other = save_run(tmp_path / "b", played(), config={}, results={"floor": ESTIMATED})
    kinds = [
        json.loads((f / "run.json").read_text())["results"]["floor"]["kind"]
        for f in (folder, other)
    ]
    assert kinds == ["certified", "estimated"]
    assert load_run(folder).results["floor"] == CERTIFIED
    assert load_run(other).results["floor"] == ESTIMATED


def test_a_value_that_holds_itself_is_cut_off(tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    load_run(save_run(tmp_path / "run", played(), config={"loop": loop}, results={}))


def test_an_existing_run_is_replaced_only_on_request(folder: Path) -> None:
    with pytest.raises(StorageError, match="overwrite=True"):
        save_run(folder, played(), config={}, results={})
    with pytest.raises(StorageError, match="overwrite=True"):
        reserve(folder)
    assert load_run(folder).config == {"a": 1}
    (folder / "figure.png").write_bytes(b"of the earlier run")
    assert reserve(folder, overwrite=True) == folder
    save_run(folder, played(), config={"a": 2}, results={}, overwrite=True)
    assert load_run(folder).config == {"a": 2}
    assert _entries(folder) == ["arrays.npz", "columns.npz", "results.npz", "run.json"]
    assert _entries(folder.parent) == ["run"]


def test_a_folder_that_is_no_run_is_never_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("x")
    with pytest.raises(StorageError, match="no run"):
        save_run(home, played(), config={}, results={}, overwrite=True)
    with pytest.raises(StorageError, match="no run"):
        reserve(home, overwrite=True)
    assert _entries(home) == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    load_run(save_run(tmp_path / "empty", played(), config={}, results={}))


@pytest.mark.parametrize("name", ["file/sub", "file/sub/run", "file", "a\0b", "n" * 300])
def test_an_unwritable_place_is_found_before_the_game(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        reserve(tmp_path / name)
    assert name.partition("/")[0] in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, OlgameError)
    with pytest.raises(StorageError):
        save_run(tmp_path / name, played(), config={}, results={})
    assert _entries(tmp_path) == ["file"]


def test_reserving_leaves_nothing_behind(tmp_path: Path) -> None:
    assert reserve(tmp_path / "runs" / "first") == tmp_path / "runs" / "first"
    assert _entries(tmp_path) == ["runs"]
    assert _entries(tmp_path / "runs") == []


@pytest.mark.parametrize("failing", ["numpy.savez", "os.fsync", "json.dumps", "os.replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_failing_midway_leaves_the_earlier_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises((KeyboardInterrupt, StorageError)):
            save_run(folder, played(), config={"a": 2}, results={}, overwrite=True)
        with pytest.raises((KeyboardInterrupt, StorageError)):
            save_run(folder.parent / "new", played(), config={}, results={})
    assert load_run(folder).config == {"a": 1}
    assert _entries(folder.parent) == ["run"]


def test_failing_at_the_last_rename_puts_the_earlier_run_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, calls = os.replace, []

    def fail_second(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail_second)
    with pytest.raises(StorageError, match="Input/output error"):
        save_run(folder, played(), config={"a": 2}, results={}, overwrite=True)
    assert load_run(folder).config == {"a": 1}
    assert _entries(folder.parent) == ["run"]


def test_killed_in_the_middle_leaves_no_half_run(folder: Path) -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np, stored_runs
from olgame.storage import save_run
write = np.savez
def killed(file, **arrays):
    write(file, **arrays)
    if "start" in arrays:
        file.flush()
        os.kill(os.getpid(), 9)
np.savez = killed
for name in ("run", "new"):
    if os.fork() == 0:
        save_run({str(folder.parent)!r} + "/" + name, stored_runs.played(),
                 config={{"a": 2}}, results={{}}, overwrite=True)
    assert os.wait()[1] == 9
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert load_run(folder).config == {"a": 1}
    visible = [name for name in _entries(folder.parent) if not name.startswith(".")]
    assert visible == ["run"]
    save_run(folder.parent / "new", played(), config={}, results={})


@attrs.frozen(eq=False)
class InputLoss:
    """A linear loss that was played on inputs."""

    loss: LinearLoss
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)


def test_played_inputs_are_kept_on_request(tmp_path: Path, folder: Path) -> None:
    rng = np.random.default_rng(1)
    y = np.array([1.0, -1.0])
    labels = [y, y, -y]
    losses = [
        InputLoss(LinearLoss(rng.normal(size=3)), rng.normal(size=(2, 5)), labels[t])
        for t in range(3)
    ]
    ball = L2Ball(1.0, center=np.zeros(3))
    adversary = ObliviousSequence(losses)
    run = play(OnlineGradientDescent(0.5), adversary, ball, rounds=3, keep="examples")
    path = save_run(tmp_path / "kept", run, config={}, results={}, include_examples=True)
    for t in (1, 2, 3):
        found_x, found_y = load_run(path).played_inputs(t)
        np.testing.assert_array_equal(found_x, losses[t - 1].x)
        np.testing.assert_array_equal(found_y, labels[t - 1])
    with pytest.raises(StorageError, match="round 4"):
        load_run(path).played_inputs(4)
    with pytest.raises(NotKeptError, match="include_examples"):
        load_run(folder).played_inputs(1)


def test_played_inputs_that_were_not_kept_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotKeptError, match="keep='examples'"):
        save_run(tmp_path / "a", played(), config={}, results={}, include_examples=True)
    kept = played(keep="examples")
    with pytest.raises(NotAvailableError, match="no inputs"):
        save_run(tmp_path / "a", kept, config={}, results={}, include_examples=True)
    assert _entries(tmp_path) == []


def test_tensors_are_stored_in_their_dtype() -> None:
    torch = pytest.importorskip("torch")
    arrays: dict[str, NDArray[Any]] = {}
    for dtype, expected in (
        (torch.float32, np.float32),
        (torch.float64, np.float64),
        (torch.int64, np.int64),
        (torch.bfloat16, np.float64),
    ):
        tensor = torch.tensor([1.0, 2.0]).to(dtype)
        found = decode(encode(tensor, arrays), arrays)
        assert found.dtype == expected
        assert found.tolist() == [1.0, 2.0]
