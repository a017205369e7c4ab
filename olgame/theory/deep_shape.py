"""The exponents of the recalled theorem about deep networks, and nothing of its constants."""

from __future__ import annotations

import math

import attrs

from olgame.validation import require_finite_positive

__all__ = ["EXPONENTS", "DeepShape", "deep_shape"]

EXPONENTS: dict[str, dict[str, float]] = {
    "width": {"weight radius": 9.0, "depth": 16.0, "accuracy": -7.0},
    "step size": {"accuracy": 1.0, "width": -1.0, "depth": -2.0},
    "rounds": {"weight radius": 2.0, "width": -1.0, "accuracy": -1.0, "step size": -1.0},
    "linearization error": {"weight radius": 4.0 / 3.0, "depth": 2.5, "width": -1.0 / 6.0},
}
"""The recalled exponents. The width must moreover be Omega(d^2); the linearization error has a
factor sqrt(log m) besides."""


@attrs.frozen
class DeepShape:
    """The recalled quantities with every hidden constant 1: how they grow, not what is asked.

    Attributes:
        width: R^9 H^16 / eps^7.
        step_size: eps/(m H^2).
        rounds: R^2/(m eps alpha) at that step size, R^2 H^2/eps^2.
        linearization: R^(4/3) H^(5/2) m^(-1/6) sqrt(log m).
    """

    width: float
    step_size: float
    rounds: float
    linearization: float


def deep_shape(*, width: int, depth: int, weight_radius: float, accuracy: float) -> DeepShape:
    """The `DeepShape` at (m, H, R, eps).

    Raises:
        ArgumentError: A number is not finite and positive.

    Example:
        >>> shape = deep_shape(width=1024, depth=2, weight_radius=3.0, accuracy=0.1)
        >>> f"{shape.width:.1e}", f"{shape.linearization:.1f}"
        ('1.3e+16', '20.3')
    """
    sizes = {"width": width, "depth": depth, "weight_radius": weight_radius, "accuracy": accuracy}
    require_finite_positive("DeepReLU.shape", **sizes)
    power = {
        quantity: math.prod(
            float(sizes[of.replace(" ", "_")]) ** exponent
            for of, exponent in exponents.items()
            if of != "step size"
        )
        for quantity, exponents in EXPONENTS.items()
    }
    step = power["step size"]
    logarithm = math.sqrt(max(math.log(width), 0.0))
    linearization = power["linearization error"] * logarithm
    return DeepShape(power["width"], step, power["rounds"] / step, linearization)
