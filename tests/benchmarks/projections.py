"""What a projection costs, set by set, beside the one onto a Euclidean ball."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import olgame as og

SIZES = (100, 10_000)
EQUATIONS = 10
LARGEST_MATRIX = 1_000

Z = og.sets
# Name -> (order of the arithmetic, the set in p dimensions; None: not with matrices that large).
SETS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "WholeSpace": ("0", lambda p: Z.WholeSpace(p)),
    "L2Ball": ("p", lambda p: Z.L2Ball(1.0)),
    "L2InfBall, rows of 10": ("p", lambda p: Z.L2InfBall(0.5, 10)),
    "LinfBall": ("p", lambda p: Z.LinfBall(0.5)),
    "Box": ("p", lambda p: Z.Box(-0.5, 0.5, dim=p)),
    "Halfspace": ("p", lambda p: Z.Halfspace(-np.ones(p), -1.0)),
    "ProductSet, 2 balls": ("p", lambda p: _product(p)),
    "LpBall, 1.5": ("p x steps", lambda p: Z.LpBall(1.0, 1.5)),
    "Ellipsoid, axes given": ("p x steps", lambda p: Z.Ellipsoid(np.linspace(0.1, 1.0, p))),
    "L1Ball": ("p log p", lambda p: Z.L1Ball(1.0)),
    "Simplex": ("p log p", lambda p: Z.Simplex()),
    "CappedSimplex": ("p log p", lambda p: Z.CappedSimplex(5.0 / p)),
    f"AffineSubspace, {EQUATIONS} equations": ("p q", lambda p: _equations(p)),
    "NuclearNormBall, square": ("p^1.5", lambda p: Z.NuclearNormBall(1.0, round(p**0.5))),
    "Ellipsoid of a matrix": ("p^2", lambda p: _matrix(p)),
    "Intersection, ball and half-space": ("p x passes", lambda p: _intersection(p)),
}


def table() -> list[str]:
    """Microseconds of one projection of a normal vector, and the ratio to that onto a ball."""
    header = f"{'set':<36}{'order':<12}" + "".join(f"{f'p = {p}':>12}{'':>9}" for p in SIZES)
    lines, columns = [header], [_column(p) for p in SIZES]
    for name, (order, _) in SETS.items():
        line = f"{name:<36}{order:<12}"
        for column in columns:
            seconds, ball = column[name], column["L2Ball"]
            if seconds is None:
                line += f"{'-':>21}"
            else:
                line += f"{1e6 * seconds:>9.1f} us{seconds / (ball or 1.0):>8.1f}x"
        lines.append(line)
    return lines


def _column(p: int) -> dict[str, float | None]:
    """Median CPU seconds; all sets take turns, so that what drifts does so for all."""
    made = {name: make(p) for name, (_, make) in SETS.items()}
    x = np.random.default_rng(0).standard_normal(p)
    loops = {name: _loops(made[name], x) for name in made if made[name] is not None}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(15):
        for name, count in loops.items():
            times[name].append(_seconds(made[name], x, count))
    return {name: statistics.median(times[name]) if name in times else None for name in made}


def _loops(decision_set: Any, x: Any) -> int:
    """As many as take some milliseconds."""
    _seconds(decision_set, x, 1)
    return max(1, min(1000, int(0.005 / max(_seconds(decision_set, x, 1), 1e-6))))


def _seconds(decision_set: Any, x: Any, count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        decision_set.project(x)
    return (time.process_time() - begin) / count


def _product(p: int) -> Any:
    return Z.ProductSet([(Z.L2Ball(1.0), p // 2), (Z.L2Ball(0.5), p - p // 2)])


def _equations(p: int) -> Any:
    matrix = np.random.default_rng(1).standard_normal((EQUATIONS, p))
    return Z.AffineSubspace(matrix, np.ones(EQUATIONS))


def _matrix(p: int) -> Any:
    if p > LARGEST_MATRIX:
        return None
    factor = np.random.default_rng(2).standard_normal((p, p)) / p**0.5
    return Z.Ellipsoid.from_matrix(np.eye(p) + factor @ factor.T)


def _intersection(p: int) -> Any:
    return Z.Intersection([Z.L2Ball(1.0), Z.Halfspace(np.ones(p), -0.1)])
