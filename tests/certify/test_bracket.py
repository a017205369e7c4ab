"""An upper end that the user brings: checked against what was seen, and said by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.certify import Bracket
from olgame.certify.bracket import PerSample
from olgame.exceptions import ArgumentError, ShapeError
from olgame.results import Certified

Floats = NDArray[np.float64]
SEEN = Bracket(
    Certified(0.6, "lower", "attack"), None, PerSample(np.array([0.5, 0.7]), None), 0.25, "attack"
)


def test_an_attack_gets_an_upper_end() -> None:
    found = SEEN.with_upper(np.array([0.5, 1.1]), "by hand")
    assert found.upper is not None
    assert 0.8 < found.upper.value < 0.8 + 1e-15  # rounded upward
    assert (found.upper.side, found.upper.method) == ("upper", "by hand")
    assert found.lower == SEEN.lower
    np.testing.assert_array_equal(found.per_sample.upper, [0.5, 1.1])
    assert found.interval.width == pytest.approx(0.2)
    assert SEEN.upper is None


def test_of_two_certificates_the_lesser_one_counts_sample_by_sample() -> None:
    first = SEEN.with_upper([0.9, 1.1], "one")
    both = first.with_upper([1.0, 0.8], "two")
    np.testing.assert_array_equal(both.per_sample.upper, [0.9, 0.8])
    assert both.upper is not None
    assert both.upper.method == "one, or two, whichever is less"
    assert both.upper.value == pytest.approx(0.85)
    nothing = first.with_upper([np.inf, np.inf], "nothing known")
    assert nothing.per_sample.upper == pytest.approx([0.9, 1.1])
    assert SEEN.with_upper([np.inf, 1.0], "half of them").width == np.inf


@pytest.mark.parametrize(
    ("losses", "method", "error", "message"),
    [
        ([0.49, 1.0], "by hand", ArgumentError, "got 0.49 for sample 0, where 0.5 was"),
        ([0.5, np.nan], "by hand", ArgumentError, "got nan for sample 1"),
        ([1.0], "by hand", ShapeError, r"shape \(2,\).*got \(1,\)"),
        (1.0, "by hand", ShapeError, r"shape \(2,\).*got \(\)"),
        ([1.0, 1.0], "", ArgumentError, "method=.*say what proves"),
    ],
)
def test_what_contradicts_the_attack_is_refused(
    losses: Any, method: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SEEN.with_upper(losses, method)


def test_the_array_handed_in_is_copied() -> None:
    losses: Floats = np.array([1.0, 1.0])
    found = SEEN.with_upper(losses, "by hand")
    losses[0] = 0.0
    assert found.per_sample.upper is not None
    assert found.per_sample.upper[0] == 1.0


def test_a_ceiling_and_a_ledger_take_it() -> None:
    """A deep network, its maximum over a ball proved by the product of its layers' norms."""
    model = og.models.DeepReLUNet(dim=2, width=8, depth=2, seed=0)
    x, y = og.data.circle(8)
    allowed, loss = og.perturbations.l2(0.01), og.losses.hinge
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=loss, attack=og.attacks.FGSM(), perturbation_set=allowed
    )
    ball = model.neighborhood(1.0)
    learner = og.learners.OnlineGradientDescent(0.01)
    run = og.play(learner, adversary, ball, rounds=3, keep="examples")
    u = run.final_point
    layers = model.deep_layers(u)
    steep = 0.01 * float(np.linalg.norm(np.asarray(layers.output)))
    for weights in (layers.embedding, *layers.hidden):
        steep *= float(np.linalg.norm(np.asarray(weights), 2))
    bracket = og.certify.robust_loss(model, u, x, y, loss, allowed)
    assert bracket.upper is None
    margin = np.asarray(y) * np.asarray(model(u, x))
    mine = bracket.with_upper(np.maximum(0.0, 1 - margin + steep) + 1e-12, "Lipschitz constant")
    assert mine.upper is not None
    assert bracket.lower.value <= mine.upper.value
    ceiling = og.theory.ceiling(run, mine, u, weight_radius=1.0)
    assert ceiling.method.startswith("Lipschitz constant, at a point")
    ledger = og.regret.ledger(run, comparator=u, robust_loss=mine.interval)
    assert ledger.slack is not None
    assert ledger.slack[0] <= ledger.slack[1]
