"""Sixty-four games of linear losses for every learner: all at once, alone, resumed, on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.learners import (
    AdaHedge,
    Ader,
    BlumMansour,
    CoinBetting,
    FollowTheLeader,
    FollowThePerturbedLeader,
    Hedge,
    MoreauEnvelope,
    Noisy,
    OnePointBandit,
    OnlineFrankWolfe,
    OnlineGradientDescent,
    RegretMatching,
    RegretMatchingPlus,
    SharpnessAware,
    StronglyAdaptive,
    TwoPointBandit,
)
from olgame.losses import LinearLoss
from olgame.step_sizes import Decreasing

GAMES, ROUNDS, P = 64, 20, 5
SEEDS = [int(s) for s in np.random.default_rng(0).integers(0, 1000, GAMES)]
CENTER = np.linspace(-1.0, 1.0, P)
Floats = NDArray[np.float64]


class Entry(NamedTuple):
    """A learner for a seed (or the seeds of all games), and a set from a center."""

    learner: Callable[[Any], Any]
    decision_set: Callable[[Any], Any]

    def starts(self) -> Floats:
        """W_1 of every game, shape ``(GAMES, P)``."""
        rng = np.random.default_rng(1)
        found: Any = self.decision_set(CENTER)
        if isinstance(found, og.sets.WholeSpace):
            return rng.standard_normal((GAMES, P))
        return np.asarray(found.sample(rng, (GAMES, P)))


def same(learner: Any) -> Callable[[Any], Any]:
    return lambda seed: learner


def simplex(center: Any) -> Any:
    return og.sets.Simplex()


def moved_simplex(center: Any) -> Any:
    return og.sets.Simplex(P, 2.5, center)


def ball(center: Any) -> Any:
    return og.sets.L2Ball(0.6, center=center)


def space(center: Any) -> Any:
    return og.sets.WholeSpace()


def perturbed(noise: str) -> Callable[[Any], Any]:
    return lambda seed: FollowThePerturbedLeader(0.3, noise=noise, seed=seed)


def noisy(seed: Any) -> Noisy[Any]:
    return Noisy(OnlineGradientDescent(0.3), gradient=og.noise.StudentT(0.5), seed=seed)


TABLE: dict[str, Entry] = {
    "hedge": Entry(same(Hedge(0.3)), simplex),
    "hedge, decreasing": Entry(same(Hedge(Decreasing(2.0, 1.0))), moved_simplex),
    "adahedge": Entry(same(AdaHedge()), simplex),
    "adahedge, moved": Entry(same(AdaHedge()), moved_simplex),
    "regret matching": Entry(same(RegretMatching()), moved_simplex),
    "regret matching+": Entry(same(RegretMatchingPlus()), simplex),
    "blum-mansour": Entry(same(BlumMansour(Hedge(0.3))), moved_simplex),
    "blum-mansour, matching": Entry(same(BlumMansour(RegretMatching())), simplex),
    "leader": Entry(same(FollowTheLeader()), ball),
    "leader, convex": Entry(same(FollowTheLeader(0.7)), ball),
    "perturbed": Entry(perturbed("uniform"), ball),
    "perturbed, gumbel": Entry(perturbed("gumbel"), moved_simplex),
    "coins": Entry(same(CoinBetting(6.0)), ball),
    "coins, unbounded": Entry(same(CoinBetting(6.0)), space),
    "coins, per coordinate": Entry(same(CoinBetting(6.0, per_coordinate=True)), ball),
    "frank-wolfe": Entry(same(OnlineFrankWolfe(0.1)), ball),
    "frank-wolfe, simplex": Entry(same(OnlineFrankWolfe(0.1)), moved_simplex),
    "ader": Entry(same(Ader(ROUNDS, 6.0)), ball),
    "ader, simplex": Entry(same(Ader(ROUNDS, 6.0)), moved_simplex),
    "strongly adaptive": Entry(same(StronglyAdaptive(6.0)), ball),
    "strongly adaptive, simplex": Entry(same(StronglyAdaptive(6.0)), moved_simplex),
    "one point": Entry(lambda seed: OnePointBandit(1e-8, 1e-4, seed=seed), ball),
    "two points": Entry(lambda seed: TwoPointBandit(0.1, 1e-3, seed=seed), ball),
    "noisy": Entry(noisy, ball),
    "sharpness aware, noisy": Entry(lambda seed: SharpnessAware(noisy(seed), 0.1), moved_simplex),
    "envelope": Entry(same(MoreauEnvelope(OnlineGradientDescent(0.3), 0.5)), ball),
}


def gradients() -> Floats:
    """g_t of every game, shape ``(ROUNDS, GAMES, P)``."""
    rng = np.random.default_rng(2)
    drawn = rng.standard_normal((ROUNDS, GAMES, P)) + rng.standard_normal((1, GAMES, P))
    return np.clip(drawn, -2.5, 2.5)


def play(
    entry: Entry, game: int | None, convert: Callable[[Floats], Any] = lambda x: x
) -> og.Transcript:
    """One of the games, or all of them (None)."""
    chosen: Any = slice(None) if game is None else game
    losses = [LinearLoss(convert(g[chosen])) for g in gradients()]
    return og.play(
        entry.learner(SEEDS if game is None else SEEDS[game]),
        og.adversaries.ObliviousSequence(losses),
        entry.decision_set(convert(CENTER)),
        rounds=ROUNDS,
        start=convert(entry.starts()[chosen]),
        keep="points",
    )


def points(run: og.Transcript) -> Floats:
    """W_1, ..., W_{T+1}."""
    return np.stack([to_numpy(p) for p in (*(run.points or ()), run.final_point)])
