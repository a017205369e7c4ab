"""Modules of a user, and points at which they are looked at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from olgame_torch import TorchModel

F64 = torch.float64


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return build().to(F64)


def drawn_at(model: TorchModel, n: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    p = model.start.numel()
    w = model.start + model.asarray(0.1 * rng.standard_normal(p))
    x, v, c = (model.asarray(rng.standard_normal(s)) for s in ((n, model.dim), (p,), (n,)))
    return w, x, v, c
