"""An attack up another loss: where the scored one is flat it still finds the worst point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, Climbing, InPieces, ModelObjective
from olgame.exceptions import NotAvailableError
from olgame.losses import hinge, logistic
from olgame.models import LinearModel
from olgame.perturbations import l2

RNG = np.random.default_rng


def flat_start(n: int = 40, d: int = 5) -> tuple[Any, Any, Any]:
    """Margins between 1 and 1.3, of which rho norm(w) = 0.4 can be taken off."""
    rng = RNG(0)
    w = rng.normal(size=d)
    w *= 4.0 / np.linalg.norm(w)
    y = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    x = rng.normal(size=(n, d))
    x += ((y * rng.uniform(1.0, 1.3, n) - x @ w) / (w @ w))[:, None] * w
    return ModelObjective(LinearModel(d), w, y, hinge), x, y * (x @ w)


@pytest.mark.parametrize("attack", [PGD(steps=10), FGSM(), InPieces(PGD(steps=10), rows=7)])
def test_the_worst_point_of_a_flat_hinge_is_found(attack: Any) -> None:
    """On a linear model max l = 1 - (margin - rho norm(w)), and the bare attack sees none of it."""
    objective, x, margin = flat_start()
    found: Any = Climbing(attack, logistic)(objective, x, l2(0.1), RNG(1))
    np.testing.assert_allclose(found.loss, np.maximum(0.0, 1.0 - margin + 0.4), atol=1e-12)
    np.testing.assert_allclose(found.loss, objective.value(found.x), atol=1e-15)
    np.testing.assert_array_equal(found.clean_loss, np.zeros(len(x)))
    bare: Any = attack(objective, x, l2(0.1), RNG(1))
    assert bare.loss.max() == 0.0
    assert found.loss.min() > 0.05


def test_it_is_the_attack_itself_where_nothing_is_flat() -> None:
    """The direction of steepest ascent is the same for every falling loss of the margin."""
    objective, x, _ = flat_start()
    objective = ModelObjective(objective.model, 0.01 * objective.w, objective.y, hinge)
    bare: Any
    other: Any
    bare, other = (a(objective, x, l2(0.1), RNG(1)) for a in (PGD(), Climbing(PGD(), logistic)))
    np.testing.assert_allclose(bare.x, other.x, atol=1e-12)
    assert Climbing(PGD(), logistic).deterministic
    assert not Climbing(PGD(random_start=True), logistic).deterministic


class Bowl:
    """-norm(x)^2: no model, no outputs."""

    def value(self, x: Any) -> Any:
        return -(x * x).sum(-1)

    def value_and_gradient(self, x: Any) -> Any:
        return self.value(x), -2.0 * x


def test_what_has_no_outputs_is_refused() -> None:
    bowl: Any = Bowl()
    with pytest.raises(NotAvailableError, match="ModelObjective"):
        Climbing(PGD(), logistic)(bowl, np.ones((2, 3)), l2(0.1), RNG(0))
