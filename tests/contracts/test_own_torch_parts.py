"""The same table on torch tensors, in both precisions, and the adapter's models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.checks import (
    check_adversary,
    check_attack,
    check_decision_set,
    check_learner,
    check_loss,
    check_model,
    check_perturbation_set,
)

torch = pytest.importorskip("torch")
ogt = pytest.importorskip("olgame_torch", exc_type=ImportError)
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
RANDOM_PGD = og.attacks.PGD(steps=5, random_start=True)


def _module(outputs: int = 1) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = torch.nn.Linear
        return torch.nn.Sequential(linear(5, 8), torch.nn.Tanh(), linear(8, outputs))


def _models(dtype: Any) -> dict[str, Any]:
    models: dict[str, Any] = {
        "module": ogt.TorchModel(_module(), dtype=dtype),
        "module, 3 classes": ogt.TorchModel(_module(3), dtype=dtype),
    }
    for name, paired in (("softplus", True), ("tanh", False)):
        net = ogt.TwoLayerNet(
            dim=5, width=16, activation=name, paired=paired, classes=3, dtype=dtype
        )
        models[f"{name}, 3 classes"] = net
        models[f"linearized {name}, 3 classes"] = og.models.Linearized(net)
    for name in ("softplus", "relu"):
        for paired in (True, False):
            net = ogt.TwoLayerNet(dim=5, width=16, activation=name, paired=paired, dtype=dtype)
            models[f"{name} {paired}"] = net
            models[f"linearized {name} {paired}"] = og.models.Linearized(net)
    for depth in (1, 3):
        deep = ogt.DeepReLUNet(dim=5, width=12, depth=depth, seed=3, dtype=dtype)
        models[f"deep relu {depth}"] = deep
        models[f"linearized deep {depth}"] = og.models.Linearized(deep)
    return models


@DTYPES
def test_sets_and_learners(dtype: Any) -> None:
    center = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    product = og.sets.ProductSet([(og.sets.L2Ball(1.0, center[:2]), 2), (og.sets.L2Ball(0.3), 4)])
    whole = og.sets.WholeSpace(6)
    sets: list[Any] = [og.sets.L2Ball(0.5, center), og.sets.L2Ball(2.0), product, whole]
    sets += [og.sets.L2InfBall(0.7, 2, center), og.sets.L1Ball(0.7, center), og.sets.Simplex()]
    sets += [og.sets.LinfBall(0.5, center), og.sets.Box(center - 0.1, center + 0.2)]
    sets += [og.sets.LpBall(0.7, 1.5, center)]
    for decision_set in sets:
        check_decision_set(decision_set, like=center)
        if decision_set not in sets[:3]:
            continue
        start = decision_set.project(center)
        for step in (0.1, og.step_sizes.Decreasing(2.0, 1.0), og.step_sizes.AdaGradNorm(2.0)):
            learner = og.learners.OnlineGradientDescent(step)
            assert check_learner(learner, decision_set=decision_set, start=start).skipped == {}
        lifted = og.learners.from_function(lambda w, f: w - 0.1 * f.gradient)
        check_learner(lifted, decision_set=decision_set, start=start)


@DTYPES
def test_learners_of_gradients(dtype: Any) -> None:
    center = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    ball, box = og.sets.L2Ball(0.5, center), og.sets.Box(center - 0.1, center + 0.2)
    product = og.sets.ProductSet([(og.sets.L2Ball(1.0, center[:2]), 2), (og.sets.L2Ball(0.3), 4)])
    simplex, entropy = og.sets.Simplex(), og.mirror_maps.NegativeEntropy()
    scaled = og.mirror_maps.Scaled(torch.linspace(0.5, 3.0, 6, dtype=dtype))
    decreasing, learners = og.step_sizes.Decreasing(2.0, 1.0), og.learners
    pairs: list[tuple[Any, Any]] = [
        (learners.DualAveraging(decreasing), ball),
        (learners.OnlineMirrorDescent(entropy, 0.1), simplex),
        (learners.OnlineMirrorDescent(scaled, og.step_sizes.AdaGradNorm(2.0)), ball),
        (learners.OnlineMirrorDescent(og.mirror_maps.PNorm(1.5), 0.1), og.sets.L1Ball(0.7)),
        (learners.FollowTheRegularizedLeader(entropy, decreasing), simplex),
        (learners.FollowTheRegularizedLeader(og.mirror_maps.PNorm(1.5), 0.1),
         og.sets.LpBall(0.7, 1.5)),
        (learners.Optimistic(learners.OnlineGradientDescent(0.1)), ball),
        (learners.Optimistic(learners.DualAveraging(0.1), lambda t: center), ball),
        (learners.AdaGrad(0.5), product),
        (learners.FullMatrixAdaGrad(0.5, delta=0.1), ball),
        (learners.OnlineNewtonStep(0.2, 1.0), ball),
        (learners.Adam(0.1), box),
        (learners.AMSGrad(decreasing), product),
    ]  # fmt: skip
    for learner, decision_set in pairs:
        start = decision_set.project(center)
        if decision_set is simplex:
            start = torch.full((6,), 1 / 6, dtype=dtype)
        check_learner(learner, decision_set=decision_set, start=start)


@DTYPES
def test_learners_of_changing_games_and_of_little_feedback(dtype: Any) -> None:
    center = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    ball, simplex = og.sets.L2Ball(0.5, center), og.sets.Simplex()
    descent, noise = og.learners.OnlineGradientDescent(0.1), og.noise.Gaussian(0.3)
    one = og.learners.OnePointBandit(1e-5, 1e-2, seed=4)
    for learner in (
        og.learners.OnlineFrankWolfe(0.05),
        og.learners.Ader(12, 100.0),
        og.learners.StronglyAdaptive(100.0),
        og.learners.SharpnessAware(descent, 0.1),
        og.learners.MoreauEnvelope(descent, 0.5, tolerance=1e-6),
        og.learners.Noisy(descent, gradient=noise, value=noise),
        og.learners.TwoPointBandit(1e-4, 1e-2),
        og.learners.Noisy(one, value=noise),
        one,
    ):
        check_learner(learner, decision_set=ball, start=center)
        if "Bandit" not in repr(learner):
            check_learner(learner, decision_set=simplex, start=simplex.project(center))


@DTYPES
def test_experts_leaders_and_bettors(dtype: Any) -> None:
    center = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    simplex, ball = og.sets.Simplex(6, 2.5, center), og.sets.L2Ball(0.5, center)
    start = center + 2.5 * torch.arange(1, 7, dtype=dtype) / 21.0
    learners = og.learners
    experts: list[Any] = [learners.Hedge(0.1), learners.AdaHedge(), learners.RegretMatching()]
    experts += [learners.RegretMatchingPlus(), learners.BlumMansour(learners.Hedge(0.1))]
    for expert in (*experts, learners.FollowThePerturbedLeader(0.1, noise="gumbel")):
        check_learner(expert, decision_set=simplex, start=start)
    others: list[Any] = [
        learners.FollowTheLeader(),
        learners.FollowTheLeader(0.5),
        learners.FollowThePerturbedLeader(0.1),
        learners.CoinBetting(500.0),
        learners.CoinBetting(500.0, per_coordinate=True),
    ]
    for other in others:
        check_learner(other, decision_set=ball, start=center)


@DTYPES
def test_flat_and_curved_sets(dtype: Any) -> None:
    c = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    eye = torch.eye(6, dtype=dtype)
    z: Any = og.sets
    sets = [z.Halfspace(eye[0], 0.5), z.Halfspace(c, -0.5, c), z.AffineSubspace(eye[:2], c[:2], c)]
    sets += [z.AffineSubspace.spanned_by(eye[3:] + 0.5, c), z.Ellipsoid(torch.exp(c))]
    sets += [z.Ellipsoid.from_matrix(eye + torch.outer(c, c), c), z.NuclearNormBall(0.7, 3, c)]
    sets += [z.CappedSimplex(0.3, offset=c), z.CappedSimplex(0.5 + 0.4 * c, 2.5)]
    sets += [z.Scaled(z.L1Ball(0.5, c), -2.5), z.Translated(z.Simplex(), c)]
    for decision_set in sets:
        check_decision_set(decision_set, like=c)
    lens = z.Intersection([z.L2Ball(1.0, c), z.Halfspace(eye[0], -0.5)])
    # Their certificate is that of the NumPy run, and takes seconds here.
    check_decision_set(
        lens, like=c, skip=["nearest point", "support", "lmo", "diameter", "translate"]
    )


@DTYPES
def test_perturbation_sets(dtype: Any) -> None:
    x = torch.tensor(np.random.default_rng(0).uniform(0.2, 0.8, (3, 5)), dtype=dtype)
    radii = np.array([0.1, 0.0, 0.5])
    for radius in (0.3, radii):
        for make in (og.perturbations.l2, og.perturbations.linf):
            check_perturbation_set(make(radius), x)
            check_perturbation_set(make(radius, box=(0.1, 0.9)), x)
        check_perturbation_set(og.perturbations.spherical_cap(radius), x)


@DTYPES
def test_losses(dtype: Any) -> None:
    like = torch.zeros(1, dtype=dtype)
    names = ["logistic", "hinge", "smoothed_hinge", "absolute", "squared", "cross_entropy"]
    names += ["multiclass_hinge", "multiclass_logistic", "multiclass_smoothed_hinge"]
    for name in names:
        check_loss(getattr(og.losses, name), like=like)
    check_loss(og.losses.RivalLead(1), like=like)
    squared = og.losses.from_function(lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y)
    check_loss(squared, like=like)


@DTYPES
def test_models(dtype: Any) -> None:
    for name, model in _models(dtype).items():
        smooth = "relu" not in name and not name.startswith("module")
        skipped = set() if smooth or "linearized" in name else {"curvature_bound"}
        assert set(check_model(model).skipped) == skipped, name


def test_linearized_module() -> None:
    check_model(og.models.Linearized(ogt.TorchModel(_module(), dtype=torch.float64)))


@DTYPES
def test_attacks_and_adversaries(dtype: Any) -> None:
    y = torch.tensor([1.0, -1.0, 1.0], dtype=dtype)
    x = torch.tensor(np.random.default_rng(0).standard_normal((3, 5)), dtype=dtype)
    models = _models(dtype)
    for name in ("module", "softplus True", "linearized softplus True"):
        model, loss = models[name], og.losses.logistic
        objective = og.attacks.ModelObjective(model, model.start + 0.1, y, loss)
        for attack in (
            og.attacks.PGD(steps=4, keep_trace=True),
            og.attacks.BestOf(og.attacks.FGSM(), og.attacks.Restarts(RANDOM_PGD, 2)),
        ):
            for allowed in (og.perturbations.l2(0.3), og.perturbations.linf(0.1)):
                check_attack(attack, objective=objective, x=x, perturbation_set=allowed)
        adversary = og.adversaries.InputAttack(
            model, x, y, loss=loss, attack=RANDOM_PGD, perturbation_set=og.perturbations.l2(0.1)
        )
        check_adversary(adversary)


def test_a_module_that_draws_is_told_not_to_be_a_function() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    report = check_model(ogt.TorchModel(net, allow_stochastic=True))
    assert report.skipped["pullback_w"] == "the model declares that it is not deterministic"
