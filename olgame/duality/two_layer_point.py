"""A two-layer network at one point of K, with the rounding errors of what it computes."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.activations import Activation
from olgame.arrays import to_numpy
from olgame.duality.quadratic_minorant import Drop
from olgame.duality.two_layer_model import TwoLayerModel
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import ArgumentError, ShapeError
from olgame.models.output_axis import OutputAxis, output_axis

__all__ = ["TwoLayerPoint", "two_layer_point"]

_UNIT = float(np.finfo(np.float64).eps)
_ENTRIES = 1 << 18  # numbers in one block of temporaries (2 MB: they stay in the cache)
_PULL_BACK = 1e-6  # how far, relative to R_h, a point may be outside its ball by rounding

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class TwoLayerPoint:
    """f(u, x) = sum_r b_r sigma(<u_r, x>) at u0 = W_0 + delta.

    Attributes:
        hidden: u0, shape ``(m, d)``.
        output: b, shape ``(m,)`` or ``(m, k)``: a_r / sqrt(m) in the theorems, any numbers here.
        displacement: delta, shape ``(m, d)``.
        activation: sigma.
        axis: One output or k.
    """

    hidden: Floats
    output: Floats
    displacement: Floats
    activation: Activation
    axis: OutputAxis

    @property
    def rows(self) -> int:
        """Inputs in one chunk."""
        return max(1, _ENTRIES // len(self.output))

    @property
    def sizes(self) -> Floats:
        """The largest abs(b_rj) of every neuron, shape ``(m,)``."""
        return np.asarray(np.abs(self.axis.lift(self.output)).max(axis=-1))

    @property
    def terms(self) -> int:
        """k - 1: further terms in <p_j, b_r>, of which there is one for one output."""
        return int(self.axis.lift(self.output).shape[-1]) - 1

    def directions(self) -> tuple[Floats, NDArray[np.intp]]:
        """(s, i) with b_r = sizes_r s[i_r]: the different directions of output weights.

        For one output, +1 and -1.
        """
        sizes = self.sizes
        units = self.axis.lift(self.output) / np.where(sizes > 0, sizes, 1.0)[:, None]
        found, of_row = np.unique(units, axis=0, return_inverse=True)
        return found, of_row.reshape(-1)

    def gradient(self, samples: WeightedSamples, slopes: Floats) -> Floats:
        """sum_j omega_j p_j grad f(u0, x_j), shape ``(m, d)``."""
        g = np.zeros_like(self.hidden)
        for where, x in samples.chunks(self.rows):
            derivative = np.asarray(self.activation.derivative(x @ self.hidden.T))
            pulled = self.axis.scaled(samples.weights[where], slopes[where])
            g += (derivative * self.axis.spread(pulled, self.output)).T @ x
        return g

    def rounding(
        self,
        samples: WeightedSamples,
        f: Floats,
        noise: Floats,
        p: Floats,
        summed: Floats,
        conjugate: Floats,
        radius: float,
        lost: float,
        drop: Drop,
    ) -> float:
        """A bound on the error of Phi - Gamma by float64 arithmetic; first order in the roundoff.

        * outputs: ``noise``, pre-activations included: sigma is C1-Lipschitz, so an error of z is
          an error of the value there, for every u. Values and slopes may come from two different
          z, each off by its own rounding; value lost and slope of one kink may not;
        * weights: their sums are off by N roundoffs, which is a relative error of every term;
        * sums of N terms (of <p, b_r> with k): as many roundoffs of the absolute terms, which for g
          are those of ``summed``, the norm1 of all the slopes that were added up. An error e of g
          moves <g, v> by at most 2 R norm(e), as norm(v) <= 2 R with R^2 = sum_h R_h^2; an error e
          of delta shifts the set, which moves the minimum of the network part by at most
          C1 norm(b) sum omega abs(p) norm(x) norm(e);
        * rotation into eigenbases and g + 2 mu delta: d + 8 roundoffs of the norms, as errors
          of g, ball by ball.
        """
        omega, (count, d) = samples.weights, (len(f), self.hidden.shape[1])
        pull, summed = omega * self.axis.size(p), omega * summed
        moment = 0.0
        for where, x in samples.chunks(self.rows):
            moment += float(summed[where] @ np.linalg.norm(x, axis=1))
        lipschitz = self.activation.c1 * float(np.linalg.norm(self.sizes)) * moment
        terms = 2 * (count + 8 + self.terms)
        values = float(pull @ noise) + _UNIT * terms * float(
            omega @ (self.axis.size(p * f) + np.abs(conjugate)) + lost
        )
        gradient = lipschitz * (2 * radius * terms + float(np.linalg.norm(self.hidden)))
        multiplier = (d + 8) * drop.pull
        arithmetic = 64 * (drop.gamma + drop.penalty)
        return float(values + _UNIT * (gradient + multiplier + arithmetic))


def two_layer_point(model: TwoLayerModel, u0: Any, balls: WeightBalls) -> TwoLayerPoint:
    """The network of ``model`` at u0, in float64; u0 outside K by rounding is pulled back.

    Args:
        model: A two-layer network.
        u0: Flat weights, shape ``(p,)``.
        balls: K, a product of balls around ``model.start``.

    Returns:
        The `TwoLayerPoint`.

    Raises:
        ShapeError: ``u0`` does not have the shape of ``model.start``.
        ArgumentError: ``u0`` is outside K by more than rounding, or not finite.
    """
    if tuple(np.shape(u0)) != tuple(model.start.shape) or model.start.ndim != 1:
        raise ShapeError(
            f"`gap(u0=...)` must be one flat weight vector of shape {tuple(model.start.shape)}, "
            f"got {tuple(np.shape(u0))}."
        )
    net = model.two_layer(u0)
    start = to_numpy(model.two_layer(model.start).hidden)
    hidden = to_numpy(net.hidden)
    displacement = hidden - start
    distance = balls.norms(displacement)
    outside = distance > balls.radii
    if not (distance <= balls.radii * (1 + _PULL_BACK)).all():
        worst = int(np.argmax(np.nan_to_num(distance / balls.radii, nan=np.inf)))
        raise ArgumentError(
            f"`gap(u0=...)` must lie in {balls.name} around `model.start`, got a point at distance "
            f"{distance[worst]} in a ball of radius {balls.radii[worst]}: project it first."
        )
    if outside.any():
        factor = np.where(outside, balls.radii / np.where(outside, distance, 1.0), 1.0)
        displacement = displacement * balls.of_rows(factor)[:, None]
        hidden = start + displacement
    axis = output_axis(model)
    return TwoLayerPoint(hidden, to_numpy(net.output), displacement, net.activation, axis)
