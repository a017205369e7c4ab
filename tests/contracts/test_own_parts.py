"""Every part that the library ships goes through the checks that it offers to others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.checks import (
    CheckReport,
    check_adversary,
    check_attack,
    check_decision_set,
    check_learner,
    check_loss,
    check_model,
    check_perturbation_set,
)

CENTER = np.linspace(-1.0, 1.0, 6)
RADII = np.array([0.1, 0.0, 0.5])
Z, P, A, L = og.sets, og.perturbations, og.attacks, og.losses

SETS: dict[str, Any] = {
    "ball around 0": Z.L2Ball(2.0),
    "ball": Z.L2Ball(0.5, CENTER),
    "translated ball": Z.L2Ball(0.5).translate(CENTER),
    "small ball": Z.L2Ball(1e-6, CENTER),
    "rows": Z.L2InfBall(0.7, 3),
    "rows with a center": Z.L2InfBall(0.7, 2, CENTER),
    "translated rows": Z.L2InfBall(0.7, 2, CENTER).translate(-CENTER),
    "product": Z.ProductSet([(Z.L2Ball(1.0, CENTER[:2]), 2), (Z.L2InfBall(0.3, 2), 4)]),
    "translated product": Z.ProductSet([(Z.L2Ball(1.0), 2), (Z.L2Ball(0.1), 4)]).translate(CENTER),
    "product with a free block": Z.ProductSet([(Z.WholeSpace(), 2), (Z.L2Ball(1.0), 4)]),
    "whole space": Z.WholeSpace(6),
    "box": Z.Box(-0.3, 0.5, dim=6),
    "box with ends": Z.Box(CENTER - 0.1, CENTER + np.linspace(0.1, 1.0, 6)),
    "half-bounded box": Z.Box(0.0, np.where(np.arange(6) < 3, np.inf, 1.0)),
    "cube": Z.LinfBall(0.5, CENTER),
    "cross-polytope": Z.L1Ball(1.0),
    "cross-polytope around a point": Z.L1Ball(0.7, CENTER),
    "simplex": Z.Simplex(),
    "p-ball": Z.LpBall(0.7, 1.5),
    "p-ball around a point": Z.LpBall(0.7, 1.2, CENTER),
    "product of polyhedra": Z.ProductSet([(Z.Simplex(), 3), (Z.L1Ball(1.0), 3)]),
    "half-space": Z.Halfspace(np.eye(6)[0], 0.5),
    "half-space, moved": Z.Halfspace(CENTER, -0.5, CENTER),
    "equations": Z.AffineSubspace(np.eye(6)[:2], np.array([1.0, 2.0]), CENTER),
    "span": Z.AffineSubspace.spanned_by(np.eye(6)[3:] + 0.5, CENTER),
    "a point": Z.AffineSubspace(np.eye(6) + 0.2, CENTER),
    "ellipsoid": Z.Ellipsoid(np.linspace(0.2, 2.0, 6)),
    "ellipsoid of a matrix": Z.Ellipsoid.from_matrix(np.eye(6) + np.outer(CENTER, CENTER), CENTER),
    "nuclear ball": Z.NuclearNormBall(1.5, 2),
    "nuclear ball around a point": Z.NuclearNormBall(0.7, 3, CENTER),
    "capped simplex": Z.CappedSimplex(0.3),
    "capped simplex, different caps": Z.CappedSimplex(0.5 + 0.4 * CENTER, 2.5, CENTER),
    "scaled simplex": Z.Scaled(Z.Simplex(), 2.5),
    "reflected product": Z.Scaled(Z.ProductSet([(Z.L2Ball(1.0), 2), (Z.Simplex(), 4)]), -0.5),
    "translated simplex": Z.Translated(Z.Simplex(), CENTER),
    "intersection": Z.Intersection([Z.L2Ball(1.0, CENTER), Z.Halfspace(np.eye(6)[0], -0.5)]),
}
PERTURBATIONS: dict[str, Any] = {
    "l2": P.l2(0.3),
    "l2, a radius each": P.l2(RADII),
    "l2 in a box": P.l2(0.6, box=(0.0, 1.0)),
    "l2 in a box, a radius each": P.l2(RADII, box=(0.0, 1.0)),
    "linf": P.linf(0.2),
    "linf in a box": P.linf(0.6, box=(0.0, 1.0)),
    "linf in a box, a radius each": P.linf(RADII, box=(0.1, 0.9)),
    "cap": P.spherical_cap(0.3),
    "cap, a radius each": P.spherical_cap(RADII),
    "no radius": P.l2(0.0),
    "taken": P.l2(RADII).take(np.array([2, 0])),
    "enlarged": P.linf(0.1).enlarged(0.05),
}
LOSSES: dict[str, Any] = {
    "logistic": L.logistic,
    "hinge": L.hinge,
    "smoothed hinge": L.smoothed_hinge,
    "logistic, lifted": L.from_function(
        L.logistic.value, L.logistic.derivative, lipschitz=1.0, smoothness=0.25, of_margin=True
    ),
    "hinge, lifted": L.from_function(
        L.hinge.value, L.hinge.derivative, lipschitz=1.0, of_margin=True
    ),
    "absolute": L.absolute,
    "squared": L.squared,
    "cross-entropy": L.cross_entropy,
    "cross-entropy, lifted": L.from_function(
        L.cross_entropy.value,
        L.cross_entropy.derivative,
        conjugate=L.cross_entropy.conjugate,
        lipschitz=2.0**0.5,
        smoothness=0.5,
        of_margin=True,
        multiclass=True,
    ),
    "multi-class hinge": L.multiclass_hinge,
    "multi-class logistic": L.multiclass_logistic,
    "multi-class smoothed hinge": L.multiclass_smoothed_hinge,
    "a lead": L.RivalLead(2),
    "squared, lifted": L.from_function(lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y),
}
STEPS: dict[str, Any] = {
    "fixed": 0.1,
    "decreasing": og.step_sizes.Decreasing(2.0, 1.0),
    "adagrad": og.step_sizes.AdaGradNorm(2.0),
}
LEARNERS: dict[str, tuple[Any, Any]] = {
    f"{step}, {name}": (og.learners.OnlineGradientDescent(STEPS[step]), decision_set)
    for step in STEPS
    for name, decision_set in SETS.items()
    if step == "fixed" or name in {"ball", "rows", "product", "whole space", "simplex"}
} | {
    "lifted": (og.learners.from_function(lambda w, f: w - 0.1 * f.gradient), SETS["ball"]),
    "lifted, with a memory": (
        og.learners.from_function(
            lambda w, f, v: (w - 0.1 * (v + f.gradient), v + f.gradient), memory=np.zeros_like
        ),
        SETS["product"],
    ),
}
DESCENT = og.learners.OnlineGradientDescent(0.1)
GAUSSIAN = og.noise.Gaussian(0.3)
for _set in ("ball", "box with ends", "cross-polytope around a point", "simplex", "product"):
    LEARNERS |= {
        f"Frank-Wolfe, {_set}": (og.learners.OnlineFrankWolfe(0.05), SETS[_set]),
        f"Ader, {_set}": (og.learners.Ader(12, 100.0), SETS[_set]),
        f"strongly adaptive, {_set}": (og.learners.StronglyAdaptive(100.0), SETS[_set]),
    }
LEARNERS |= {
    "one point, ball": (og.learners.OnePointBandit(1e-5, 1e-3), SETS["ball"]),
    "one point, box": (og.learners.OnePointBandit(1e-5, 1e-3, seed=4), SETS["box with ends"]),
    "two points, ball": (og.learners.TwoPointBandit(0.1, 1e-3), SETS["ball"]),
    "two points, rows": (
        og.learners.TwoPointBandit(0.1, 1e-6, inner_radius=1e-5),
        SETS["rows with a center"],
    ),
    "noisy": (og.learners.Noisy(DESCENT, gradient=GAUSSIAN, value=GAUSSIAN), SETS["ball"]),
    "noisy bandit": (
        og.learners.Noisy(og.learners.OnePointBandit(1e-5, 1e-3), value=GAUSSIAN),
        SETS["ball"],
    ),
    "sharpness aware": (og.learners.SharpnessAware(DESCENT, 0.1), SETS["ball"]),
    "sharpness aware, of Ader": (
        og.learners.SharpnessAware(og.learners.Ader(12, 100.0), 0.1),
        SETS["simplex"],
    ),
    "envelope": (og.learners.MoreauEnvelope(DESCENT, 0.5), SETS["ball"]),
    "envelope, noisy": (
        og.learners.MoreauEnvelope(og.learners.Noisy(DESCENT, gradient=GAUSSIAN), 0.5),
        SETS["cube"],
    ),
}
M, H = og.mirror_maps, np.linspace(0.5, 3.0, 6)
SIMPLICES = Z.ProductSet([(Z.Simplex(), 2), (Z.Simplex(scale=2.0), 4)])
MIRRORS: dict[str, tuple[Any, Any]] = {
    "euclidean, cross-polytope": (M.Euclidean(), SETS["cross-polytope around a point"]),
    "entropy, simplex": (M.NegativeEntropy(), SETS["simplex"]),
    "entropy, simplices": (M.NegativeEntropy(), SIMPLICES),
    "entropy, box": (M.NegativeEntropy(), Z.Box(0.1, 2.0, dim=6)),
    "scaled, ball": (M.Scaled(H), SETS["ball"]),
    "scaled, product": (M.Scaled(H), SETS["product"]),
    "p-norm, own ball": (M.PNorm(1.5), SETS["p-ball"]),
    "p-norm, cross-polytope": (M.PNorm(1.2), SETS["cross-polytope"]),
}
for _name, (_map, _set) in MIRRORS.items():
    for _step in ("fixed", "adagrad"):
        LEARNERS |= {
            f"mirror descent, {_step}, {_name}": (
                og.learners.OnlineMirrorDescent(_map, STEPS[_step]),
                _set,
            ),
            f"regularized leader, {_step}, {_name}": (
                og.learners.FollowTheRegularizedLeader(_map, STEPS[_step]),
                _set,
            ),
        }
for _set in ("ball", "rows", "product", "box with ends", "whole space"):
    LEARNERS |= {
        f"dual averaging, {_set}": (og.learners.DualAveraging(STEPS["decreasing"]), SETS[_set]),
        f"adagrad, {_set}": (og.learners.AdaGrad(0.5), SETS[_set]),
        f"adam, {_set}": (og.learners.Adam(0.1), SETS[_set]),
        f"amsgrad, {_set}": (og.learners.AMSGrad(STEPS["decreasing"]), SETS[_set]),
    }
for _set in ("ball", "ball around 0", "whole space"):
    LEARNERS |= {
        f"full adagrad, {_set}": (og.learners.FullMatrixAdaGrad(0.5), SETS[_set]),
        f"Newton step, {_set}": (og.learners.OnlineNewtonStep(0.2, 1.0), SETS[_set]),
    }
LEARNERS |= {
    "optimistic descent": (og.learners.Optimistic(DESCENT), SETS["ball"]),
    "optimistic leader": (
        og.learners.Optimistic(og.learners.FollowTheRegularizedLeader(M.NegativeEntropy(), 0.1)),
        SETS["simplex"],
    ),
    "optimistic, hints of its own": (
        og.learners.Optimistic(og.learners.DualAveraging(0.1), lambda t: (-1.0) ** t * CENTER),
        SETS["cube"],
    ),
}
EXPERTS: dict[str, Any] = {
    "hedge": og.learners.Hedge(0.1),
    "hedge, decreasing": og.learners.Hedge(STEPS["decreasing"]),
    "adahedge": og.learners.AdaHedge(),
    "regret matching": og.learners.RegretMatching(),
    "regret matching+": og.learners.RegretMatchingPlus(),
    "blum-mansour": og.learners.BlumMansour(og.learners.Hedge(0.1)),
    "blum-mansour of descent": og.learners.BlumMansour(DESCENT),
}
EXPERTS["gumbel leader"] = og.learners.FollowThePerturbedLeader(0.1, noise="gumbel")
for _simplex in (SETS["simplex"], Z.Simplex(6, 2.5, CENTER)):
    LEARNERS |= {
        f"{name}, simplex of size {_simplex.scale}": (learner, _simplex)
        for name, learner in EXPERTS.items()
    }
for _name in ("ball", "rows", "cube", "box with ends", "product of polyhedra"):
    LEARNERS |= {
        f"leader, {_name}": (og.learners.FollowTheLeader(), SETS[_name]),
        f"perturbed leader, {_name}": (og.learners.FollowThePerturbedLeader(0.1), SETS[_name]),
    }
for _name in ("ball", "product", "simplex", "whole space"):
    LEARNERS |= {
        f"convex leader, {_name}": (og.learners.FollowTheLeader(0.5), SETS[_name]),
        f"coins, {_name}": (og.learners.CoinBetting(500.0), SETS[_name]),
        f"coins per coordinate, {_name}": (
            og.learners.CoinBetting(500.0, per_coordinate=True),
            SETS[_name],
        ),
    }
RANDOM_PGD = A.PGD(steps=5, random_start=True)
ATTACKS: dict[str, Any] = {
    "FGSM": A.FGSM(),
    "FGSM with a trace": A.FGSM(keep_trace=True),
    "PGD": A.PGD(),
    "PGD with a trace": A.PGD(steps=7, keep_trace=True),
    "PGD with its own step": A.PGD(step_size=0.1),
    "PGD from a random start": A.PGD(steps=7, random_start=True, keep_trace=True),
    "restarts": A.Restarts(RANDOM_PGD, 3),
    "in pieces": A.InPieces(A.PGD(steps=7, keep_trace=True), rows=5),
    "in pieces, from random starts": A.InPieces(RANDOM_PGD, rows=2),
    "best of two": A.BestOf(A.FGSM(), A.PGD()),
    "best of the rest": A.BestOf(A.PGD(keep_trace=True), A.Restarts(RANDOM_PGD, 2)),
    "lifted": A.from_function(lambda objective, x, B, rng: x + rng.normal(size=x.shape)),
    "lifted, with gradients": A.from_function(lambda f, x, B, rng: x + f.value_and_gradient(x)[1]),
}
TARGETED: dict[str, Any] = {  # they need rivals
    "toward every class": A.Targeted(A.PGD(steps=4, keep_trace=True)),
    "best of all": A.BestOf(A.PGD(steps=4), A.Targeted(RANDOM_PGD), A.Targeted(A.FGSM())),
    "up another loss": A.Climbing(A.PGD(steps=4, keep_trace=True), L.multiclass_hinge),
}
ACTIVATIONS = ("softplus", "tanh", "gelu", "silu", "relu")
NETS = [
    og.models.TwoLayerNet(dim=5, width=16, activation=name, paired=paired, seed=3)
    for name in ACTIVATIONS
    for paired in (True, False)
]
CLASSES: list[Any] = [
    og.models.TwoLayerNet(dim=5, width=16, activation=name, paired=paired, seed=3, classes=3)
    for name, paired in (("softplus", True), ("tanh", False), ("relu", True))
]
MODELS: dict[str, Any] = {
    "linear": og.models.LinearModel(5),
    "linear, 4 classes": og.models.LinearModel(5, classes=4),
}
for _net in CLASSES:
    _kind = f"{_net.activation.name}, 3 classes"
    MODELS |= {_kind: _net, f"linearized {_kind}": og.models.Linearized(_net)}
for _net in NETS:
    _kind = f"{_net.activation.name}, {'paired' if _net.paired else 'unpaired'}"
    MODELS |= {_kind: _net, f"linearized {_kind}": og.models.Linearized(_net)}
for _depth in (1, 2, 3):
    _deep = og.models.DeepReLUNet(dim=5, width=12, depth=_depth, seed=3)
    MODELS |= {f"deep, {_depth}": _deep, f"linearized deep, {_depth}": og.models.Linearized(_deep)}
X = np.random.default_rng(0).standard_normal((6, 5))
Y = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
LABELS = np.array([0, 1, 2, 1, 0, 2])


def _input_attack(model: Any, loss: Any, attack: Any, allowed: Any, **options: Any) -> Any:
    y = Y if getattr(model, "classes", None) is None else LABELS
    return og.adversaries.InputAttack(
        model, X, y, loss=loss, attack=attack, perturbation_set=allowed, **options
    )


def _push(view: og.adversaries.View, rng: np.random.Generator) -> og.losses.LinearLoss:
    return og.losses.LinearLoss(np.sign(np.asarray(view.point)) + rng.standard_normal(6))


SMALL: list[Any] = [*NETS[::4], og.models.Linearized(NETS[0])]
ADVERSARIES: dict[str, Any] = {
    "minimax": og.adversaries.MinimaxLinear(1.0),
    "sequence": og.adversaries.ObliviousSequence(
        [L.LinearLoss(CENTER), L.QuadraticLoss(CENTER)] * 3
    ),
    "lifted": og.adversaries.from_function(
        _push, timing=og.adversaries.Timing.SEES_POINT, start=CENTER
    ),
    "stochastic": og.adversaries.Stochastic(lambda rng: rng.normal(size=6)),
    "stochastic targets": og.adversaries.Stochastic(
        lambda rng: rng.uniform(size=6), L.QuadraticLoss, start=CENTER
    ),
    "switching": og.adversaries.Switching(np.stack([CENTER, -CENTER]), phases=2),
    "drifting": og.adversaries.Drifting.walk(CENTER, 0.1, 9, seed=1),
    "worst-case switching": og.adversaries.WorstCaseSwitching(1.0, phase=2),
    "the certificate": og.adversaries.CertifiedAdversary(
        NETS[0], X, Y, loss=og.losses.hinge, perturbation_set=og.perturbations.l2(0.1)
    ),
    "best response among losses": og.adversaries.BestResponseAmong(
        [
            og.losses.LinearLoss(CENTER),
            og.losses.QuadraticLoss(CENTER),
            og.losses.LinearLoss(-CENTER),
        ]
    ),
    "best response": og.adversaries.BestResponse(Z.L2Ball(1.0)),
    "best response to the past": og.adversaries.BestResponse(
        Z.Simplex(), og.adversaries.Bilinear(np.outer(CENTER, [1.0, -1.0, 2.0])), sees="past"
    ),
    "a learner": og.adversaries.LearnerAsAdversary(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.Bilinear(np.outer(CENTER, CENTER) + np.eye(6)),
        Z.L2Ball(1.0, CENTER),
    ),
    "a learner that moves second": og.adversaries.LearnerAsAdversary(
        og.learners.Hedge(0.1),
        og.adversaries.Bilinear(np.outer(CENTER, [1.0, -1.0, 2.0])),
        Z.Simplex(),
        np.full(3, 1.0 / 3.0),
        moves="second",
    ),
    "inputs of a linear model": _input_attack(MODELS["linear"], L.hinge, A.FGSM(), P.linf(0.1)),
    "a batch": _input_attack(NETS[0], L.logistic, RANDOM_PGD, P.l2(0.1), batch_size=2),
    "inputs of a deep network": _input_attack(MODELS["deep, 2"], L.hinge, RANDOM_PGD, P.l2(0.1)),
    "on the sphere": _input_attack(NETS[2], L.logistic, RANDOM_PGD, P.spherical_cap(0.1)),
} | {
    f"inputs of {model.name}, {loss.name}": _input_attack(model, loss, RANDOM_PGD, P.l2(0.1))
    for model in SMALL
    for loss in (L.logistic, L.hinge, L.smoothed_hinge)
}
ADVERSARIES |= {
    f"inputs of {model.name}, {loss.name}": _input_attack(model, loss, RANDOM_PGD, P.l2(0.1))
    for model in (CLASSES[0], og.models.Linearized(CLASSES[1]), MODELS["linear, 4 classes"])
    for loss in (L.cross_entropy, L.multiclass_hinge)
}

CHECKS: dict[str, Callable[[], CheckReport]] = {}


def _enter(kind: str, check: Callable[..., CheckReport], parts: dict[str, Any]) -> None:
    for name, part in parts.items():
        options: dict[str, Any] = {}
        if kind == "learner":
            part, options["decision_set"] = part
        if kind == "adversary" and getattr(part, "start", None) is None:
            options["start"] = CENTER
        CHECKS[f"{kind}: {name}"] = lambda p=part, o=options: check(p, **o)  # type: ignore[misc]  # defaults


_enter("set", check_decision_set, SETS)
_enter("perturbations", check_perturbation_set, PERTURBATIONS)
_enter("loss", check_loss, LOSSES)
_enter("learner", check_learner, LEARNERS)
_enter("attack", check_attack, ATTACKS)
for _name, _attack in TARGETED.items():
    CHECKS[f"attack: {_name}"] = lambda attack=_attack: check_attack(  # type: ignore[misc]  # defaults
        attack,
        objective=A.ModelObjective(CLASSES[1], CLASSES[1].start, LABELS, L.cross_entropy),
        x=X,
        perturbation_set=P.linf(0.3),
    )
_enter("model", check_model, MODELS)
_enter("adversary", check_adversary, ADVERSARIES)


@pytest.mark.parametrize("name", CHECKS)
def test_our_own_parts_pass_their_checks(name: str) -> None:
    report = CHECKS[name]()
    assert len(report.passed) >= 7
    assert "side effects" in report.passed


def test_the_table_has_every_part() -> None:
    """Each public class of a room that is a part is in the table."""
    known = (SETS, PERTURBATIONS, LOSSES, ATTACKS, TARGETED, MODELS, ADVERSARIES)
    seen = {type(part).__name__ for parts in known for part in parts.values()}
    seen |= {type(learner).__name__ for learner, _ in LEARNERS.values()}
    rooms = {
        og.sets: "project",
        og.perturbations: "steepest",
        og.losses: "conjugate",
        og.learners: "decide",
        og.attacks: "__call__",
        og.models: "neighborhood",
        og.adversaries: "respond",
    }
    for room, method in rooms.items():
        for name, part in vars(room).items():
            protocol = getattr(part, "_is_protocol", False)
            of_kind = isinstance(part, type) and any(method in vars(c) for c in part.__mro__[:-1])
            if of_kind and not protocol:
                assert name in seen, f"{room.__name__}.{name} is not checked here"


def test_what_is_not_checked_is_told_with_the_reason() -> None:
    assert check_decision_set(og.sets.WholeSpace(6)).skipped == {
        "lmo": "the support function is infinite everywhere",
        "support": "the support function is infinite everywhere",
        "diameter": "the set is unbounded",
    }
    assert check_perturbation_set(P.spherical_cap(0.3)).skipped == {
        "nearest point": "B(x) is not convex"
    }
    assert check_model(MODELS["relu, paired"]).skipped == {
        "curvature_bound": "the model knows no `curvature_bound`"
    }
    assert set(check_adversary(ADVERSARIES["minimax"], start=CENTER).skipped) == {
        "what is hidden",
        "in B(x)",
    }
    assert check_learner(og.learners.OnlineGradientDescent(0.1)).skipped == {}
