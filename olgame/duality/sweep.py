"""One pass over the inputs at one point: outputs, and what a floor needs for several slopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.duality.slope_rules import SlopeRule, slope_rules
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples
from olgame.losses.loss import Loss

__all__ = ["ChosenSlopes", "Sweep", "sweep"]

_UNIT = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class ChosenSlopes:
    """Slopes p_j of the loss, one for every input, and what they lead to.

    Attributes:
        name: Where they come from.
        p: Shape ``(N,)`` or ``(N, k)``.
        gradient: g = sum_j omega_j p_j grad f(u0, x_j), shape ``(m, d)``.
        summed: norm1 of all the slopes that were summed to g, shape ``(N,)``: its rounding is
            relative to them.
    """

    name: str
    p: Floats
    gradient: Floats
    summed: Floats


@attrs.frozen(eq=False)
class Sweep:
    """What one pass over the inputs has found at u0.

    Attributes:
        point: The network at u0.
        samples: x_j, y_j and omega_j.
        loss: l.
        outputs: f(u0, x_j), shape ``(N,)`` or ``(N, k)``; 0 where all of omega_j was 0.
        noise: A bound on the rounding of each output, shape ``(N,)``.
        choices: At least one.
    """

    point: TwoLayerPoint
    samples: WeightedSamples
    loss: Loss
    outputs: Floats
    noise: Floats
    choices: tuple[ChosenSlopes, ...]

    @property
    def value(self) -> float:
        """F(u0)."""
        losses = np.asarray(self.loss.value(self.outputs, self.samples.y))
        return float(self.samples.weights @ losses)

    def conjugates(self, choice: ChosenSlopes) -> Floats:
        """l*(p_j, y_j), 0 where omega_j is; inf where p_j is outside its domain."""
        found = np.asarray(self.loss.conjugate(choice.p, self.samples.y))
        return np.where(self.samples.weights > 0, found, 0.0)

    def phi(self, choice: ChosenSlopes) -> float:
        """Phi = sum_j omega_j [p_j f(u0, x_j) - l*(p_j)]."""
        lines = self.point.axis.inner(choice.p, self.outputs) - self.conjugates(choice)
        return float(self.samples.weights @ lines)

    def flat_gap(self, choice: ChosenSlopes, balls: WeightBalls) -> float:
        """F(u0) - Phi + <g, delta> + sum_h R_h norm(g_h): the gap if there were no curvature."""
        g = choice.gradient
        fall = np.vdot(g, self.point.displacement) + balls.radii @ balls.norms(g)
        return float(self.value - self.phi(choice) + fall)

    def best(self, balls: WeightBalls) -> ChosenSlopes:
        """The choice with the least `flat_gap`."""
        if len(self.choices) == 1:
            return self.choices[0]
        return min(self.choices, key=lambda choice: self.flat_gap(choice, balls))


def sweep(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    loss: Loss,
    smoothing: Sequence[float],
    slopes: Any = None,
    dtype: Any = np.float64,
) -> Sweep:
    """Walk once through the inputs.

    The gradient for one choice of slopes costs as much as the outputs. Choices differ in few
    samples, those near a kink, and only these are gone through again: with p the first choice and
    q another, g_q = g_p + sum_j omega_j (q_j - p_j) grad f(u0, x_j).

    Args:
        point: The network at u0.
        samples: x_j, y_j and omega_j.
        loss: l.
        smoothing: Widths of windows, see `slope_rules`.
        slopes: The caller's own p, instead.
        dtype: Of the products of matrices. A certificate needs float64, for which ``noise`` holds;
            a search may take float32.

    Returns:
        The `Sweep`.
    """
    rules = slope_rules(loss, samples, point.output.shape[1:], slopes, smoothing)
    count, (m, d) = len(samples.y), point.hidden.shape
    f, noise = np.zeros((count, *point.output.shape[1:])), np.zeros(count)
    p = [np.zeros_like(f) for _ in rules]
    g = [np.zeros((m, d)) for _ in rules]
    axis, activation = point.axis, point.activation
    hidden, output = point.hidden.astype(dtype), point.output.astype(dtype)
    b, scalar = point.sizes.astype(dtype), output.ndim == 1
    spread = float(point.sizes @ np.linalg.norm(point.hidden, axis=1))
    for where, inputs in samples.chunks(point.rows):
        x = inputs.astype(dtype, copy=False)
        z = x @ hidden.T
        a, bends = (np.asarray(part) for part in activation.value_and_derivative(z))
        f[where] = a @ output
        noise[where] = (m + 8 + point.terms) * (np.abs(a, out=a) @ b) + (
            2 * (d + 8) * activation.c1 * spread * np.linalg.norm(x, axis=1)
        )
        for i, rule in enumerate(rules):
            p[i][where] = rule.slopes(f[where], samples.y[where], where)
            change = p[i][where] - (p[0][where] if i else 0.0)
            rows = np.flatnonzero(axis.size(change))
            if len(rows):
                pulled = axis.scaled(samples.weights[where][rows], change[rows]).astype(dtype)
                some = bends if len(rows) == len(x) else bends[rows]
                if scalar:  # b_r is a factor of every term, and comes last
                    g[i] += some.T @ (x[rows] * pulled[:, None])
                else:
                    g[i] += (some * axis.spread(pulled, output)).T @ x[rows]
    if scalar:
        g = [each * point.output[:, None] for each in g]
    return Sweep(point, samples, loss, f, _UNIT * noise, tuple(_choices(rules, p, g, axis)))


def _choices(
    rules: Sequence[SlopeRule], p: list[Floats], g: list[Floats], axis: Any
) -> list[ChosenSlopes]:
    first = axis.size(p[0])
    found = [ChosenSlopes(rules[0].name, p[0], g[0], first)]
    for rule, q, change in zip(rules[1:], p[1:], g[1:], strict=True):
        found.append(ChosenSlopes(rule.name, q, change + g[0], first + axis.size(q - p[0])))
    return found
