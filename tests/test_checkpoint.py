"""A game that was killed and played on has the transcript of one that was not, bit for bit."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.checkpoint import read_checkpoint
from olgame.exceptions import ArgumentError, NotAvailableError, StorageError
from tests.contracts.test_own_parts import LEARNERS
from tests.saved_games import BALL, LOSSES, OGD, ROUNDS, assert_equal, rewrite, saved_game

KILLED = 120  # after a checkpoint


class Killed(BaseException):
    """Nothing catches it, like the end of a process."""


def kill(seen: Any) -> None:
    if seen.round == KILLED:
        raise Killed


def noted(seen: Any) -> dict[str, Any] | None:
    return {"first": float(seen.point[..., 0].sum())} if seen.round % 7 == 0 else None


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_is_played_on(name: str, tmp_path: Path) -> None:
    learner, decision_set = LEARNERS[name]
    adversary = og.adversaries.ObliviousSequence(LOSSES)
    start = decision_set.sample(np.random.default_rng(2), (64, 6)).mean(0)  # an inner point
    game: dict[str, Any] = {"rounds": ROUNDS, "start": start, "seed": 3, "on_violation": "record"}
    whole = og.play(learner, adversary, decision_set, **game, observers=[noted])
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    with pytest.raises(Killed):
        og.play(learner, adversary, decision_set, **game, observers=[noted, kill], checkpoint=save)
    assert read_checkpoint(save.path).document["round"] == 96
    again = og.resume(
        save.path, learner, adversary, decision_set, observers=[noted], on_violation="record"
    )
    assert_equal(again, whole)


def test_games_side_by_side_are_played_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    losses = [og.losses.QuadraticLoss(c) for c in rng.normal(size=(ROUNDS, 4, 6))]
    adversary = og.adversaries.ObliviousSequence(losses)
    learner = og.learners.Noisy(
        og.learners.OnlineGradientDescent(og.step_sizes.AdaGradNorm(1.0)),
        gradient=og.noise.Gaussian(0.1),
    )
    ball, start = og.sets.L2Ball(1.0, np.zeros(6)), 0.1 * rng.normal(size=(4, 6))
    game: dict[str, Any] = {"rounds": ROUNDS, "start": start, "seed": [5, 6, 7, 8]}
    whole = og.play(learner, adversary, ball, **game)
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    with pytest.raises(Killed):
        og.play(learner, adversary, ball, **game, observers=[kill], checkpoint=save)
    assert_equal(og.resume(save.path, learner, adversary, ball, like=start), whole)


@pytest.mark.parametrize("moves", ["together", "second"])
@pytest.mark.parametrize("name", ["Hedge", "OnlineGradientDescent", "RegretMatching"])
def test_a_second_learner_is_played_on(name: str, moves: Any, tmp_path: Path) -> None:
    """The adversary's memory is a learner's state."""
    matrix = np.random.default_rng(0).normal(size=(6, 4))
    second = getattr(og.learners, name)(*(() if name == "RegretMatching" else (0.1,)))
    adversary = og.adversaries.LearnerAsAdversary(
        second, og.adversaries.Bilinear(matrix), og.sets.Simplex(), np.full(4, 0.25), moves=moves
    )
    parts: Any = (og.learners.Hedge(0.1), adversary, og.sets.Simplex())
    game: dict[str, Any] = {"rounds": ROUNDS, "start": np.full(6, 1 / 6)}
    whole = og.play(*parts, **game)
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    with pytest.raises(Killed):
        og.play(*parts, **game, observers=[kill], checkpoint=save)
    assert_equal(og.resume(save.path, *parts, like=np.zeros(6)), whole)


NETWORK = textwrap.dedent(
    """
    import os, signal, sys
    import olgame as og

    def parts(library):
        x, y = og.data.circle(24)
        if library == "torch":
            import torch
            import olgame_torch
            torch.set_num_threads(1)
            model = olgame_torch.TwoLayerNet(dim=2, width=1100, activation="softplus", seed=0)
        else:
            model = og.models.TwoLayerNet(dim=2, width=1100, activation="softplus", seed=0)
        adversary = og.adversaries.InputAttack(
            model, x, y, loss=og.losses.logistic,
            attack=og.attacks.PGD(steps=3, random_start=True),
            perturbation_set=og.perturbations.l2(0.1), batch_size=16,
        )
        step = og.step_sizes.AdaGradNorm(0.5)
        return og.learners.OnlineGradientDescent(step), adversary, model.neighborhood(1.0)

    def kill(seen):
        if seen.round == 30:
            os.kill(os.getpid(), signal.SIGKILL)

    if __name__ == "__main__":
        save = og.Checkpoint(sys.argv[1], every=4)
        og.play(*parts(sys.argv[2]), rounds=40, seed=9, observers=[kill], checkpoint=save)
    """
)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_killed_process_loses_nothing_but_a_few_rounds(library: str, tmp_path: Path) -> None:
    if library == "torch":
        pytest.importorskip("torch")
    script, path = tmp_path / "game.py", tmp_path / "game.npz"
    script.write_text(NETWORK)
    ended = subprocess.run([sys.executable, str(script), str(path), library], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert read_checkpoint(path).document["round"] == 28
    names: dict[str, Any] = {"__name__": "game"}
    exec(NETWORK, names)
    parts = names["parts"](library)
    again = og.resume(path, *parts)
    whole = og.play(*parts, rounds=40, seed=9)
    assert_equal(again, whole)
    assert type(again.final_point) is type(whole.final_point)
    assert read_checkpoint(path).document["round"] == 40  # it went on being saved


def test_other_parts_and_other_files_are_refused(tmp_path: Path) -> None:
    path = saved_game(tmp_path)
    message = r"resume\(learner=.*another learner: OnlineGradientDescent, got DualAveraging\."
    with pytest.raises(ArgumentError, match=message):
        og.resume(path, og.learners.DualAveraging(0.1), *OGD[1:])
    with pytest.raises(StorageError, match="cannot be read"):
        og.resume(tmp_path / "none.npz", *OGD)
    content = path.read_bytes()
    for broken in (
        content[:-200],
        b"",
        content.replace(b"olgame-checkpoint", b"another-something"),
    ):
        path.write_bytes(broken)
        with pytest.raises(StorageError):
            og.resume(path, *OGD)


def test_hostile_files_are_refused_by_name(tmp_path: Path) -> None:
    """Bytes flipped and ends cut off: the transcript or an error of ours, nothing else."""
    path = saved_game(tmp_path)
    whole, content = og.resume(path, *OGD), path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(150):
        flipped = bytearray(content)
        for at in rng.integers(len(flipped), size=3):
            flipped[at] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(flipped[: len(flipped) - int(rng.choice([0, 0, 100]))]))
        try:
            assert og.resume(path, *OGD).rounds == whole.rounds
        except og.exceptions.OlgameError:
            refused += 1
    assert refused == 150  # every array carries a checksum


@pytest.mark.parametrize("keep", ["examples", "points"])
def test_what_is_not_saved_is_refused_before_the_game(keep: Any, tmp_path: Path) -> None:
    save = og.Checkpoint(tmp_path / "game.npz")
    with pytest.raises(ArgumentError, match=r"play\(checkpoint=.*keep='sums'"):
        og.play(*OGD, rounds=3, keep=keep, checkpoint=save)
    with pytest.raises(ArgumentError, match=r"Checkpoint\(every=.*got 0"):
        og.Checkpoint(tmp_path / "game.npz", every=0)
    with pytest.raises(StorageError, match="cannot be written"):
        og.Checkpoint(tmp_path / "no" / "game.npz")


class Keeper:
    """A learner whose state holds an object that a fresh state does not have."""

    level = og.Level.GRADIENT

    def init(self, start: Any, decision_set: Any) -> dict[str, Any]:
        return {"point": start, "what": None}

    def decide(self, state: dict[str, Any], /) -> Any:
        return state["point"]

    def update(self, state: dict[str, Any], feedback: Any, /) -> dict[str, Any]:
        return {"point": state["point"], "what": BALL}

    def copy(self, state: dict[str, Any], /) -> dict[str, Any]:
        return dict(state)


def test_a_state_that_is_no_data_is_named(tmp_path: Path) -> None:
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    learner: Any = Keeper()
    og.play(learner, *OGD[1:], rounds=ROUNDS, start=np.zeros(6), checkpoint=save)
    with pytest.raises(NotAvailableError, match=r"position\.state\.what.*L2Ball"):
        og.resume(save.path, learner, *OGD[1:])


def test_a_wrong_state_is_noticed(tmp_path: Path) -> None:
    """The comparison is no empty one: a learner that forgets its sum of squares is told apart."""
    step = og.step_sizes.AdaGradNorm(0.5)
    learner = og.learners.OnlineGradientDescent(step)
    game: dict[str, Any] = {"rounds": ROUNDS, "start": np.zeros(6)}
    whole = og.play(learner, *OGD[1:], **game)
    forgets: Any = attrs.make_class("Forgets", [], bases=(og.learners.OnlineGradientDescent,))(step)
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    with pytest.raises(Killed):
        og.play(forgets, *OGD[1:], **game, observers=[kill], checkpoint=save)
    saved = read_checkpoint(save.path)
    saved.document["position"]["mapping"]["state"]["fields"]["gradient_squares"] = 0.0
    saved.document["parts"] = None  # or the other class would be refused
    rewrite(save.path, saved)
    with pytest.raises(AssertionError):
        assert_equal(og.resume(save.path, learner, *OGD[1:]), whole)


def test_a_checkpoint_serves_a_second_game(tmp_path: Path) -> None:
    """The second game is saved as soon as the first was, with its own parts."""
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    og.play(*OGD, rounds=ROUNDS, start=np.zeros(6), checkpoint=save)
    second = (og.learners.DualAveraging(0.1), *OGD[1:])
    whole = og.play(*second, rounds=ROUNDS, start=np.zeros(6), checkpoint=save)
    assert_equal(og.resume(save.path, *second), whole)


def test_observers_of_a_resumed_game_are_looked_at_first(tmp_path: Path) -> None:
    """Not taken for a damaged file."""
    path = saved_game(tmp_path)
    with pytest.raises(ArgumentError, match=r"`resume\(observers=\.\.\.\)`"):
        og.resume(path, *OGD, observers=3)  # type: ignore[arg-type]  # what is refused
