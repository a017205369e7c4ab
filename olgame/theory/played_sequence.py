"""What a game was, as two arrays: the points and the gradients of every round."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy, unit_roundoff
from olgame.learners.simplex_points import probabilities_of
from olgame.replay import replay
from olgame.sets.simplex import Simplex
from olgame.theory import audit
from olgame.theory.premise import Premise
from olgame.transcript import Transcript

__all__ = ["PlayedSequence", "expert_sequence", "played_sequence", "recomputed", "simplex"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class PlayedSequence:
    """A single game in float64.

    Attributes:
        points: W_1, ..., W_{T+1}, shape ``(T + 1, p)``.
        gradients: g_1, ..., g_T, shape ``(T, p)``.
    """

    points: Floats
    gradients: Floats

    @property
    def ranges(self) -> Floats:
        """max_j g_{t,j} - min_j g_{t,j}, shape ``(T,)``."""
        found: Floats = np.ptp(self.gradients, axis=1)
        return found


def played_sequence(run: Transcript) -> PlayedSequence | None:
    """Points and gradients of ``run``; None where the round losses were not kept.

    With ``keep="points"`` the points are those of the transcript, and the gradients those of the
    kept losses there. With ``keep="examples"`` both are those of the replayed game.
    """
    if run.round_losses is None or run.rounds == 0:
        return None
    if run.points is not None:
        points = [*run.points, run.final_point]
        pairs = zip(run.round_losses, run.points, strict=True)
        gradients = [loss.evaluate(point).gradient for loss, point in pairs]
    else:
        rounds = [*replay(run)]
        points = [*(step.point for step in rounds), rounds[-1].next_point]
        gradients = [step.evaluation.gradient for step in rounds]
    return PlayedSequence(np.stack([*map(to_numpy, points)]), np.stack([*map(to_numpy, gradients)]))


def expert_sequence(run: Transcript) -> PlayedSequence | None:
    """The same for a simplex of size s: weights q_t, and losses s g_t of the experts.

    The losses of a round are counted from the least of them on. Regret, ranges and weights are
    about differences, of which a common offset would cost digits.
    """
    found, decision_set = played_sequence(run), run.decision_set
    if found is None or not isinstance(decision_set, Simplex):
        return None
    weights = to_numpy(probabilities_of(decision_set, found.points))
    losses = found.gradients - found.gradients.min(axis=1, keepdims=True)
    return PlayedSequence(weights, losses * decision_set.scale)


def simplex(run: Transcript) -> Premise:
    """K is a simplex, where points are weights of experts."""
    known = isinstance(run.decision_set, Simplex)
    return Premise.of("the decision set is a simplex", known, type(run.decision_set).__name__)


def recomputed(
    name: str, run: Transcript, played: Floats | None, right: Floats | None, steepness: float
) -> Premise:
    """Whether the points are those that the learner's rule gives, computed here once more.

    Args:
        name: Of the premise.
        run: The game.
        played: What was played, shape ``(T + 1, p)``; None where it was not kept.
        right: What the rule gives.
        steepness: How much larger than an error of the rule's sums that of its points can be, in
            units of the sums: the exponent range of exponential weights, for example.
    """
    if played is None or right is None:
        return Premise(name, "not checked", "the points and losses of the game were not kept")
    size = 1.0 + float(np.abs(played).max())
    wide = audit.SLACK * float(np.finfo(np.float64).eps)
    forgiven = size * (audit.SLACK * unit_roundoff(run.start) + wide * steepness)
    differences = np.abs(played - right).max(axis=1)
    worst = float(differences.max())
    if not worst <= forgiven:
        t = int(np.flatnonzero(~(differences <= forgiven))[0]) + 1
        return Premise(
            name, "fails", f"W_{t} is not the rule's; points are off by up to {worst:.3g}"
        )
    if forgiven > audit.SHARE * size:
        return Premise(name, "not checked", f"rounding explains {forgiven:.2g}")
    return Premise(name, "holds", f"recomputed from the losses, up to rounding ({worst:.2g})")
