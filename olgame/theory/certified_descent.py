"""Down the certificate itself, from the point of the lowest ceiling."""

from __future__ import annotations

from typing import Any

from olgame.adversaries import CertifiedAdversary, View
from olgame.arrays import kernels
from olgame.theory.drawn_inside import drawn_inside
from olgame.typing import Array

__all__ = ["certified_descent"]

_SHARE = 0.5  # of Polyak's step at first: the least certificate is above the floor


def certified_descent(
    adversary: Any, point: Array, weight_radius: float, floor: float, rounds: int
) -> Array:
    r"""A point of B(R) whose certificate is lower, if there is one nearby.

    U(w) >= L_*(w), the mean of the certified losses, is a function of the weights with a gradient g
    (that of the certificate held still, `olgame.certify.FrozenMajorant`). Projected descent,

        w <- projection onto B(R) of w - eta g,    eta = (U(w) - floor)/(2 norm(g_T)^2),

    half of the step of Polyak for a least value of ``floor``, which min U is at least. A step that
    does not lower U is taken back, and from then on all are half as long. Of g only the part g_T
    counts that the projection does not take back: on the sphere norm(w - W_0) = R, an outward step
    is taken off. Certified floors are what makes this step size possible.

    U is not convex, and g not quite its gradient: nothing is promised but that the least of all
    U(w) visited is the result.

    Args:
        adversary: With model, x, y, loss and B(x), as `olgame.adversaries.InputAttack` has them.
        point: Where to start, in B(R).
        weight_radius: R.
        floor: A number below min over B(R) of U.
        rounds: Certificates computed, at least 1; the first at ``point``.

    Returns:
        The point with the least U.

    Raises:
        NotAvailableError: The network has no certificate with a gradient.

    References:
        polyak1969 (the step size).
    """
    against = CertifiedAdversary(
        adversary.model, adversary.x, adversary.y,
        loss=adversary.loss, perturbation_set=adversary.perturbation_set,
    )  # fmt: skip
    w: Any = point
    center: Any = adversary.model.start
    dot = kernels(w).dot
    best: Any = w
    least, share, along = float("inf"), _SHARE, None
    for t in range(1, rounds + 1):
        response, _ = against.respond(None, View(t, against.timing, w, None))
        found: Any = response.loss.evaluate(w)
        if float(found.value) < least:
            best, least, g = w, float(found.value), found.gradient
            along = _kept_by_the_ball(g, w - center, weight_radius)
        else:
            share *= 0.5
        slope = float(dot(along, along))
        if t == rounds or not slope > 0.0 or least <= floor:
            break
        w = drawn_inside(best - share * (least - floor) / slope * g, center, weight_radius)
    return best  # type: ignore[no-any-return]  # `Any` stands for arrays


def _kept_by_the_ball(g: Any, moved: Any, radius: float) -> Any:
    """What of a step along -g the projection onto B(R) does not take back, to first order."""
    dot = kernels(g).dot
    size = float(dot(moved, moved))
    inward = float(dot(g, moved))
    if size < (1 - 1e-9) * radius**2 or inward >= 0.0:
        return g
    return g - inward / size * moved
