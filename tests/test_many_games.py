"""Many games at once: each is the game that its start, its seed and its data make alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.checks import check_adversary, check_model
from tests.many_games import (
    ATTACKS,
    DIM,
    GAMES,
    SAMPLES,
    SEEDS,
    Setting,
    check_games_in_groups,
    check_games_with_classes,
    check_rounds_from_a_common_point,
    data,
    difference,
    linearized,
    worst_difference,
)
from tests.numpy_networks import network

MODELS: dict[str, Any] = {
    "softplus, paired": network(),
    "softplus, unpaired": network(paired=False),
    "relu, paired": network("relu"),
    "relu, unpaired": network("relu", paired=False),
    "linearized": linearized(network()),
    "linearized, unpaired": linearized(network("tanh", paired=False)),
    "linear": lambda seed: og.models.LinearModel(DIM),
}


CASES = [
    (model, attack)
    for model in MODELS
    for attack in ATTACKS
    if model == "softplus, paired" or attack == "PGD from a random start"
]


@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize(("model", "attack"), CASES)
def test_each_game_is_the_single_game(model: str, attack: str, batch_size: int | None) -> None:
    setting = Setting(model=MODELS[model], attack=ATTACKS[attack], batch_size=batch_size)
    assert worst_difference(setting) < 1e-12


@pytest.mark.parametrize(
    "setting",
    [
        Setting(model=network(), own_data=False),
        Setting(model=network(), perturbation_set=og.perturbations.linf(0.1), batch_size=4),
        Setting(
            model=network(),
            perturbation_set=og.perturbations.l2(np.linspace(0.0, 0.3, SAMPLES)),
            batch_size=7,
        ),
        Setting(model=network(), loss=og.losses.smoothed_hinge, learner=og.learners.from_function(
            lambda w, feedback: w - 0.3 * feedback.gradient
        )),
        Setting(model=network(), learner=og.learners.OnlineGradientDescent(3.0), radius=0.1),
    ],
    ids=["shared data", "linf, batches", "a radius each, batches", "lifted", "projected"],
)  # fmt: skip
def test_other_settings_too(setting: Setting) -> None:
    assert worst_difference(setting) < 1e-12


def test_large_points_are_booked_round_by_round_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("olgame.chunks.SMALL", 10)
    assert worst_difference(Setting(model=network())) < 1e-12


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("loss", ["cross_entropy", "multiclass_hinge"])
def test_games_with_classes(loss: str, paired: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    check_games_with_classes(network, loss, paired, monkeypatch)


@pytest.mark.parametrize("own_data", [True, False])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("model", ["softplus, paired", "relu, unpaired", "linearized"])
def test_large_games_are_evaluated_a_few_at_a_time(
    model: str, size: int, own_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_games_in_groups(MODELS[model], size, own_data, monkeypatch, inner=True)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_each_round_from_a_common_point(loss: str, norm: str) -> None:
    check_rounds_from_a_common_point(network(), loss, norm, 25)


def test_more_than_one_leading_axis() -> None:
    """Two rows of three games, six seeds in row-major order."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 3, 8, DIM)), np.where(rng.random((2, 3, 8)) < 0.5, 1.0, -1.0)
    model = og.models.LinearModel(DIM)
    seeds = [4, 9, 2, 9, 0, 1]

    def play(x: Any, y: Any, seed: Any) -> og.Transcript:
        adversary = og.adversaries.InputAttack(
            model, x, y, loss=og.losses.logistic, attack=ATTACKS["PGD from a random start"],
            perturbation_set=og.perturbations.l2(0.2), batch_size=5,
        )  # fmt: skip
        learner, ball = og.learners.OnlineGradientDescent(0.5), model.neighborhood(0.7)
        return og.play(learner, adversary, ball, rounds=9, seed=seed, keep="points")

    run = play(x, y, seeds)
    assert run.games == (2, 3)
    for k, place in enumerate(np.ndindex(2, 3)):
        assert difference(run.game(place), play(x[place], y[place], seeds[k])) < 1e-12
    assert [single.seed for single in run.each_game()] == seeds
    assert difference(run.game((-1, -1)), run.game((1, 2))) == 0.0


def test_seeds_alone_make_games() -> None:
    """One start, one set of data: games that differ in their attacks and batches."""
    x, y = data()
    adversary = og.adversaries.InputAttack(
        network()(0), x[0], y[0], loss=og.losses.logistic, batch_size=4,
        attack=ATTACKS["PGD from a random start"], perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    ball = adversary.model.neighborhood(0.5)
    learner = og.learners.OnlineGradientDescent(1.0)
    options: dict[str, Any] = {"rounds": 10, "keep": "points"}
    run = og.play(learner, adversary, ball, seed=range(5, 8), **options)
    assert (run.games, run.seed) == ((3,), (5, 6, 7))
    for i, single in enumerate(run.each_game()):
        alone = og.play(learner, adversary, ball, seed=5 + i, **options)
        assert difference(single, alone) < 1e-12
    assert np.ptp(run.loss[-1]) > 1e-3
    # One seed for all games gives them the same draws.
    start = np.stack([np.asarray(adversary.model.start)] * 2)
    same = og.play(learner, adversary, ball, seed=5, start=start, **options)
    assert difference(same.game(1), run.game(0)) < 1e-12


def test_an_adversary_from_a_function_draws_for_each_game() -> None:
    def push(view: Any, rng: Any) -> Any:
        return og.losses.LinearLoss(rng.standard_normal(view.point.shape))

    adversary = og.adversaries.from_function(push, timing=og.adversaries.Timing.SEES_POINT)
    learner, ball = og.learners.OnlineGradientDescent(0.3), og.sets.L2Ball(1.0, np.zeros(6))
    run = og.play(learner, adversary, ball, rounds=150, seed=[1, 2], keep="points")
    for i, seed in enumerate((1, 2)):
        alone = og.play(learner, adversary, ball, rounds=150, seed=seed, keep="points")
        assert difference(run.game(i), alone) < 1e-12


@pytest.mark.parametrize("own", [True, False])
def test_losses_that_are_fixed_before_the_game(own: bool) -> None:
    """A sequence that games share, or that has leading axes."""
    rng = np.random.default_rng(2)
    shape = (3, 6) if own else (6,)
    losses: list[Any] = [og.losses.LinearLoss(rng.standard_normal(shape)) for _ in range(20)]
    losses += [og.losses.QuadraticLoss(rng.standard_normal(shape), 0.5) for _ in range(20)]
    centers = rng.standard_normal((3, 6))
    learner = og.learners.OnlineGradientDescent(0.2)
    run = og.play(
        learner,
        og.adversaries.ObliviousSequence(losses),
        og.sets.L2Ball(0.5, centers),
        rounds=40,
        keep="examples",
    )
    for i, single in enumerate(run.each_game()):
        adversary = run.game(i).adversary
        ball = og.sets.L2Ball(0.5, centers[i])
        alone = og.play(learner, adversary, ball, rounds=40, keep="examples")
        assert difference(single, alone) < 1e-12
        assert og.regret.ledger(single, single.final_point).closes


LEARNERS: dict[str, Any] = {
    "noisy": lambda seed: og.learners.Noisy(
        og.learners.OnlineGradientDescent(0.2), gradient=og.noise.Gaussian(0.3), seed=seed
    ),
    "perturbed leader": lambda seed: og.learners.FollowThePerturbedLeader(2.0, seed=seed),
    "one-point bandit": lambda seed: og.learners.OnePointBandit(0.05, exploration=0.1, seed=seed),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_that_draw_have_a_seed_for_each_game(name: str) -> None:
    rng = np.random.default_rng(4)
    losses = [og.losses.LinearLoss(rng.standard_normal((3, 5))) for _ in range(30)]
    adversary, ball = og.adversaries.ObliviousSequence(losses), og.sets.L2Ball(1.0, np.zeros(5))
    start, seeds = np.zeros((3, 5)), [8, 2, 8]
    run = og.play(LEARNERS[name](seeds), adversary, ball, rounds=30, start=start, keep="examples")
    assert (run.loss[:, 0] != run.loss[:, 1]).any()
    for i, seed in enumerate(seeds):
        single = run.game(i)
        alone = og.play(
            LEARNERS[name](seed), adversary.game((i,)), ball, rounds=30, keep="examples"
        )
        assert difference(single, alone) < 1e-12
        for replayed in og.replay(single):
            t = replayed.round - 1
            assert replayed.evaluation.value == pytest.approx(single.loss[t], abs=1e-12)


def test_a_batch_is_played_on_after_its_process_was_killed(tmp_path: Path) -> None:
    x, y = data()
    setting = Setting(model=network(), rounds=30)
    whole = setting.together(keep="sums")
    save = og.Checkpoint(tmp_path / "game.npz", every=1)

    class Killed(BaseException):
        pass

    def kill(seen: Any) -> None:
        if seen.round == 29:
            raise Killed

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("olgame.chunks.CHUNK", 4)
    with pytest.raises(Killed):
        setting.together(keep="sums", checkpoint=save, observers=[kill])
    monkeypatch.undo()
    adversary = setting.adversary(SEEDS[::-1], x, y)
    again = og.resume(save.path, setting.learner, adversary, adversary.model.neighborhood(0.8))
    assert again.seed == tuple(SEEDS)
    for i in range(GAMES):
        assert difference(again.game(i), whole.game(i)) < 1e-12


def test_parts_of_several_games_are_checked_as_the_first_of_them() -> None:
    x, y = data()
    setting = Setting(model=network())
    assert check_model(network()(SEEDS)).skipped == {}
    assert "in B(x)" in check_adversary(setting.adversary(SEEDS, x, y)).passed
