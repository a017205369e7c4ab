"""What the hidden constants of the deep theorem come to on a network: measured, not proved."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.models.deep_relu_evaluation import DeepReLUEvaluation
from olgame.theory.kink_moves import DeepModel
from olgame.theory.linearization_search import SearchedError
from olgame.theory.path_error import PathError

__all__ = ["DeepConstants", "measure_start"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False, kw_only=True)
class DeepConstants:
    """Sizes that the theorem states up to constants, as they were on one network and game.

    Attributes:
        width: m.
        depth: H.
        weight_radius: R.
        output: The root of the mean of f(W_0, x)^2 over the inputs; Theta(1).
        layer_gradients: The root of the mean of norm(grad_{W^(h)} f(W_0, x))^2 over the inputs,
            in units of sqrt(m), shape ``(H,)``; Theta(1).
        gradient_bound: The largest norm(g_t) that was played, or None without a game.
        path: abs(f - f_lin) along the path of the game, or None.
        edge: The same where the direction of the path leaves B(R), per sample, or None.
        searched: abs(f - f_lin) in searched directions of B(R), or None.
    """

    width: int
    depth: int
    weight_radius: float
    output: float
    layer_gradients: Floats
    gradient_bound: float | None = None
    path: PathError | None = None
    edge: Floats | None = None
    searched: SearchedError | None = None

    @property
    def reach(self) -> float:
        """D_1 = sqrt(H) R/sqrt(m)."""
        return math.sqrt(self.depth / self.width) * self.weight_radius

    @property
    def gradient_unit(self) -> float | None:
        """G/sqrt(H m): what a gradient of norm sqrt(m) in every layer would make 1."""
        if self.gradient_bound is None:
            return None
        return self.gradient_bound / math.sqrt(self.depth * self.width)

    @property
    def path_error(self) -> float | None:
        """The largest, over the rounds that were looked at, of the average over the samples."""
        return None if self.path is None else float(self.path.mean.max())

    @property
    def edge_error(self) -> float | None:
        """The average over the samples, where the direction of the path leaves B(R)."""
        return None if self.edge is None else float(self.edge.mean())

    @property
    def searched_error(self) -> float | None:
        """The average of what was found over the searched inputs."""
        return None if self.searched is None else float(self.searched.values.mean())

    def to_dict(self) -> dict[str, object]:
        """Plain data for a run folder; None for what was not measured."""
        path = self.path
        return {
            "width": self.width,
            "depth": self.depth,
            "weight_radius": self.weight_radius,
            "reach": self.reach,
            "output": self.output,
            "layer_gradients": [float(norm) for norm in self.layer_gradients],
            "gradient_bound": self.gradient_bound,
            "gradient_unit": self.gradient_unit,
            "path_error": self.path_error,
            "largest_path_error": None if path is None else float(path.largest.max()),
            "edge_error": self.edge_error,
            "searched_error": self.searched_error,
            "searched_inputs": None if self.searched is None else len(self.searched.values),
        }


def measure_start(model: DeepModel, x: Any) -> tuple[float, Floats]:
    """Size of the output and of the gradients by layer at W_0, over inputs ``x``, ``(n, d)``.

    Returns:
        (output, layer_gradients) as in `DeepConstants`.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.DeepReLUNet(dim=8, width=256, depth=2, seed=3)
        >>> output, layers = measure_start(model, np.eye(8))
        >>> bool(0.3 < output < 3.0), bool(((0.7 < layers) & (layers < 1.4)).all())
        (True, True)
    """
    at = DeepReLUEvaluation(model.deep_layers(model.start), model.asarray(x))
    norms = to_numpy(at.layer_gradient_norms) / math.sqrt(model.width)
    output = float(np.sqrt((to_numpy(at.z) ** 2).mean()))
    return output, np.sqrt((norms**2).mean(axis=0))
