"""The inputs that a bracket rests on, and what is certified beyond them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.certify.loss_bound import loss_bound
from olgame.exceptions import ArgumentError, DataError, NotAvailableError, ShapeError
from olgame.losses.loss import Loss
from olgame.models.model import HasTwoLayers, Model, TwoLayerWeights
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["Evidence", "exact_layers"]

_CHUNK_ENTRIES = 2**22


@attrs.define(eq=False)
class Evidence:
    """The largest loss per sample over the inputs seen, and how far they were outside B(x).

    Args:
        model, w, x, y, loss, perturbation_set, excess: as in `olgame.certify.robust_loss`.
        layers: the structure of the model in float64, from `exact_layers`; None without one.

    Attributes:
        outside: largest distance from B(x) so far, shape ``(n,)``.
        best: largest loss so far, shape ``(n,)``.
    """

    model: Model
    w: Array
    x: Array
    y: Array
    loss: Loss
    perturbation_set: PerturbationSet
    layers: TwoLayerWeights | None
    excess: float
    outside: NDArray[np.float64] = attrs.field(init=False)
    best: NDArray[np.float64] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.outside = np.zeros(self.x.shape[0])
        self.best = self._losses(self.x)
        if not np.all(np.isfinite(self.best)):
            bad = int(np.argmin(np.isfinite(self.best)))
            raise DataError(f"`robust_loss`: the clean loss of sample {bad} is not finite.")

    def add(self, points: Array, argument: str) -> None:
        """Take played inputs of shape ``(n, d)`` into account; ``argument`` names them."""
        if tuple(points.shape) != tuple(self.x.shape):
            raise ShapeError(
                f"`robust_loss({argument}=...)` must give inputs of shape {tuple(self.x.shape)}, "
                f"got {tuple(points.shape)}."
            )
        distance = to_numpy(self.perturbation_set.distance(self.x, points))
        allowed = self.excess + self._roundings(64.0)
        wrong = ~(distance <= allowed)
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise ArgumentError(
                f"`robust_loss({argument}=...)` must give inputs in B(x), got sample {i} at "
                f"distance {distance[i]:.3g}. Allow it with `excess=...`, or project it."
            )
        self.outside = np.maximum(self.outside, distance)
        self.best = np.maximum(self.best, self._losses(points))

    def certify(self, layers: TwoLayerWeights) -> NDArray[np.float64]:
        """The certified losses; tries the perturbations that the certificate suggests, too."""
        x, y = _double(self.x), _double(self.y)
        rho = self._radius() + np.maximum(self.outside, self.excess)
        # x' = x + delta is rounded, and so is its distance.
        u = unit_roundoff(x)
        size = np.max(np.abs(to_numpy(self.x)), axis=-1)
        rho = np.where(rho > 0, rho + 4 * u * (rho + size), 0.0)
        radius = as_like(rho, x)
        bound = loss_bound(layers, x, y, self.loss, radius, self.perturbation_set.norm)
        for delta in bound.deltas:
            near: Any = self.perturbation_set.project(self.x, as_like(x + delta, self.x))
            inside = to_numpy(self.perturbation_set.distance(self.x, near)) <= self.outside
            losses = self._losses(near)
            self.best = np.where(inside, np.maximum(self.best, losses), self.best)
        upper = to_numpy(bound.upper)
        # B(x) = {x}: both ends are the one loss, evaluated once.
        return np.where(rho > 0, upper, self.best)

    def _losses(self, points: Array) -> NDArray[np.float64]:
        if self.layers is None:
            return to_numpy(self.loss.value(self.model(self.w, points), self.y))
        z = _outputs(self.layers, _double(points))
        return to_numpy(self.loss.value(z, _double(self.y)))

    def _radius(self) -> NDArray[np.float64]:
        return np.broadcast_to(to_numpy(self.perturbation_set.radius), self.outside.shape)

    def _roundings(self, number: float) -> NDArray[np.float64]:
        """``number`` roundings of an input of B(x) in its own dtype, per sample."""
        rho = self._radius()
        size = np.max(np.abs(to_numpy(self.x)), axis=-1) + rho
        return np.where(rho > 0, number * unit_roundoff(self.x) * size, 0.0)


def _double(x: Array) -> Any:
    xp = kernels(x).xp
    return xp.astype(x, xp.float64)


def exact_layers(model: Model, w: Array, x: Array) -> TwoLayerWeights | None:
    """The structure in float64, once it is seen to reproduce the model; None without one."""
    if not isinstance(model, HasTwoLayers):
        return None
    hidden, output, activation = model.two_layer(w)
    layers = TwoLayerWeights(_double(hidden), _double(output), activation)
    xp = kernels(x).xp
    some: Any = x[:8]
    z, own = _outputs(layers, _double(some)), _double(model(w, some))
    reach = xp.matmul(xp.abs(_double(some)), xp.linalg.matrix_transpose(xp.abs(layers.hidden)))
    at_zero: Any = xp.abs(activation.value(xp.zeros_like(layers.output)))
    terms = xp.sum(xp.abs(layers.output) * (at_zero + activation.c1 * reach), axis=-1)
    allowed = unit_roundoff(x) * (sum(hidden.shape) + 64) * terms
    if not bool(xp.all(xp.abs(z - own) <= allowed)):
        raise NotAvailableError(
            f"`robust_loss(model=...)`: `two_layer(w)` of {model.name} does not reproduce its "
            "output, so nothing can be certified from it."
        )
    return layers


def _outputs(layers: TwoLayerWeights, x: Any) -> Any:
    """f at ``x``, shape ``(n,)``, a few samples at a time."""
    hidden, output, activation = layers
    xp = kernels(x).xp
    rows = xp.linalg.matrix_transpose(hidden)
    chunk = max(1, _CHUNK_ENTRIES // hidden.shape[0])
    parts = [
        xp.sum(output * activation.value(xp.matmul(x[i : i + chunk], rows)), axis=-1)
        for i in range(0, x.shape[0], chunk)
    ]
    return xp.concat(parts)
