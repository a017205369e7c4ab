"""Every perturbation set against longhand membership, and what a contract promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.perturbations import PerturbationSet, l2, linf, spherical_cap

Floats = NDArray[np.float64]
KINDS = ("numpy-float64", "numpy-float32", "torch-float64", "torch-float32")
N, D = 5, 4
RADII = np.array([0.3, 0.0, 1.0, 0.2, 3.0])
LOW, HIGH = np.array([0.0, -1.0, 0.0, -np.inf]), np.array([1.0, 1.0, 1.25, np.inf])


def make(values: Any, kind: str) -> Any:
    library, dtype = kind.split("-")
    if library == "numpy":
        return np.asarray(values, dtype=dtype)
    torch = pytest.importorskip("torch")
    return torch.tensor(np.asarray(values, dtype=dtype))


def tolerance(kind: str) -> float:
    return 4e-6 if kind.endswith("32") else 1e-14


class Case(NamedTuple):
    """A set, its radius per sample, norm (infinity or 2), box and whether it is the sphere's."""

    build: Callable[[], Any]
    radius: Floats
    order: float
    box: tuple[Any, Any] = (-np.inf, np.inf)
    sphere: bool = False

    def outside(self, x: Floats, z: Floats, i: int) -> float:
        """How much z breaks the worst of the rules of B(x_i)."""
        box = float(np.max(np.maximum(self.box[0] - z, z - self.box[1]), initial=0.0))
        ball = float(np.linalg.norm(z - x, ord=self.order)) - float(self.radius[i])
        off = abs(math.hypot(*z) - math.hypot(*x)) if self.sphere else 0.0
        return max(box, ball, off, 0.0)


def every(radius: float) -> Floats:
    return np.full(N, radius)


CASES = {
    "l2": Case(lambda: l2(0.7), every(0.7), 2),
    "l2-zero": Case(lambda: l2(0.0), every(0.0), 2),
    "l2-samples": Case(lambda: l2(RADII), RADII, 2),
    "l2-box": Case(lambda: l2(0.7, box=(0.0, 1.0)), every(0.7), 2, (0.0, 1.0)),
    "l2-samples-box": Case(lambda: l2(RADII, box=(LOW, HIGH)), RADII, 2, (LOW, HIGH)),
    "linf": Case(lambda: linf(0.2), every(0.2), np.inf),
    "linf-box": Case(lambda: linf(0.4, box=(0.0, 1.0)), every(0.4), np.inf, (0.0, 1.0)),
    "linf-samples-box": Case(lambda: linf(RADII, (LOW, HIGH)), RADII, np.inf, (LOW, HIGH)),
    "cap": Case(lambda: spherical_cap(0.7), every(0.7), 2, sphere=True),
    "cap-samples": Case(lambda: spherical_cap(RADII), RADII, 2, sphere=True),
}
cases = pytest.mark.parametrize("name", CASES)
kinds = pytest.mark.parametrize("kind", KINDS)


def data(seed: int = 0) -> tuple[Floats, Floats]:
    """Clean inputs in the unit box (one at its boundary) and points near and far from them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 1.0, (3, N, D))
    x[0, 0] = [0.0, 1.0, 1.0, 0.0]
    z = x + rng.uniform(0.01, 3.0, (3, N, 1)) * rng.standard_normal((3, N, D))
    z[1, 2] = x[1, 2]
    z[2, 0, 1:] = x[2, 0, 1:]
    return x, z


@kinds
@cases
def test_projections_are_members_and_members_stay(name: str, kind: str) -> None:
    case, tol = CASES[name], tolerance(kind)
    b = case.build()
    x, z = (make(v, kind) for v in data())
    p = b.project(x, z)
    assert type(p) is type(z)
    assert p.dtype == z.dtype
    clean, moved = to_numpy(x), to_numpy(p)
    for g, i in np.ndindex(3, N):
        assert case.outside(clean[g, i], moved[g, i], i) <= tol
    assert (to_numpy(b.distance(x, p)) <= tol).all()
    np.testing.assert_allclose(to_numpy(b.project(x, p)), moved, atol=2 * tol)
    assert np.array_equal(to_numpy(b.project(x, x)), clean)
    if not case.sphere:
        halfway = x + (p - x) * 0.5
        assert np.array_equal(to_numpy(b.project(x, halfway)), to_numpy(halfway))


@kinds
@cases
def test_distance_sees_every_broken_rule(name: str, kind: str) -> None:
    """At least what the worst rule is broken by; more only where two rules act together."""
    case = CASES[name]
    b = case.build()
    x, z = (make(v, kind) for v in data(1))
    distance = to_numpy(b.distance(x, z))
    assert distance.shape == (3, N)
    for g, i in np.ndindex(3, N):
        clean, point = to_numpy(x)[g, i], to_numpy(z)[g, i]
        broken = case.outside(clean, point, i)
        assert distance[g, i] >= broken - 1e-15
        # Any member is at least as far away as the nearest one.
        member = to_numpy(b.take(np.array([i])).project(clean[None], point[None]))[0]
        assert case.outside(clean, member, i) <= 1e-14
        farthest = float(np.linalg.norm(point - member, ord=case.order))
        assert distance[g, i] <= farthest + 1e-14
    bad = data(1)[1]
    bad[0, 1, 2] = math.nan
    assert math.isnan(to_numpy(b.distance(x, make(bad, kind)))[0, 1])
    assert math.isnan(to_numpy(b.project(x, make(bad, kind)))[0, 1, 2])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: l2(1.0), 4.0),
        (lambda: l2(5.0), 0.0),
        (lambda: linf(1.0), 3.0),
        (lambda: linf(4.0), 0.0),
        # (3, 4) from the ball of radius 3 cut with [0, 2]^2: the nearest point is (2, 2).
        (lambda: l2(3.0, box=(0.0, 2.0)), math.sqrt(5.0)),
        # From the unit ball cut with [0, 0.6] x [0, 1]: the corner (0.6, 0.8).
        (lambda: l2(1.0, box=([0.0, 0.0], [0.6, 1.0])), 4.0),
        (lambda: l2(1.0, box=([0.0, 0.0], [0.0, 1.0])), math.hypot(3.0, 3.0)),
        (lambda: linf(2.0, box=(0.0, 1.5)), 2.5),
        (lambda: linf(9.0, box=(0.0, 1.5)), 2.5),
        (lambda: spherical_cap(1.0), 5.0),
    ],
)
def test_distance_by_hand(build: Callable[[], Any], expected: float) -> None:
    """Of (3, 4) from B(0)."""
    x, z = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    assert float(build().distance(x, z)[0]) == pytest.approx(expected, rel=1e-15)


@kinds
@cases
def test_steepest_and_dual_norm_are_a_pair(name: str, kind: str) -> None:
    """norm(s) = 1 and <g, s> = dualnorm(g), the largest value on the unit ball."""
    case = CASES[name]
    b = case.build()
    g = np.random.default_rng(3).standard_normal((3, N, D)) * 10.0 ** np.arange(-2.0, 3.0)[:, None]
    g[0, 0] = [0.0, -2.0, 0.0, 1.0]
    step = to_numpy(b.steepest(make(g, kind)))
    size = np.linalg.norm(step, ord=case.order, axis=-1)
    moving = np.broadcast_to(case.radius > 0.0, (3, N))
    np.testing.assert_allclose(size, moving.astype(float), rtol=1e-6)
    dual = np.abs(g).sum(-1) if case.order == np.inf else np.sqrt((g * g).sum(-1))
    np.testing.assert_allclose(to_numpy(b.dual_norm(make(g, kind))), dual, rtol=1e-6)
    np.testing.assert_allclose((g * step).sum(-1)[moving], dual[moving], rtol=1e-5)
    assert np.array_equal(
        step[0, 0] == 0.0, [True, False, True, False] if moving[0, 0] else [True] * D
    )


@kinds
@cases
def test_steepest_is_zero_at_rounding_level(name: str, kind: str) -> None:
    case = CASES[name]
    b = case.build()
    g = np.zeros((3, N, D))
    g[..., 1] = 1e-15
    g[1] = 0.0
    assert not to_numpy(b.steepest(make(g, kind), atol=4e-15)).any()
    step = to_numpy(b.steepest(make(g, kind)))
    assert not step[1].any()
    np.testing.assert_allclose(step[0, :, 1], (case.radius > 0.0).astype(float), rtol=1e-6)
    # One threshold a sample: 0.5 and 2 times the first-order gain.
    atol = make(
        np.where(np.arange(N) % 2, 2.0, 0.5) * case.radius * to_numpy(make(1e-15, kind)), kind
    )
    kept = to_numpy(b.steepest(make(g, kind), atol=atol))[0, :, 1]
    assert np.array_equal(kept > 0.0, (np.arange(N) % 2 == 0) & (case.radius > 0.0))
    g[0, 2, 0] = math.nan
    assert np.isnan(to_numpy(b.steepest(make(g, kind), atol=4e-15))[0, 2]).any()


@kinds
@cases
def test_samples(name: str, kind: str) -> None:
    case = CASES[name]
    b = case.build()
    x = make(data()[0], kind)
    draw = b.sample(x, np.random.default_rng(4))
    points, clean = to_numpy(draw), to_numpy(x)
    for g, i in np.ndindex(3, N):
        assert case.outside(clean[g, i], points[g, i], i) <= tolerance(kind)
    assert ((points != clean).any(axis=(0, 2)) == (case.radius > 0.0)).all()
    assert np.array_equal(to_numpy(b.sample(x, np.random.default_rng(4))), points)
    assert draw.dtype == x.dtype


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(name: str, dtype: str) -> None:
    b = CASES[name].build()
    tol = 2e-6 if dtype == "float32" else 5e-15
    values = []
    for kind in (f"numpy-{dtype}", f"torch-{dtype}"):
        x, z = (make(v, kind) for v in data(2))
        found = [b.project(x, z), b.distance(x, z), b.steepest(z), b.dual_norm(z), b.input_bound(x)]
        values.append([to_numpy(v) for v in [*found, b.sample(x, np.random.default_rng(0))]])
    for one, other in zip(*values, strict=True):
        np.testing.assert_allclose(one, other, atol=tol, rtol=tol)


@kinds
@cases
def test_take_is_one_sample_at_a_time(name: str, kind: str) -> None:
    case = CASES[name]
    b = case.build()
    x, z = (make(v[0], kind) for v in data(3))
    together = to_numpy(b.project(x, z))
    for i in range(N):
        alone = b.take(make([i], kind.replace("float32", "int64").replace("float64", "int64")))
        np.testing.assert_allclose(
            to_numpy(alone.project(x[i : i + 1], z[i : i + 1]))[0],
            together[i],
            atol=tolerance(kind),
        )
    mask = np.array([True, False, True, True, False])
    some = to_numpy(b.take(mask).project(x[mask], z[mask]))
    np.testing.assert_allclose(some, together[mask], atol=tolerance(kind))


@cases
def test_enlarged(name: str) -> None:
    case = CASES[name]
    b = case.build().enlarged(0.25)
    np.testing.assert_array_equal(np.broadcast_to(b.radius, N), case.radius + 0.25)
    bigger = case._replace(radius=case.radius + 0.25)
    x, z = (v[0] for v in data(4))
    p = b.project(x, z)
    assert all(bigger.outside(x[i], p[i], i) <= 1e-14 for i in range(N))
    assert max(case.outside(x[i], p[i], i) for i in range(N)) > 0.02


@kinds
@cases
def test_input_bound_and_euclidean_radius(name: str, kind: str) -> None:
    case = CASES[name]
    b = case.build()
    x, z = (make(v, kind) for v in data(5))
    bound = to_numpy(b.input_bound(x))
    assert bound.shape == (3, N)
    clean, p = to_numpy(x), to_numpy(b.project(x, z))
    assert (np.linalg.norm(p, axis=-1) <= bound + tolerance(kind)).all()
    spread = np.broadcast_to(b.euclidean_radius(D), N)
    moved = np.linalg.norm(p - clean, axis=-1)
    assert (moved <= spread + tolerance(kind)).all()
    np.testing.assert_array_equal(spread, case.radius * (2.0 if case.order == np.inf else 1.0))
    size = np.linalg.norm(clean, axis=-1)
    by_hand = size if case.sphere else size + spread
    if np.all(case.box[0] == 0.0):
        by_hand = np.minimum(by_hand, 2.0)
    if "samples-box" not in name:
        np.testing.assert_allclose(bound, by_hand, rtol=1e-15)
    assert b.norm == ("linf" if case.order == np.inf else "l2")


def test_the_sets_are_perturbation_sets() -> None:
    """The annotation is the test: a type check fails where a method is missing."""
    sets: list[PerturbationSet] = [l2(0.1), linf(0.1), spherical_cap(0.1)]
    assert [b.norm for b in sets] == ["l2", "linf", "l2"]
    assert [b.radius for b in sets] == [0.1] * 3
