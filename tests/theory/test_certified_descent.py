"""Down the certificate: half of the width of a ReLU bracket, and steps as the formula has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import CertifiedAdversary
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.theory.certified_descent import certified_descent
from olgame.theory.game_value import DESCENT

Floats = NDArray[np.float64]
R = 2.0


def game(activation: str = "relu", loss: Any = og.losses.hinge, rounds: int = 20) -> og.Transcript:
    x, y = og.data.gaussians(20, dim=5, separation=1.0, seed=0)
    model = og.models.TwoLayerNet(dim=5, width=256, activation=activation, seed=1)
    attack = og.attacks.Climbing(og.attacks.PGD(steps=5), og.losses.logistic)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=loss, attack=attack, perturbation_set=og.perturbations.l2(0.2)
    )
    learner = og.learners.OnlineGradientDescent(2.0)
    return og.play(learner, adversary, model.neighborhood(R), rounds=rounds, keep="examples")


@pytest.fixture(scope="module")
def run() -> og.Transcript:
    return game()


def certificate(run: og.Transcript, w: Any) -> float:
    a: Any = run.adversary
    found = og.certify.robust_loss(a.model, w, a.x, a.y, a.loss, a.perturbation_set)
    assert found.upper is not None
    return found.upper.value


def distance(run: og.Transcript, w: Any) -> float:
    adversary: Any = run.adversary
    return float(np.linalg.norm(np.asarray(w) - np.asarray(adversary.model.start)))


class Visits:
    """The points that a descent computes certificates at, with value and gradient."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.points: list[Floats] = []
        self.values: list[float] = []
        self.gradients: list[Floats] = []
        respond = CertifiedAdversary.respond

        def seen(adversary: Any, state: Any, view: Any, /) -> Any:
            response, state = respond(adversary, state, view)
            found: Any = response.loss.evaluate(view.point)
            self.points.append(np.asarray(view.point))
            self.values.append(float(found.value))
            self.gradients.append(np.asarray(found.gradient))
            return response, state

        monkeypatch.setattr(CertifiedAdversary, "respond", seen)


def test_the_bracket_of_a_relu_game_is_half_as_wide(run: og.Transcript) -> None:
    plain = og.theory.game_value(run, R, best_weights=False)
    value = og.theory.game_value(run, R, best_weights=False, certified_rounds=10)
    assert value.width < 0.6 * plain.width
    assert value.floor == plain.floor
    best = value.ceilings[-1]
    assert best.name == DESCENT == "least certificate"
    assert value.ceiling == best.certified
    assert distance(run, value.point) <= R
    assert value.ceiling is not None
    assert value.ceiling.value == pytest.approx(certificate(run, value.point), abs=1e-9)
    assert value.causes is not None
    assert value.causes.close


def test_the_least_of_all_visited(run: og.Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = Visits(monkeypatch)
    found = certified_descent(run.adversary, run.final_point, R, 0.27, 12)
    assert len(visits.values) == 12
    least = int(np.argmin(visits.values))
    assert np.array_equal(np.asarray(found), visits.points[least])
    assert visits.values[least] < visits.values[0] - 0.005
    assert certificate(run, found) == pytest.approx(visits.values[least], abs=1e-9)


@pytest.mark.parametrize("inside", [True, False])
def test_steps_are_those_of_the_formula(
    run: og.Transcript, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the ball g itself counts, on its sphere what the projection leaves of it."""
    adversary: Any = run.adversary
    center = np.asarray(adversary.model.start)
    moved = np.asarray(run.final_point) - center
    first = center + moved * ((0.5 if inside else 1.0) * R / np.linalg.norm(moved))
    visits, floor = Visits(monkeypatch), 0.27
    certified_descent(adversary, first, R, floor, 2)
    g, delta = visits.gradients[0], first - center
    along = g
    if not inside:
        assert g @ delta < 0  # descent leads outward
        along = g - (g @ delta) / (delta @ delta) * delta
    step = 0.5 * (visits.values[0] - floor) / (along @ along)
    after = first - step * g - center
    after *= min(1.0, R / np.linalg.norm(after))
    assert visits.points[1] == pytest.approx(center + after, abs=1e-9)


def test_steps_that_do_not_help_are_halved(
    run: og.Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a floor far too low the first steps are far too long."""
    visits = Visits(monkeypatch)
    found = certified_descent(run.adversary, run.final_point, R, -100.0, 25)
    assert visits.values[1] > visits.values[0] + 0.05
    assert certificate(run, found) <= visits.values[0] + 1e-9
    assert min(visits.values[12:]) < visits.values[1]


def test_nowhere_to_go(run: og.Transcript) -> None:
    """One round is a look at the start; at the floor there is no step."""
    for floor, rounds in ((0.27, 1), (5.0, 9)):
        found = certified_descent(run.adversary, run.final_point, R, floor, rounds)
        assert np.array_equal(np.asarray(found), np.asarray(run.final_point))


def test_more_quadratics_lower_the_ceiling(run: og.Transcript) -> None:
    few, usual, many = (
        og.theory.game_value(run, R, best_weights=False, certificate_steps=steps)
        for steps in (2, None, 50)
    )
    assert few.width > usual.width > many.width


def test_an_exact_certificate_stays_a_ceiling() -> None:
    """Softplus: nothing is to be gained, and nothing is lost."""
    run = game("softplus", rounds=12)
    plain = og.theory.game_value(run, R, best_weights=False)
    value = og.theory.game_value(run, R, best_weights=False, certified_rounds=4)
    assert plain.ceiling is not None
    assert value.ceiling is not None
    assert value.ceiling.value <= plain.ceiling.value
    assert value.floor is not None
    assert value.floor.value <= value.ceiling.value


def test_refused(run: og.Transcript) -> None:
    with pytest.raises(
        ArgumentError, match=r"`game_value\(certified_rounds=...\)` must be an integer"
    ):
        og.theory.game_value(run, R, certified_rounds=-1)
    with pytest.raises(ArgumentError, match=r"`game_value\(certificate_steps=...\)` must be an"):
        og.theory.game_value(run, R, certificate_steps=0)
    squared = game(loss=og.losses.absolute, rounds=3)
    with pytest.raises(NotAvailableError, match="must be a loss of the margin"):
        og.theory.game_value(squared, R, best_weights=False, certified_rounds=2)
