"""Balls, cubes, cross-polytopes, simplices and what is made of them: what is known by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from olgame.arrays import as_like
from olgame.sets import (
    Box,
    L1Ball,
    L2Ball,
    L2InfBall,
    LinfBall,
    ProductSet,
    Simplex,
)
from tests.sets.kinds import CENTER, Floats, P


class Shape(NamedTuple):
    """What is known by hand about one convex body of size r, for d = u - (its center)."""

    excess: Callable[[Floats, float], float]
    support: Callable[[Floats, float], float]
    distance: Callable[[Floats, float], float]
    reach: Callable[[Floats, float], float]
    rules: Callable[[Any, Any, float], list[Any]]
    depth: Callable[[Floats, float], float] | None = None


def level(x: Floats, total: float) -> Floats:
    """max(x - theta, 0) that adds up to ``total``: theta by bisection."""
    low, high = float(x.max()) - total, float(x.max())
    for _ in range(200):
        theta = (low + high) / 2
        low, high = (theta, high) if np.maximum(x - theta, 0).sum() > total else (low, theta)
    return np.maximum(x - high, 0.0)


def l1_distance(d: Floats, r: float) -> float:
    a = np.abs(d)
    return 0.0 if a.sum() <= r else float(np.linalg.norm(a - level(a, r)))


def farthest(d: Floats, vertices: Floats) -> float:
    return max(math.dist(d, vertex) for vertex in vertices)


def shares(d: Floats, r: float) -> Floats:
    """The barycenter of the simplex of size r is d = 0."""
    return d + r / len(d)


def simplex_excess(d: Floats, r: float) -> float:
    return max(float(-shares(d, r).min()), abs(math.fsum(shares(d, r)) - r))


BALL = Shape(
    excess=lambda d, r: math.hypot(*d) - r,
    support=lambda v, r: r * math.hypot(*v),
    distance=lambda d, r: max(math.hypot(*d) - r, 0.0),
    reach=lambda d, r: math.hypot(*d) + r,
    rules=lambda cp, d, r: [cp.norm(d) <= r],
)
CUBE = Shape(
    excess=lambda d, r: float(np.abs(d).max()) - r,
    support=lambda v, r: r * math.fsum(np.abs(v)),
    distance=lambda d, r: math.hypot(*np.maximum(np.abs(d) - r, 0.0)),
    reach=lambda d, r: farthest(d, r * np.array(list(itertools.product((-1, 1), repeat=len(d))))),
    rules=lambda cp, d, r: [d <= r, d >= -r],
)
CROSS = Shape(
    excess=lambda d, r: math.fsum(np.abs(d)) - r,
    support=lambda v, r: r * float(np.abs(v).max()),
    distance=l1_distance,
    reach=lambda d, r: farthest(d, r * np.vstack([np.eye(len(d)), -np.eye(len(d))])),
    rules=lambda cp, d, r: [cp.norm1(d) <= r],
)
SIMPLEX = Shape(
    excess=simplex_excess,
    support=lambda v, r: r * float(v.max()) - r * math.fsum(v) / len(v),
    distance=lambda d, r: float(np.linalg.norm(shares(d, r) - level(shares(d, r), r))),
    reach=lambda d, r: farthest(d, r * np.eye(len(d)) - r / len(d)),
    rules=lambda cp, d, r: [d >= -r / d.size, cp.sum(d) == 0.0],
    depth=lambda d, r: float(-shares(d, r).min()),
)


class Case(NamedTuple):
    """A set K, blocks (slice, size, shape) that define it, its center, and its diameter."""

    build: Callable[[Any], Any]
    blocks: tuple[tuple[slice, float, Shape], ...]
    center: Floats
    diameter: float

    def excesses(self, x: Floats) -> Floats:
        """How far each block is outside, in the norm of its shape."""
        return np.array([k.excess(x[s] - self.center[s], r) for s, r, k in self.blocks])

    def depths(self, x: Floats) -> Floats:
        """The same within the plane that holds the block."""
        return np.array(
            [(k.depth or k.excess)(x[s] - self.center[s], r) for s, r, k in self.blocks]
        )

    def support(self, v: Floats) -> float:
        return math.fsum(v * self.center) + sum(k.support(v[s], r) for s, r, k in self.blocks)

    def distance(self, x: Floats) -> float:
        return math.hypot(*(k.distance(x[s] - self.center[s], r) for s, r, k in self.blocks))

    def reach(self, x: Floats) -> float:
        return math.hypot(*(k.reach(x[s] - self.center[s], r) for s, r, k in self.blocks))


ALL = slice(0, P)
HALVES = (slice(0, 3), slice(3, 6))
HALF_WIDTHS = (0.5, 1.0, 0.25, 2.0, 1.5, 0.75)
CASES = {
    "ball": Case(lambda c: L2Ball(1.5), ((ALL, 1.5, BALL),), np.zeros(P), 3.0),
    "ball-center": Case(lambda c: L2Ball(1.5, c), ((ALL, 1.5, BALL),), CENTER, 3.0),
    "rows": Case(
        lambda c: L2InfBall(0.5, 2),
        tuple((s, 0.5, BALL) for s in HALVES),
        np.zeros(P),
        math.sqrt(2.0),
    ),
    "rows-center": Case(
        lambda c: L2InfBall(0.5, 2, c),
        tuple((s, 0.5, BALL) for s in HALVES),
        CENTER,
        math.sqrt(2.0),
    ),
    "product": Case(
        lambda c: ProductSet([(L2Ball(1.0, c[:2]), 2), (L2Ball(2.0, c[2:]), 4)]),
        ((slice(0, 2), 1.0, BALL), (slice(2, 6), 2.0, BALL)),
        CENTER,
        math.sqrt(20.0),
    ),
    "product-rows": Case(
        lambda c: ProductSet([(L2Ball(1.0, c[:2]), 2), (L2InfBall(2.0, 2, c[2:]), 4)]),
        ((slice(0, 2), 1.0, BALL), (slice(2, 4), 2.0, BALL), (slice(4, 6), 2.0, BALL)),
        CENTER,
        math.sqrt(4.0 + 32.0),
    ),
    "cube": Case(
        lambda c: LinfBall(1.5, dim=P), ((ALL, 1.5, CUBE),), np.zeros(P), 3.0 * math.sqrt(6.0)
    ),
    "cube-center": Case(
        lambda c: LinfBall(1.5, c), ((ALL, 1.5, CUBE),), CENTER, 3.0 * math.sqrt(6.0)
    ),
    "box": Case(
        lambda c: Box(c - as_like(HALF_WIDTHS, c), c + as_like(HALF_WIDTHS, c)),
        tuple((slice(j, j + 1), r, CUBE) for j, r in enumerate(HALF_WIDTHS)),
        CENTER,
        2.0 * math.hypot(*HALF_WIDTHS),
    ),
    "box-numbers": Case(
        lambda c: Box(-0.5, 0.5, dim=P), ((ALL, 0.5, CUBE),), np.zeros(P), math.sqrt(6.0)
    ),
    "cross": Case(lambda c: L1Ball(1.5), ((ALL, 1.5, CROSS),), np.zeros(P), 3.0),
    "cross-center": Case(lambda c: L1Ball(1.5, c), ((ALL, 1.5, CROSS),), CENTER, 3.0),
    "simplex": Case(
        lambda c: Simplex(P, 1.5), ((ALL, 1.5, SIMPLEX),), np.full(P, 0.25), 1.5 * math.sqrt(2.0)
    ),
    "simplex-offset": Case(
        lambda c: Simplex(scale=1.5, offset=c - 0.25),
        ((ALL, 1.5, SIMPLEX),),
        CENTER,
        1.5 * math.sqrt(2.0),
    ),
    "product-mixed": Case(
        lambda c: ProductSet(
            [(LinfBall(0.5, c[:2]), 2), (Simplex(2, 1.0, c[2:4] - 0.5), 2), (L1Ball(1, c[4:]), 2)]
        ),
        ((slice(0, 2), 0.5, CUBE), (slice(2, 4), 1.0, SIMPLEX), (slice(4, 6), 1.0, CROSS)),
        CENTER,
        math.sqrt(2.0 + 2.0 + 4.0),
    ),
}
