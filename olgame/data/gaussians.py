"""Two Gaussian classes, whose best errors are known in closed form."""

from __future__ import annotations

import numpy as np

from olgame.data.dataset import Dataset
from olgame.randomness import Seed, check_seed, generator
from olgame.validation import require, require_integer

__all__ = ["gaussians"]


def gaussians(n: int, dim: int, *, separation: float, seed: Seed = 0) -> Dataset:
    """Two classes of unit covariance whose means are ``separation`` apart.

    y_i = -1, +1, -1, ... and x_i ~ N(y_i (separation/2) e_1, I). Known of the law, with Phi the
    standard normal distribution function and s the ``separation``:

        the best classifier is sign(x_1); it errs with probability Phi(-s/2);
        against perturbations of size rho <= s/2 in any l_p norm, sign(x_1) errs with probability
        Phi(rho - s/2) (e_1 has norm 1 and dual norm 1 in all of them).

    The inputs are not normalized, and not bounded: see `normalize` and `lift`. In high dimension
    norm2(x_i) is near sqrt(dim), against which ``separation`` may be small.

    Args:
        n: Number of samples, at least 2; the classes differ by one at most, in every prefix.
        dim: d, at least 1.
        separation: s, the distance of the means in standard deviations, finite and not negative.
        seed: Of the draw; equal arguments give equal data.

    Returns:
        ``(x, y)``: x of shape ``(n, dim)``, y of shape ``(n,)``.

    Raises:
        ArgumentError: An argument is outside its domain.

    Example:
        >>> x, y = gaussians(1000, 3, separation=4.0)
        >>> bool(abs(x[y > 0].mean(axis=0) - [2.0, 0.0, 0.0]).max() < 0.15)
        True
    """
    require_integer("gaussians", 2, n=n)
    require_integer("gaussians", 1, dim=dim)
    number = isinstance(separation, int | float | np.number) and not isinstance(separation, bool)
    require(
        bool(number and 0.0 <= separation < float("inf")),
        "gaussians",
        "separation",
        "be finite and non-negative",
        separation,
    )
    check_seed(seed, "gaussians")
    y = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    x = generator(seed, "gaussians").standard_normal((n, dim))
    x[:, 0] += y * (separation / 2.0)
    return Dataset(x, y)
