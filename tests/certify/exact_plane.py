"""Exact ends of a two-layer ReLU network over an arc, a disc and a square of the plane.

f(x') = sum_k c_k relu(<w_k, x'>) is linear on each sector between its kinks, lines through 0. On a
circle around p it is a sinusoid plus a constant between two kinks, with one crest and one trough;
in a region it is largest and least on the rim, at 0, or where a kink meets the rim. `candidates`
are all such points, of all samples at once; nothing of the library is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["candidates", "ends", "network"]

Floats = NDArray[np.float64]


def network(w: Floats, c: Floats, points: Floats) -> Floats:
    """f at points of shape ``(..., 2)``."""
    return np.asarray(np.maximum(points @ w.T, 0.0) @ c)


def candidates(w: Floats, c: Floats, x: Floats, rho: Floats, shape: str) -> Floats:
    """Points of B(x), shape ``(n, k, 2)``, among which f is largest and least on B(x).

    Args:
        w: Rows w_k, shape ``(m, 2)``.
        c: Output weights, shape ``(m,)``.
        x: Inputs, shape ``(n, 2)``.
        rho: Radii, shape ``(n,)``; for the arc the chord to its ends.
        shape: ``"arc"`` (of the circle around 0 through x), ``"disc"`` or ``"square"``.
    """
    if shape == "arc":
        length = np.linalg.norm(x, axis=1)
        angle = np.arctan2(x[:, 1], x[:, 0])
        ratio = np.divide(rho, 2 * length, out=np.zeros_like(rho), where=length > 0)
        half = 2 * np.arcsin(np.minimum(1.0, ratio))
        return _on_circle(w, c, 0 * x, length, angle, half)
    origin = np.zeros((len(x), 1, 2))
    if shape == "disc":
        rim = _on_circle(w, c, x, rho, 0 * rho, np.pi + 0 * rho)
        inside = np.linalg.norm(x, axis=1) <= rho
    else:
        rim = _on_edges(w, x, rho)
        inside = np.abs(x).max(axis=1) <= rho
    origin = np.where(inside[:, None, None], origin, x[:, None])
    return np.concatenate([rim, origin], axis=1)


def ends(w: Floats, c: Floats, x: Floats, rho: Floats, shape: str) -> tuple[Floats, Floats]:
    """min and max of f over B(x), per sample."""
    values = network(w, c, candidates(w, c, x, rho, shape))
    return values.min(axis=1), values.max(axis=1)


def _on_circle(
    w: Floats, c: Floats, center: Floats, radius: Floats, middle: Floats, half: Floats
) -> Floats:
    """Ends, kinks, crests and troughs of the arc ``abs(angle - middle) <= half``."""
    at, z = np.arctan2(w[:, 1], w[:, 0]), center @ w.T
    size = radius[:, None] * np.linalg.norm(w, axis=1)
    cosine = np.divide(-z, size, out=np.full_like(z, 2.0), where=size > 0)
    turn = np.arccos(np.clip(cosine, -1.0, 1.0))
    kinks = np.concatenate([at + turn, at - turn], axis=1) - middle[:, None]
    kinks = np.mod(kinks + np.pi, 2 * np.pi) - np.pi
    ends_at = half[:, None] * np.array([-1.0, 1.0])
    cuts = np.sort(np.clip(np.concatenate([kinks, ends_at], axis=1), -half[:, None], half[:, None]))
    between = 0.5 * (cuts[:, 1:] + cuts[:, :-1])

    def on(angle: Floats) -> Floats:
        turned = angle + middle[:, None]
        around = np.stack([np.cos(turned), np.sin(turned)], axis=-1)
        return np.asarray(center[:, None] + radius[:, None, None] * around)

    slopes = ((on(between) @ w.T > 0) * c) @ w  # one for each sector that the arc passes
    crest = np.arctan2(slopes[..., 1], slopes[..., 0]) - middle[:, None]
    found = [cuts]
    for top in (crest, crest + np.pi):
        nearest = top + 2 * np.pi * np.round((between - top) / (2 * np.pi))
        found.append(np.clip(nearest, cuts[:, :-1], cuts[:, 1:]))
    return on(np.concatenate(found, axis=1))


def _on_edges(w: Floats, x: Floats, rho: Floats) -> Floats:
    """Corners of the square, and where kinks meet its edges (or the nearest corners)."""
    found = [x + rho[:, None] * np.array([a, b]) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    for fixed, free in ((0, 1), (1, 0)):
        for side in (-1.0, 1.0):
            edge = x[:, fixed] + side * rho
            for row in w[w[:, free] != 0]:
                point = np.empty_like(x)
                point[:, fixed] = edge
                point[:, free] = np.clip(
                    -row[fixed] * edge / row[free], x[:, free] - rho, x[:, free] + rho
                )
                found.append(point)
    return np.stack(found, axis=1)
