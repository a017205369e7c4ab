"""What can be said of the deep theorem on a game: premises, and the regret's verdict."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from olgame.theory.deep_constants import DeepConstants
from olgame.theory.premise import Premises
from olgame.theory.projected_ogd import RegretVerdict

__all__ = ["DeepVerdict"]

THEOREM = "Deep ReLU networks, projected gradient descent against any attack (recalled)"


@attrs.frozen(kw_only=True)
class DeepVerdict:
    """What can be said of the deep theorem on a game that was played: no conclusion of its own.

    Attributes:
        premises: Each recomputed from what was played; those with hidden constants stay
            "not checked".
        conclusion: ``"open"``, always.
        reason: Why.
        regret: The verdict on the *linear regret*, which does not care how deep a network is, and
            can be certified; None where no round was played.
        constants: What was measured, if it was.
        start_loss: L_A(W_1); nan where no round was played.
        reached: min_t L_A(W_t).
    """

    premises: Premises
    conclusion: Literal["open"]
    reason: str
    regret: RegretVerdict | None
    constants: DeepConstants | None
    start_loss: float
    reached: float

    def to_dict(self) -> dict[str, object]:
        """Plain data for a run folder, of the form of `olgame.theory.Verdict.to_dict`."""
        regret = self.regret
        return {
            "theorem": THEOREM,
            "premises": self.premises.to_dict(),
            "conclusion": self.conclusion,
            "reason": self.reason,
            "reached": self.reached if math.isfinite(self.reached) else None,
            "start_loss": self.start_loss if math.isfinite(self.start_loss) else None,
            "floor": None,
            "ceiling": None,
            "regret": None if regret is None else regret.conclusion,
            "regret_reason": None if regret is None else regret.reason,
        }

    def __str__(self) -> str:
        lines = [THEOREM, str(self.premises), f"conclusion: {self.conclusion}: {self.reason}"]
        if self.regret is not None:
            told = self.regret.conclusion.replace("_", " ")
            lines.append(f"linear regret: {told}: {self.regret.reason}")
        return "\n".join(lines)
