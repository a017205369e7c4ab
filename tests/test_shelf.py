"""Played inputs in memory and in a file: the same game, room before it, nothing left after it."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, GameInterrupted, NotAvailableError, StorageError
from olgame.shelf import Shelf, shown_bytes

RNG = np.random.default_rng(0)
N, D, T = 20, 5, 9
X, Y = RNG.standard_normal((N, D)), np.where(RNG.random(N) < 0.5, -1.0, 1.0)
LIBRARIES = ["numpy", "float64", "float32"]


def network(library: str) -> Any:
    if library == "numpy":
        return og.models.TwoLayerNet(dim=D, width=8, activation="softplus", seed=1)
    torch = pytest.importorskip("torch")
    import olgame_torch as ogt

    dtype = getattr(torch, library)
    return ogt.TwoLayerNet(dim=D, width=8, activation="softplus", seed=1, dtype=dtype)


def play(library: str = "numpy", *, batch_size: int | None = None, **options: Any) -> Any:
    model = network(library)
    adversary = og.adversaries.InputAttack(
        model, X, Y, loss=og.losses.logistic, attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.2), batch_size=batch_size,
    )  # fmt: skip
    adversary = options.pop("wrap", lambda inner: inner)(adversary)
    learner = og.learners.OnlineGradientDescent(0.7)
    options = {"rounds": T, "keep": "examples", **options}
    return og.play(learner, adversary, model.neighborhood(1.0), **options)


class Told:
    """Remembers the opening, and in which round it is."""

    def __init__(self) -> None:
        self.opening_: Any = None
        self.round = 0

    def opening(self, opening: og.observers.Opening) -> None:
        self.opening_ = opening

    def __call__(self, seen: og.observers.Round) -> None:
        self.round = seen.round


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_file_gives_the_ledger_of_memory_bit_for_bit(
    library: str, batch_size: int | None, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"batch_size": batch_size}
    memory, told = play(library, **options), Told()
    disk = play(library, **options, keep_in=tmp_path, observers=[told])
    size = 4 if library == "float32" else 8
    need = T * (batch_size or N) * D * size
    assert told.opening_.kept_bytes == need
    assert told.opening_.kept_in == str(tmp_path)
    for one, other in zip(memory.round_losses, disk.round_losses, strict=True):
        assert type(one.x) is type(other.x)
        assert one.x.dtype == other.x.dtype
        assert np.asarray(one.x).tobytes() == np.asarray(other.x).tobytes()
    books = [og.regret.ledger(run, run.final_point) for run in (memory, disk)]
    for column in ("loss", "comparator_loss", "linear", "curvature", "nonlinearity"):
        np.testing.assert_array_equal(getattr(books[0], column), getattr(books[1], column))
    assert books[1].closes


def test_the_need_of_a_game_in_memory_is_told_too() -> None:
    told = Told()
    play(observers=[told])
    assert (told.opening_.kept_bytes, told.opening_.kept_in) == (T * N * D * 8, "memory")
    play(observers=[told], keep="sums")
    assert told.opening_.kept_bytes == 0


def mapped(folder: Path) -> int:
    """Files of ``folder`` that this process still has in its memory (Linux says so)."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux lists the files of a process")
    return sum(str(folder) in line for line in maps.read_text().splitlines())


@pytest.mark.parametrize("library", LIBRARIES)
def test_nothing_is_left_of_the_file(library: str, tmp_path: Path) -> None:
    run = play(library, keep_in=str(tmp_path))
    assert list(tmp_path.iterdir()) == []  # it has no name
    assert mapped(tmp_path) == 1
    last = run.round_losses[-1].x
    copy = np.asarray(last).copy()
    del run
    gc.collect()
    assert mapped(tmp_path) == 1  # somebody still reads
    np.testing.assert_array_equal(copy, np.asarray(last))
    del last
    gc.collect()
    assert mapped(tmp_path) == 0


def test_a_killed_game_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from tests.test_shelf import play\n"
        "def wait(seen):\n    print('played', flush=True); time.sleep(60)\n"
        "play(keep_in=sys.argv[1], observers=[wait])\n"
    )
    root = str(Path(__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), root], stdout=subprocess.PIPE, cwd=root
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"played\n"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    deadline = time.monotonic() + 5
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_was_played(tmp_path: Path) -> None:
    def stop(seen: og.observers.Round) -> None:
        if seen.round == 4:
            raise KeyboardInterrupt

    with pytest.raises(GameInterrupted) as caught:
        play(keep_in=tmp_path, observers=[stop])
    run = caught.value.transcript
    assert run.rounds == 4
    assert og.regret.ledger(run, run.final_point).closes


class NotToBeAsked:
    """An adversary that fails the test when it is asked for a move."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        assert name != "respond", "the game has begun"
        return getattr(self.inner, name)

    def respond(self, state: Any, view: Any, /) -> Any:
        raise AssertionError("the game has begun")


def test_a_full_disk_is_refused_before_the_game(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match=r"inputs of 1000000000000 rounds take 800\.0 TB, and"):
        play(keep_in=tmp_path, rounds=10**12, wrap=NotToBeAsked)

    def full(descriptor: int, first: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(StorageError, match="cannot be written: No space left on device"):
        play(keep_in=tmp_path, wrap=NotToBeAsked)
    assert list(tmp_path.iterdir()) == []


def test_without_a_call_that_reserves_room_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr("olgame.shelf.BLOCK", 1000)
    written: list[int] = []
    write = os.write

    def counting(descriptor: int, data: bytes) -> int:
        written.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counting)
    run = play(keep_in=tmp_path)
    assert sum(written) == T * N * D * 8
    assert og.regret.ledger(run, run.final_point).closes


def test_a_folder_that_cannot_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(StorageError, match=r"`play\(keep_in=\.\.\.\)` must be a folder"):
            play(keep_in=place, wrap=NotToBeAsked)
    for wrong in (3, b"bytes"):
        with pytest.raises(ArgumentError, match=r"`play\(keep_in=\.\.\.\)` must be a folder or"):
            play(keep_in=wrong)
    with pytest.raises(ArgumentError, match="keep='sums', which keeps no inputs"):
        play(keep_in=tmp_path, keep="sums")

    def denied(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.TemporaryFile", denied)
    with pytest.raises(StorageError, match="cannot be written: Permission denied"):
        play(keep_in=tmp_path, wrap=NotToBeAsked)


def test_more_than_the_memory_is_refused_before_the_game() -> None:
    with pytest.raises(
        ArgumentError, match=r"inputs of 1000000000000 rounds, 800\.0 TB, in .*B of"
    ):
        play(rounds=10**12, wrap=NotToBeAsked)


class Silent:
    """An adversary that does not say what its inputs are like."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.timing, self.start = inner, inner.timing, inner.start

    def init(self, seed: Any) -> Any:
        return self.inner.init(seed)

    def respond(self, state: Any, view: Any, /) -> Any:
        return self.inner.respond(state, view)


def test_an_adversary_that_does_not_say_gets_its_room_in_the_first_round(tmp_path: Path) -> None:
    told = Told()
    run = play(keep_in=tmp_path, wrap=Silent, observers=[told])
    assert told.opening_.kept_bytes is None
    assert mapped(tmp_path) == 1
    assert og.regret.ledger(run, run.final_point).closes


def test_inputs_may_change_their_shape() -> None:
    """Blocks and files alike: whatever does not fit in the last one begins another."""
    shelf = Shelf(4)
    loss = play().round_losses[0]
    for count in (20, 20, 11, 20):
        kept: Any = shelf.put(loss.with_inputs(X[:count]))
        np.testing.assert_array_equal(kept.x, X[:count])


def test_games_of_a_batch_share_one_file(tmp_path: Path) -> None:
    told = Told()
    starts = np.stack([network("numpy").start, 1.01 * network("numpy").start])
    ball = og.sets.L2Ball(1.0, center=starts)
    model = network("numpy")
    adversary = og.adversaries.InputAttack(
        model, X, Y, loss=og.losses.logistic, attack=og.attacks.FGSM(),
        perturbation_set=og.perturbations.l2(0.2),
    )  # fmt: skip
    run = og.play(
        og.learners.OnlineGradientDescent(0.5), adversary, ball, rounds=3, start=starts,
        keep="examples", keep_in=tmp_path, observers=[told],
    )  # fmt: skip
    assert told.opening_.kept_bytes == 3 * 2 * N * D * 8
    one = run.game(1)
    assert og.regret.ledger(one, one.final_point).closes


def test_inputs_elsewhere_than_on_the_host_are_refused() -> None:
    torch = pytest.importorskip("torch")
    for far in (torch.zeros(2, 3, device="meta"), torch.zeros(2, 3, dtype=torch.bfloat16)):
        with pytest.raises(NotAvailableError, match=r"`play\(keep_in=\.\.\.\)` keeps inputs of"):
            Shelf(2, ".").reserve(far)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (75_150_000, "75.2 MB"),
        (1e12, "1.0 TB"),
    ],
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert shown_bytes(count) == text
