"""Activations sigma with the constants that the theorems and the certificates stand on.

C1 bounds abs(sigma'), C2 bounds abs(sigma''), [c-, c+] is the range of sigma''. Every constant is
rounded *outward* in its twelfth decimal, so that it stays a bound for values computed in float64.

| sigma       | C1       | C2       | [c-, c+]            | critical points of sigma'' |
|-------------|----------|----------|---------------------|----------------------------|
| softplus    | 1        | 1/4      | [0, 1/4]            | 0                          |
| tanh        | 1        | 0.769801 | +-0.769801          | +-0.658479                 |
| GELU (erf)  | 1.128905 | 0.797885 | [-0.107982, 0.797885] | 0, +-2                   |
| SiLU        | 1.099840 | 1/2      | [-0.036915, 1/2]    | 0, +-3.435841              |
| ReLU        | 1        | none     | none                |                            |
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.typing import Array

__all__ = [
    "Activation",
    "gelu",
    "get_activation",
    "relu",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
]

Function = Callable[[Any], Any]


@attrs.frozen
class Activation:
    """An activation sigma, its first two derivatives and their bounds.

    The functions are element-wise, for finite ``z``, on NumPy arrays and torch tensors; on tensors
    they can be differentiated in reverse and in forward mode, as often as sigma itself.

    Attributes:
        name: What `get_activation` finds it by.
        c1: C1 >= abs(sigma'(z)) for all z.
        c2: C2 >= abs(sigma''(z)) for all z; None where sigma' has jumps (ReLU).
        curvature_range: (c-, c+) with c- <= sigma''(z) <= c+ for all z; None where c2 is.
        critical_points: Where sigma'' can change between increasing and decreasing.

    Example:
        >>> import numpy as np
        >>> from olgame.activations import softplus
        >>> float(softplus.derivative(np.array(0.0)))
        0.5
        >>> [float(end) for end in softplus.second_derivative_range(np.array(-1.0), np.array(0.5))]
        [0.19661193324148188, 0.25]
    """

    name: str
    c1: float
    c2: float | None
    curvature_range: tuple[float, float] | None
    critical_points: tuple[float, ...] = attrs.field(repr=False)
    _value: Function = attrs.field(repr=False)
    _derivative: Function = attrs.field(repr=False)
    _second_derivative: Function = attrs.field(repr=False)
    _both: Function | None = attrs.field(default=None, repr=False)

    def value(self, z: Array) -> Array:
        """sigma(z)."""
        out: Array = self._value(z)
        return out

    def derivative(self, z: Array) -> Array:
        """sigma'(z); for ReLU the subderivative that is 0 at the kink z = 0."""
        out: Array = self._derivative(z)
        return out

    def value_and_derivative(self, z: Array) -> tuple[Array, Array]:
        """sigma(z) and sigma'(z), with what they share computed once where that is known."""
        if self._both is not None:
            both: tuple[Array, Array] = self._both(z)
            return both
        return self.value(z), self.derivative(z)

    def second_derivative(self, z: Array) -> Array:
        """sigma''(z); for ReLU its value 0 away from the kink, which bounds nothing."""
        out: Array = self._second_derivative(z)
        return out

    def second_derivative_range(self, lo: Array, hi: Array) -> tuple[Array, Array]:
        """Least and largest sigma'' over [lo, hi], element-wise.

        Between two neighboring critical points sigma'' is monotone, so its extremes over an
        interval lie at the ends or at critical points inside. Exact but for the rounding of
        sigma'' itself (a few units in the last place of C2).

        Args:
            lo: lower ends, any shape; ``-inf`` is allowed.
            hi: upper ends >= lo, same shape, dtype and device; ``inf`` is allowed.

        Returns:
            (least, largest), each of the shape of ``lo``.

        Raises:
            ArgumentError: an interval is empty, or an end is nan.
            NotAvailableError: sigma has no second derivative (ReLU).
        """
        if self.c2 is None:
            raise NotAvailableError(
                f"`{self.name}.second_derivative_range` has no meaning: the derivative jumps."
            )
        xp = kernels(lo).xp
        ordered = xp.asarray(lo <= hi)  # type: ignore[operator]  # `Array` is not ordered
        if not bool(xp.all(ordered)):
            raise ArgumentError(
                f"`{self.name}.second_derivative_range(lo=..., hi=...)` must have lo <= hi "
                "everywhere, got an interval that is empty or has an end nan."
            )
        at_lo, at_hi = self.second_derivative(lo), self.second_derivative(hi)
        least, largest = xp.minimum(at_lo, at_hi), xp.maximum(at_lo, at_hi)
        for point in self.critical_points:
            inside = (lo <= point) & (hi >= point)  # type: ignore[operator]  # `Array` is not ordered
            there = self.second_derivative(xp.zeros_like(lo) + point)
            least = xp.where(inside, xp.minimum(least, there), least)
            largest = xp.where(inside, xp.maximum(largest, there), largest)
        return least, largest


def _own(z: Any, name: str) -> Function | None:
    """The special function ``name`` of the library of ``z``, if it has one (torch does)."""
    found: Function | None = getattr(getattr(kernels(z).xp, "special", None), name, None)
    return found


def sigmoid(z: Array) -> Array:
    """1/(1 + e^{-z}) with full relative accuracy at both ends, without overflow.

    Example:
        >>> import numpy as np
        >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """
    out: Array
    expit = _own(z, "expit")
    if expit is not None:
        out = expit(z)
        return out
    xp = kernels(z).xp
    out = xp.exp(xp.minimum(z, xp.zeros_like(z))) / (1 + xp.exp(-xp.abs(z)))
    return out


def _bell(z: Any) -> Any:
    """sigmoid'(z) = sigmoid(z) sigmoid(-z)."""
    expit = _own(z, "expit")
    if expit is not None:
        return expit(z) * expit(-z)
    # Even in z, so one exponential will do; but automatic differentiation must not come here: it
    # takes the derivative of abs at 0 for 0.
    e = kernels(z).xp.exp(-abs(z))
    return e / ((1 + e) * (1 + e))


def _near(z: Any) -> Any:
    """``z``, or 800 where the tails are exactly 0 in float64 anyway: no inf * 0, no z^2 = inf."""
    xp = kernels(z).xp
    return xp.where(xp.abs(z) > 800.0, xp.full_like(z, 800.0), z)


def _softplus(z: Any) -> Any:
    # log(1 + e^z) is z to rounding from 40 on (e^{-40} = 4e-18), with slope 1. The other ways fail
    # somewhere: torch's `softplus` switches at 20 (error 2e-9), the second derivative of its
    # `logaddexp` is nan below -710, and with abs(z) automatic differentiation goes wrong at 0.
    xp = kernels(z).xp
    far = z >= 40.0
    near = xp.where(far, xp.zeros_like(z), z)
    return xp.where(far, z, xp.log1p(xp.exp(near)))


def _softplus_and_sigmoid(z: Any) -> Any:
    # One exponential for both, e = e^{-abs(z)}: max(z, 0) + log(1 + e), and 1/(1 + e) or e/(1 + e).
    # Not for automatic differentiation, which takes the derivative of abs at 0 for 0.
    xp = kernels(z).xp
    e = xp.exp(-xp.abs(z))
    share = 1 / (1 + e)
    return xp.maximum(z, xp.zeros_like(z)) + xp.log1p(e), xp.where(z >= 0, share, e * share)


def _tanh(z: Any) -> Any:
    return kernels(z).xp.tanh(z)


def _tanh_derivative(z: Any) -> Any:
    # 1 - tanh^2 loses all digits in the tails; 1/cosh^2 = 4 sigmoid'(2z) does not.
    return 4 * _bell(2 * z)


def _tanh_second_derivative(z: Any) -> Any:
    return -2 * kernels(z).xp.tanh(z) * _tanh_derivative(z)


@functools.cache
def _numpy_erfc() -> Function:
    try:
        from scipy.special import erfc
    except ImportError:  # scipy is not needed for anything else in the core
        return np.vectorize(math.erfc, otypes=[np.float64])
    found: Function = erfc
    return found


def _erfc(z: Any) -> Any:
    """1 - erf(z): the library's own where it has one, else scipy's, else `math.erfc`."""
    erfc = _own(z, "erfc")
    if erfc is not None:
        return erfc(z)
    xp = kernels(z).xp
    return xp.astype(xp.asarray(_numpy_erfc()(z)), z.dtype)


def _normal_cdf(z: Any) -> Any:
    # By erfc, not (1 + erf)/2: the left tail keeps its relative accuracy.
    return 0.5 * _erfc(z * -math.sqrt(0.5))


def _normal_density(z: Any) -> Any:
    return kernels(z).xp.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def _gelu(z: Any) -> Any:
    return z * _normal_cdf(z)


def _gelu_derivative(z: Any) -> Any:
    near = _near(z)
    return _normal_cdf(z) + near * _normal_density(near)


def _gelu_second_derivative(z: Any) -> Any:
    near = _near(z)
    return _normal_density(near) * (2 - near * near)


def _silu(z: Any) -> Any:
    return z * sigmoid(z)


def _silu_derivative(z: Any) -> Any:
    return sigmoid(z) + _near(z) * _bell(z)


def _silu_second_derivative(z: Any) -> Any:
    near = _near(z)
    return _bell(near) * (2 - near * kernels(z).xp.tanh(0.5 * near))


def _relu(z: Any) -> Any:
    # Not `maximum`, whose derivative at a tie is 1/2, nor where(z > 0, z, 0), which turns nan to 0.
    return z * kernels(z).xp.astype(z > 0, z.dtype)


def _relu_derivative(z: Any) -> Any:
    return kernels(z).xp.astype(z > 0, z.dtype)


def _relu_second_derivative(z: Any) -> Any:
    return kernels(z).xp.zeros_like(z)


softplus = Activation(
    "softplus", 1.0, 0.25, (0.0, 0.25), (0.0,), _softplus, sigmoid, _bell, _softplus_and_sigmoid
)
"""log(1 + e^z). sigma''' = sigma'' (1 - 2 sigma') vanishes at 0 only."""

tanh = Activation(
    "tanh",
    1.0,
    0.769800358920,  # 4/(3 sqrt 3)
    (-0.769800358920, 0.769800358920),
    (-0.6584789484624084, 0.6584789484624084),  # tanh^2 = 1/3
    _tanh,
    _tanh_derivative,
    _tanh_second_derivative,
)
"""tanh z. sigma'' = -2 tanh (1 - tanh^2) is extreme where tanh^2 = 1/3."""

gelu = Activation(
    "gelu",
    1.128904145186,  # at sqrt 2, where sigma'' = 0
    0.797884560803,  # sigma''(0) = sqrt(2/pi)
    (-0.107981933027, 0.797884560803),  # sigma''(+-2) = -2 phi(2)
    (-2.0, 0.0, 2.0),
    _gelu,
    _gelu_derivative,
    _gelu_second_derivative,
)
"""z Phi(z), Phi by erf (not the tanh approximation). sigma''' = phi(z) z (z^2 - 4)."""

silu = Activation(
    "silu",
    1.099839320129,  # where z tanh(z/2) = 2
    0.5,
    (-0.036914373200, 0.5),
    (-3.4358409935351107, 0.0, 3.4358409935351107),  # 3 z t^2 - 6 t - z = 0, t = tanh(z/2)
    _silu,
    _silu_derivative,
    _silu_second_derivative,
)
"""z/(1 + e^{-z}). sigma'' = s(z) s(-z) (2 - z tanh(z/2)), s the logistic sigmoid."""

relu = Activation("relu", 1.0, None, None, (), _relu, _relu_derivative, _relu_second_derivative)
"""max(0, z), with sigma'(0) = 0."""

_BY_NAME = {sigma.name: sigma for sigma in (softplus, tanh, gelu, silu, relu)}


def get_activation(name: str, argument: str = "get_activation(name=...)") -> Activation:
    """The activation called ``name``.

    Args:
        name: "softplus", "tanh", "gelu", "silu" or "relu".
        argument: What an error message calls the argument that held the name.

    Raises:
        ArgumentError: there is none of that name.

    Example:
        >>> get_activation("softplus").c2
        0.25
    """
    found = _BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        known = ", ".join(repr(known) for known in _BY_NAME)
        raise ArgumentError(f"`{argument}` must be one of {known}, got {name!r}.")
    return found
