"""Sixteen seeds of a two-layer game at once, and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import olgame as og
import olgame_torch as ogt
from olgame.models.grouped_evaluation import game_groups
from tests.benchmarks.harness import compare

SEEDS, STEPS, RADIUS = range(16), 10, 3.0
SIZES = ((64, 16, 64, 20), (100, 64, 64, 8), (128, 64, 256, 2), (360, 64, 1024, 1))
"""Samples, dimension, width, rounds: of the games that the figures are of, and of larger ones."""


def parts(library: str, samples: int, dim: int, width: int, seed: Any, device: str) -> Any:
    """Model and adversary for one seed, or for many."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(samples) % 2, 1.0, -1.0)
    x = og.data.normalize(rng.standard_normal((samples, dim)) + 0.2 * y[:, None])
    model: Any = og.models.TwoLayerNet(dim=dim, width=width, seed=seed)
    if library == "torch":
        model = ogt.TwoLayerNet(dim=dim, width=width, seed=seed, device=device)
    return og.adversaries.InputAttack(
        model,
        x,
        y,
        loss=og.losses.logistic,
        attack=og.attacks.PGD(steps=STEPS, random_start=True),
        perturbation_set=og.perturbations.l2(0.1),
    )


def play(adversary: Any, seed: Any, rounds: int) -> og.Transcript:
    ball, learner = adversary.model.neighborhood(RADIUS), og.learners.OnlineGradientDescent(0.5)
    return og.play(learner, adversary, ball, rounds=rounds, seed=seed)


def table(device: str = "cpu") -> list[str]:
    """For every size and library: the ratio, and what the arithmetic alone takes."""
    lines = []
    for library in ("torch",) if device != "cpu" else ("torch", "NumPy"):
        for size in SIZES:
            lines += of_size(library, *size, device)
    return lines


def of_size(
    library: str, samples: int, dim: int, width: int, rounds: int, device: str
) -> list[str]:
    together = parts(library, samples, dim, width, SEEDS, device)
    alone = [parts(library, samples, dim, width, seed, device) for seed in SEEDS]
    run = play(together, SEEDS, rounds=2)
    gap = max(
        float(np.abs(run.loss[:, i] - play(adversary, i, rounds=2).loss).max())
        for i, adversary in enumerate(alone)
    )

    def one_by_one() -> None:
        for seed, adversary in enumerate(alone):
            play(adversary, seed, rounds)

    arithmetic = torch_arithmetic if library == "torch" else numpy_arithmetic
    name = f"{library}, n = {samples}, d = {dim}, m = {width}"
    candidates: dict[str, Callable[[], object]] = {
        f"{name}: 16 games in turn": one_by_one,
        "  16 at once": lambda: play(together, SEEDS, rounds),
        "  products and activations of 16 alone": arithmetic(samples, dim, width, rounds, device),
    }
    found = [str(c) for c in compare(candidates, repeats=5)]
    product = len(SEEDS) * samples * dim * width / 1e6
    return [
        *found,
        f"  a round: {2 * STEPS + 5} batches of products, {product:.0f} M multiply-adds each; "
        f"temporaries of {8e-6 * len(SEEDS) * samples * width:.1f} MB; losses differ by {gap:.0e}",
    ]


def torch_arithmetic(
    samples: int, dim: int, width: int, rounds: int, device: str
) -> Callable[[], None]:
    """What no implementation avoids: the products and the activations of all rounds.

    A round has STEPS + 3 forward passes (clean, STEPS + 1 of the attack, one of the gradient),
    STEPS pullbacks to the inputs and one to the weights. Values and slopes of the activation are
    computed once for every pass that needs them.
    """
    draw = torch.Generator().manual_seed(0)
    shape = (len(SEEDS), samples)
    kind: Any = {"dtype": torch.float64, "generator": draw}
    x, w = torch.randn(*shape, dim, **kind), torch.randn(len(SEEDS), width, dim, **kind)
    x, w = x.to(device), w.to(device)
    sigma = torch.nn.functional.softplus

    def work() -> None:
        for _ in range(rounds):
            for games in game_groups(w, x, width):  # in the cache, as the network does it
                for _ in range(STEPS + 3):
                    z = x[games] @ w[games].mT
                    value = sigma(z)
                for _ in range(STEPS):
                    _ = torch.sigmoid(z) @ w[games]
                _ = value.mT @ x[games]
        if device != "cpu":
            torch.cuda.synchronize()

    return work


def numpy_arithmetic(
    samples: int, dim: int, width: int, rounds: int, device: str
) -> Callable[[], None]:
    """The same in NumPy, with the activation of the library."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((16, samples, dim)), rng.standard_normal((16, width, dim))
    softplus = og.activations.softplus

    def work() -> None:
        for _ in range(rounds):
            for games in game_groups(w, x, width):
                for _ in range(STEPS + 3):
                    z: Any = x[games] @ np.swapaxes(w[games], 1, 2)
                    value: Any = softplus.value(z)
                for _ in range(STEPS):
                    slope: Any = softplus.derivative(z)
                    _ = slope @ w[games]
                _ = np.swapaxes(value, 1, 2) @ x[games]

    return work
