"""How far a decision set lets each layer of a deep network move, and when that is a mistake."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ArgumentError, OlgameError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.product_set import ProductSet
from olgame.typing import Array

__all__ = ["LayerReach", "check_layer_scaling", "layer_reach"]

LIMIT = 0.999
"""1 up to what rounding does to a ball of radius 1 in float32."""


class LayerReach(NamedTuple):
    """sup of norm(u^(h) - W_0^(h)) over u in K, bracketed.

    Attributes:
        least: the distance of a point that K has (0 where K names none).
        most: an upper bound; equal to ``least`` for balls and products of balls around W_0.
    """

    least: float
    most: float


def layer_reach(decision_set: ConvexSet, start: Array, depth: int) -> list[LayerReach]:
    """How far each of the layers can move within a set.

    From below by the point of K that a linear minimizer for a constant slope in the layer finds,
    which for a ball around W_0 is a farthest one; from above by the `reach` of K, or of its factors
    where K is a product whose blocks make up layers.

    Args:
        decision_set: K.
        start: W_0, shape ``(p,)`` or ``(..., p)``, H blocks of equal length; of several games the
            one that can move farthest counts.
        depth: H.

    Returns:
        A `LayerReach` for each layer.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> layer_reach(L2Ball(3.0, center=np.ones(8)), np.ones(8), depth=2)[0].most
        3.0
    """
    xp = kernels(start).xp
    length = start.shape[-1] // depth
    found = []
    for h in range(depth):
        layer = slice(h * length, (h + 1) * length)
        slope: Any = xp.zeros_like(start)
        slope[..., layer] = 1.0
        try:
            farthest = decision_set.lmo(slope)[..., layer] - start[..., layer]
            least = _largest(kernels(farthest).norm(farthest))
        except OlgameError:  # an unbounded set has no linear minimizer
            least = 0.0
        most = _reach(decision_set, start, layer)
        found.append(LayerReach(least if math.isfinite(least) else 0.0, max(least, most)))
    return found


def _reach(decision_set: ConvexSet, start: Any, layer: slice) -> float:
    """An upper bound: the reach of the layer's factor, else that of the whole set."""
    if isinstance(decision_set, ProductSet):
        ends = np.cumsum([0, *(block.length for block in decision_set.blocks)])
        if layer.start in ends and layer.stop in ends:
            inside = [
                _largest(block.factor.reach(start[..., ends[i] : ends[i + 1]]))
                for i, block in enumerate(decision_set.blocks)
                if layer.start <= ends[i] < layer.stop
            ]
            return math.hypot(*inside)
    return _largest(decision_set.reach(start))


def _largest(values: Any) -> float:
    return float(to_numpy(values).max())


def check_layer_scaling(decision_set: ConvexSet, start: Array, width: int, depth: int) -> None:
    """Refuse a set in the scaling of another network: R where R/sqrt(m) belongs.

    B(R) of the deep network lets each layer move by R/sqrt(m), R of order 1. The theorem asks for
    a width of at least the order of R^9, that is R/sqrt(m) <= R^(-7/2) <= 1 for R >= 1: a set in
    which a layer moves by 1 or more is no B(R) of the theorem, whatever R >= 1 is, and a ball of
    R *without* the root, R >= 1, always is such a set. (The mistake is silent otherwise: the game
    plays, its regret has a bound, sqrt(m) times too large, and the network is far from linear.)

    Args:
        decision_set: K. The whole space has no radius to be mistaken about, and passes.
        start: W_1, shape ``(p,)`` or ``(..., p)``.
        width: m.
        depth: H.

    Raises:
        ArgumentError: A layer can move by 1 or more; the message names the mistake.
    """
    reaches = [reach.least for reach in layer_reach(decision_set, start, depth)]
    worst = max(reaches)
    if worst < LIMIT:
        return
    root = math.sqrt(width)
    raise ArgumentError(
        f"`play(decision_set=...)` must have the scaling of the deep network, radius R/sqrt(m) for "
        f"every layer, got radius R instead of R/sqrt(m): layer {reaches.index(worst) + 1} can "
        f"move by {worst:.6g} (m = {width}), as in a B(R) of R = {worst * root:.6g}, where nothing "
        f"is known from R = sqrt(m) = {root:.4g} on. Use `model.neighborhood({worst:.4g})`, in "
        f"which every layer can move by {worst / root:.4g}."
    )
