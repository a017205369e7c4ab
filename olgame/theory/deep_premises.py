"""The premises of the deep theorem: what a transcript can tell, and what hides in constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import to_numpy, unit_roundoff
from olgame.models.deep_layers import HasDeepLayers
from olgame.models.layer_scaling import layer_reach
from olgame.sets import L2Ball, ProductSet
from olgame.sets.convex_set import ConvexSet
from olgame.theory import audit
from olgame.theory.inner_radius import inner_radius, of_library
from olgame.theory.premise import Premise, Premises
from olgame.transcript import Transcript

__all__ = ["CONTAINS", "HIDDEN", "SCALING", "deep_premises"]

NETWORK = "deep ReLU network"
SCALING = "decision set in the network's scaling"
CONTAINS = "decision set contains B(R)"
HIDDEN = ("width", "step size", "rounds")
"""Premises with a hidden constant: nobody can check them, whatever is played."""


def deep_premises(run: Transcript, weight_radius: float, shape: dict[str, str]) -> Premises:
    """All premises of `DeepReLU` at R, in the order of its statement.

    Args:
        run: A single game.
        weight_radius: R.
        shape: For each of `HIDDEN`, the recalled condition in words.
    """
    model = getattr(run.adversary, "model", None)
    deep = isinstance(model, HasDeepLayers)
    name = getattr(model, "name", type(model).__name__)
    text = f"the theorem is about deep ReLU networks; this model is {name}"
    if isinstance(model, HasDeepLayers):
        text = f"{name}, m = {model.width}"
    return Premises(
        (
            Premise.of(NETWORK, deep, text),
            _initialization(model, deep),
            audit.deterministic(run),
            _loss(run),
            *_sets(run, model if deep else None, weight_radius),
            audit.inputs_allowed(run),
            audit.full_batch(run),
            audit.played_losses(run),
            audit.initial_point(run),
            audit.points_feasible(run),
            audit.gradient_steps(run),
            *(Premise(hidden, "not checked", shape[hidden]) for hidden in HIDDEN),
            audit.finished(run),
        )
    )


def _initialization(model: Any, deep: bool) -> Premise:
    """A, W_0 and a are Gaussian of the variances of the theorem."""
    name = "Gaussian initialization"
    if not deep:
        return Premise(name, "not checked", "the model is no deep ReLU network")
    if type(model).__module__.split(".")[0] in ("olgame", "olgame_torch"):
        return Premise(name, "holds", f"drawn by `deep_start`, seed {model.seed}")
    return Premise(name, "not checked", "the weights are the user's")


def _loss(run: Transcript) -> Premise:
    name = "convex Lipschitz loss"
    loss = getattr(run.adversary, "loss", None)
    if loss is None:
        return Premise(name, "not checked", "the adversary does not say what its loss is")
    if loss.lipschitz is None:
        return Premise(name, "fails", f"{loss.name} has no Lipschitz constant")
    text = f"{loss.name}, L = {loss.lipschitz:g}"
    if not of_library(loss):
        return Premise(name, "not checked", f"{text}: constants are the user's statement")
    return Premise(name, "holds", text)


def _sets(run: Transcript, model: Any, weight_radius: float) -> tuple[Premise, Premise]:
    """K within B(R), and B(R) within K."""
    if model is None:
        unknown = "B(R) is that of a deep ReLU network"
        return Premise(SCALING, "not checked", unknown), Premise(CONTAINS, "not checked", unknown)
    radius = weight_radius / math.sqrt(model.width)
    return _within(run, model, weight_radius, radius), _contains(run, model, radius)


def _within(run: Transcript, model: Any, weight_radius: float, radius: float) -> Premise:
    """K lies in the product of balls of radius R/sqrt(m) around W_0."""
    reaches = layer_reach(run.decision_set, model.start, model.depth)
    slack = 1.0 + 64.0 * unit_roundoff(run.start)
    least, most = max(r.least for r in reaches), max(r.most for r in reaches)
    right = f"R/sqrt(m) = {weight_radius:g}/sqrt({model.width}) = {radius:.6g}"
    if math.isinf(most):
        return Premise(SCALING, "fails", f"no bound on how far a layer moves; {right}")
    if most <= radius * slack:
        return Premise(SCALING, "holds", f"every layer moves by at most {right}")
    if least <= radius * slack:
        return Premise(
            SCALING, "not checked", f"layers move by {least:.6g} to {most:.6g} at most; {right}"
        )
    units = least * math.sqrt(model.width)
    if abs(least - weight_radius) <= 1e-6 * weight_radius:
        return Premise(
            SCALING,
            "fails",
            f"radius R instead of R/sqrt(m): a layer moves by {least:.6g}, as in B({units:.6g}); "
            f"{right}. Use `model.neighborhood({weight_radius:g})`",
        )
    return Premise(SCALING, "fails", f"a layer moves by {least:.6g}, as in B({units:.6g}); {right}")


def _contains(run: Transcript, model: Any, radius: float) -> Premise:
    """K contains the product of balls of radius R/sqrt(m) around W_0."""
    k = run.decision_set
    surely, perhaps = _inner(k, to_numpy(model.start), model.depth)
    wanted = radius * (1.0 - 64.0 * unit_roundoff(run.start))
    if surely >= wanted:
        text = f"every layer may move by {surely:.6g}, R/sqrt(m) = {radius:.6g}"
        return Premise(CONTAINS, "holds", text)
    if perhaps < wanted:
        text = f"some layer may not move by {radius:.6g} = R/sqrt(m), by {perhaps:.6g} at most"
        return Premise(CONTAINS, "fails", text)
    return Premise(CONTAINS, "not checked", f"no test for a {type(k).__name__}")


def _inner(k: ConvexSet, start: Any, depth: int) -> tuple[float, float]:
    """Radii r for which K surely, and for which it may, contain every point with layers within r.

    If a ball of radius r around W_0 is all that is known to fit, layers may move by r/sqrt(H) at
    once; and where no larger one fits, by no more than r. A Euclidean ball allows just r/sqrt(H).
    """
    length = start.size // depth
    if isinstance(k, ProductSet) and [b.length for b in k.blocks] == [length] * depth:
        parts = zip(k.blocks, np.split(start, depth), strict=True)
        radii = [inner_radius(block.factor, part) for block, part in parts]
        known = [radius for radius in radii if radius is not None]
        least = min(known, default=0.0)
        return (least, least) if len(known) == depth else (0.0, math.inf)
    whole = inner_radius(k, start)
    if whole is None:
        return 0.0, math.inf
    each = whole / math.sqrt(depth)
    return each, each if isinstance(k, L2Ball) else whole
