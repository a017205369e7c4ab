"""Objectives that show what an attack does: rugged ones, and one that takes notes."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.attacks.attack import Objective
from olgame.checks.checklist import host
from olgame.typing import Array

__all__ = ["Peak", "Recorder", "Waves"]


@attrs.frozen(eq=False)
class Waves:
    """sum_j cos(k x_ij + b_ij): more hills than any attack has steps, so the last point is rarely
    the best one.

    Args:
        phase: b, shape ``(n, d)``.
        frequency: k.
    """

    phase: Any
    frequency: float = 25.0

    def value(self, x: Array) -> Array:
        xp: Any = kernels(x).xp
        out: Array = xp.sum(xp.cos(self.frequency * x + self.phase), axis=-1)
        return out

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        xp: Any = kernels(x).xp
        gradient = -self.frequency * xp.sin(self.frequency * x + self.phase)
        return self.value(x), gradient

    def output(self, x: Array) -> Array:
        return self.value(x)

    def take(self, index: Array) -> Waves:
        return attrs.evolve(self, phase=self.phase[..., index, :])


@attrs.frozen(eq=False)
class Peak:
    """-norm(x_i - a_i)^2 with a next to the clean point: a full step away from it makes it less.

    Args:
        top: a, shape ``(n, d)``.
    """

    top: Any

    def value(self, x: Array) -> Array:
        difference: Any = x - self.top
        out: Array = -kernels(x).dot(difference, difference)
        return out

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        return self.value(x), -2.0 * (x - self.top)

    def output(self, x: Array) -> Array:
        return self.value(x)

    def take(self, index: Array) -> Peak:
        return attrs.evolve(self, top=self.top[..., index, :])


class Recorder:
    """An objective that passes everything on and remembers points and scores."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.points: list[Any] = []
        self.scores: list[Any] = []
        self._counts = {"values": 0, "gradients": 0, "taken": 0}

    @property
    def n_values(self) -> int:
        return self._counts["values"]

    @property
    def n_gradients(self) -> int:
        return self._counts["gradients"]

    @property
    def taken(self) -> bool:
        return self._counts["taken"] > 0

    @property
    def classes(self) -> int | None:
        return getattr(self.objective, "classes", None)

    def _note(self, x: Any, score: Any) -> None:
        self.points.append(host(x))
        self.scores.append(host(score))

    def value(self, x: Array) -> Array:
        score = self.objective.value(x)
        self._counts["values"] += 1
        self._note(x, score)
        return score

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        score, gradient = self.objective.value_and_gradient(x)
        self._counts["gradients"] += 1
        self._note(x, score)
        return score, gradient

    def output(self, x: Array) -> Array:
        self._counts["values"] += 1
        return self.objective.output(x)

    def take(self, index: Array) -> Objective:
        self._counts["taken"] += 1
        return self.objective.take(index)

    def climbing(self, loss: Any) -> Recorder:
        """The objective with another climb; the notes are the same."""
        other = copy.copy(self)
        other.objective = self.objective.climbing(loss)  # type: ignore[attr-defined]  # it can climb: the caller asked
        return other

    def path(self, reference: Array) -> Any:
        """All points that were scored, as one array of the kind of ``reference``."""
        return as_like(np.stack(self.points), reference)
