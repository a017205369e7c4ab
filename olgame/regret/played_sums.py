"""What was played, as arrays: points, gradients, and sums of them over intervals of rounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.replay import replay
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["PlayedSums", "played_points", "played_sums"]

Floats = NDArray[np.float64]


def played_points(run: Transcript) -> Iterator[tuple[Array, Array]]:
    """(W_t, g_t) for t = 1..T: of the points that were kept, else of the replayed game.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.

    Raises:
        NotKeptError: The losses were not kept.
    """
    if run.points is None:
        yield from ((step.point, step.evaluation.gradient) for step in replay(run))
        return
    losses = run.kept_losses("This regret")
    for point, loss in zip(run.points, losses, strict=True):
        yield point, loss.evaluate(point).gradient


@attrs.frozen(eq=False)
class PlayedSums:
    """Sums of gradients over intervals of rounds, from the sums over first rounds.

    The linear regret on the interval [r, s] against u in K is the sum over it of <g_t, W_t - W_1>,
    minus <g_r + ... + g_s, u - W_1>; its largest value over u a support function of K - W_1 at a
    difference of two prefix sums. Everything is centered at W_1 and summed in float64, so that the
    error of a value is some roundings of the *prefix* sums: of abs(<g, W - W_1>) and of reach times
    norm(g), added up over all rounds before; and that of the support function in the dtype of the
    game.

    Attributes:
        run: The game.
        comparators: K, or another set that u ranges over.
        gradients: g_1, ..., g_T, float64, shape ``(T, ..., p)``.
        inner: <g_t, W_t - W_1>, shape ``(T, ...)``.
    """

    run: Transcript
    comparators: ConvexSet
    gradients: Floats
    inner: Floats
    _recentered: ConvexSet = attrs.field(init=False)
    _gradient_sums: Floats = attrs.field(init=False)
    _inner_sums: Floats = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "_recentered", self.comparators.translate(-self.run.start))
        for name, values in (("_gradient_sums", self.gradients), ("_inner_sums", self.inner)):
            sums = np.zeros((len(values) + 1, *values.shape[1:]))
            np.cumsum(values, axis=0, out=sums[1:])
            set_(self, name, sums)

    def regret(self, first: Any, last: Any) -> Floats:
        """Largest linear regret on the intervals [first, last], rounds from 1.

        Args:
            first: First rounds, integers, shape ``(k,)``.
            last: Last rounds, shape ``(k,)`` or one for all.

        Returns:
            Shape ``(k, ...)``.
        """
        total = self._gradient_sums[last] - self._gradient_sums[np.asarray(first) - 1]
        inner = self._inner_sums[last] - self._inner_sums[np.asarray(first) - 1]
        best: Any = self._recentered.support(as_like(-total, self.run.start))
        value = inner + to_numpy(best)
        if np.isnan(value).any():
            raise NotAvailableError(
                "This game has no regret: a loss, a gradient or a point in it is not finite (see "
                "`violations` of the transcript)."
            )
        return np.asarray(value)

    def maximizer(self, first: int, last: int) -> Array:
        """The u that attains the regret on [first, last], shape ``(..., p)``."""
        total = self._gradient_sums[last] - self._gradient_sums[first - 1]
        return self.comparators.lmo(as_like(total, self.run.start))

    def columns(self) -> Iterator[Floats]:
        """For s = 1..T the regrets on [1, s], ..., [s, s], shape ``(s, ...)``: T^2/2 in all."""
        for s in range(1, len(self.inner) + 1):
            yield self.regret(np.arange(1, s + 1), s)


def played_sums(run: Transcript, comparators: ConvexSet | None = None) -> PlayedSums:
    """The sums of a game.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.
        comparators: The set that u ranges over; default the decision set.

    Raises:
        NotKeptError: The losses were not kept.
        NotAvailableError: No round was played.
    """
    gradients = [to_numpy(gradient) for _, gradient in played_points(run)]
    if not gradients:
        raise NotAvailableError("No round was played: there is no regret.")
    shape = tuple(run.start.shape)
    return PlayedSums(
        run,
        run.decision_set if comparators is None else comparators,
        np.stack([np.broadcast_to(gradient, shape) for gradient in gradients]),
        run.inner,
    )
