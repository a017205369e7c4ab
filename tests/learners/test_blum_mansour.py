"""The weights that no copy would leave, and the swap regret of what plays them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    Hedge,
    RegretMatching,
)
from olgame.learners.stationary_weights import stationary_weights
from tests.learners.expert_games import Floats, oblivious, played, swap_regret, weights_and_losses


@pytest.mark.parametrize("p", [1, 2, 3, 7, 40])
def test_stationary_weights_against_an_eigenvector(p: int) -> None:
    rows = np.random.default_rng(p).dirichlet(np.ones(p), (4, p))
    found = stationary_weights(rows)
    for chain, pi in zip(rows, np.asarray(found), strict=True):
        values, vectors = np.linalg.eig(chain.T)
        vector = np.real(vectors[:, np.argmin(np.abs(values - 1.0))])
        np.testing.assert_allclose(pi, vector / vector.sum(), rtol=1e-10)


def test_stationary_weights_are_accurate_in_every_entry() -> None:
    """Two states that are left with probability a and b: pi = (b, a)/(a + b), at any size."""
    for a, b in ((1e-3, 1e-300), (1e-250, 0.5), (1e-320, 1e-3), (0.25, 0.25)):
        pi = stationary_weights(np.array([[1.0 - a, a], [b, 1.0 - b]]))
        larger = max(a, b)
        expected = np.array([b / larger, a / larger]) / (a / larger + b / larger)
        np.testing.assert_allclose(pi, expected, rtol=1e-14)


REDUCIBLE = {
    "two closed classes": [[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.1, 0.9], [0, 0, 0.9, 0.1]],
    "identity": np.eye(4),
    "last absorbs": [[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]],
    "first absorbs": [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5]],
    "periodic": [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]],
    "middle absorbs": [[0.2, 0.8, 0, 0], [0, 1, 0, 0], [0.3, 0.3, 0.4, 0], [0, 0, 1, 0]],
}


@pytest.mark.parametrize("name", REDUCIBLE)
def test_stationary_weights_of_chains_that_an_eigenvector_gets_wrong(name: str) -> None:
    chain = np.asarray(REDUCIBLE[name], dtype=float)
    pi = np.asarray(stationary_weights(chain))
    assert pi.min() >= 0.0
    assert pi.sum() == pytest.approx(1.0, rel=1e-15)
    np.testing.assert_allclose(pi @ chain, pi, atol=1e-15)


def second_thoughts(size: int) -> Floats:
    """Expert 1 leads, then 2; and all the while that 2 leads, 3 would have been better."""
    phases = (([0.0, 1 / 3, 1.0], 3 * size), ([1.0, 0.0, 0.0], size), ([1.0, 0.9, 0.0], 2 * size))
    return np.concatenate([np.tile(row, (rounds, 1)) for row, rounds in phases])


@pytest.mark.parametrize("base", [Hedge(0.1), RegretMatching(), AdaHedge()], ids=repr)
def test_swap_regret_is_linear_for_the_base_and_not_for_the_copies(base: Any) -> None:
    rows = second_thoughts(100)
    rounds, first = len(rows), np.full(3, 1 / 3)
    for learner, least, most in ((base, 0.2, 0.4), (BlumMansour(base), 0.0, 0.05)):
        run = played(learner, oblivious(rows), rounds=rounds, first=first)
        assert og.regret.linear(run).value <= 0.02 * rounds
        assert least <= swap_regret(*weights_and_losses(run)) / rounds <= most


def test_a_learner_that_projects_can_be_the_copies() -> None:
    """Its matrices have zeros, and chains that are not irreducible."""
    rows = second_thoughts(50)
    learner = BlumMansour(og.learners.OnlineGradientDescent(0.05))
    run = played(learner, oblivious(rows), rounds=len(rows), first=np.full(3, 1 / 3))
    assert swap_regret(*weights_and_losses(run)) <= math.sqrt(3 * len(rows))
