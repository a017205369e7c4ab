"""Points of a decision set at which a model is far from its linearization, found by a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import DataError, NotAvailableError, ShapeError
from olgame.models.deep_layers import HasDeepLayers
from olgame.models.layer_scaling import layer_reach
from olgame.models.model import Model
from olgame.randomness import generator
from olgame.sets.convex_set import ConvexSet
from olgame.theory.kink_moves import kink_move
from olgame.typing import Array
from olgame.validation import require_integer

__all__ = ["SearchedError", "search_linearization"]

LENGTHS = (1.0, 16.0)
"""Lengths of the random moves to start from, as multiples of one into the set."""

GAIN = 1e-3
"""A step that gains less than this part ends an ascent."""


@attrs.frozen(eq=False)
class SearchedError:
    """The largest abs(f - f_lin) that a search found, one number for each input.

    Each is attained at a point of the set, so the supremum over the set is at least that; how much
    more it is, nobody knows.

    Attributes:
        values: Shape ``(n,)``.
        starts: Ascents for each input and direction.
        method: What was searched.
    """

    values: NDArray[np.float64]
    starts: int
    method: str


def search_linearization(
    model: Model,
    x: Any,
    decision_set: ConvexSet,
    *,
    steps: int = 12,
    random_starts: int = 1,
    seed: int = 0,
) -> SearchedError:
    """Look for the largest abs(f - f_lin) over a set, input by input.

    With phi(w) = f(w, x) - f(W_0, x) - <grad f(W_0, x), w - W_0> and s = +-1, every ascent
    repeats

        w <- the point of K that maximizes s <grad f(w, x) - grad f(W_0, x), .>

    (the linear minimizer of K: a conditional gradient step of full length, for a function that
    grows outward), and the best s phi(w) is kept. At W_0 itself the slope is 0, so it starts

    * for a deep ReLU network from `kink_move`, which crosses as many kinks as pays off;
    * from random moves of several lengths, the longer ones outside of K (only the slope is taken
      there).

    Args:
        model: f, with one output a sample; f_lin is taken at its start.
        x: Inputs, shape ``(n, d)``.
        decision_set: K, bounded.
        steps: At most so many steps in an ascent.
        random_starts: Random directions, each at every length.
        seed: Of the random moves.

    Returns:
        The `SearchedError`: from below, an estimate of the supremum.

    Raises:
        ArgumentError: ``steps`` or ``random_starts`` is out of range.
        ShapeError: ``x`` does not have ``model.dim`` columns.
        DataError: ``x`` is empty.
        NotAvailableError: The model has k classes.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=200, activation="tanh", seed=0)
        >>> x, ball = np.array([[0.6, 0.8]]), model.neighborhood(2.0)
        >>> found = search_linearization(model, x, ball)
        >>> bound = og.theory.worst_case_linearization(model, x, ball)
        >>> bool(0.3 * bound.values < found.values < bound.values)
        True
    """
    require_integer("search_linearization", steps=steps)
    require_integer("search_linearization", 0, random_starts=random_starts)
    if getattr(model, "classes", None) is not None:
        raise NotAvailableError(
            f"`search_linearization(model=...)` must have one output a sample, got {model.name} "
            f"with {getattr(model, 'classes', None)} classes."
        )
    inputs: Any = model.asarray(x)
    if inputs.ndim != 2 or inputs.shape[-1] != model.dim:
        raise ShapeError(
            f"`search_linearization(x=...)` must have shape (n, {model.dim}), got "
            f"{tuple(inputs.shape)}."
        )
    if inputs.shape[0] == 0:
        raise DataError("`search_linearization(x=...)` must hold at least one input.")
    deep = isinstance(model, HasDeepLayers)
    values = np.zeros(inputs.shape[0])
    for i in range(inputs.shape[0]):
        ascent = _Ascent(model, inputs[i : i + 1], decision_set, steps)
        for sign in (1, -1):
            for start in _starts(model, inputs[i : i + 1], decision_set, sign, random_starts, seed):
                values[i] = max(values[i], ascent(start, sign))
    kinks = "across kinks and " if deep else ""
    return SearchedError(
        values,
        deep + random_starts * len(LENGTHS),
        f"conditional gradient ascent, {kinks}from {random_starts} random moves",
    )


def _starts(
    model: Any, x: Array, decision_set: ConvexSet, sign: int, random_starts: int, seed: int
) -> Iterator[Array]:
    """Points to take the first slope at."""
    start = model.start
    if isinstance(model, HasDeepLayers):
        radii = [reach.least for reach in layer_reach(decision_set, start, model.depth)]
        yield kink_move(model, x, sign, radii).point  # type: ignore[arg-type]  # both protocols
    for k in range(random_starts):
        rng = generator(seed, "linearization", k)
        move: Any = decision_set.sample(rng, tuple(start.shape)) - start
        for length in LENGTHS:
            yield start + length * move


class _Ascent:
    """Conditional gradient ascent on s (f - f_lin) at one input."""

    def __init__(self, model: Model, x: Array, decision_set: ConvexSet, steps: int) -> None:
        self._model, self._x, self._set, self._steps = model, x, decision_set, steps
        at = model.at(model.start, x)
        self._output = at.z
        self._one = kernels(at.z).xp.ones_like(at.z)
        self._slope: Any = at.pullback_w(self._one)

    def __call__(self, point: Any, sign: int) -> float:
        """The largest s (f - f_lin) over the points that an ascent from ``point`` visits."""
        best = 0.0
        for _ in range(self._steps):
            slope = self._model.at(point, self._x).pullback_w(self._one) - self._slope
            if not bool(kernels(slope).xp.any(slope != 0.0)):
                break
            point = self._set.lmo(-sign * slope)
            found = sign * self._departure(point)
            if found <= best * (1.0 + GAIN):
                break
            best = found
        return best

    def _departure(self, point: Any) -> float:
        """f - f_lin."""
        k = kernels(point)
        moved = to_numpy(self._model(point, self._x))[0] - to_numpy(self._output)[0]
        return float(moved - to_numpy(k.dot(self._slope, point - self._model.start)))
