"""The best fixed point of games that a model plays: a two-layer network, or one linear in w."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like
from olgame.duality.gap import gap_of_sweep
from olgame.duality.gauss_newton_search import can_search, gauss_newton_search
from olgame.duality.hindsight_point import hindsight_point
from olgame.duality.linear_gap import linear_gap
from olgame.duality.sweep import sweep
from olgame.duality.two_layer_point import two_layer_point
from olgame.duality.weight_balls import weight_balls
from olgame.duality.weighted_samples import weighted_samples
from olgame.exceptions import NotAvailableError
from olgame.losses.model_loss import ModelLoss
from olgame.models.model import HasTwoLayers
from olgame.regret.hindsight_convex import with_bundle
from olgame.regret.hindsight_result import Hindsight, regret_per_round
from olgame.regret.tangent_bundle import TangentBundle
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript

__all__ = ["network_hindsight"]

_SMOOTHING = (1e-4, 1e-3, 1e-2, 1e-1)
_SHARE = 0.5  # of the tolerance, that the search aims at: curvature and rounding need the rest


def network_hindsight(
    run: Transcript, k: ConvexSet, *, every: int, steps: int, tolerance: float
) -> Hindsight:
    """Search on thinned rounds, certify on all.

    * Two layers, one output, one ball: Gauss-Newton steps (`gauss_newton_search`), whose last pass
      over all rounds is the one that certifies;
    * two layers otherwise: accelerated projected gradient on thinned rounds, then that pass;
    * linear in the weights: the same search and `linear_gap`; and `TangentBundle` where kinks of
      the loss leave more than the tolerance.

    Args:
        run: A game whose losses are all `ModelLoss`.
        k: K.
        every: Rounds are thinned to every ``every``-th one.
        steps: Of accelerated projected gradient, and of the bundle.
        tolerance: Relative gap.

    Raises:
        NotAvailableError: Mini-batches, several models or losses, or a model of which nothing is
            known that bounds its losses from below.
    """
    losses = [loss for loss in run.kept_losses("Hindsight") if isinstance(loss, ModelLoss)]
    model, y, loss = losses[0].model, losses[0].y, losses[0].loss
    if any(played.model is not model or played.loss != loss for played in losses):
        raise NotAvailableError("`hindsight(run=...)` needs rounds on one model with one loss.")
    if not run.full_batch.all():
        raise NotAvailableError(
            "`hindsight(run=...)` needs all samples in every round: mini-batches are not played "
            "against one F sample by sample."
        )
    if isinstance(model, HasTwoLayers):
        return _two_layers(run, losses, k, every, steps, tolerance)
    if (run.weak_convexity != 0.0).any():
        raise NotAvailableError(
            f"`hindsight(run=...)` knows no lower bound for {getattr(model, 'name', 'this model')}:"
            " a two-layer network or a model that is linear in its weights has one. Search with "
            "`olgame.duality.hindsight_point`, whose value is only attained."
        )
    rounds = [played.x for played in losses]
    u, method, passes = _descended(run, losses, k, every, steps)
    value, gap, slopes = linear_gap(model, u, rounds, y, loss, k)
    method += f"; duality gap over all rounds, slopes: {slopes}"
    found = Hindsight(u, value, gap, passes + 6.0, method, tolerance, run)
    if loss.smoothness is None and gap > tolerance * regret_per_round(run, value):
        return with_bundle(TangentBundle(losses, run.start, k), found, steps)
    return found


@np.errstate(all="ignore")  # what overflows is refused by name
def _two_layers(
    run: Transcript, losses: list[ModelLoss], k: ConvexSet, every: int, steps: int, tolerance: float
) -> Hindsight:
    model: Any = losses[0].model
    y, loss, rounds = losses[0].y, losses[0].loss, [played.x for played in losses]
    balls = weight_balls(model, None, k, "hindsight")
    samples = weighted_samples(rounds, y, None, model, loss, "hindsight")
    if can_search(samples, balls, two_layer_point(model, model.start, balls).terms + 1):
        begin = two_layer_point(model, k.project(run.final_point), balls)

        def enough(value: float) -> float:
            return _SHARE * tolerance * regret_per_round(run, value)

        searched = gauss_newton_search(begin, samples, loss, balls, every=every, enough=enough)
        found, passes = searched.sweep, searched.passes
        u = as_like(found.point.hidden.reshape(-1), model.start)
        smooth = begin.activation.c2 is not None
        of = f"of {len(rounds)} rounds" if smooth else "clusters a sample"
        method = f"Gauss-Newton steps, {searched.thinned} {of} at first"
    else:
        u, method, passes = _descended(run, losses, k, every, steps)
        found = sweep(two_layer_point(model, u, balls), samples, loss, _SMOOTHING)
        passes += 2.0
    proved = gap_of_sweep(found, balls, np.inf)
    proved = attrs.evolve(proved, tolerance=tolerance * regret_per_round(run, proved.value))
    method += "; curvature-corrected gap over all rounds"
    return Hindsight(u, proved.value, proved.gap, passes, method, tolerance, run, proved)


def _descended(
    run: Transcript, losses: list[ModelLoss], k: ConvexSet, every: int, steps: int
) -> tuple[Any, str, float]:
    """Accelerated projected gradient on thinned rounds: the point, the method, the passes."""
    first, count = losses[0], len(losses)
    thin = [played.x for played in losses[min(every // 2, count - 1) :: every]]
    u = hindsight_point(
        first.model, thin, first.y, first.loss, start=run.final_point, steps=steps, decision_set=k
    )
    method = f"accelerated projected gradient on {len(thin)} of {count} rounds"
    return u, method, 3.0 * steps * len(thin) / count
