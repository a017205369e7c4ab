"""The shape of a learner's textbook bound, and the one place where bound and regret meet."""

from __future__ import annotations

from typing import Literal, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import NotAvailableError
from olgame.theory import audit
from olgame.theory.premise import Premises
from olgame.theory.verdict import Conclusion
from olgame.transcript import Transcript

__all__ = ["BoundCheck", "BoundStatement", "RegretBound", "check_bound"]

Floats = NDArray[np.float64]


@attrs.frozen
class BoundStatement:
    """What a theorem says, and where.

    Attributes:
        name: The learner and the kind of regret, e.g. ``"Hedge, external regret"``.
        formula: The inequality, e.g. ``"R_T <= log(p)/eta + (eta/8) sum_t range(g_t)^2"``.
        source: Bibliography key, theorem and edition, e.g. ``"hazan2022, Theorem 5.1"``, and
            ``"recalled"`` where the text was not looked up.
        tightness: ``"tight"``: some game attains it; ``"upper"``: none is known to; ``"lower"``:
            no learner can have less in the worst case.
        size: Which size of K it is stated with: ``"D_1"``, ``"diam"``, another one, or ``""``.
    """

    name: str
    formula: str
    source: str
    tightness: Literal["tight", "upper", "lower"]
    size: str = ""


class RegretBound(Protocol):
    """A textbook bound as an object; `check_bound` holds it against a game.

    Each method reads a transcript of a single game and takes nothing on the learner's word that
    can be recomputed.
    """

    @property
    def statement(self) -> BoundStatement: ...

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, each recomputed from what was played."""
        ...

    def regret(self, run: Transcript) -> Floats:
        """The regret that the theorem is about after 1, ..., T rounds, exact, shape ``(T,)``.

        A bound on another quantity than the linear regret (strongly convex losses, swap regret)
        computes that one. Where only the last is known (``keep="sums"``) the others are nan.
        """
        ...

    def bound(self, run: Transcript) -> Floats:
        """The bound after 1, ..., T rounds from what was played, shape ``(T,)``; nan: unknown."""
        ...


@attrs.frozen(eq=False)
class BoundCheck:
    """The measured regret of a game beside a textbook bound.

    Attributes:
        statement: The theorem.
        premises: Each recomputed from what was played.
        conclusion: ``"certified_fails"``: the regret exceeds the bound in some round, by more
            than rounding. ``"certified_holds"``: it does in none, and every premise was checked
            and holds. ``"open"`` otherwise.
        reason: Why.
        regret: After 1, ..., T rounds, shape ``(T,)``; nan where not known.
        bound: After 1, ..., T rounds, shape ``(T,)``; nan where not known.
    """

    statement: BoundStatement
    premises: Premises
    conclusion: Conclusion
    reason: str
    regret: Floats
    bound: Floats

    def __str__(self) -> str:
        return (
            f"{self.statement.name}: {self.statement.formula} ({self.statement.source})\n"
            f"{self.premises}\n"
            f"conclusion: {self.conclusion.replace('_', ' ')}: {self.reason}"
        )


def check_bound(bound: RegretBound, run: Transcript) -> BoundCheck:
    """Hold a textbook bound against what was played, after every round that is known.

    Args:
        bound: The theorem of the learner that played.
        run: A single game, with ``keep="points"`` where the whole curve is wanted.

    Returns:
        The `BoundCheck`; `olgame.report.regret_figure` draws it.

    Raises:
        NotAvailableError: ``run`` holds several games, no round, or nothing to compare.
    """
    audit.check_single_game(run, "check_bound")
    if run.rounds == 0:
        raise NotAvailableError("`check_bound(run=...)`: no round was played.")
    premises = bound.premises(run)
    regret, limit = bound.regret(run), bound.bound(run)
    slack = audit.rounding(run) * np.cumsum(np.abs(run.loss) + np.abs(run.inner))
    slack = slack + audit.rounding(run) * (np.abs(regret) + np.abs(limit))
    known = ~np.isnan(regret) & ~np.isnan(limit)
    if not known.any():
        raise NotAvailableError(
            f"`check_bound`: neither regret nor bound of {bound.statement.name!r} is known for "
            "any round; play with keep='points'."
        )
    broken = known & ~(regret <= limit + slack)
    last = int(np.flatnonzero(known)[-1])
    conclusion: Conclusion = "open"
    if broken.any():
        t = int(np.flatnonzero(broken)[0])
        conclusion = "certified_fails"
        reason = f"after round {t + 1} the regret {regret[t]:.6g} > {limit[t]:.6g}"
        if premises.all_hold:
            reason += "; all premises hold, so a checked number is wrong"
        return BoundCheck(bound.statement, premises, conclusion, reason, regret, limit)
    reason = f"regret {regret[last]:.6g} <= {limit[last]:.6g} after round {last + 1}"
    if premises.any_fails:
        reason += f", but premises fail: {', '.join(p.name for p in premises.failing)}"
    elif premises.unchecked:
        names = ", ".join(p.name for p in premises.unchecked)
        reason += f", but these premises were not checked: {names}"
    else:
        conclusion = "certified_holds"
    return BoundCheck(bound.statement, premises, conclusion, reason, regret, limit)
