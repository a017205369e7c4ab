"""Certified upper bound on the output of a two-layer network over a ball."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from array_api_compat import device

from olgame.activations import relu
from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.certify.branching import Branching, Loose, branch, network_output
from olgame.certify.cap_region import Cap
from olgame.certify.region import Ball, Region
from olgame.certify.region_bound import region_bound, region_slack
from olgame.certify.rounding import detached, output_slack
from olgame.certify.row_space import RowSpace
from olgame.exceptions import NotAvailableError
from olgame.models.model import TwoLayerWeights
from olgame.sets.norms import norm as norm_2
from olgame.typing import Array

__all__ = ["CHUNK_ENTRIES", "STEPS", "OutputBound", "output_bound"]

CHUNK_ENTRIES = 2**22
STEPS = {"smooth": 8, "relu": 12}


@attrs.frozen(eq=False)
class OutputBound:
    """An upper bound and the perturbations that come near it.

    Attributes:
        bound: at least max of Q over the ball, shape ``(n,)``.
        delta: a point of the ball near the maximizer of the relaxation, shape ``(n, d)``: a good
            start or candidate for an attack, nothing certified.
    """

    bound: Array
    delta: Array


def output_bound(
    layers: TwoLayerWeights,
    x: Array,
    radius: Array,
    norm: str,
    *,
    sphere: Array | None = None,
    steps: int | None = None,
    chunk: int | None = None,
    branches: int = 0,
    loose: Loose | None = None,
) -> OutputBound:
    r"""Bound Q = max of sum_k c_k sigma(<w_k, x'>) over norm(x' - x) <= rho, sample by sample.

    The least of a quadratic bound (`SmoothRelaxation`, `ReLURelaxation` or `ReLUPairs`, tightened
    by a few steps) and the neuron-by-neuron one (`interval_bound`). A box or a sphere that cuts the
    ball only removes points, so the bound holds for the cut ball too. In an l2 ball with fewer
    neurons than dimensions the problem is first written in as many dimensions as neurons
    (`RowSpace`).

    Rounding: everything is computed in float64. To every quadratic and to the neuron-by-neuron
    bound 4 u (m + d) times the sum of the absolute values of its terms is added, each at its
    largest on the ball, and to the least of them `olgame.certify.rounding.output_slack` at the
    largest norm2(x') of the ball. The latter covers what a rounded pre-activation does, and the
    rounding of Q *evaluated* at any point of the ball as well.

    Args:
        layers: rows w_k, the signed output weights c_k *of the quantity maximized* (negated for
            an upper bound on -f), sigma; float64.
        x: centers, shape ``(n, d)``, float64.
        radius: rho >= 0, shape ``(n,)``, float64. Where 0, the bound is Q(x) plus its rounding.
        norm: ``"l2"`` or ``"linf"``.
        sphere: for l2, how far norm2(x') may be from norm2(x), shape ``(n,)``, float64; 0 for
            inputs on the sphere through x. None where they may be anywhere in the ball.
        steps: quadratics tried; None for 8 (smooth) or 12 (ReLU).
        chunk: samples at a time; None for what keeps the work arrays near 32 MB.
        branches: how often a ball may be cut in two to sharpen its bound (`branch`).
        loose: which of the samples ``index`` are worth it, given their bounds and the largest Q
            seen; None for all whose bound is larger.

    Returns:
        Bound and perturbations.

    Raises:
        NotAvailableError: sigma has no second derivative and is not ReLU.

    Example:
        >>> import numpy as np
        >>> from olgame.activations import relu
        >>> layers = TwoLayerWeights(np.array([[1.0], [-1.0]]), np.array([1.0, 1.0]), relu)
        >>> x = np.array([[0.25]])
        >>> print(output_bound(layers, x, np.array([0.5]), "l2").bound.round(6))  # max of abs
        [0.75]

    References:
        singla2020, zhang2018crown.
    """
    layers = layers._replace(hidden=detached(layers.hidden), output=detached(layers.output))
    hidden, activation = layers.hidden, layers.activation
    x, radius = detached(x), detached(radius)
    xp = kernels(x).xp
    if activation.c2 is None and activation != relu:
        raise NotAvailableError(
            f"No certificate for the activation {activation.name!r}: it has no bound on its second "
            "derivative and is not ReLU."
        )
    if steps is None:
        steps = STEPS["relu" if activation.c2 is None else "smooth"]
    if norm == "l2" and sphere is None and hidden.shape[0] < hidden.shape[1]:
        more: dict[str, Any] = {"steps": steps, "branches": branches, "loose": loose}
        return _in_row_space(layers, x, radius, {**more, "chunk": chunk})
    if chunk is None:
        chunk = max(1, CHUNK_ENTRIES // (hidden.shape[0] * hidden.shape[1]))
    if sphere is not None:  # all of the sphere is that near
        sphere = detached(sphere)
        up = 1 + 4 * (x.shape[1] + 4) * unit_roundoff(x)
        lengths: Any = norm_2(x)
        radius = xp.minimum(radius, up * (2 * lengths + sphere))
    size: Any = radius
    rho: Any = xp.where(size > 0, size, 1.0)
    parts = []
    # Overflow ends in an infinite bound, underflow in an absolute error far below the slack.
    with np.errstate(all="ignore"):
        for first in range(0, x.shape[0], chunk):
            part = slice(first, first + chunk)
            around = (layers, x[part], radius[part] > 0)
            found = _bound(*around, Ball(rho[part], norm, x.shape[1]), steps)
            if sphere is not None:  # a search of its own, that need not end lower
                cap = _bound(*around, Cap.of(x[part], rho[part], sphere[part]), steps)
                found = OutputBound(xp.minimum(found.bound, cap.bound), cap.delta)
            parts.append(found)
    if not parts:
        return OutputBound(xp.zeros(0, dtype=x.dtype, device=device(x)), xp.zeros_like(x))
    found = OutputBound(
        xp.concat([part.bound for part in parts]), xp.concat([part.delta for part in parts])
    )
    if not branches:
        return found
    problem = Branching(layers, x, rho, norm, sphere, steps, chunk)
    return _branched(problem, radius, found, branches, _above if loose is None else loose)


def _above(index: Any, bound: Any, reached: Any) -> Any:
    return bound > reached


def _branched(
    problem: Branching, radius: Any, found: OutputBound, branches: int, loose: Loose
) -> OutputBound:
    """``found``, with those that are loose branched."""
    xp = kernels(problem.x).xp
    bound, delta = found.bound, found.delta
    reached = network_output(problem.layers, problem.x + delta)
    everyone = np.arange(len(to_numpy(bound)))
    open_ = loose(everyone, to_numpy(bound), to_numpy(reached))
    chosen = np.flatnonzero(open_ & (to_numpy(radius) > 0) & np.isfinite(to_numpy(bound)))
    if len(chosen) == 0:
        return found
    index = xp.asarray(chosen)
    better = branch(
        problem.take(index),
        bound[index],
        branches,
        lambda place, b, r: loose(chosen[place], b, r),
    )
    bound, delta = xp.asarray(bound, copy=True), xp.asarray(delta, copy=True)
    bound[index] = as_like(better.bound, bound)
    farther = chosen[better.reached > to_numpy(reached)[chosen]]
    delta[xp.asarray(farther)] = as_like(
        better.delta[better.reached > to_numpy(reached)[chosen]], bound
    )
    return OutputBound(bound, delta)


def _in_row_space(
    layers: TwoLayerWeights, x: Any, radius: Any, options: dict[str, Any]
) -> OutputBound:
    """The same bound, computed in as many dimensions as there are neurons."""
    xp = kernels(x).xp
    space = RowSpace.of(layers, x, radius)
    found: Any = output_bound(space.layers, space.x, space.radius, "l2", **options)
    up = 1 + 4 * (x.shape[1] + 4) * unit_roundoff(x)
    lengths: Any = norm_2(x)
    rows: Any = norm_2(layers.hidden)
    bound = found.bound + output_slack(layers, rows, up * (lengths + radius))
    bound = bound + space.slack
    bound = xp.where(xp.isnan(bound), float("inf"), bound + unit_roundoff(x) * xp.abs(bound))
    return OutputBound(bound, space.back(found.delta, radius))


def _bound(layers: TwoLayerWeights, x: Any, moves: Any, region: Region, steps: int) -> OutputBound:
    """The bound over ``region`` where the input ``moves``, at ``x`` itself where it does not."""
    hidden, output, activation = layers
    xp = kernels(x).xp
    best, _ = region_bound(layers, x, region, steps)
    z: Any = xp.matmul(x, xp.linalg.matrix_transpose(hidden))
    at_x: Any = xp.sum(output * activation.value(z), axis=-1)
    slack = region_slack(layers, x, xp.where(moves, region.longest(), 0.0))
    bound = xp.where(moves, best.bound, at_x) + slack
    delta: Any = xp.where(moves[:, None], region.outward(best.mean), 0.0)
    return OutputBound(bound, delta)
