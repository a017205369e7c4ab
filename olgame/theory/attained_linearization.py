"""How far from linear a two-layer network gets at points of its set that can be written down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from olgame.activations import Activation
from olgame.exceptions import ShapeError
from olgame.validation import require

__all__ = ["attained_linearization"]

Floats = NDArray[np.float64]


def attained_linearization(
    preactivations: ArrayLike,
    signs: ArrayLike,
    activation: Activation,
    radius: float,
    input_norm: float = 1.0,
    *,
    per_neuron: bool = False,
) -> float:
    r"""A value of abs(f - f_lin) that points of the set attain, at one input; a lower bound on sup.

    With z_r = <w_r, x> at the start, t_r = <w_r' - w_r, x> and
    e(z, t) = sigma(z + t) - sigma(z) - sigma'(z) t,

        s (f - f_lin) = m^{-1/2} sum_r s a_r e(z_r, t_r),    s = +-1,

    where moves along x make every t with norm(t) <= R norm(x) possible (per neuron: every t with
    abs(t_r) <= R norm(x)), as for `relu_worst_case`. To second order e = sigma''(z) t^2/2.

    **Frobenius ball.** The k neurons with the largest s a_r sigma''(z_r) move by
    abs(t_r) = R norm(x)/sqrt(k), each in its better direction; the best s and the best k of 1, 2,
    4, ..., m count. With m the k neurons have sigma'' ever closer to its largest value, and their
    moves get shorter: for Gaussian z the value tends to the upper bound
    C2 R^2 norm(x)^2/(2 sqrt(m)) of `worst_case_linearization`, whose exponent is then exact.

    **Per neuron.** Every neuron that gains by it moves by abs(t_r) = R norm(x), in its better
    direction. Where sigma is convex, e >= 0 grows with abs(t) on both sides of 0, and this is the
    supremum itself.

    Args:
        preactivations: z, shape ``(m,)``, finite.
        signs: a, entries +-1, shape ``(m,)``.
        activation: sigma, smooth (`relu_worst_case` has the supremum for ReLU).
        radius: R > 0 of the ball, or of every neuron's ball.
        input_norm: norm(x) >= 0.
        per_neuron: Whether every neuron has a ball of its own.

    Returns:
        The value, >= 0.

    Raises:
        ArgumentError: A number is outside its domain, or ``activation`` has no C2.
        ShapeError: The shapes do not fit.

    Example:
        One neuron with sigma = softplus at its steepest bend: e(0, 2) = log((1 + e^2)/2) - 1.

        >>> from olgame.activations import softplus
        >>> round(attained_linearization([0.0], [1.0], softplus, radius=2.0), 6)
        0.433781
    """
    owner = "attained_linearization"
    z, a = np.asarray(preactivations, np.float64), np.asarray(signs, np.float64)
    if z.ndim != 1 or z.size == 0 or a.shape != z.shape:
        raise ShapeError(
            f"`{owner}(signs=...)` must have one entry for each of the neurons, got shapes "
            f"{a.shape} and {z.shape} (preactivations)."
        )
    require(bool(np.isfinite(z).all()), owner, "preactivations", "be finite", preactivations)
    require(bool((np.abs(a) == 1).all()), owner, "signs", "be +1 or -1", signs)
    require(bool(0 < radius < np.inf), owner, "radius", "be finite and positive", radius)
    ok = bool(0 <= input_norm < np.inf)
    require(ok, owner, "input_norm", "be finite and non-negative", input_norm)
    rule = "be smooth, with a bound `c2` on sigma''"
    require(activation.c2 is not None, owner, "activation", rule, activation)
    budget, m = float(radius) * float(input_norm), z.size
    best = 0.0
    for s in (1.0, -1.0):
        if per_neuron:
            best = max(best, float(_gains(activation, z, s * a, budget).sum()))
            continue
        bend: Any = activation.second_derivative(z)
        order = np.argsort(-s * a * bend)
        for k in (1 << np.arange(m.bit_length())).tolist():
            first = order[:k]
            moved = _gains(activation, z[first], s * a[first], budget / k**0.5)
            best = max(best, float(moved.sum()))
    return best / float(m**0.5)


def _gains(activation: Activation, z: Floats, signs: Floats, move: float) -> Floats:
    """max(0, a e(z, move), a e(z, -move)) of every neuron."""
    value: Any = activation.value(z)
    slope: Any = activation.derivative(z)
    found = np.zeros_like(z)
    for t in (move, -move):
        moved: Any = activation.value(z + t)
        np.maximum(found, signs * (moved - value - slope * t), out=found)
    return found
