"""The worst case of the linearization error over a set, from pre-activations alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.activations import get_activation, relu
from olgame.arrays import to_numpy
from olgame.models.two_layer_start import two_layer_start
from olgame.sets import L2Ball, L2InfBall
from olgame.theory import attained_linearization, relu_worst_case, worst_case_linearization

__all__ = ["SETS", "attained_at", "drawn_worst_case", "network_seed", "set_of", "theory_line"]

SETS = ("frobenius", "per-neuron")
"""B(R), and in it the set in which every neuron can move by R/sqrt(m)."""

Floats = NDArray[np.float64]


def network_seed(seed: int, width: int) -> int:
    """A seed of its own for each network, so that no two widths share a weight."""
    return (seed << 32) + width


def set_of(model: Any, name: str, radius: float) -> L2Ball | L2InfBall:
    """One of `SETS` around the start of a two-layer network."""
    if name == "frobenius":
        ball: L2Ball = model.neighborhood(radius)
        return ball
    return L2InfBall(radius / model.width**0.5, model.width, model.start)


def theory_line(activation: str, name: str, radius: float) -> tuple[float, float]:
    """(c, b) of the worst case c m^b at norm(x) = 1: of ReLU for large m, else an upper bound."""
    if activation != "relu":
        c2 = get_activation(activation).c2 or np.nan
        return 0.5 * c2 * radius**2, -0.5
    density = 1.0 / np.sqrt(2.0 * np.pi)
    if name == "frobenius":
        return float(0.75 * (0.5 * density) ** (1 / 3) * radius ** (4 / 3)), -1 / 6
    return float(0.5 * density * radius**2), -0.5


def drawn_worst_case(
    activation: str, name: str, width: int, seed: int, radius: float
) -> dict[str, Any]:
    """The worst case at one input with norm(x) = 1 of a freshly drawn paired network.

    Of a weight matrix only z = W x counts, m independent normal numbers (each of them twice in a
    paired start). They are drawn as the start of a network with inputs of length 1, so that no
    matrix is needed, whatever the length of x.

    Returns:
        ``lower`` and ``upper``, attained and proved; both the supremum itself for ReLU, which is
        exact for the draw.
    """
    hidden, signs = two_layer_start(1, width, network_seed(seed, width))
    per_neuron = name == "per-neuron"
    own = radius / width**0.5 if per_neuron else radius
    z, sigma = hidden[:, 0], get_activation(activation)
    if sigma == relu:
        exact = float(relu_worst_case(z, signs, own, 1.0, per_neuron=per_neuron))
        return {"lower": exact, "upper": exact}
    factor, exponent = theory_line(activation, name, radius)
    found = attained_linearization(z, signs, sigma, own, per_neuron=per_neuron)
    return {"lower": found, "upper": factor * width**exponent}


def attained_at(model: Any, x: Any, decision_set: L2Ball | L2InfBall) -> Floats:
    """What is attained of the worst case, at every input of a network that is there, ``(n,)``."""
    upper = worst_case_linearization(model, x, decision_set)
    if upper.side == "exact":
        return upper.values
    net = model.two_layer(model.start)
    inputs, hidden, signs = to_numpy(x), to_numpy(net.hidden), np.sign(to_numpy(net.output))
    per_neuron, radius = isinstance(decision_set, L2InfBall), decision_set.radius
    found = [
        attained_linearization(
            hidden @ row, signs, net.activation, radius, float(np.linalg.norm(row)),
            per_neuron=per_neuron,
        )
        for row in inputs
    ]  # fmt: skip
    return np.array(found)
