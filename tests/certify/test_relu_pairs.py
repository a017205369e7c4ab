"""Pairs of ReLU neurons that nearly cancel: squares above them, and what they are worth.

That certificates of such networks hold is hunted for with all the others, against exact arcs and
discs (`test_exact_plane`) and in rationals (`test_hunt`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import olgame as og
from olgame.activations import relu
from olgame.arrays import unit_roundoff
from olgame.certify import output_bound
from olgame.certify.region import Ball, Ends
from olgame.certify.region_bound import region_bound
from olgame.certify.relu_pairs import ReLUPairs, pairs
from olgame.certify.rounding import output_slack
from olgame.exceptions import ArgumentError
from olgame.models.model import TwoLayerWeights

Floats = NDArray[np.float64]


def family(hidden: Floats, output: Floats, x: Floats, rho: Floats, norm: str = "l2") -> ReLUPairs:
    places = pairs(hidden, output)
    assert places is not None
    region, z = Ball(rho, norm, x.shape[1]), x @ hidden.T
    rows, off = np.linalg.norm(hidden, axis=1), 1e-14 * np.ones_like(z)
    ends: Any = region.ends(hidden, rows, z, off)
    return ReLUPairs.of(hidden, output, places, z, off, Ends(*ends), region)


def near_pairs(rng: Any, half: int, dim: int, apart: float) -> tuple[Floats, Floats]:
    """Output weights of the second half are not quite those of the first, negated."""
    hidden, output = rng.standard_normal((half, dim)), rng.standard_normal(half)
    second = output * rng.uniform(0.9, 1.1, half)
    other = hidden * (output / second)[:, None]
    other = other + apart * rng.standard_normal((half, dim)) / dim**0.5
    return np.concatenate([hidden, other]), np.concatenate([output, -second])


def value(hidden: Floats, output: Floats, x: Floats) -> Floats:
    found: Floats = np.maximum(x @ hidden.T, 0.0) @ output
    return found


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    seed=st.integers(0, 10**6),
    apart=st.sampled_from([0.0, 1e-6, 0.01, 0.1, 0.3]),
    rho=st.sampled_from([1e-3, 0.1, 0.5, 2.0]),
    norm=st.sampled_from(["l2", "linf"]),
    spread=st.sampled_from([0.0, 1e-3, 0.3, 1.0, 30.0]),
)
def test_every_square_is_above_its_pair(
    seed: int, apart: float, rho: float, norm: str, spread: float
) -> None:
    """One pair in the plane; any mean, and moments that no distribution has, will do."""
    rng = np.random.default_rng(seed)
    hidden, output = near_pairs(rng, 1, 2, apart)
    if pairs(hidden, output) is None:
        return
    x = rng.standard_normal((1, 2)) * rng.choice([0.0, 0.1, 1.0])
    some = family(hidden, output, x, np.array([rho]), norm)
    second = np.asarray(some.second()) * spread * rng.uniform(0, 2, 2)
    q: Any = some.quadratic(rho * rng.uniform(-1, 1, (1, 2)), second)
    delta = rng.uniform(-1, 1, (4000, 2))
    # Where a kink is: moved onto the lines of both neurons.
    for at, row in zip((slice(1000, 2000), slice(2000, 3000)), hidden, strict=True):
        delta[at] -= np.outer((x / rho + delta[at]) @ row / (row @ row), row)
    if norm == "l2":
        delta /= np.maximum(1.0, np.linalg.norm(delta, axis=1))[:, None]
    delta = rho * np.clip(delta, -1, 1)
    bent = np.einsum("ni,ij,nj->n", delta, q.curvature[0], delta)
    bound = q.constant[0] + delta @ q.gradient[0] + 0.5 * bent
    short = bound - value(hidden, output, x + delta)
    assert short.min() >= -20 * unit_roundoff(x) * q.absolute[0] - 1e-14


@pytest.mark.parametrize("step", [0.01, -0.01])
def test_for_a_small_step_the_square_is_the_cantelli_inequality(step: float) -> None:
    """E q = e var/(var + mean^2), e = norm(x) step, up to what smoothing the step over e gives."""
    mean, deviation = -np.sign(step) * 0.5, 0.2
    # s along the first axis; the second, 1 + delta_2, is there to make e a constant.
    hidden = np.array([[1.0, step], [1.0, 0.0]])
    x, rho = np.array([[mean, 1.0]]), np.array([2.0])
    some = family(hidden, np.array([1.0, -1.0]), x, rho)
    second = np.array([[mean**2 + deviation**2, 1e-12]])
    q: Any = some.quadratic(np.zeros((1, 2)), second)
    expected = q.constant[0] + 0.5 * q.curvature[0, 0, 0] * deviation**2
    cantelli = deviation**2 / (deviation**2 + mean**2)
    # A step down is the step itself and a step up of the rest.
    found = expected / step if step > 0 else 1.0 - expected / step
    assert found == pytest.approx(cantelli, rel=0.02)


def test_who_is_a_pair() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    hidden = np.concatenate([rows, [[2.0, 0.1], [0.0, 2.0], [0.0, 3.0]]])
    output = np.array([1.0, -1.0, 1.0, -0.5, -1.0, -1.0])  # near by weight; equal signs; far apart
    plus, minus = pairs(hidden, output) or ((), ())
    assert (list(plus), list(minus)) == ([0], [3])
    plus, minus = pairs(hidden, -output) or ((), ())
    assert (list(plus), list(minus)) == ([3], [0])
    assert pairs(hidden[:5], output[:5]) is None  # an odd number
    assert pairs(hidden, np.abs(output)) is None
    assert pairs(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.ones(2)) is None  # abs(x): nothing cancels
    tiny = TwoLayerWeights(1e-160 * hidden, output, relu)  # a product with c would lose digits
    assert pairs(tiny.hidden, tiny.output) is None


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_paired_start_costs_nothing(norm: str) -> None:
    """f is 0 everywhere, and that is what is certified; a bound for each relu gives over 0.25."""
    model = og.models.TwoLayerNet(dim=10, width=400, activation="relu", seed=0)
    x = og.data.gaussians(20, dim=10, separation=1.0, seed=1)[0]
    layers: Any = model.two_layer(model.start)
    found = output_bound(layers, x, np.full(20, 0.5), norm)
    lengths = np.linalg.norm(x, axis=1) + 0.5 * (10**0.5 if norm == "linf" else 1.0)
    rows: Any = np.linalg.norm(layers.hidden, axis=1)
    slack = np.asarray(output_slack(layers, rows, lengths))
    assert (np.abs(np.asarray(found.bound)) <= 3 * slack).all()
    assert slack.max() < 1e-9
    order = np.append(np.arange(0, 400, 2), np.arange(1, 400, 2))  # partners elsewhere
    shuffled = layers._replace(hidden=layers.hidden[order], output=layers.output[order])
    assert np.asarray(output_bound(shuffled, x, np.full(20, 0.5), norm).bound).min() > 0.25


@pytest.mark.parametrize("alone", [0, 7])
def test_pieces_and_quadratic_are_the_same_function(alone: int) -> None:
    """One in the pre-activations, one in delta; with neurons that have no partner, too."""
    rng = np.random.default_rng(3)
    hidden, output = near_pairs(rng, 20, 5, 0.1)
    hidden[20 : 20 + alone] = rng.standard_normal((alone, 5))
    x, rho = rng.standard_normal((4, 5)), np.full(4, 0.5)
    layers, region = TwoLayerWeights(hidden, output, relu), Ball(rho, "l2", 5)
    best, some = region_bound(layers, x, region, 5)
    assert isinstance(some, ReLUPairs) == (alone == 0)
    q: Any = some.quadratic(best.mean, best.second)
    slope, bend, cross = (np.asarray(part) for part in some.pieces(best.mean, best.second))
    partner = np.append(np.arange(20, 40), np.arange(20))
    for delta in 0.3 * rng.standard_normal((6, 4, 5)):
        ends = [
            (slope * s + 0.5 * bend * s * s + 0.5 * cross * s * s[:, partner]).sum(-1)
            for s in ((x + delta) @ hidden.T, x @ hidden.T)
        ]
        bent = np.einsum("ni,nij,nj->n", delta, q.curvature, delta)
        moved = (delta * q.gradient).sum(-1) + 0.5 * bent
        assert ends[0] - ends[1] == pytest.approx(moved, rel=1e-9, abs=1e-12)


def trained(width: int) -> tuple[Any, Any, Any, Any]:
    """Digits 0 and 1 after 15 rounds against PGD in B(3)."""
    x, y = og.data.digits(classes=(0, 1))
    x, y = x[::12], y[::12]
    model = og.models.TwoLayerNet(dim=64, width=width, activation="relu", seed=0)
    game = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=5),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    learner = og.learners.OnlineGradientDescent(2.0)
    run = og.play(learner, game, model.neighborhood(3.0), rounds=15)
    return model, run.final_point, x, y


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_near_pairs_are_bounded_together(part: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near the start the excess over the attack is a third of what single neurons leave.

    And less, too, with one half of the pairs torn apart, where both families are added.
    """
    model, w, x, y = trained(512)
    w = np.array(w).reshape(2, 256, 64)
    torn = int(256 * (1 - part))
    w[1, :torn] = w[1, :torn][::-1]
    w = w.reshape(-1)
    allowed, hinge = og.perturbations.l2(0.1), og.losses.hinge
    attack = og.attacks.Climbing(og.attacks.PGD(steps=30), og.losses.logistic)
    excess = []
    for found in (pairs, lambda hidden, output: None):
        monkeypatch.setattr("olgame.certify.region_bound.pairs", found)
        bracket = og.certify.robust_loss(model, w, x, y, hinge, allowed, attack=attack)
        excess.append(bracket.width)
    assert excess[0] < (0.4 if part == 1.0 else 0.9) * excess[1]


def test_steps_of_a_bracket() -> None:
    model, w, x, y = trained(512)
    allowed, hinge = og.perturbations.l2(0.1), og.losses.hinge
    uppers = []
    for steps in (1, None, 60):
        bracket = og.certify.robust_loss(model, w, x, y, hinge, allowed, steps=steps)
        assert bracket.upper is not None
        uppers.append(bracket.upper.value)
    assert uppers[0] > uppers[1] > uppers[2] > bracket.lower.value
    with pytest.raises(ArgumentError, match=r"`robust_loss\(steps=...\)` must be an integer of at"):
        og.certify.robust_loss(model, w, x, y, hinge, allowed, steps=0)


def test_more_steps_find_a_lower_bound() -> None:
    """The search starts far from the best member of the family, and settles."""
    model, w, x, _ = trained(512)
    bounds = [
        np.asarray(output_bound(model.two_layer(w), x, np.full(len(x), 0.1), "l2", steps=k).bound)
        for k in (1, 10, 60)
    ]
    assert ((bounds[0] - bounds[2]).mean()) > 10 * (bounds[1] - bounds[2]).mean() > 0
