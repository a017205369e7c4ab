"""Is l_t a round loss: the gradient, the lower model and the remainder that it claims?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.checks.checklist import expect, host, unit_directions
from olgame.checks.differences import slope_error, slope_tolerance
from olgame.losses.round_loss import RoundLoss

__all__ = ["expect_gradient", "expect_lower_model", "expect_remainder"]


def _along(loss: RoundLoss, point: Any, h: float, v: Any) -> Any:
    return loss.value(point + h * v)


def expect_gradient(loss: RoundLoss, point: Any, t: int, seed: int) -> None:
    """Fail unless the gradient of round t agrees with central differences of `value`."""
    rng = np.random.default_rng(seed)
    gradient = host(loss.evaluate(point).gradient)
    directions = [unit_directions(rng, tuple(point.shape), point) for _ in range(4)]
    if gradient.any():
        directions.append(as_like(gradient / np.linalg.norm(gradient), point))
    error = slope_error(
        partial(_along, loss, point), [(v, float(host(v) @ gradient)) for v in directions], point
    )
    expect(
        error <= slope_tolerance(point),
        f"the gradient of the loss of round {t} is off by {100.0 * error:.3g} %, by finite "
        "differences of `value`",
    )


def expect_lower_model(loss: RoundLoss, w: Any, others: Sequence[Any], t: int) -> bool:
    """Fail unless l(u) >= l(w) + <g, u - w> - kappa norm(u - w)^2; False where kappa is inf."""
    found = loss.evaluate(w)
    kappa = host(found.weak_convexity)
    if np.isinf(kappa).all():
        return False
    for u in others:
        step = u - w
        square = float(kernels(step).dot(step, step))
        line = host(found.value) + host(kernels(step).dot(found.gradient, step))
        short = float((line - kappa * square - host(loss.value(u))).max())
        slack = 1e3 * unit_roundoff(w) * (1.0 + float(np.abs(line).max()))
        expect(
            short <= slack,
            f"the loss of round {t} is {short:.3g} below its lower model: l(u) >= l(w) + "
            "<g, u - w> - weak_convexity norm(u - w)^2 must hold for every u; "
            "`weak_convexity` = inf says that no constant is known",
        )
    return True


def expect_remainder(loss: RoundLoss, w: Any, u: Any, t: int) -> None:
    """Fail unless l(w) = l(u) + <g, w - u> - curvature - nonlinearity, curvature >= 0."""
    found, rest = loss.evaluate(w), loss.remainder(w, u)
    inner = host(kernels(w).dot(found.gradient, w - u))
    right = host(rest.value) + inner - host(rest.curvature) - host(rest.nonlinearity)
    gap = float(np.abs(host(found.value) - right).max())
    slack = 1e4 * unit_roundoff(w) * (1.0 + float(np.abs(inner).max()))
    expect(
        gap <= slack,
        f"`remainder` of round {t} misses l(w) = l(u) + <g, w - u> - curvature - nonlinearity by "
        f"{gap:.3g}: the ledger will not close",
    )
    least = float(host(rest.curvature).min())
    expect(least >= -slack, f"the curvature of round {t} is {least:.3g}, below 0")
