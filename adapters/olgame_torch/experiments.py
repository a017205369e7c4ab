"""The experiments of the core, with torch networks."""

from __future__ import annotations

import torch

from olgame.experiments.demo import two_layer_demo
from olgame.experiments.demo_game import Network
from olgame_torch.two_layer_net import TwoLayerNet

__all__ = ["demo"]


def _network(
    *, dim: int, width: int, activation: str, seed: int, device: str, dtype: str
) -> Network:
    return TwoLayerNet(
        dim=dim,
        width=width,
        activation=activation,
        seed=seed,
        device=device,
        dtype=getattr(torch, dtype),
    )


demo = two_layer_demo(_network)
"""``olgame demo``: registered under the entry-point group ``olgame.experiments``."""
