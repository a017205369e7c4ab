"""The Lipschitz constant that bounds on networks use."""

from __future__ import annotations

import math

from olgame.losses.loss import Loss

__all__ = ["largest_slope"]


def largest_slope(loss: Loss, classes: int | None) -> float | None:
    """L with abs(l(z, y) - l(z', y)) <= L max_j abs(z_j - z'_j): the largest norm1 of a slope.

    For one output that is ``loss.lipschitz``. For k logits a loss states it as ``lipschitz_max``;
    otherwise norm1(p) <= sqrt(k) norm2(p) gives sqrt(k) times its Euclidean constant, rounded up.

    Args:
        loss: l.
        classes: k; None for one output.

    Returns:
        The constant, or None where the loss has none.

    Example:
        >>> from olgame.losses import cross_entropy, hinge
        >>> largest_slope(hinge, None), largest_slope(cross_entropy, 10)
        (1.0, 2.0)
    """
    stated: float | None = getattr(loss, "lipschitz_max", None)
    if classes is None or loss.lipschitz is None:
        return loss.lipschitz
    if stated is not None:
        return stated
    return math.nextafter(math.sqrt(classes) * loss.lipschitz * (1.0 + 1e-15), math.inf)
