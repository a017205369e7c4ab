"""The loop that all first-order attacks share, and the record of what it visited."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.attacks.attack import AttackResult, Objective
from olgame.exceptions import ViolationError
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["NOISE", "Visited", "ascend"]

NOISE = 64.0
"""A gradient whose first-order gain is below NOISE unit roundoffs of the score is noise."""


class Visited:
    """The scores in the order of the visits and, per sample, the best point so far.

    Nothing here waits for the device: whether the numbers are finite is asked once, by
    `result`, of all visits together.

    Args:
        owner: the attack's name, for errors.
        xp: array API namespace of the points.
        first_step: the step that the first visited point is, for errors: -1 where the clean
            point is visited apart from x_0.
    """

    def __init__(self, owner: str, xp: Any, first_step: int = 0) -> None:
        self.owner = owner
        self.xp = xp
        self.first_step = first_step
        self.scores: list[Any] = []
        self.slopes: list[Any] = []
        self.x: Any = None
        self.loss: Any = None

    def add(self, point: Any, score: Any, gradient: Any = None) -> None:
        """Visit ``point``; ties keep the earlier point, so the clean one wins over an equal."""
        xp = self.xp
        if not self.scores:
            self.x, self.loss = point, score
        else:
            self.x = xp.where((score > self.loss)[..., None], point, self.x)
            self.loss = xp.maximum(score, self.loss)
        self.scores.append(score)
        if gradient is not None:
            # A sum is nan or infinite if a term is; sign() and a norm may hide one (torch.sign
            # of nan is 0).
            self.slopes.append(xp.sum(gradient, axis=-1))

    def result(self, n_values: int, n_gradients: int, keep_trace: bool) -> AttackResult:
        """What was found, once all that was seen is known to be finite."""
        xp = self.xp
        trace = xp.stack(self.scores)
        finite = xp.all(xp.isfinite(trace))
        if self.slopes:
            finite = finite & xp.all(xp.isfinite(xp.stack(self.slopes)))
        if not bool(finite):
            self._explain()
        return AttackResult(
            x=self.x,
            loss=self.loss,
            clean_loss=self.scores[0],
            n_values=n_values,
            n_gradients=n_gradients,
            trace=trace if keep_trace else None,
        )

    def _explain(self) -> None:
        """Name the first number that is not finite: in the order of evaluation."""
        # Gradients belong to x_0, x_1, ...: to the scores from x_0 on.
        skip = -self.first_step
        for visit, score in enumerate(self.scores):
            step = visit - skip
            self._check(score, "score", step)
            if 0 <= step < len(self.slopes):
                self._check(self.slopes[step], "gradient", step)

    def _check(self, numbers: Any, what: str, step: int) -> None:
        found = to_numpy(numbers)
        bad = np.argwhere(~np.isfinite(found))
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            sample = index[0] if len(index) == 1 else index
            where = f"at step {step}" if step >= 0 else "at the clean inputs"
            got = f", got {found[index]}" if what == "score" else ""
            raise ViolationError(
                f"`{self.owner}`: the {what} of sample {sample} must be finite {where}{got}."
            )


def ascend(
    objective: Objective,
    x: Array,
    perturbation_set: PerturbationSet,
    *,
    steps: int,
    step: Any,
    random: np.random.Generator | None,
    keep_trace: bool,
    owner: str,
) -> AttackResult:
    r"""Projected steepest ascent on B(x), every sample on its own.

        x_{k+1} = Proj_{B(x)} (x_k + step d_k),   d_k = argmax of <grad_k, d> over norm(d) <= 1,

    with d_k = 0 where rho dualnorm(grad_k) <= 64 u max(1, abs(score)), u the unit roundoff.
    Evaluations: ``steps`` values with gradients at x_0, ..., x_{steps-1}, one value at x_steps,
    and one more at the clean point where x_0 is random.

    Args:
        objective: what is climbed.
        x: clean inputs, shape ``(..., n, d)``.
        perturbation_set: B(x).
        steps: number of steps.
        step: length of a step in the norm of the set, one number or one per sample.
        random: draws x_0 from B(x); x_0 = x where None.
        keep_trace: whether the result keeps the scores of all visited points.
        owner: the attack's name, for errors.

    Returns:
        Per sample, the visited point (clean one included) with the largest score.

    Raises:
        ViolationError: a score or a gradient is not finite; names sample and step.
    """
    xp, axpy = kernels(x).xp, kernels(x).axpy
    noise = NOISE * unit_roundoff(x)
    visited = Visited(owner, xp, first_step=0 if random is None else -1)
    by_one = isinstance(step, float)
    point: Any = x
    one: Any = None
    if random is not None:
        clean = objective.value(x)
        visited.add(x, clean)
        x = _one_a_game(x, clean)
        point = perturbation_set.sample(x, random)
    for _ in range(steps):
        score, gradient = objective.value_and_gradient(point)
        visited.add(point, score, gradient)
        if x.ndim != gradient.ndim:
            x = point = _one_a_game(x, score)
        if one is None:
            one = xp.ones_like(score)
        atol = noise * xp.maximum(xp.abs(score), one)
        direction: Any = perturbation_set.steepest(gradient, atol=atol)
        moved = axpy(step, direction, point) if by_one else point + step[..., None] * direction
        point = perturbation_set.project(x, moved)
    visited.add(point, objective.value(point))
    return visited.result(1 + (random is not None), steps, keep_trace)


def _one_a_game(x: Array, score: Array) -> Array:
    """``x`` with the leading axes of ``score``: games that share their clean data."""
    if x.shape[:-1] == score.shape:
        return x
    broadcast: Array = kernels(x).xp.broadcast_to(x, (*score.shape, x.shape[-1]))
    return broadcast
