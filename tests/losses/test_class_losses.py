"""Losses of k logits: one table of losses and known answers against every check."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

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
    multiclass_smoothed_hinge,
)

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """l of one sample as the definition reads, L, L in the largest change, smoothness."""

    value: Callable[[Floats, int], float]
    lipschitz: float
    lipschitz_max: float
    smoothness: float | None


def margin(z: Floats, y: int) -> float:
    return float(z[y] - max(z[j] for j in range(len(z)) if j != y))


def smoothed(s: float) -> float:
    return 0.0 if s >= 1 else (0.5 - s if s <= 0 else 0.5 * (1 - s) ** 2)


ROOT = math.sqrt(2.0)
KNOWN: dict[Any, Known] = {
    cross_entropy: Known(lambda z, y: float(logsumexp(z) - z[y]), ROOT, 2.0, 0.5),
    multiclass_hinge: Known(lambda z, y: max(0.0, 1 - margin(z, y)), ROOT, 2.0, None),
    multiclass_logistic: Known(lambda z, y: float(np.logaddexp(0, -margin(z, y))), ROOT, 2.0, None),
    multiclass_smoothed_hinge: Known(lambda z, y: smoothed(margin(z, y)), ROOT, 2.0, None),
    RivalLead(2): Known(lambda z, y: float(z[2] - z[y]), ROOT, 2.0, None),
}
LOSSES = list(KNOWN)
PROPER = LOSSES[:-1]  # a lead is linear: no slope is a wrong derivative's neighbor
every = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
proper = pytest.mark.parametrize("loss", PROPER, ids=lambda loss: loss.name)
logits = st.lists(st.floats(-30, 30), min_size=4, max_size=4).map(np.array)
label = st.integers(0, 3)
shares = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(np.array)


def sample(n: int = 60, k: int = 4, scale: float = 2.0, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((n, k)), rng.integers(0, k, n).astype(float)


def one(function: Any, z: Floats, y: int) -> Any:
    """A method of a loss at one sample."""
    return function(np.asarray(z)[None], np.array([float(y)]))[0]


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
            MulticlassMargin(wrong)  # type: ignore[arg-type]
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
