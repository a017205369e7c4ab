"""The ledger: where the average loss of a game comes from, in books that can fail to close."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners.learner import GradientStep
from olgame.replay import ReplayedRound, replay
from olgame.results import Interval
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["Ledger", "Row", "ledger"]

Floats = NDArray[np.float64]


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
        entries = [
            self.loss,
            -self.comparator_loss,
            -self.linear,
            self.curvature,
            self.nonlinearity,
        ]
        return _closing_error(entries)

    @property
    def learner_closing_error(self) -> float | None:
        """The same of the learner's account; None where there is none."""
        if self.distance_decrease is None:
            return None
        assert self.gradient_term is not None  # the four entries come together
        assert self.projection_gain is not None
        entries = [
            self.linear,
            -self.distance_decrease,
            -self.gradient_term,
            self.projection_gain,
        ]
        return _closing_error(entries, self.distance_scale)

    @property
    def closing_error(self) -> float:
        """The larger of the two closing errors."""
        learner = self.learner_closing_error
        return self.loss_closing_error if learner is None else max(self.loss_closing_error, learner)

    @property
    def closes(self) -> bool:
        """Whether the books close to what rounding explains."""
        return self.closing_error <= self.tolerance

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
                Row("start minus final distance", "D_1, D_T+1", _mean(self.distance_decrease), ""),
                Row("gradient term", "a |g_t|^2 / 2", _mean(self.gradient_term), ">= 0"),
                Row("projection gain", "- P_t / 2a", -_mean(self.projection_gain), "<= 0"),
                Row("linear regret", "= <g_t, W_t - u>", _mean(self.linear), ""),
            ]
        return rows

    def __str__(self) -> str:
        def show(value: float | tuple[float, float]) -> str:
            if isinstance(value, tuple):
                return f"[{value[0]:.6f}, {value[1]:.6f}]"
            return f"{value:+.6f}"

        lines = [
            f"{row.entry:<32} {row.symbol:<18} {show(row.value):>24} {row.sign}"
            for row in self.rows()
        ]
        state = "the books close" if self.closes else "THE BOOKS ARE OPEN"
        lines.append(f"{state}: error {self.closing_error:.2e} (limit {self.tolerance:.0e})")
        if not self.closes:
            lines.append(self.diagnosis())
        return "\n".join(lines)

    def diagnosis(self) -> str:
        """Which account is open, since which round, and what that points to."""
        if self.closes:
            return "Both accounts close."
        if not self.loss_closing_error <= self.tolerance:
            return (
                "The loss account is open: the gradient, the loss derivative or the forward mode "
                "of the model is wrong (or the game is not deterministic)."
            )
        return (
            "The learner's account is open: a step was not y_t = W_t - alpha_t g_t, or W_{t+1} was "
            "not its projection onto the decision set."
        )


def ledger(run: Transcript, comparator: Array, robust_loss: Interval | None = None) -> Ledger:
    """The ledger of a game against one fixed point; see `Ledger` for the identities.

    The game is replayed from its kept losses: one gradient, one forward and one forward-mode pass
    a round, no attack.

    Args:
        run: A transcript of a single game with ``keep="examples"`` or ``"points"``.
        comparator: u, shape ``(p,)``.
        robust_loss: The interval for L_*(u), e.g. ``certify.robust_loss(...).interval``.

    Returns:
        The `Ledger`; ask it for `Ledger.rows`, `Ledger.closing_error`, `Ledger.closes`.

    Raises:
        NotKeptError: The losses were not kept.
        NotAvailableError: The transcript holds a batch of games (take one of them).

    References:
        gao2019, proof of Theorem 4.1.
    """
    if run.games:
        raise NotAvailableError("A ledger is of one game; this transcript holds a batch of games.")
    if tuple(comparator.shape) != tuple(run.start.shape):
        raise ArgumentError(
            f"`ledger(comparator=...)` must have the shape {tuple(run.start.shape)} of the points, "
            f"got {tuple(comparator.shape)}."
        )
    recentered = run.decision_set.translate(-run.start)
    rows = [_entries(entry, comparator, recentered, run.start) for entry in replay(run)]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
    return Ledger(
        comparator=comparator,
        robust_loss=robust_loss,
        tolerance=1e-10 if unit_roundoff(run.start) < 1e-12 else 1e-5,
        distance_decrease=columns.pop("distance_decrease", None),
        gradient_term=columns.pop("gradient_term", None),
        projection_gain=columns.pop("projection_gain", None),
        distance_scale=columns.pop("distance_scale", None),
        **columns,
    )


def _entries(
    entry: ReplayedRound, u: Array, recentered: ConvexSet, start: Array
) -> dict[str, float]:
    remainder = entry.loss.remainder(entry.point, u)
    offset = to_numpy(entry.point) - to_numpy(u)
    gradient = to_numpy(entry.evaluation.gradient)
    found = {
        "loss": float(entry.evaluation.value),  # type: ignore[arg-type]  # one game: a number
        "comparator_loss": float(remainder.value),  # type: ignore[arg-type]
        "linear": float(gradient @ offset),
        "curvature": float(remainder.curvature),  # type: ignore[arg-type]
        "nonlinearity": float(remainder.nonlinearity),  # type: ignore[arg-type]
    }
    if entry.step is not None:
        found |= _learner_entries(entry, entry.step, offset, gradient, u, recentered, start)
    return found


_LEARNER_ENTRIES = ("distance_decrease", "gradient_term", "projection_gain", "distance_scale")


def _learner_entries(
    entry: ReplayedRound,
    step: GradientStep,
    offset: Floats,
    gradient: Floats,
    u: Array,
    recentered: ConvexSet,
    start: Array,
) -> dict[str, float]:
    alpha = float(step.step_size)  # type: ignore[arg-type]  # one game: a number
    if alpha == 0.0:  # an adaptive step before the first gradient: nothing moved
        return dict.fromkeys(_LEARNER_ENTRIES, 0.0)
    next_offset = to_numpy(entry.next_point) - to_numpy(u)
    pulled = step.before_projection - entry.next_point
    square = float(to_numpy(kernels(pulled).dot(pulled, pulled)))
    gain = 0.0
    if square > 0.0:
        support: Any = recentered.support(pulled)
        gain = square + 2.0 * float(support - kernels(pulled).dot(pulled, u - start))
    before = float(offset @ offset)
    return {
        "distance_decrease": (before - float(next_offset @ next_offset)) / (2.0 * alpha),
        "gradient_term": 0.5 * alpha * float(gradient @ gradient),
        "projection_gain": gain / (2.0 * alpha),
        "distance_scale": before / (2.0 * alpha),
    }


def _closing_error(entries: list[Floats], scale: Floats | None = None) -> float:
    """Largest relative residual over rounds and of the average; nan counts as open."""
    signed = np.sum(entries, axis=0)
    residual = np.abs(signed)
    total = np.sum(np.abs(entries), axis=0) + (0.0 if scale is None else scale)
    summed, summed_total = np.abs(signed.sum()), np.sum(total)
    with np.errstate(invalid="ignore"):
        per_round = np.where(residual == 0.0, 0.0, residual / np.where(total > 0, total, 1.0))
    worst = float(np.max(per_round, initial=0.0))
    average = float(summed / summed_total) if summed_total > 0 else 0.0
    if np.isnan(worst) or np.isnan(average):
        return float("inf")
    return max(worst, average)


def _mean(values: Floats) -> float:
    return float(values.mean())
