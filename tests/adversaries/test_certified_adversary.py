"""Play against the certificate: value, gradient, exactness, and ceilings that come down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import CertifiedAdversary, View
from olgame.certify import FrozenMajorant
from olgame.checks import check_adversary
from olgame.duality import hindsight_point
from olgame.exceptions import DataError, NotAvailableError, ShapeError
from olgame.losses.model_loss import ModelLoss

Vector = NDArray[np.float64]
SETS: dict[str, Any] = {
    "l2": og.perturbations.l2(0.2),
    "linf": og.perturbations.linf(0.1),
    "cap": og.perturbations.spherical_cap(0.2),
    "radii": og.perturbations.l2(np.arange(8) / 20),
}
CHECKED = {("softplus", "l2"), ("relu", "radii"), ("relu", "linf"), ("tanh", "cap")}
LOWERED = {"softplus": 1e-4, "relu": 1e-3}
MARGIN: dict[str, Any] = {
    "hinge": lambda s: np.maximum(0.0, 1 - s),
    "logistic": lambda s: np.logaddexp(0.0, -s),
}


def game(activation: str, n: int = 8, dim: int = 4) -> tuple[Any, Vector, Vector, Vector]:
    """A network some steps from its start, and data on the unit sphere."""
    rng = np.random.default_rng(51)
    x = rng.standard_normal((n, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.where(x[:, 0] + 0.3 * x[:, 1] > 0, 1.0, -1.0)
    model = og.models.TwoLayerNet(dim=dim, width=20, activation=activation, seed=0)
    w = np.array(model.start)
    for _ in range(15):
        here = model.at(w, x)
        w = w - np.asarray(here.pullback_w(og.losses.logistic.derivative(here.z, y))) / n
    return model, w, x, y


def answer(adversary: CertifiedAdversary, w: Any) -> ModelLoss:
    response, _ = adversary.respond(None, View(1, adversary.timing, w, None))
    assert response.evidence is None
    assert isinstance(response.loss, ModelLoss)
    return response.loss


@pytest.mark.parametrize("made", list(SETS))
@pytest.mark.parametrize("activation", ["softplus", "tanh", "relu"])
def test_it_is_an_adversary_whose_losses_are_certificates(activation: str, made: str) -> None:
    model, w, x, y = game(activation)
    for name, phi in MARGIN.items():
        loss: Any = getattr(og.losses, name)
        adversary = CertifiedAdversary(model, x, y, loss=loss, perturbation_set=SETS[made])
        if name == "logistic" and (activation, made) in CHECKED:
            report = check_adversary(adversary, rounds=3)  # differences of the gradient, too
            assert "no weak-convexity constant" in report.skipped["lower model"]
        bracket = og.certify.robust_loss(model, w, x, y, loss, SETS[made])
        played = answer(adversary, w)
        assert bracket.per_sample.upper is not None
        z = np.asarray(played.model(w, played.x))
        # Radii of 0 are raised to rounding level.
        assert phi(y * z) == pytest.approx(bracket.per_sample.upper, abs=1e-9)
        assert np.all(phi(y * z) >= bracket.per_sample.lower - 1e-12)


def test_where_the_certificate_is_exact_it_is_a_perfect_attack() -> None:
    """Softplus, l2: value and gradient are those of the loss at the certificate's maximizer."""
    model, w, x, y = game("softplus", n=30, dim=12)
    allowed, logistic = og.perturbations.l2(0.2), og.losses.logistic
    bracket = og.certify.robust_loss(model, w, x, y, logistic, allowed)
    assert bracket.width < 1e-6
    played = answer(CertifiedAdversary(model, x, y, loss=logistic, perturbation_set=allowed), w)
    held = played.model
    assert isinstance(held, FrozenMajorant)
    assert np.asarray(allowed.distance(x, held.played)).max() < 1e-12
    attacked = ModelLoss(model, held.played, y, logistic).evaluate(w)
    found = played.evaluate(w)
    assert found.value == pytest.approx(attacked.value, abs=1e-6)
    gap = np.linalg.norm(np.asarray(found.gradient) - np.asarray(attacked.gradient))
    assert gap <= 1e-4 * np.linalg.norm(np.asarray(attacked.gradient))
    # Away from W_t the loss held still is neither a bound nor the certificate there.
    far = w + np.random.default_rng(0).standard_normal(w.shape)
    there = og.certify.robust_loss(model, far, x, y, logistic, allowed)
    assert float(np.asarray(played.value(far))) < there.lower.value


@pytest.mark.parametrize(("activation", "off"), [("softplus", 1e-4), ("relu", 1.2e-3)])
def test_the_envelope_gives_the_slope_of_the_certificate_itself(
    activation: str, off: float
) -> None:
    """Finite differences of the certificate agree with the frozen gradient; slopes up to 0.01.

    For ReLU about: the best parabolas depend on the ends of their intervals, which move.
    """
    model, w, x, y = game(activation, dim=6)
    allowed, logistic = og.perturbations.l2(0.2), og.losses.logistic
    adversary = CertifiedAdversary(model, x, y, loss=logistic, perturbation_set=allowed)
    gradient = np.asarray(answer(adversary, w).evaluate(w).gradient)
    rng = np.random.default_rng(52)
    for _ in range(4):
        v = rng.standard_normal(w.shape)
        v /= np.linalg.norm(v)
        ends = [answer(adversary, w + h * v).value(w + h * v) for h in (1e-3, -1e-3)]
        assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(float(gradient @ v), abs=off)


@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_the_ceiling_comes_down(activation: str) -> None:
    """Projected descent from the hindsight point of a game: certified before and after."""
    model, _, x, y = game(activation, n=20, dim=5)
    allowed, hinge = og.perturbations.l2(0.3), og.losses.hinge
    ball = model.neighborhood(2.0)
    first = og.play(
        og.learners.OnlineGradientDescent(0.5),
        og.adversaries.InputAttack(
            model, x, y, loss=hinge, attack=og.attacks.PGD(steps=5), perturbation_set=allowed
        ),
        ball,
        rounds=20,
        keep="examples",
    )
    losses: Any = first.round_losses
    inputs = [loss.x for loss in losses[::5]]
    u = hindsight_point(model, inputs, y, hinge, 2.0)
    adversary = CertifiedAdversary(model, x, y, loss=hinge, perturbation_set=allowed)
    steps = og.learners.OnlineGradientDescent(og.step_sizes.Decreasing(0.3, 1.0))
    run = og.play(steps, adversary, ball, rounds=12, start=u)
    before, after = (
        og.certify.robust_loss(model, point, x, y, hinge, allowed) for point in (u, run.best_point)
    )
    assert before.upper is not None
    assert after.upper is not None
    assert after.upper.value == pytest.approx(float(run.loss.min()), abs=1e-9)
    assert after.upper.value < before.upper.value - LOWERED[activation]
    assert bool(np.all(ball.contains(run.best_point, atol=1e-9)))
    with pytest.raises(NotAvailableError):
        og.theory.floor(run, 2.0)


def test_torch_and_single_precision() -> None:
    torch = pytest.importorskip("torch")
    model, w, x, y = game("relu")
    adversary = CertifiedAdversary(model, x, y, loss=og.losses.hinge, perturbation_set=SETS["l2"])
    known = answer(adversary, w).evaluate(w)
    import olgame_torch as ogt

    for dtype, close in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        net = ogt.TwoLayerNet(dim=4, width=20, activation="relu", seed=0, dtype=dtype)
        other = CertifiedAdversary(net, x, y, loss=og.losses.hinge, perturbation_set=SETS["l2"])
        point = torch.tensor(w, dtype=dtype)
        found = answer(other, point).evaluate(point)
        assert found.gradient.dtype == dtype
        assert np.asarray(found.value) == pytest.approx(np.asarray(known.value), abs=close)
        gap = np.asarray(found.gradient) - np.asarray(known.gradient)
        assert np.abs(gap).max() <= close


def test_one_label_alone() -> None:
    model, w, x, _ = game("softplus")
    ones = np.ones(len(x))
    adversary = CertifiedAdversary(
        model, x, ones, loss=og.losses.hinge, perturbation_set=SETS["l2"]
    )
    bracket = og.certify.robust_loss(model, w, x, ones, og.losses.hinge, SETS["l2"])
    assert bracket.upper is not None
    assert answer(adversary, w).value(w) == pytest.approx(bracket.upper.value, abs=1e-12)


def test_what_it_cannot_play_is_refused() -> None:
    model, _, x, y = game("softplus")
    common: dict[str, Any] = {"loss": og.losses.hinge, "perturbation_set": SETS["l2"]}
    with pytest.raises(NotAvailableError, match="two layers"):
        CertifiedAdversary(og.models.LinearModel(4), x, y, **common)
    classes = og.models.TwoLayerNet(dim=4, width=8, activation="relu", seed=0, classes=3)
    labels = np.arange(8.0) % 3
    with pytest.raises(NotAvailableError, match="one output"):
        CertifiedAdversary(
            classes, x, labels, loss=og.losses.cross_entropy, perturbation_set=SETS["l2"]
        )
    with pytest.raises(NotAvailableError, match="of the margin"):
        CertifiedAdversary(model, x, y, loss=og.losses.squared, perturbation_set=SETS["l2"])
    several = og.models.TwoLayerNet(dim=4, width=8, activation="relu", seed=range(2))
    with pytest.raises(ShapeError, match="one game"):
        CertifiedAdversary(several, x, y, **common)
    with pytest.raises(DataError):
        CertifiedAdversary(model, x, 2 * y, **common)


def test_the_frozen_model_has_no_inputs() -> None:
    model, w, x, y = game("tanh")
    adversary = CertifiedAdversary(model, x, y, loss=og.losses.hinge, perturbation_set=SETS["l2"])
    held = answer(adversary, w).model
    assert held.curvature_bound(x) is None
    assert "certificate of" in held.name
    assert held.neighborhood(1.0).contains(held.start)
    here = held.at(w, x)
    with pytest.raises(NotAvailableError):
        here.pullback_x(y)
    with pytest.raises(NotAvailableError):
        here.jvp_w_pullback_x(w, y)
