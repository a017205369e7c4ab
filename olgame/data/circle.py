"""Points on the unit circle, the smallest data set that a picture can show."""

from __future__ import annotations

import math

import numpy as np

from olgame.data.dataset import Dataset
from olgame.validation import is_integer, require

__all__ = ["circle"]


def circle(n: int, *, sectors: int = 2, separation: float = 0.5) -> Dataset:
    """Labeled points on the unit circle (d = 2), different labels ``separation`` apart.

    The circle is cut into equal sectors with the labels -1, +1, -1, ... in turn. Between two
    sectors lies an empty arc of angle 2 arcsin(separation/2), whose chord is ``separation``; in
    the rest of its sector each class is evenly spread, both ends included (a single point lies in
    the middle). So the least distance of two points with different labels

        is ``separation`` exactly (to rounding)      if every sector holds two points or more;
        is 2 sin(pi/n)                               if every sector holds one (n = ``sectors``);

    and is never below ``separation``. Perturbations of Euclidean length below half of it cannot
    carry two labels to one point. Nothing is random.

    Args:
        n: Number of points, at least ``sectors``; sectors hold equally many or one more, the first
            ones first.
        sectors: An even number, at least 2; 2 makes the classes linearly separable.
        separation: The distance kept, ``0 < separation < 2 sin(pi/sectors)``.

    Returns:
        ``(x, y)`` in the order of the angle: x of shape ``(n, 2)`` and norm 1, y of shape ``(n,)``.

    Raises:
        ArgumentError: An argument is outside its domain.

    Example:
        >>> x, y = circle(4, separation=1.0)
        >>> print(x.round(3), y)
        [[ 0.866  0.5  ]
         [-0.866  0.5  ]
         [-0.866 -0.5  ]
         [ 0.866 -0.5  ]] [-1. -1.  1.  1.]
    """
    require(
        is_integer(sectors, 2) and sectors % 2 == 0,
        "circle",
        "sectors",
        "be even and >= 2",
        sectors,
    )
    require(
        is_integer(n, sectors), "circle", "n", f"be an integer of at least sectors = {sectors}", n
    )
    number = isinstance(separation, int | float | np.number) and not isinstance(separation, bool)
    most = 2.0 * math.sin(math.pi / sectors)
    require(
        bool(number and 0.0 < separation < most),
        "circle",
        "separation",
        f"be between 0 and 2 sin(pi/sectors) = {most:.6g}",
        separation,
    )
    width = 2.0 * math.pi / sectors
    free = math.asin(separation / 2.0)
    angles, labels = [], []
    for sector in range(sectors):
        count = n // sectors + (sector < n % sectors)
        part = np.linspace(0.0, 1.0, count) if count > 1 else np.array([0.5])
        angles.append(sector * width + free + part * (width - 2.0 * free))
        labels.append(np.full(count, 2.0 * (sector % 2) - 1.0))
    angle = np.concatenate(angles)
    return Dataset(np.stack([np.cos(angle), np.sin(angle)], axis=-1), np.concatenate(labels))
