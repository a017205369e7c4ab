"""The deep ReLU network of the theorems, in closed form."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import as_like, to_numpy
from olgame.models.deep_layers import DeepLayers, cut_layers, deep_neighborhood
from olgame.models.deep_relu_evaluation import DeepReLUEvaluation
from olgame.models.deep_start import DeepStart, deep_start
from olgame.models.layer_scaling import check_layer_scaling
from olgame.models.linear_model import check_point
from olgame.sets.convex_set import ConvexSet
from olgame.sets.product_set import ProductSet
from olgame.typing import Array

__all__ = ["DeepReLUNet"]


@attrs.frozen(eq=False, kw_only=True)
class DeepReLUNet:
    """f(w, x) = a^T x^(H), x^(h) = relu(W^(h) x^(h-1)), x^(0) = A x: H layers of width m, unscaled.

    ``w`` is W^(1), ..., W^(H) flattened one after the other, of length p = H m^2; A and a stay as
    they were drawn (`olgame.models.deep_start`). Leading axes of ``w`` (``(..., p)``) and of ``x``
    (``(n, d)`` or ``(..., n, d)``) are independent games; the layers are views of ``w``, no weight
    is copied. float64; torch tensors work as ``w`` and ``x`` too, but `start` and `asarray` are
    NumPy's. This is the reference that other libraries' networks are compared with.

    **The scaling is not that of the two-layer network.** There is no 1/sqrt(m) in f: the output
    is Theta(1) and the gradient by *each* layer has norm Theta(sqrt m), so a layer that moves by
    R/sqrt(m) changes f by Theta(R). Hence

        B(R) = { w : norm_F(W^(h) - W_0^(h)) <= R/sqrt(m) for all h },   D_1 = sqrt(H) R/sqrt(m),

    a product of balls (`neighborhood`), and step sizes of order 1/m. A set of radius R in place of
    R/sqrt(m) is refused when a game starts (`check_decision_set`).

    **No curvature constant.** A ReLU's derivative jumps, so no c(x) bounds the distance from the
    linearization by c(x) norm(u - w)^2: `curvature_bound` is None, and there is no certificate
    from above. See `olgame.theory.DeepReLU` for what is measured instead.

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons in a layer.
        depth: H, the number of trained layers (at least 2 for what is called deep; 1 is allowed).
        seed: One non-negative seed, of the start and of A and a, which all games share: for many
            games give `play` several seeds or starts.

    Raises:
        ArgumentError: a size or the seed is out of range.

    Example:
        >>> import numpy as np
        >>> from olgame.models import DeepReLUNet
        >>> model = DeepReLUNet(dim=3, width=16, depth=2, seed=0)
        >>> here = model.at(model.start, np.eye(3))
        >>> here.z.shape, here.pullback_w(np.ones(3)).shape
        ((3,), (512,))
        >>> [block.factor.radius for block in model.neighborhood(2.0).blocks]
        [0.5, 0.5]

    References:
        gao2019, Section 3 and Theorem 4.1 (the deep network, recalled).
    """

    dim: int
    width: int
    depth: int = 2
    seed: int = 0
    drawn: DeepStart = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        drawn = deep_start(self.dim, self.width, self.depth, self.seed, owner="DeepReLUNet")
        object.__setattr__(self, "drawn", drawn)

    @property
    def name(self) -> str:
        return f"deep ReLU network, {self.depth} layers"

    @property
    def start(self) -> Array:
        """W_0 flattened, shape ``(p,)``; not to be written to."""
        return self.drawn.hidden

    @property
    def deterministic(self) -> bool:
        return True

    def __call__(self, w: Array, x: Array) -> Array:
        return self.at(w, x).z

    def at(self, w: Array, x: Array) -> DeepReLUEvaluation:
        """The network at (w, x), shapes ``(..., p)`` and ``(n, d)`` or ``(..., n, d)``.

        Raises:
            ShapeError: shapes do not fit, or ``w`` and ``x`` differ in library or dtype.
        """
        check_point(w, x, self.drawn.hidden.size, self.dim, "DeepReLUNet")
        return DeepReLUEvaluation(self.deep_layers(w), x)

    def deep_layers(self, w: Array) -> DeepLayers:
        """A, the W^(h) as views of ``w``, shape ``(..., p)``, and a."""
        embedding, output = as_like(self.drawn.embedding, w), as_like(self.drawn.output, w)
        return DeepLayers(embedding, cut_layers(w, self.width), output)

    def neighborhood(self, radius: float) -> ProductSet:
        """B(R): a ball of R/sqrt(m) around W_0^(h) for every layer h."""
        return deep_neighborhood(self.start, self.width, radius)

    def check_decision_set(self, decision_set: ConvexSet, start: Array) -> None:
        """Refuse a set whose layers move by R instead of R/sqrt(m); `play` asks this first.

        Raises:
            ArgumentError: see `olgame.models.check_layer_scaling`.
        """
        check_layer_scaling(decision_set, start, self.width, self.depth)

    def curvature_bound(self, x: Array) -> Array | None:
        """None: the derivative of a ReLU jumps."""
        return None

    def asarray(self, values: Any) -> Array:
        """``values`` as a float64 NumPy array."""
        return to_numpy(values)
