"""Games and networks that prove no floor are refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from olgame.activations import softplus
from olgame.adversaries import InputAttack, ObliviousSequence
from olgame.attacks import PGD
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses import LinearLoss, hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.perturbations import l2
from olgame.sets import L2Ball
from olgame.theory.floor import floor
from olgame.transcript import Transcript
from tests.theory.tiny_game import Floats, data, tiny_run


@pytest.mark.parametrize("weights", [np.full(30, 0.04), -np.ones(30) / 30, np.ones(30) * np.nan])
def test_weights_that_are_no_mixed_strategy_are_refused(weights: Floats) -> None:
    with pytest.raises(ArgumentError, match=r"floor\(weights=.*sum 1"):
        floor(tiny_run(0), 1.0, weights=weights)
    with pytest.raises(ShapeError, match=r"floor\(weights=.*\(30,\)"):
        floor(tiny_run(0), 1.0, weights=weights[:3])


class Dropout(TwoLayerNet):
    @property
    def deterministic(self) -> bool:
        return False


def _replace_entry(name: str, value: float) -> Callable[[Transcript], Transcript]:
    def change(run: Transcript) -> Transcript:
        column = np.array(getattr(run, name))
        column[3] = value
        changes: dict[str, Any] = {name: column}
        return attrs.evolve(run, **changes)

    return change


def _drop_out(run: Transcript) -> Transcript:
    adversary: Any = run.adversary
    return attrs.evolve(run, adversary=attrs.evolve(adversary, model=Dropout(dim=2, width=4)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop_out, "deterministic network"),
        (_replace_entry("full_batch", False), "full batch .*round 4"),
        (_replace_entry("input_distance", 1e-3), r"inputs in B\(x\) .*0.001 outside"),
        (_replace_entry("input_distance", math.nan), "not checked"),
        (_replace_entry("weak_convexity", math.inf), "curvature constant"),
        (_replace_entry("loss", math.nan), "run.loss.* not finite"),
        (_replace_entry("gradient_norm", math.inf), "run.gradient_norm.* not finite"),
        (lambda run: attrs.evolve(run, loss=run.loss[:0]), "no round"),
        (lambda run: attrs.evolve(run, loss=run.loss[:, None]), "single game"),
    ],
)
def test_refuses_what_proves_nothing(
    change: Callable[[Transcript], Transcript], message: str
) -> None:
    with pytest.raises(NotAvailableError, match=message):
        floor(change(tiny_run(0)), 1.0)


def test_refuses_real_games_that_prove_nothing() -> None:
    with pytest.raises(NotAvailableError, match=r"relu has no C2.*`theory.gap`"):
        floor(tiny_run(0, activation="relu"), 1.0)
    with pytest.raises(NotAvailableError, match="full batch"):
        floor(tiny_run(0, batch_size=3), 1.0)
    linear = ObliviousSequence([LinearLoss(np.ones(2) / 2.0)])
    run = play(OnlineGradientDescent(0.1), linear, L2Ball(1.0, center=np.zeros(2)), rounds=1)
    with pytest.raises(NotAvailableError, match="deterministic network"):
        floor(run, 1.0)


def test_a_radius_beyond_floats_is_refused_by_name() -> None:
    run = tiny_run(0)
    for radius in (1e155, 1e300):
        with pytest.raises(ArgumentError, match=r"weight_radius=.*got 1e\+"):
            floor(run, radius)


def test_only_relu_nets_are_sent_to_the_gap() -> None:
    class Curved(LinearModel):
        @property
        def name(self) -> str:
            return "my model"

        def curvature_bound(self, x: Any) -> Any:
            return None

    x, y = np.eye(2), np.array([1.0, -1.0])
    adversary = InputAttack(
        Curved(2), x, y, loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.1)
    )
    run = play(OnlineGradientDescent(0.1), adversary, L2Ball(1.0, center=np.zeros(2)), rounds=2)
    with pytest.raises(NotAvailableError, match="my model has none") as refused:
        floor(run, 1.0)
    assert "gap" not in str(refused.value)


def test_constants_that_a_grid_refutes_prove_nothing() -> None:
    wrong = attrs.evolve(softplus, c2=0.0025, curvature_range=(0.0, 0.0025))
    mine = attrs.evolve(softplus, name="mine")
    for activation, good in ((wrong, False), (mine, True)):
        x, y = data(0, 6, 2)
        net = TwoLayerNet(dim=2, width=4, activation=activation)
        adversary = InputAttack(
            net, x, y, loss=logistic, attack=PGD(steps=1), perturbation_set=l2(0.2)
        )
        run = play(OnlineGradientDescent(0.5), adversary, net.neighborhood(1.0), rounds=3)
        if good:
            assert "as mine states them" in floor(run, 1.0).method
        else:
            with pytest.raises(NotAvailableError, match=r"reaches 0.25 > C2 = 0.0025"):
                floor(run, 1.0)
