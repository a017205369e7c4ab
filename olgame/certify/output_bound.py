"""Certified upper bound on the output of a two-layer network over a ball."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from array_api_compat import device

from olgame.activations import relu
from olgame.arrays import kernels, unit_roundoff
from olgame.certify.interval_bound import interval_bound
from olgame.certify.relaxation import Relaxation, tighten
from olgame.certify.relu_bound import ReLURelaxation
from olgame.certify.rounding import detached, output_slack
from olgame.certify.row_space import RowSpace
from olgame.certify.smooth_bound import SmoothRelaxation
from olgame.exceptions import NotAvailableError
from olgame.models.model import TwoLayerWeights
from olgame.sets.norms import norm as norm_2
from olgame.sets.norms import unit
from olgame.typing import Array

__all__ = ["OutputBound", "output_bound"]

_CHUNK_ENTRIES = 2**22
_STEPS = {"smooth": 8, "relu": 10}


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
    steps: int | None = None,
    chunk: int | None = None,
) -> OutputBound:
    r"""Bound Q = max of sum_k c_k sigma(<w_k, x'>) over norm(x' - x) <= rho, sample by sample.

    The least of a quadratic bound (`SmoothRelaxation` or `ReLURelaxation`, tightened by a few
    steps) and the neuron-by-neuron one (`interval_bound`). A box or a sphere that cuts the ball
    only removes points, so the bound holds for the cut ball too. In an l2 ball with fewer neurons
    than dimensions the problem is first written in as many dimensions as neurons (`RowSpace`).

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
        steps: quadratics tried; None for 8 (smooth) or 10 (ReLU).
        chunk: samples at a time; None for what keeps the work arrays near 32 MB.

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
        steps = _STEPS["relu" if activation.c2 is None else "smooth"]
    if norm == "l2" and hidden.shape[0] < hidden.shape[1]:
        return _in_row_space(layers, x, radius, steps, chunk)
    if chunk is None:
        chunk = max(1, _CHUNK_ENTRIES // (hidden.shape[0] * hidden.shape[1]))
    n = x.shape[0]
    rows: Any = norm_2(hidden)
    dual: Any = rows if norm == "l2" else xp.sum(xp.abs(hidden), axis=-1)
    parts = []
    # Overflow ends in an infinite bound, underflow in an absolute error far below the slack.
    with np.errstate(all="ignore"):
        for first in range(0, n, chunk):
            part = slice(first, first + chunk)
            parts.append(_bound(layers, x[part], radius[part], norm, rows, dual, steps))
    if not parts:
        return OutputBound(xp.zeros(0, dtype=x.dtype, device=device(x)), xp.zeros_like(x))
    return OutputBound(
        xp.concat([part.bound for part in parts]), xp.concat([part.delta for part in parts])
    )


def _in_row_space(
    layers: TwoLayerWeights, x: Any, radius: Any, steps: int, chunk: int | None
) -> OutputBound:
    """The same bound, computed in as many dimensions as there are neurons."""
    xp = kernels(x).xp
    space = RowSpace.of(layers, x, radius)
    found: Any = output_bound(space.layers, space.x, space.radius, "l2", steps=steps, chunk=chunk)
    up = 1 + 4 * (x.shape[1] + 4) * unit_roundoff(x)
    lengths: Any = norm_2(x)
    rows: Any = norm_2(layers.hidden)
    bound = found.bound + output_slack(layers, rows, up * (lengths + radius))
    bound = bound + space.slack
    bound = xp.where(xp.isnan(bound), float("inf"), bound + unit_roundoff(x) * xp.abs(bound))
    return OutputBound(bound, space.back(found.delta, radius))


def _bound(
    layers: TwoLayerWeights, x: Any, radius: Any, norm: str, rows: Any, dual: Any, steps: int
) -> OutputBound:
    hidden, output, activation = layers
    xp = kernels(x).xp
    width, dim = hidden.shape
    u = unit_roundoff(x)
    rounding = 4 * u * (width + dim)
    rho = xp.where(radius > 0, radius, 1.0)
    z: Any = xp.matmul(x, xp.linalg.matrix_transpose(hidden))
    # norm(w_k) itself has a relative error of a few d u, and z_k, a sum of d products that may
    # cancel, one of d u/2 norm2(w_k) norm2(x): s_k stays in [z_k - reach, z_k + reach].
    few = (dim + 4) * u
    up = 1 + 4 * few
    rho_2 = rho if norm == "l2" else dim**0.5 * rho
    lengths: Any = norm_2(x)
    off = few * (lengths[:, None] * rows)
    reach, reach2 = up * rho[:, None] * dual + off, up * rho_2[:, None] * rows + off

    relaxation: Relaxation
    if activation.c2 is None:
        spread = reach2 / dim**0.5
        relaxation = ReLURelaxation.of(hidden, output, z, reach, reach2, spread)
    else:
        relaxation = SmoothRelaxation.of(
            hidden, output, activation, z, reach, reach2, sharp=norm == "linf"
        )
    smoothing = (0.1, 0.8) if activation.c2 is None else (0.05, 0.6)
    best = tighten(relaxation, rho, norm, dim, rounding, steps, smoothing)

    coarse: Any = interval_bound(output, activation, z, reach)
    coarse_slack = rounding * activation.c1 * xp.sum(xp.abs(output) * reach, axis=-1)
    bound = xp.minimum(best.bound, xp.where(xp.isnan(coarse), float("inf"), coarse + coarse_slack))
    still = radius <= 0
    at_x: Any = xp.sum(output * activation.value(z), axis=-1)
    slack = output_slack(layers, rows, lengths + xp.where(still, 0.0, up * rho_2))
    bound = xp.where(still, at_x, bound) + slack
    delta: Any = xp.where(still[:, None], 0.0, _onto_boundary(best.mean, rho, norm))
    return OutputBound(bound, delta)


def _onto_boundary(mean: Any, rho: Any, norm: str) -> Any:
    """The point of the ball's boundary (linf: the vertex) that ``mean`` points to."""
    xp = kernels(mean).xp
    if norm == "linf":
        return xp.sign(mean) * rho[:, None]
    return unit(mean) * rho[:, None]
