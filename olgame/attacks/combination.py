"""What combinators of attacks share: generators of their own, and the best of two results."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from olgame.arrays import kernels
from olgame.attacks.attack import AttackResult
from olgame.game_generators import GameGenerators

__all__ = ["better", "child"]


def child(rng: np.random.Generator) -> np.random.Generator:
    """An independent generator, seeded by four draws from ``rng``.

    Drawn, not spawned: `numpy.random.Generator.spawn` counts its children outside the state of
    the bit generator, and a Philox made from a key cannot spawn at all.
    """
    if isinstance(rng, GameGenerators):  # each game's own child
        return cast(np.random.Generator, rng.map(child))
    entropy = [int(draw) for draw in rng.integers(0, 2**63, size=4)]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def better(first: AttackResult, second: AttackResult) -> AttackResult:
    """Per sample the larger loss (``first`` where equal); counters add, traces are joined."""
    xp: Any = kernels(first.loss).xp
    untraced = first.trace is None or second.trace is None
    second_wins = xp.greater(second.loss, first.loss)
    return AttackResult(
        x=xp.where(second_wins[..., None], second.x, first.x),
        loss=xp.maximum(first.loss, second.loss),
        clean_loss=first.clean_loss,
        n_values=first.n_values + second.n_values,
        n_gradients=first.n_gradients + second.n_gradients,
        trace=None if untraced else xp.concat((first.trace, second.trace), axis=0),
    )
