"""Games on torch networks: NumPy is the oracle, the books close, any module plays."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import DataError, NotAvailableError, OlgameError, ShapeError
from tests.comparators import comparators

pytest.importorskip("torch")

import torch

import olgame_torch as ogt

DIM, WIDTH = 6, 40
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def samples(dim: int = DIM, n: int = 16) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return og.data.normalize(rng.standard_normal((n, dim)) + 0.7 * y[:, None]), y


def adversary(model: Any, loss: str = "logistic", norm: str = "l2", **options: Any) -> Any:
    x, y = samples(model.dim)
    return og.adversaries.InputAttack(
        model,
        x,
        y,
        loss=getattr(og.losses, loss),
        attack=og.attacks.PGD(steps=5),
        perturbation_set=getattr(og.perturbations, norm)(0.15),
        **options,
    )


def play(
    model: Any, rounds: int = 50, step: float = 2.0, radius: float = 1.5, **options: Any
) -> Any:
    return og.play(
        og.learners.OnlineGradientDescent(step),
        adversary(model, **options),
        model.neighborhood(radius),
        rounds=rounds,
        keep="points",
    )


def pair(activation: str, paired: bool, device: str = "cpu") -> tuple[Any, Any]:
    sizes: dict[str, Any] = {"dim": DIM, "width": WIDTH, "activation": activation, "seed": 2}
    numpy = og.models.TwoLayerNet(**sizes, paired=paired)
    return numpy, ogt.TwoLayerNet(**sizes, paired=paired, device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu"])
def test_fifty_rounds_equal_the_numpy_game(activation: str, device: str) -> None:
    """Smooth loss, l2, unpaired start: nothing amplifies rounding, so whole games agree."""
    runs = [play(model) for model in pair(activation, paired=False, device=device)]
    for name in ("loss", "inner", "distance", "gradient_norm", "weak_convexity", "input_norm"):
        found, expected = (getattr(run, name) for run in runs[::-1])
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=name)
    assert (runs[0].distance > 0.99 * 1.5).any()
    np.testing.assert_allclose(
        to_numpy(runs[1].final_point), to_numpy(runs[0].final_point), atol=1e-10
    )
    regrets = [og.regret.linear(run).value for run in runs]
    assert regrets[0] == pytest.approx(regrets[1], rel=1e-9)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("loss", ["logistic", "hinge", "smoothed_hinge"])
@pytest.mark.parametrize("paired", [False, True])
def test_each_round_from_a_common_point_equals_numpy(
    paired: bool, loss: str, norm: str, device: str
) -> None:
    """The attack, the loss and the gradient of one round at the points of a played game."""
    numpy, tensor = pair("softplus", paired, device)
    run = play(numpy, rounds=12, loss=loss, norm=norm)
    ours, theirs = adversary(numpy, loss, norm), adversary(tensor, loss, norm)
    for t, point in enumerate(run.points, start=1):
        found = []
        for attacker, w in ((ours, point), (theirs, tensor.asarray(point))):
            view = og.adversaries.View(t, attacker.timing, w, None)
            response, _ = attacker.respond(attacker.init(0), view)
            evaluation = response.loss.evaluate(w)
            found.append((response.evidence.examples, evaluation.value, evaluation.gradient))
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(to_numpy(b), to_numpy(a), rtol=1e-10, atol=1e-10)
        if paired and t == 1:
            # At the paired start f is 0 everywhere: a gradient of rounding moves nothing.
            np.testing.assert_array_equal(to_numpy(found[1][0]), to_numpy(theirs.x))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_the_books_close(activation: str, dtype: str, limit: float, device: str) -> None:
    model = ogt.TwoLayerNet(
        dim=DIM, width=WIDTH, activation=activation, dtype=getattr(torch, dtype), device=device
    )
    run = play(model, rounds=20)
    for name, u in comparators(run).items():
        ledger = og.regret.ledger(run, u)
        assert ledger.closing_error <= limit, (name, str(ledger))
        assert ledger.closes


class OnePercentOff(ogt.TwoLayerNet):  # type: ignore[misc]  # final: broken here on purpose
    """A torch network whose weight gradient is 1 % too long."""

    def at(self, w: Any, x: Any) -> Any:
        at = super().at(w, x)

        class At:
            z = at.z
            pullback_x = staticmethod(at.pullback_x)
            pullback_w = staticmethod(lambda c: 1.01 * at.pullback_w(c))
            jvp_w = staticmethod(at.jvp_w)

        return At()


class WrongDerivative(og.losses.Logistic):
    """1.01 times the derivative of the logistic loss."""

    def derivative(self, z: Any, y: Any) -> Any:
        return 1.01 * super().derivative(z, y)


class WrongProjection(og.learners.OnlineGradientDescent):
    """Where the projection moves a point, it moves it a tenth too far."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state = super().update(state, feedback)
        if state.point is not state.before_projection:
            center = state.decision_set.center
            state.point = center + 0.9 * (state.point - center)
        return state


@pytest.mark.parametrize("wrong", ["gradient", "loss derivative", "projection"])
def test_corruptions_open_the_books_on_the_torch_network(wrong: str) -> None:
    make = OnePercentOff if wrong == "gradient" else ogt.TwoLayerNet
    model = make(dim=DIM, width=WIDTH)
    attacker = adversary(model)
    if wrong == "loss derivative":
        attacker = attrs.evolve(attacker, loss=WrongDerivative())
    learner = (
        WrongProjection(2.0) if wrong == "projection" else og.learners.OnlineGradientDescent(2.0)
    )
    run = og.play(learner, attacker, model.neighborhood(1.5), rounds=30, keep="examples")
    ledger = og.regret.ledger(run, og.regret.linear_maximizer(run))
    assert not ledger.closes
    assert ledger.closing_error > 1e-7
    assert "THE BOOKS ARE OPEN" in str(ledger)


def mlp() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(DIM, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.ReLU(),
        torch.nn.Linear(16, 1),
    )  # fmt: skip


def convolutional() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.SiLU(), torch.nn.MaxPool2d(2),
        torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(16, 1),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("kind", ["mlp", "convolutional"])
def test_any_module_plays(kind: str) -> None:
    """Regret and ledger are there; certificates say that they are not available."""
    module = mlp() if kind == "mlp" else convolutional()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    shape = None if kind == "mlp" else (1, 4, 4)
    model = ogt.TorchModel(module, input_shape=shape or (DIM,), dtype=torch.float64)
    run = play(model, rounds=15, step=0.05, radius=0.5)
    assert og.regret.ledger(run, run.final_point).closing_error <= 1e-10
    assert run.loss[-1] < run.loss[0]
    found = og.theory.ProjectedOGD().check(run)
    assert found.conclusion == "certified_holds"
    assert found.posterior is not None
    assert found.regret.value <= found.posterior.value
    with pytest.raises(NotAvailableError, match="curvature"):
        og.theory.floor(run, 0.5)
    attacker = run.adversary
    bracket = og.certify.robust_loss(
        model, run.final_point, attacker.x, attacker.y, attacker.loss, attacker.perturbation_set
    )
    assert bracket.upper is None
    assert "no certificate" in bracket.method
    assert bracket.lower.value >= run.loss.min() - 0.2
    theorem = og.theory.TwoLayer(og.activations.softplus, og.losses.logistic, 1.15)
    verdict = theorem.check(run, accuracy=0.1, weight_radius=0.5)
    assert verdict.conclusion == "open"
    assert "two-layer network" in {p.name for p in verdict.premises.failing}
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_module_in_training_mode_is_refused_or_named() -> None:
    dropping = torch.nn.Sequential(
        torch.nn.Linear(DIM, 16), torch.nn.Softplus(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1)
    )
    with pytest.raises(OlgameError, match=r"eval\(\)"):
        ogt.TorchModel(dropping)
    with pytest.raises(OlgameError, match=r"eval\(\)"):
        ogt.TorchModel(convolutional().train(), input_shape=(1, 4, 4))
    model = ogt.TorchModel(dropping, dtype=torch.float64, allow_stochastic=True)
    run = play(model, rounds=5, step=0.01, radius=0.5)
    theorem = og.theory.TwoLayer(og.activations.softplus, og.losses.logistic, 1.15)
    verdict = theorem.check(run, accuracy=0.1, weight_radius=0.5)
    assert verdict.premises["deterministic network"].fails
    assert verdict.conclusion == "open"
    with pytest.raises(NotAvailableError):
        og.certify.robust_loss(
            model, run.final_point, run.adversary.x, run.adversary.y, og.losses.logistic,
            og.perturbations.l2(0.1),
        )  # fmt: skip


def with_nan() -> Any:
    x, y = samples()
    x[3, 2] = np.nan
    return x, y


x_good, y_good = samples()
BAD_DATA: dict[str, tuple[Any, Any, Any, str]] = {
    "nan": (*with_nan(), og.perturbations.l2(0.1), "3"),
    "labels": (x_good, (y_good + 1) / 2, og.perturbations.l2(0.1), r"2\s*\*\s*y\s*-\s*1"),
    "empty": (x_good[:0], y_good[:0], og.perturbations.l2(0.1), "empty"),
    "lengths": (x_good, y_good[:-1], og.perturbations.l2(0.1), "16"),
    "dimension": (x_good[:, :-1], y_good, og.perturbations.l2(0.1), "6"),
    "box": (x_good, y_good, og.perturbations.linf(0.1, box=(0.0, 1.0)), r"box"),
}


@pytest.mark.parametrize("kind", BAD_DATA)
def test_bad_data_are_refused_before_the_game(kind: str) -> None:
    x, y, allowed, message = BAD_DATA[kind]
    model = ogt.TwoLayerNet(dim=DIM, width=8)
    with pytest.raises((DataError, ShapeError, og.exceptions.ArgumentError), match=message):
        og.adversaries.InputAttack(
            model, x, y, loss=og.losses.hinge, attack=og.attacks.FGSM(), perturbation_set=allowed
        )


def test_points_of_another_kind_are_refused_by_name() -> None:
    model = ogt.TwoLayerNet(dim=DIM, width=8)
    for start in (np.zeros(48), torch.zeros(48), torch.zeros(47, dtype=torch.float64)):
        with pytest.raises(OlgameError, match=r"start|w="):
            og.play(
                og.learners.OnlineGradientDescent(0.1),
                adversary(model),
                og.sets.L2Ball(100.0, center=model.start),
                rounds=2,
                start=start,
            )


def test_a_mini_batch_is_recorded() -> None:
    model = ogt.TwoLayerNet(dim=DIM, width=8)
    run = play(model, rounds=4, batch_size=5)
    assert not run.full_batch.any()
    assert all(loss.x.shape == (5, DIM) for loss in run.round_losses)
    with pytest.raises(NotAvailableError, match="batch"):
        og.theory.floor(run, 1.0)
