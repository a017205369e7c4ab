"""Bounds on the leads that make a loss of the margin large."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import attrs
from array_api_compat import device

from olgame.arrays import kernels, to_numpy
from olgame.certify.branching import Loose
from olgame.certify.output_bound import output_bound
from olgame.models.model import TwoLayerWeights
from olgame.typing import Array

__all__ = ["LeadBounds", "lead_bounds"]


@attrs.frozen(eq=False)
class LeadBounds:
    """Upper bounds on what raises the loss, and where to look for inputs that attain them.

    Attributes:
        bounds: shape ``(n, J)``. One output, labels +-1: J = 1, a bound on -y f. k classes: J = k,
            bounds on f_j - f_y; 0 at j = y.
        deltas: J perturbations near the maximizers, each of shape ``(n, d)``; 0 at j = y.
    """

    bounds: Array
    deltas: tuple[Array, ...]


def lead_bounds(
    layers: TwoLayerWeights,
    x: Array,
    y: Array,
    radius: Array,
    norm: str,
    *,
    sphere: Array | None = None,
    branches: int = 0,
    loose: Loose | None = None,
    steps: int | None = None,
) -> LeadBounds:
    r"""Bound max of -y f(x'), or of f_j(x') - f_y(x') for every j, over norm(x' - x) <= rho.

    A lead is itself a two-layer network with one output: its output weights are -y b, or
    b_j - b_y for two columns of output weights (one rounding each, which the slack of
    `output_bound` covers). Samples that share the label share these weights, and where the weights
    of two classes agree, the neuron drops out: for random signs half of them.

    Args:
        layers: f, float64; output weights of shape ``(m,)`` or ``(m, k)``.
        x: inputs, shape ``(n, d)``, float64.
        y: labels +-1, or classes, shape ``(n,)``, float64.
        radius: rho >= 0, shape ``(n,)``, float64.
        norm: ``"l2"`` or ``"linf"``.
        sphere: as in `output_bound`.
        branches: as there, for the bound on one lead.
        loose: as there, for the bound on one lead.
        steps: as there.

    Returns:
        Bounds and perturbations.

    Example:
        >>> import numpy as np
        >>> from olgame.activations import relu
        >>> outputs = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> layers = TwoLayerWeights(np.eye(2), outputs, relu)  # f_j = relu(x_j)
        >>> x, y = np.array([[1.0, 0.5]]), np.array([0.0])
        >>> print(lead_bounds(layers, x, y, np.array([0.25]), "linf").bounds.round(6))
        [[0. 0.]]
    """
    xp = kernels(x).xp
    labels: Any = y
    classes = 1 if layers.output.ndim == 1 else layers.output.shape[1]
    place = {"dtype": x.dtype, "device": device(x)}
    bounds: Any = xp.zeros((x.shape[0], classes), **place)
    deltas: list[Any] = [xp.zeros(x.shape, **place) for _ in range(classes)]
    for label, column, weights in _leads(layers.output):
        index = xp.nonzero(labels == label)[0]
        used = weights != 0
        if index.shape[0] == 0 or not bool(xp.any(used)):
            continue
        network = TwoLayerWeights(layers.hidden[used], weights[used], layers.activation)
        thin: Any = None if sphere is None else sphere[index]
        found = output_bound(
            network, x[index], radius[index], norm, sphere=thin, branches=branches, steps=steps,
            loose=None if loose is None else partial(_of_these, loose, to_numpy(index).astype(int)),
        )  # fmt: skip
        bounds[index, column] = found.bound
        deltas[column][index] = found.delta
    return LeadBounds(bounds, tuple(deltas))


def _of_these(loose: Loose, chosen: Any, index: Any, bound: Any, reached: Any) -> Any:
    return loose(chosen[index], bound, reached)


def _leads(output: Any) -> Iterator[tuple[float, int, Any]]:
    """Label, column of the result, and output weights of the lead."""
    if output.ndim == 1:
        yield from ((label, 0, -label * output) for label in (1.0, -1.0))
        return
    for label in range(output.shape[1]):
        for rival in range(output.shape[1]):
            if rival != label:
                yield float(label), rival, output[:, rival] - output[:, label]
