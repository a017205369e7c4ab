"""A ceiling over B(R) comes from a point that lies in B(R), and says so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.adversaries import InputAttack, ObliviousSequence
from olgame.attacks import PGD
from olgame.certify import Bracket, robust_loss
from olgame.certify.bracket import PerSample
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.game import play
from olgame.json_values import decode, encode
from olgame.learners import OnlineGradientDescent
from olgame.losses import LinearLoss, hinge
from olgame.models import TwoLayerNet
from olgame.perturbations import l2
from olgame.results import Certified
from olgame.sets import L2Ball
from olgame.theory.ceiling import ceiling

NET = TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
X, Y = np.eye(2), np.array([1.0, -1.0])
START: NDArray[np.float64] = np.asarray(NET.start)
BRACKET = robust_loss(NET, START, X, Y, hinge, l2(0.1))


def away(distance: float) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = START + distance * np.eye(16)[3]
    return moved


def test_it_is_the_upper_end_with_its_quantity() -> None:
    found = ceiling(START, BRACKET, away(0.5), weight_radius=0.75)
    assert BRACKET.upper is not None
    assert (found.value, found.side) == (BRACKET.upper.value, "upper")
    assert found.quantity == "least robust loss in B(0.75)"
    assert "0.5 from W_0" in found.method
    assert found.value >= 1.0  # f(W_0, .) = 0


def test_a_game_gives_its_models_start_and_not_its_own() -> None:
    adversary = InputAttack(NET, X, Y, loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.1))
    run = play(
        OnlineGradientDescent(0.1), adversary, NET.neighborhood(9.0), rounds=1, start=away(2)
    )
    assert ceiling(run, BRACKET, away(-0.5), 1.0).quantity == "least robust loss in B(1.0)"
    with pytest.raises(ArgumentError, match="1 too far"):
        ceiling(run, BRACKET, away(2.0), 1.0)


@pytest.mark.parametrize(
    ("point", "radius", "error", "message"),
    [
        (away(1.0 + 1e-9), 1.0, ArgumentError, r"must lie in B\(R\), R = 1.0.*1e-09 too far"),
        (away(math.nan), 1.0, ArgumentError, "must lie in B"),
        (START[:-1], 1.0, ShapeError, r"point=.*shape \(16,\), got \(15,\)"),
        (START, 0.0, ArgumentError, "weight_radius=.*got 0.0"),
        (START, math.inf, ArgumentError, "weight_radius=.*got inf"),
    ],
)
def test_refusals(point: Any, radius: float, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ceiling(START, BRACKET, point, radius)


def test_no_certificate_no_ceiling() -> None:
    ends = PerSample(np.array([0.5]), None)
    attack = Bracket(Certified(0.5, "lower", "attack"), None, ends, 0.25, "attack only")
    with pytest.raises(NotAvailableError, match="attack only"):
        ceiling(START, attack, START, 1.0)
    game = ObliviousSequence([LinearLoss(np.ones(2) / 2.0)])
    run = play(OnlineGradientDescent(0.1), game, L2Ball(1.0, center=np.zeros(2)), rounds=1)
    with pytest.raises(NotAvailableError, match="give W_0 itself"):
        ceiling(run, BRACKET, START, 1.0)


def test_what_a_number_bounds_is_stored_with_it() -> None:
    found = ceiling(START, BRACKET, START, weight_radius=1.0)
    assert decode(encode(found, {}), {}) == found
    assert found != Certified(found.value, found.side, found.method)
