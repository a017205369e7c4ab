"""What adversaries with a moving best point share: where the losses that they play are least."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.payoff_loss import PayoffLoss
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.losses.linear_loss import LinearLoss
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.losses.round_loss import RoundLoss
from olgame.sets.convex_set import ConvexSet
from olgame.validation import is_function

__all__ = ["BestOf", "LossOf", "as_path", "best_path", "lengths", "most_moves", "optional_function"]

Floats = NDArray[np.float64]

LossOf = Callable[[Any], RoundLoss]
"""The round loss of a point: `olgame.losses.QuadraticLoss`, whose least value is there."""

BestOf = Callable[[Any, ConvexSet | None], Any]
"""Of a point and the decision set (None: not said): where the loss of the point is least."""

optional_function = attrs.validators.optional(is_function)


def as_path(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an array of finite points, one for each entry of its first axis."""
    name = f"`{type(instance).__name__}({attribute.name}=...)`"
    if not hasattr(value, "ndim") or value.ndim < 2 or 0 in value.shape:
        raise ShapeError(
            f"{name} must be an array of points of shape (k, p) or (k, ..., p), got "
            f"{getattr(value, 'shape', type(value).__name__)}."
        )
    if not np.isfinite(to_numpy(value)).all():
        raise ArgumentError(f"{name} must be finite.")


def best_path(
    points: Any, loss: LossOf, best: BestOf | None, decision_set: ConvexSet | None, owner: str
) -> Floats:
    """Where the loss of every point is least, shape of ``points``, float64.

    A quadratic loss is least at its target, in K at the target's projection (the nearest point). A
    linear one is least at the linear minimizer of K, and nowhere without K: its gradient is no
    comparator. Of other losses ``best`` knows.

    Raises:
        NotAvailableError: It is not known.
    """
    given = f"`{owner}(best=...)`"
    found = []
    for point in points:
        if best is not None:
            found.append(to_numpy(best(point, decision_set)))
            continue
        made: Any = loss(point)
        linear = isinstance(made, LinearLoss) or (isinstance(made, PayoffLoss) and made.linear)
        if isinstance(made, QuadraticLoss):
            target = made.target
            found.append(to_numpy(target if decision_set is None else decision_set.project(target)))
        elif linear and decision_set is not None:
            found.append(to_numpy(decision_set.lmo(made.evaluate(point).gradient)))
        else:
            raise NotAvailableError(
                f"`{owner}(loss=...)` makes linear losses, which have no best point until the "
                "decision set is known: pass it, `comparators_of(rounds, decision_set)`."
                if linear
                else f"`{owner}(loss=...)` makes a {type(made).__name__}, and where it is least is "
                f"not known here: give {given}, a function of a point and the decision set."
            )
    return np.stack(found)


def lengths(path: Any) -> Floats:
    """norm(u_{t+1} - u_t) along the first axis, shape ``(k - 1, ...)``."""
    return np.asarray(np.linalg.norm(np.diff(to_numpy(path), axis=0), axis=-1))


def most_moves(path: Any) -> int:
    """How often u_{t+1} differs from u_t, in the game where it does most often.

    Neighbors may be equal.
    """
    points = to_numpy(path)
    return int((points[1:] != points[:-1]).any(axis=-1).sum(axis=0).max(initial=0))
