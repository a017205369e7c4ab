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
ogt = pytest.importorskip("olgame_torch")
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
RANDOM_PGD = og.attacks.PGD(steps=5, random_start=True)


def _module() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = torch.nn.Linear
        return torch.nn.Sequential(linear(5, 8), torch.nn.Tanh(), linear(8, 1))


def _models(dtype: Any) -> dict[str, Any]:
    models: dict[str, Any] = {"module": ogt.TorchModel(_module(), dtype=dtype)}
    for name in ("softplus", "relu"):
        for paired in (True, False):
            net = ogt.TwoLayerNet(dim=5, width=16, activation=name, paired=paired, dtype=dtype)
            models[f"{name} {paired}"] = net
            models[f"linearized {name} {paired}"] = og.models.Linearized(net)
    return models


@DTYPES
def test_sets_and_learners(dtype: Any) -> None:
    center = torch.linspace(-1.0, 1.0, 6, dtype=dtype)
    product = og.sets.ProductSet([(og.sets.L2Ball(1.0, center[:2]), 2), (og.sets.L2Ball(0.3), 4)])
    whole = og.sets.WholeSpace(6)
    sets: list[Any] = [og.sets.L2Ball(0.5, center), og.sets.L2Ball(2.0), product, whole]
    sets += [og.sets.L2InfBall(0.7, 2, center), og.sets.L1Ball(0.7, center), og.sets.Simplex()]
    sets += [og.sets.LinfBall(0.5, center), og.sets.Box(center - 0.1, center + 0.2)]
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
    for loss in (og.losses.logistic, og.losses.hinge, og.losses.smoothed_hinge):
        check_loss(loss, like=like)
    squared = og.losses.from_function(lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y)
    check_loss(squared, like=like)


@DTYPES
def test_models(dtype: Any) -> None:
    for name, model in _models(dtype).items():
        smooth = "relu" not in name and name != "module"
        skipped = set() if smooth or "linearized" in name else {"curvature_bound"}
        assert set(check_model(model).skipped) == skipped, name


def test_linearized_module() -> None:
    model = og.models.Linearized(ogt.TorchModel(_module(), dtype=torch.float64))
    check_model(model, skip=["leading axes"])


@pytest.mark.xfail(
    strict=True, reason="Linearized asks a torch evaluation at (p,) for a pushforward of (..., p)"
)
def test_linearized_module_plays_several_games() -> None:
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
