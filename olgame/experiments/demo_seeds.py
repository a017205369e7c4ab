"""The demonstration's game for many seeds: played at once, judged one by one."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from olgame import regret, theory
from olgame.exceptions import NotAvailableError
from olgame.experiments.demo_game import DemoGame
from olgame.experiments.demo_settings import DemoSettings
from olgame.observers import Observer
from olgame.transcript import Transcript

__all__ = ["over_seeds"]

LEVEL = 0.95
"""Of the intervals of the report."""

IN_MEMORY = 10**9
"""Bytes of played inputs up to which games are played together."""

Section = dict[str, Any]


def over_seeds(
    settings: DemoSettings,
    game: DemoGame,
    alone: Transcript,
    keep_in: Any,
    observers: tuple[Observer, ...],
) -> Section:
    """What the game of the settings shows with other seeds: the numbers of every seed.

    The seeds are ``seed``, ``seed`` + 1, ...; each makes another start. Data, step size and rounds
    are those of the first. As many games are played at once as keep their inputs in memory; every
    one has its own ledger, floor and verdict.

    Args:
        settings: With ``seeds`` of at least 2.
        game: The game of the first seed.
        alone: Its transcript, played by itself.
        keep_in: Where the inputs of one game are kept that are too large for memory.
        observers: Who watches.

    Returns:
        The section ``seeds`` of the results.
    """
    seeds = list(range(settings.seed, settings.seed + settings.seeds))
    at_once = max(1, min(len(seeds), IN_MEMORY // max(1, game.kept_bytes)))
    begin = time.perf_counter()
    losses, curves, found = [], [], []
    for some in _portions(seeds, at_once):
        run = _played(settings, game, some, keep_in if at_once == 1 else None, observers)
        losses.append(run.loss)
        curves.append(regret.linear_curve(run))
        found += [_judged(settings, game, single) for single in run.each_game()]
    loss = np.concatenate(losses, axis=1)
    count = min(len(loss), alone.rounds)
    return {
        "seeds": seeds,
        "level": LEVEL,
        "loss": loss,
        "linear": np.concatenate(curves, axis=1),
        "rows": _rows(found),
        "conclusions": dict(Counter(one["conclusion"] for one in found)),
        "failing": _named(seeds, [one["failing"] for one in found]),
        "open": [seed for seed, one in zip(seeds, found, strict=True) if not one["closes"]],
        "alone": float(np.abs(loss[:count, 0] - alone.loss[:count]).max(initial=0.0)),
        "at_once": at_once,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def _portions(seeds: list[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(seeds), size):
        yield seeds[first : first + size]


def _played(
    settings: DemoSettings,
    game: DemoGame,
    seeds: list[int],
    keep_in: Any,
    observers: tuple[Observer, ...],
) -> Transcript:
    network: Any = game.model
    model = attrs.evolve(network, seed=seeds)
    several = attrs.evolve(game, model=model)
    return several.play(
        attrs.evolve(game.adversary, model=model),
        settings.weight_radius,
        seed=seeds,
        keep="examples",
        keep_in=keep_in,
        observers=observers,
    )


def _judged(settings: DemoSettings, game: DemoGame, run: Transcript) -> Section:
    """What is found out about one game."""
    books = regret.ledger(run, run.final_point)
    bounds = theory.ProjectedOGD("fixed").check(run)
    numbers: Section = {
        "loss at the start": run.loss[0],
        "average loss": run.loss.mean(),
        "minimum loss": run.loss.min(),
        "linear regret / T, largest over u": bounds.regret.value / run.rounds,
    }
    if bounds.posterior is not None:
        numbers["bound a posteriori / T"] = bounds.posterior.value / run.rounds
    floor = None
    with contextlib.suppress(NotAvailableError):  # ReLU has none from the run's own sums
        floor = theory.floor(run, settings.weight_radius)
        numbers["free floor"] = floor.value
        numbers["minimum loss - free floor"] = run.loss.min() - floor.value
    numbers["closing error of the ledger"] = books.closing_error
    verdict = game.theorem.check(
        run, accuracy=settings.accuracy, weight_radius=settings.weight_radius, floor=floor
    )
    return {
        "numbers": numbers,
        "closes": books.closes,
        "conclusion": verdict.conclusion,
        "failing": [premise.name for premise in verdict.premises.failing],
    }


def _rows(found: list[Section]) -> list[Section]:
    """Quantities that every game has, with the number of each."""
    names = [n for n in found[0]["numbers"] if all(n in one["numbers"] for one in found)]
    return [
        {"quantity": name, "values": np.array([float(one["numbers"][name]) for one in found])}
        for name in names
    ]


def _named(seeds: list[int], failing: list[list[str]]) -> dict[str, list[int]]:
    """For every premise that fails somewhere, the seeds where it does."""
    names = sorted({name for some in failing for name in some})
    return {
        name: [s for s, some in zip(seeds, failing, strict=True) if name in some] for name in names
    }
