"""Sixty-four games at once are sixty-four games; a state that was copied goes on as if not."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.packed_state import pack, unpack
from tests.learners.many_learner_games import (
    GAMES,
    ROUNDS,
    SEEDS,
    TABLE,
    gradients,
    play,
    points,
)


@pytest.mark.parametrize("name", TABLE)
def test_each_of_64_games_is_the_single_game(name: str) -> None:
    entry = TABLE[name]
    together = play(entry, None)
    found = points(together)
    regret: Any = og.regret.linear(together).value if "unbounded" not in name else None
    for game in range(GAMES):
        alone = play(entry, game)
        np.testing.assert_allclose(found[:, game], points(alone), rtol=0, atol=1e-12 * size(found))
        if regret is not None:
            assert regret[game] == pytest.approx(og.regret.linear(alone).value, abs=1e-10)
    # The games are different games.
    assert np.unique(np.round(found[-1], 9), axis=0).shape[0] > 2


def size(x: Any) -> float:
    """1, or the size of what the wealth of an unbounded bettor reaches."""
    return max(1.0, float(np.abs(x).max()))


@pytest.mark.parametrize("name", TABLE)
def test_a_state_copied_in_mid_game_goes_on_bit_for_bit(name: str) -> None:
    entry, game = TABLE[name], 3
    learner, rows = entry.learner(SEEDS[game]), gradients()[:, game]
    run = points(play(entry, game))
    state = learner.init(entry.starts()[game], entry.decision_set(np.linspace(-1.0, 1.0, 5)))
    fresh = learner.init(entry.starts()[game], entry.decision_set(np.linspace(-1.0, 1.0, 5)))
    saved: list[Any] = []
    for t in range(1, ROUNDS + 1):
        if t == ROUNDS // 2:
            saved = [learner.copy(state), copy.deepcopy(state), stored(state, fresh)]
        state = learner.update(state, told(t, learner.decide(state), rows))
    for other in saved:
        for t in range(ROUNDS // 2, ROUNDS + 1):
            np.testing.assert_array_equal(np.asarray(learner.decide(other)), run[t - 1])
            other = learner.update(other, told(t, learner.decide(other), rows))
        np.testing.assert_array_equal(np.asarray(learner.decide(other)), run[-1])


def told(t: int, point: Any, rows: Any) -> og.Feedback:
    g = rows[t - 1]
    return og.Feedback(t, point, float(g @ np.asarray(point)), g, og.losses.LinearLoss(g))


def stored(state: Any, fresh: Any) -> Any:
    """The state as a checkpoint holds it: numbers in a document of JSON, and arrays."""
    arrays: Any = {}
    document = json.loads(json.dumps(pack(state, arrays), allow_nan=False))
    kept = {
        name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()
    }
    return unpack(document, fresh, kept, np.zeros(1))
