from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame.exceptions import DataError, ShapeError
from olgame.models import HasTwoLayers, Linearized, LinearModel, TwoLayerNet


def net(**arguments: Any) -> TwoLayerNet:
    return TwoLayerNet(**{"dim": 3, "width": 8, "activation": "softplus", "seed": 2, **arguments})


def test_is_linear_in_w_and_touches_the_model_at_the_point() -> None:
    model, rng = net(paired=False), np.random.default_rng(0)
    at = np.asarray(model.start) + rng.standard_normal(24)
    twin, x = Linearized(model, at=at), rng.standard_normal((5, 3))
    np.testing.assert_array_equal(np.asarray(twin(at, x)), np.asarray(model(at, x)))
    u, v = 9 * rng.standard_normal((2, 24))
    mixed: Any = twin(0.3 * u + 0.7 * v, x)
    sum_of_parts: Any = 0.3 * twin(u, x) + 0.7 * twin(v, x)
    np.testing.assert_allclose(mixed, sum_of_parts, atol=1e-12)
    assert np.abs(mixed - np.asarray(model(0.3 * u + 0.7 * v, x))).max() > 0.1


def test_gap_to_the_model_shrinks_quadratically() -> None:
    model, rng = net(), np.random.default_rng(1)
    twin, x, v = Linearized(model), rng.standard_normal((6, 3)), rng.standard_normal(24)
    start = np.asarray(model.start)
    gaps = [
        np.abs(np.asarray(twin(start + h * v, x)) - np.asarray(model(start + h * v, x))).max()
        for h in (1e-2, 1e-3)
    ]
    assert 95 < gaps[0] / gaps[1] < 105


def test_starts_where_the_model_starts() -> None:
    model = net()
    at = np.asarray(model.start) + 1.0
    for twin in (Linearized(model), Linearized(model, at=at)):
        np.testing.assert_array_equal(np.asarray(twin.start), np.asarray(model.start))
        assert twin.name == "linearized two-layer softplus network"
    assert not np.any(np.asarray(Linearized(model)(model.start, np.eye(3))))


def test_is_no_two_layer_network() -> None:
    twin = Linearized(net())
    assert not isinstance(twin, HasTwoLayers)
    assert not hasattr(twin, "two_layer")
    np.testing.assert_array_equal(
        np.asarray(twin.curvature_bound(np.ones((2, 5, 3)))), np.zeros((2, 5))
    )


def test_a_linear_model_is_its_own_linearization() -> None:
    rng = np.random.default_rng(0)
    model = LinearModel(4)
    w, x, c = rng.standard_normal(4), rng.standard_normal((3, 4)), rng.standard_normal(3)
    twin = Linearized(model, at=rng.standard_normal(4))
    np.testing.assert_allclose(np.asarray(twin(w, x)), x @ w, atol=1e-14)
    np.testing.assert_allclose(np.asarray(twin.at(w, x).pullback_x(c)), np.outer(c, w), atol=1e-14)


def test_the_point_is_copied_and_checked() -> None:
    model = net()
    at = np.array(model.start)
    twin = Linearized(model, at=at)
    before: Any = twin(at + 1.0, np.eye(3))
    w = at + 1.0
    at[:] = 7.0
    np.testing.assert_array_equal(np.asarray(twin(w, np.eye(3))), before)
    with pytest.raises(ShapeError, match=r"`Linearized\(at=\.\.\.\)` must have the shape \(24,\)"):
        Linearized(model, at=np.zeros(23))
    with pytest.raises(DataError, match=r"`Linearized\(at=\.\.\.\)` must be finite"):
        Linearized(model, at=np.full(24, np.nan))


def test_the_linearized_relu_jumps_in_x_where_its_gradient_sees_nothing() -> None:
    """The documented caveat: across the kink of neuron r, a_r <w_r - w_r0, x>/sqrt(m) at once."""
    model = net(activation="relu", paired=False)
    twin = Linearized(model)
    rows = np.array(model.start).reshape(8, 3)
    w = rows + np.random.default_rng(3).standard_normal((8, 3))
    kink = np.cross(rows[0], [0.0, 0.0, 1.0])
    kink /= np.linalg.norm(kink)
    step = 1e-9 * rows[0]
    before: Any = twin(w.reshape(-1), (kink - step)[None])
    after: Any = twin(w.reshape(-1), (kink + step)[None])
    jump = model.signs[0] * (w - rows)[0] @ kink / math.sqrt(8)
    assert abs(jump) > 0.05
    assert after[0] - before[0] == pytest.approx(jump, abs=1e-7)
    slope: Any = twin.at(w.reshape(-1), (kink - step)[None]).pullback_x(np.ones(1))
    assert abs(float(slope[0] @ (2 * step))) < 1e-6 * abs(jump)
