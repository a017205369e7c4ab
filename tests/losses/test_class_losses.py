"""Losses of k logits: one table of losses and known answers against every check."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import olgame as og
from olgame.exceptions import ArgumentError, DataError
from olgame.losses import (
    Loss,
    MulticlassMargin,
    RivalLead,
    cross_entropy,
    hinge,
    logistic,
    multiclass_hinge,
    multiclass_logistic,
)
from tests.losses.class_losses import KNOWN, Floats, every, label, logits, one, sample, shares


@every
def test_is_a_loss_with_its_constants(loss: Any) -> None:
    typed: Loss = loss
    assert (typed.lipschitz, loss.lipschitz_max, typed.smoothness) == KNOWN[loss][1:]
    assert (typed.of_margin, loss.multiclass) == (True, True)


@every
def test_value_is_the_definition(loss: Any) -> None:
    for scale in (0.01, 1.0, 30.0, 300.0):
        z, y = sample(scale=scale)
        want = [KNOWN[loss].value(*pair) for pair in zip(z, y.astype(int), strict=True)]
        np.testing.assert_allclose(loss.value(z, y), want, rtol=1e-13, atol=1e-13)


def test_hand_values() -> None:
    z = np.array([1.0, 0.0, 0.0])
    assert one(cross_entropy.value, z, 0) == pytest.approx(math.log(1 + 2 / math.e), rel=1e-15)
    assert one(cross_entropy.value, z, 1) == pytest.approx(math.log(2 + math.e), rel=1e-15)
    share = math.e / (math.e + 2)
    np.testing.assert_allclose(
        one(cross_entropy.derivative, z, 0), [share - 1, (1 - share) / 2, (1 - share) / 2]
    )
    assert one(multiclass_hinge.value, z, 1) == 2.0
    np.testing.assert_array_equal(one(multiclass_hinge.derivative, z, 1), [1.0, -1.0, 0.0])
    np.testing.assert_array_equal(one(multiclass_hinge.derivative, 3 * z, 0), np.zeros(3))
    # Rivals that are equally strong share the slope.
    np.testing.assert_array_equal(one(multiclass_hinge.derivative, 0 * z, 0), [-1.0, 0.5, 0.5])


def test_small_losses_keep_their_relative_accuracy() -> None:
    z = np.array([[40.0, 0.0, 1.0], [700.0, 0.0, 0.0], [1e4, 0.0, -1e4]])
    found: Any = cross_entropy.value(z, np.zeros(3))
    want = [math.exp(-40) + math.exp(-39), 2 * math.exp(-700), 0.0]
    np.testing.assert_allclose(found, want, rtol=1e-14)
    slope: Any = cross_entropy.derivative(z, np.zeros(3))
    np.testing.assert_allclose(-slope[:, 0], want, rtol=1e-13)
    assert one(cross_entropy.value, np.array([0.0, 1e300, 0.0]), 0) == 1e300


def test_two_logits_are_one_output() -> None:
    z, y = sample(k=2, n=200, scale=8.0)
    lead, sign = z[:, 1] - z[:, 0], 2 * y - 1
    pairs: list[tuple[Any, Any]] = [
        (cross_entropy, logistic),
        (multiclass_logistic, logistic),
        (multiclass_hinge, hinge),
    ]
    for many, single in pairs:
        np.testing.assert_allclose(many.value(z, y), single.value(lead, sign), rtol=1e-12)
        slope = single.derivative(lead, sign)
        np.testing.assert_allclose(
            many.derivative(z, y), np.stack([-slope, slope], -1), rtol=1e-12, atol=1e-300
        )
        p = np.stack([-slope, slope], -1)
        np.testing.assert_allclose(
            many.conjugate(p, y), single.conjugate(slope, sign), rtol=1e-11, atol=1e-15
        )


@every
def test_derivative_is_a_finite_difference(loss: Any) -> None:
    z, y = sample(n=200)
    h = 1e-5
    found = loss.derivative(z, y)
    for j in range(4):
        step = h * np.eye(4)[j]
        difference = (loss.value(z + step, y) - loss.value(z - step, y)) / (2 * h)
        # Two samples with a kink within h would be bad luck.
        assert np.sort(np.abs(found[:, j] - difference))[-2] <= h


@every
@settings(deadline=None, derandomize=True)
@given(u=logits, v=logits, y=label, share=st.floats(0, 1))
def test_convex_lipschitz_smooth(loss: Any, u: Floats, v: Floats, y: int, share: float) -> None:
    lipschitz, largest, smoothness = KNOWN[loss][1:]
    z, labels = np.stack([u, v, share * u + (1 - share) * v]), np.full(3, float(y))
    at_u, at_v, between = loss.value(z, labels)
    slope_u, slope_v, _ = loss.derivative(z, labels)
    distance = float(np.linalg.norm(u - v))
    rounding = 1e-13 * (1 + abs(at_u) + abs(at_v) + distance)
    assert between <= share * at_u + (1 - share) * at_v + rounding
    assert at_v >= at_u + slope_u @ (v - u) - rounding
    assert abs(at_u - at_v) <= lipschitz * distance + rounding
    assert abs(at_u - at_v) <= largest * float(np.abs(u - v).max()) + rounding
    assert np.linalg.norm(slope_u) <= lipschitz * (1 + 1e-15)
    assert np.abs(slope_u).sum() <= largest * (1 + 1e-15)
    if smoothness is not None:
        assert np.linalg.norm(slope_u - slope_v) <= smoothness * distance + 1e-14


@every
def test_constants_are_attained(loss: Any) -> None:
    """A rival far ahead: slope e_j - e_y. Two equal logits far above: the softmax bends most."""
    z = np.array([[0.0, -500.0, 60.0, -500.0]])
    slope = loss.derivative(z, np.zeros(1))
    assert np.linalg.norm(slope) == pytest.approx(KNOWN[loss].lipschitz, rel=1e-12)
    assert np.abs(slope).sum() == pytest.approx(KNOWN[loss].lipschitz_max, rel=1e-12)
    if KNOWN[loss].smoothness is not None:
        step = 1e-4 * np.array([1.0, 0.0, -1.0, 0.0])
        base = np.array([0.0, -500.0, 0.0, -500.0])
        change = one(loss.derivative, base + step, 0) - one(loss.derivative, base - step, 0)
        steepness = np.linalg.norm(change) / np.linalg.norm(2 * step)
        assert steepness == pytest.approx(KNOWN[loss].smoothness, rel=1e-6)


@every
@settings(deadline=None, derandomize=True)
@given(z=logits, y=label, shift=st.floats(-50, 50), up=shares)
def test_is_a_function_of_the_leads_that_grows_with_each(
    loss: Any, z: Floats, y: int, shift: float, up: Floats
) -> None:
    value = one(loss.value, z, y)
    rounding = 1e-13 * (1 + abs(value) + abs(shift) + np.abs(z).max())
    assert one(loss.value, z + shift, y) == pytest.approx(value, abs=rounding)
    stronger = z + np.insert(up, y, 0.0)
    assert one(loss.value, stronger, y) >= value - rounding


@every
def test_labels(loss: Any) -> None:
    loss.check_labels(np.array([0, 1, 3]))
    loss.check_labels(np.array([0.0, 3.0]))
    with pytest.raises(DataError, match=r"class labels.*got -1\.0 at index 1.*`\(y \+ 1\) / 2`"):
        loss.check_labels(np.array([1.0, -1.0]))
    with pytest.raises(DataError, match=r"got 0\.5 at index 0"):
        loss.check_labels(np.array([0.5]))
    with pytest.raises(DataError, match=r"got nan at index 2"):
        loss.check_labels(np.array([0.0, 1.0, np.nan]))


@every
def test_nan_does_not_pass_silently(loss: Any) -> None:
    for place in range(3):
        z = np.zeros((1, 3))
        z[0, place] = np.nan
        if isinstance(loss, RivalLead) and place == 1:
            continue  # a logit that the lead does not look at
        assert np.isnan(loss.value(z, np.zeros(1))).all()


@every
def test_leading_axes_and_dtype(loss: Any) -> None:
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal((3, 5, 4)).astype(np.float32)
    own = rng.integers(0, 4, (3, 5)).astype(np.float32)
    for y in (own, own[0], own.astype(int)):
        for function in (loss.value, loss.derivative):
            whole = function(z, y)
            assert whole.dtype == np.float32
            for i in range(3):
                alone = function(z[i], y[i] if y.ndim == 2 else y)
                np.testing.assert_allclose(alone, whole[i], rtol=1e-6, atol=1e-7)
        assert loss.value(z, y).shape == (3, 5)
        assert loss.derivative(z, y).shape == (3, 5, 4)
        assert np.isfinite(loss.conjugate(loss.derivative(z, y), y)).all()


@every
def test_torch_computes_the_same(loss: Any) -> None:
    torch = pytest.importorskip("torch")
    for scale in (0.0, 1.0, 400.0):
        z, y = sample(scale=scale)
        p = loss.derivative(z, y)
        tz, ty = torch.tensor(z, requires_grad=True), torch.tensor(y)
        value = loss.value(tz, ty)
        np.testing.assert_allclose(value.detach().numpy(), loss.value(z, y), rtol=1e-13)
        np.testing.assert_allclose(loss.derivative(tz, ty).detach().numpy(), p, atol=1e-15)
        conjugate = loss.conjugate(torch.tensor(p), ty).numpy()
        np.testing.assert_allclose(conjugate, loss.conjugate(p, y), rtol=1e-13, atol=1e-15)
        (slope,) = torch.autograd.grad(value.sum(), tz)
        np.testing.assert_allclose(slope.numpy(), p, rtol=1e-12, atol=1e-15)
        loss.check_labels(ty)


def test_only_a_loss_of_the_margin_is_lifted() -> None:
    assert MulticlassMargin(hinge) == multiclass_hinge
    for wrong in (og.losses.squared, cross_entropy, 3.0):
        with pytest.raises(ArgumentError, match=r"`MulticlassMargin\(phi=\.\.\.\)` must be a loss"):
            MulticlassMargin(wrong)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(DataError, match="RivalLead"):
        RivalLead(-2)


MANY = og.models.LinearModel(2, classes=3)
ONE = og.models.LinearModel(2)


@pytest.mark.parametrize(
    ("model", "loss", "labels", "message"),
    [
        (MANY, hinge, [0, 1], r"must be a loss of k logits.*linear with 3 classes, got hinge"),
        (ONE, cross_entropy, [0, 1], r"must be a loss of one output.*got cross_entropy.*classes=k"),
        (MANY, cross_entropy, [0, 3], r"`.*\(y=\.\.\.\)` needs.*0 to 2, got 3\.0.*from 0"),
        (MANY, cross_entropy, [-1, 1], r"needs class labels.*got -1\.0 at index 0"),
        (ONE, hinge, [0, 1], r"-1 or \+1, got 0\.0"),
    ],
)
def test_losses_models_and_labels_that_do_not_fit(
    model: Any, loss: Any, labels: list[int], message: str
) -> None:
    x, y = np.eye(2), np.array(labels, dtype=float)
    with pytest.raises((ArgumentError, DataError), match=message):
        og.adversaries.InputAttack(
            model,
            x,
            y,
            loss=loss,
            attack=og.attacks.FGSM(),
            perturbation_set=og.perturbations.l2(0.1),
        )
    with pytest.raises((ArgumentError, DataError), match=message):
        og.certify.robust_loss(model, model.start, x, y, loss, og.perturbations.l2(0.1))
    if "labels" not in message and "-1 or" not in message and "needs" not in message:
        for part in (og.losses.ModelLoss, og.attacks.ModelObjective):
            arguments = (model, x if part is og.losses.ModelLoss else model.start, y, loss)
            with pytest.raises(ArgumentError, match=message):
                part(*arguments)
