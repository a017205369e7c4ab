"""The inputs that a bracket rests on, and what is certified beyond them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.certify.loss_bound import loss_bound
from olgame.certify.rounding import detached, loss_below, output_slack, widest
from olgame.exceptions import ArgumentError, DataError, NotAvailableError, ShapeError
from olgame.losses.loss import Loss
from olgame.models.model import HasTwoLayers, Model, TwoLayerWeights
from olgame.models.output_axis import OutputAxis, output_axis
from olgame.perturbations.cap_perturbation import CapPerturbation
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.sets.norms import norm as norm_2
from olgame.typing import Array

__all__ = ["Evidence", "exact_layers"]

_CHUNK_ENTRIES = 2**22


@attrs.define(eq=False)
class Evidence:
    """The largest loss per sample over points of B(x), and how far what was played is outside.

    A point handed in is first moved to the nearest one of B(x), in float64, which makes a loss of
    B(x) out of inputs that are outside by the rounding of their dtype, or by ``excess``. That
    point is itself off by a rounding e, which moves f by at most
    ``e C1 sum_k abs(c_k) dualnorm(w_k)``: this and the rounding of f are taken off its loss.
    Without layers there are no such constants, and the loss is what the model computed.

    Args:
        model, w, x, y, loss, perturbation_set, excess: as in `olgame.certify.robust_loss`.
        layers: the structure of the model in float64, from `exact_layers`; None without one.

    Attributes:
        clean: computed loss of the clean inputs, shape ``(n,)``.
        lower: at most the largest loss of B(x), shape ``(n,)``.
        outside: largest distance of a point handed in from B(x), shape ``(n,)``.
        enlargement: what `certify` added to the radius, shape ``(n,)``.
    """

    model: Model
    w: Array
    x: Array
    y: Array
    loss: Loss
    perturbation_set: PerturbationSet
    layers: TwoLayerWeights | None
    excess: float
    clean: NDArray[np.float64] = attrs.field(init=False)
    lower: NDArray[np.float64] = attrs.field(init=False)
    outside: NDArray[np.float64] = attrs.field(init=False)
    enlargement: NDArray[np.float64] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.outside, self.enlargement = np.zeros(self.x.shape[0]), np.zeros(self.x.shape[0])
        self.clean = self._losses(self.x)
        if not np.all(np.isfinite(self.clean)):
            bad = int(np.argmin(np.isfinite(self.clean)))
            raise DataError(f"`robust_loss`: the clean loss of sample {bad} is not finite.")
        self.lower = np.full(self.x.shape[0], -np.inf)
        self.add(self.x, "x")

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
        self._raise_lower(points)

    def certify(
        self,
        layers: TwoLayerWeights,
        branches: int = 0,
        tolerance: float = 0.0,
        steps: int | None = None,
    ) -> NDArray[np.float64]:
        """The certified losses; tries the perturbations that the certificate suggests, too.

        Inputs that were played outside B(x) by ``enlargement`` are off the sphere of a cap by no
        more than that.
        """
        x, y = _double(self.x), _double(self.y)
        radius = self._radius()
        rho = radius + np.maximum(self.outside, self.excess)
        # x' = x + delta is rounded, and so is its distance.
        u = unit_roundoff(self.x)
        size = np.max(np.abs(to_numpy(self.x)), axis=-1)
        rho = np.where(rho > 0, rho + 4 * u * (rho + size), 0.0)
        self.enlargement = rho - radius
        curved = isinstance(self.perturbation_set, CapPerturbation)
        bound = loss_bound(
            layers, x, y, self.loss, as_like(rho, x), self.perturbation_set.norm,
            sphere=as_like(self.enlargement, x) if curved else None,
            branches=branches, tolerance=tolerance, seen=as_like(self.lower, x), steps=steps,
        )  # fmt: skip
        for delta in bound.deltas:
            self._raise_lower(x + delta)
        return to_numpy(bound.upper)

    @np.errstate(all="ignore")
    def _raise_lower(self, points: Array) -> None:
        if self.layers is None:
            near = self.perturbation_set.project(self.x, points)
            self.lower = np.maximum(self.lower, self._losses(near))
            return
        x, y = _double(self.x), _double(self.y)
        inside = self.perturbation_set.project(x, _double(points))
        z = self._outputs(inside)
        slack = self._slack(self.layers, inside, as_like(self._off(x, inside), x))
        self.lower = np.maximum(self.lower, to_numpy(loss_below(self.loss, z, y, slack)))

    def _off(self, x: Any, inside: Any) -> NDArray[np.float64]:
        """How far ``inside`` may be from B(x): measured, and what rounding hides of it."""
        xp = kernels(x).xp
        size: Any = norm_2(x) + as_like(self._radius(), x)
        hidden = 2 * (x.shape[-1] + 8) * unit_roundoff(x) * size
        moved = xp.any(inside != x, axis=-1)
        measured: Any = self.perturbation_set.distance(x, inside)
        return to_numpy(measured + xp.where(moved, hidden, 0.0))

    def _slack(self, layers: TwoLayerWeights, points: Any, off: Any) -> Any:
        """How far f, computed at ``points``, may be from f at a point of B(x) within ``off``.

        For k classes, how far each of the outputs may be.
        """
        layers = widest(layers)
        hidden, output, activation = layers
        xp = kernels(points).xp
        rows: Any = norm_2(hidden)
        l2 = self.perturbation_set.norm == "l2"
        dual: Any = rows if l2 else xp.sum(xp.abs(hidden), axis=-1)
        lipschitz = activation.c1 * xp.sum(xp.abs(output) * dual) * (1 + 1e-9)
        lengths: Any = norm_2(points)
        return output_slack(layers, rows, lengths) + lipschitz * off

    def _losses(self, points: Array) -> NDArray[np.float64]:
        if self.layers is None:
            return to_numpy(self.loss.value(self.model(self.w, points), self.y))
        z = self._outputs(_double(points))
        return to_numpy(self.loss.value(z, _double(self.y)))

    def _outputs(self, points: Any) -> Any:
        assert self.layers is not None  # asked where there are layers
        return layer_outputs(self.layers, points, output_axis(self.model))

    def _radius(self) -> NDArray[np.float64]:
        return to_numpy(self.perturbation_set.radius) + np.zeros(self.outside.shape)

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
    layers = TwoLayerWeights(_double(detached(hidden)), _double(detached(output)), activation)
    xp, axis = kernels(x).xp, output_axis(model)
    some: Any = x[:8]
    z, own = layer_outputs(layers, _double(some), axis), _double(model(w, some))
    reach = xp.matmul(xp.abs(_double(some)), xp.linalg.matrix_transpose(xp.abs(layers.hidden)))
    largest: Any = xp.abs(widest(layers).output)
    at_zero: Any = xp.abs(activation.value(xp.zeros_like(largest)))
    terms = xp.sum(largest * (at_zero + activation.c1 * reach), axis=-1)
    allowed = unit_roundoff(x) * (sum(hidden.shape) + 64) * terms
    if not bool(xp.all(axis.lift(xp.abs(z - own)) <= allowed[:, None])):
        raise NotAvailableError(
            f"`robust_loss(model=...)`: `two_layer(w)` of {model.name} does not reproduce its "
            "output, so nothing can be certified from it."
        )
    return layers


def layer_outputs(layers: TwoLayerWeights, x: Any, axis: OutputAxis) -> Any:
    """f at ``x``, shape ``(n,)`` or ``(n, k)``, a few samples at a time."""
    hidden, output, activation = layers
    xp = kernels(x).xp
    rows = xp.linalg.matrix_transpose(hidden)
    chunk = max(1, _CHUNK_ENTRIES // hidden.shape[0])
    parts = [
        axis.weigh(activation.value(xp.matmul(x[i : i + chunk], rows)), output)
        for i in range(0, x.shape[0], chunk)
    ]
    return xp.concat(parts)
