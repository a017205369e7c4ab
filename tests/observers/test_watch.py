"""Who is called when, what is recorded, and what is left of a game that ends early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, GameInterrupted, StorageError
from olgame.losses import LinearLoss
from olgame.storage import load_run, save_run

P = 3


def game(*observers: Any, rounds: int = 7, games: tuple[int, ...] = (), **options: Any) -> Any:
    rng = np.random.default_rng(0)
    losses = [LinearLoss(rng.standard_normal((*games, P))) for _ in range(rounds)]
    return og.play(
        og.learners.OnlineGradientDescent(0.1),
        options.pop("adversary", og.adversaries.ObliviousSequence(losses)),
        og.sets.L2Ball(1.0, center=np.zeros((*games, P))),
        rounds=rounds,
        observers=observers,
        **options,
    )


class Diary:
    """Writes down what it is called with; notes the round in odd rounds."""

    name = "diary"

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def opening(self, opening: og.observers.Opening) -> None:
        self.calls.append(("opening", opening.planned_rounds, opening.keep, opening.kept_bytes))

    def __call__(self, seen: og.observers.Round) -> Any:
        self.calls.append(seen.round)
        return {"t": seen.round, "half": 0.5 * seen.round} if seen.round % 2 else None

    def ending(self, ending: og.observers.Ending) -> Any:
        self.calls.append(("ending", ending.rounds, 1.0 * ending.point))
        return {"t": -1.0, "half": -0.5}


def test_opening_rounds_ending() -> None:
    diary = Diary()
    run = game(diary, rounds=5)
    assert diary.calls[:-1] == [("opening", 5, "sums", 0), 1, 2, 3, 4, 5]
    assert diary.calls[-1][:2] == ("ending", 5)
    np.testing.assert_array_equal(diary.calls[-1][2], run.final_point)
    found = run.observed["diary"]
    assert found.rounds.tolist() == [1, 3, 5, 6]
    assert found["t"].tolist() == [1.0, 3.0, 5.0, -1.0]
    assert found["half"].tolist() == [0.5, 1.5, 2.5, -0.5]


def test_names() -> None:
    def lengths(seen: og.observers.Round) -> dict[str, float]:
        point: Any = seen.point
        return {"norm": float(np.linalg.norm(point))}

    run = game(lengths, Diary(), Diary(), lambda seen: {"one": 1}, lambda seen: None)
    assert list(run.observed) == ["lengths", "diary", "diary 2", "<lambda>"]
    np.testing.assert_allclose(run.observed["lengths"]["norm"], run.distance, atol=1e-15)


def test_a_number_for_each_game() -> None:
    run = game(lambda seen: {"first": seen.point[:, 0], "one": 1.0}, rounds=4, games=(5,))
    found = run.observed["<lambda>"]
    assert found["first"].shape == found["one"].shape == (4, 5)
    assert (found["one"] == 1.0).all()
    assert run.game(2).observed["<lambda>"]["first"].tolist() == found["first"][:, 2].tolist()


def test_what_is_recorded_does_not_change_with_what_was_returned() -> None:
    buffer = np.zeros(2)

    def reuse(seen: og.observers.Round) -> dict[str, Any]:
        buffer[:] = seen.round
        return {"t": buffer}

    run = game(reuse, rounds=3, games=(2,))
    assert run.observed["reuse"]["t"].tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


BAD: list[tuple[Any, str]] = [
    (lambda seen: seen.round, "must be None or a mapping of names to numbers.*got 1"),
    (lambda seen: {"x": "a word"}, "'x' of '<lambda>' must be a number, got 'a word'"),
    (lambda seen: {"x": np.zeros(2)}, "'x' of '<lambda>' must be a number"),
    (lambda seen: {f"x{seen.round}": 1.0}, r"the same names, got \['x2'\] in round 2 and \['x1'\]"),
]


@pytest.mark.parametrize(("observer", "message"), BAD)
def test_what_cannot_be_recorded_is_named(observer: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        game(observer)
    assert caught.value.transcript is not None
    assert caught.value.transcript.status == "failed"


class Stops(Diary):
    """Presses Ctrl-C in round 4."""

    def __call__(self, seen: og.observers.Round) -> Any:
        if seen.round == 4:
            raise KeyboardInterrupt
        return super().__call__(seen)


def test_an_interrupted_game_keeps_what_was_observed(tmp_path: Path) -> None:
    stops = Stops()
    with pytest.raises(GameInterrupted) as caught:
        game(stops)
    run = caught.value.transcript
    assert stops.calls[-1] == 3  # no ending
    assert run.rounds == 4
    assert run.observed["diary"]["t"].tolist() == [1.0, 3.0]
    stored = load_run(save_run(tmp_path / "run", run, config={}, results={}))
    assert stored.observed["diary"].rounds.tolist() == [1, 3]


class Misshapen:
    """From round 120 on its gradients are too short, which only the booking of a chunk notices."""

    timing = og.adversaries.Timing.OBLIVIOUS

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: og.adversaries.View, /) -> Any:
        self.length = P if view.round < 120 else P - 1
        return og.adversaries.Response(self), None  # type: ignore[arg-type]  # it is both

    def evaluate(self, w: Any) -> og.losses.RoundEvaluation:
        return og.losses.RoundEvaluation(0.0, np.zeros(self.length))


def test_rounds_that_could_not_be_booked_are_not_observed() -> None:
    """A small game is booked every 96 rounds; what is not in the columns is not here either."""
    diary = Diary()
    with pytest.raises(ValueError, match=r"shape|mismatch|align") as caught:
        og.play(
            og.learners.from_function(lambda w, feedback: w),
            Misshapen(),
            og.sets.L2Ball(1.0, center=np.zeros(P)),
            rounds=300,
            observers=[diary],
        )
    run: Any = getattr(caught.value, "transcript")  # noqa: B009  # set on any exception
    assert diary.calls[-1] == 191
    assert run.rounds == 96
    assert run.observed["diary"].rounds.max() == 95


@pytest.mark.parametrize("games", [(), (2,)])
def test_a_run_folder_keeps_what_was_observed(tmp_path: Path, games: tuple[int, ...]) -> None:
    def noted(seen: og.observers.Round) -> dict[str, Any]:
        value = np.full(games, np.inf if seen.round == 2 else 1.0 / 3.0**seen.round)
        return {"kind": value, "a name": np.nan * value}

    run = game(noted, Diary(), games=games)
    stored = load_run(save_run(tmp_path / "run", run, config={}, results={}))
    assert list(stored.observed) == list(run.observed)
    for name, found in run.observed.items():
        again = stored.observed[name]
        assert again.rounds.tolist() == found.rounds.tolist()
        assert list(again.columns) == list(found.columns)
        for column in found.columns:
            np.testing.assert_array_equal(again[column], found[column])


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    folder = save_run(tmp_path / "run", game(Diary()), config={}, results={})
    text = (folder / "run.json").read_text("utf-8")
    (folder / "run.json").write_text(text.replace('"columns": {', '"other": {'), "utf-8")
    with pytest.raises(StorageError, match="what was observed"):
        _ = load_run(folder).observed
