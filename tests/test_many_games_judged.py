"""What is found out about many games: regret, books and broken rules, game by game."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import NotAvailableError, ViolationError
from olgame.theory import audit
from tests.many_games import (
    DIM,
    GAMES,
    Setting,
)
from tests.numpy_networks import network

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
    monkeypatch.setattr("olgame.chunks.SMALL", small)
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
    monkeypatch.setattr("olgame.chunks.SMALL", small)
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
