"""How far can a two-layer network be from its linearization, within the decision set?"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.activations import relu
from olgame.arrays import to_numpy
from olgame.duality.two_layer_model import TwoLayerModel
from olgame.exceptions import ArgumentError, DataError, NotAvailableError, ShapeError
from olgame.models.model import HasTwoLayers
from olgame.models.output_axis import output_axis
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l2_ball import L2Ball
from olgame.sets.l2_inf_ball import L2InfBall
from olgame.theory.relu_worst_case import relu_worst_case

__all__ = ["WorstCase", "worst_case_linearization"]

_CHUNK = 1 << 22  # entries of one (samples, m) block of pre-activations


@attrs.frozen(eq=False)
class WorstCase:
    """sup over W in the decision set of abs(f(W, x) - f_lin(W, x)), one value per input.

    Of k outputs the largest.

    Attributes:
        values: Shape ``(n,)``, float64.
        side: ``"exact"``: the supremum itself (ReLU); ``"upper"``: a bound on it (smooth sigma).
        method: The formula.
    """

    values: NDArray[np.float64]
    side: Literal["exact", "upper"]
    method: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)


def worst_case_linearization(model: TwoLayerModel, x: Any, decision_set: ConvexSet) -> WorstCase:
    r"""Bound abs(f - f_lin) over a ball around the start, per input.

    ReLU: the exact supremum, `relu_worst_case`, for the Frobenius ball and for the set with one
    ball per neuron.

    Smooth sigma, abs(sigma'') <= C2, t_r = <w_r' - w_r, x>, by Taylor for every neuron:

        abs(f - f_lin) <= m^{-1/2} sum_r (C2/2) t_r^2
          Frobenius ball, sum_r t_r^2 <= R^2 norm(x)^2:     C2 R^2 norm(x)^2 / (2 sqrt(m))
          per neuron,     t_r^2 <= R^2 norm(x)^2:         m C2 R^2 norm(x)^2 / (2 sqrt(m))

    an upper bound (with R = C_0/sqrt(m) per neuron, C2 C_0^2 norm(x)^2/(2 sqrt(m))).

    This is about the worst point of the set. Along a run f is far closer to f_lin, which is why
    the certificates of this library rest on `gap`, not on this.

    Args:
        model: A two-layer network; f_lin is its linearization at ``model.start``.
        x: Inputs, shape ``(n, d)``.
        decision_set: `L2Ball` or `L2InfBall` (rows = width) with ``model.start`` as its center.

    Returns:
        A `WorstCase`; a few inputs at a time are worked on, so that memory stays O(m).

    Raises:
        NotAvailableError: Another model, set or center, no constant C2, or output weights of
            unequal size with ReLU.
        ArgumentError: The bound overflows.
        ShapeError: ``x`` does not have ``model.dim`` columns.
        DataError: ``x`` is empty or not finite.

    Example:
        >>> import olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=400, activation="softplus", seed=0)
        >>> worst = worst_case_linearization(model, [[0.6, 0.8]], model.neighborhood(4.0))
        >>> worst.side, round(float(worst.values[0]), 6)     # (1/4) 4^2 / (2 * 20)
        ('upper', 0.1)

    References:
        gao2019.
    """
    if not isinstance(model, HasTwoLayers):
        raise NotAvailableError(
            "`worst_case_linearization(model=...)` must be a two-layer network, got "
            f"{type(model).__name__} ({getattr(model, 'name', 'without a name')!r}): no bound is "
            "known for other models. Their departure at chosen points is "
            "`model(w, x) - Linearized(model)(w, x)`."
        )
    inputs = _inputs(model, x)
    net = model.two_layer(model.start)
    hidden, output = to_numpy(net.hidden), to_numpy(net.output)
    m = output.shape[0]
    radius, per_neuron = _radius(model, decision_set, m)
    norms = np.linalg.norm(inputs, axis=1)
    if net.activation != relu:
        if net.activation.c2 is None:
            raise NotAvailableError(
                "`worst_case_linearization(model=...)` must have an activation with a bound `c2` "
                f"on sigma'', or `olgame.activations.relu` itself, got {net.activation!r}."
            )
        spread = np.abs(output).sum(axis=0).max() if per_neuron else np.abs(output).max()
        with np.errstate(over="ignore"):
            values = 0.5 * net.activation.c2 * (radius * norms) ** 2 * float(spread)
        if not np.isfinite(values).all():
            raise ArgumentError(
                "`worst_case_linearization(decision_set=...)` must have a radius small enough for "
                f"a bound that is finite in float64, got {radius}."
            )
        return WorstCase(values, "upper", "Taylor's formula with the bound on sigma''")

    scale = np.abs(output)
    if not np.allclose(scale, 1 / np.sqrt(m), rtol=1e-6, atol=0):
        raise NotAvailableError(
            "`worst_case_linearization(model=...)` must have output weights of +-1/sqrt(m) for "
            f"the exact ReLU value, got sizes from {scale.min()} to {scale.max()}."
        )
    rows = max(1, _CHUNK // m)
    signs = np.sign(output_axis(model).lift(output)).T  # a row for each output
    parts = [
        relu_worst_case(
            (inputs[i : i + rows] @ hidden.T)[:, None, :],
            signs,
            radius,
            norms[i : i + rows, None],
            per_neuron=per_neuron,
        ).max(axis=-1)
        for i in range(0, len(inputs), rows)
    ]
    kind = "per-neuron" if per_neuron else "Frobenius"
    return WorstCase(np.concatenate(parts), "exact", f"ReLU, {kind} ball, by sorting")


def _inputs(model: TwoLayerModel, x: Any) -> NDArray[np.float64]:
    inputs = to_numpy(x)
    if inputs.ndim != 2 or inputs.shape[1] != model.dim:
        raise ShapeError(
            f"`worst_case_linearization(x=...)` must have shape (n, {model.dim}), "
            f"got {inputs.shape}."
        )
    if inputs.size == 0 or not np.isfinite(inputs).all():
        raise DataError(
            "`worst_case_linearization(x=...)` must hold at least one input and be finite."
        )
    return inputs


def _radius(model: TwoLayerModel, decision_set: ConvexSet, m: int) -> tuple[float, bool]:
    """Radius of the set and whether every neuron has a ball of its own."""
    per_neuron = isinstance(decision_set, L2InfBall)
    if isinstance(decision_set, L2InfBall) and decision_set.rows != m:
        raise NotAvailableError(
            "`worst_case_linearization(decision_set=...)` must have one row for each of the "
            f"{m} neurons, got rows={decision_set.rows}."
        )
    if not isinstance(decision_set, L2Ball | L2InfBall):
        raise NotAvailableError(
            "`worst_case_linearization(decision_set=...)` must be an `L2Ball` or an `L2InfBall`, "
            f"got {type(decision_set).__name__}."
        )
    center = 0.0 if decision_set.center is None else to_numpy(decision_set.center)
    if not np.array_equal(np.broadcast_to(center, model.start.shape), to_numpy(model.start)):
        raise NotAvailableError(
            "`worst_case_linearization(decision_set=...)` must be centered at `model.start`, "
            "where f_lin is taken: use `model.neighborhood(radius)`."
        )
    return float(decision_set.radius), per_neuron
