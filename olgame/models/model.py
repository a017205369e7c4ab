"""What a model f(w, x) has to offer: its output, two pullbacks and one pushforward."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

from olgame.activations import Activation
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["HasTwoLayers", "Model", "ModelEvaluation", "TwoLayerWeights"]


class ModelEvaluation(Protocol):
    """f at one (w, x), and its derivatives there. Nothing is computed before it is asked for.

    Shapes are those of one output a sample. A model of k classes has outputs, pushforwards and
    cotangents c of shape ``(..., n, k)``, and where it says c_i f(w, x_i) read <c_i, f(w, x_i)>.
    """

    @property
    def z(self) -> Array:
        """Outputs f(w, x), shape ``(..., n)``."""
        ...

    def pullback_w(self, c: Array) -> Array:
        """sum_i c_i grad_w f(w, x_i), shape ``(..., p)``, for ``c`` of shape ``(..., n)``."""
        ...

    def pullback_x(self, c: Array) -> Array:
        """c_i grad_x f(w, x_i) for every i, shape ``(..., n, d)``."""
        ...

    def jvp_w(self, v: Array) -> Array:
        """<grad_w f(w, x_i), v> for every i, shape ``(..., n)``, by *forward* mode.

        Independent of `pullback_w` on purpose: the ledger holds one against the other.
        """
        ...

    def jvp_w_pullback_x(self, v: Array, c: Array) -> Array:
        """grad_x of sum_i c_i <grad_w f(w, x_i), v>, shape ``(..., n, d)``.

        What an attack on the linearized model needs. A model without it raises
        `olgame.exceptions.NotAvailableError`.
        """
        ...


class Model(Protocol):
    """A map f(w, x), w one flat vector of length p.

    The model owns dtype and device: `asarray` brings data to it.

    A model of k logits says so by an attribute ``classes`` (an integer k >= 2); its outputs have
    the shape ``(..., n, k)``, its labels are 0, ..., k-1. Without the attribute, or with None, it
    has one output a sample. `olgame.models.output_axis` hides the difference.
    """

    @property
    def name(self) -> str: ...

    @property
    def start(self) -> Array:
        """W_0, the initialization, shape ``(p,)`` (or ``(..., p)``)."""
        ...

    @property
    def dim(self) -> int:
        """d, the length of one input (inputs of any other shape are flattened by the model)."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether equal (w, x) give equal outputs (no dropout, no batch statistics)."""
        ...

    def __call__(self, w: Array, x: Array) -> Array:
        """f(w, x) alone, without what the derivatives need; ``x`` of shape ``(..., n, d)``."""
        ...

    def at(self, w: Array, x: Array) -> ModelEvaluation: ...

    def neighborhood(self, radius: float) -> ConvexSet:
        """B(R) around W_0 in the scaling of this model."""
        ...

    def curvature_bound(self, x: Array) -> Array | None:
        """c(x) with abs(f(u,x) - f(w,x) - <grad f(w,x), u - w>) <= c(x) norm(u - w)^2.

        For all u, w, and each of k outputs; per sample, shape ``(..., n)``. 0 for a linear model,
        None where no constant is known.
        """
        ...

    def asarray(self, values: Any) -> Array:
        """``values`` in the dtype and on the device of the model."""
        ...


class TwoLayerWeights(NamedTuple):
    """f(x) = sum_r output_r sigma(<hidden_r, x>), the structure that certificates need.

    Attributes:
        hidden: shape ``(m, d)``, the trained weights w_r as rows.
        output: shape ``(m,)``, the fixed output weights a_r / sqrt(m); ``(m, k)`` for k classes,
            a_r in R^k.
        activation: sigma.
    """

    hidden: Array
    output: Array
    activation: Activation


@runtime_checkable
class HasTwoLayers(Protocol):
    """A model whose structure is the scaled two-layer network of the theorems."""

    @property
    def width(self) -> int: ...

    @property
    def activation(self) -> Activation: ...

    def two_layer(self, w: Array) -> TwoLayerWeights:
        """The structure at the flat weights ``w`` of shape ``(p,)``, row-major (m, d)."""
        ...
