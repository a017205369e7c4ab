"""A game that goes on until its value is known, and verdicts that wait for it; real digits too."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.play_until import NAME
from olgame.storage import load_run, save_run

R = 3.0


def digits(
    width: int, activation: str = "softplus", *, steps: int = 5, samples: int | None = None
) -> tuple[Any, Any]:
    """Digits 0 against 1 on the unit sphere, hinge, l2 perturbations of 0.1."""
    pytest.importorskip("sklearn")
    x, y = og.data.digits(classes=(0, 1))
    model = og.models.TwoLayerNet(dim=64, width=width, activation=activation, seed=0)
    adversary = og.adversaries.InputAttack(
        model, x[:samples], y[:samples], loss=og.losses.hinge,
        attack=og.attacks.PGD(steps=steps), perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    return model, adversary


def until(width: float, *, step: float = 1.736, **options: Any) -> og.PlayedUntil:
    model, adversary = digits(options.pop("m", 150))
    asked = {"rounds": 60, "every": 6} | options
    return og.play_until(
        og.learners.OnlineGradientDescent(step), adversary, model.neighborhood(R),
        weight_radius=R, bracket_width=width, **asked,
    )  # fmt: skip


@pytest.fixture(scope="module")
def narrow() -> og.PlayedUntil:
    return until(0.002)


def test_it_stops_where_the_bracket_is_narrow(narrow: og.PlayedUntil) -> None:
    run = narrow.run
    assert (narrow.narrow, run.status, run.planned_rounds) == (True, "stopped", 60)
    assert run.stop_reason.startswith(f"{NAME}: the bracket is")
    rounds, widths = narrow.widths
    assert rounds.tolist() == [6 * k for k in range(1, len(rounds) + 1)]
    assert rounds[-1] == run.rounds < 60
    assert (np.diff(widths) <= 0.0).all()
    assert widths[-1] == narrow.width <= 0.002 < widths[-2]
    assert [value.rounds for value in narrow.values] == rounds.tolist()
    # Every look bounds the same number.
    ends = [(value.interval.lower.value, value.interval.upper.value) for value in narrow.values]
    assert max(low for low, _ in ends) == narrow.floor.value
    assert min(high for _, high in ends) == narrow.ceiling.value
    adversary: Any = run.adversary
    model = adversary.model
    assert np.linalg.norm(np.asarray(narrow.point) - np.asarray(model.start)) <= R
    for value in narrow.values:
        assert value.causes is not None
        assert value.causes.close
    assert "as narrow as" in str(narrow)
    assert "they add up" in str(narrow)


def test_it_is_the_game_that_play_plays(narrow: og.PlayedUntil, tmp_path: Path) -> None:
    """Bit for bit; and its looks are in the run folder."""
    model, adversary = digits(150)
    run = og.play(
        og.learners.OnlineGradientDescent(1.736), adversary, model.neighborhood(R),
        rounds=narrow.run.rounds, keep="examples",
    )  # fmt: skip
    for name in ("loss", "inner", "distance", "gradient_norm", "weak_convexity", "update_error"):
        np.testing.assert_array_equal(getattr(run, name), getattr(narrow.run, name))
    np.testing.assert_array_equal(run.gradient_sum, narrow.run.gradient_sum)
    np.testing.assert_array_equal(run.final_point, narrow.run.final_point)
    stored = load_run(save_run(tmp_path / "run", narrow.run, config={}, results={}))
    np.testing.assert_array_equal(stored.observed[NAME]["width"], narrow.widths[1])
    assert stored.game["stop_reason"] == narrow.run.stop_reason


def test_a_budget_ends_it_too() -> None:
    found = until(1e-9, rounds=7, every=5)
    assert (found.run.status, found.run.rounds) == ("finished", 7)
    assert found.widths[0].tolist() == [5, 7]
    assert not found.narrow
    assert "not as narrow as" in str(found)
    found = until(1e-9, seconds=1e-3)
    assert (found.run.status, found.run.rounds) == ("stopped", 1)
    assert "0.001 seconds are over" in found.run.stop_reason
    part = until(0.05, relative=True, every=2)
    assert part.run.status == "stopped"
    assert part.narrow
    assert part.width <= 0.05 * part.floor.value


def test_another_observer_may_end_it_between_two_looks() -> None:
    class Stop:
        def __call__(self, seen: og.observers.Round) -> None:
            self.round = seen.round

        def why_stop(self) -> str | None:
            return "enough" if self.round == 8 else None

    found = until(1e-9, every=6, observers=[Stop()])
    assert (found.run.rounds, found.run.stop_reason) == (8, "Stop: enough")
    assert [value.rounds for value in found.values] == [6, 8]
    assert found.widths[0].tolist() == [6, 9]  # the second is noted at the end
    assert found.width == found.widths[1][-1]


def test_a_poor_look_loses_nothing(narrow: og.PlayedUntil, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best floor of one look and the best ceiling of another."""
    good, poor = narrow.values[-1], narrow.values[0]
    shown = iter([good, attrs.evolve(poor, ceilings=good.ceilings), poor])

    def look(run: og.Transcript, *args: Any, **options: Any) -> Any:
        return attrs.evolve(next(shown), rounds=run.rounds)

    monkeypatch.setattr(importlib.import_module("olgame.play_until"), "game_value", look)
    found = until(1e-9, rounds=3, every=1)
    assert found.width == good.width < poor.width
    np.testing.assert_array_equal(found.widths[1], [good.width] * 3)


def test_refusals() -> None:
    for wrong in (
        {"bracket_width": 0.0}, {"weight_radius": np.nan}, {"seconds": -1.0}, {"every": 0},
        {"keep": "sums"},
    ):  # fmt: skip
        model, adversary = digits(4, samples=200)
        asked: Any = {"weight_radius": R, "bracket_width": 0.1, "rounds": 3} | wrong
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            og.play_until(
                og.learners.OnlineGradientDescent(1.0), adversary, model.neighborhood(R), **asked
            )
    with pytest.raises(NotAvailableError, match="got MinimaxLinear, which has no model"):
        og.play_until(
            og.learners.OnlineGradientDescent(1.0), og.adversaries.MinimaxLinear(),
            og.sets.L2Ball(1.0, center=np.zeros(3)), weight_radius=1.0, bracket_width=0.1,
            rounds=3,
        )  # fmt: skip


class TestVerdicts:
    """Three certified answers about the theorem on real digits, from brackets on the value."""

    theorem = og.theory.TwoLayer(og.activations.softplus, og.losses.hinge, input_bound=1.1)

    def judged(self, run: og.Transcript, bracket: Any, accuracy: float) -> og.theory.Verdict:
        return self.theorem.check(
            run, accuracy=accuracy, weight_radius=R, floor=bracket.floor, ceiling=bracket.ceiling
        )

    def planned(self) -> tuple[Any, Any, Any]:
        x, y = og.data.digits(classes=(0, 1))
        moment = og.theory.second_moment(x, y, 0.1)
        plan = self.theorem.plan(0.2, R, gradient_bound=0.24, second_moment=moment)
        return plan, *digits(plan.width)

    def test_a_planned_run_is_certified_to_hold(self) -> None:
        plan, model, adversary = self.planned()
        run = og.play(
            og.learners.OnlineGradientDescent(plan.step_size), adversary, model.neighborhood(R),
            rounds=plan.rounds, keep="examples",
        )  # fmt: skip
        found = og.theory.game_value(run, R, best_weights=False)
        verdict = self.judged(run, found, 0.2)
        assert [p.name for p in verdict.premises if not p.holds] == []
        assert verdict.conclusion == "certified_holds"
        assert verdict.content == "informative"
        # The bracket is worth the name: far narrower than the accuracy.
        assert found.width < 0.002

    def test_a_learner_that_is_too_slow_is_certified_to_fail(self) -> None:
        _, model, adversary = self.planned()
        run = og.play(
            og.learners.OnlineGradientDescent(0.02), adversary, model.neighborhood(R), rounds=6,
            keep="examples",
        )  # fmt: skip
        found = og.theory.game_value(run, R, best_weights=False)
        verdict = self.judged(run, found, 0.05)
        assert verdict.conclusion == "certified_fails"
        assert {"rounds"} <= {p.name for p in verdict.premises if p.fails}
        # Of an accuracy that is too easy it is not.
        assert self.judged(run, found, 0.5).conclusion != "certified_fails"

    def test_an_accuracy_in_between_is_open_until_more_is_played(self) -> None:
        """The planned game after a few rounds: its loss less eps is inside the bracket."""
        plan, model, adversary = self.planned()
        learner, ball = og.learners.OnlineGradientDescent(plan.step_size), model.neighborhood(R)
        short = og.play(learner, adversary, ball, rounds=7, keep="examples")
        found = og.theory.game_value(short, R, best_weights=False)
        accuracy = 0.215  # of the theorem that was planned at 0.2, and so a weaker promise
        middle = float(short.loss.min()) - accuracy
        assert found.interval.lower.value < middle < found.interval.upper.value
        verdict = self.judged(short, found, accuracy)
        assert verdict.conclusion == "open"
        assert "but <= ceiling" in verdict.reason
        longer = og.play_until(
            learner, adversary, ball, weight_radius=R, bracket_width=0.001,
            rounds=60, every=plan.rounds,
        )  # fmt: skip
        assert longer.narrow
        assert longer.width < 0.1 * found.width
        # Of the value itself, not of the learner: what was between is now outside.
        assert middle < longer.floor.value
        now = self.judged(longer.run, longer, accuracy)
        assert now.conclusion == "certified_holds", now


def torch_game(
    width: int, activation: str, step: float, attack: Any = None
) -> tuple[Any, Any, Any]:
    torch = pytest.importorskip("torch")
    net = pytest.importorskip("olgame_torch").TwoLayerNet
    pytest.importorskip("sklearn")
    x, y = og.data.digits(classes=(0, 1))
    model = net(dim=64, width=width, activation=activation, seed=0, dtype=torch.float64)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge,
        attack=og.attacks.InPieces(attack or og.attacks.PGD(steps=10)),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    return og.learners.OnlineGradientDescent(step), model, adversary


@pytest.mark.slow
def test_the_value_of_the_softplus_game() -> None:
    """m = 4096: narrower than 1.5 % of the floor."""
    learner, model, adversary = torch_game(4096, "softplus", 0.8775)
    begin = time.perf_counter()
    found = og.play_until(
        learner, adversary, model.neighborhood(R), weight_radius=R, bracket_width=0.015,
        relative=True, rounds=120, every=10,
    )  # fmt: skip
    print(f"{time.perf_counter() - begin:.0f} s\n{found}")
    assert found.narrow
    assert found.width <= 0.015 * found.floor.value


@pytest.mark.slow
def test_the_value_of_the_relu_game() -> None:
    """m = 8192: narrower than 5 % of the floor.

    PGD-10 climbs the logistic loss: the hinge is flat where the margin exceeds 1. The certificates
    of ceilings try 28 quadratics.
    """
    attack = og.attacks.Climbing(og.attacks.PGD(steps=10), og.losses.logistic)
    learner, model, adversary = torch_game(8192, "relu", 0.5, attack)
    begin = time.perf_counter()
    found = og.play_until(
        learner, adversary, model.neighborhood(R), weight_radius=R, bracket_width=0.05,
        relative=True, rounds=60, every=60, certificate_steps=28,
    )  # fmt: skip
    print(f"{time.perf_counter() - begin:.0f} s\n{found}")
    causes: Any = found.values[-1].causes
    assert causes.close
    assert found.narrow
    assert found.width <= 0.05 * found.floor.value
