"""How the linearization error of deep networks goes with width and depth: short games, slopes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from olgame import theory
from olgame.data import Dataset
from olgame.experiments.deep_game import NARROWEST, DeepGame, MakeDeepNetwork
from olgame.experiments.demo_game import measured_gradient_bound
from olgame.experiments.demo_settings import DemoSettings
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.observers import LinearizationError, Observer
from olgame.theory.deep_shape import EXPONENTS

__all__ = ["QUANTITIES", "trends"]

ROUNDS = 20
SAMPLES = 32
SEARCHED = 2
DEPTHS = (1, 2, 3, 4)

QUANTITIES = ("searched", "path", "edge", "output", "gradient")
"""What is measured of every network: the linearization error in searched directions, along the
path and where its direction leaves B(R); the size of f(W_0), and of its gradient by a layer."""

RECALLED = {
    "width": {
        "searched": EXPONENTS["linearization error"]["width"],
        "path": EXPONENTS["linearization error"]["width"],
        "edge": EXPONENTS["linearization error"]["width"],
        "output": 0.0,
        "gradient": 0.5,
    },
    "depth": {
        "searched": EXPONENTS["linearization error"]["depth"],
        "path": EXPONENTS["linearization error"]["depth"],
        "edge": EXPONENTS["linearization error"]["depth"],
        "output": 0.0,
        "gradient": 0.0,
    },
}
"""The exponents that go with them (of the error: of an upper bound, in the ball)."""

Section = dict[str, Any]


def trends(
    settings: DemoSettings,
    game: DeepGame,
    make_network: MakeDeepNetwork,
    observers: tuple[Observer, ...],
) -> Iterator[tuple[str, Section]]:
    """The two trends, one after the other: (name, section) pairs.

    Widths are the game's and its halves down to an eighth, at its depth; depths are 1 to 4, at half
    its width. Every network plays a short game on a part of the data, from several seeds, with the
    step that its own first gradient suggests; R is the game's.
    """
    m, depth = game.model.width, game.model.depth
    x, y = game.data.train
    chosen = np.linspace(0, len(y) - 1, min(SAMPLES, len(y))).astype(int)
    data = Dataset(np.asarray(x)[chosen], np.asarray(y)[chosen])
    widths = [m // NARROWEST, m // 4, m // 2, m]
    sizes = {
        "width": [(width, depth) for width in widths],
        "depth": [(m // 2, d) for d in DEPTHS],
    }
    for name, pairs in sizes.items():
        found = [
            _measure(settings, game, make_network, data, pair, seed, observers)
            for pair in pairs
            for seed in range(settings.trend_seeds)
        ]
        at = [pair[0] if name == "width" else pair[1] for pair in pairs]
        yield name, _section(name, at, found, settings.trend_seeds)


def _measure(
    settings: DemoSettings,
    game: DeepGame,
    make_network: MakeDeepNetwork,
    data: Dataset,
    sizes: tuple[int, int],
    seed: int,
    observers: tuple[Observer, ...],
) -> dict[str, float]:
    """One network: a short game, and the constants."""
    width, depth = sizes
    model = make_network(
        dim=data.x.shape[1],
        width=width,
        depth=depth,
        seed=seed,
        device=settings.device,
        dtype=settings.dtype,
    )
    theorem, radius = theory.DeepReLU(), settings.weight_radius
    x, y = model.asarray(data.x), model.asarray(data.y)
    adversary = attrs.evolve(game.adversary, model=model, x=x, y=y)
    steps = theorem.suggest(
        model,
        measured_gradient_bound(adversary, seed),
        weight_radius=radius,
        rounds=ROUNDS,
        safety=1.0,
    )
    run = play(
        OnlineGradientDescent(steps.step_size),
        adversary,
        model.neighborhood(radius),
        rounds=ROUNDS,
        seed=seed,
        keep="examples",
        observers=(*observers, LinearizationError(model, every=ROUNDS)),
    )
    constants = theorem.measure(
        model, x, weight_radius=radius, run=run, searched_inputs=SEARCHED, seed=seed
    )
    layers = constants.layer_gradients * width**0.5
    return {
        "searched": float(constants.searched_error or 0.0),
        "path": float(constants.path_error or 0.0),
        "edge": float(constants.edge_error or 0.0),
        "output": constants.output,
        "gradient": float(np.sqrt((layers**2).mean())),
    }


def _section(name: str, at: Sequence[int], found: list[dict[str, float]], seeds: int) -> Section:
    """Averages over seeds with their standard errors, and the slopes of all points."""
    every = np.repeat(np.asarray(at, dtype=np.float64), seeds)
    columns = {key: np.array([one[key] for one in found]) for key in QUANTITIES}
    section: Section = {"at": list(at), "seeds": seeds, "rounds": ROUNDS, "quantities": {}}
    for key, values in columns.items():
        table = values.reshape(len(at), seeds)
        spread = table.std(axis=1, ddof=1) / seeds**0.5 if seeds > 1 else np.full(len(at), np.nan)
        law = theory.fit_power_law(every, values) if (values > 0.0).all() else None
        section["quantities"][key] = {
            "mean": table.mean(axis=1),
            "standard_error": spread,
            "exponent": None if law is None else law.exponent,
            "exponent_error": None if law is None else law.standard_error,
            "prefactor": None if law is None else law.prefactor,
            "recalled": RECALLED[name][key],
        }
    return section
