"""Restarts and BestOf: the largest loss of all, counted and traced; FunctionAttack's errors."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, AttackResult, BestOf, FunctionAttack, Restarts
from olgame.exceptions import ArgumentError, ShapeError, ViolationError
from olgame.perturbations import l2

RNG = np.random.default_rng
X = np.zeros((5, 2))


@attrs.frozen
class Scripted:
    """An attack that returns given losses, one row a call; its points carry the call's number."""

    losses: tuple[tuple[float, ...], ...]
    traced: bool = True
    draws: list[float] = attrs.field(factory=list)

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
        call = len(self.draws)
        self.draws.append(rng.random())
        loss = np.array(self.losses[call])
        point = np.full((len(loss), 2), float(call))
        clean = np.zeros(len(loss))
        trace = np.stack([clean, loss]) if self.traced else None
        return AttackResult(point, loss, clean, n_values=1, n_gradients=call + 1, trace=trace)


ROWS = ((1.0, 0.5, 3.0, 0.0, 2.0), (2.0, 0.5, 1.0, 0.0, 1.0), (1.5, 0.7, 9.0, 0.0, 2.0))


def test_the_largest_loss_is_kept_not_the_first_success_nor_the_last_run() -> None:
    attack = Scripted(ROWS)
    result: Any = Restarts(attack, 3)(None, X, l2(0.1), RNG(0))  # type: ignore[arg-type]  # its attack asks no objective
    np.testing.assert_array_equal(result.loss, [2.0, 0.7, 9.0, 0.0, 2.0])
    np.testing.assert_array_equal(result.x[:, 0], [1.0, 2.0, 2.0, 0.0, 0.0])
    assert (result.n_values, result.n_gradients) == (3, 6)
    np.testing.assert_array_equal(result.trace.max(0), result.loss)
    assert result.trace.shape == (6, 5)
    assert len(set(attack.draws)) == 3


def test_best_of_joins_what_its_attacks_found() -> None:
    first, second = Scripted(ROWS[:1]), Scripted(ROWS[1:2], traced=False)
    result: Any = BestOf(first, second)(None, X, l2(0.1), RNG(0))  # type: ignore[arg-type]  # its attack asks no objective
    np.testing.assert_array_equal(result.loss, [2.0, 0.5, 3.0, 0.0, 2.0])
    assert result.trace is None
    assert (result.n_values, result.n_gradients) == (2, 2)
    assert first.draws != second.draws


def test_more_restarts_contain_the_fewer() -> None:
    few, many = Scripted(ROWS), Scripted(ROWS)
    Restarts(few, 2)(None, X, l2(0.1), RNG(4))  # type: ignore[arg-type]  # its attack asks no objective
    Restarts(many, 3)(None, X, l2(0.1), RNG(4))  # type: ignore[arg-type]  # its attack asks no objective
    assert many.draws[:2] == few.draws


def test_a_generator_that_cannot_spawn_will_do() -> None:
    keyed = np.random.Generator(np.random.Philox(key=3))
    Restarts(Scripted(ROWS), 2)(None, X, l2(0.1), keyed)  # type: ignore[arg-type]  # its attack asks no objective


@pytest.mark.parametrize("attack", [PGD(), FGSM(), BestOf(PGD(), FGSM())])
def test_restarts_of_a_deterministic_attack_are_refused(attack: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must draw its start, got .*random_start=True"):
        Restarts(attack, 3)


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_number_of_restarts(n: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`Restarts\(n=...\)` must be an integer of at least"):
        Restarts(PGD(random_start=True), n)


@pytest.mark.parametrize("attacks", [(), (PGD(), "PGD")])
def test_best_of_what(attacks: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`BestOf\(\*attacks\)` must be given"):
        BestOf(*attacks)


class Sum:
    """score(x) = the sum of the entries."""

    def value(self, x: Any) -> Any:
        return x.sum(-1)

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        return x.sum(-1), np.ones_like(x)

    def output(self, x: Any) -> Any:
        return x.sum(-1)

    def take(self, index: Any) -> Sum:
        return self


def test_a_proposal_outside_is_projected_and_all_evaluations_are_counted() -> None:
    def far(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        objective.value(x)
        _, gradient = objective.value_and_gradient(x)
        objective.output(x)
        return x + 7.0 * gradient

    result: Any = FunctionAttack(far)(Sum(), X, l2(0.1), RNG(0))
    np.testing.assert_allclose(result.x, 0.1 / np.sqrt(2.0), rtol=1e-14)
    assert (result.n_values, result.n_gradients) == (4, 1)


@pytest.mark.parametrize(
    ("proposal", "error", "message"),
    [
        (np.zeros((5, 3)), ShapeError, r"must return inputs of shape \(5, 2\), got ndarray.*5, 3"),
        (None, ShapeError, r"got NoneType of shape None"),
        (np.full((5, 2), np.nan), ViolationError, r"`FunctionAttack`: the score of sample 0"),
    ],
)
def test_bad_proposals(proposal: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FunctionAttack(lambda objective, x, B, rng: proposal)(Sum(), X, l2(0.1), RNG(0))
