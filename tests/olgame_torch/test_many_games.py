"""Many games at once on torch networks: each is its single game, and NumPy's batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from tests.many_games import (
    ATTACKS,
    DIM,
    GAMES,
    SEEDS,
    WIDTH,
    Setting,
    check_games_in_groups,
    check_games_with_classes,
    check_rounds_from_a_common_point,
    difference,
    factory,
    linearized,
    worst_difference,
)

pytest.importorskip("torch")

import torch
from torch import nn

import olgame_torch as ogt

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


network = factory(ogt.TwoLayerNet)


class Convolutional(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 1, DIM)), nn.Conv2d(1, 4, (1, 3), padding=(0, 1)), nn.SiLU(),
            nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * DIM, 1),
        )  # fmt: skip


class DataDecide(nn.Module):
    """Control flow that no batch of games can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(DIM, 1)

    def forward(self, x: Any) -> Any:
        z = self.layer(x)
        return z if float(x.detach().sum()) > -1e9 else -z


def module(kind: str, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "perceptron":
            return nn.Sequential(nn.Linear(DIM, 8), nn.Tanh(), nn.Linear(8, 1))
        return (Convolutional() if kind == "convolutional" else DataDecide()).eval()


def modules(kind: str) -> Any:
    def make(seed: Any) -> Any:
        chosen = module(kind, seed) if isinstance(seed, int) else [module(kind, s) for s in seed]
        return ogt.TorchModel(chosen, input_shape=DIM, dtype=torch.float64)

    return make


MODELS: dict[str, Any] = {
    "softplus, paired": network(),
    "gelu, unpaired": network("gelu", paired=False),
    "relu, paired": network("relu"),
    "linearized": linearized(network()),
    "linearized, unpaired": linearized(network(paired=False)),
    "perceptron": modules("perceptron"),
    "convolutional": modules("convolutional"),
    "data decide": modules("data decide"),
    "linearized perceptron": linearized(modules("perceptron")),
}


@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("model", MODELS)
def test_each_game_is_the_single_game(model: str, batch_size: int | None) -> None:
    setting = Setting(model=MODELS[model], batch_size=batch_size)
    assert worst_difference(setting) < 1e-12


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("loss", ["cross_entropy", "multiclass_hinge"])
def test_games_with_classes(loss: str, paired: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    check_games_with_classes(network, loss, paired, monkeypatch)


@pytest.mark.parametrize("own_data", [True, False])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("model", ["softplus, paired", "gelu, unpaired", "linearized"])
def test_large_games_are_evaluated_a_few_at_a_time(
    model: str, size: int, own_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_games_in_groups(MODELS[model], size, own_data, monkeypatch)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", ["softplus, paired", "gelu, unpaired", "linearized"])
def test_shared_data_on_every_device(model: str, device: str) -> None:
    make = MODELS[model] if device == "cpu" else network(device=device)
    setting = Setting(model=make, attack=ATTACKS["best of several"], own_data=False)
    assert worst_difference(setting) < 1e-11


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("loss", ["logistic", "hinge"])
@pytest.mark.parametrize("paired", [False, True])
def test_each_round_from_a_common_point(paired: bool, loss: str, norm: str, device: str) -> None:
    check_rounds_from_a_common_point(network(paired=paired, device=device), loss, norm, 12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["network", "linearized"])
def test_the_batch_equals_that_of_numpy(kind: str, device: str) -> None:
    """Unpaired, smooth: nothing amplifies rounding."""
    sizes: dict[str, Any] = {"dim": DIM, "width": WIDTH, "paired": False}
    makes = [
        lambda seed: og.models.TwoLayerNet(**sizes, seed=seed),
        lambda seed: ogt.TwoLayerNet(**sizes, seed=seed, device=device),
    ]
    if kind == "linearized":
        makes = [linearized(make) for make in makes]
    runs = [Setting(model=make).together() for make in makes]
    for name in ("loss", "inner", "distance", "gradient_norm", "weak_convexity", "input_norm"):
        np.testing.assert_allclose(
            getattr(runs[1], name), getattr(runs[0], name), rtol=1e-10, atol=1e-11, err_msg=name
        )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_books_of_every_game_close(dtype: str, device: str) -> None:
    make = network(dtype=getattr(torch, dtype), device=device)
    run = Setting(model=make, learner=og.learners.OnlineGradientDescent(1.0)).together()
    books = og.regret.game_ledgers(run, run.final_point)
    assert books.closes, str(books)
    checks = [og.theory.ProjectedOGD().check(single) for single in run.each_game()]
    assert {check.conclusion for check in checks} == {"certified_holds"}
    floor = og.theory.floor(run.game(2), 0.8)
    assert floor.value < run.loss[:, 2].min()


def test_the_networks_of_the_games() -> None:
    model = network()(SEEDS)
    assert model.start.shape == (GAMES, DIM * WIDTH)
    for i, seed in enumerate(SEEDS):
        single = network()(seed)
        assert torch.equal(model.start[i], single.start)
        assert torch.equal(model.output[i], single.output)
        assert model.game((i,)) is model.game((i,))
        assert torch.equal(model.game((i,)).output, single.output)
        hidden = model.game((i,)).two_layer(single.start).hidden
        assert torch.equal(hidden.reshape(-1), single.start)
    assert network()(3).game((0,)).seed == 3
    x = model.asarray(np.random.default_rng(0).standard_normal((6, DIM)))
    assert torch.equal(model(model.start, x), torch.zeros(GAMES, 6, dtype=torch.float64))
    at = model.at(model.start, x)
    assert at.pullback_x(torch.ones_like(at.z)).count_nonzero() == 0
    own = [model.game((i,)).neighborhood(2.0) for i in range(GAMES)]
    outside = model.start + 1.0
    together = model.neighborhood(2.0).project(outside)
    for i, ball in enumerate(own):
        torch.testing.assert_close(together[i], ball.project(outside[i]), rtol=1e-14, atol=1e-14)


def test_a_module_is_evaluated_in_batches_where_torch_can() -> None:
    for kind, batched in (("perceptron", True), ("convolutional", True), ("data decide", False)):
        model = modules(kind)(SEEDS)
        inputs = model.asarray(np.random.default_rng(0).standard_normal((GAMES, 3, DIM)))
        z = model(model.start, inputs)
        assert model._several.batched is batched
        for i in range(GAMES):
            single = modules(kind)(SEEDS[i])
            torch.testing.assert_close(z[i], single(single.start, inputs[i]), rtol=0, atol=1e-14)
            own = model.game((i,)).module_at(model.start[i]).eval()
            torch.testing.assert_close(own(inputs[i])[:, 0], z[i], rtol=0, atol=1e-14)


def test_modules_that_are_not_of_one_kind_are_refused() -> None:
    frozen = [module("perceptron", 0), module("perceptron", 1)]
    for net in frozen:
        net.get_submodule("0").requires_grad_(False)
    deeper = nn.Sequential(nn.Linear(DIM, 8), nn.ReLU(), nn.Linear(8, 1))
    for wrong in (
        frozen,
        [module("perceptron", 0), deeper],
        [module("perceptron", 0), Convolutional().eval()],
    ):
        with pytest.raises(ArgumentError, match=r"module 1 is another function than module 0"):
            ogt.TorchModel(wrong, input_shape=DIM, dtype=torch.float64)
    with pytest.raises(ArgumentError, match="a module or several, got none"):
        ogt.TorchModel([], input_shape=DIM)


def test_an_error_of_the_module_is_its_own() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(DIM, 1)

        def forward(self, x: Any) -> Any:
            if x.shape[0] > 5:
                raise KeyError("too many")
            return self.layer(x)

    model = ogt.TorchModel(Fails(), dtype=torch.float64)
    with pytest.raises(KeyError, match="too many"):
        model(torch.stack([model.start] * 2), torch.zeros(6, DIM, dtype=torch.float64))


class SummedInputGradient(ogt.TwoLayerNet):  # type: ignore[misc]  # final: broken on purpose
    """What plain automatic differentiation gives for inputs that games share."""

    def at(self, w: Any, x: Any) -> Any:
        at = super().at(w, x)
        if w.ndim == 1:
            return at

        class At:
            z = at.z
            pullback_w, jvp_w = staticmethod(at.pullback_w), staticmethod(at.jvp_w)

            @staticmethod
            def pullback_x(c: Any) -> Any:
                found: Any = at.pullback_x(c)
                return found.sum(0).expand(found.shape)

        return At()


def test_games_that_share_an_input_gradient_are_noticed() -> None:
    def make(seed: Any) -> Any:
        return SummedInputGradient(dim=DIM, width=WIDTH, seed=seed)

    assert worst_difference(Setting(model=make, own_data=False)) > 1e-4


def test_a_game_stays_on_its_device_and_in_its_dtype() -> None:
    run = Setting(model=network(dtype=torch.float32)).together()
    single = run.game(1)
    assert single.start.dtype == torch.float32
    assert to_numpy(single.gradient_sum).shape == (DIM * WIDTH,)
    assert difference(single, run.game((1,))) == 0.0
