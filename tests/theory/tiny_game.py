"""A short game on a tiny network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from olgame.adversaries import InputAttack
from olgame.attacks import PGD
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses import logistic
from olgame.models import TwoLayerNet
from olgame.perturbations import l2
from olgame.sets import L2Ball
from olgame.transcript import Transcript

Floats = NDArray[np.float64]


def data(seed: int, n: int, dim: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dim))
    y = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return x / np.linalg.norm(x, axis=1, keepdims=True) * 1.5, y


def tiny_run(
    seed: int,
    *,
    activation: str = "softplus",
    width: int = 4,
    radius: float = 2.0,
    rounds: int = 30,
    start_offset: float = 0.0,
    batch_size: int | None = None,
) -> Transcript:
    """A game on a net of a few neurons: kappa is of order 1, nothing is nearly linear."""
    x, y = data(seed, 6, 2)
    model = TwoLayerNet(dim=2, width=width, activation=activation, seed=seed)
    adversary = InputAttack(
        model,
        x,
        y,
        loss=logistic,
        attack=PGD(steps=3),
        perturbation_set=l2(0.2),
        batch_size=batch_size,
    )
    rng = np.random.default_rng(seed)
    start = np.asarray(model.start) + start_offset * rng.normal(size=2 * width)
    return play(
        OnlineGradientDescent(0.5),
        adversary,
        L2Ball(radius + 10.0, center=np.asarray(model.start)),
        rounds=rounds,
        start=start,
        seed=seed,
        keep="examples",
    )
