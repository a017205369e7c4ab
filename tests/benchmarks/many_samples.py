"""What thousands of samples cost: certificates one by one, and attacks in pieces."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import olgame as og
import olgame_torch as ogt
from olgame.attacks import PGD, InPieces, ModelObjective
from olgame.certify import output_bound

RADIUS = 0.1
SIZES: tuple[tuple[str, int, int, str, int], ...] = (
    ("softplus", 64, 2966, "l2", 40),
    ("softplus", 64, 2966, "linf", 10),
    ("softplus", 64, 4096, "l2", 40),
    ("softplus", 784, 256, "l2", 40),
    ("softplus", 784, 4096, "l2", 5),
    ("relu", 64, 4096, "l2", 20),
    ("relu", 784, 256, "l2", 20),
    ("relu", 784, 4096, "l2", 3),
)
"""Activation, d, m, norm, and the number of samples that are timed."""


def moved(activation: str, dim: int, width: int, n: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """A network at distance 3 from its start, and inputs on the unit sphere."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    model = ogt.TwoLayerNet(dim=dim, width=width, activation=activation, seed=0)
    step = rng.standard_normal(dim * width)
    w = model.start + torch.as_tensor(step * (3.0 / np.linalg.norm(step)))
    return model, w, model.asarray(x)


def certificates() -> list[str]:
    """CPU time of a certificate, a sample."""
    lines = []
    for activation, dim, width, norm, n in SIZES:
        model, w, x = moved(activation, dim, width, n)
        layers, radius = model.two_layer(w), torch.full((n,), RADIUS, dtype=torch.float64)
        output_bound(layers, x[:2], radius[:2], norm)
        seconds = _cpu(partial(output_bound, layers, x, radius, norm))
        lines.append(f"{activation}, {norm}, d = {dim}, m = {width}: {seconds / n * 1e3:.1f} ms")
    return lines


def pieces() -> list[str]:
    """PGD-10 on 4,096 inputs at once, and in pieces of 1,024: CPU time, best of three in turn."""
    lines, allowed = [], og.perturbations.l2(RADIUS)
    for width, n in ((256, 4096), (2966, 4096)):
        model, w, x = moved("softplus", 784, width, n)
        y = torch.ones(n, dtype=torch.float64)
        objective = ModelObjective(model, w, y, og.losses.hinge)
        times: dict[str, list[float]] = {"whole": [], "in pieces": []}
        for _ in range(3):
            for name, attack in (("whole", PGD()), ("in pieces", InPieces(PGD(), 1024))):
                rng = np.random.default_rng(0)
                times[name].append(_cpu(partial(attack, objective, x, allowed, rng)))
        whole, parts = min(times["whole"]), min(times["in pieces"])
        lines.append(
            f"m = {width}: whole {whole:.2f} s, in pieces {parts:.2f} s, {whole / parts:.2f}"
        )
    return lines


def _cpu(task: Callable[[], object]) -> float:
    begin = time.process_time()
    task()
    return time.process_time() - begin
