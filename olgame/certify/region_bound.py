"""The least quadratic bound on a two-layer network over a region of perturbations."""

from __future__ import annotations

from typing import Any

import attrs
from array_api_compat import device

from olgame.arrays import kernels, unit_roundoff
from olgame.certify.interval_bound import interval_bound
from olgame.certify.region import Ends, Region
from olgame.certify.relaxation import Relaxation, Search, Tightened, tighten
from olgame.certify.relaxation_sum import RelaxationSum
from olgame.certify.relu_bound import ReLURelaxation
from olgame.certify.relu_pairs import ReLUPairs, pairs
from olgame.certify.rounding import output_slack
from olgame.certify.smooth_bound import SmoothRelaxation
from olgame.models.model import TwoLayerWeights
from olgame.sets.norms import norm as norm_2

__all__ = ["region_bound", "region_slack"]

_ALONE = Search(0.1, 0.8)
# In l2 smoothing is of the moments only; in linf it loosens the bound, too.
_IN_PAIRS = Search(0.5, 0.7, 0.7, 0.65)


def region_bound(
    layers: TwoLayerWeights,
    x: Any,
    region: Region,
    steps: int,
    start: tuple[Any, Any] | None = None,
) -> tuple[Tightened, Relaxation]:
    """Bound sum_k c_k sigma(<w_k, x + delta>) over a region, all but `region_slack`.

    Of ReLU the neurons that nearly cancel are bounded in pairs (`ReLUPairs`), the others one by
    one (`ReLURelaxation`).

    Args:
        layers: w_k, c_k, sigma; float64.
        x: shape ``(n, d)``, float64.
        region: n sets of perturbations.
        steps: quadratics tried.
        start: moments to start from.

    Returns:
        The least of the quadratic bounds and the neuron-by-neuron one, -inf where the region is
        seen to be empty, and the family they are of.
    """
    hidden, output, activation = layers
    xp = kernels(x).xp
    width, dim = hidden.shape
    u = unit_roundoff(x)
    rounding = 4 * u * (width + dim)
    z: Any = xp.matmul(x, xp.linalg.matrix_transpose(hidden))
    # norm(w_k) itself has a relative error of a few d u, and z_k, a sum of d products that may
    # cancel, one of d u/2 norm2(w_k) norm2(x): the ends of s_k are moved outward by that.
    rows: Any = norm_2(hidden)
    lengths: Any = norm_2(x)
    off = (dim + 4) * u * (lengths[:, None] * rows)
    low, high, reach2 = region.ends(hidden, rows, z, off)
    # A range without a point: the region has none either.
    empty = xp.any(low > high, axis=-1)  # type: ignore[operator]
    low, high = xp.minimum(low, high), xp.maximum(low, high)

    relaxation: Relaxation
    search = Search(0.05, 0.6)
    if activation.c2 is None:
        relaxation, search = _relu(layers, z, off, Ends(low, high, reach2), region)
    else:
        relaxation = SmoothRelaxation.of(
            hidden, output, activation, z, low, high, reach2, sharp=region.norm == "linf"
        )
    best = tighten(relaxation, region, rounding, steps, search, start)
    coarse: Any = interval_bound(output, activation, z, low, high)
    far: Any = reach2
    coarse = coarse + rounding * activation.c1 * xp.sum(xp.abs(output) * far, axis=-1)
    bound = xp.minimum(best.bound, xp.where(xp.isnan(coarse), float("inf"), coarse))
    bound = xp.where(empty, -float("inf"), bound)
    return attrs.evolve(best, bound=bound), relaxation


def _relu(
    layers: TwoLayerWeights, z: Any, off_by: Any, ends: Ends, region: Region
) -> tuple[Relaxation, Search]:
    """The family, and how it is searched."""
    hidden, output, _ = layers
    dim = hidden.shape[1]
    places = pairs(hidden, output)
    if places is None:
        spread: Any = ends.reach2
        single = ReLURelaxation.of(hidden, output, z, *ends, spread / dim**0.5)
        return single, _ALONE
    search = _IN_PAIRS if region.norm == "l2" else _ALONE
    paired = ReLUPairs.of(hidden, output, places, z, off_by, ends, region)
    if 2 * places[0].shape[0] == hidden.shape[0]:
        return paired, search
    xp = kernels(z).xp
    alone = xp.ones(hidden.shape[0], dtype=xp.bool, device=device(z))
    for at in places:
        alone[at] = False
    others = xp.nonzero(alone)[0]
    far: Any = ends.reach2
    parts: list[Any] = [part[:, others] for part in (z, *ends, far / dim**0.5)]
    single = ReLURelaxation.of(hidden[others], output[others], *parts)
    return RelaxationSum(paired, single, others, places[0].shape[0] + 1), search


def region_slack(layers: TwoLayerWeights, x: Any, longest: Any) -> Any:
    """`output_slack` at the largest norm2(x + delta), norm2(delta) <= ``longest``."""
    up = 1 + 4 * (x.shape[-1] + 4) * unit_roundoff(x)
    lengths: Any = norm_2(x)
    rows: Any = norm_2(layers.hidden)
    return output_slack(layers, rows, lengths + up * longest)
