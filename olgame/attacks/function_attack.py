"""A plain function as an attack."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.attacks.ascent import Visited
from olgame.attacks.attack import AttackResult, Objective
from olgame.exceptions import ArgumentError, ShapeError
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["FunctionAttack", "Proposal", "from_function"]

Proposal = Callable[[Objective, Array, PerturbationSet, np.random.Generator], Array]


class _Counted:
    """An objective that counts what it is asked for."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.n_values = 0
        self.n_gradients = 0

    def value(self, x: Array) -> Array:
        self.n_values += 1
        return self.objective.value(x)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        self.n_gradients += 1
        return self.objective.value_and_gradient(x)

    def output(self, x: Array) -> Array:
        self.n_values += 1
        return self.objective.output(x)

    def take(self, index: Array) -> Objective:
        return self.objective.take(index)


@attrs.frozen
class FunctionAttack:
    r"""Lifts ``function(objective, x, perturbation_set, rng) -> x_adv`` into an attack.

    What the function proposes is projected onto B(x), scored, and kept where it is better than
    the clean point: so any proposal, however wild, makes a valid attack.

    Args:
        function: proposes inputs of the shape of ``x``. Its own evaluations are counted (those
            of an objective it takes for a subset of samples are not).

    Raises:
        ShapeError: the proposal does not have the shape of ``x``.
        ViolationError: the score at the proposal is not finite.

    Example:
        >>> import numpy as np
        >>> noise = FunctionAttack(lambda objective, x, B, rng: x + rng.normal(size=x.shape))
    """

    function: Proposal

    def __call__(
        self,
        objective: Objective,
        x: Array,
        perturbation_set: PerturbationSet,
        rng: np.random.Generator,
    ) -> AttackResult:
        """Attack ``x``, shape ``(..., n, d)``."""
        counted = _Counted(objective)
        visited = Visited("FunctionAttack", kernels(x).xp)
        visited.add(x, counted.value(x))
        proposed = self.function(counted, x, perturbation_set, rng)
        if getattr(proposed, "shape", None) != x.shape:
            raise ShapeError(
                f"`FunctionAttack(function=...)` must return inputs of shape {tuple(x.shape)}, "
                f"got {type(proposed).__name__} of shape {getattr(proposed, 'shape', None)}."
            )
        point = perturbation_set.project(x, proposed)
        visited.add(point, counted.value(point))
        return visited.result(counted.n_values, counted.n_gradients, keep_trace=False)


def from_function(function: Proposal) -> FunctionAttack:
    """Lift ``function(objective, x, perturbation_set, rng) -> x_adv`` into an attack.

    Args:
        function: Proposes inputs; it should return, of the points that it looked at, the best for
            each sample. Its proposal is projected onto B(x) and kept where it beats the clean
            input.

    Returns:
        The attack.

    Raises:
        ArgumentError: ``function`` cannot be called.

    Example:
        >>> from olgame.attacks import from_function
        >>> attack = from_function(lambda objective, x, B, rng: B.sample(x, rng))
    """
    if not callable(function):
        raise ArgumentError(
            f"`attacks.from_function(function=...)` must be a function, got {function!r}."
        )
    return FunctionAttack(function)
