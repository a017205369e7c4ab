"""The largest departure of a ReLU network from its linearization, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from olgame.exceptions import ShapeError
from olgame.validation import require

__all__ = ["relu_worst_case"]


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused by name
def relu_worst_case(
    preactivations: ArrayLike,
    signs: ArrayLike,
    radius: float,
    input_norm: ArrayLike,
    width: int | None = None,
    *,
    per_neuron: bool = False,
) -> NDArray[np.float64]:
    r"""Exact sup of abs(f - f_lin) of a two-layer ReLU network, from its pre-activations alone.

    With f(W, x) = m^{-1/2} sum_r a_r relu(<w_r, x>), a_r = +-1, z_r = <w_r, x> at the start and
    t_r = <w_r' - w_r, x> the change of one pre-activation,

        f - f_lin = m^{-1/2} sum_r a_r e(z_r, t_r),    e(z, t) = relu(z + t) - relu(z) - relu'(z) t.

    **One neuron.** e(z, t) = 0 unless t carries z over the kink, and then it is abs(t) - abs(z):
    for z > 0 > z + t it is -z - t, for z < 0 < z + t it is z + t. So e >= 0, and its largest
    value under abs(t) = tau is max(0, tau - abs(z)). (At z = 0 the same holds for either value
    0, 1 of relu'(0): one of the two directions of t gains abs(t).) Since no e is negative, the
    supremum of abs(f - f_lin) moves only neurons of one sign s = a_r, and the larger of the two
    signs counts. Write abs(z)_(1) <= abs(z)_(2) <= ... for the neurons of sign s.

    **Frobenius ball**, norm(W' - W)_F <= R. Moves along x are the cheapest, so the t that can
    be had are exactly those with norm(t) <= R norm(x). A sum of positive parts is the largest of
    the sums over subsets S, and for a fixed S with k members Cauchy-Schwarz gives
    sum_S abs(t_r) <= R norm(x) sqrt(k), with equality at equal moves. The best S of size k has
    the smallest abs(z), hence

        sup = max over s and k >= 0 of m^{-1/2} ( R norm(x) sqrt(k) - sum_{j <= k} abs(z)_(j) ),

    a sort and a cumulative sum. It is attained. For Gaussian z and large m, stationarity in k
    gives (3/4) (1/(2 sqrt(2 pi)))^{1/3} R^{4/3} m^{-1/6} = 0.438 R^{4/3} m^{-1/6} at norm(x) = 1.

    **Per neuron**, norm(w_r' - w_r) <= R for every r: the t_r are free of one another in
    [-R norm(x), R norm(x)], so each term is maximal on its own,

        sup = max over s of m^{-1/2} sum over a_r = s of max(0, R norm(x) - abs(z_r)).

    It is attained too. Gaussian z and R = C_0 / sqrt(m): 0.1995 C_0^2 / sqrt(m) at norm(x) = 1
    (m/2 neurons, density sqrt(2/pi) of abs(z) at 0, mean of the positive part R^2/2).

    Neither proof asks the neurons to be independent: both hold for paired starts as well.

    Args:
        preactivations: z, shape ``(..., m)``, finite.
        signs: a, entries +-1, shape ``(m,)`` or ``(..., m)``.
        radius: R > 0 of the ball, or of every neuron's ball.
        input_norm: norm(x) >= 0, shape ``(...)``. For Gaussian w_r the z_r are independent
            N(0, norm(x)^2): no weight matrix is needed to study wide networks.
        width: m in the factor m^{-1/2}; default the length of the last axis. Give it where
            neurons with abs(z_r) >= R norm(x) were left out: they contribute nothing.
        per_neuron: Whether every neuron has a ball of its own.

    Returns:
        The supremum, shape ``(...)``. Cost O(m log m) (per neuron O(m)).

    Raises:
        ArgumentError: A radius, norm, sign or width outside its domain, z not finite, or a value
            that overflows.
        ShapeError: The shapes do not fit.

    Example:
        One neuron at z = 1 and a budget of 3: the move t = -3 gains 3 - 1.

        >>> float(relu_worst_case([1.0], [1.0], radius=3.0, input_norm=1.0))
        2.0

    References:
        gao2019 (whose linearization error has the exponents R^{4/3} m^{-1/6}).
    """
    z = np.abs(np.asarray(preactivations, dtype=np.float64))
    a = np.asarray(signs, dtype=np.float64)
    norm = np.asarray(input_norm, dtype=np.float64)
    owner = "relu_worst_case"
    require(bool(0 < radius < np.inf), owner, "radius", "be finite and positive", radius)
    if z.ndim == 0 or a.ndim == 0 or a.shape[-1] != z.shape[-1]:
        raise ShapeError(
            "`relu_worst_case(signs=...)` must have one entry for each of the neurons on the last "
            f"axis of `preactivations`, got shapes {a.shape} and {z.shape}."
        )
    m = z.shape[-1] if width is None else width
    require(m >= max(1, z.shape[-1]), owner, "width", "be at least the number of neurons", m)
    require(bool(np.isfinite(z).all()), owner, "preactivations", "be finite", preactivations)
    require(bool((np.abs(a) == 1).all()), owner, "signs", "be +1 or -1", signs)
    ok = bool(((norm >= 0) & (norm < np.inf)).all())
    require(ok, owner, "input_norm", "be finite and non-negative", input_norm)

    try:
        lead = np.broadcast_shapes(z.shape[:-1], a.shape[:-1], norm.shape)
    except ValueError as error:
        raise ShapeError(
            "`relu_worst_case(input_norm=...)` must have the leading shape of `preactivations`, "
            f"got shapes {norm.shape}, {z.shape} and {a.shape} (signs)."
        ) from error
    z = np.broadcast_to(z, (*lead, z.shape[-1]))
    a = np.broadcast_to(a, z.shape)
    budget = float(radius) * np.broadcast_to(norm, lead)
    values = np.zeros(lead)
    term = _independent if per_neuron else _shared
    for index in np.ndindex(*lead):
        row, sign, reach = z[index], a[index], float(budget[index])
        values[index] = max(term(row[sign > 0], reach), term(row[sign < 0], reach))
    rule = "be small enough for a value that is finite in float64"
    require(bool(np.isfinite(values).all()), owner, "radius", rule, radius)
    return values / float(np.sqrt(m))


def _shared(distance: NDArray[np.float64], budget: float) -> float:
    """Max over k >= 0 of budget sqrt(k) - (sum of the k smallest distances)."""
    distance = np.sort(distance[distance < budget])
    gain = budget * np.sqrt(np.arange(1, distance.size + 1)) - np.cumsum(distance)
    return float(gain.max(initial=0.0))


def _independent(distance: NDArray[np.float64], budget: float) -> float:
    """Sum of the positive parts of budget - distance."""
    return float(np.maximum(budget - distance, 0.0).sum())
