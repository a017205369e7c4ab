"""What the observer records is f - f_lin at the points and inputs of the game."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.models import linearization_error
from olgame.observers import LinearizationError


def played(model: Any, every: int, step: float = 0.02, rounds: int = 7) -> Any:
    x, y = og.data.circle(8)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    learner = og.learners.OnlineGradientDescent(step)
    return og.play(
        learner, adversary, model.neighborhood(1.5), rounds=rounds, keep="points",
        observers=[LinearizationError(model, every=every)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (og.models.DeepReLUNet(dim=2, width=12, depth=2, seed=1), 0.02),
        (og.models.TwoLayerNet(dim=2, width=12, activation="tanh", seed=1), 1.0),
    ],
    ids=["deep", "two-layer"],
)
def test_it_is_the_difference_at_what_was_played(model: Any, step: float) -> None:
    """The linear part by central differences: no forward mode, no pullback."""
    run = played(model, every=3, step=step)
    found = run.observed["linearization error"]
    np.testing.assert_array_equal(found.rounds, [1, 3, 6])
    start, h = np.asarray(model.start), 1e-6
    for row, t in enumerate(found.rounds):
        w, x = np.asarray(run.points[t - 1]), run.round_losses[t - 1].x
        ahead, behind = (np.asarray(model(start + s * h * (w - start), x)) for s in (1, -1))
        linear = np.asarray(model(start, x)) + (ahead - behind) / (2 * h)
        error = np.abs(np.asarray(model(w, x)) - linear)
        assert found["mean"][row] == pytest.approx(error.mean(), abs=1e-7)
        assert found["largest"][row] == pytest.approx(error.max(), abs=1e-7)
        np.testing.assert_allclose(linearization_error(model, w, x), error, atol=1e-7)
    assert found["largest"][0] == 0.0
    assert found["largest"][-1] > 1e-4


def test_a_linear_model_has_none() -> None:
    model = og.models.LinearModel(2)
    found = played(model, every=1).observed["linearization error"]
    assert not found["largest"].any()


def test_a_game_without_inputs_is_refused() -> None:
    model = og.models.LinearModel(2)
    with pytest.raises(NotAvailableError, match="needs the played inputs"):
        og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.MinimaxLinear(1.0),
            og.sets.L2Ball(1.0, center=np.zeros(3)),
            rounds=2,
            observers=[LinearizationError(model)],
        )
    with pytest.raises(ArgumentError, match=r"LinearizationError\(every=...\)` must be an integer"):
        LinearizationError(model, every=0)
