"""Sets, losses and models with one mistake each, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import olgame as og
from olgame.arrays import kernels
from tests.contracts.broken_part import BALL, CENTER, NET, UNSEEDED, changed

# --- sets ---------------------------------------------------------------------------------------


def _shrinking(x: Any) -> Any:
    return og.sets.L2Ball(0.45, CENTER).project(x)


def _not_nearest(x: Any) -> Any:
    """The center for all that is outside."""
    inside = np.asarray(BALL.contains(x, atol=1e-12))[..., None]
    return np.where(inside, x, CENTER)


def _mutating(x: Any) -> Any:
    x[...] = BALL.project(x)
    return x


SETS: dict[str, tuple[Any, str]] = {
    "projects onto 0.9 of the ball": (
        changed(BALL, project=_shrinking),
        "moves a point .* smaller",
    ),
    "0.9 of the ball, consistently": (
        changed(BALL, project=_shrinking, contains=og.sets.L2Ball(0.45, CENTER).contains),
        r"\d+ of 12 samples are not in the set",
    ),
    "not nearest": (
        changed(BALL, project=_not_nearest),
        r"not the nearest point: it moved a point by [\d.]+, but there is .* at distance [\d.]+",
    ),
    "projects in place": (changed(BALL, project=_mutating), "the point handed to the set changed"),
    "support 1.01 x": (changed(BALL, support=lambda g: 1.01 * BALL.support(g)), "`support.g.` ="),
    "support of a larger ball": (
        changed(
            BALL,
            support=og.sets.L2Ball(0.6, CENTER).support,
            lmo=og.sets.L2Ball(0.6, CENTER).lmo,
        ),
        "`lmo` gave a point outside",
    ),
    "lmo maximizes": (changed(BALL, lmo=lambda g: BALL.lmo(-g)), "not a \\*minimizer\\*"),
    "reach too small": (changed(BALL, reach=lambda x: BALL.reach(x) - 0.7), "`reach.*too small"),
    "diameter is the radius": (
        changed(BALL, diameter=0.5),
        "`diameter` = 0.5 is too small: two points",
    ),
    "contains nan": (
        changed(BALL, contains=lambda x, atol=0.0: ~(kernels(x).norm(x - CENTER) > 0.5 + atol)),
        "`contains` is True for nan",
    ),
    "samples outside": (
        changed(BALL, sample=lambda rng, shape: rng.standard_normal(shape)),
        "samples are not in the set",
    ),
    "unseeded samples": (
        changed(BALL, sample=lambda rng, shape: BALL.sample(UNSEEDED, shape)),
        "two different draws for equal generators",
    ),
    "one number for all points": (
        changed(BALL, reach=lambda x: float(np.max(np.asarray(BALL.reach(x))))),
        "`reach` of points of shape",
    ),
}
L2, LINF = og.perturbations.l2(0.3), og.perturbations.linf(0.3)
PERTURBATIONS: dict[str, tuple[Any, str]] = {
    "projects onto 0.9": (
        changed(L2, project=og.perturbations.l2(0.27).project),
        "moves a point that is in B.* smaller",
    ),
    "not nearest": (
        changed(
            LINF,
            project=lambda x, z: np.where(LINF.distance(x, z)[..., None] > 1e-12, x, z),
        ),
        "not the nearest point: it moved an input by",
    ),
    "a hidden clip": (
        changed(L2, project=lambda x, z: np.clip(np.asarray(L2.project(x, z)), 0.4, 0.6)),
        r"`project\(x, x\)` moves the clean data",
    ),
    "distance too small": (
        changed(L2, distance=lambda x, z: 0.9 * L2.distance(x, z)),
        "`distance` = .* is too small",
    ),
    "the wrong norm": (changed(LINF, norm="l2"), "`dual_norm` must be norm2"),
    "step not of length 1": (
        changed(L2, steepest=lambda g, atol=0.0: 2.0 * L2.steepest(g, atol=atol)),
        "`steepest` must have length 1",
    ),
    "noise as a step": (
        changed(L2, steepest=lambda g, atol=0.0: L2.steepest(g)),
        "exactly 0 for a gain below `atol`",
    ),
    "Euclidean radius of linf": (
        changed(LINF, euclidean_radius=lambda dim: 0.3),
        "`euclidean_radius` is .* too small",
    ),
}


# --- losses -------------------------------------------------------------------------------------

LOGISTIC, HINGE = og.losses.logistic, og.losses.hinge
LOSSES: dict[str, tuple[Any, str]] = {
    "derivative 1.01 x": (
        changed(LOGISTIC, derivative=lambda z, y: 1.01 * LOGISTIC.derivative(z, y)),
        "the derivative is wrong: at y = -1, z = .* difference quotients allow only",
    ),
    "slope beyond the kink": (
        changed(HINGE, derivative=lambda z, y: -y * (y * z < 2.0)),
        "the derivative is wrong",
    ),
    "conjugate too small": (
        changed(LOGISTIC, conjugate=lambda p, y: LOGISTIC.conjugate(p, y) - 0.01),
        "the conjugate is too small",
    ),
    "conjugate too large": (
        changed(LOGISTIC, conjugate=lambda p, y: LOGISTIC.conjugate(p, y) + 0.01),
        "conjugate and derivative disagree",
    ),
    "finite conjugate": (
        changed(HINGE, conjugate=lambda p, y: p * y),
        "the conjugate must be inf beyond the slopes",
    ),
    "not convex": (
        og.losses.from_function(lambda z, y: 1.0 / (1.0 + np.exp(y * z)), lambda z, y: -y),
        "it is not convex in z: at y = -1",
    ),
    "Lipschitz constant too small": (changed(LOGISTIC, lipschitz=0.5), "`lipschitz` = 0.5 is too"),
    "smoothness too small": (changed(LOGISTIC, smoothness=0.2), "`smoothness` = 0.2 is too small"),
    "no loss of the margin": (
        og.losses.from_function(
            lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y, of_margin=True
        ),
        "the loss grows with y z",
    ),
    "mean over samples": (
        changed(LOGISTIC, value=lambda z, y: np.mean(np.asarray(LOGISTIC.value(z, y)))),
        "one number per sample",
    ),
    "nan far out": (
        changed(
            LOGISTIC, value=lambda z, y: np.where(z > 7.0, np.nan, np.asarray(LOGISTIC.value(z, y)))
        ),
        "`value` is nan at z",
    ),
}


# --- models -------------------------------------------------------------------------------------


def _evaluated(**wrong: Callable[[Any], Callable[..., Any]]) -> Any:
    """The net whose evaluations have some methods replaced."""

    def at(w: Any, x: Any) -> Any:
        found = NET.at(w, x)
        return changed(found, **{name: make(found) for name, make in wrong.items()})

    return changed(NET, at=at, __call__=NET)


def _dropout(w: Any, x: Any) -> Any:
    return NET(w, x) * (1.0 + 0.1 * UNSEEDED.standard_normal(x.shape[-2]))


def _global_noise(w: Any, x: Any) -> Any:
    np.random.normal()  # noqa: NPY002
    return NET(w, x)


def _batch_statistics(w: Any, x: Any) -> Any:
    z: Any = NET(w, x)
    return z - z.mean()


def _written_start(w: Any, x: Any) -> Any:
    w += 1e-12
    return NET(w, x)


MODELS: dict[str, tuple[Any, str]] = {
    "gradient 1.01 x": (
        _evaluated(pullback_w=lambda at: lambda c: 1.01 * at.pullback_w(c)),
        r"`pullback_w` is off by (1|0\.99\d*|1\.0\d*) %",
    ),
    "input gradient 1.01 x": (
        _evaluated(pullback_x=lambda at: lambda c: 1.01 * at.pullback_x(c)),
        "`pullback_x` is off by",
    ),
    "wrong jvp": (_evaluated(jvp_w=lambda at: lambda v: 1.01 * at.jvp_w(v)), "`jvp_w` is off by"),
    "jvp off in the 7th digit": (
        _evaluated(jvp_w=lambda at: lambda v: (1.0 + 1e-7) * at.jvp_w(v)),
        "`jvp_w` and `pullback_w` are not transposes",
    ),
    "mixed derivative 1.01 x": (
        _evaluated(jvp_w_pullback_x=lambda at: lambda v, c: 1.01 * at.jvp_w_pullback_x(v, c)),
        "`jvp_w_pullback_x` is off by",
    ),
    "dropout": (changed(NET, __call__=_dropout), "differ|dropout"),
    "dropout everywhere": (
        changed(NET, __call__=_dropout, at=lambda w, x: changed(NET.at(w, x), z=_dropout(w, x))),
        "differ|dropout",
    ),
    "global randomness": (changed(NET, __call__=_global_noise), "NumPy's global random state"),
    "batch statistics": (
        changed(
            NET,
            __call__=_batch_statistics,
            at=lambda w, x: changed(NET.at(w, x), z=_batch_statistics(w, x)),
        ),
        "changes by .* without the other samples",
    ),
    "two percent of the curvature": (
        changed(
            NET, __call__=NET, curvature_bound=lambda x: 0.02 * np.asarray(NET.curvature_bound(x))
        ),
        "`curvature_bound` is too small: sample",
    ),
    "writes into w": (changed(NET, __call__=_written_start), "`start` changed by 1e-12"),
    "neighborhood of another size": (
        changed(NET, __call__=NET, neighborhood=lambda r: NET.neighborhood(1.0)),
        "`neighborhood` must grow with the radius",
    ),
}
