"""The same learners on tensors: in float64 the transcripts of the NumPy games."""

from __future__ import annotations

import numpy as np
import pytest

from olgame.arrays import to_numpy
from tests.learners.many_learner_games import TABLE, play, points

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("game", [None, 5], ids=["64 games", "one game"])
@pytest.mark.parametrize("name", TABLE)
def test_the_transcript_is_that_of_numpy(name: str, game: int | None) -> None:
    ours = play(TABLE[name], game)
    theirs = play(TABLE[name], game, torch.tensor)
    assert all(isinstance(point, torch.Tensor) for point in theirs.points or ())
    found, expected = points(theirs), points(ours)
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * size)
    for column in ("loss", "inner", "distance", "gradient_norm"):
        one, other = getattr(theirs, column), getattr(ours, column)
        largest = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * largest)
    np.testing.assert_allclose(
        to_numpy(theirs.gradient_sum), to_numpy(ours.gradient_sum), rtol=0, atol=1e-11
    )
