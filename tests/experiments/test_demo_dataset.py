"""``olgame demo --dataset``: a folder of IDX files, held-out samples, inputs kept on disk."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.storage import load_run
from tests.experiments import demo_command

pytest.importorskip("torch")
pytest.importorskip("sklearn")


SMALL = ["--width", "16", "--rounds", "5", "--classes", "3,8"]


def packed(array: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def images(labels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """4 x 4 pixels: threes bright in the left half, all others in the right half."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 120, (len(labels), 4, 4))
    found[labels == 3, :, :2] += 100
    found[labels != 3, :, 2:] += 100
    return found.astype(np.uint8)


def folder(place: Path, *, test: bool = True, zipped: bool = False) -> Path:
    place.mkdir()
    for prefix, count, seed in (("train", 60, 0), ("t10k", 25, 1)) if test else (("train", 60, 0),):
        labels = np.random.default_rng(seed).choice([3, 8, 5], count).astype(np.uint8)
        for kind, content in (("images-idx3", images(labels, seed)), ("labels-idx1", labels)):
            data = packed(content)
            path = place / (f"{prefix}-{kind}-ubyte" + (".gz" if zipped else ""))
            path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    return place


def demo(out: Path, *options: object) -> Any:
    return demo_command.demo(out, *SMALL, *options)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_end_to_end(tmp_path: Path, zipped: bool) -> None:
    data = folder(tmp_path / "tiny", zipped=zipped)
    options = ["--held-out", "certified", "--held-out-every", "2", "--plan", "second-moment"]
    done = demo(tmp_path / "run", "--dataset", data, *options)
    assert done.exit_code == 0, done.output
    assert "Held-out samples" in done.output
    run = load_run(tmp_path / "run")
    results = run.results
    y = og.data.idx_folder(data, classes=(3, 8)).y
    x_test, y_test = og.data.idx_folder(data, classes=(3, 8), split="test")
    about = f"tiny 3 vs 8, {len(y)} samples of dimension 16 on the unit sphere"
    assert results["game"]["data"] == about
    assert results["plan"]["width_source"] == "second moment"
    assert results["plan"]["gradient_source"] == "measured"
    for book in results["ledger"]["books"].values():
        assert book["closes"]
    found = run.observed["held out"]
    assert found.rounds.tolist() == [1, 2, 4, 6]
    assert results["held_out"]["data"] == f"{len(y_test)} samples, the folder's test files"
    first, *_, last = results["held_out"]["rows"]
    assert (first["point"], last["point"]) == ("round 1", "at the end")
    assert first["clean_loss"] == 1.0
    assert isinstance(last["attacked_loss"], og.Estimated)
    assert isinstance(last["attacked_error"], og.Estimated)
    # The last look is at the weights that were stored; the network written out.
    w, output = run.arrays["final_point"].reshape(16, 16), two_layer_signs() / 4.0
    margin = y_test * (np.logaddexp(0.0, x_test @ w.T) @ output)
    assert last["clean_loss"] == pytest.approx(np.maximum(0.0, 1.0 - margin).mean(), abs=1e-12)
    assert last["clean_error"] == np.mean(margin <= 0.0)
    # Certified and estimated ends, in that order.
    rows = {row["quantity"]: row for row in results["certificates"]}
    robust = rows["held-out robust loss of the last iterate"]
    assert last["clean_loss"] <= robust["lower"].value <= robust["upper"].value
    assert last["attacked_loss"].value <= robust["upper"].value
    error = results["held_out"]["robust_error"]
    assert isinstance(error, og.Certified)
    assert error.side == "upper"
    assert last["attacked_error"].value <= error.value


def two_layer_signs() -> Any:
    """The output weights of the network's seed, as the NumPy reference has them."""
    model = og.models.TwoLayerNet(dim=16, width=16, activation="softplus", seed=0)
    return np.sign(np.asarray(model.two_layer(model.start).output))


def test_without_test_files_a_quarter_is_kept_back(tmp_path: Path) -> None:
    data = folder(tmp_path / "tiny", test=False)
    done = demo(tmp_path / "run", "--dataset", data, "--held-out", "attacked")
    assert done.exit_code == 0, done.output
    results = load_run(tmp_path / "run").results
    n = len(og.data.idx_folder(data, classes=(3, 8)).y)
    assert results["held_out"]["data"].startswith(f"{round(n / 4)} samples, a quarter of the data")
    assert f"{n - round(n / 4)} samples" in results["game"]["data"]
    assert results["held_out"]["robust_error"] is None
    assert "held-out robust" not in done.output


def test_digits_can_be_held_out_too(tmp_path: Path) -> None:
    done = demo(tmp_path / "run", "--held-out", "attacked", "--samples", "40")
    assert done.exit_code == 0, done.output
    results = load_run(tmp_path / "run").results
    assert results["game"]["data"].startswith("digits 3 vs 8, 40 samples")
    assert results["held_out"]["data"].startswith("89 samples")


def test_inputs_on_disk_play_the_same_game(tmp_path: Path) -> None:
    data = folder(tmp_path / "tiny")
    (tmp_path / "spool").mkdir()
    runs = []
    for name, place in (("a", "auto"), ("b", tmp_path / "spool")):
        done = demo(tmp_path / name, "--dataset", data, "--keep-in", place)
        assert done.exit_code == 0, done.output
        runs.append(load_run(tmp_path / name))
    assert list((tmp_path / "spool").iterdir()) == []
    memory, disk = runs
    np.testing.assert_array_equal(disk.columns["loss"], memory.columns["loss"])
    assert disk.results["ledger"] == memory.results["ledger"]
    assert disk.results["certificates"] == memory.results["certificates"]
    assert disk.results["held_out"] is None


def test_much_to_keep_goes_to_disk_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olgame.experiments.demo.IN_MEMORY", 1000)
    monkeypatch.setattr("olgame.report.progress.TOLD", 1000)
    data = folder(tmp_path / "tiny")
    done = demo(tmp_path / "run", "--dataset", data)
    assert done.exit_code == 0, done.output
    n = len(og.data.idx_folder(data, classes=(3, 8)).y)
    told = f"The played inputs of 5 rounds take {5 * n * 16 * 8 / 1e3:.1f} kB; they are kept in a"
    assert told in " ".join(done.output.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "tiny"]


HOSTILE: list[tuple[str, bytes, str]] = [
    ("train-images-idx3-ubyte", b"", "ends after 0 bytes, within the header"),
    ("train-labels-idx1-ubyte", packed(np.full(60, 3, dtype=np.uint8)), "No sample of class 8"),
    ("t10k-images-idx3-ubyte", packed(np.zeros((25, 4, 4), dtype=np.uint8)), "is black"),
    ("t10k-labels-idx1-ubyte", b"\0\0\x08\1\xff\xff\xff\xff", "claims 4294967295"),
]


@pytest.mark.parametrize(("name", "content", "reason"), HOSTILE)
def test_a_hostile_folder_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    data = folder(tmp_path / "tiny")
    (data / name).write_bytes(content)
    done = demo(tmp_path / "run", "--dataset", data, "--held-out", "attacked")
    assert done.exit_code == 1
    output = " ".join(done.output.split())
    assert str(data / name) in output
    assert reason in output
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()


def test_half_a_split_is_refused(tmp_path: Path) -> None:
    data = folder(tmp_path / "tiny")
    (data / "t10k-labels-idx1-ubyte").unlink()
    done = demo(tmp_path / "run", "--dataset", data, "--held-out", "attacked")
    assert done.exit_code == 1
    assert "must hold t10k-labels-idx1-ubyte" in done.output
    assert demo(tmp_path / "run", "--dataset", data).exit_code == 0  # nobody asked for it


BAD: list[tuple[list[str], str]] = [
    (["--dataset", "nowhere"], "--dataset must be digits or a folder of IDX files, got 'nowhere'"),
    (["--samples", "1000000"], "--samples must be at most the"),
    (["--samples", "1"], "--samples: the first 1 samples are all of one class"),
    (["--samples", "0"], "--samples must be an integer of at least 1"),
    (["--held-out-every", "0"], "--held-out-every must be an integer of at least 1"),
    (["--held-out", "some"], "'some' is not one of"),
    (["--keep-in", "nowhere"], "--keep-in must be memory, auto or a folder, got 'nowhere'"),
    (
        ["--keep-in", ".", "--rounds", "1000000000000"],
        "--keep-in: the inputs of 1000000000000 rounds take 182.8 PB, and",
    ),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_named_as_they_were_typed(
    options: list[str], message: str, tmp_path: Path
) -> None:
    demo_command.check_refused(tmp_path / "run", message, *SMALL, *options)
