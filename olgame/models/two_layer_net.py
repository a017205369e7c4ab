"""The scaled two-layer network of the theorems, in closed form."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.activations import Activation, get_activation, softplus
from olgame.arrays import as_like, kernels, to_numpy
from olgame.exceptions import ShapeError
from olgame.models.grouped_evaluation import GroupedEvaluation, game_groups
from olgame.models.linear_model import check_games, check_point
from olgame.models.model import ModelEvaluation, TwoLayerWeights
from olgame.models.output_axis import output_axis
from olgame.models.two_layer_evaluation import TwoLayerEvaluation
from olgame.models.two_layer_start import two_layer_start
from olgame.one_game import game_index
from olgame.randomness import Seed, as_seed
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array

__all__ = ["TwoLayerNet"]


def _activation(value: str | Activation) -> Activation:
    if isinstance(value, Activation):
        return value
    return get_activation(value, "TwoLayerNet(activation=...)")


@attrs.frozen(eq=False, kw_only=True)
class TwoLayerNet:
    """f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>): W is trained, the signs a_r stay.

    One output a sample, or with ``classes`` k logits: then a_r in {-1, +1}^k, and the outputs have
    the shape ``(..., n, k)``. ``w`` is W flattened row by row, of length p = m d. B(R) is the ball
    of radius R around W_0 in the Frobenius norm. Leading axes of ``w`` (``(..., p)``) and of ``x``
    (``(n, d)`` or ``(..., n, d)``) are independent games. float64; torch tensors work as ``w`` and
    ``x`` too, but `start` and `asarray` are NumPy's. This is the reference that other libraries'
    networks are compared with.

    **Curvature.** Neuron r moves its pre-activation by <u_r - w_r, x>, so by Taylor

        abs(f(u, x) - f(w, x) - <grad f(w, x), u - w>)
            <= m^{-1/2} sum_r (C2/2) <u_r - w_r, x>^2 <= C2 norm(x)^2/(2 sqrt m) norm(u - w)^2

    for all u and w, near the start or not, and for each output: the wider, the closer to linear.

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons.
        activation: sigma, a name (see `olgame.activations.get_activation`) or an `Activation`.
        seed: Non-negative seed of the start; ``range(16)`` or a list makes 16 networks of one size
            that play 16 games at once: `start` has the shape ``(16, p)``, and `game` returns one of
            them.
        paired: Whether the start is paired, which makes f(W_0, x) and its gradient in x exactly 0
            (see `olgame.models.two_layer_start`).
        classes: k, the number of logits; None for one output.

    Raises:
        ArgumentError: a size, the activation or the seed is out of range, or the width of a paired
            network is odd.

    Example:
        >>> import numpy as np
        >>> from olgame.models import TwoLayerNet
        >>> model = TwoLayerNet(dim=3, width=8, activation="softplus", seed=0)
        >>> here = model.at(model.start, np.eye(3))
        >>> here.z
        array([0., 0., 0.])
        >>> here.pullback_w(np.ones(3)).shape
        (24,)
        >>> model.curvature_bound(np.eye(3)).round(4)
        array([0.0442, 0.0442, 0.0442])

    References:
        gao2019, Theorem 4.2 (the two-layer network).
    """

    dim: int
    width: int
    activation: Activation = attrs.field(default=softplus, converter=_activation)
    seed: Seed = attrs.field(default=0, converter=as_seed)
    paired: bool = True
    classes: int | None = None
    signs: NDArray[np.float64] = attrs.field(init=False, repr=False)
    _start: NDArray[np.float64] = attrs.field(init=False, repr=False)
    _single: dict[tuple[int, ...], TwoLayerNet] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        hidden, signs = two_layer_start(
            self.dim,
            self.width,
            self.seed,
            self.paired,
            classes=self.classes,
            owner="TwoLayerNet",
        )
        object.__setattr__(self, "signs", signs)
        object.__setattr__(self, "_start", hidden.reshape(*hidden.shape[:-2], -1))

    @property
    def name(self) -> str:
        return f"two-layer {self.activation.name} network"

    @property
    def start(self) -> Array:
        """W_0 flattened, shape ``(p,)``, or ``(G, p)`` for G seeds; not to be written to."""
        return self._start

    def game(self, index: tuple[int, ...], /) -> TwoLayerNet:
        """The network of one game, the same object each time; itself where there is one seed."""
        if isinstance(self.seed, int | np.integer):
            return self
        place = game_index(index, self._start.shape[:-1], "TwoLayerNet.game")
        if place not in self._single:
            self._single[place] = attrs.evolve(self, seed=self.seed[place[0]])
        return self._single[place]

    @property
    def deterministic(self) -> bool:
        return True

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> ModelEvaluation:
        """The network at (w, x), shapes ``(..., p)`` and ``(n, d)`` or ``(..., n, d)``.

        Raises:
            ShapeError: shapes do not fit, or ``w`` and ``x`` differ in library or dtype.
        """
        check_point(w, x, self.width * self.dim, self.dim, "TwoLayerNet")
        check_games(w, self._start.shape[:-1], "TwoLayerNet")
        hidden = kernels(w).xp.reshape(w, (*w.shape[:-1], self.width, self.dim))
        output = as_like(self.signs / math.sqrt(self.width), w)
        axis, several = output_axis(self), self._start.ndim > 1

        def part(games: slice) -> TwoLayerEvaluation:
            own = output[games] if several else output
            inputs = x[games] if x.ndim > 2 else x
            return TwoLayerEvaluation(
                hidden[games], inputs, own, self.activation, self.paired, axis
            )

        groups = game_groups(w, x, self.width)
        if len(groups) > 1:
            return GroupedEvaluation(part, groups)
        return TwoLayerEvaluation(hidden, x, output, self.activation, self.paired, axis)

    def neighborhood(self, radius: float) -> L2Ball:
        """B(R): the ball of ``radius`` around W_0."""
        return L2Ball(radius, center=self._start)

    def curvature_bound(self, x: Array) -> Array | None:
        """C2 norm(x)^2/(2 sqrt m), shape ``(..., n)``; None for ReLU, which has no C2."""
        c2 = self.activation.c2
        if c2 is None:
            return None
        bound: Array = kernels(x).dot(x, x) * (c2 / (2.0 * math.sqrt(self.width)))
        return bound

    def asarray(self, values: Any) -> Array:
        """``values`` as a float64 NumPy array."""
        return to_numpy(values)

    def two_layer(self, w: Array) -> TwoLayerWeights:
        """The rows w_r and output weights a_r/sqrt(m) at ``w`` of shape ``(p,)``."""
        if tuple(w.shape) != (self.width * self.dim,):
            raise ShapeError(
                f"`TwoLayerNet.two_layer(w=...)` must have shape ({self.width * self.dim},), "
                f"got {tuple(w.shape)}."
            )
        check_games(w, self._start.shape[:-1], "TwoLayerNet")
        hidden = kernels(w).xp.reshape(w, (self.width, self.dim))
        output = as_like(self.signs / math.sqrt(self.width), w)
        return TwoLayerWeights(hidden, output, self.activation)
