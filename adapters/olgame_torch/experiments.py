"""The experiments of the core, with torch networks."""

from __future__ import annotations

import torch

from olgame.experiments.deep_demo import deep
from olgame.experiments.demo import demonstration, two_layer
from olgame.experiments.demo_game import Network
from olgame.experiments.width_experiment import what_width_buys as width_experiment
from olgame.theory.kink_moves import DeepModel
from olgame_torch.deep_relu_net import DeepReLUNet
from olgame_torch.two_layer_net import TwoLayerNet

__all__ = ["demo", "what_width_buys"]


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


def _deep_network(
    *, dim: int, width: int, depth: int, seed: int, device: str, dtype: str
) -> DeepModel:
    return DeepReLUNet(
        dim=dim, width=width, depth=depth, seed=seed, device=device, dtype=getattr(torch, dtype)
    )


demo = demonstration({"two-layer": two_layer(_network), "deep": deep(_deep_network)})
"""``olgame demo``: registered under the entry-point group ``olgame.experiments``."""

what_width_buys = width_experiment(_network)
"""``olgame what-width-buys``, registered likewise."""
