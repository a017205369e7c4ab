"""The best fixed point for convex losses that are no network's: tangents, of the sum or of each."""

from __future__ import annotations

from olgame.exceptions import ArgumentError
from olgame.regret.cutting_planes import CuttingPlanes
from olgame.regret.hindsight_result import Hindsight, regret_per_round
from olgame.regret.tangent_bundle import TangentBundle
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript

__all__ = ["convex_hindsight", "with_bundle"]


def convex_hindsight(run: Transcript, k: ConvexSet, steps: int, tolerance: float) -> Hindsight:
    """A projection for quadratic losses; accelerated steps and their tangents for others.

    Two methods, since neither does what the other does. Of smooth losses (logistic, least squares,
    logarithmic; T = 50 to 400, p = 5 to 100, 60 steps) `CuttingPlanes` left gaps of 1e-13 to 1e-7
    in 0.03 to 0.5 s, `TangentBundle` of 4e-7 to 6e-4 in 2 to 34 s: a few tangents of each round say
    little about a bend. Of losses with kinks the tangents of the sum leave some 1e-2, the bundle
    1e-6. So the first searches, and the second mends what kinks have left.

    Args:
        run: A game of convex losses.
        k: K.
        steps: Largest number of steps of each.
        tolerance: Relative gap.
    """
    losses = run.kept_losses("A best point in hindsight")
    bundle = TangentBundle(losses, run.start, k)
    if bundle.is_closed_form:
        point, value, floor = bundle.solve(run.best_point, steps=1, tolerance=0.0)
        method, passes = "projection; duality gap", bundle.passes
        return _checked(Hindsight(point, value, value - floor, passes, method, tolerance, run))
    planes = CuttingPlanes(losses, run.start, k)
    point, value = planes.search(steps, start=run.best_point)
    # The best combination of tangents asks for thousands of linear minimizers.
    floor = -float("inf") if getattr(k, "iterative", False) else planes.floor()
    method = "accelerated projected gradient; combination of its tangents"
    found = Hindsight(point, value, value - floor, planes.passes, method, tolerance, run)
    if found.gap > tolerance * regret_per_round(run, value):
        found = with_bundle(bundle, found, steps)
    return _checked(found)


def with_bundle(bundle: TangentBundle, found: Hindsight, steps: int) -> Hindsight:
    """What a first search has found, mended by tangents of every round on its own.

    Args:
        bundle: Of all losses of the game.
        found: Point and gap of the first search; a gap of inf where there is no floor yet.
        steps: Largest number of passes.
    """
    run, value, floor = found.run, found.value, found.value - found.gap
    wanted = found.tolerance * regret_per_round(run, value)
    u, reached, low = bundle.solve(found.point, steps, wanted)
    point, value = (u, reached) if reached < value else (found.point, value)
    searched = found.method.partition(";")[0]
    method = f"{searched}, then a bundle of tangents of every round; its dual"
    passes = found.passes + bundle.passes
    gap = value - max(floor, low)
    return _checked(Hindsight(point, value, gap, passes, method, found.tolerance, run))


def _checked(found: Hindsight) -> Hindsight:
    if not found.gap >= 0.0:  # rounding is part of it
        raise ArgumentError(
            "`hindsight(decision_set=...)` must have linear minimizers that are as low as its "
            f"projections: a bound from below came out {-found.gap:.3g} above a value that is "
            "attained."
        )
    return found
