"""The scaling mistake, a radius R where R/sqrt(m) belongs, is refused by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, OlgameError
from olgame.models import DeepReLUNet, layer_reach
from olgame.sets import Box, L1Ball, L2Ball, L2InfBall, LinfBall, ProductSet, WholeSpace

MODEL = DeepReLUNet(dim=4, width=25, depth=2, seed=0)
START = np.asarray(MODEL.start)
P, LAYER = 1250, 625
NAMED = r"radius R instead of R/sqrt\(m\)"


def product(*radii: float) -> ProductSet:
    blocks = [
        (L2Ball(radius, center=START[h * LAYER : (h + 1) * LAYER]), LAYER)
        for h, radius in enumerate(radii)
    ]
    return ProductSet(blocks)


REFUSED: dict[str, tuple[Any, float]] = {
    "one ball of radius R": (L2Ball(3.0, center=START), 3.0),
    "one ball of radius 1": (L2Ball(1.0, center=START), 1.0),
    "a ball of radius R for every layer": (product(3.0, 3.0), 3.0),
    "one layer wrong": (product(0.6, 3.0), 3.0),
    "a ball for every neuron": (L2InfBall(0.5, 50, START), 2.5),
    "a cube": (LinfBall(0.1, START), 2.5),
    "a box": (Box(START - 0.1, START + 0.1), 2.5),
    "a cross-polytope": (L1Ball(2.0, START), 2.0),
    "a product that cuts through layers": (
        ProductSet([(L2Ball(3.0, START[:100]), 100), (L2Ball(4.0, START[100:]), 1150)]),
        5.0,
    ),
}
ALLOWED: dict[str, Any] = {
    "B(R)": MODEL.neighborhood(3.0),
    "the whole space": WholeSpace(P),
    "a small ball": L2Ball(0.6, center=START),
    "a small cube": LinfBall(0.01, START),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_mistake_is_refused_by_name(name: str) -> None:
    k, reach = REFUSED[name]
    units = f"R = {reach * 5:.6g}, where".replace(".", r"\.")
    with pytest.raises(ArgumentError, match=NAMED) as caught:
        MODEL.check_decision_set(k, START)
    assert caught.match(units)
    assert caught.match(rf"`model\.neighborhood\({reach:.4g}\)`")


@pytest.mark.parametrize("name", ALLOWED)
def test_other_sets_pass(name: str) -> None:
    MODEL.check_decision_set(ALLOWED[name], START)


def adversary(model: Any) -> Any:
    x, y = og.data.circle(8)
    return og.adversaries.InputAttack(
        model, np.hstack([x, x]) / math.sqrt(2.0), y, loss=og.losses.hinge,
        attack=og.attacks.FGSM(), perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip


def models() -> list[Any]:
    found: list[Any] = [MODEL]
    try:
        import olgame_torch as ogt
    except ImportError:
        return found
    return [*found, ogt.DeepReLUNet(dim=4, width=25, depth=2, seed=0)]


@pytest.mark.parametrize("model", models(), ids=lambda model: type(model).__module__)
def test_play_refuses_it_before_the_first_round(model: Any) -> None:
    learner = og.learners.OnlineGradientDescent(0.01)
    seen: list[Any] = []
    parts = (model.start[:LAYER], model.start[LAYER:])
    layer_by_layer = ProductSet([(L2Ball(3.0, center=part), LAYER) for part in parts])
    for k in (L2Ball(3.0, center=model.start), layer_by_layer):
        with pytest.raises(ArgumentError, match=NAMED):
            og.play(learner, adversary(model), k, rounds=2, observers=[seen.append])
    assert seen == []
    run = og.play(learner, adversary(model), model.neighborhood(3.0), rounds=2)
    assert run.rounds == 2
    assert og.play(learner, adversary(model), WholeSpace(P), rounds=2).rounds == 2


def test_the_neighborhood_of_another_network_is_refused() -> None:
    other = og.models.TwoLayerNet(dim=4, width=26, seed=0)
    with pytest.raises(OlgameError, match=r"play\(start="):
        og.play(
            og.learners.OnlineGradientDescent(0.01), adversary(MODEL), other.neighborhood(3.0),
            rounds=2,
        )  # fmt: skip


def test_two_layer_games_keep_their_balls() -> None:
    model = og.models.TwoLayerNet(dim=4, width=26, seed=0)
    run = og.play(
        og.learners.OnlineGradientDescent(0.01), adversary(model), model.neighborhood(3.0), rounds=2
    )
    assert run.rounds == 2


@pytest.mark.parametrize("name", ["one ball of radius R", "one layer wrong", "a cube", "a box"])
def test_the_reach_is_bracketed(name: str) -> None:
    """least and most around the true supremum, searched here at random."""
    k, reach = REFUSED[name]
    found = layer_reach(k, START, 2)
    assert max(r.least for r in found) == pytest.approx(reach)
    rng = np.random.default_rng(0)
    for _ in range(20):
        u = np.asarray(k.lmo(rng.standard_normal(P))) - START
        for layer, bracket in zip(u.reshape(2, -1), found, strict=True):
            assert np.linalg.norm(layer) <= bracket.most * (1 + 1e-12)
    most = [r.most for r in layer_reach(product(0.6, 3.0), START, 2)]
    assert most == pytest.approx([0.6, 3.0], rel=1e-12)
    assert layer_reach(WholeSpace(P), START, 2)[0] == (0.0, math.inf)


def test_a_ball_of_radius_one_is_found_in_float32() -> None:
    torch = pytest.importorskip("torch")
    for width in (16, 50, 64):
        start = torch.tensor(np.asarray(DeepReLUNet(dim=4, width=width, depth=2).start)).float()
        model = DeepReLUNet(dim=4, width=width, depth=2)
        with pytest.raises(ArgumentError, match=NAMED):
            model.check_decision_set(L2Ball(1.0, center=start), start)


def test_games_side_by_side() -> None:
    """Of several games the one that can move farthest counts."""
    starts = np.stack([START, START + 0.1])
    wide = L2Ball(3.0, center=starts)
    with pytest.raises(ArgumentError, match=NAMED):
        MODEL.check_decision_set(wide, starts)
    MODEL.check_decision_set(L2Ball(0.5, center=starts), starts)
