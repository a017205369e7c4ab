"""The round loss of a network: value and gradient by hand, and a lower model that is tight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og


def small(activation: str = "softplus") -> tuple[og.models.TwoLayerNet, Any, Any]:
    model = og.models.TwoLayerNet(dim=3, width=4, activation=activation, seed=5, paired=False)
    rng = np.random.default_rng(2)
    return model, rng.standard_normal((6, 3)), np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])


@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu", "relu"])
@pytest.mark.parametrize("loss", ["logistic", "smoothed_hinge"])
def test_value_and_gradient_by_finite_differences(activation: str, loss: str) -> None:
    model, x, y = small(activation)
    round_loss = og.losses.ModelLoss(model, x, y, getattr(og.losses, loss))
    w = np.asarray(model.start) + 0.1
    found = round_loss.evaluate(w)
    per_sample = [
        float(np.asarray(getattr(og.losses, loss).value(model(w, x[i : i + 1]), y[i : i + 1]))[0])
        for i in range(len(y))
    ]
    assert found.value == pytest.approx(np.mean(per_sample), rel=1e-14)
    assert round_loss.value(w) == pytest.approx(found.value, rel=1e-15)
    h = 1e-6
    for k in range(len(w)):
        e = h * np.eye(len(w))[k]
        slope = (round_loss.value(w + e) - round_loss.value(w - e)) / (2 * h)
        assert float(found.gradient[k]) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_lower_model_is_below_and_touches() -> None:
    """kappa is the curvature of the worst direction: half of it would be passed.

    One neuron with output weight a > 0 at pre-activation 0, where softplus'' = C2, in front of a
    loss with slope -1: l(w + s x/norm(x)) is -a sigma(s norm(x)) plus constants, whose second
    derivative is exactly -2 kappa there.
    """
    model = og.models.TwoLayerNet(dim=3, width=1, activation="softplus", seed=0, paired=False)
    output = float(np.asarray(model.two_layer(model.start).output)[0])
    x = np.array([[0.3, -0.5, 0.9]])
    y = np.array([np.sign(output)])
    round_loss = og.losses.ModelLoss(model, x, y, og.losses.hinge)
    w = np.zeros(3)
    found = round_loss.evaluate(w)
    assert float(found.value) > 0.2  # type: ignore[arg-type]  # hinge: slope -1 around here
    kappa = float(found.weak_convexity)  # type: ignore[arg-type]  # one number
    for size in (1e-3, 1e-2, 0.1, 1.0):
        step = size * x[0] / np.sqrt(np.sum(x**2))
        lower = found.value + float(np.asarray(found.gradient) @ step) - kappa * size**2
        drop = float(found.value + np.asarray(found.gradient) @ step - round_loss.value(w + step))
        assert round_loss.value(w + step) >= lower - 1e-12  # type: ignore[operator]  # one number
        if size <= 1e-2:
            assert drop == pytest.approx(kappa * size**2, rel=1e-3)


def test_no_constant_no_lower_model() -> None:
    model, x, y = small("relu")
    found = og.losses.ModelLoss(model, x, y, og.losses.hinge).evaluate(model.start)
    assert found.weak_convexity == np.inf
