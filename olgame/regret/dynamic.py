"""Dynamic regret, against a path of comparators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, number_or_array, to_numpy
from olgame.exceptions import ShapeError
from olgame.regret.played_sums import played_points
from olgame.results import Certified
from olgame.transcript import Transcript

__all__ = ["dynamic", "dynamic_curve", "dynamic_linear", "dynamic_linear_curve", "path_length"]

Floats = NDArray[np.float64]


def path_length(path: Any) -> Any:
    """P_T = sum_{t < T} norm(u_{t+1} - u_t).

    Args:
        path: u_1, ..., u_T, shape ``(T, ..., p)``, or a sequence of points.

    Returns:
        A float, or an array over the games of a batch.

    Example:
        >>> path_length(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]))
        5.0
    """
    steps = np.diff(_stacked(path), axis=0)
    return number_or_array(np.sqrt(np.vecdot(steps, steps)).sum(axis=0))


def dynamic(run: Transcript, path: Any) -> Any:
    """sum_t l_t(W_t) - l_t(u_t), on the losses that were actually played.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.
        path: u_1, ..., u_T, shape ``(T, p)`` or ``(T, ..., p)``, or a sequence of points.

    Returns:
        A float, or an array over the games of a batch.

    Raises:
        NotKeptError: The losses were not kept.
        ShapeError: The path does not have one point a round.

    References:
        zinkevich2003, Section 2.2; zhang2018ader.
    """
    return number_or_array(dynamic_curve(run, path)[-1])


def dynamic_curve(run: Transcript, path: Any) -> Floats:
    """sum_{s <= t} l_s(W_s) - l_s(u_s) for t = 1..T, shape ``(T, ...)``; see `dynamic`."""
    losses = run.kept_losses("Dynamic regret")
    points = _checked(run, path)
    found = [loss.value(as_like(u, run.start)) for loss, u in zip(losses, points, strict=True)]
    suffered = np.stack([to_numpy(value) for value in found])
    return np.asarray(np.cumsum(run.loss - suffered, axis=0))


def dynamic_linear(run: Transcript, path: Any = None) -> Certified:
    """sum_t <g_t, W_t - u_t>: exact, and at least `dynamic` where the losses are convex.

    Args:
        run: As for `dynamic`.
        path: As for `dynamic`; None takes in every round the u_t in K that is best there, which
            gives the largest dynamic regret that any path can (it grows like T in general: no
            learner follows a path of length T).

    Raises:
        NotKeptError: The losses were not kept.
        ShapeError: The path does not have one point a round.
    """
    value = number_or_array(dynamic_linear_curve(run, path)[-1])
    whose = "the best point of every round" if path is None else "the given path"
    return Certified(value, "exact", f"against {whose}")


def dynamic_linear_curve(run: Transcript, path: Any = None) -> Floats:
    """sum_{s <= t} <g_s, W_s - u_s> for t = 1..T, shape ``(T, ...)``; see `dynamic_linear`."""
    gradients = [gradient for _, gradient in played_points(run)]
    if path is None:
        recentered = run.decision_set.translate(-run.start)
        gained = np.stack([to_numpy(recentered.support(-gradient)) for gradient in gradients])
    else:
        offsets = _checked(run, path) - to_numpy(run.start)
        gained = -np.vecdot(np.stack([to_numpy(gradient) for gradient in gradients]), offsets)
    return np.asarray(np.cumsum(run.inner + gained, axis=0))


def _stacked(path: Any) -> Floats:
    """The path as one float64 array."""
    if isinstance(path, list | tuple):
        return np.stack([to_numpy(u) for u in path])
    return to_numpy(path)


def _checked(run: Transcript, path: Any) -> Floats:
    points = _stacked(path)
    shape: tuple[int, ...] = tuple(run.start.shape)
    fits = points.ndim >= 2 and points.shape[0] == run.rounds and points.shape[-1] == shape[-1]
    if not fits or points.shape[1:-1] not in ((), shape[:-1]):
        raise ShapeError(
            f"`dynamic(path=...)` must have one point a round, shape {(run.rounds, *shape)}, got "
            f"{points.shape}."
        )
    if points.ndim == 2:
        points = points.reshape(run.rounds, *(1 for _ in shape[:-1]), shape[-1])
    return np.broadcast_to(points, (run.rounds, *shape))
