"""The ledger: where the average loss of a game comes from, in books that can fail to close."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.results import Interval
from olgame.typing import Array

__all__ = ["Ledger", "Row"]

Floats = NDArray[np.float64]

SLOPE_LIMIT = 1e-3
"""Relative slope error that curvature over a tiny step may explain."""


class Row(NamedTuple):
    """One line of a ledger, averaged over the rounds.

    Attributes:
        entry: what it is.
        symbol: the formula's symbol for it.
        value: signed contribution, or an (lower, upper) pair where it is only known to lie in
            between.
        sign: ``">= 0"`` or ``"<= 0"`` where theory knows the sign, else ``""``.
    """

    entry: str
    symbol: str
    value: float | tuple[float, float]
    sign: str


@attrs.frozen(eq=False, kw_only=True)
class Ledger:
    """Two accounts of the same game, each from independent computations.

    **Loss account**, for every round, u any fixed point:

        l_t(W_t) = l_t(u) + <g_t, W_t - u> - C_t(u) - N_t(u),

    C_t >= 0 the loss's own curvature (Fenchel-Young gap), N_t the network's non-linearity (forward
    mode): it closes only if gradient, loss derivative, conjugate and forward mode agree.
    With L_*(u) known to lie in an interval, l_t(u) = L_*(u) - s_t(u), s_t >= 0 the adversary's
    slack, it becomes L_A(W_t) = L_*(u) + <g_t, W_t - u> - C_t - N_t - s_t.

    **Learner's account**, where the learner takes projected gradient steps with step alpha_t:

        <g_t, W_t - u> = [norm(W_t - u)^2 - norm(W_{t+1} - u)^2] / (2 alpha_t)
                         + (alpha_t/2) norm(g_t)^2 - P_t(u) / (2 alpha_t).

    The projection gain is computed from the **support function** h of K and not from the
    projection: with r = y_t - W_{t+1}, P_t(u) = norm(r)^2 + 2 [h(r) - <r, u>], which equals
    norm(y_t - u)^2 - norm(W_{t+1} - u)^2 exactly when W_{t+1} is the projection of y_t (for then
    h(r) = <r, W_{t+1}>), and is >= 0 for u in K term by term. A wrong step or a wrong projection
    therefore opens the account.

    All entries are float64 arrays of shape ``(T,)``.

    Attributes:
        comparator: u.
        loss: l_t(W_t).
        comparator_loss: l_t(u).
        linear: <g_t, W_t - u>.
        curvature: C_t(u).
        nonlinearity: N_t(u).
        distance_decrease: [norm(W_t - u)^2 - norm(W_{t+1} - u)^2] / (2 alpha_t), or None where the
            learner takes no gradient steps (so for the two below).
        gradient_term: (alpha_t/2) norm(g_t)^2.
        projection_gain: P_t(u) / (2 alpha_t).
        distance_scale: norm(W_t - u)^2 / (2 alpha_t), the size of what the distance terms cancel.
        robust_loss: the interval that holds L_*(u), or None.
        tolerance: largest relative closing error that rounding explains.
        replay_error: largest relative difference between the losses and gradients of the replay
            and those of the transcript: books about another game prove nothing about this one.
        slope_error: abs(N_t(W_t + h (u - W_t))) / h over the size of the linear term, for a tiny
            h: 0 up to O(h) where the forward mode is the derivative of the model; None where it
            was not measured (float32, or nothing moves). A reverse and a forward mode that are
            wrong *alike* close every identity above, N_t absorbing the error; not this one.
    """

    comparator: Array
    loss: Floats
    comparator_loss: Floats
    linear: Floats
    curvature: Floats
    nonlinearity: Floats
    distance_decrease: Floats | None
    gradient_term: Floats | None
    projection_gain: Floats | None
    distance_scale: Floats | None
    robust_loss: Interval | None
    tolerance: float
    replay_error: float = 0.0
    slope_error: float | None = None

    @property
    def slack(self) -> tuple[float, float] | None:
        """Average of s_t(u) = L_*(u) - l_t(u): an interval, None where L_*(u) is not bracketed.

        Its lower end is at least 0: each l_t(u) is itself a lower bound of L_*(u).
        """
        if self.robust_loss is None:
            return None
        lower = max(self.robust_loss.lower.value, float(self.comparator_loss.max()))
        mean = float(self.comparator_loss.mean())
        return lower - mean, self.robust_loss.upper.value - mean

    @property
    def loss_closing_error(self) -> float:
        """Largest residual of the loss account over the sum of absolute entries.

        Of every round, and of the average over rounds.
        """
        return _closing_error(*self._loss_account())

    def _loss_account(self) -> tuple[list[Floats], Floats | None]:
        """Signed entries, which add up to 0, and what else counts as their size."""
        entries = [self.loss, -self.comparator_loss, -self.linear, self.curvature]
        return [*entries, self.nonlinearity], None

    @property
    def learner_closing_error(self) -> float | None:
        """The same of the learner's account; None where there is none."""
        if self.distance_decrease is None:
            return None
        return _closing_error(*self._learner_account())

    def _learner_account(self) -> tuple[list[Floats], Floats | None]:
        assert self.distance_decrease is not None  # the four entries come together
        assert self.gradient_term is not None
        assert self.projection_gain is not None
        entries = [self.linear, -self.distance_decrease, -self.gradient_term, self.projection_gain]
        return entries, self.distance_scale

    @property
    def closing_error(self) -> float:
        """The larger of the two closing errors."""
        learner = self.learner_closing_error
        return self.loss_closing_error if learner is None else max(self.loss_closing_error, learner)

    @property
    def signs_hold(self) -> bool:
        """Whether C_t >= 0 and P_t >= 0 to rounding, as they must be for u in K."""
        size = np.abs(self.loss) + np.abs(self.comparator_loss) + np.abs(self.linear)
        if not (self.curvature >= -self.tolerance * (1e-300 + size)).all():
            return False
        if self.projection_gain is None or self.distance_scale is None:
            return True
        size = self.distance_scale + np.abs(self.linear)
        return bool((self.projection_gain >= -self.tolerance * (1e-300 + size)).all())

    @property
    def closes(self) -> bool:
        """Whether the books are those of the game that was played, and close to rounding.

        Closing errors, the replay's error, the signs and the slope all have to be in order.
        """
        return not self._troubles()

    def _troubles(self) -> list[str]:
        """What is wrong, most basic first."""
        found = []
        if not self.replay_error <= self.tolerance:
            found.append(
                f"The replay is not the game that was played (off by {self.replay_error:.1e}"
                "): the learner or the network draws random numbers that the seed does not fix."
            )
        if not self.loss_closing_error <= self.tolerance:
            found.append(
                f"The loss account is open{_since(*self._loss_account(), self.tolerance)}: the "
                "gradient, the loss derivative or the forward mode of the model is wrong."
            )
        elif self.slope_error is not None and not self.slope_error <= SLOPE_LIMIT:
            found.append(
                "The derivatives of the network agree with each other and not with its outputs: a "
                f"small step changes these by {self.slope_error:.1e} more than the slope says."
            )
        learner = self.learner_closing_error
        if learner is not None and not learner <= self.tolerance:
            found.append(
                f"The learner's account is open{_since(*self._learner_account(), self.tolerance)}"
                ": a step was not y_t = W_t - alpha_t g_t, or W_{t+1} was not its projection onto "
                "the decision set."
            )
        if not found and not self.signs_hold:
            found.append(
                "The books close with an entry of the wrong sign: a loss whose conjugate or "
                "derivative is not its own, or a comparator outside the decision set."
            )
        return found

    def rows(self) -> list[Row]:
        """The books averaged over rounds: what adds up to the average loss, then to its regret."""
        rows = []
        if self.robust_loss is None or self.slack is None:
            rows.append(Row("loss of the comparator", "l_t(u)", _mean(self.comparator_loss), ""))
        else:
            ends = (self.robust_loss.lower.value, self.robust_loss.upper.value)
            rows.append(Row("robust loss of the comparator", "L_*(u)", ends, ""))
            rows.append(
                Row("adversary's slack", "- s_t(u)", (-self.slack[1], -self.slack[0]), "<= 0")
            )
        rows.append(Row("linear regret", "<g_t, W_t - u>", _mean(self.linear), ""))
        rows.append(Row("curvature of the loss", "- C_t(u)", -_mean(self.curvature), "<= 0"))
        rows.append(Row("non-linearity of the network", "- N_t(u)", -_mean(self.nonlinearity), ""))
        rows.append(Row("average loss", "= l_t(W_t)", _mean(self.loss), ""))
        if self.distance_decrease is not None:
            assert self.gradient_term is not None
            assert self.projection_gain is not None
            rows += [
                Row(
                    "decrease of the distance",
                    "d|W_t - u|^2 / 2a",
                    _mean(self.distance_decrease),
                    "",
                ),
                Row("gradient term", "a |g_t|^2 / 2", _mean(self.gradient_term), ">= 0"),
                Row("projection gain", "- P_t / 2a", -_mean(self.projection_gain), "<= 0"),
                Row("linear regret", "= <g_t, W_t - u>", _mean(self.linear), ""),
            ]
        return rows

    def __str__(self) -> str:
        def show(value: float | tuple[float, float]) -> str:
            if isinstance(value, tuple):
                return f"[{value[0]:.6f}, {value[1]:.6f}]"
            return "0" if abs(value) < 1e-12 else f"{value:+.6f}"

        lines = [
            f"{row.entry:<32} {row.symbol:<18} {show(row.value):>24} {row.sign}"
            for row in self.rows()
        ]
        state = "the books close" if self.closes else "THE BOOKS ARE OPEN"
        lines.append(f"{state}: error {self.closing_error:.2e} (limit {self.tolerance:.0e})")
        if not self.closes or self.distance_decrease is None:
            lines.append(self.diagnosis())
        return "\n".join(lines)

    def diagnosis(self) -> str:
        """Which account is open, since which round, and what that points to."""
        troubles = self._troubles()
        if troubles:
            return " ".join(troubles)
        if self.distance_decrease is None:
            return (
                "The loss account closes. The learner reports no gradient steps, so there is no "
                "account of its moves."
            )
        return "Both accounts close."


def _since(entries: list[Floats], scale: Floats | None, tolerance: float) -> str:
    """The first round whose residual rounding does not explain, in words."""
    open_rounds = np.flatnonzero(~(_relative(entries, scale) <= tolerance))
    return f" since round {open_rounds[0] + 1}" if len(open_rounds) else " on average"


def _relative(entries: list[Floats], scale: Floats | None) -> Floats:
    """Residual of every round over the sum of absolute entries; 0 where it is exactly 0."""
    residual = np.abs(np.sum(entries, axis=0))
    total = np.sum(np.abs(entries), axis=0) + (0.0 if scale is None else scale)
    with np.errstate(invalid="ignore"):
        relative: Floats = residual / np.where(total > 0, total, 1.0)
    return np.where(residual == 0.0, 0.0, relative)


def _closing_error(entries: list[Floats], scale: Floats | None = None) -> float:
    """Largest relative residual over rounds and of the average; nan counts as open."""
    worst = float(np.max(_relative(entries, scale), initial=0.0))
    size = np.sum(np.abs(entries)) + (0.0 if scale is None else np.sum(scale))
    average = float(np.abs(np.sum(entries)) / size) if size > 0 else 0.0
    if np.isnan(worst) or np.isnan(average):
        return float("inf")
    return max(worst, average)


def _mean(values: Floats) -> float:
    return float(values.mean())
