"""An observer may end the game, and may look at what would be left of it if it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.storage import load_run, save_run
from olgame.theory import audit
from olgame.transcript import ARRAYS, COLUMNS


class Patience:
    """Stops where the loss has not been at a new minimum for so many rounds."""

    def __init__(self, rounds: int) -> None:
        self.patience, self.best, self.at, self.round = rounds, np.inf, 0, 0

    def __call__(self, seen: og.observers.Round) -> Any:
        self.round = seen.round
        loss: Any = seen.evaluation.value
        if float(np.mean(loss)) < self.best:
            self.best, self.at = float(np.mean(loss)), seen.round
            return {"best": self.best}
        return None

    def why_stop(self) -> str | None:
        late = self.round - self.at
        return f"no new minimum in {late} rounds" if late >= self.patience else None

    def ending(self, ending: og.observers.Ending) -> Any:
        return {"best": self.best}

    def resuming(self, found: og.observers.Observed) -> None:
        self.best, self.at = float(found["best"][-1]), int(found.rounds[-1])


def game(
    *observers: Any, rounds: int = 300, p: int = 3, games: tuple[int, ...] = (), **options: Any
) -> og.Transcript:
    """Losses that fall until round 100 and then rise."""
    rng = np.random.default_rng(5)
    losses = []
    for t in range(rounds):
        center = np.zeros((*games, p))
        center[..., 0] = abs(t - 100) / 100.0
        losses.append(QuadraticLoss(center + 1e-3 * rng.standard_normal(center.shape)))
    return og.play(
        og.learners.OnlineGradientDescent(1e-3),
        og.adversaries.ObliviousSequence(losses),
        og.sets.L2Ball(1.0, center=np.zeros((*games, p))),
        rounds=rounds,
        observers=observers,
        **options,
    )


def same(found: og.Transcript, expected: og.Transcript) -> None:
    """Every number of two games, bit for bit."""
    assert found.rounds == expected.rounds
    for name in (*COLUMNS, *ARRAYS, "full_batch"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    for mine, other in zip(found.points or (), expected.points or (), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(("p", "games"), [(3, ()), (3, (2,)), (70_000, ())])
def test_a_stopped_game_is_the_game_of_as_many_rounds(p: int, games: tuple[int, ...]) -> None:
    asked: dict[str, Any] = {"rounds": 130, "p": p, "games": games, "keep": "points"}

    class Stop:
        round = 0

        def __call__(self, seen: og.observers.Round) -> None:
            self.round = seen.round

        def why_stop(self) -> str | None:
            return "it is enough" if self.round == 110 else None

    run = game(Stop(), **asked)
    assert (run.status, run.rounds, run.planned_rounds) == ("stopped", 110, 130)
    assert run.stop_reason == "Stop: it is enough"
    same(run, game(**{**asked, "rounds": 110}))


def test_patience() -> None:
    run = game(Patience(20))
    t = int(run.loss.argmin()) + 1
    assert (run.status, run.rounds) == ("stopped", t + 20)
    assert run.stop_reason == "Patience: no new minimum in 20 rounds"
    assert run.observed["Patience"].rounds[-2:].tolist() == [t, t + 21]  # the ending is noted


def test_who_stops_in_the_last_round_finishes() -> None:
    run = game(Patience(20))
    last = game(Patience(20), rounds=run.rounds)
    assert (last.status, last.stop_reason) == ("finished", "")
    assert game(Patience(20), rounds=5).status == "finished"


@pytest.mark.parametrize("reason", [True, "", 1.0, ["late"]])
def test_a_reason_is_a_sentence(reason: Any) -> None:
    patience = Patience(1)
    patience.why_stop = lambda: reason  # type: ignore[method-assign]  # on purpose
    with pytest.raises(ArgumentError, match="of 'Patience' must return None or a sentence"):
        game(patience)


@pytest.mark.parametrize("p", [3, 1_000, 70_000])
def test_a_look_is_the_transcript_of_a_game_that_ends_there(p: int) -> None:
    """In every round, in chunks or not, and the game does not notice."""
    looks: dict[int, og.Transcript] = {}

    class Look:
        def opening(self, opening: og.observers.Opening) -> None:
            self.so_far = opening.so_far

        def __call__(self, seen: og.observers.Round) -> None:
            if seen.round % 37 == 0 or seen.round in (1, 96, 97, 192):
                looks[seen.round] = self.so_far(seen.next_point)

    asked: dict[str, Any] = {"rounds": 200, "p": p, "keep": "points"}
    same(game(Look(), **asked), game(**asked))
    for t, look in looks.items():
        assert (look.status, look.planned_rounds) == ("stopped", 200)
        assert f"round {t}" in look.stop_reason
        same(look, game(**{**asked, "rounds": t}))


def test_a_look_leaves_a_violation_to_the_game() -> None:
    class Leaves(og.learners.OnlineGradientDescent):
        def decide(self, state: Any) -> Any:
            return 3.0 * super().decide(state) + 1.0

    class Look:
        def opening(self, opening: og.observers.Opening) -> None:
            self.so_far = opening.so_far

        def __call__(self, seen: og.observers.Round) -> None:
            self.seen = self.so_far(seen.next_point)

    look = Look()
    with pytest.raises(og.exceptions.ViolationError) as caught:
        og.play(
            Leaves(0.1),
            og.adversaries.ObliviousSequence([LinearLoss(np.ones(3))] * 9),
            og.sets.L2Ball(1.0, center=np.zeros(3)),
            rounds=9,
            observers=[look],
        )
    transcript: Any = getattr(caught.value, "transcript")  # noqa: B009  # set on any exception
    assert look.seen.violations[0].rule == "point"
    assert transcript.status == "violated"


def test_a_stopped_game_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    """From a checkpoint in mid-game, with an observer that takes up what it had noted."""
    save = og.Checkpoint(tmp_path / "saved", every=40)
    run = game(Patience(20), checkpoint=save)
    center = np.zeros(3)
    losses: Any = game(rounds=300, keep="examples").round_losses
    again = og.resume(
        save.path,
        og.learners.OnlineGradientDescent(1e-3),
        og.adversaries.ObliviousSequence(losses),
        og.sets.L2Ball(1.0, center=center),
        observers=[Patience(20)],
    )
    assert (again.status, again.stop_reason) == (run.status, run.stop_reason)
    same(again, run)
    np.testing.assert_array_equal(again.observed["Patience"]["best"][-1],
                                  run.observed["Patience"]["best"][-1])  # fmt: skip


def test_a_stopped_game_is_stored_and_its_inputs_too(tmp_path: Path) -> None:
    model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
    x, y = og.data.circle(8)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=2),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    run = og.play(
        og.learners.OnlineGradientDescent(1.0), adversary, model.neighborhood(1.0), rounds=500,
        keep="examples", keep_in=tmp_path, observers=[Patience(3)],
    )  # fmt: skip
    assert run.status == "stopped"
    assert run.round_losses is not None
    assert len(run.round_losses) == run.rounds < 500
    assert og.theory.floor(run, 1.0).value <= run.loss.min() + 1e-12
    stored = load_run(save_run(tmp_path / "run", run, config={}, results={}, include_examples=True))
    assert (stored.game["status"], stored.game["stop_reason"]) == ("stopped", run.stop_reason)
    assert len(stored.columns["loss"]) == run.rounds
    assert stored.played_inputs(run.rounds)[0].shape == (8, 2)
    theorem = og.theory.TwoLayer(og.activations.softplus, og.losses.hinge, input_bound=1.1)
    premises = theorem.check(run, accuracy=0.5, weight_radius=1.0).premises
    assert premises["played to the end"].holds
    needed = 1.0 / (1.0 * 0.5)
    assert premises["rounds"].holds == (run.rounds >= needed)


def test_an_end_chosen_by_what_was_played() -> None:
    """A bound for every sequence holds at it; one in expectation need not."""
    run = game(Patience(20))
    assert audit.finished(run).holds
    assert audit.finished(run, in_expectation=True).status == "not checked"
    assert audit.finished(game(rounds=5), in_expectation=True).holds
    assert audit.finished(attrs.evolve(run, status="interrupted")).fails


def test_the_average_point() -> None:
    average = og.observers.AveragePoint()
    run = game(average, keep="points", rounds=120)
    points: Any = run.points
    np.testing.assert_allclose(np.asarray(average.point), np.mean(points, axis=0), atol=1e-15)
    shorter: Any = game(average, keep="points", rounds=7).points  # begins again
    np.testing.assert_allclose(np.asarray(average.point), np.mean(shorter, axis=0), atol=1e-15)
    with pytest.raises(og.exceptions.NotAvailableError, match="from its first round"):
        _ = og.observers.AveragePoint().point
