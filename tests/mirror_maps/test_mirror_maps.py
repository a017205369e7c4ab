"""Mirror maps: gradients, conjugates and divergences by hand; exact projections, certified."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import cvxpy
import numpy as np
import pytest
import scipy.optimize
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.mirror_maps import Euclidean, NegativeEntropy, PNorm, Scaled
from olgame.sets import (
    Box,
    L1Ball,
    L2Ball,
    L2InfBall,
    LinfBall,
    LpBall,
    ProductSet,
    Simplex,
)

Floats = NDArray[np.float64]
cp: Any = cvxpy
P = 4
H = np.array([0.5, 2.0, 1.0, 7.0])
CENTER = np.array([0.5, -1.0, 2.0, 0.25])
RNG = np.random.default_rng(0)


class Hand(NamedTuple):
    """A map, and psi and psi* written out; where its points live."""

    mirror_map: Any
    value: Callable[[Any], Any]
    conjugate: Callable[[Any], Any]
    positive: bool = False


MAPS: dict[str, Hand] = {
    "euclidean": Hand(Euclidean(), lambda w: 0.5 * w @ w, lambda t: 0.5 * t @ t),
    "scaled": Hand(Scaled(H), lambda w: 0.5 * (H * w) @ w, lambda t: 0.5 * (t / H) @ t),
    "entropy": Hand(
        NegativeEntropy(),
        lambda w: math.fsum(x * math.log(x) - x for x in w),
        lambda t: math.fsum(np.exp(t)),
        positive=True,
    ),
} | {
    f"{p}-norm": Hand(
        PNorm(p),
        lambda w, p=p: 0.5 * math.fsum(np.abs(w) ** p) ** (2 / p),  # type: ignore[misc]  # defaults
        lambda t, q=p / (p - 1): 0.5 * math.fsum(np.abs(t) ** q) ** (2 / q),  # type: ignore[misc]  # defaults
    )
    for p in (1.1, 1.5, 2.0)
}


def points(hand: Hand, count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(count, P)) * np.array([1.0, 0.3, 2.0, 1.0])
    return np.exp(drawn) if hand.positive else drawn


@pytest.mark.parametrize("name", MAPS)
def test_gradient_inverse_conjugate_and_divergence(name: str) -> None:
    hand = MAPS[name]
    psi = hand.mirror_map
    for u, w in zip(points(hand, 8), points(hand, 8, seed=1), strict=True):
        theta = np.asarray(psi.gradient(w))
        assert psi.value(w) == pytest.approx(hand.value(w), rel=1e-13)
        numeric = scipy.optimize.approx_fprime(w, hand.value, 1e-7 * np.abs(w))
        np.testing.assert_allclose(theta, numeric, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(psi.inverse(theta), w, rtol=1e-11)
        assert psi.conjugate(theta) == pytest.approx(hand.conjugate(theta), rel=1e-12)
        # Fenchel and Young: equality at the dual, inequality elsewhere.
        assert hand.value(w) + hand.conjugate(theta) == pytest.approx(theta @ w, abs=1e-11)
        assert hand.value(u) + hand.conjugate(theta) >= theta @ u
        by_hand = hand.value(u) - hand.value(w) - theta @ (u - w)
        assert by_hand > 0.0
        assert psi.divergence(u, w) == pytest.approx(by_hand, rel=1e-9, abs=1e-12)
        assert psi.divergence(w, w) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", MAPS)
def test_leading_axes_and_torch(name: str) -> None:
    psi = MAPS[name].mirror_map
    many, others = points(MAPS[name], 6).reshape(2, 3, P), points(MAPS[name], 6, 1).reshape(2, 3, P)
    operations: list[Callable[[Any, Any], Any]] = [
        lambda w, u: psi.value(w),
        lambda w, u: psi.gradient(w),
        lambda w, u: psi.conjugate(w),
        lambda w, u: psi.inverse(w),
        lambda w, u: psi.divergence(u, w),
    ]
    for operation in operations:
        together = np.asarray(operation(many, others))
        for i in np.ndindex(2, 3):
            np.testing.assert_allclose(together[i], operation(many[i], others[i]), rtol=1e-13)
    torch = pytest.importorskip("torch")
    for operation in operations:
        tensors = operation(torch.tensor(many), torch.tensor(others))
        np.testing.assert_allclose(tensors.numpy(), operation(many, others), rtol=1e-12)


# --- projections --------------------------------------------------------------------------------


class Pair(NamedTuple):
    """A map with a set on which it is exact, and the set by hand."""

    mirror_map: Any
    decision_set: Any
    support: Callable[[Any], Any]
    rules: Callable[[Any], list[Any]]


def _norm(x: Floats, p: float) -> float:
    return float(np.sum(np.abs(x) ** p) ** (1 / p))


BOX = (np.array([0.25, 0.0, 0.1, 0.5]), np.array([1.0, 2.0, 0.5, 3.0]))
PAIRS: dict[str, Pair] = {
    "euclidean, cross-polytope": Pair(
        Euclidean(), L1Ball(1.0, CENTER),
        lambda g: g @ CENTER + np.abs(g).max(), lambda w: [cp.norm1(w - CENTER) <= 1],
    ),
    "entropy, simplex": Pair(
        NegativeEntropy(), Simplex(P, 1.5),
        lambda g: 1.5 * g.max(), lambda w: [w >= 0, cp.sum(w) == 1.5],
    ),
    "entropy, product of simplices": Pair(
        NegativeEntropy(), ProductSet([(Simplex(), 2), (Simplex(scale=2.0), 2)]),
        lambda g: g[:2].max() + 2 * g[2:].max(),
        lambda w: [w >= 0, cp.sum(w[:2]) == 1, cp.sum(w[2:]) == 2],
    ),
    "entropy, box": Pair(
        NegativeEntropy(), Box(*BOX),
        lambda g: np.maximum(g * BOX[0], g * BOX[1]).sum(), lambda w: [w >= BOX[0], w <= BOX[1]],
    ),
    "1.5-norm, own ball": Pair(
        PNorm(1.5), LpBall(0.7, 1.5),
        lambda g: 0.7 * _norm(g, 3.0), lambda w: [cp.pnorm(w, 1.5) <= 0.7],
    ),
    "1.2-norm, cross-polytope": Pair(
        PNorm(1.2), L1Ball(0.7),
        lambda g: 0.7 * np.abs(g).max(), lambda w: [cp.norm1(w) <= 0.7],
    ),
    "2-norm, cross-polytope": Pair(
        PNorm(2.0), L1Ball(0.7),
        lambda g: 0.7 * np.abs(g).max(), lambda w: [cp.norm1(w) <= 0.7],
    ),
    "scaled, ball": Pair(
        Scaled(H), L2Ball(1.0, CENTER),
        lambda g: g @ CENTER + _norm(g, 2), lambda w: [cp.norm2(w - CENTER) <= 1],
    ),
    "scaled, rows": Pair(
        Scaled(H), L2InfBall(1.0, 2, CENTER),
        lambda g: g @ CENTER + _norm(g[:2], 2) + _norm(g[2:], 2),
        lambda w: [cp.norm2((w - CENTER)[:2]) <= 1, cp.norm2((w - CENTER)[2:]) <= 1],
    ),
    "scaled, cube": Pair(
        Scaled(H), LinfBall(1.0, CENTER),
        lambda g: g @ CENTER + np.abs(g).sum(), lambda w: [cp.norm_inf(w - CENTER) <= 1],
    ),
    "scaled, product": Pair(
        Scaled(H), ProductSet([(L2Ball(0.5), 2), (Box(0.0, 1.0), 2)]),
        lambda g: 0.5 * _norm(g[:2], 2) + np.maximum(g[2:], 0).sum(),
        lambda w: [cp.norm2(w[:2]) <= 0.5, w[2:] >= 0, w[2:] <= 1],
    ),
}  # fmt: skip


def _gap(pair: Pair, theta: Floats, w: Floats) -> float:
    """<v, w> + h(-v) for the gradient v of psi(u) - <theta, u> at w: 0 at the minimizer alone."""
    slope = np.asarray(pair.mirror_map.gradient(w)) - theta
    return float(slope @ w + pair.support(-slope))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_projections_are_minimizers(name: str, scale: float) -> None:
    pair = PAIRS[name]
    pair.mirror_map.check_decision_set(pair.decision_set, "test")
    for theta in scale * np.random.default_rng(3).normal(size=(20, P)):
        point, dual = pair.mirror_map.project(theta, pair.decision_set)
        w = np.asarray(point)
        assert pair.decision_set.contains(w, atol=1e-14)
        assert _gap(pair, theta, w) <= 1e-12 * (1.0 + np.abs(theta).max())
        inside = np.abs(w) > 1e-300  # the logarithm of 0 is kept as a number in the dual
        np.testing.assert_allclose(
            np.asarray(dual)[inside],
            np.asarray(pair.mirror_map.gradient(w))[inside],
            rtol=1e-9,
            atol=1e-12,
        )
    # A point that is a little off is found out.
    theta = scale * np.random.default_rng(4).normal(size=P)
    w = np.asarray(pair.mirror_map.project(theta, pair.decision_set).point)
    vertex = np.asarray(pair.decision_set.lmo(theta))
    assert _gap(pair, theta, 0.99 * w + 0.01 * vertex) > 1e-6 * scale


@pytest.mark.parametrize("name", PAIRS)
def test_projections_against_cvxpy(name: str) -> None:
    pair = PAIRS[name]
    theta = np.array([0.7, -0.4, 1.1, 0.2])
    w = cp.Variable(P)
    psi = {
        Euclidean: lambda: cp.sum_squares(w) / 2,
        NegativeEntropy: lambda: cp.sum(-cp.entr(w) - w),
        PNorm: lambda: cp.square(cp.pnorm(w, getattr(pair.mirror_map, "p", 2.0))) / 2,
        Scaled: lambda: cp.sum(cp.multiply(H, cp.square(w))) / 2,
    }[type(pair.mirror_map)]()
    cp.Problem(cp.Minimize(psi - theta @ w), pair.rules(w)).solve(solver="CLARABEL")
    ours = np.asarray(pair.mirror_map.project(theta, pair.decision_set).point)
    np.testing.assert_allclose(ours, w.value, atol=1e-4)  # the solver's own error


@pytest.mark.parametrize("name", PAIRS)
def test_projections_with_leading_axes_and_on_torch(name: str) -> None:
    pair = PAIRS[name]
    theta = np.random.default_rng(5).normal(size=(3, 2, P)) * np.array([0.01, 1.0])[:, None]
    found = np.asarray(pair.mirror_map.project(theta, pair.decision_set).point)
    for i in np.ndindex(3, 2):
        alone = pair.mirror_map.project(theta[i], pair.decision_set).point
        np.testing.assert_allclose(found[i], alone, rtol=1e-13, atol=1e-15)
    torch = pytest.importorskip("torch")
    tensor = pair.mirror_map.project(torch.tensor(theta), pair.decision_set).point
    np.testing.assert_allclose(np.asarray(tensor), found, rtol=1e-12, atol=1e-14)
    single = pair.mirror_map.project(torch.tensor(theta, dtype=torch.float32), pair.decision_set)
    assert single.point.dtype == torch.float32
    np.testing.assert_allclose(np.asarray(single.point), found, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_largest_divergence_and_strong_convexity(name: str) -> None:
    pair = PAIRS[name]
    rng = np.random.default_rng(6)
    drawn = np.asarray(pair.decision_set.sample(rng, (300, P)))
    corners = np.asarray(pair.decision_set.lmo(rng.normal(size=(300, P))))
    for w in drawn[:6]:
        largest = float(np.asarray(pair.mirror_map.largest_divergence(w, pair.decision_set)))
        found = np.asarray(pair.mirror_map.divergence(corners, np.tile(w, (300, 1))))
        assert found.max() <= largest * (1 + 1e-12)
        assert found.max() >= 0.2 * largest
    # B(u, w) >= norm(u - w)^2/2, in the dual: <g, u - w> <= norm_*(g) sqrt(2 B(u, w)).
    for g in rng.normal(size=(50, P)):
        length = float(np.asarray(pair.mirror_map.dual_norm(g, pair.decision_set)))
        u, w = drawn[:150], drawn[150:]
        for first, second in ((u, w), (corners[:150], w), (w, 0.999 * w + 0.001 * u)):
            distance = np.sqrt(2.0 * np.asarray(pair.mirror_map.divergence(first, second)))
            assert ((first - second) @ g <= length * distance * (1 + 1e-6) + 1e-7).all()


EXACT_SIZES = {
    "entropy, simplex": (np.full(4, 0.375), 1.5 * math.log(4.0)),
    "1.5-norm, own ball": (np.zeros(P), 0.7**2 / 2),
    "1.2-norm, cross-polytope": (np.zeros(P), 0.7**2 / 2),
    "scaled, ball": (CENTER, 7.0 / 2),
    "scaled, cube": (CENTER, H.sum() / 2),
}


@pytest.mark.parametrize("name", EXACT_SIZES)
def test_size_of_the_set_from_its_center(name: str) -> None:
    pair, (center, known) = PAIRS[name], EXACT_SIZES[name]
    found = pair.mirror_map.largest_divergence(center, pair.decision_set)
    assert found == pytest.approx(known, rel=1e-13)


# --- entropy: offsets, zeros, small dtypes ------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [0.0, 1e3, -1e3, 1e30])
def test_entropy_is_stable_under_offsets(dtype: Any, offset: float) -> None:
    gaps = np.array([0.0, -1.0, -50.0, -800.0], dtype=dtype)
    theta = gaps + dtype(offset)  # 1e30 swallows the gaps: uniform weights are right then
    found: Any = NegativeEntropy().project(theta, Simplex())
    z = np.asarray(theta, dtype=np.float64) - float(theta.max())
    right = np.exp(z) / np.exp(z).sum()
    assert found.point.dtype == dtype
    np.testing.assert_allclose(found.point, right, rtol=2e-4 if dtype == np.float32 else 1e-12)
    assert np.isfinite(np.asarray(found.dual)).all()
    np.testing.assert_allclose(found.dual, z - np.log(np.exp(z).sum()), rtol=1e-6, atol=1e-7)


def test_entropy_keeps_weights_of_zero() -> None:
    entropy, w = NegativeEntropy(), np.array([0.0, 0.25, 0.75])
    assert entropy.value(w) == pytest.approx(0.25 * math.log(0.25) + 0.75 * math.log(0.75) - 1.0)
    theta = np.asarray(entropy.gradient(w)) + np.array([5.0, 1.0, 0.0])
    found = np.asarray(entropy.project(theta, Simplex()).point)
    assert found[0] == 0.0
    np.testing.assert_allclose(found[1:], np.array([np.e, 3.0]) / (np.e + 3.0), rtol=1e-14)
    assert entropy.divergence(w, np.full(3, 1 / 3)) == pytest.approx(
        0.25 * math.log(0.75) + 0.75 * math.log(2.25)
    )
    assert entropy.divergence(np.full(3, 1 / 3), w) == math.inf
    assert entropy.largest_divergence(w, Simplex()) == math.inf


@pytest.mark.parametrize("p", [1.02, 1.5])
def test_p_norms_at_every_scale(p: float) -> None:
    psi: Any = PNorm(p)
    w = np.array([3.0, -1.0, 0.0, 1e-3])
    theta = np.asarray(psi.gradient(w))
    for scale in (1e-140, 1e140):
        np.testing.assert_allclose(psi.gradient(scale * w), scale * theta, rtol=1e-12)
    np.testing.assert_array_equal(psi.gradient(np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(psi.project(np.zeros(3), L1Ball(1.0)).point, np.zeros(3))


def test_a_price_of_log_dim_on_the_cross_polytope() -> None:
    """p = 1 + 1/(log d - 1): size R^2/2, and +-1 entries have dual norm e sqrt(log d) at most."""
    dim = 1000
    p = 1 + 1 / (math.log(dim) - 1)
    psi: Any = PNorm(p)
    length = psi.dual_norm(np.ones(dim), L1Ball(1.0))
    assert length <= math.e * math.sqrt(math.log(dim))
    assert psi.largest_divergence(np.zeros(dim), L1Ball(1.0)) == pytest.approx(0.5)
    assert Euclidean().dual_norm(np.ones(dim), L1Ball(1.0)) == pytest.approx(math.sqrt(dim))


REFUSED: list[tuple[Any, Any, str]] = [
    (NegativeEntropy(), L2Ball(1.0), "not on L2Ball"),
    (NegativeEntropy(), Simplex(offset=np.ones(3)), "not on a Simplex with an offset"),
    (NegativeEntropy(), Box(-1.0, 1.0), "negative `low`"),
    (NegativeEntropy(), ProductSet([(Simplex(), 2), (L2Ball(1.0), 2)]), "not on L2Ball"),
    (PNorm(1.5), L2Ball(1.0), "not on L2Ball"),
    (PNorm(1.5), LpBall(1.0, 1.4), "not on LpBall with p = 1.4"),
    (PNorm(1.5), LpBall(1.0, 1.5, CENTER), "not on LpBall with a center"),
    (PNorm(1.5), L1Ball(1.0, CENTER), "not on L1Ball with a center"),
    (Scaled(H), Simplex(), "not on Simplex"),
    (Scaled(H), L1Ball(1.0), "not on L1Ball"),
    (Scaled(H), ProductSet([(L2Ball(1.0), 2), (Simplex(), 2)]), "not on ProductSet"),
]


@pytest.mark.parametrize(("psi", "decision_set", "message"), REFUSED)
def test_pairs_without_an_exact_projection_are_refused(
    psi: Any, decision_set: Any, message: str
) -> None:
    with pytest.raises(NotAvailableError, match=message) as caught:
        psi.check_decision_set(decision_set, "SomeLearner")
    assert "`SomeLearner`" in str(caught.value)
    assert "use `" in str(caught.value) or "play `" in str(caught.value)


@pytest.mark.parametrize("p", [1.0, 2.1, math.nan, True, "1.5"])
def test_exponents_between_1_and_2_only(p: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`PNorm\(p=...\)` must be a number with 1 < p <= 2"):
        PNorm(p)


def test_bad_weights_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"must be finite and positive, got 0.0 at index 1"):
        Scaled(np.array([1.0, 0.0]))
    with pytest.raises(ArgumentError, match="got nan at index 0"):
        Scaled(np.array([math.nan, 1.0]))
    with pytest.raises(ShapeError, match="must be an array of floats"):
        Scaled([1.0, 2.0])  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ShapeError, match="an entry for each of the 3 coordinates, got 2"):
        Scaled(np.ones(2)).gradient(np.ones(3))


def test_no_strong_convexity_without_an_upper_end() -> None:
    with pytest.raises(NotAvailableError, match="needs a finite `high`"):
        NegativeEntropy().dual_norm(np.ones(2), Box(0.0, math.inf))
    NegativeEntropy().check_decision_set(Box(0.0, math.inf), "test")  # playing is fine
