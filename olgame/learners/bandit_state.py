"""What gradient descent on estimated gradients remembers."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like
from olgame.exceptions import NotAvailableError
from olgame.game_generators import game_generator
from olgame.learners.per_game import per_game
from olgame.learners.shrunk_set import ShrunkSet
from olgame.randomness import Seed, check_seed
from olgame.typing import Array

__all__ = ["BanditState", "estimated", "is_seed", "seed_of_game", "unit_direction"]


def is_seed(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: a non-negative integer, or one for each game."""
    check_seed(value, type(instance).__name__)


def seed_of_game(seed: Seed, index: tuple[int, ...]) -> Seed:
    """The seed of one game of a batch.

    Raises:
        NotAvailableError: One seed for each game, and several leading axes.
    """
    if isinstance(seed, int):
        return seed
    if len(index) != 1:
        raise NotAvailableError(
            "A learner with one seed for each game knows its games by one leading axis, got the "
            f"index {index}."
        )
    return seed[index[0]]


def unit_direction(seed: Seed, round: int, like: Array) -> Array:
    """v_t, uniform on the unit sphere, keyed by (seed, round); one for each game.

    Args:
        seed: One seed, or one for each game.
        round: t.
        like: A point, shape ``(..., p)``.

    Returns:
        Shape ``(..., p)``, of the kind of ``like``.
    """
    rng = game_generator(seed, tuple(like.shape[:-1]), "bandit", round)
    draw = rng.standard_normal(tuple(like.shape))
    direction: Array = as_like(draw / np.sqrt(np.vecdot(draw, draw))[..., None], like)
    return direction


def estimated(slope: Any, direction: Array) -> Array:
    """p slope v, the gradient that a slope along v stands for; ``slope`` has one number a game."""
    estimate: Array = per_game(slope * float(direction.shape[-1]), direction) * direction
    return estimate


@attrs.define(eq=False)
class BanditState:
    """The point, and what the next estimate is made of.

    Attributes:
        point: W_t, the point that is played, shape ``(..., p)``.
        iterate: z_t in the shrunk set, around which is explored.
        direction: v_t.
        shrunk: K_s.
        estimate: the estimated gradient of the round before; 0 before the first.
    """

    point: Array
    iterate: Array
    direction: Array
    shrunk: ShrunkSet
    estimate: Any
