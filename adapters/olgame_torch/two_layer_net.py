"""The scaled two-layer network of the theorems, in torch."""

from __future__ import annotations

import copy
import functools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, cast, final

import attrs
import torch
from torch import Tensor

from olgame.activations import Activation, get_activation, softplus
from olgame.arrays import kernels
from olgame.exceptions import ShapeError
from olgame.models.grouped_evaluation import GroupedEvaluation, game_groups
from olgame.models.linear_model import check_games
from olgame.models.model import TwoLayerWeights
from olgame.models.output_axis import OutputAxis, output_axis
from olgame.models.two_layer_start import two_layer_start
from olgame.one_game import game_index
from olgame.randomness import Seed, as_seed
from olgame.typing import Array
from olgame_torch.activations import fused
from olgame_torch.autograd_evaluation import AutogradEvaluation, Forward, TensorEvaluation
from olgame_torch.dual import make_dual, unpack_dual
from olgame_torch.flat_model import FlatModel
from olgame_torch.paired_sum import paired_sum
from olgame_torch.placement import check_dtype, resolve_device, warn_reduced_precision

__all__ = ["TwoLayerNet"]


def _activation(value: str | Activation) -> Activation:
    if isinstance(value, Activation):
        return value
    return get_activation(value, "TwoLayerNet(activation=...)")


def _device(value: str | torch.device) -> torch.device:
    return resolve_device(value, "TwoLayerNet")


@final
@attrs.frozen(eq=False, kw_only=True)
class TwoLayerNet(FlatModel):
    """f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>): W is trained, the signs a_r stay.

    One output a sample, or with ``classes`` k logits: then a_r in {-1, +1}^k, and the outputs have
    the shape ``(..., n, k)``. The same network, from bitwise the same start (in float64), as
    `olgame.models.TwoLayerNet`, which has its derivatives in closed form; here they come from
    automatic differentiation of an ordinary function, so that either is a check of the other. ``w``
    is W flattened row by row, of length p = m d; leading axes of ``w`` (``(..., p)``) and of ``x``
    (``(n, d)`` or ``(..., n, d)``) are independent games.

    **Pairs.** With ``paired`` neuron r + m/2 has the output weight -a_r, and sums are taken pair by
    pair. Where w_{r + m/2} = w_r, as at the paired start, f and its gradient in x are exactly 0.

    **Precision.** float64 by default. In float32 on a GPU, TF32 must be off (the constructor warns
    and `describe` names it).

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons.
        activation: sigma, a name (see `olgame.activations.get_activation`) or an `Activation`.
        seed: Non-negative seed of the start; ``range(16)`` or a list makes 16 networks of one size
            that play 16 games at once, their products in batches: ``start`` has the shape
            ``(16, p)``, and `game` returns one of them.
        paired: Whether the start is paired (see `olgame.models.two_layer_start`).
        classes: k, the number of logits; None for one output.
        dtype: torch.float64 or torch.float32.
        device: a device of torch, or "auto" for CUDA where there is one.

    Raises:
        ArgumentError: a size, the activation, the seed, dtype or device is out of range, or the
            width of a paired network is odd.

    Example:
        >>> import torch
        >>> from olgame_torch import TwoLayerNet
        >>> model = TwoLayerNet(dim=3, width=8, activation="softplus", seed=0)
        >>> x = torch.eye(3, dtype=torch.float64)
        >>> model(model.start, x)
        tensor([0., 0., 0.], dtype=torch.float64)
        >>> model.at(model.start, x).pullback_w(torch.ones(3, dtype=torch.float64)).shape
        torch.Size([24])

    References:
        gao2019, Section 4 (the two-layer network).
    """

    dim: int
    width: int
    activation: Activation = attrs.field(default=softplus, converter=_activation)
    seed: Seed = attrs.field(default=0, converter=as_seed)
    paired: bool = True
    classes: int | None = None
    dtype: torch.dtype = torch.float64
    device: torch.device = attrs.field(default=torch.device("cpu"), converter=_device)
    start: Tensor = attrs.field(init=False, repr=False)
    output: Tensor = attrs.field(init=False, repr=False)
    _pairs_at: dict[str, Any] = attrs.field(init=False, repr=False, factory=dict)
    _single: dict[tuple[int, ...], TwoLayerNet] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        check_dtype(self.dtype, "TwoLayerNet")
        hidden, signs = two_layer_start(
            self.dim,
            self.width,
            self.seed,
            self.paired,
            classes=self.classes,
            owner="TwoLayerNet",
        )
        place = functools.partial(torch.tensor, dtype=self.dtype, device=self.device)
        object.__setattr__(self, "start", place(hidden.reshape(*hidden.shape[:-2], -1)))
        object.__setattr__(self, "output", place(signs / math.sqrt(self.width)))
        warn_reduced_precision(self.dtype, self.device, "TwoLayerNet")

    @property
    def name(self) -> str:
        return f"two-layer {self.activation.name} network"

    def game(self, index: tuple[int, ...], /) -> TwoLayerNet:
        """The network of one game, the same object each time; itself where there is one seed."""
        if isinstance(self.seed, int):
            return self
        place = game_index(index, tuple(self.start.shape[:-1]), "TwoLayerNet.game")
        if place not in self._single:
            self._single[place] = attrs.evolve(self, seed=self.seed[place[0]])
        return self._single[place]

    def __call__(self, w: Array, x: Array) -> Tensor:
        point, inputs = self._checked(w, x)
        groups = game_groups(point, inputs, self.width)
        if len(groups) == 1:
            return super().__call__(point, inputs)
        return torch.cat([self._part(g)(point[g], _of_games(inputs, g)) for g in groups])

    def at(self, w: Array, x: Array) -> TensorEvaluation:
        """f at (w, x), many large games a few at a time; see `FlatModel.at`."""
        point, inputs = self._checked(w, x)
        check_games(point, tuple(self.start.shape[:-1]), "TwoLayerNet")
        groups = game_groups(point, inputs, self.width)
        if len(groups) == 1:
            return AutogradEvaluation(self._function(point), point, inputs)
        return _grouped(lambda g: self._part(g).at(point[g], _of_games(inputs, g)), groups)

    def _part(self, games: slice) -> TwoLayerNet:
        """The networks of some of the games."""
        if self.start.ndim == 1:
            return self
        part = copy.copy(self)
        for name in ("start", "output"):
            object.__setattr__(part, name, getattr(self, name)[games])
        object.__setattr__(part, "_pairs_at", {})
        return part

    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        """f(w, x), ``(..., n)`` or ``(..., n, k)``, as a differentiable function of w and x."""
        return self._function(w)(w, x)

    def curvature_bound(self, x: Array) -> Array | None:
        """C2 norm(x)^2/(2 sqrt m), shape ``(..., n)``; None for ReLU, which has no C2.

        By Taylor in each pre-activation, for all weights u and w:
        abs(f(u, x) - f(w, x) - <grad f(w, x), u - w>) is at most that times norm(u - w)^2, for each
        output.
        """
        c2 = self.activation.c2
        if c2 is None:
            return None
        bound: Tensor = kernels(x).dot(x, x) * (c2 / (2.0 * math.sqrt(self.width)))
        return bound

    def two_layer(self, w: Array) -> TwoLayerWeights:
        """The rows w_r and output weights a_r/sqrt(m) at ``w`` of shape ``(p,)``."""
        point = self._own(w, "w").detach()
        if point.shape != self.start.shape[-1:]:
            raise ShapeError(
                f"`TwoLayerNet.two_layer(w=...)` must have shape {tuple(self.start.shape[-1:])}, "
                f"got {tuple(point.shape)}."
            )
        check_games(point, tuple(self.start.shape[:-1]), "TwoLayerNet")
        hidden = point.view(self.width, self.dim)
        return TwoLayerWeights(hidden, self.output, self.activation)

    def linearized_at(self, origin: Array, step: Array, x: Array) -> TensorEvaluation:
        """f(W_0, x) + <grad_w f(W_0, x), v>, written out; see `olgame.models.Linearized`.

        With Z_ir = <w_0r, x_i> and b_r = a_r/sqrt(m) it is sum_r b_r [sigma(Z_r) + sigma'(Z_r)
        <v_r, x>]. At a paired start Z_{r+h} = Z_r, h = m/2, and what is left of a pair is
        b_r sigma'(Z_r) <v_r - v_{r+h}, x>: products of half the size, and exactly 0 at v = 0.

        Args:
            origin: W_0, of the shape of ``step``.
            step: v = w - W_0, shape ``(..., p)``.
            x: inputs, shape ``(n, d)`` or ``(..., n, d)``.

        Raises:
            ShapeError: an argument is no tensor of the dtype and on the device of the model, or
                shapes do not fit.
        """
        point, _ = self._checked(origin, x)
        moved, inputs = self._checked(step, x)
        groups = game_groups(moved, inputs, self.width)
        if len(groups) > 1:
            return _grouped(
                lambda g: self._part(g).linearized_at(point[g], moved[g], _of_games(inputs, g)),
                groups,
            )
        linear = functools.partial(self._linear, point.detach())
        if self.paired:
            first, second = self._halves(point.detach())
            if torch.equal(first, second):
                linear = functools.partial(self._linear_at_pairs, first)
        return AutogradEvaluation(linear, moved, inputs)

    def _linear_at_pairs(self, hidden: Tensor, step: Tensor, x: Tensor) -> Tensor:
        first, second = self._halves(step)
        slope: Any = self.activation.derivative(_against(x, hidden))
        return self._weigh(slope * _against(x, first - second), self._first)

    def _linear(self, origin: Tensor, step: Tensor, x: Tensor) -> Tensor:
        z = _against(x, origin.reshape(*origin.shape[:-1], self.width, self.dim))
        moved = _against(x, step.reshape(*step.shape[:-1], self.width, self.dim))
        slope: Any = self.activation.derivative(z)
        return self._weigh(fused(self.activation)(z) + slope * moved, self.output)

    @property
    def _first(self) -> Tensor:
        """b_r of the first half of the neurons."""
        first: Tensor = self._axis.neurons(self.output, slice(self.width // 2))
        return first

    @property
    def _axis(self) -> OutputAxis:
        return output_axis(self)

    def _weigh(self, sigma: Tensor, output: Tensor) -> Tensor:
        """sum_r b_r sigma_r, shape ``(..., n)`` or ``(..., n, k)``."""
        weighed: Tensor = self._axis.weigh(sigma, output)
        return weighed

    def _function(self, w: Tensor) -> Forward:
        check_games(w, tuple(self.start.shape[:-1]), "TwoLayerNet")
        if not self.paired:
            return self._plain
        return self._paired_at_start if self._may_coincide(w) else self._paired

    def _plain(self, w: Tensor, x: Tensor) -> Tensor:
        rows = w.reshape(*w.shape[:-1], self.width, self.dim)
        return self._weigh(fused(self.activation)(_against(x, rows)), self.output)

    def _paired(self, w: Tensor, x: Tensor) -> Tensor:
        rows = w.reshape(*w.shape[:-1], self.width, self.dim)
        return paired_sum(fused(self.activation)(_against(x, rows)), self.output, self._axis)

    def _paired_at_start(self, w: Tensor, x: Tensor) -> Tensor:
        # Products with equal rows need not be equal: how a BLAS sums depends on where in memory
        # a row is. <w_r, x> + <w_{r+h} - w_r, x> is exact where the two rows coincide; it costs a
        # tenth more, which is why it is not used everywhere.
        first, second = self._halves(w)
        sigma = fused(self.activation)
        z = _against(x, first)
        pairs = sigma(z) - sigma(z + _against(x, second - first))
        return self._weigh(pairs, self._first)

    def _halves(self, w: Tensor) -> tuple[Tensor, ...]:
        return w.reshape(*w.shape[:-1], 2, self.width // 2, self.dim).unbind(-3)

    def _may_coincide(self, w: Tensor) -> bool:
        """Whether the first pair of rows is equal (in some game): surely not after a step.

        Remembered for the tensor last asked about, since the answer makes a GPU wait.
        """
        last = self._pairs_at
        if last and last["w"]() is w and last["version"] == w._version:
            return bool(last["answer"])
        first, second = self._halves(w.detach())
        answer = bool((first[..., 0, :] == second[..., 0, :]).all(-1).any())
        last.update(w=weakref.ref(w), version=w._version, answer=answer)
        return answer


def _grouped(
    make: Callable[[slice], TensorEvaluation], groups: Sequence[slice]
) -> TensorEvaluation:
    return cast(TensorEvaluation, GroupedEvaluation(make, groups))  # of tensors, so in tensors


def _of_games(x: Tensor, games: slice) -> Tensor:
    """The inputs of some games, or those that all share."""
    return x[games] if x.ndim > 2 else x


def _against(x: Tensor, rows: Tensor) -> Tensor:
    """<rows_r, x_i>, shape ``(..., n, number of rows)``.

    In forward mode torch would also multiply ``rows`` with a tangent of x that is all zeros (half
    as much work again), so the product rule is written out where x has none.
    """
    primal, tangent = unpack_dual(rows)
    if tangent is None or unpack_dual(x)[1] is not None:
        return x @ rows.mT
    return make_dual(x @ primal.mT, x @ tangent.mT)
