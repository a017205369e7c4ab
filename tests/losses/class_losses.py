"""Losses of k logits and what is known of them by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logsumexp

from olgame.losses import (
    RivalLead,
    cross_entropy,
    multiclass_hinge,
    multiclass_logistic,
    multiclass_smoothed_hinge,
)

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """l of one sample as the definition reads, L, L in the largest change, smoothness."""

    value: Callable[[Floats, int], float]
    lipschitz: float
    lipschitz_max: float
    smoothness: float | None


def margin(z: Floats, y: int) -> float:
    return float(z[y] - max(z[j] for j in range(len(z)) if j != y))


def smoothed(s: float) -> float:
    return 0.0 if s >= 1 else (0.5 - s if s <= 0 else 0.5 * (1 - s) ** 2)


ROOT = math.sqrt(2.0)
KNOWN: dict[Any, Known] = {
    cross_entropy: Known(lambda z, y: float(logsumexp(z) - z[y]), ROOT, 2.0, 0.5),
    multiclass_hinge: Known(lambda z, y: max(0.0, 1 - margin(z, y)), ROOT, 2.0, None),
    multiclass_logistic: Known(lambda z, y: float(np.logaddexp(0, -margin(z, y))), ROOT, 2.0, None),
    multiclass_smoothed_hinge: Known(lambda z, y: smoothed(margin(z, y)), ROOT, 2.0, None),
    RivalLead(2): Known(lambda z, y: float(z[2] - z[y]), ROOT, 2.0, None),
}
LOSSES = list(KNOWN)
PROPER = LOSSES[:-1]  # a lead is linear: no slope is a wrong derivative's neighbor
every = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
proper = pytest.mark.parametrize("loss", PROPER, ids=lambda loss: loss.name)
logits = st.lists(st.floats(-30, 30), min_size=4, max_size=4).map(np.array)
label = st.integers(0, 3)
shares = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(np.array)


def sample(n: int = 60, k: int = 4, scale: float = 2.0, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((n, k)), rng.integers(0, k, n).astype(float)


def one(function: Any, z: Floats, y: int) -> Any:
    """A method of a loss at one sample."""
    return function(np.asarray(z)[None], np.array([float(y)]))[0]
