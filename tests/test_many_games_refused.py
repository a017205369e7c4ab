"""Games that are mixed up are noticed, and parts that disagree refused."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.game_generators import game_generator
from olgame.one_game import one_game
from tests.many_games import (
    ATTACKS,
    DIM,
    GAMES,
    SEEDS,
    WIDTH,
    Setting,
    data,
    worst_difference,
)
from tests.numpy_networks import network

# --- two games mixed up ---------------------------------------------------------------------------


def _first_for_all(seed: Any, games: Any, role: str, round: int = 0) -> Any:
    """The draws of the first game, for every game."""
    return game_generator(seed if isinstance(seed, int) else seed[0], games, role, round)


class NextGamesGradient(og.models.TwoLayerNet):
    """Gives each game the weight gradient of the next."""

    def at(self, w: Any, x: Any) -> Any:
        at: Any = super().at(w, x)
        if w.ndim == 1:
            return at
        pullback = at.pullback_w
        rolled = lambda c: np.roll(pullback(c), 1, axis=0)  # noqa: E731
        return attrs.make_class("At", ["z", "pullback_x", "pullback_w", "jvp_w"])(
            at.z, at.pullback_x, rolled, at.jvp_w
        )


class SummedInputGradient(og.models.TwoLayerNet):
    """Adds the input gradients of all games up, as plain differentiation of shared data does."""

    def at(self, w: Any, x: Any) -> Any:
        at: Any = super().at(w, x)
        if w.ndim == 1:
            return at
        pullback = at.pullback_x
        summed = lambda c: pullback(c) * 0.0 + pullback(c).sum(0)  # noqa: E731
        return attrs.make_class("At", ["z", "pullback_x", "pullback_w", "jvp_w"])(
            at.z, summed, at.pullback_w, at.jvp_w
        )


def test_games_that_share_their_draws_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in ({}, {"attack": ATTACKS["PGD"], "batch_size": 5}):
        setting = Setting(model=network(), **options)
        assert worst_difference(setting) < 1e-12
        with monkeypatch.context() as patch:
            patch.setattr("olgame.adversaries.input_attack.game_generator", _first_for_all)
            assert worst_difference(setting) > 1e-3


def test_networks_that_mix_two_games_are_noticed() -> None:
    def make(kind: Any) -> Any:
        return lambda seed: kind(dim=DIM, width=WIDTH, seed=seed)

    mixed = Setting(model=make(NextGamesGradient), attack=ATTACKS["PGD"])
    assert worst_difference(mixed) > 1e-3
    run = mixed.together()
    assert og.regret.game_ledgers(run, run.final_point).open_games == [(i,) for i in range(GAMES)]
    summed = Setting(model=make(SummedInputGradient), attack=ATTACKS["PGD"])
    assert worst_difference(summed) > 1e-3


# --- errors -------------------------------------------------------------------------------------


def test_parts_that_disagree_are_refused() -> None:
    x, y = data()
    setting = Setting(model=network())
    with pytest.raises(ShapeError, match=r"agree in the leading axes.*\(3,\), \(4,\), \(4,\)"):
        setting.adversary([1, 2, 3], x, y)
    adversary = setting.adversary(SEEDS, x, y)
    ball = adversary.model.neighborhood(1.0)
    learner = og.learners.OnlineGradientDescent(0.1)
    with pytest.raises(ArgumentError, match=r"one for each game, got 3 seeds for games of shape"):
        og.play(learner, adversary, ball, rounds=2, seed=[1, 2, 3])
    ball = og.sets.L2Ball(100.0, center=np.zeros(DIM * WIDTH))
    with pytest.raises(ShapeError, match=r"\(2,\) of `start`, \(4,\) of `adversary`"):
        og.play(learner, adversary, ball, rounds=2, start=np.zeros((2, DIM * WIDTH)))
    with pytest.raises(ShapeError, match="must have a row for each"):
        adversary.model(adversary.model.start[0], x[0])
    with pytest.raises(ShapeError, match=r"`model\.game\(index\)`"):
        adversary.model.two_layer(adversary.model.start[0])


def test_there_is_no_other_game() -> None:
    run = Setting(model=network()).together()
    for index in (4, -5, (0, 0), "first", 1.0):
        with pytest.raises(
            ArgumentError, match=r"`Transcript.game\(index=...\)` must be the place"
        ):
            run.game(index)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ArgumentError, match="for a single game"):
        run.game(0).game(0)
    assert next(run.game(0).each_game()).games == ()
    with pytest.raises(ArgumentError, match="must be the place of one of the games"):
        network()(SEEDS).game((7,))


class NamelessBall:
    """A ball for each game, which does not say what it is in one."""

    def __init__(self, ball: Any) -> None:
        self._ball = ball

    def __getattr__(self, name: str) -> Any:
        if name in {"game", "project_in_place", "_ball"}:
            raise AttributeError(name)
        return getattr(self._ball, name)


class NamelessLoss(NamelessBall):
    pass


def test_parts_that_do_not_say_what_they_are_in_one_game() -> None:
    centers = np.arange(12.0).reshape(3, 4)
    learner = og.learners.OnlineGradientDescent(0.1)
    loss = og.losses.LinearLoss(np.ones((3, 4)))
    ball: Any = NamelessBall(og.sets.L2Ball(1.0, centers))
    run = og.play(learner, og.adversaries.ObliviousSequence([loss] * 3), ball, rounds=3)
    with pytest.raises(NotAvailableError, match="NamelessBall has leading axes"):
        run.game(0)
    nameless: Any = NamelessLoss(loss)
    run = og.play(
        learner,
        og.adversaries.ObliviousSequence([nameless] * 3),
        og.sets.L2Ball(1.0, centers),
        rounds=3,
        keep="examples",
    )
    with pytest.raises(NotAvailableError, match="NamelessLoss has leading axes"):
        run.game(0)


SETS: dict[str, Any] = {
    "ball": og.sets.L2Ball(0.5, np.arange(12.0).reshape(2, 6)),
    "shared ball": og.sets.L2Ball(0.5, np.arange(6.0)),
    "cube": og.sets.LinfBall(0.5, np.arange(12.0).reshape(2, 6)),
    "cross-polytope": og.sets.L1Ball(0.5, np.arange(12.0).reshape(2, 6)),
    "rows": og.sets.L2InfBall(0.5, 3, np.arange(12.0).reshape(2, 6)),
    "box": og.sets.Box(np.arange(12.0).reshape(2, 6), 20.0),
    "product": og.sets.ProductSet([
        (og.sets.L2Ball(0.5, np.arange(4.0).reshape(2, 2)), 2), (og.sets.Simplex(), 4)
    ]),
    "translated": og.sets.L2Ball(0.5).translate(np.arange(12.0).reshape(2, 6)),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_what_it_is_in_one_game(name: str) -> None:
    x = 3.0 * np.random.default_rng(0).standard_normal((2, 6))
    together = SETS[name].project(x)
    for i in range(2):
        single = one_game(SETS[name], (i,))
        np.testing.assert_allclose(single.project(x[i]), together[i], rtol=1e-14)
