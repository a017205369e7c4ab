"""What a learner has to offer."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from olgame.feedback import Feedback, Level
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value

__all__ = ["DeclaresSets", "GradientStep", "Learner", "TakesGradientSteps"]

S = TypeVar("S")


class Learner(Protocol[S]):
    """An online learner. Frozen: everything that changes is in the state that is handed along.

    A state is *consumed* by `update`, which may reuse its buffers; `copy` it for a checkpoint.
    A point once handed out by `decide` never changes.
    """

    @property
    def level(self) -> Level:
        """The feedback that the learner asks for."""
        ...

    def init(self, start: Array, decision_set: ConvexSet) -> S:
        """The state before round 1; ``start`` is W_1, shape ``(..., p)``."""
        ...

    def decide(self, state: S, /) -> Array:
        """The point W_t in the decision set."""
        ...

    def update(self, state: S, feedback: Feedback, /) -> S:
        """The state after learning about the round just played."""
        ...

    def copy(self, state: S, /) -> S:
        """An independent copy of ``state``."""
        ...


class GradientStep(NamedTuple):
    """The last move of a learner that takes projected gradient steps.

    Attributes:
        before_projection: y_t = w_t - alpha_t g_t, shape ``(..., p)``.
        step_size: alpha_t.
    """

    before_projection: Array
    step_size: Value


@runtime_checkable
class TakesGradientSteps(Protocol):
    """A learner that moves by w_{t+1} = Proj_K(y_t), y_t = w_t - alpha_t g_t, and says so.

    The ledger's second account and the theorems' premise on the learner need this.
    """

    def last_step(self, state: object, /) -> GradientStep:
        """y_t and alpha_t of the last `Learner.update`."""
        ...


@runtime_checkable
class DeclaresSets(Protocol):
    """A learner that says which decision sets it can play exactly.

    Its step minimizes something over K (a distance of its own, for example), which is exact for
    some K only. `olgame.play` asks before the first round, and the learner's own `Learner.init`
    should ask too.
    """

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Raise unless the learner can play in ``decision_set`` from ``start``.

        Raises:
            NotAvailableError: There is no exact step on this set; the message says on which there
                is, or which learner to use instead.
            ArgumentError: ``start`` is no point to begin at.
        """
        ...
