"""The regret bound of following the perturbed leader: on the mean, and with probability."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.exceptions import NotKeptError
from olgame.learners.follow_the_perturbed_leader import FollowThePerturbedLeader
from olgame.randomness import generator
from olgame.regret.curve import linear_curve
from olgame.results import Estimated
from olgame.sets.simplex import Simplex
from olgame.theory import audit
from olgame.theory.learner_premises import bounded_set, timing_oblivious
from olgame.theory.played_sequence import played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["PerturbedLeaderBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class PerturbedLeaderBound:
    """Regret of `olgame.learners.FollowThePerturbedLeader` against every u in a bounded K.

    For losses <g_t, w> fixed before the game, with c_t = max over u, v in K of <g_t, u - v>,

        E[regret] <= M_T,    M_T = m(K)/(2 eta) + sum_t c_t min(1, eta norm1(g_t))  (uniform noise),
                             M_T = log(p)/eta + (eta/8) sum_t c_t^2      (Gumbel noise, a simplex),

    m(K) the mean of max over u in K of <nu, u>, nu uniform in [-1, 1]^p: s (p - 1)/(p + 1) for a
    simplex of size s, else at most D_1 sqrt(p/3). And with probability 1 - delta
    (``failure_probability``) over the noise, in all rounds at once,

        regret_T <= M_T + sqrt((1/2) log(T (T + 1)/delta) sum_t c_t^2),

    which is what `bound` returns, since a game shows one draw of the regret and not its mean. So
    "certified fails" may be said of a correct learner with probability delta; `mean_bound` is M_T,
    and `expected_regret` estimates what it bounds.

    Proof. Uniform: let N be one draw of the noise and V_t = lmo(S_t + N). By induction the leaders
    of the losses N, g_1, ..., g_T suffer no more than any u: <N, V_0> + sum_t <g_t, V_t> <= <N +
    S_T, u>. Take means: E <N, u> = 0 and E[-<N, V_0>] = m(K)/(2 eta), since N is symmetric. V_{t-1}
    and V_t are leaders after noise in two cubes that are g_t apart, of which a share of at most
    eta norm1(g_t) lies outside the other; there <g_t, V_{t-1} - V_t> <= c_t, and E <g_t, W_t> =
    E <g_t, V_{t-1}>. Gumbel: E q_t = q_t of `Hedge` (the largest of x_j + Gumbel_j is j with
    probability exp(x_j)/sum exp(x_k)), whose bound it is. Probability: <g_t, W_t - E W_t> are
    independent, mean 0, in intervals of length c_t: Hoeffding's inequality with delta/(T (T + 1))
    for each T, and sum_T 1/(T (T + 1)) <= 1. []

    Tight up to a factor of 2 for uniform noise (gradients 1, -1, ... on an interval, then 1 for
    1/(2 eta) rounds: the second term is twice what is lost, the first exact); for Gumbel noise
    tight as `HedgeBound`.

    Args:
        learner: Who played; its noise is drawn again.
        failure_probability: delta in (0, 1).
        mean_width: m(K), or more than it, where it is known better.

    Raises:
        ArgumentError: An argument is outside its domain.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = og.learners.FollowThePerturbedLeader(0.1, noise="gumbel")
        >>> losses = [og.losses.LinearLoss(np.eye(4)[t % 4]) for t in range(20)]
        >>> run = og.play(
        ...     learner, og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=20, start=np.full(4, 0.25), keep="points",
        ... )
        >>> print(og.theory.check_bound(PerturbedLeaderBound(learner), run).conclusion)
        certified_holds

    References:
        kalai2005, Theorem 1.1; cesabianchi2006, Section 4.3.
    """

    learner: FollowThePerturbedLeader
    failure_probability: float = attrs.field(default=1e-6, kw_only=True)
    mean_width: float | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        delta, width = self.failure_probability, self.mean_width
        good = isinstance(delta, float) and 0.0 < delta < 1.0
        require(good, "PerturbedLeaderBound", "failure_probability", "be above 0, below 1", delta)
        good = width is None or 0.0 <= width < math.inf
        require(good, "PerturbedLeaderBound", "mean_width", "be finite and at least 0", width)

    @property
    def statement(self) -> BoundStatement:
        uniform = self.learner.noise == "uniform"
        mean = "m(K)/(2 eta) + sum_t c_t min(1, eta norm1(g_t))"
        if not uniform:
            mean = "log(p)/eta + (eta/8) sum_t c_t^2"
        tail = f"with probability {1.0 - self.failure_probability:.12g} over the noise"
        return BoundStatement(
            name=f"Follow the perturbed leader, {self.learner.noise} noise",
            formula=f"R_T <= {mean} + sqrt((1/2) log(T (T + 1)/delta) sum_t c_t^2) {tail}",
            source="kalai2005, recalled, other constants; proved in `PerturbedLeaderBound`",
            tightness="upper" if uniform else "tight",
            size="m(K), the mean width",
        )

    def premises(self, run: Transcript) -> Premises:
        """Losses fixed beforehand, a bounded set, leaders after the learner's own noise."""
        items = [timing_oblivious(run), bounded_set(run)]
        if self.learner.noise == "gumbel":
            items.append(
                Premise.of("the decision set is a simplex", isinstance(run.decision_set, Simplex))
            )
        return Premises(
            (
                *items,
                self._leaders(run),
                audit.points_feasible(run),
                audit.finished(run, in_expectation=True),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The linear regret after 1, ..., T rounds: of this draw of the noise."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound that holds with probability 1 - delta; nan where the losses are gone."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        t = np.arange(1, run.rounds + 1)
        tail = np.log(t * (t + 1.0) / self.failure_probability)
        squares = np.cumsum(self._widths(run, game.gradients) ** 2)
        found: Floats = self.mean_bound(run) + np.sqrt(0.5 * tail * squares)
        return found

    def mean_bound(self, run: Transcript) -> Floats:
        """M_t after 1, ..., T rounds, a bound on the expected regret; nan where losses are gone."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        eta, p = self.learner.step_size, game.points.shape[1]
        widths = self._widths(run, game.gradients)
        if self.learner.noise == "gumbel":
            return np.asarray(math.log(p) / eta + np.cumsum(eta * widths**2) / 8.0)
        share = np.minimum(1.0, eta * np.abs(game.gradients).sum(axis=1))
        return np.asarray(self._mean_width(run) / (2.0 * eta) + np.cumsum(widths * share))

    def expected_regret(self, run: Transcript, *, draws: int = 1000, seed: int = 0) -> Estimated:
        """The expected regret on the losses of ``run``, from new draws of the noise.

        Args:
            run: A game against an oblivious adversary, losses kept.
            draws: Draws of the noise in each round.
            seed: Of these draws.

        Raises:
            NotKeptError: The losses were not kept.
        """
        game = played_sequence(run)
        if game is None:
            raise NotKeptError(
                "`PerturbedLeaderBound.expected_regret(run=...)` needs the losses of the game; "
                "play again with keep='examples'."
            )
        total = np.zeros_like(game.gradients[0])
        suffered = 0.0
        shape = (draws, total.size)
        scale = getattr(run.decision_set, "scale", 1.0)
        for t, gradient in enumerate(game.gradients):
            noise = self.learner.draw(generator(seed, "expected regret", t), shape, scale)
            points = run.decision_set.lmo(as_like(total + noise, run.start))
            suffered += float(gradient @ to_numpy(points).mean(axis=0))
            total = total + gradient
        best = float(to_numpy(run.decision_set.support(as_like(-total, run.start))))
        return Estimated(suffered + best, f"mean over {draws} draws of the noise in each round")

    def _widths(self, run: Transcript, gradients: Floats) -> Floats:
        """c_t = h(g_t) + h(-g_t)."""
        g: Any = as_like(gradients, run.start)
        support = run.decision_set.support
        return to_numpy(support(g)) + to_numpy(support(-g))

    def _mean_width(self, run: Transcript) -> float:
        if self.mean_width is not None:
            return float(self.mean_width)
        p = run.start.shape[-1]
        if isinstance(run.decision_set, Simplex):
            return run.decision_set.scale * (p - 1) / (p + 1)
        return float(to_numpy(run.decision_set.reach(run.start))) * math.sqrt(p / 3.0)

    def _leaders(self, run: Transcript) -> Premise:
        """W_t = lmo(S_{t-1} + N_t), the noise drawn again from the seed of the learner."""
        name = "leaders after the noise of the learner"
        game = played_sequence(run)
        if game is None:
            return Premise(name, "not checked", "the points and losses of the game were not kept")
        sums = np.vstack([np.zeros_like(game.gradients[:1]), np.cumsum(game.gradients, axis=0)])
        scale = getattr(run.decision_set, "scale", 1.0)
        for t, (total, point) in enumerate(zip(sums, game.points, strict=True), start=1):
            noise = self.learner.perturbation(t, total.shape, scale)
            perturbed = as_like(total + noise, run.start)
            # Compared by value: of two leaders rounding decides.
            value = float(to_numpy(perturbed) @ point)
            least = -float(to_numpy(run.decision_set.support(-perturbed)))
            size = float(np.abs(to_numpy(perturbed)) @ np.abs(point)) + abs(least)
            if not value <= least + audit.rounding(run) * size:
                return Premise(name, "fails", f"W_{t} is not the leader: {value:.6g} > {least:.6g}")
        return Premise(name, "holds", f"in all {run.rounds} rounds and after the last")
