"""A ceiling: an upper bound on the least robust loss in B(R), from a point that lies in B(R)."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import to_numpy
from olgame.certify.bracket import Bracket
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.results import Certified, least_robust_loss
from olgame.transcript import Transcript
from olgame.typing import Array
from olgame.validation import require

__all__ = ["ceiling"]


def ceiling(
    origin: Transcript | Array, bracket: Bracket, point: Array, weight_radius: float
) -> Certified:
    """The certificate of the robust loss at ``point`` as a bound on the minimum over B(R).

        min over B(R) of L_* <= L_*(W)   for every W with norm(W - W_0) <= R.

    The norm is computed here, in float64 from the weights as they are stored; a point outside is
    no witness, by however little. Iterates of a learner that does not project leave B(R), and
    projected ones may by rounding: draw such a point toward W_0 first, and certify it there.

    Args:
        origin: The game (its model's W_0 is taken) or W_0 itself, shape ``(p,)``.
        bracket: `certify.robust_loss` at ``point``. That it is about this point, and about the
            game's data, loss and B(x), is the caller's word: a bracket does not carry its weights.
        point: W, shape ``(p,)``.
        weight_radius: R > 0.

    Returns:
        The upper end of the bracket, marked as a bound on the least robust loss in B(R).

    Raises:
        ArgumentError: ``point`` is outside B(R) or not finite, or R is not finite and positive.
        ShapeError: ``point`` has not the shape of W_0.
        NotAvailableError: The bracket has no upper end, or the game no model.

    Example:
        >>> import olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
        >>> x, y = np.eye(2), np.array([1.0, -1.0])
        >>> at_start = og.certify.robust_loss(
        ...     model, model.start, x, y, og.losses.hinge, og.perturbations.l2(0.1)
        ... )
        >>> found = ceiling(model.start, at_start, model.start, weight_radius=1.0)
        >>> found.quantity
        'least robust loss in B(1.0)'
    """
    require(0.0 < weight_radius < np.inf, "ceiling", "weight_radius", "be finite and positive",
            weight_radius)  # fmt: skip
    start: Any = origin
    if isinstance(origin, Transcript):
        start = getattr(getattr(origin.adversary, "model", None), "start", None)
        if start is None:
            raise NotAvailableError(
                "`ceiling(origin=...)` must be a game on a model with a start, got one whose "
                "adversary has none: give W_0 itself."
            )
    w, w0 = to_numpy(point), to_numpy(start)
    if w.shape != w0.shape:
        raise ShapeError(f"`ceiling(point=...)` must have the shape {w0.shape}, got {w.shape}.")
    distance = float(np.linalg.norm(w - w0))
    if not distance <= weight_radius:  # nan included
        raise ArgumentError(
            f"`ceiling(point=...)` must lie in B(R), R = {float(weight_radius)!r}, got a point at "
            f"distance {distance!r} from W_0, {distance - weight_radius:.3g} too far: "
            "project it onto a slightly smaller ball (radius 0.999999 R) and certify it there."
        )
    if bracket.upper is None:
        raise NotAvailableError(
            f"`ceiling(bracket=...)` must have an upper end, got: {bracket.method}."
        )
    return Certified(
        bracket.upper.value,
        "upper",
        f"{bracket.upper.method}, at a point {distance:.6g} from W_0",
        quantity=least_robust_loss(weight_radius),
    )
