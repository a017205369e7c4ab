"""Games of experts, and one step of the proof of each of their learners."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    Hedge,
    RegretMatching,
    RegretMatchingPlus,
)
from olgame.losses import LinearLoss
from olgame.step_sizes import Decreasing
from olgame.theory import (
    AdaHedgeBound,
    BlumMansourBound,
    HedgeBound,
    RegretMatchingBound,
)

Floats = NDArray[np.float64]
P, T = 5, 60
FIRST = np.arange(1.0, P + 1.0) / 15.0
ETA = math.sqrt(8 * math.log(P) / T)
ANYTIME = Decreasing(2 * math.sqrt(math.log(P)), 1.0)
STRANGE = og.sets.Simplex(P, 2.5, np.linspace(-1.0, 1.0, P))  # s = 2.5, moved


class Case(NamedTuple):
    """A learner and its bound."""

    learner: Any
    bound: Any


CASES = {
    "hedge": Case(Hedge(ETA), HedgeBound(ETA)),
    "hedge, decreasing": Case(Hedge(ANYTIME), HedgeBound(ANYTIME)),
    "adahedge": Case(AdaHedge(), AdaHedgeBound()),
    "regret matching": Case(RegretMatching(), RegretMatchingBound()),
    "regret matching+": Case(RegretMatchingPlus(), RegretMatchingBound(plus=True)),
    "blum-mansour": Case(BlumMansour(Hedge(2 * ETA)), BlumMansourBound(2 * ETA)),
}


def best_response(view: Any, rng: Any) -> LinearLoss:
    """The experts that have more than their share of the weight lose 1."""
    w = np.asarray(view.point)
    return LinearLoss(np.where(w >= np.median(w), 1.0, 0.0))


def halves_in_turn(p: int, rounds: int, last: int) -> Floats:
    """The two halves of the experts lose in turn; at the end all but the first."""
    rows = np.zeros((rounds, p))
    rows[0 : rounds - last : 2, : p // 2] = 1.0
    rows[1 : rounds - last : 2, p // 2 :] = 1.0
    rows[rounds - last :, 1:] = 1.0
    return rows


def sequences(p: int = P) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    fixed = np.tile(np.linspace(0.0, 1.0, p), (T, 1))
    found = {
        "constant": fixed,
        "switching": np.where(np.arange(T)[:, None] // 7 % 2, fixed, 1.0 - fixed),
        "random": rng.uniform(-3.0, 5.0, (T, p)),
        "halves in turn": halves_in_turn(p, T, 20),
        "one expert with an offset": rng.random((T, p)) - np.eye(p)[1] * 0.2 + 1e3,
        "nothing": np.zeros((T, p)),
    }
    sees_point = og.adversaries.Timing.SEES_POINT
    best = og.adversaries.from_function(best_response, timing=sees_point)
    return {name: oblivious(rows) for name, rows in found.items()} | {"best": best}


def oblivious(rows: Any) -> og.adversaries.ObliviousSequence:
    return og.adversaries.ObliviousSequence([LinearLoss(g) for g in rows])


def played(
    learner: Any, adversary: Any, *, rounds: int = T, first: Floats = FIRST, simplex: Any = None
) -> og.Transcript:
    simplex = og.sets.Simplex() if simplex is None else simplex
    start = first * simplex.scale + (0.0 if simplex.offset is None else simplex.offset)
    return og.play(learner, adversary, simplex, rounds=rounds, start=start, keep="points")


def weights_and_losses(run: og.Transcript) -> tuple[Floats, Floats]:
    """q_1, ..., q_{T+1} and s g_1, ..., s g_T."""
    simplex: Any = run.decision_set
    points = np.stack([np.asarray(p) for p in (*(run.points or ()), run.final_point)])
    losses: Any = run.round_losses
    offset = 0.0 if simplex.offset is None else simplex.offset
    return (points - offset) / simplex.scale, simplex.scale * np.stack([x.gradient for x in losses])


def relative_entropy(u: Floats, q: Floats) -> float:
    some = u > 0
    return float(np.sum(u[some] * np.log(u[some] / q[some])))


def comparators(p: int) -> list[Floats]:
    rng = np.random.default_rng(1)
    return [*np.eye(p), np.full(p, 1.0 / p), *rng.dirichlet(np.ones(p), 3)]


def potential(eta: float, losses: Floats, first: Floats) -> float:
    """Phi(eta) = -(1/eta) log sum q_1 exp(-eta S); the least S where eta is infinite."""
    if math.isinf(eta):
        return float(losses.min())
    least = losses.min()
    return float(least - math.log(float(first @ np.exp(-eta * (losses - least)))) / eta)


def mixing_steps(run: og.Transcript, etas: Callable[[Floats], float]) -> Floats:
    """The step of the proof of every kind of exponential weights, with eta_t as the rule says.

    <g_t, q_t> - [Phi_t(eta_t) - Phi_{t-1}(eta_t)] = delta_t is in [0, min(r, eta_t r^2/8)], r the
    range of the losses, and Phi_T(eta_T) <= <S_T, u> + KL(u, q_1)/eta_T. Returns delta.
    """
    q, losses = weights_and_losses(run)
    total, gaps = np.zeros(P), [0.0]
    for weights, g in zip(q, losses, strict=False):
        eta = etas(np.array(gaps))
        before, after = (potential(eta, x, q[0]) for x in (total, total + g))
        delta = float(g @ weights) - (after - before)
        size = float(np.ptp(g))
        bound = size if math.isinf(eta) else min(size, eta * size**2 / 8)
        rounding = 1e-13 * (1 + np.abs(total).max() + np.abs(g).max())
        assert -rounding <= delta <= bound + rounding
        total = total + g
        gaps.append(max(delta, 0.0))
        for u in comparators(P):
            divergence = 0.0 if math.isinf(eta) else relative_entropy(u, q[0]) / eta
            assert after <= float(total @ u) + divergence + rounding
    return np.array(gaps)


def hedge_step(run: og.Transcript) -> None:
    mixing_steps(run, lambda gaps: ETA)
    q, losses = weights_and_losses(run)
    if q.min() <= 0.0:  # lost in o + s q, where o is large beside s q
        return
    squares = np.ptp(losses, axis=1) ** 2
    for u in comparators(P):
        distance = np.array([relative_entropy(u, weights) for weights in q])
        inner = np.vecdot(losses, q[:-1] - u)
        # eta <g_t, q_t - u> <= KL(u, q_t) - KL(u, q_{t+1}) + eta^2 range(g_t)^2/8.
        slack = distance[:-1] - distance[1:] + ETA**2 * squares / 8 - ETA * inner
        assert slack.min() >= -1e-12 * (1 + np.abs(losses).max())


def decreasing_step(run: og.Transcript) -> None:
    mixing_steps(run, lambda gaps: 2 * math.sqrt(math.log(P) / len(gaps)))


def adahedge_step(run: og.Transcript) -> None:
    first = weights_and_losses(run)[0][0]
    h = math.log(1 / first.min())
    gaps = mixing_steps(run, lambda g: h / g.sum() if g.sum() > 0 else math.inf)
    # The learner's own sum of gaps, by the theory's computation of it.
    np.testing.assert_allclose(AdaHedgeBound().gaps(run), np.cumsum(gaps)[1:], rtol=1e-9)
    regret = og.regret.linear(run).value
    assert regret <= 2 * gaps.sum() + 1e-9 * (1 + abs(regret))


def matching_step(run: og.Transcript, *, plus: bool = False) -> None:
    q, losses = weights_and_losses(run)
    regrets = np.vecdot(losses, q[:-1])[:, None] - losses
    total = np.zeros(P)
    for weights, r in zip(q, regrets, strict=False):
        tiny = 1e-12 * (1 + np.abs(losses).max()) * (1 + np.abs(total).max())
        assert abs(float(r @ weights)) <= tiny
        # Blackwell's condition: the new regrets are orthogonal to the old ones.
        assert abs(float(r @ np.maximum(total, 0.0))) <= tiny * P
        after = total + r
        left, right = (float(np.sum(np.maximum(x, 0.0) ** 2)) for x in (after, total))
        assert left <= right + float(r @ r) + tiny * P
        total = np.maximum(after, 0.0) if plus else after
    for u in comparators(P):
        inner = float(np.sum(losses * (q[:-1] - u)))
        longest = math.sqrt(np.sum(np.maximum(total, 0.0) ** 2))
        assert inner <= longest * math.sqrt(u @ u) + 1e-9 * np.abs(losses).max()


def swap_step(run: og.Transcript) -> None:
    """Every copy is Hedge on its share of the losses; together they move nothing."""
    q, losses = weights_and_losses(run)
    for t in (1, 2, 5, T // 2, T):
        shares = np.einsum("ti,tj->ij", q[:t], losses[:t])
        exponent = np.log(q[0]) - 2 * ETA * (shares - shares.min(axis=1, keepdims=True))
        rows = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        rows /= rows.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(q[t] @ rows, q[t], atol=1e-11)
        # The identity of the reduction: what the copies suffer is what was suffered.
        assert float(np.sum(q[t][:, None] * rows * losses[t - 1])) == pytest.approx(
            float(q[t] @ losses[t - 1]), abs=1e-8
        )


STEPS: dict[str, Callable[[og.Transcript], None]] = {
    "hedge": hedge_step,
    "hedge, decreasing": decreasing_step,
    "adahedge": adahedge_step,
    "regret matching": matching_step,
    "regret matching+": lambda run: matching_step(run, plus=True),
    "blum-mansour": swap_step,
}


def swap_regret(q: Floats, losses: Floats) -> float:
    """By brute force: for every expert the best other one."""
    p = q.shape[1]
    best = [
        max(float(np.sum(q[:-1, i] * (losses[:, i] - losses[:, j]))) for j in range(p))
        for i in range(p)
    ]
    return sum(best)
