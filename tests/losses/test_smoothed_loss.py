"""What stands in for a loss with kinks: near it, convex, with slopes where l* is finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import olgame as og
from olgame.losses import (
    MulticlassMargin,
    absolute,
    hinge,
    multiclass_hinge,
    multiclass_smoothed_hinge,
    smoothed_loss,
)


class WithoutItsOwn:
    """A loss of logits that offers no smoothing."""

    multiclass = True

    def __init__(self, loss: Any) -> None:
        self.value, self.derivative, self.conjugate = loss.value, loss.derivative, loss.conjugate


@pytest.mark.parametrize("loss", [hinge, absolute], ids=lambda loss: loss.name)
@pytest.mark.parametrize("theta", [1e-3, 0.1, 2.0])
def test_of_one_output_it_is_the_mean_over_an_interval(loss: Any, theta: float) -> None:
    z = np.concatenate([np.linspace(-3, 3, 25), 1 + theta * np.linspace(-0.6, 0.6, 13)])
    y = np.where(np.arange(z.size) % 2, 1.0, -1.0)
    value, slope = smoothed_loss(loss, z, y, theta)
    for i in range(z.size):
        label = y[i : i + 1]
        mean, _ = quad(
            lambda t, label=label: float(loss.value(np.array([t]), label)[0]) / theta,
            z[i] - theta / 2,
            z[i] + theta / 2,
            points=[v for v in (1.0, -1.0) if abs(z[i] - v) < theta / 2] or None,
        )
        assert value[i] == pytest.approx(mean, abs=2e-3 * theta)
        ends = [float(loss.value(z[i : i + 1] + s * theta / 2, label)[0]) for s in (-1, 1)]
        assert slope[i] == pytest.approx((ends[1] - ends[0]) / theta, abs=1e-9)
    assert np.isfinite(loss.conjugate(slope, y)).all()


@pytest.mark.parametrize(
    "loss",
    [multiclass_hinge, MulticlassMargin(og.losses.logistic), multiclass_smoothed_hinge],
    ids=lambda loss: loss.name,
)
@pytest.mark.parametrize("theta", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("own", [True, False])
def test_of_logits(loss: Any, theta: float, own: bool) -> None:
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((40, 4)), rng.integers(0, 4, 40).astype(float)
    z[:10] = z[:10, :1]  # all logits equal: every rival is the strongest
    z[10:20, 1:] = z[10:20, :1] - 1.0  # at the kink of the hinge
    y[10:20] = 0.0
    part: Any = loss if own else WithoutItsOwn(loss)
    value, slope = smoothed_loss(part, z, y, theta)
    # Within the Lipschitz constant times the width; the soft maximum is theta log 3 above.
    room = theta * (1.0 + math.log(3.0)) if own else theta
    assert np.abs(value - loss.value(z, y)).max() <= room + 1e-12
    assert np.isfinite(loss.conjugate(slope, y)).all()
    assert np.abs(slope.sum(-1)).max() <= 1e-14
    direction = rng.standard_normal(4)
    h = 1e-3 * theta
    ahead, behind = (smoothed_loss(part, z + s * h * direction, y, theta)[0] for s in (1, -1))
    # Sums over nodes are themselves a little kinked.
    off = np.abs((ahead - behind) / (2 * h) - slope @ direction)
    assert np.median(off) <= 1e-2
    assert off.max() <= 0.2
    assert np.all(ahead + behind - 2 * value >= -1e-12)


def test_torch_computes_the_same() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((9, 4)), rng.integers(0, 4, 9).astype(float)
    for part in (multiclass_hinge, WithoutItsOwn(multiclass_hinge)):
        found = smoothed_loss(part, torch.tensor(z), torch.tensor(y), 0.1)  # type: ignore[arg-type]  # a loss without a method of its own
        for a, b in zip(found, smoothed_loss(part, z, y, 0.1), strict=True):  # type: ignore[arg-type]  # a loss without a method of its own
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, atol=1e-15)
    found = smoothed_loss(hinge, torch.tensor(z[:, 0]), torch.tensor(np.sign(z[:, 1])), 0.5)
    for a, b in zip(found, smoothed_loss(hinge, z[:, 0], np.sign(z[:, 1]), 0.5), strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)
