"""Many games at once: each is the game that its start, its seed and its data make alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.checks import check_adversary, check_model
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError, ViolationError
from olgame.game_generators import game_generator
from olgame.models.grouped_evaluation import GroupedEvaluation
from olgame.one_game import one_game
from olgame.theory import audit
from tests.many_games import (
    ATTACKS,
    DIM,
    GAMES,
    SAMPLES,
    SEEDS,
    WIDTH,
    Setting,
    data,
    difference,
    round_difference,
    worst_difference,
)


def network(activation: str = "softplus", paired: bool = True, **options: Any) -> Any:
    def make(seed: Any) -> Any:
        return og.models.TwoLayerNet(
            dim=DIM, width=WIDTH, activation=activation, paired=paired, seed=seed, **options
        )

    return make


def linearized(make: Any) -> Any:
    return lambda seed: og.models.Linearized(make(seed))


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
    monkeypatch.setattr("olgame.referee.SMALL", 10)
    assert worst_difference(Setting(model=network())) < 1e-12


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("loss", ["cross_entropy", "multiclass_hinge"])
def test_games_with_classes(loss: str, paired: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output weights of shape (m, k) for each game, also a few games at a time."""
    make = network(paired=paired, classes=3)
    for model in (make, linearized(make)):
        setting = Setting(model=model, loss=getattr(og.losses, loss), classes=3, batch_size=7)
        assert worst_difference(setting) < 1e-12
        run = setting.together()
        assert og.regret.game_ledgers(run, run.final_point).closes
        monkeypatch.setattr("olgame.models.grouped_evaluation.GROUP", 2 * WIDTH * SAMPLES)


@pytest.mark.parametrize("own_data", [True, False])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("model", ["softplus, paired", "relu, unpaired", "linearized"])
def test_large_games_are_evaluated_a_few_at_a_time(
    model: str, size: int, own_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olgame.models.grouped_evaluation.GROUP", size * WIDTH * SAMPLES)
    setting = Setting(model=MODELS[model], own_data=own_data)
    assert worst_difference(setting) < 1e-12
    start = MODELS[model](SEEDS).start
    found = MODELS[model](SEEDS)
    evaluation = getattr(found, "model", found).at(start, data()[0])
    assert isinstance(evaluation, GroupedEvaluation)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_each_round_from_a_common_point(loss: str, norm: str) -> None:
    """Where kinks amplify rounding, whole games drift apart, but no round does."""
    setting = Setting(
        model=network(),
        loss=getattr(og.losses, loss),
        perturbation_set=getattr(og.perturbations, norm)(0.2),
        learner=og.learners.OnlineGradientDescent(2.0),
        rounds=25,
    )
    run = setting.together()
    for game in range(GAMES):
        assert round_difference(setting, run, game) < 1e-10


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
    monkeypatch.setattr("olgame.referee.CHUNK", 4)
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


# --- what is found out about them -----------------------------------------------------------------


def test_regret_of_the_batch_is_that_of_its_games() -> None:
    run = Setting(model=network()).together()
    linear = np.asarray(og.regret.linear(run).value)
    curve = og.regret.linear_curve(run)
    external = og.regret.external(run, run.final_point)
    for i, single in enumerate(run.each_game()):
        assert linear[i] == pytest.approx(og.regret.linear(single).value, rel=1e-12)
        assert external[i] == pytest.approx(
            og.regret.external(single, single.final_point), rel=1e-10, abs=1e-12
        )
        np.testing.assert_allclose(curve[:, i], og.regret.linear_curve(single), atol=1e-12)
        np.testing.assert_array_equal(run.best_round[i], single.best_round)


def test_theorems_judge_one_game() -> None:
    setting = Setting(model=network(), learner=og.learners.OnlineGradientDescent(1.0))
    run = setting.together()
    theorem = og.theory.TwoLayer(og.activations.softplus, og.losses.logistic, 1.15)
    for i, single in enumerate(run.each_game()):
        alone = setting.alone(i)
        assert og.theory.ProjectedOGD().check(single).conclusion == "certified_holds"
        floors = [og.theory.floor(game, 0.8).value for game in (single, alone)]
        assert floors[0] == pytest.approx(floors[1], rel=1e-12, abs=1e-12)
        verdicts = [theorem.check(g, accuracy=2.0, weight_radius=0.8) for g in (single, alone)]
        assert str(verdicts[0].premises) == str(verdicts[1].premises)
        assert verdicts[0].conclusion == verdicts[1].conclusion
        assert not {p.name for p in verdicts[0].premises.failing} - {"rounds", "width"}
    for judge in (
        lambda: og.theory.floor(run, 0.8),
        lambda: og.theory.ProjectedOGD().check(run),
        lambda: theorem.check(run, accuracy=2.0, weight_radius=0.8),
        lambda: og.regret.ledger(run, run.start),
    ):
        with pytest.raises(NotAvailableError, match=r"run\.game\(index\)"):
            judge()


def test_the_books_of_all_games_close() -> None:
    run = Setting(model=network()).together()
    for comparator in (run.final_point, run.start, og.regret.linear_maximizer(run), run.start[1]):
        inside = run.decision_set.project(np.broadcast_to(np.asarray(comparator), run.start.shape))
        found = og.regret.game_ledgers(run, inside)
        assert found.closes, str(found)
        assert found.closing_error.shape == (GAMES,)
        assert found.closing_error.max() <= 1e-10
        assert str(found).startswith("the books of 4 games close")
        assert found[2] is found.ledgers[2,]


class WrongInOneGame(og.learners.OnlineGradientDescent):
    """Where the projection moves the point of game 2, it moves it a tenth too far."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state = super().update(state, feedback)
        if state.point.ndim > 1:
            center = state.decision_set.center
            wrong = np.array(state.point)
            if (state.point[2] != state.before_projection[2]).any():
                wrong[2] = center[2] + 0.9 * (state.point[2] - center[2])
            state.point = wrong
        return state


@pytest.mark.parametrize("small", [10, 2**11])
def test_a_wrong_projection_in_one_game_is_named(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olgame.referee.SMALL", small)
    setting = Setting(model=network(), learner=WrongInOneGame(4.0), radius=0.3)
    run = setting.together()
    others = np.arange(GAMES) != 2
    assert run.update_error[:, others].max() < 1e-14
    assert run.update_error[:, 2].max() > 0.02
    steps = [audit.gradient_steps(single) for single in run.each_game()]
    assert [premise.status for premise in steps] == ["holds", "holds", "fails", "holds"]
    books = og.regret.game_ledgers(run, og.regret.linear_maximizer(run))
    assert books.open_games == [(2,)]
    assert str(books).startswith("THE BOOKS OF GAME 2 ARE OPEN")


class LeavesInOneGame(og.learners.OnlineGradientDescent):
    """Forgets to project game 1."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state = super().update(state, feedback)
        state.point = np.concatenate(
            [state.point[:1], state.before_projection[1:2], state.point[2:]]
        )
        return state


@pytest.mark.parametrize("small", [10, 2**11])
def test_broken_rules_name_the_game(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("olgame.referee.SMALL", small)
    setting = Setting(model=network(), learner=LeavesInOneGame(4.0), radius=0.3)
    with pytest.raises(ViolationError, match=r"In round \d+ of game 1, the learner's point is"):
        setting.together()
    run = setting.together(on_violation="record")
    assert {violation.game for violation in run.violations} == {(1,)}
    assert not run.game(0).violations
    assert len(run.game(1).violations) == len(run.violations)
    assert run.game(1).violations[0].game == ()
    assert audit.points_feasible(run.game(1)).fails
    assert audit.points_feasible(run.game(3)).holds


def test_an_input_outside_its_set_names_game_and_sample() -> None:
    def attack(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        moved = np.array(x)
        moved[3, 5] += 0.5
        moved[0, 2] += 0.25 / DIM**0.5
        value = objective.value(moved)
        return og.attacks.AttackResult(moved, value, value, 1, 0)

    setting = Setting(model=network(), attack=attack, perturbation_set=og.perturbations.l2(0.25))
    with pytest.raises(ViolationError, match=r"In round 1 of game 3, sample 5 was moved 0\.868"):
        setting.together()
    run = setting.together(on_violation="record")
    assert [v.game for v in run.violations] == [(3,)] * setting.rounds
    assert audit.inputs_allowed(run.game(0)).holds
    assert audit.inputs_allowed(run.game(3)).fails


def test_a_loss_that_is_not_finite_names_its_game() -> None:
    class Nan(og.losses.Logistic):
        def value(self, z: Any, y: Any) -> Any:
            value: Any = super().value(z, y)
            return np.where(np.arange(GAMES)[:, None] == 2, np.nan, value)

    def still(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        return og.attacks.AttackResult(x, objective.output(x), objective.output(x), 0, 0)

    run = Setting(model=network(), attack=still, loss=Nan()).together(on_violation="record")
    assert {violation.game for violation in run.violations} == {(2,)}
    assert np.isfinite(og.regret.linear(run.game(1)).value)


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
            run.game(index)  # type: ignore[arg-type]
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
