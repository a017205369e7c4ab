"""How far the losses and gradients on record may be from those of the network, by rounding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy, unit_roundoff
from olgame.losses.largest_slope import largest_slope
from olgame.models import Linearized, LinearModel
from olgame.models.model import HasTwoLayers
from olgame.models.output_axis import output_axis
from olgame.transcript import Transcript

__all__ = ["PlayedRounding", "played_rounding"]

Floats = NDArray[np.float64]

LARGEST_GRAM = 1024
"""Up to this many rows or columns a spectral norm is computed; beyond, the Frobenius norm serves.
"""


class PlayedRounding(NamedTuple):
    """Bounds on errors of what was recorded, per round, shape ``(T,)``.

    Attributes:
        loss: of l_t(W_t); inf where the loss has neither a Lipschitz constant nor a smoothness.
        gradient: of norm(g_t).
        operations: terms in the longest sums, for what is computed from these.
    """

    loss: Floats
    gradient: Floats
    operations: int


class _Sizes(NamedTuple):
    """Absolute sums behind one output, per round: what cancels in it does not cancel here."""

    output: Floats
    gradient: Floats
    operations: int


def played_rounding(run: Transcript) -> PlayedRounding:
    r"""First-order error bounds with u half the machine precision of the game.

    For f(W, x) = sum_r b_r sigma(z_r), z_r = <w_r, x>, norm(x) <= X, F = norm(W):

        abs error of z_r <= (d + 8) u norm(w_r) X,    of a sum of m terms s_r <= (m + 8) u sum s_r,
        sum_r abs(b_r sigma(z_r)) <= abs(sigma(0)) sum abs(b_r) + C1 norm(b) norm(W) X   (spectral),
        sum_r abs(b_r) C1 norm(w_r) X <= C1 norm(b) F X.

    Losses move by at most L times the error of the outputs, plus n + 8 roundoffs of their mean.
    Row r of a gradient is a sum of n terms l'_i b_r sigma'(z_ri) x_i / n: n + m + d + 16 roundoffs
    of L C1 norm(b) X, and sigma' off by C2 times the error of z_r. That the slopes l'_i are taken
    at the computed outputs costs nothing more: l(z') >= l(z~) + l'(z~)(z' - z~), and the error of
    z~ is in that of the losses.

    Of k outputs the bounds are those of the worst one, with b_r the largest of its k weights and L
    the largest norm1 of a slope; inner products of k terms add as many roundoffs.

    For a linear model f = <w, x> the sums are norm(w) X; a linearized network has its network's,
    with C2 for its derivatives too; of other models nothing is known but their length.

    Args:
        run: A single game on a network, of one round at least, whose input norms are known.

    Returns:
        The bounds.
    """
    adversary: Any = run.adversary
    loss, n = adversary.loss, int(adversary.y.shape[-1])
    unit = unit_roundoff(run.start) / 2.0
    sizes = _sizes(run, n)
    noise = unit * sizes.output
    classes = getattr(adversary.model, "classes", None)
    outputs = classes or 1
    steepest = largest_slope(loss, classes)
    if steepest is not None:
        slope, bend = np.full(run.rounds, float(steepest)), 0.0
    elif loss.smoothness is not None:
        # l >= 0 with a b-Lipschitz derivative: l'^2 <= 2 b l, and means of squares are larger.
        # Both are Euclidean: norm1^2 <= k norm2^2, and errors e of all outputs have norm2 sqrt k e.
        bend = outputs * float(loss.smoothness)
        slope = np.sqrt(2.0 * bend * np.abs(run.loss))
    else:
        slope, bend = np.full(run.rounds, np.inf), 0.0
    own = (n + 8 + outputs) * unit * (np.abs(run.loss) + 1.0)
    return PlayedRounding(
        loss=slope * noise + bend * noise**2 + own,
        gradient=unit * slope * sizes.gradient,
        operations=n + sizes.operations,
    )


def _sizes(run: Transcript, n: int) -> _Sizes:
    """Operations times absolute sums, per round."""
    adversary: Any = run.adversary
    model = adversary.model
    x = np.nan_to_num(run.input_norm, nan=0.0)
    twin = isinstance(model, Linearized)
    network = model.model if twin else model
    if isinstance(network, HasTwoLayers):
        structure = network.two_layer(run.start)
        lifted = output_axis(network).lift(np.abs(to_numpy(structure.output)))
        hidden, b, more = to_numpy(structure.hidden), lifted.max(axis=-1), lifted.shape[-1] - 1
        sigma, (m, d) = structure.activation, hidden.shape
        m += more  # the terms of <l'_i, b_r>, added to a number of operations
        at_zero = abs(float(sigma.value(np.zeros(1))[0]))
        length = float(np.linalg.norm(b)) * sigma.c1
        flat = float(np.linalg.norm(hidden)) + run.distance
        tall = _spectral_norm(hidden) + run.distance
        bend = (d + 8) * (sigma.c2 or 0.0) * float(b.max()) * flat * x**2
        output = (m + 9) * (at_zero * float(b.sum()) + length * tall * x) + 8.0
        output = output + (d + 8) * length * flat * x
        if twin:
            output = output + (m + d + 8) * length * run.distance * x + bend * run.distance
        return _Sizes(output, (n + m + d + 16) * length * x + bend, m + d)
    p = int(run.start.shape[-1])
    if isinstance(network, LinearModel):
        norm = float(np.linalg.norm(to_numpy(run.start))) + run.distance
        return _Sizes((p + 8) * norm * x + 8.0, (n + 8) * x, p)
    return _Sizes(np.full(run.rounds, 8.0), np.zeros(run.rounds), p)


def _spectral_norm(matrix: Floats) -> float:
    """An upper bound on the spectral norm, tight for matrices that are not square and huge."""
    whole = float(np.linalg.norm(matrix))
    if min(matrix.shape) > LARGEST_GRAM:
        return whole
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    largest = max(float(np.linalg.eigvalsh(gram)[-1]), 0.0) ** 0.5
    return float(min(whole, largest * (1.0 + 1e-6) + 1e-9 * whole))
