"""The premises of the two-layer theorem, each recomputed from a transcript."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from olgame.arrays import to_numpy, unit_roundoff
from olgame.losses.largest_slope import largest_slope
from olgame.models.model import HasTwoLayers
from olgame.results import Certified, least_robust_loss
from olgame.theory import audit
from olgame.theory.inner_radius import inner_radius, of_library
from olgame.theory.plan import fraction
from olgame.theory.premise import Premise, Premises
from olgame.theory.second_moment import second_moment
from olgame.theory.stated_constants import refuted, stated_by_library
from olgame.transcript import Transcript

if TYPE_CHECKING:
    from olgame.theory.two_layer import TwoLayer

__all__ = ["COMPARABLE", "two_layer_premises"]

NETWORK = "two-layer network"
BOUNDS = "bounds are about B(R)"
COMPARABLE = (
    NETWORK,
    "deterministic network",
    "full batch",
    "inputs in B(x)",
    "played losses are the adversary's",
    "starts at the initialization",
    "points in the decision set",
    BOUNDS,
)
"""Without these the losses of the run and the bounds on L_* are not about one game."""

ROUNDING = Fraction(1, 10**12)
"""Sizes are judged at the accuracy eps (1 + 1e-12): what the plan's doubles cost, and rigorous,
since the theorem at that accuracy has weaker premises."""


def two_layer_premises(
    theorem: TwoLayer,
    run: Transcript,
    accuracy: float,
    weight_radius: float,
    bounds: tuple[Certified | None, ...] = (),
) -> Premises:
    """All premises of `TwoLayer` at (accuracy, weight_radius), in the order of its statement."""
    eps = fraction(accuracy) * (1 + ROUNDING)
    radius = fraction(weight_radius)
    return Premises(
        (
            _network(theorem, run),
            _activation(theorem, run),
            audit.deterministic(run),
            _loss(theorem, run),
            _width(theorem, run, eps, radius),
            _input_norms(theorem, run),
            audit.inputs_allowed(run),
            audit.full_batch(run),
            audit.played_losses(run),
            audit.initial_point(run),
            _decision_set(run, weight_radius),
            audit.points_feasible(run),
            audit.gradient_steps(run),
            _step_size(run, eps),
            _rounds(run, eps, radius),
            audit.finished(run),
            _bounds(bounds, weight_radius),
        )
    )


def _model(run: Transcript) -> Any:
    return getattr(run.adversary, "model", None)


def _network(theorem: TwoLayer, run: Transcript) -> Premise:
    """f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>) with a_r = +-1, of as many outputs as stated."""
    model = _model(run)
    if model is None:
        return Premise(
            NETWORK,
            "fails",
            "the theorem is about two-layer networks; this game is played on no model",
        )
    if not isinstance(model, HasTwoLayers):
        name = getattr(model, "name", type(model).__name__)
        return Premise(
            NETWORK, "fails", f"the theorem is about two-layer networks; this model is {name}"
        )
    structure = model.two_layer(run.start)
    hidden, output = to_numpy(structure.hidden), to_numpy(structure.output)
    m = len(output)
    if hidden.shape[0] != m or hidden.size != to_numpy(run.start).size:
        return Premise(NETWORK, "fails", f"trains other weights than the {m} hidden rows")
    classes = output.shape[1] if output.ndim > 1 else None
    if classes != theorem.classes:
        text = f"the theorem is for classes = {theorem.classes}, the network has {classes}"
        return Premise(NETWORK, "fails", text)
    off = float(np.abs(np.abs(output) * np.sqrt(m) - 1.0).max())
    if not off <= 8.0 * unit_roundoff(run.start):
        return Premise(NETWORK, "fails", f"output weights are not +-1/sqrt(m), by {off:.3g}")
    return Premise(NETWORK, "holds", f"m = {m}, d = {hidden.shape[1]}, output weights +-1/sqrt(m)")


def _activation(theorem: TwoLayer, run: Transcript) -> Premise:
    name = "activation with constants"
    played = getattr(_model(run), "activation", None)
    if played is None:
        return Premise(name, "not checked", "the model does not say what its activation is")
    stated = theorem.activation
    if played != stated:
        same = "another activation of that name" if played.name == stated.name else stated.name
        return Premise(name, "fails", f"played {played.name}, the theorem is about {same}")
    if stated.c2 is None:
        return Premise(name, "fails", f"{stated.name} has no C2: its derivative jumps")
    text = f"{stated.name}, C1 = {stated.c1:.6g}, C2 = {stated.c2:.6g}"
    if stated_by_library(stated):
        return Premise(name, "holds", text)
    wrong = refuted(stated)
    if wrong:
        return Premise(name, "fails", f"{stated.name}: {wrong}")
    return Premise(name, "not checked", f"{text}: constants are the user's statement")


def _loss(theorem: TwoLayer, run: Transcript) -> Premise:
    name = "convex Lipschitz loss"
    played = getattr(run.adversary, "loss", None)
    if played is None:
        return Premise(name, "not checked", "the adversary does not say what its loss is")
    if played != theorem.loss:
        return Premise(
            name, "fails", f"played {played.name}, the theorem is about {theorem.loss.name}"
        )
    if theorem.loss.lipschitz is None:
        return Premise(name, "fails", f"{played.name} has no Lipschitz constant")
    text = f"{played.name}, L = {largest_slope(played, theorem.classes):g}"
    if not of_library(played):
        return Premise(name, "not checked", f"{text}: constants are the user's statement")
    return Premise(name, "holds", text)


def _width(theorem: TwoLayer, run: Transcript, eps: Fraction, radius: Fraction) -> Premise:
    """kappa_t <= eps / (4 R^2) for all t, from the width or from what the rounds recorded."""
    name = "width"
    m = getattr(_model(run), "width", None)
    bounds: dict[str, Fraction] = {}
    if theorem.lacks is None:
        bounds["input bound"] = theorem.width_bound(fraction(theorem.input_bound) ** 2, eps, radius)
        moment = _played_moment(theorem, run)
        if moment is not None:
            bounds["second moment of the data"] = theorem.width_bound(moment, eps, radius)
    for source, bound in bounds.items():
        if m is not None and m >= bound:
            return Premise(name, "holds", f"m = {m} >= {_number(bound)} ({source})")
    limit = float(eps / (4 * radius**2))
    if run.rounds and np.isfinite(run.weak_convexity).all():
        worst = float(run.weak_convexity.max())
        if worst * (1.0 + audit.rounding(run)) <= limit:
            return Premise(
                name, "holds", f"recorded kappa_t <= {worst:.4g} <= eps/(4 R^2) = {limit:.4g}"
            )
    if m is None or not bounds:
        return Premise(name, "not checked", theorem.lacks or "the model has no width")
    asked = " or ".join(f"{_number(bound)} ({source})" for source, bound in bounds.items())
    return Premise(name, "fails", f"m = {m}, must be at least {asked}")


def _played_moment(theorem: TwoLayer, run: Transcript) -> Fraction | None:
    """Lambda (or Lambda_pm) of the adversary's own data and B(x); None if it does not show them."""
    parts: list[Any] = [
        getattr(run.adversary, name, None) for name in ("x", "y", "perturbation_set")
    ]
    if any(part is None for part in parts):
        return None
    x, y, allowed = parts
    inputs = to_numpy(x)
    inputs = inputs.reshape(len(inputs), -1)
    dim = inputs.shape[1]
    euclidean = to_numpy(allowed.euclidean_radius(dim))
    # Played inputs may be outside B(x) by rounding, by this much in every coordinate at most.
    excess = np.nan_to_num(run.input_distance, nan=0.0).max(initial=0.0)
    moment = second_moment(inputs, y, euclidean + float(excess) * dim**0.5)
    return theorem.curvature_moment(moment)


def _input_norms(theorem: TwoLayer, run: Transcript) -> Premise:
    name = "bounded inputs"
    if run.rounds == 0 or np.isnan(run.input_norm).any():
        return Premise(name, "not checked", "no evidence of what inputs were played")
    largest = float(run.input_norm.max())
    known = largest <= theorem.input_bound * (1.0 + audit.rounding(run))
    return Premise.of(name, known, f"norms up to {largest:.6g}, X = {theorem.input_bound:g}")


def _decision_set(run: Transcript, weight_radius: float) -> Premise:
    """K is closed, convex and contains B(R)."""
    name = "decision set contains B(R)"
    k = run.decision_set
    model = _model(run)
    origin = to_numpy(run.start if model is None else model.start)
    inner = inner_radius(k, origin)
    if inner is None:
        return Premise(name, "not checked", f"no test for a {type(k).__name__}")
    if inner == np.inf:
        farthest = float(run.distance.max(initial=0.0))
        return Premise(
            name, "holds", f"the whole space: no projection (points up to {farthest:.4g} away)"
        )
    text = f"it contains the ball of radius {inner:.6g} around W_0; R = {weight_radius:g}"
    if not inner >= weight_radius * (1.0 - 4.0 * unit_roundoff(run.start)):
        return Premise(name, "fails", text)
    if not of_library(k):
        return Premise(name, "not checked", f"{text}: by its own statement")
    return Premise(name, "holds", text)


def _step_size(run: Transcript, eps: Fraction) -> Premise:
    """One alpha in (0, eps/(2 G^2)], G the largest gradient norm that was played."""
    name = "step size"
    if run.rounds == 0 or np.isnan(run.step_size).any() or np.isnan(run.gradient_norm).any():
        return Premise(name, "not checked", "the learner does not report its steps")
    first = float(run.step_size[0])
    if not (run.step_size == first).all() or not 0.0 < first < np.inf:
        low, high = float(run.step_size.min()), float(run.step_size.max())
        return Premise(name, "fails", f"must be fixed and positive, got {low:.4g} to {high:.4g}")
    largest = float(run.gradient_norm.max())
    if largest == 0.0:
        return Premise(name, "holds", f"alpha = {first:.6g}; all gradients are 0")
    limit = eps / (2 * Fraction(largest) ** 2)
    text = f"alpha = {first:.6g}, eps/(2 G^2) = {_number(limit)} with G = {largest:.6g} as played"
    return Premise.of(name, fraction(first) <= limit, text)


def _rounds(run: Transcript, eps: Fraction, radius: Fraction) -> Premise:
    name = "rounds"
    steps = run.step_size
    if run.rounds == 0 or np.isnan(steps).any():
        return Premise(name, "not checked", "the learner does not report its steps")
    if not ((steps == steps[0]).all() and 0.0 < steps[0] < np.inf):
        return Premise(name, "not checked", "R^2/(alpha eps) needs one positive step size")
    bound = radius**2 / (fraction(float(steps[0])) * eps)
    text = f"T = {run.rounds}, R^2/(alpha eps) = {_number(bound)}"
    return Premise.of(name, run.rounds >= bound, text)


def _bounds(bounds: tuple[Certified | None, ...], weight_radius: float) -> Premise:
    """Floor and ceiling bound the least robust loss in B(R), this R, and say so."""
    given = [bound for bound in bounds if bound is not None]
    asked = least_robust_loss(weight_radius)
    if not given:
        return Premise(BOUNDS, "not checked", "no floor and no ceiling")
    other = [bound.quantity for bound in given if bound.quantity not in ("", asked)]
    if other:
        return Premise(BOUNDS, "fails", f"asked is the {asked}, got a bound on the {other[0]}")
    silent = [bound.method for bound in given if not bound.quantity]
    if silent:
        return Premise(
            BOUNDS, "not checked", f"{silent[0]!r} does not say of what; use `theory.ceiling`"
        )
    return Premise(BOUNDS, "holds", asked)


def _number(value: Fraction) -> str:
    """Six digits; fractions can be larger than floats."""
    try:
        return f"{float(value):.6g}"
    except OverflowError:
        return "more than 1e308"
