"""What an attack sees, does and returns."""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np

from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["Attack", "AttackResult", "Objective"]


class Objective(Protocol):
    """What an attack climbs: one number per sample, a function of the played inputs."""

    def value(self, x: Array) -> Array:
        """The score of every sample, shape ``(..., n)``, for ``x`` of shape ``(..., n, d)``."""
        ...

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """The score and its gradient in x, shapes ``(..., n)`` and ``(..., n, d)``."""
        ...

    def output(self, x: Array) -> Array:
        """The model's output f(w, x)."""
        ...

    def take(self, index: Array) -> Objective:
        """The objective for the samples ``index`` alone."""
        ...


@attrs.frozen(eq=False)
class AttackResult:
    """What an attack found.

    Attributes:
        x: the played inputs, shape ``(..., n, d)``: of every point visited (the clean one
            included) the one with the largest score, sample by sample.
        loss: the score there, shape ``(..., n)``.
        clean_loss: the score of the clean inputs, shape ``(..., n)``.
        n_values: forward evaluations made (over all samples at once).
        n_gradients: gradient evaluations made, each of which also gave a value.
        trace: scores of all points visited in order, shape ``(visited, ..., n)``; ``loss`` is its
            maximum over the first axis. None unless the attack was told to keep it.
    """

    x: Array
    loss: Array
    clean_loss: Array
    n_values: int
    n_gradients: int
    trace: Array | None = None


class Attack(Protocol):
    """An attack oracle A(w, x) in B(x). Used of it anywhere: only that x' is in B(x)."""

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult: ...
