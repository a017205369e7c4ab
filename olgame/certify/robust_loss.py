"""The robust loss between an attack and a certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.attacks import PGD, BestOf, ModelObjective, Restarts
from olgame.attacks.attack import Attack
from olgame.certify.bracket import Bracket, PerSample
from olgame.certify.loss_bound import loss_bound
from olgame.exceptions import ArgumentError, DataError, NotAvailableError, ShapeError
from olgame.losses import logistic
from olgame.losses.loss import Loss
from olgame.models.model import HasTwoLayers, Model, TwoLayerWeights
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.randomness import check_seed, generator
from olgame.results import Certified
from olgame.typing import Array
from olgame.validation import require

__all__ = ["robust_loss"]

_CHUNK_ENTRIES = 2**22


def robust_loss(
    model: Model,
    w: Array,
    x: Array,
    y: Array,
    loss: Loss,
    perturbation_set: PerturbationSet,
    *,
    attack: Attack | None = None,
    candidates: Sequence[Array] = (),
    seed: int = 0,
    excess: float = 0.0,
) -> Bracket:
    r"""Bracket L_*(w) = (1/n) sum_i max over x' in B(x_i) of l(f(w, x'), y_i).

    Below: per sample the largest loss over the clean input, the attack, the ``candidates`` and
    the maximizer that the certificate suggests. Each is a point of B(x), so the mean of these
    maxima is a lower bound, whatever the attack is worth.

    Above, for a model with two layers: `loss_bound`, a quadratic relaxation maximized by weak
    duality (l2: exactly; linf: semidefinite), in float64 with a rounding slack. It certifies the
    ball around x; a box or sphere in ``perturbation_set`` only removes points of it. For any
    other model there is no certificate and ``upper`` is None.

    The two-layer model is evaluated in float64 from its weights, float32 weights converted
    exactly: both ends speak of the same real function. Inputs computed in float32 overshoot B(x)
    by rounding: what is measured of that (and ``excess``, if more) enlarges the certified radius.

    Args:
        model: f; deterministic.
        w: weights, shape ``(p,)``.
        x: clean inputs, shape ``(n, d)``.
        y: labels, shape ``(n,)``.
        loss: l.
        perturbation_set: B(x).
        attack: for the lower end; None for PGD from the clean input and two random starts.
        candidates: played inputs, each of shape ``(n, d)`` and in B(x).
        seed: of the attack.
        excess: how far outside B(x), in its norm, played inputs may lie.

    Returns:
        The bracket; both ends also per sample.

    Raises:
        NotAvailableError: the model is not deterministic, or its two-layer structure does not
            reproduce its output.
        ArgumentError: inputs outside B(x), by sample and amount; a negative ``excess``.
        DataError, ShapeError: empty, not finite or misshapen data.

    Example:
        >>> from olgame.losses import hinge
        >>> from olgame.models import TwoLayerNet
        >>> from olgame.perturbations import l2
        >>> model = TwoLayerNet(dim=2, width=8, activation="softplus", seed=0, paired=False)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> bracket = robust_loss(model, model.start, x, y, hinge, l2(0.1))
        >>> bracket.clean < bracket.lower.value <= bracket.upper.value < bracket.lower.value + 1e-3
        True

    References:
        singla2020, zhang2018crown.
    """
    check_seed(seed, "robust_loss")
    require(math.isfinite(excess) and excess >= 0, "robust_loss", "excess", "be >= 0", excess)
    if not model.deterministic:
        raise NotAvailableError(
            "`robust_loss(model=...)` must be deterministic (no dropout, no batch statistics): "
            f"{model.name} gives no loss that could be bracketed. Switch to evaluation mode."
        )
    x, y = _data(w, x, y)
    loss.check_labels(y)
    layers = _exact_layers(model, w, x)
    seen = _Seen(model, w, x, y, loss, perturbation_set, layers, excess)
    clean = seen.best
    if attack is None:
        # Random starts matter where the clean input is a critical point.
        attack = BestOf(PGD(steps=20), Restarts(PGD(steps=20, random_start=True), 2))
    climb = logistic if loss.of_margin else None
    objective = ModelObjective(model, w, y, loss, climb=climb)
    found = attack(objective, x, perturbation_set, generator(seed, "robust_loss"))
    seen.add(found.x, "attack")
    for candidate in candidates:
        seen.add(as_like(candidate, w), "candidates")
    upper = None
    method = "attack only, no certificate"
    if layers is not None:
        upper = seen.certify(layers)
        name = "trust-region" if perturbation_set.norm == "l2" else "semidefinite box"
        method = f"attack below, {name} bound of the two-layer {layers.activation.name} net above"
    lower = seen.best
    return Bracket(
        lower=Certified(_mean(lower), "lower", "inputs found in B(x)"),
        upper=None if upper is None else Certified(_mean(upper), "upper", method),
        per_sample=PerSample(lower, upper),
        clean=_mean(clean),
        method=method,
    )


@attrs.define(eq=False)
class _Seen:
    """The largest loss per sample over the inputs seen, and how far they were outside B(x)."""

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


def _data(w: Array, x: Any, y: Any) -> tuple[Array, Array]:
    """``x`` and ``y`` like ``w``, checked."""
    if w.ndim != 1:
        raise ShapeError(f"`robust_loss(w=...)` must have shape (p,), got {tuple(w.shape)}.")
    x, y = as_like(x, w), as_like(y, w)
    if x.ndim != 2 or tuple(y.shape) != (x.shape[0],):
        raise ShapeError(
            "`robust_loss(x=..., y=...)` must have shapes (n, d) and (n,), got "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    if x.shape[0] == 0:
        raise DataError("`robust_loss(x=...)` must have at least one sample, got none.")
    xp = kernels(w).xp
    for name, values in (("w", w), ("x", x), ("y", y)):
        if not bool(xp.all(xp.isfinite(values))):
            raise DataError(f"`robust_loss({name}=...)` must be finite, got nan or inf.")
    return x, y


def _double(x: Array) -> Any:
    xp = kernels(x).xp
    return xp.astype(x, xp.float64)


def _exact_layers(model: Model, w: Array, x: Array) -> TwoLayerWeights | None:
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


def _mean(values: NDArray[np.float64]) -> float:
    """The mean, correctly summed: equal samples give equal ends."""
    return math.fsum(values.tolist()) / len(values)
