"""The loop itself: `olgame.play` against NumPy loops written by hand."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import olgame as og
from tests.benchmarks.harness import compare

ROUNDS, DIM, STEP, RADIUS = 100_000, 100, 0.01, 1.0


def bare_loop(target: Any, center: Any, rounds: int) -> float:
    """Projected gradient descent on (1/2) norm(w - a)^2, keeping the sums of regret."""
    w, gradient_sum = center.copy(), np.zeros_like(center)
    loss = inner = squares = 0.0
    for _ in range(rounds):
        g = w - target
        square = g.dot(g)
        loss += 0.5 * square
        squares += square
        inner += g.dot(w - center)
        gradient_sum += g
        difference = w - STEP * g - center
        length = math.sqrt(difference.dot(difference))
        w = center + difference * min(1.0, RADIUS / length) if length > 0 else center
    return inner + RADIUS * math.sqrt(gradient_sum.dot(gradient_sum))


def bare_batched_loop(target: Any, center: Any, rounds: int) -> Any:
    """The same for many games at once, one row each."""
    w, gradient_sum = center.copy(), np.zeros_like(center)
    games = len(center)
    loss, inner, squares = np.zeros(games), np.zeros(games), np.zeros(games)
    for _ in range(rounds):
        g = w - target
        square = np.vecdot(g, g)
        loss += 0.5 * square
        squares += square
        inner += np.vecdot(g, w - center)
        gradient_sum += g
        difference = w - STEP * g - center
        length = np.sqrt(np.vecdot(difference, difference))
        w = center + difference * np.minimum(1.0, RADIUS / np.maximum(length, 1e-300))[:, None]
    return inner + RADIUS * np.sqrt(np.vecdot(gradient_sum, gradient_sum))


def ours(target: Any, center: Any, rounds: int) -> Any:
    adversary = og.adversaries.ObliviousSequence([og.losses.QuadraticLoss(target)] * rounds)
    run = og.play(
        og.learners.OnlineGradientDescent(STEP),
        adversary,
        og.sets.L2Ball(RADIUS, center=center),
        rounds=rounds,
    )
    return og.regret.linear(run).value


def single() -> list[str]:
    """One game of 100,000 rounds in dimension 100."""
    target, center = np.random.default_rng(0).standard_normal((2, DIM))
    np.testing.assert_allclose(
        ours(target, center, 500), bare_loop(target, center, 500), rtol=1e-12
    )
    candidates: dict[str, Callable[[], object]] = {
        f"bare NumPy loop, T = {ROUNDS}, d = {DIM}": lambda: bare_loop(target, center, ROUNDS),
        "olgame.play, all checks and sums": lambda: ours(target, center, ROUNDS),
    }
    return [str(found) for found in compare(candidates, repeats=5)]


def batched(games: int = 64, rounds: int = 5_000) -> list[str]:
    """64 games at once that differ in start, set and data."""
    target, center = np.random.default_rng(0).standard_normal((2, games, DIM))
    np.testing.assert_allclose(
        ours(target, center, 50), bare_batched_loop(target, center, 50), rtol=1e-12
    )
    name = f"bare batched loop, {games} games, T = {rounds}, d = {DIM}"
    candidates: dict[str, Callable[[], object]] = {
        name: lambda: bare_batched_loop(target, center, rounds),
        f"olgame.play, {games} games at once": lambda: ours(target, center, rounds),
    }
    return [str(found) for found in compare(candidates, repeats=7)]


def memory(dim: int = 200_000) -> list[str]:
    """Peak memory of default tracking, for 20 and for 400 rounds."""
    target, center = np.random.default_rng(0).standard_normal((2, dim))
    lines = []
    for rounds in (20, 400):
        tracemalloc.start()
        ours(target, center, rounds)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        lines.append(f"peak of default tracking, d = {dim}, T = {rounds}: {peak / 1e6:.2f} MB")
    return lines
