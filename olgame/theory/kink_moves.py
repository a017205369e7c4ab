"""Where in B(R) a deep ReLU network departs far from its linearization: across its kinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy
from olgame.models.deep_layers import HasDeepLayers
from olgame.models.deep_relu_evaluation import DeepReLUEvaluation
from olgame.models.model import Model
from olgame.typing import Array

__all__ = ["DeepModel", "KinkMove", "kink_move"]

Floats = NDArray[np.float64]


class DeepModel(Model, HasDeepLayers, Protocol):
    """A `Model` with the structure of the deep theorem."""


@attrs.frozen(eq=False)
class KinkMove:
    """A move of all layers across kinks, and what each gains on its own.

    Attributes:
        point: W_0 + the move, shape ``(p,)``; layer h has moved by r_h.
        gains: By how much f - f_lin departs (in the wanted direction, at least) when layer h alone
            moves so and everything above it is linear, shape ``(H,)``. Exact for the last layer.
        crossed: Neurons that are moved toward or across their kinks, shape ``(H,)``.
    """

    point: Array
    gains: Floats
    crossed: NDArray[np.int64]


def kink_move(model: DeepModel, x: Array, sign: int, radii: Sequence[float]) -> KinkMove:
    """A point at which ``sign`` times f - f_lin is large, one rule for every layer.

    In layer h let z = W_0^(h) x^(h-1) and q = df/dx^(h) at W_0. The move delta x^T/norm(x)^2,
    x = x^(h-1), shifts z by delta, has the Frobenius norm norm(delta)/norm(x), and is the shortest
    that does. With everything above linear, f departs from f_lin by

        sum_r q_r (abs(delta_r) - abs(z_r))_+        for delta_r toward the kink of neuron r.

    Only neurons with s q_r > 0 are moved (s = ``sign``). Of a set S of them the best move has
    abs(delta_r) in proportion to abs(q_r), and gains, by Cauchy and Schwarz, with rho = r norm(x),

        rho sqrt(sum_S q_r^2) - sum_S abs(q_r z_r).

    S is a beginning of the order of abs(z_r)/abs(q_r), or of that of abs(z_r) if it gains more.

    **How large [own].** The departure of a layer is at most, for every lambda > 0,

        lambda rho^2/2 + sum over s q_r > 0 of (q_r^2/(2 lambda) - abs(q_r z_r))_+,

    since a neuron's term less lambda delta_r^2/2 is largest at abs(delta_r) = abs(q_r)/lambda. The
    terms that count, abs(z_r)/abs(q_r) < 1/(2 lambda), are a beginning of the first order: for many
    neurons, bound and gain are the same. In the last layer q = a is Gaussian and norm(x)^2 = 2
    (for an input of norm 1): at r = R/sqrt(m) both come to 1.5 (rho/2)^(4/3) c^(1/3) with
    c = m^(3/2) E abs(a)^3/(2 sqrt(pi) norm(x)), which is about **0.645 R^(4/3) m^(-1/6)**. Moving
    the last layer alone stays within B(R), so the supremum of abs(f - f_lin) over B(R) is at least
    that, whatever the depth: the theorem's exponents 4/3 and -1/6 cannot be improved.

    Args:
        model: A deep ReLU network.
        x: One input, shape ``(1, d)``.
        sign: +1 to push f above f_lin, -1 to push it below.
        radii: r_1, ..., r_H, how far the layers move.

    Returns:
        The `KinkMove`: a place to search from, not a bound.
    """
    start = model.start
    at = DeepReLUEvaluation(model.deep_layers(start), x)
    xp = kernels(start).xp
    moves, gains, crossed = [], [], []
    for h, radius in enumerate(radii):
        signal = to_numpy(at.signals[h])[0]
        z = to_numpy(at.layers.hidden[h] @ at.signals[h][0])
        q = sign * to_numpy(at.adjoints[h + 1]).reshape(-1, z.size)[0]
        delta, gain = _shift(z, q, radius * float(np.linalg.norm(signal)))
        gains.append(gain)
        crossed.append(np.count_nonzero(delta))
        column: Any = as_like(delta, start)[:, None]
        row: Any = as_like(signal / max(float(signal @ signal), 1e-300), start)
        moves.append(xp.reshape(column * row, (-1,)))
    point: Array = start + xp.concat(moves)
    return KinkMove(point, np.array(gains), np.array(crossed))


def _shift(z: Floats, q: Floats, length: float) -> tuple[Floats, float]:
    """delta with norm(delta) = length, and the departure that it is good for."""
    useful = np.flatnonzero(q > 0.0)
    height, weight = np.abs(z[useful]), q[useful]
    delta, best = np.zeros_like(z), 0.0
    # With few neurons the second order can be the better one; with many it never matters.
    for order in (np.argsort(height / weight, kind="stable"), np.argsort(height, kind="stable")):
        q_sum, cost = np.cumsum(weight[order] ** 2), np.cumsum((weight * height)[order])
        gained = length * np.sqrt(q_sum) - cost
        if gained.size and gained.max() > best:
            best = float(gained.max())
            chosen = useful[order[: int(gained.argmax()) + 1]]
            delta[:] = 0.0
            delta[chosen] = np.where(z[chosen] > 0.0, -q[chosen], q[chosen])
    size = float(np.linalg.norm(delta))
    if size > 0.0:
        delta *= length / size
    return delta, float((q * np.maximum(np.abs(delta) - np.abs(z), 0.0)).sum())
