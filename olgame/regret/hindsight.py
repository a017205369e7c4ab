"""The best fixed point in hindsight, with a certificate of how good it is."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.duality.gap import Gap, gap
from olgame.duality.hindsight_point import hindsight_point
from olgame.duality.linear_gap import linear_gap
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.losses.model_loss import ModelLoss
from olgame.models.model import HasTwoLayers
from olgame.regret.cutting_planes import CuttingPlanes
from olgame.regret.tangent_bundle import TangentBundle, is_linear
from olgame.results import Certified, Interval
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.typing import Array
from olgame.validation import require

__all__ = ["Hindsight", "hindsight"]

Floats = NDArray[np.float64]
State = Literal["global minimizer certified", "within the gap"]


@attrs.frozen(eq=False)
class Hindsight:
    """A fixed point u of K, F(u) = (1/T) sum_t l_t(u), and how far F can be below on K.

    Attributes:
        point: u, shape ``(p,)``.
        value: F(u).
        gap: min over K of F lies in [value - gap, value].
        passes: Evaluations of all rounds: values, and gradients as one each.
        method: What was searched, and what certifies.
        tolerance: The relative gap that was asked for.
        run: The game.
        certificate: The gap of a two-layer network in detail; None for other games.
    """

    point: Array
    value: float
    gap: float
    passes: float
    method: str
    tolerance: float
    run: Transcript = attrs.field(repr=False)
    certificate: Gap | None = attrs.field(default=None, repr=False)

    @property
    def relative_gap(self) -> float:
        """The gap as a part of the regret per round; inf where that is not positive."""
        regret = float(self.run.loss.mean()) - self.value
        return self.gap / regret if regret > 0.0 else np.inf

    @property
    def state(self) -> State:
        """``"global minimizer certified"`` where the gap is within the tolerance."""
        certified = self.gap <= self.tolerance * _scale(self.run, self.value)
        return "global minimizer certified" if certified else "within the gap"

    @property
    def least_value(self) -> Interval:
        """min over K of F."""
        return Interval(
            Certified(self.value - self.gap, "lower", self.method),
            Certified(self.value, "upper", "attained at a point of the set"),
        )

    @property
    def regret(self) -> Interval:
        """max over u in K of sum_t l_t(W_t) - l_t(u), of the game as it was played."""
        total, rounds = float(self.run.loss.sum()), self.run.rounds
        attained = total - rounds * self.value
        return Interval(
            Certified(attained, "lower", "attained at a point of the set"),
            Certified(attained + rounds * self.gap, "upper", self.method),
        )

    def __str__(self) -> str:
        return (
            f"best point in hindsight: F(u) = {self.value:.6g}, least F {self.least_value}\n"
            f"regret {self.regret}\n{self.state} (relative gap {self.relative_gap:.2g}, "
            f"{self.passes:.3g} passes over the rounds; {self.method})"
        )


def hindsight(
    run: Transcript,
    decision_set: ConvexSet | None = None,
    *,
    every: int = 20,
    steps: int = 60,
    tolerance: float = 1e-4,
) -> Hindsight:
    r"""The best fixed point in K for the losses that were played, certified.

    F(u) = (1/T) sum_t l_t(u) is minimized over K and the point certified over *all* rounds:

    * **linear losses**: u = lmo(sum_t g_t), exactly; with **quadratic** ones a projection;
    * **a two-layer network**: accelerated projected gradient on every ``every``-th round, then one
      pass of the curvature-corrected gap (`olgame.duality.gap`): K is a ball around W_0, or a
      product of balls over rows. F is not convex, and the floor is proved all the same;
    * **a model that is linear in its weights** (`LinearModel`, `Linearized`): the same search, and
      the duality gap for any K with a support function (`olgame.duality.linear_gap`);
    * **other convex losses**: accelerated projected gradient on all rounds, and the best convex
      combination of the tangents that were met (`CuttingPlanes`): for any lambda in the simplex,
      F >= sum_k lambda_k [F(u_k) + <g_k, . - u_k>], whose least value over K is a support function.

    Where kinks (of hinges, say) leave a gap above the tolerance, the last two go on with tangents
    of every round on its own (`olgame.regret.tangent_bundle.TangentBundle`).

    Nothing is claimed of the search but the value at its point; the gap is the certificate.

    Args:
        run: A single game with ``keep="examples"`` or ``"points"``.
        decision_set: K; default the set of the game.
        every: Rounds are thinned to every ``every``-th one for the search on networks.
        steps: Largest number of steps of the search.
        tolerance: Gap relative to the regret below which the state is "global minimizer certified".

    Returns:
        The `Hindsight`: point, value, gap, state, regret as an `Interval`.

    Raises:
        ArgumentError: A number is outside its domain.
        NotKeptError: The losses were not kept.
        NotAvailableError: A batch of games, no round, or losses for which no certificate is known
            (a network of another kind).

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.QuadraticLoss(np.array([c, 0.0])) for c in (3.0, 1.0)]
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.5),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)),
        ...     rounds=2,
        ...     keep="examples",
        ... )
        >>> best = hindsight(run)
        >>> best.point.round(6), round(best.value, 9), best.gap < 1e-9
        (array([1., 0.]), 1.0, True)

    References:
        gao2019, hazan2022.
    """
    owner = "hindsight"
    for name, number in (("every", every), ("steps", steps)):
        ok = isinstance(number, int) and not isinstance(number, bool) and number >= 1
        require(ok, owner, name, "be an integer of at least 1", number)
    ok = isinstance(tolerance, float | int) and 0.0 < tolerance < np.inf
    require(ok, owner, "tolerance", "be finite and positive", tolerance)
    if run.loss.ndim != 1:
        raise NotAvailableError(
            f"`hindsight(run=...)` must be a single game, got leading axes {run.games}: take one, "
            "`run.game(index)`."
        )
    losses = run.kept_losses("A best point in hindsight")
    if not losses:
        raise NotAvailableError("`hindsight(run=...)`: no round was played.")
    k = run.decision_set if decision_set is None else decision_set
    if all(is_linear(loss) for loss in losses):
        return _linear(run, k, tolerance)
    networks: Any = losses
    if all(isinstance(loss, ModelLoss) for loss in losses):
        return _network(run, networks, k, every, steps, tolerance)
    if (run.weak_convexity != 0.0).any():
        raise NotAvailableError(
            "`hindsight(run=...)` needs losses that are convex or of a two-layer network: of these "
            "nothing is known that bounds them from below."
        )
    return _convex(run, k, steps, tolerance)


def _linear(run: Transcript, k: ConvexSet, tolerance: float) -> Hindsight:
    """max of sum_t <g_t, W_t - u> is a support function, and its u a linear minimizer."""
    losses = run.kept_losses("A best point in hindsight")
    total: Any = kernels(run.start).xp.astype(run.gradient_sum, run.start.dtype)
    point = k.lmo(total)
    values = [float(to_numpy(loss.value(point))) for loss in losses]
    value, size = float(np.mean(values)), float(np.mean(np.abs(values)))
    recentered = k.translate(-run.start)
    offset = value - float(to_numpy(kernels(run.start).dot(total, point - run.start))) / run.rounds
    least = offset - float(to_numpy(recentered.support(-total))) / run.rounds
    size += abs(least) + float(to_numpy(kernels(run.start).norm(total))) * _size(run, k)
    slack = 4.0 * unit_roundoff(run.start) * (run.rounds + run.start.shape[-1]) * size
    gap_found = max(value - least, 0.0) + slack
    return Hindsight(point, value, gap_found, 1.0, "closed form of linear losses", tolerance, run)


def _size(run: Transcript, k: ConvexSet) -> float:
    """A bound on norm(u) + norm(u - W_1) over K, per round."""
    reach = float(to_numpy(k.reach(run.start)))
    return (2.0 * reach + float(to_numpy(kernels(run.start).norm(run.start)))) / run.rounds


def _network(
    run: Transcript,
    losses: Any,
    k: ConvexSet,
    every: int,
    steps: int,
    tolerance: float,
) -> Hindsight:
    first = losses[0]
    model: Any = first.model
    y, loss = first.y, first.loss
    if any(played.model is not model or played.loss != loss for played in losses):
        raise NotAvailableError("`hindsight(run=...)` needs rounds on one model with one loss.")
    if not run.full_batch.all():
        raise NotAvailableError(
            "`hindsight(run=...)` needs all samples in every round: mini-batches are not played "
            "against one F sample by sample."
        )
    rounds = [played.x for played in losses]
    thin = rounds[min(every // 2, len(rounds) - 1) :: every]
    u = hindsight_point(model, thin, y, loss, start=run.final_point, steps=steps, decision_set=k)
    share = len(thin) / len(rounds)
    searched = f"accelerated projected gradient on {len(thin)} of {len(rounds)} rounds"
    if isinstance(first.model, HasTwoLayers):
        found = gap(model, u, rounds, y, loss, decision_set=k, tolerance=np.inf)
        scale = abs(float(run.loss.mean()) - found.value)
        found = attrs.evolve(found, tolerance=tolerance * scale)
        method = f"{searched}; curvature-corrected gap over all rounds"
        passes = 3.0 * steps * share + 4.0
        return Hindsight(u, found.value, found.gap, passes, method, tolerance, run, found)
    if (run.weak_convexity != 0.0).any():
        raise NotAvailableError(
            f"`hindsight(run=...)` knows no lower bound for {getattr(model, 'name', 'this model')}:"
            " a two-layer network or a model that is linear in its weights has one. Search with "
            "`olgame.duality.hindsight_point`, whose value is only attained."
        )
    value, found_gap, slopes = linear_gap(model, u, rounds, y, loss, k)
    method = f"{searched}; duality gap over all rounds, slopes: {slopes}"
    passes = 3.0 * steps * share + 6.0
    if loss.smoothness is None and found_gap > tolerance * _scale(run, value):
        bundle = TangentBundle(losses, run.start, k)
        found_all = (u, value, value - found_gap, passes, method)
        return _by_bundle(run, bundle, steps, tolerance, found_all)
    return Hindsight(u, value, found_gap, passes, method, tolerance, run)


def _convex(run: Transcript, k: ConvexSet, steps: int, tolerance: float) -> Hindsight:
    losses = run.kept_losses("A best point in hindsight")
    bundle = TangentBundle(losses, run.start, k)
    if bundle.is_closed_form:
        point, value, floor = bundle.solve(run.best_point, steps=1, tolerance=0.0)
        method = "projection; duality gap"
        return _checked(run, point, value, floor, bundle.passes, method, tolerance)
    planes = CuttingPlanes(losses, run.start, k)
    point, value = planes.search(steps, start=run.best_point)
    # The best combination of tangents asks for thousands of linear minimizers.
    floor = -np.inf if getattr(k, "iterative", False) else planes.floor()
    method = "accelerated projected gradient; combination of its tangents"
    passes = planes.passes
    if value - floor > tolerance * _scale(run, value):  # kinks
        return _by_bundle(run, bundle, steps, tolerance, (point, value, floor, passes, method))
    return _checked(run, point, value, floor, passes, method, tolerance)


def _by_bundle(
    run: Transcript,
    bundle: TangentBundle,
    steps: int,
    tolerance: float,
    found: tuple[Array, float, float, float, str],
) -> Hindsight:
    """What a first search has found, mended by tangents round by round."""
    point, value, floor, passes, method = found
    u, reached, low = bundle.solve(point, steps, tolerance * _scale(run, value))
    if reached < value:
        point, value = u, reached
    if low > floor:
        floor = low
    method = f"{method.partition(';')[0]}, then a bundle of tangents of every round; its dual"
    return _checked(run, point, value, floor, passes + bundle.passes, method, tolerance)


def _scale(run: Transcript, value: float) -> float:
    """The regret per round, which gaps are relative to."""
    return max(abs(float(run.loss.mean()) - value), 1e-12)


def _checked(
    run: Transcript,
    point: Array,
    value: float,
    floor: float,
    passes: float,
    method: str,
    tolerance: float,
) -> Hindsight:
    if not value - floor >= 0.0:  # rounding is part of it
        raise ArgumentError(
            "`hindsight(decision_set=...)` must have linear minimizers that are as low as its "
            f"projections: a bound from below came out {floor - value:.3g} above a value that is "
            "attained."
        )
    return Hindsight(point, value, value - floor, float(passes), method, tolerance, run)
