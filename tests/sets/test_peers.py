"""Projections onto simplices beside those of the optimal-transport library POT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.sets import L1Ball, Simplex

ot: Any = pytest.importorskip("ot.utils")


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.0])
@pytest.mark.parametrize("p", [2, 9, 200])
def test_simplices(p: int, scale: float) -> None:
    points = np.random.default_rng(p).normal(size=(40, p)) * np.geomspace(0.1, 10.0, 40)[:, None]
    peer = ot.proj_simplex(points.T, scale).T
    ours: Any = Simplex(scale=scale).project(points)
    np.testing.assert_allclose(ours, peer, atol=1e-13 * (scale + 10.0))


def test_a_common_offset_is_where_we_differ() -> None:
    """Sorting and summing loses everything under an offset of 1e9; the projection does not move."""
    point = np.array([0.3, 0.1, -0.2])
    right: Any = Simplex().project(point)
    moved: Any = Simplex().project(point + 1e9)
    peer = ot.proj_simplex(point + 1e9)
    assert np.abs(moved - right).max() <= 1e-6  # what the offset leaves of the digits
    assert abs(moved.sum() - 1.0) <= 1e-12
    assert abs(peer.sum() - 1.0) >= 1e-8 or np.abs(peer - right).max() <= 1e-6


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_cross_polytopes_are_simplices_of_absolute_values(radius: float) -> None:
    points = 5.0 * np.random.default_rng(1).normal(size=(40, 12))
    ours: Any = L1Ball(radius).project(points)
    outside = np.abs(points).sum(axis=1) > radius
    peer = np.sign(points) * ot.proj_simplex(np.abs(points).T, radius).T
    np.testing.assert_allclose(ours[outside], peer[outside], atol=1e-12)
