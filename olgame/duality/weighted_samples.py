"""Played inputs with weights: what F(u) = sum_j omega_j l(f(u, x_j), y_j) runs over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.losses.check_fit import check_fit
from olgame.losses.loss import Loss
from olgame.models.model import Model

__all__ = ["WeightedSamples", "weighted_samples"]

_SUM_TOLERANCE = 1e-9


@attrs.frozen(eq=False)
class WeightedSamples:
    """N inputs in blocks (rounds), which are neither stacked nor copied.

    Attributes:
        blocks: Arrays of shape ``(n, d)`` as they were given.
        y: Labels, shape ``(N,)``, float64.
        weights: omega >= 0 with sum 1 to rounding, shape ``(N,)``, float64.
        dim: d.
    """

    blocks: tuple[Any, ...]
    y: NDArray[np.float64]
    weights: NDArray[np.float64]
    dim: int

    @property
    def per_round(self) -> int:
        """n, the samples of a round."""
        return int(self.blocks[0].shape[0])

    def centers(self) -> NDArray[np.float64]:
        """The mean over the rounds of every sample's inputs, shape ``(n, d)``."""
        total = np.zeros((self.per_round, self.dim))
        for block in self.blocks:
            total += to_numpy(block)
        return total / len(self.blocks)

    def thinned(self, most: int) -> tuple[WeightedSamples, NDArray[np.int64]]:
        """At most ``most`` of the rounds, evenly spread over those of positive weight.

        Returns:
            (the samples, with weights of sum 1 again; where they stood).
        """
        share = self.weights.reshape(len(self.blocks), -1).sum(axis=1)
        played = np.flatnonzero(share)
        at = (np.arange(most) + 0.5) * (len(played) / most)
        rounds = played[np.unique(np.minimum(at.astype(np.int64), len(played) - 1))]
        kept = (rounds[:, None] * self.per_round + np.arange(self.per_round)).reshape(-1)
        weights = self.weights[kept]
        blocks = tuple(self.blocks[int(t)] for t in rounds)
        return attrs.evolve(
            self, blocks=blocks, y=self.y[kept], weights=weights / weights.sum()
        ), kept

    def chunks(self, rows: int) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """At most ``rows`` inputs at a time as float64 NumPy; blocks of weight 0 are left out.

        Yields:
            (where they stand in the order of ``y``, inputs of shape ``(<= rows, d)``).

        Raises:
            DataError: An input is not finite.
        """
        for where, block in self.pieces(rows):
            x = to_numpy(block).reshape(-1, self.dim)
            if not np.isfinite(x).all():
                raise DataError("`gap(x=...)` must be finite, got nan or inf in the inputs.")
            yield where, x

    def pieces(self, rows: int) -> Iterator[tuple[slice, Any]]:
        """As `chunks`, in the library and dtype that the inputs were given in."""
        start = 0
        for block in self.blocks:
            for i in range(0, block.shape[0], rows):
                piece = block[i : i + rows]
                where = slice(start + i, start + i + piece.shape[0])
                if self.weights[where].any():
                    yield where, piece
            start += block.shape[0]


def weighted_samples(
    x: Any, y: Any, weights: Any, model: Model, loss: Loss, owner: str
) -> WeightedSamples:
    """Check and arrange inputs, labels and weights.

    Args:
        x: Inputs of shape ``(N, d)``; or rounds: a sequence of T arrays ``(n, d)`` (or one array
            ``(T, n, d)``), round after round the same n samples in the same order.
        y: Labels, shape ``(N,)``; for rounds ``(n,)`` or ``(T, n)``.
        weights: omega >= 0 with sum 1, shape ``(N,)``; for rounds ``(T, n)``, every sample's
            weights with sum 1/n, or ``(T,)``, a round's weight shared by its samples. None: equal.
            Sums off by up to 1e-9 are accepted, and the weights divided by them.
        model: Has the length d of an input, and the outputs that the loss needs.
        loss: Judges the labels.
        owner: The function named in messages.

    Returns:
        `WeightedSamples` in the order round by round.

    Raises:
        ShapeError: The shapes do not fit.
        ArgumentError: The weights are negative, not finite or have the wrong sums, or the loss
            needs other outputs than the model has.
        DataError: No samples, or labels without meaning for ``loss``.
    """
    dim = model.dim
    is_rounds = not hasattr(x, "ndim") or x.ndim == 3
    blocks = (
        tuple(_block(b, dim, owner) for b in _listed(x, owner))
        if is_rounds
        else (_block(x, dim, owner),)
    )
    if not blocks or min(b.shape[0] for b in blocks) == 0:
        raise DataError(f"`{owner}(x=...)` must hold at least one input in every round.")
    n = int(blocks[0].shape[0])
    if any(b.shape[0] != n for b in blocks):
        raise ShapeError(f"`{owner}(x=...)` must have the same {n} samples in every round.")
    shape = (len(blocks), n)

    labels = to_numpy(y)
    if labels.shape not in ({(n,), shape} if is_rounds else {(n,)}):
        raise ShapeError(f"`{owner}(y=...)` must have shape {(n,)}, got {labels.shape}.")
    labels = np.ascontiguousarray(np.broadcast_to(labels, shape)).reshape(-1)
    check_fit(loss, model, labels, owner)

    omega = np.full(shape, 1.0 / (n * len(blocks))) if weights is None else to_numpy(weights)
    if is_rounds and omega.shape == (len(blocks),):
        omega = np.repeat(omega[:, None] / n, n, axis=1)
    if omega.shape not in ({shape} if is_rounds else {shape, (n,)}):
        wanted = f"{shape} or {shape[:1]}" if is_rounds else f"{(n,)}"
        raise ShapeError(f"`{owner}(weights=...)` must have shape {wanted}, got {omega.shape}.")
    omega = omega.reshape(shape)
    if not (np.isfinite(omega).all() and (omega >= 0).all()):
        raise ArgumentError(f"`{owner}(weights=...)` must be finite and non-negative.")
    if abs(omega.sum() - 1) > _SUM_TOLERANCE:
        raise ArgumentError(f"`{owner}(weights=...)` must have sum 1, got {omega.sum()!r}.")
    if is_rounds and np.abs(n * omega.sum(axis=0) - 1).max() > _SUM_TOLERANCE:
        raise ArgumentError(
            f"`{owner}(weights=...)` must have sum 1/n = {1 / n} over the rounds for every sample: "
            f"only then is F at most the robust loss. Got sums from {omega.sum(axis=0).min()} to "
            f"{omega.sum(axis=0).max()}."
        )
    # F <= L_* needs sums of 1/n: what the tolerance let pass is taken out.
    omega = omega / (n * omega.sum(axis=0) if is_rounds else omega.sum())
    return WeightedSamples(blocks, labels, omega.reshape(-1), dim)


def _listed(x: Any, owner: str) -> Sequence[Any]:
    if hasattr(x, "ndim") or (isinstance(x, Sequence) and not isinstance(x, str | bytes)):
        return x  # type: ignore[no-any-return]  # an array is walked along its first axis
    raise ShapeError(
        f"`{owner}(x=...)` must be an array or a sequence of arrays, one for each round (an "
        f"iterator can be walked only once; make it a list), got {type(x).__name__}."
    )


def _block(x: Any, dim: int, owner: str) -> Any:
    block = x if hasattr(x, "ndim") else to_numpy(x)
    if block.ndim < 2 or int(np.prod(block.shape[1:])) != dim:
        raise ShapeError(
            f"`{owner}(x=...)` must have rounds of shape (n, {dim}), got {tuple(block.shape)}."
        )
    return block.reshape(block.shape[0], dim)
