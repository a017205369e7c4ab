"""Policy regret: what the adversary would have done had the learner played otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.adversaries.adversary import Timing, View
from olgame.arrays import as_like, number_or_array, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.regret.external import external
from olgame.regret.played_sums import played_points
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["policy", "replayed_adversary"]

Floats = NDArray[np.float64]

SLACK = 1e3
"""Units of roundoff by which a replayed loss may differ from the one that was played."""


def replayed_adversary(run: Transcript, points: Sequence[Array]) -> Floats:
    """l'_t(w_t): what the adversary's answers to ``points`` would have cost, shape ``(T, ...)``.

    The adversary begins anew with the seed of the game and is shown w_1, w_2, ... as far as its
    timing allows.

    Args:
        run: A transcript; only its adversary, seed and number of rounds are used.
        points: w_1, ..., w_T.
    """
    adversary: Any = run.adversary
    memory = adversary.init(run.seed)
    previous: Array | None = None
    found = []
    for t, point in enumerate(points, start=1):
        response, memory = adversary.respond(memory, View(t, adversary.timing, point, previous))
        found.append(to_numpy(response.loss.evaluate(point).value))
        previous = point
    return np.stack(found)


def policy(run: Transcript, comparator: Array) -> Any:
    """sum_t l_t(W_t) - l'_t(u), l'_t what the adversary answers when u is played all along.

    Against an adversary that remembers or sees the point, the losses l_t of the game are answers
    to W_1, ..., W_t: had u been played from the start, others would have come. External regret
    compares with l_t(u); policy regret plays the game again, adversary and all, with u in every
    round. Exact for every adversary that can be played again, whatever it remembers.

    An oblivious adversary's losses do not depend on the points: policy regret is external regret.
    (A bound on external regret says nothing on policy regret, nor the reverse.)

    Before anything is claimed the adversary is played against W_1, ..., W_T once more: it must
    give the losses of the transcript. One that keeps its memory outside its state, or draws from a
    generator of its own, is found out and refused.

    The best fixed u in hindsight is not a convex problem, as l'_t(u) is not convex in u; so u has
    to be given, or a finite set of them, one call each.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.
        comparator: u, shape ``(p,)``, or ``(..., p)``.

    Returns:
        A float, or an array over the games of a batch.

    Raises:
        NotKeptError: The points cannot be recovered, as nothing was kept.
        NotAvailableError: The adversary gives other losses the second time.
        ArgumentError: ``comparator`` is not in the decision set.

    Example:
        >>> import numpy as np, olgame as og
        >>> from olgame.adversaries import Timing, from_function
        >>> def contrarian(view, rng):  # punishes the sign of what is played
        ...     return og.losses.LinearLoss(np.sign(view.point))
        >>> box = og.sets.Box(-1.0, 1.0, dim=1)
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.1),
        ...     from_function(contrarian, timing=Timing.SEES_POINT),
        ...     box,
        ...     rounds=20,
        ...     start=np.array([1.0]),
        ...     keep="points",
        ... )
        >>> u = np.array([-1.0])
        >>> round(og.regret.external(run, u), 6), round(policy(run, u), 6)
        (16.0, -14.0)

    References:
        arora2012.
    """
    shape = tuple(run.start.shape)
    u: Any = as_like(np.broadcast_to(to_numpy(comparator), shape), run.start)
    size = 1.0 + float(np.abs(to_numpy(u)).max())
    if not np.all(to_numpy(run.decision_set.contains(u, atol=SLACK * unit_roundoff(u) * size))):
        raise ArgumentError(
            "`policy(comparator=...)` must lie in the decision set, as the points that the "
            "adversary answers do; project it first: `decision_set.project(comparator)`."
        )
    if run.adversary.timing is Timing.OBLIVIOUS:
        return external(run, u)
    again = replayed_adversary(run, [point for point, _ in played_points(run)])
    scale = np.abs(run.loss).max() + run.gradient_norm.max() * size
    if not np.abs(again - run.loss).max() <= SLACK * unit_roundoff(u) * scale:
        t = int(np.flatnonzero((np.abs(again - run.loss) > 0).reshape(run.rounds, -1).any(1))[0])
        raise NotAvailableError(
            f"Policy regret plays the adversary again, but {type(run.adversary).__name__} gave "
            f"another loss in round {t + 1} for the same points and seed: what it remembers must "
            "be in the state that `init(seed)` begins, and what it draws keyed by seed and round."
        )
    return number_or_array((run.loss - replayed_adversary(run, [u] * run.rounds)).sum(axis=0))
