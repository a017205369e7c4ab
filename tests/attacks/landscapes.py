"""Objectives of an attack with a gradient in closed form, and the loop of PGD by hand."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.attacks import AttackResult
from olgame.perturbations import l2, linf

Vector: TypeAlias = NDArray[np.float64]
Norm = Literal["l2", "linf"]
SETS: dict[Norm, Any] = {"l2": l2, "linf": linf}
N, D = 24, 6
PER_SAMPLE = np.linspace(0.05, 0.6, N)


@attrs.frozen(eq=False)
class Landscape:
    """Three scores of x with a gradient in closed form.

    "waves": sum_j a_ij sin(b_ij x_ij + c_ij), many hills. "linear": <a_i, x_i>, whose best
    response is known. "peaks": -sum_j b_ij (x_ij - top_ij)^2 with the top a hair's breadth from
    the clean point, so that almost every step overshoots and the clean point is hard to beat.
    """

    kind: Literal["waves", "linear", "peaks"]
    a: Vector
    b: Vector
    c: Vector
    top: Vector
    log: list[tuple[Vector, Vector]] = attrs.field(factory=list)
    gradients: list[int] = attrs.field(factory=list)

    def score(self, x: Vector) -> Vector:
        if self.kind == "waves":
            terms = self.a * np.sin(self.b * x + self.c)
        elif self.kind == "linear":
            terms = self.a * x
        else:
            terms = -self.b * (x - self.top) ** 2
        total: Vector = terms.sum(axis=-1)
        return total

    def slope(self, x: Vector) -> Vector:
        if self.kind == "waves":
            return self.a * self.b * np.cos(self.b * x + self.c)
        return self.a + 0.0 * x if self.kind == "linear" else -2.0 * self.b * (x - self.top)

    def value(self, x: Any) -> Any:
        self.log.append((np.array(x), self.score(x)))
        return self.score(x)

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        self.gradients.append(len(self.log))
        return self.value(x), self.slope(x)

    def output(self, x: Any) -> Any:
        return self.score(x)

    def take(self, index: Any) -> Landscape:
        return attrs.evolve(
            self, a=self.a[index], b=self.b[index], c=self.c[index], top=self.top[index]
        )


def landscape(kind: Literal["waves", "linear", "peaks"], x: Vector) -> Landscape:
    rng = np.random.default_rng(5)
    a, top = rng.normal(size=x.shape), x + 1e-3 * rng.normal(size=x.shape)
    return Landscape(kind, a, rng.uniform(3.0, 12.0, x.shape), rng.uniform(0.0, 6.0, x.shape), top)


def length(v: Vector, norm: Norm) -> Vector:
    size: Vector = np.sqrt((v * v).sum(-1)) if norm == "l2" else np.abs(v).max(-1)
    return size


# The reference loop, with the flaws that a check has to notice.


def by_hand(
    objective: Any, x: Vector, norm: Norm, rho: Any, steps: int = 10, flaw: str = ""
) -> AttackResult:
    radius = np.broadcast_to(np.asarray(rho, dtype=float), x.shape[:-1])[..., None]
    point, scores, points = x, [], []
    for k in range(steps + 1):
        score, gradient = objective.value_and_gradient(point)
        if k == steps:
            objective.gradients.pop()
        points.append(point)
        scores.append(score)
        if norm == "l2":
            direction = gradient / np.sqrt((gradient**2).sum(-1, keepdims=True))
        else:
            direction = np.sign(gradient)
        moved = point + 2.5 * radius / steps * direction - x
        if flaw == "does not project":
            pass
        elif norm == "l2":
            moved = moved * np.minimum(1.0, radius / np.sqrt((moved**2).sum(-1, keepdims=True)))
        else:
            moved = np.clip(moved, -radius, radius)
        point = x + moved
        if flaw == "clips to [0, 1]":
            point = np.clip(point, 0.0, 1.0)
    trace, path = np.stack(scores), np.stack(points)
    chosen = trace.argmax(0)
    if flaw == "keeps the last iterate":
        chosen = np.full(x.shape[:-1], steps)
    elif flaw == "drops the clean point":
        chosen = 1 + trace[1:].argmax(0)
    at = np.take_along_axis(path, chosen[None, ..., None], 0)[0]
    loss = np.take_along_axis(trace, chosen[None], 0)[0]
    if flaw == "reports the loss of another point":
        at = path[-1]
    counted = steps + 1 if flaw == "counts a gradient too many" else steps
    return AttackResult(at, loss, trace[0], 1, counted, trace)
