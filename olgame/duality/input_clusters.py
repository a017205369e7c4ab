"""The inputs of a game in few groups: a sample is played at hardly more than a few points."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.duality.weighted_samples import WeightedSamples

__all__ = ["InputClusters", "input_clusters"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class InputClusters:
    """Every input and the mean of the inputs it stands with.

    Attributes:
        centers: Means, shape ``(C, d)``.
        of: Which of them, shape ``(N,)``.
    """

    centers: Floats
    of: NDArray[np.intp]


def input_clusters(samples: WeightedSamples, most: int) -> InputClusters:
    """At most ``most`` groups of the rounds for every sample.

    An attack that has converged answers with nearly the same point in every round; where the loss
    is 0 it stays at the clean one. Leaders are taken one after the other, the first round's input
    and then always the input that is farthest from all leaders; every input goes to the nearest.
    A choice, on which nothing rests but the speed of a search.

    Args:
        samples: The rounds.
        most: Groups a sample.

    Returns:
        The `InputClusters`, empty ones left out.

    Example:
        >>> from olgame.duality.weighted_samples import weighted_samples
        >>> from olgame.losses import hinge
        >>> from olgame.models import LinearModel
        >>> rounds = [np.array([[c]]) for c in (0.0, 1.0, 0.1)]
        >>> found = input_clusters(
        ...     weighted_samples(rounds, np.ones(1), None, LinearModel(1), hinge, "doctest"), 2
        ... )
        >>> found.centers.ravel(), found.of
        (array([0.05, 1.  ]), array([0, 1, 0]))
    """
    rounds = [to_numpy(block).reshape(-1, samples.dim) for block in samples.blocks]
    n, each = samples.per_round, np.arange(samples.per_round)
    nearest = np.full((len(rounds), n), np.inf)
    of = np.zeros((len(rounds), n), dtype=np.intp)
    leader = rounds[0]
    for k in range(most):
        for t, x in enumerate(rounds):
            apart = ((x - leader) ** 2).sum(axis=1)
            closer = apart < nearest[t]
            of[t, closer] = k
            nearest[t, closer] = apart[closer]
        far = nearest.argmax(axis=0)
        leader = np.stack([rounds[int(t)][i] for i, t in zip(each, far, strict=True)])
    used, compact = np.unique(of * n + each, return_inverse=True)
    compact = compact.reshape(-1)
    centers = np.zeros((len(used), samples.dim))
    for t, x in enumerate(rounds):
        centers[compact[t * n : (t + 1) * n]] += x  # no two of a round are of one group
    return InputClusters(centers / np.bincount(compact)[:, None], compact)
