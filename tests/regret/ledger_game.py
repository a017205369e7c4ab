"""A short game on a small network, whose books are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

import olgame as og
from olgame.adversaries import InputAttack
from olgame.learners import OnlineGradientDescent

ROUNDS, RADIUS, WIDTH, DIM = 25, 2.0, 32, 5


def samples(seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(14) % 2, 1.0, -1.0)
    x = rng.standard_normal((14, DIM)) + 0.8 * y[:, None]
    return x / np.sqrt(np.sum(x**2, axis=1, keepdims=True)), y


def network(activation: str = "softplus", paired: bool = True) -> og.models.TwoLayerNet:
    return og.models.TwoLayerNet(dim=DIM, width=WIDTH, activation=activation, seed=1, paired=paired)


def played(
    model: Any = None, loss: Any = None, step: Any = 3.0, decision_set: Any = None, **options: Any
) -> og.Transcript:
    model = network() if model is None else model
    x, y = samples()
    adversary = InputAttack(
        model,
        x,
        y,
        loss=og.losses.logistic if loss is None else loss,
        attack=og.attacks.PGD(steps=4),
        perturbation_set=og.perturbations.l2(0.2),
    )
    decision_set = model.neighborhood(RADIUS) if decision_set is None else decision_set
    return og.play(
        OnlineGradientDescent(step),
        adversary,
        decision_set,
        rounds=ROUNDS,
        keep="points",
        **options,
    )
