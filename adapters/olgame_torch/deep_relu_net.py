"""The deep ReLU network of the theorems, in torch."""

from __future__ import annotations

import functools
from typing import final

import attrs
import torch
from torch import Tensor

from olgame.models.deep_layers import DeepLayers, cut_layers, deep_neighborhood
from olgame.models.deep_start import deep_start
from olgame.models.layer_scaling import check_layer_scaling
from olgame.sets.convex_set import ConvexSet
from olgame.sets.product_set import ProductSet
from olgame.typing import Array
from olgame_torch.flat_model import FlatModel
from olgame_torch.placement import check_dtype, resolve_device, warn_reduced_precision

__all__ = ["DeepReLUNet"]


def _device(value: str | torch.device) -> torch.device:
    return resolve_device(value, "DeepReLUNet")


@final
@attrs.frozen(eq=False, kw_only=True)
class DeepReLUNet(FlatModel):
    """f(w, x) = a^T x^(H), x^(h) = relu(W^(h) x^(h-1)), x^(0) = A x: H layers of width m, unscaled.

    The same network, from bitwise the same start (in float64), as `olgame.models.DeepReLUNet`,
    which has its derivatives in closed form and says what its scaling means; here they come from
    automatic differentiation of an ordinary function, so that either is a check of the other.
    ``w`` is W^(1), ..., W^(H) flattened one after the other, p = H m^2; leading axes of ``w``
    (``(..., p)``) and of ``x`` (``(n, d)`` or ``(..., n, d)``) are independent games.

    B(R) is a product of balls of radius R/sqrt(m), one for each layer; a set of radius R in place
    of that is refused when a game starts.

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons in a layer.
        depth: H, the number of trained layers.
        seed: One non-negative seed, of the start and of A and a, which all games share: for many
            games give `play` several seeds or starts.
        dtype: torch.float64 or torch.float32.
        device: a device of torch, or "auto" for CUDA where there is one.

    Raises:
        ArgumentError: a size, the seed, dtype or device is out of range.

    Example:
        >>> import torch
        >>> from olgame_torch import DeepReLUNet
        >>> model = DeepReLUNet(dim=3, width=16, depth=2, seed=0)
        >>> x = torch.eye(3, dtype=torch.float64)
        >>> model.at(model.start, x).pullback_w(torch.ones(3, dtype=torch.float64)).shape
        torch.Size([512])
        >>> [block.factor.radius for block in model.neighborhood(2.0).blocks]
        [0.5, 0.5]

    References:
        gao2019, Section 3 and Theorem 4.1 (the deep network, recalled).
    """

    dim: int
    width: int
    depth: int = 2
    seed: int = 0
    dtype: torch.dtype = torch.float64
    device: torch.device = attrs.field(default=torch.device("cpu"), converter=_device)
    start: Tensor = attrs.field(init=False, repr=False)
    embedding: Tensor = attrs.field(init=False, repr=False)
    output: Tensor = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_dtype(self.dtype, "DeepReLUNet")
        drawn = deep_start(self.dim, self.width, self.depth, self.seed, owner="DeepReLUNet")
        place = functools.partial(torch.tensor, dtype=self.dtype, device=self.device)
        object.__setattr__(self, "start", place(drawn.hidden))
        object.__setattr__(self, "embedding", place(drawn.embedding))
        object.__setattr__(self, "output", place(drawn.output))
        warn_reduced_precision(self.dtype, self.device, "DeepReLUNet")

    @property
    def name(self) -> str:
        return f"deep ReLU network, {self.depth} layers"

    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        """f(w, x), shape ``(..., n)``, as a differentiable function of w and x."""
        # One `unbind`, whose gradient is one stack; slices would each be padded to p.
        layers = w.reshape(*w.shape[:-1], self.depth, self.width, self.width).unbind(-3)
        signal = x @ self.embedding.mT
        for weights in layers:
            signal = torch.relu(signal @ weights.mT)
        return signal @ self.output

    def deep_layers(self, w: Array) -> DeepLayers:
        """A, the W^(h) as views of ``w``, shape ``(..., p)``, and a."""
        return DeepLayers(self.embedding, cut_layers(self._own(w, "w"), self.width), self.output)

    def neighborhood(self, radius: float) -> ProductSet:
        """B(R): a ball of R/sqrt(m) around W_0^(h) for every layer h."""
        return deep_neighborhood(self.start, self.width, radius)

    def check_decision_set(self, decision_set: ConvexSet, start: Array) -> None:
        """Refuse a set whose layers move by R instead of R/sqrt(m); `play` asks this first.

        Raises:
            ArgumentError: see `olgame.models.check_layer_scaling`.
        """
        check_layer_scaling(decision_set, start, self.width, self.depth)
