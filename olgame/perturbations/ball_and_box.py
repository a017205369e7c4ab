"""The projection onto the intersection of a ball and a box that contains its center."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.sets.norms import norm
from olgame.typing import Array

__all__ = ["project_onto_ball_and_box"]


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def project_onto_ball_and_box(
    center: Array, point: Array, radius: float | Array, low: Array, high: Array
) -> Array:
    """The nearest point of { y : norm2(y - x) <= rho, low <= y <= high } for x in the box.

    With d = ``point`` - x, the conditions of Karush, Kuhn and Tucker give y = clip(x + s d) for
    one number s in [0, 1] a sample: s = 1 if that is in the ball, else the root of

        phi(s) = sum over i of min(s abs(d_i), t_i)^2 = rho^2,

    t_i >= 0 being the room that the box leaves in the direction of d_i. (Clipping after scaling
    onto the ball, or scaling after clipping, is feasible but not the nearest point.) The root is
    exact, by a growing set I of coordinates held at the box: s <- root of sum over I of t_i^2 +
    s^2 (sum over the others of d_i^2) = rho^2. The left side is at least phi from there on, so s
    grows and never overshoots; it is the root once no new coordinate reaches its t_i, after at
    most d + 1 rounds (a handful in practice), without a tolerance.

    Args:
        center: x, shape ``(..., d)``, in the box.
        point: What to project, shape ``(..., d)``.
        radius: rho >= 0, a number or shape ``(...)``.
        low: Lower bounds, shape ``()`` or ``(d,)``, of the kind of ``x``.
        high: Upper bounds, likewise.

    Returns:
        The projections, shape ``(..., d)``, exactly in the box and in the ball up to rounding; a
        point of the set comes back unchanged. nan stays nan.
    """
    xp = kernels(center).xp
    x: Any = center
    difference: Any = point - center
    boxed: Array = xp.minimum(xp.maximum(point, low), high)
    length: Any = norm(boxed - center)
    outside = xp.asarray(length > radius)[..., None]
    if not bool(xp.any(outside)):
        return boxed
    rho = xp.zeros_like(x[..., :1]) + (radius if isinstance(radius, float) else radius[..., None])
    positive = rho > 0.0
    rho = xp.where(positive, rho, xp.ones_like(rho))
    # Lengths in units of rho, room beyond 2 rho cut off (it is never used up), d in units of its
    # largest entry: no square can overflow.
    room = xp.where(difference > 0.0, high - x, x - low) / rho
    room = xp.minimum(xp.maximum(room, xp.zeros_like(room)), xp.full_like(room, 2.0))
    size = xp.abs(difference)
    largest = xp.max(size, axis=-1, keepdims=True)
    size = size / xp.where(largest > 0.0, largest, xp.ones_like(largest))
    moved = xp.minimum(_root(xp, size, room, outside) * size, room)
    nearest = x + xp.sign(difference) * moved * rho
    nearest = xp.minimum(xp.maximum(nearest, low), high)
    projection: Array = xp.where(outside, xp.where(positive, nearest, x), boxed)
    return projection


def _root(xp: Any, size: Any, room: Any, outside: Any) -> Any:
    """s with sum over i of min(s size_i, room_i)^2 = 1, shape ``(..., 1)``, where ``outside``."""
    zero = xp.zeros_like(size)
    held = zero > 1.0
    s = xp.zeros_like(size[..., :1])
    while True:
        free = xp.sum(xp.where(held, zero, size * size), axis=-1, keepdims=True)
        used = xp.sum(xp.where(held, room * room, zero), axis=-1, keepdims=True)
        left = xp.maximum(1.0 - used, xp.zeros_like(used))
        step = xp.sqrt(left / xp.where(free > 0.0, free, xp.ones_like(free)))
        # Rounding of ``used`` must not let s fall.
        s = xp.maximum(s, xp.where(free > 0.0, step, s))
        new = outside & ~held & (s * size >= room)
        if not bool(xp.any(new)):
            return s
        held = held | new
