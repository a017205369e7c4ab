"""Beside another library, where it is installed: the same points from the same losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame import Feedback
from olgame.learners import BlumMansour, Hedge, RegretMatching, RegretMatchingPlus
from olgame.sets import Simplex

noregret = pytest.importorskip("noregret.regret_minimizers")
T, P = 200, 6


def swap_peer(p: int) -> Any:
    return noregret.BlumMansour(p, lambda d: noregret.MultiplicativeWeightsUpdate(d, 0.3))


PAIRS: dict[str, tuple[Any, Any]] = {
    "hedge": (Hedge(0.3), lambda p: noregret.MultiplicativeWeightsUpdate(p, 0.3)),
    "regret matching": (RegretMatching(), noregret.RegretMatching),
    "regret matching+": (RegretMatchingPlus(), noregret.RegretMatchingPlus),
    "blum-mansour": (BlumMansour(Hedge(0.3)), swap_peer),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("seed", range(3))
def test_the_points_are_those_of_noregret(name: str, seed: int) -> None:
    learner, make = PAIRS[name]
    rng = np.random.default_rng(seed)
    losses = rng.standard_normal((T, P)) + rng.standard_normal(P)
    start = np.full(P, 1.0 / P)
    state, peer = learner.init(start, Simplex()), make(P)
    for t, g in enumerate(losses, start=1):
        point = np.asarray(learner.decide(state))
        np.testing.assert_allclose(point, peer.next_strategy(), rtol=0, atol=1e-10)
        peer.observe_utility(-g)  # it gains where we lose
        state = learner.update(state, Feedback(t, point, float(g @ point), g, None))
    assert math.isfinite(float(np.asarray(learner.decide(state)).sum()))
