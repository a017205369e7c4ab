"""The two-layer theorem's planned game, and its check."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.activations import softplus
from olgame.adversaries import InputAttack
from olgame.attacks import PGD
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses import hinge
from olgame.models import TwoLayerNet
from olgame.perturbations import l2
from olgame.results import Certified, least_robust_loss
from olgame.theory.two_layer import TwoLayer
from olgame.theory.verdict import Verdict
from olgame.transcript import Transcript

Floats = NDArray[np.float64]


@attrs.frozen
class Squared:
    """(z - y)^2/2: convex, but with no global Lipschitz constant."""

    name = "squared"
    lipschitz = None
    smoothness = 1.0
    of_margin = False

    def check_labels(self, y: Any) -> None:
        """Any label will do."""

    def value(self, z: Any, y: Any) -> Any:
        return (z - y) ** 2 / 2

    def derivative(self, z: Any, y: Any) -> Any:
        return z - y

    def conjugate(self, p: Any, y: Any) -> Any:
        return p**2 / 2 + p * y


def digits(first: int, second: int) -> tuple[Floats, Floats]:
    from sklearn.datasets import load_digits

    found = load_digits()
    chosen = np.isin(found.target, (first, second))
    x = found.data[chosen]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x, np.where(found.target[chosen] == second, 1.0, -1.0)


# --------------------------------------------------------------------------- games, and check

ACCURACY, RADIUS = 0.1, 1.0
THEOREM = TwoLayer(softplus, hinge, 1.1)
PLAN = THEOREM.plan(ACCURACY, RADIUS)
CEILING = Certified(0.75, "upper", "for the test", quantity=least_robust_loss(RADIUS))


def data() -> tuple[Floats, Floats]:
    angle = np.array([0.0, 2.1, 0.3, 2.4])
    return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.array([1.0, -1.0, 1.0, -1.0])


def game(**changes: Any) -> Transcript:
    """The planned game, or one that breaks a rule."""
    x, y = data()
    model = changes.get("model", TwoLayerNet(dim=2, width=PLAN.width))
    attacker = InputAttack(
        model,
        x,
        y,
        loss=changes.get("loss", hinge),
        attack=changes.get("attack", PGD(steps=2)),
        perturbation_set=l2(0.1),
        batch_size=changes.get("batch_size"),
    )
    adversary: Any = changes.get("adversary", lambda inner: inner)(attacker)
    return play(
        changes.get("learner", OnlineGradientDescent(PLAN.step_size)),
        adversary,
        changes.get("decision_set", model.neighborhood(RADIUS)),
        rounds=changes.get("rounds", PLAN.rounds),
        start=changes.get("start"),
        keep=changes.get("keep", "sums"),
        on_violation=changes.get("on_violation", "raise"),
    )


def check(run: Transcript, **changes: Any) -> Verdict:
    theorem = changes.pop("theorem", THEOREM)
    given: dict[str, Any] = {"accuracy": ACCURACY, "weight_radius": RADIUS, **changes}
    verdict: Verdict = theorem.check(run, **given)
    return verdict
