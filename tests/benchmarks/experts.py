"""Hedge: `olgame.play` against NumPy loops written by hand, and another library beside it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import olgame as og
from tests.benchmarks.harness import compare

ROUNDS, EXPERTS = 100_000, 100


def bare_loop(losses: Any, start: Any, eta: float) -> float:
    """Exponential weights, keeping the sums of regret."""
    w, total = start.copy(), np.zeros_like(start)
    suffered = inner = squares = 0.0
    for g in losses:
        suffered += g.dot(w)
        inner += g.dot(w - start)
        squares += g.dot(g)
        total += g
        w = np.exp(-eta * (total - total.min()))
        w /= w.sum()
    return float(inner - total.min() + total.dot(start))


def bare_batched_loop(losses: Any, start: Any, eta: float) -> Any:
    """The same for many games at once, one row each."""
    w, total = start.copy(), np.zeros_like(start)
    games = len(start)
    suffered, inner, squares = np.zeros(games), np.zeros(games), np.zeros(games)
    for g in losses:
        suffered += np.vecdot(g, w)
        inner += np.vecdot(g, w - start)
        squares += np.vecdot(g, g)
        total += g
        w = np.exp(-eta * (total - total.min(axis=-1, keepdims=True)))
        w /= w.sum(axis=-1, keepdims=True)
    return inner - total.min(axis=-1) + np.vecdot(total, start)


def ours(losses: Any, start: Any, eta: float) -> Any:
    adversary = og.adversaries.ObliviousSequence(losses)
    run = og.play(
        og.learners.Hedge(eta), adversary, og.sets.Simplex(), rounds=len(losses), start=start
    )
    return og.regret.linear(run).value


def peer(minimizers: Any, losses: Any, eta: float) -> None:
    """noregret's multiplicative weights, which sum utilities and regrets but check nothing."""
    learner = minimizers.MultiplicativeWeightsUpdate(EXPERTS, eta, is_time_symmetric=True)
    for g in losses:
        learner.next_strategy()
        learner.observe_utility(-g)


def single() -> list[str]:
    """One game of 100,000 rounds with 100 experts."""
    rows = [*np.random.default_rng(0).random((ROUNDS, EXPERTS))]
    losses = [og.losses.LinearLoss(g) for g in rows]
    start = np.full(EXPERTS, 1.0 / EXPERTS)
    eta = math.sqrt(8.0 * math.log(EXPERTS) / ROUNDS)
    np.testing.assert_allclose(
        ours(losses[:500], start, eta), bare_loop(rows[:500], start, eta), rtol=1e-10
    )
    candidates: dict[str, Callable[[], object]] = {
        f"bare NumPy loop, T = {ROUNDS}, d = {EXPERTS}": lambda: bare_loop(rows, start, eta),
        "olgame.play, all checks and sums": lambda: ours(losses, start, eta),
    }
    try:
        minimizers = importlib.import_module("noregret.regret_minimizers")
        candidates["noregret 0.0.0.dev3"] = lambda: peer(minimizers, rows, eta)
    except ImportError:
        pass
    return [str(found) for found in compare(candidates, repeats=5)]


def batched(games: int = 64, rounds: int = 5_000) -> list[str]:
    """64 games at once that differ in start and data."""
    rng = np.random.default_rng(0)
    rows = [*rng.random((rounds, games, EXPERTS))]
    losses = [og.losses.LinearLoss(g) for g in rows]
    start = np.full((games, EXPERTS), 1.0 / EXPERTS)
    eta = math.sqrt(8.0 * math.log(EXPERTS) / rounds)
    np.testing.assert_allclose(
        ours(losses[:50], start, eta), bare_batched_loop(rows[:50], start, eta), rtol=1e-10
    )
    name = f"bare batched loop, {games} games, T = {rounds}, d = {EXPERTS}"
    candidates: dict[str, Callable[[], object]] = {
        name: lambda: bare_batched_loop(rows, start, eta),
        f"olgame.play, {games} games at once": lambda: ours(losses, start, eta),
    }
    return [str(found) for found in compare(candidates, repeats=7)]
