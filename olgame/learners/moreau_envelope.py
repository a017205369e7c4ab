"""Gradients of the Moreau envelope around any gradient learner."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.feedback import Feedback, Level
from olgame.learners.learner import DeclaresSets, Learner
from olgame.learners.told import told_gradient, told_loss
from olgame.learners.wrapping import needs_gradients
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

if TYPE_CHECKING:
    from olgame.losses.round_loss import RoundLoss

__all__ = ["EnvelopeGradient", "MoreauEnvelope", "MoreauEnvelopeState"]

S = TypeVar("S")


@attrs.frozen(eq=False)
class EnvelopeGradient:
    """An approximate gradient of the envelope, with its certificate.

    Attributes:
        gradient: gbar, shape ``(..., p)``; the proximal point is z = w - lambda gbar.
        gap: e >= 0 with gbar an e-subgradient of l at z, shape ``(...)``.
        envelope: between l_lambda(w) and l_lambda(w) + gap, shape ``(...)``.
        converged: whether the gap is within the tolerance (and rounding), shape ``(...)``.
        steps: evaluations of the loss, but the one at w.
    """

    gradient: Array
    gap: Any
    envelope: Any
    converged: Any
    steps: int


@attrs.define(eq=False)
class MoreauEnvelopeState(Generic[S]):
    """The learner's state, and how the last proximal point was found.

    Attributes:
        inner: the state of the learner.
        last: of the round before; before the first nothing has converged in 0 steps.
    """

    inner: S
    last: EnvelopeGradient


@attrs.frozen
class MoreauEnvelope(Generic[S]):
    """Hands ``learner`` the gradient of a smoothed loss, the Moreau envelope of l_t:

        l_lambda(w) = min over z in R^p of l(z) + norm(z - w)^2/(2 lambda),
        grad l_lambda(w) = (w - z*)/lambda,    z* the minimizer (the proximal point).

    The envelope of a convex loss is convex, differentiable with a 1/lambda-Lipschitz gradient, and
    has the minimizers of the loss. z* is found from linear minorants b + <g, z - w> of l: with
    (b, gbar) their best mixture so far and z = w - lambda gbar,

        gap = l(z) + lambda norm(gbar)^2 - b >= 0,

    and the minorant at z is mixed in by an exact line search on b - lambda norm(gbar)^2/2, a lower
    bound on l_lambda(w). The gap bounds everything: l(u) >= l(z) + <gbar, u - z> - gap for all u,
    and norm(gbar - grad l_lambda(w))^2 <= 2 gap/lambda. For a beta-smooth loss the distance of the
    lower bound from l_lambda(w) shrinks by a factor of at most 1 - min(1/2, 1/(4 beta lambda)) a
    step (gap >= norm(turn)^2/(2 beta), turn the change of slope); with kinks it falls like 1/steps.

    For convex losses and every u in K, whatever the learner, with gap_t that of round t,

        sum_t l_t(W_t) - l_t(u) <= sum_t <gbar_t, W_t - u>
                        + sum_t (lambda <g_t, gbar_t> - lambda norm(gbar_t)^2 + gap_t),

    and sum_t l_{t,lambda}(W_t) - l_t(u) <= D_1^2/(2 alpha) + sum_t gap_t, *without* a term that
    grows, for projected gradient descent with a step alpha <= lambda (proof:
    `olgame.theory.MoreauEnvelopeBound`). A loss that is not convex has no such minorants; then
    ``converged`` says nothing.

    Args:
        learner: Of level GRADIENT; wrappers of that level nest.
        smoothing: lambda > 0.
        tolerance: Of the gap, in units of the loss.
        max_steps: Most evaluations of the loss in a round. Where the gap is larger then, the game
            goes on and ``state.last.converged`` is false.

    Raises:
        ArgumentError: An argument is out of its domain.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = MoreauEnvelope(og.learners.OnlineGradientDescent(0.5), smoothing=1.0)
        >>> loss = og.losses.QuadraticLoss(np.array([3.0]))  # its envelope is (w - 3)^2/4
        >>> found = learner.envelope_gradient(loss, np.array([1.0]))
        >>> found.gradient.round(9), bool(found.converged)
        (array([-1.]), True)

    References:
        moreau1965; parikh2014 (recalled).
    """

    learner: Learner[S] = attrs.field(validator=needs_gradients)
    smoothing: float = attrs.field(validator=finite_positive)
    tolerance: float = attrs.field(default=1e-9, validator=finite_positive)
    max_steps: int = attrs.field(default=100, validator=positive_integer)

    @property
    def level(self) -> Level:
        """Asks for the loss: its values and gradients at other points."""
        return Level.FULL

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """What the learner says."""
        if isinstance(self.learner, DeclaresSets):
            self.learner.check_decision_set(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> MoreauEnvelopeState[S]:
        """The learner's state."""
        unknown: Any = math.nan if start.ndim == 1 else np.full(tuple(start.shape[:-1]), np.nan)
        none = EnvelopeGradient(0.0 * start, unknown, unknown, unknown > 0.0, 0)
        return MoreauEnvelopeState(self.learner.init(start, decision_set), none)

    def decide(self, state: MoreauEnvelopeState[S], /) -> Array:
        """W_t."""
        return self.learner.decide(state.inner)

    def update(
        self, state: MoreauEnvelopeState[S], feedback: Feedback, /
    ) -> MoreauEnvelopeState[S]:
        """The gradient of the envelope, handed on."""
        known = feedback.value, told_gradient(feedback, self)
        found = self.envelope_gradient(told_loss(feedback, self), feedback.point, known)
        handed = feedback._replace(gradient=found.gradient, loss=None)
        state.inner = self.learner.update(state.inner, handed)
        state.last = found
        return state

    def copy(self, state: MoreauEnvelopeState[S], /) -> MoreauEnvelopeState[S]:
        """An independent copy."""
        return MoreauEnvelopeState(self.learner.copy(state.inner), state.last)

    def game(self, index: tuple[int, ...], /) -> MoreauEnvelope[S]:
        """The learner of one game of a batch."""
        return attrs.evolve(self, learner=one_game(self.learner, index))

    def envelope_gradient(
        self, loss: RoundLoss, w: Array, known: tuple[Value, Array] | None = None
    ) -> EnvelopeGradient:
        """gbar at ``w``, shape ``(..., p)``, with its gap; a game that has converged rests.

        Args:
            loss: l, convex.
            w: The point.
            known: l(w) and a gradient of l at w, where they are known.
        """
        k, smooth, steps = kernels(w), self.smoothing, 0
        start = loss.evaluate(w)[:2] if known is None else known
        gradient: Any = start[1]
        height: Any = as_like(start[0], w)  # b, the best minorant at w
        while True:
            here = loss.evaluate(w - smooth * gradient)
            steps += 1
            value, square = as_like(here.value, w), k.dot(gradient, gradient)
            gap = value + smooth * square - height
            size = k.xp.abs(value) + smooth * square + k.xp.abs(height)
            noise = 16.0 * unit_roundoff(w) * size
            active = gap > self.tolerance + noise
            if steps >= self.max_steps or not bool(k.xp.any(active)):
                break
            turn = here.gradient - gradient
            # The line search: the lower bound rises along ``turn`` with slope ``gap`` at first.
            bend = smooth * k.dot(turn, turn)
            share = gap / k.xp.where(bend > gap, bend, gap)  # at most 1
            share = k.xp.where(active, share, 0.0 * gap)
            minorant = value + smooth * k.dot(here.gradient, gradient)
            height = height + share * (minorant - height)
            gradient = gradient + share[..., None] * turn
        gaps, single = to_numpy(gap), w.ndim == 1
        converged = np.abs(gaps) - to_numpy(noise) <= self.tolerance
        envelope = to_numpy(value + 0.5 * smooth * square)
        return EnvelopeGradient(
            gradient=gradient,
            gap=max(0.0, float(gaps)) if single else np.maximum(gaps, 0.0),
            envelope=float(envelope) if single else envelope,
            converged=bool(converged) if single else converged,
            steps=steps,
        )
