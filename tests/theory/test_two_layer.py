"""The two-layer theorem checked on games: what keeps its promise, what breaks a premise."""

from __future__ import annotations

import json
import math
from typing import Any

import attrs
import pytest

from olgame.activations import softplus
from olgame.learners import OnlineGradientDescent
from olgame.losses import hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.results import Certified
from olgame.sets import L2Ball, L2InfBall, WholeSpace
from olgame.step_sizes import AdaGradNorm
from olgame.theory.floor import floor
from olgame.theory.two_layer import TwoLayer
from olgame.transcript import Transcript
from tests.theory.broken_games import (
    OWN_LOSSES,
    START,
    Dropout,
    FarInputs,
    OneSample,
    OtherLabels,
    OtherLoss,
    OtherModel,
    Stated,
    Unscaled,
    Wrapped,
    elsewhere,
    off_center,
    overshoot,
    product,
)
from tests.theory.broken_learners import Ascending, Secretive
from tests.theory.planned_game import CEILING, PLAN, RADIUS, check, game


def test_the_planned_game_keeps_the_promise(planned: Transcript) -> None:
    verdict = check(planned, ceiling=CEILING)
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"
    assert verdict.content == "informative"
    assert verdict.start_loss == 1.0
    assert verdict.floor is not None
    assert verdict.reached == planned.loss.min()
    assert verdict.floor.value <= verdict.reached <= verdict.floor.value + 0.01
    assert "input bound" in verdict.premises["width"].detail
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["content"] == "informative"


def test_a_ceiling_above_the_start_leaves_the_content_undecided(planned: Transcript) -> None:
    assert check(planned).content == "undecided"
    vacuous = check(planned, accuracy=0.5)
    assert (vacuous.content, vacuous.conclusion) == ("vacuous", "certified_holds")


def test_without_projection(planned: Transcript) -> None:
    run = game(decision_set=WholeSpace())
    verdict = check(run)
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"


def test_a_broken_learner_makes_the_verdict_fail() -> None:
    verdict = check(game(learner=Ascending(PLAN.step_size)), ceiling=CEILING)
    assert verdict.premises["projected gradient steps"].fails
    assert verdict.conclusion == "certified_fails"
    # W_1 is the best point of an ascending learner: nothing was gained on the start.
    assert verdict.reached == verdict.start_loss


PLAYED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": LinearModel(2), "decision_set": L2Ball(RADIUS)}, "two-layer network", "fails"),
    ({"model": Unscaled(dim=2, width=PLAN.width)}, "two-layer network", "fails"),
    (
        {"model": TwoLayerNet(dim=2, width=PLAN.width, activation="relu")},
        "activation with constants",
        "fails",
    ),
    (
        {"model": TwoLayerNet(dim=2, width=PLAN.width, activation="tanh")},
        "activation with constants",
        "fails",
    ),
    ({"model": Dropout(dim=2, width=PLAN.width)}, "deterministic network", "fails"),
    ({"loss": logistic}, "convex Lipschitz loss", "fails"),
    ({"model": TwoLayerNet(dim=2, width=2)}, "width", "fails"),
    ({"attack": overshoot, "on_violation": "record"}, "inputs in B(x)", "fails"),
    ({"attack": overshoot, "on_violation": "record"}, "bounded inputs", "fails"),
    ({"batch_size": 2}, "full batch", "fails"),
    ({"start": elsewhere()}, "starts at the initialization", "fails"),
    ({"decision_set": off_center()}, "decision set contains B(R)", "fails"),
    (
        {"decision_set": TwoLayerNet(dim=2, width=PLAN.width).neighborhood(0.9)},
        "decision set contains B(R)",
        "fails",
    ),
    (
        {"decision_set": L2InfBall(5.0, rows=PLAN.width, center=START)},
        "decision set contains B(R)",
        "holds",
    ),
    (
        {"decision_set": L2InfBall(0.5, rows=PLAN.width, center=START)},
        "decision set contains B(R)",
        "fails",
    ),
    ({"decision_set": product(RADIUS)}, "decision set contains B(R)", "holds"),
    ({"decision_set": product(1e-6)}, "decision set contains B(R)", "fails"),
    ({"decision_set": Stated()}, "decision set contains B(R)", "not checked"),
    ({}, OWN_LOSSES, "holds"),
    ({"adversary": Wrapped, "keep": "examples"}, OWN_LOSSES, "holds"),
    ({"adversary": Wrapped}, OWN_LOSSES, "not checked"),
    ({"adversary": OtherLabels}, OWN_LOSSES, "not checked"),
    ({"adversary": OtherLabels, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OneSample, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OtherLoss, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OtherModel, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": FarInputs, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"learner": Secretive(PLAN.step_size)}, "projected gradient steps", "not checked"),
    ({"learner": Secretive(PLAN.step_size)}, "step size", "not checked"),
    ({"learner": Ascending(PLAN.step_size)}, "projected gradient steps", "fails"),
    ({"learner": OnlineGradientDescent(3.0)}, "step size", "fails"),
    ({"learner": OnlineGradientDescent(AdaGradNorm(0.5))}, "step size", "fails"),
    ({"rounds": PLAN.rounds - 1}, "rounds", "fails"),
]


@pytest.mark.parametrize(("changes", "premise", "status"), PLAYED)
def test_a_premise_broken_in_play_is_named(
    changes: dict[str, Any], premise: str, status: str
) -> None:
    verdict = check(game(**{"rounds": 60, **changes}))
    assert verdict.premises[premise].status == status, str(verdict.premises)
    assert verdict.conclusion != "certified_holds"  # 60 rounds are too few in any case


@pytest.mark.parametrize(
    "changes",
    [
        {"learner": Secretive(PLAN.step_size)},
        {"decision_set": Stated()},
        {"adversary": Wrapped},
        {"adversary": OtherLabels},
    ],
)
def test_what_was_not_checked_is_never_certified(changes: dict[str, Any]) -> None:
    verdict = check(game(**changes))
    assert not verdict.premises.any_fails, str(verdict.premises)
    assert verdict.conclusion == "open"
    if "adversary" not in changes:  # with it there is no floor, which is said instead
        assert "the inequality holds on what was played (least loss" in verdict.reason
        assert "not checked: " in verdict.reason
    else:
        assert "keep='examples'" in verdict.reason


def test_an_adversary_of_ones_own_is_certified_from_what_it_played() -> None:
    verdict = check(game(adversary=Wrapped, keep="examples"))
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"


def test_a_bound_must_say_that_it_is_about_this_ball(planned: Transcript) -> None:
    """The floor over B(0.01) is far above the minimum over B(1): it certified anything."""
    untagged = Certified(0.75, "upper", "some certificate")
    elsewhere = floor(planned, 0.01)
    assert elsewhere.value > check(planned).reached
    for changes, status in (
        ({"floor": elsewhere}, "fails"),
        ({"floor": floor(planned, RADIUS)}, "holds"),
        ({"ceiling": untagged}, "not checked"),
        ({"ceiling": CEILING}, "holds"),
        ({"ceiling": CEILING, "floor": Certified(0.6, "lower", "by hand")}, "not checked"),
    ):
        verdict = check(planned, **changes)
        assert verdict.premises["bounds are about B(R)"].status == status
        assert (verdict.conclusion == "certified_holds") == (status == "holds")
        assert verdict.content == "undecided" or status == "holds"


@pytest.mark.parametrize(
    ("changes", "status", "detail"),
    [
        ({"c2": 0.0025, "curvature_range": (0.0, 0.0025)}, "fails", "reaches 0.25 > C2 = 0.0025"),
        ({"c1": 0.5}, "fails", "> C1 = 0.5"),
        ({"curvature_range": (0.1, 0.25)}, "fails", r"not [0.1, 0.25]"),
        ({"derivative": lambda z: 0.5 * softplus.derivative(z)}, "fails", "not that of its value"),
        ({"value": lambda z: z * math.nan}, "fails", "not finite"),
        ({"name": "mine"}, "not checked", "the user's statement"),
        ({}, "holds", "C2 = 0.25"),
    ],
)
def test_constants_of_an_activation(
    planned: Transcript, changes: dict[str, Any], status: str, detail: str
) -> None:
    mine = attrs.evolve(softplus, **changes)
    theorem = TwoLayer(mine, hinge, 1.1)
    adversary: Any = planned.adversary
    net = attrs.evolve(adversary.model, activation=mine)
    run = attrs.evolve(planned, adversary=attrs.evolve(adversary, model=net))
    found = check(run, theorem=theorem, floor=floor(planned, RADIUS)).premises
    assert found["activation with constants"].status == status, str(found)
    assert detail in found["activation with constants"].detail
    if changes:  # one of them is not the other, whatever it is called
        assert check(planned, theorem=theorem).premises["activation with constants"].fails


def test_the_users_own_loss_is_taken_at_its_word_but_not_certified(planned: Transcript) -> None:
    @attrs.frozen
    class Mine(type(hinge)):  # type: ignore[misc]  # the class of a value
        """A hinge loss that this library has not tested."""

    adversary: Any = planned.adversary
    run = attrs.evolve(planned, adversary=attrs.evolve(adversary, loss=Mine()))
    verdict = check(run, theorem=TwoLayer(softplus, Mine(), 1.1))
    assert verdict.premises["convex Lipschitz loss"].status == "not checked"
    assert verdict.conclusion == "open"


def test_the_theorem_is_about_two_layers() -> None:
    run = game(model=LinearModel(2), decision_set=L2Ball(RADIUS), rounds=3)
    found = check(run).premises["two-layer network"]
    assert found.detail == "the theorem is about two-layer networks; this model is linear"
