"""The two-layer theorem held against records that were changed after the game."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from olgame.activations import softplus
from olgame.adversaries import InputAttack
from olgame.attacks import PGD
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses import hinge
from olgame.models import TwoLayerNet
from olgame.perturbations import l2
from olgame.theory.two_layer import TwoLayer
from olgame.transcript import COLUMNS, Transcript
from tests.theory.broken_learners import Ascending
from tests.theory.planned_game import check, digits, game


def test_an_ascending_learner_in_float32() -> None:
    """Its steps, 7e-4, are below 64 roundoffs of norm(W_0) = 196: it was certified once."""
    torch = pytest.importorskip("torch")
    ogt = pytest.importorskip("olgame_torch", exc_type=ImportError)
    x, y = digits(0, 1)
    for dtype in (torch.float32, torch.float64):
        net = ogt.TwoLayerNet(dim=64, width=600, activation="softplus", seed=0, dtype=dtype)
        adversary = InputAttack(
            net, x[:40], y[:40], loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.1)
        )
        climber = Ascending(0.0025)
        run = play(climber, adversary, net.neighborhood(0.3), rounds=40)
        verdict = check(
            run, theorem=TwoLayer(softplus, hinge, 1.11), accuracy=1.0, weight_radius=0.3
        )
        assert verdict.premises["projected gradient steps"].fails, str(verdict.premises)
        assert verdict.conclusion == "open"
        steady = OnlineGradientDescent(0.25)
        run = play(steady, adversary, net.neighborhood(0.3), rounds=40)
        verdict = check(
            run, theorem=TwoLayer(softplus, hinge, 1.11), accuracy=0.5, weight_radius=0.3
        )
        assert verdict.premises.all_hold, str(verdict.premises)
        assert verdict.conclusion == "certified_holds"


def entry(column: str, value: float) -> Callable[[Transcript], Transcript]:
    def change(run: Transcript) -> Transcript:
        values = np.array(getattr(run, column))
        values[7] = value
        changed: dict[str, Any] = {column: values}
        return attrs.evolve(run, **changed)

    return change


RECORDED: list[tuple[Callable[[Transcript], Transcript], str, str]] = [
    (entry("full_batch", False), "full batch", "fails"),
    (entry("input_distance", 1e-6), "inputs in B(x)", "fails"),
    (entry("input_distance", math.nan), "inputs in B(x)", "not checked"),
    (entry("input_distance", math.nan), "full batch", "not checked"),
    (entry("input_norm", 1.2), "bounded inputs", "fails"),
    (entry("input_norm", math.nan), "bounded inputs", "not checked"),
    (entry("point_excess", 1e-6), "points in the decision set", "fails"),
    (entry("point_excess", math.nan), "points in the decision set", "not checked"),
    (entry("update_error", 1e-6), "projected gradient steps", "fails"),
    (entry("update_error", math.nan), "projected gradient steps", "not checked"),
    (entry("step_size", 0.04), "step size", "fails"),
    (entry("step_size", math.nan), "step size", "not checked"),
    (entry("step_size", math.nan), "rounds", "not checked"),
    (entry("gradient_norm", 1.2), "step size", "fails"),
    (lambda run: attrs.evolve(run, status="interrupted"), "played to the end", "fails"),
    (lambda run: attrs.evolve(run, step_size=-run.step_size), "step size", "fails"),
]


@pytest.mark.parametrize(("change", "premise", "status"), RECORDED)
def test_a_premise_broken_on_the_record_is_named(
    planned: Transcript, change: Callable[[Transcript], Transcript], premise: str, status: str
) -> None:
    verdict = check(change(planned))
    assert verdict.premises[premise].status == status, str(verdict.premises)
    if status == "fails":
        assert verdict.conclusion == "open"
        assert premise in verdict.reason


def test_a_false_premise_leaves_the_inequality_as_a_fact(planned: Transcript) -> None:
    verdict = check(entry("update_error", 1e-3)(planned))
    assert verdict.conclusion == "open"
    assert "least loss" in verdict.reason
    assert "fail: projected gradient steps" in verdict.reason


def test_the_width_may_rest_on_the_second_moment_or_on_what_was_recorded(
    planned: Transcript,
) -> None:
    wide = check(planned, theorem=TwoLayer(softplus, hinge, 4.0)).premises["width"]
    assert wide.holds
    assert "second moment" in wide.detail
    narrow = TwoLayerNet(dim=2, width=14)
    late = game(model=narrow, rounds=5)
    assert check(late).premises["width"].holds  # Lambda_pm = about 0.6 asks for 9 neurons
    calm = attrs.evolve(late, weak_convexity=late.weak_convexity * 0.0 + 1e-3)
    found = check(calm, accuracy=0.01).premises["width"]
    assert found.holds
    assert "recorded kappa_t" in found.detail
    assert check(late, accuracy=0.01).premises["width"].fails


def test_several_games_are_refused_and_no_round_is_no_check(planned: Transcript) -> None:
    with pytest.raises(NotAvailableError, match="single game"):
        check(attrs.evolve(planned, loss=planned.loss[:, None]))
    columns = (*COLUMNS, "full_batch")
    nothing: dict[str, Any] = {name: getattr(planned, name)[:0] for name in columns}
    verdict = check(attrs.evolve(planned, **nothing, status="interrupted"))
    assert verdict.conclusion == "open"
    assert verdict.content == "undecided"
    assert verdict.premises["inputs in B(x)"].status == "not checked"
    with pytest.raises(ArgumentError, match=r"floor.weight_radius=.*got 1e\+300"):
        check(planned, weight_radius=1e300)
    flat = attrs.evolve(planned, weak_convexity=planned.weak_convexity + math.inf)
    assert check(flat, weight_radius=1e300).premises["width"].fails  # no overflow on the way
    for name in ("accuracy", "weight_radius"):
        with pytest.raises(ArgumentError, match=f"check.{name}=.*got nan"):
            check(planned, **{name: math.nan})
