"""The second moment of the data that the width of a two-layer net has to beat."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import DataError
from olgame.typing import Array
from olgame.validation import require

__all__ = ["SecondMoment", "second_moment"]


@attrs.frozen
class SecondMoment:
    """Bounds on the second moment of everything that may be played.

    Attributes:
        lambda_all: Lambda >= lambda_max(X'^T X'/n) for all played inputs X'.
        lambda_pm: Lambda_pm >= lambda_max(X'_s^T X'_s/n) for the samples of label s = +1 and of
            label s = -1 (both sums divided by the number n of *all* samples); None where the
            labels are not +-1.
        n: Number of samples.
    """

    lambda_all: float
    lambda_pm: float | None
    n: int


def second_moment(x: Array, y: Array, radius: float | Array) -> SecondMoment:
    """Lambda and Lambda_pm of inputs within Euclidean distance ``radius`` of ``x``.

    ``X`` holds the clean inputs as rows, ``X' = X + Delta`` the played ones, row i of Delta has
    norm at most rho_2,i. With sigma_max the largest singular value,

        sigma_max(X')/sqrt n <= sigma_max(X)/sqrt n + norm_F(Delta)/sqrt n
                             <= sqrt(lambda_max(X^T X/n)) + sqrt((1/n) sum_i rho_2,i^2),

    so ``Lambda = (sqrt(lambda_max(X^T X/n)) + rho_2)^2`` bounds lambda_max(X'^T X'/n) for one
    radius rho_2. The same for the rows of one label s alone, sums still divided by n:
    ``Lambda_pm = max over s of (sqrt(lambda_max(X_s^T X_s/n)) + rho_2 sqrt(n_s/n))^2``.
    A box or a sphere only shrinks the set of played inputs. `TwoLayer` says what the two numbers
    are good for; neither exceeds (max_i norm(x_i) + rho_2)^2.

    Args:
        x: Clean inputs, shape ``(n, d)`` (further axes are flattened).
        y: Labels, shape ``(n,)``.
        radius: rho_2, the *Euclidean* radius of the perturbations: rho for l2, rho sqrt(d) for
            linf (`PerturbationSet.euclidean_radius`); one number or one per sample.

    Returns:
        Both bounds. They are rounded outward by a relative (n + d) x 1e-15, more than the
        backward error of the singular value solver.

    Raises:
        DataError: Empty or not finite data, or not one label per sample.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> found = second_moment(x, np.array([1.0, -1.0]), 0.0)
        >>> round(found.lambda_all, 9), round(found.lambda_pm, 9)
        (0.5, 0.5)
    """
    data, labels, rho = to_numpy(x), to_numpy(y), to_numpy(radius)
    if data.ndim < 2 or data.size == 0 or not np.isfinite(data).all():
        raise DataError(
            f"`second_moment(x=...)` must be finite and of shape (n, d), got shape {data.shape}."
        )
    data = data.reshape(len(data), -1)
    if labels.shape != (len(data),):
        raise DataError(
            f"`second_moment(y=...)` must have shape ({len(data)},), got {labels.shape}."
        )
    good = bool(np.isfinite(rho).all() and (rho >= 0.0).all() and rho.shape in ((), labels.shape))
    require(good, "second_moment", "radius", "be finite and non-negative", radius)
    radii = np.broadcast_to(rho, labels.shape)
    signed = bool(np.isin(labels, (-1.0, 1.0)).all())
    return SecondMoment(
        lambda_all=_largest(data, radii, len(data)),
        lambda_pm=max(
            _largest(data[labels == s], radii[labels == s], len(data)) for s in (-1.0, 1.0)
        )
        if signed
        else None,
        n=len(data),
    )


def _largest(x: NDArray[np.float64], radii: NDArray[np.float64], n: int) -> float:
    """(sigma_max(x) + sqrt(sum of squared radii))^2 / n, rounded up."""
    if len(x) == 0:
        return 0.0
    root = float(np.linalg.norm(x, 2)) + float(np.linalg.norm(radii))
    return root**2 / n * (1.0 + 1e-15 * sum(x.shape))
