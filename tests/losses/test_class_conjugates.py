"""Conjugates of losses of k logits, against a search, and the Fenchel-Young gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import olgame as og
from olgame.exceptions import ArgumentError, DataError
from olgame.losses import cross_entropy
from tests.losses.class_losses import (
    KNOWN,
    Floats,
    every,
    label,
    logits,
    one,
    proper,
    sample,
    shares,
)


def slope_of(y: int, q: float, pi: Floats) -> Floats:
    """q (pi - e_y), pi made a point of the simplex of the rivals."""
    weights = pi + 1e-3
    slope: Floats = q * (np.insert(weights / weights.sum(), y, 0.0) - np.eye(4)[y])
    return slope


@proper
def test_conjugate_is_the_supremum(loss: Any) -> None:
    """Against a search of scipy from several starts: it comes near, and never above."""
    rng = np.random.default_rng(3)
    for trial in range(12):
        y, q = trial % 4, (0.05, 0.5, 0.93)[trial % 3]
        p = slope_of(y, q, rng.uniform(0, 1, 3))

        def height(z: Floats, p: Floats = p, y: int = y) -> float:
            return KNOWN[loss].value(z, y) - float(p @ z)

        best = np.inf
        for start in rng.standard_normal((3, 4)):
            near = minimize(height, start, method="Nelder-Mead", options={"maxiter": 400}).x
            options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
            best = min(best, minimize(height, near, method="Nelder-Mead", options=options).fun)
        found = one(loss.conjugate, p, y)
        assert -best <= found + 1e-10
        assert found <= -best + 1e-3


@proper
def test_conjugate_outside_its_domain(loss: Any) -> None:
    y = np.zeros(6)
    far = np.array([
        [-0.5, 0.5, 0.1, 0.0],  # sum not 0
        [-0.5, 0.6, -0.1, 0.0],  # a rival with a negative slope
        [0.5, -0.5, 0.0, 0.0],  # the label with a positive one
        [-1.01, 1.01, 0.0, 0.0],  # too steep
        [0.0, 1e-9, -1e-9, 0.0],
        [1e-9, 0.0, 0.0, 0.0],
    ])  # fmt: skip
    assert np.isposinf(loss.conjugate(far, y)).all()
    unit = np.finfo(np.float64).eps
    ends = np.array([[-1.0, 0.5, 0.25, 0.25], [0.0, 0.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0]])
    rounded = ends + unit * np.array([[-2.0, 1, 1, 0], [1, -1, 0, 0], [2, -2, 1, -1]])
    exact = loss.conjugate(ends, y[:3])
    assert np.isfinite(exact).all()
    np.testing.assert_allclose(loss.conjugate(rounded, y[:3]), exact, atol=1e-13)
    for place in range(4):
        p = ends[0].copy()
        p[place] = np.nan
        assert np.isnan(one(loss.conjugate, p, 0))


def fenchel_young(loss: Any, z: Floats, p: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The gap l(z) + l*(p) - <p, z>, and the sum of the absolute terms."""
    value, conjugate = loss.value(z, y), loss.conjugate(p, y)
    size = np.abs(value) + np.abs(conjugate) + np.abs(p * z).sum(-1)
    return value + conjugate - (p * z).sum(-1), size


@every
def test_fenchel_young_gap_is_zero_at_the_derivative(loss: Any) -> None:
    for scale in (0.0, 1e-3, 1.0, 30.0, 1e3):
        z, y = sample(n=300, scale=scale)
        gap, size = fenchel_young(loss, z, loss.derivative(z, y), y)
        assert (np.abs(gap) <= 1e-13 * size + 1e-300).all()


@proper
@settings(deadline=None, derandomize=True)
@given(z=logits, y=label, q=st.floats(0, 1), pi=shares)
def test_fenchel_young_gap_is_never_negative(
    loss: Any, z: Floats, y: int, q: float, pi: Floats
) -> None:
    gap, size = fenchel_young(loss, z[None], slope_of(y, q, pi)[None], np.array([float(y)]))
    assert gap[0] >= -1e-13 * size[0] - 1e-300


@proper
@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_a_wrong_derivative_opens_the_gap(loss: Any, factor: float) -> None:
    z, y = sample(n=80, scale=1.0)
    sloped = np.abs(loss.derivative(z, y)).sum(-1) > 1e-2
    gap, _ = fenchel_young(loss, z, factor * loss.derivative(z, y), y)
    assert (gap[sloped] > 1e-8).all()  # inf where p left the domain of the conjugate


def test_a_lifted_loss_of_logits_brings_its_conjugate() -> None:
    def value(z: Any, y: Any) -> Any:
        return cross_entropy.value(z, y)

    with pytest.raises(
        ArgumentError, match=r"`losses.from_function\(conjugate=\.\.\.\)`.*k logits"
    ):
        og.losses.from_function(value, cross_entropy.derivative, multiclass=True)
    lifted = og.losses.from_function(
        value, cross_entropy.derivative, conjugate=cross_entropy.conjugate, multiclass=True
    )
    z, y = sample()
    np.testing.assert_array_equal(lifted.value(z, y), cross_entropy.value(z, y))
    with pytest.raises(DataError, match="class labels"):
        lifted.check_labels(np.array([-1.0]))
