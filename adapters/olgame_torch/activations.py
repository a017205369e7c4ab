"""torch's own fused kernels for the activations of the core."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from olgame import activations

__all__ = ["fused"]

Pointwise = Callable[[Tensor], Tensor]


def _softplus(z: Tensor) -> Tensor:
    # torch's kernel is log(1 + e^z) up to a threshold and z beyond it. At its default of 20 that is
    # an error of 2e-9 and a jump in sigma'; at the largest z with a finite e^z it is none.
    # (`torch.logaddexp(z, 0)` is slower, and its second derivative is nan for z < -88 in float32.)
    threshold = 700.0 if z.dtype == torch.float64 else 88.0
    return torch.nn.functional.softplus(z, threshold=threshold)


_FUSED: dict[str, tuple[activations.Activation, Pointwise]] = {
    "softplus": (activations.softplus, _softplus),
    "tanh": (activations.tanh, torch.tanh),
    "gelu": (activations.gelu, torch.nn.functional.gelu),
    "silu": (activations.silu, torch.nn.functional.silu),
    "relu": (activations.relu, torch.relu),
}


def fused(activation: activations.Activation) -> Callable[[Tensor], Tensor]:
    """sigma as one torch kernel where there is one, else ``activation.value``.

    Args:
        activation: sigma. One of the user's own is taken as it is, whatever its name.

    Returns:
        An element-wise function, differentiable in reverse and forward mode.
    """
    known, kernel = _FUSED.get(activation.name, (None, None))
    if kernel is not None and known == activation:
        return kernel
    return lambda z: activation.value(z)  # type: ignore[return-value]  # tensor in, tensor out
