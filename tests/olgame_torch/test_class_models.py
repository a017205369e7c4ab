"""Models of k logits in torch: NumPy's closed form is the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import olgame as og
import olgame_torch as ogt
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, ShapeError

DIM, WIDTH, N = 4, 10, 6
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pair(activation: str, paired: bool, classes: int = 3, **options: Any) -> tuple[Any, Any]:
    sizes: dict[str, Any] = {
        "dim": DIM, "width": WIDTH, "activation": activation, "seed": 2, "paired": paired,
        "classes": classes,
    }  # fmt: skip
    return og.models.TwoLayerNet(**sizes), ogt.TwoLayerNet(**sizes, **options)


def derivatives(model: Any, w: Any, x: Any, v: Any, c: Any) -> dict[str, Any]:
    here = model.at(model.asarray(w), model.asarray(x))
    v, c = model.asarray(v), model.asarray(c)
    return {
        "z": to_numpy(here.z),
        "pullback_w": to_numpy(here.pullback_w(c)),
        "pullback_x": to_numpy(here.pullback_x(c)),
        "jvp_w": to_numpy(here.jvp_w(v)),
        "jvp_w_pullback_x": to_numpy(here.jvp_w_pullback_x(v, c)),
    }


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu", "relu"])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_equals_the_closed_form(
    lead: tuple[int, ...], paired: bool, activation: str, device: str
) -> None:
    numpy, tensor = pair(activation, paired, device=device)
    np.testing.assert_array_equal(to_numpy(tensor.start), numpy.start)
    np.testing.assert_array_equal(to_numpy(tensor.output), numpy.signs / WIDTH**0.5)
    rng = np.random.default_rng(1)
    w = numpy.start + 0.3 * rng.standard_normal((*lead, numpy.start.size))
    x, v = rng.standard_normal((*lead, N, DIM)), rng.standard_normal(w.shape)
    c = rng.standard_normal((*lead, N, 3))
    pairs = [(numpy, tensor), (og.models.Linearized(numpy), og.models.Linearized(tensor))]
    for ours, theirs in pairs:
        want, found = (derivatives(model, w, x, v, c) for model in (ours, theirs))
        for name, value in want.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-12, err_msg=name)
    shared = x[0] if lead else x
    np.testing.assert_allclose(
        to_numpy(tensor(tensor.asarray(w), tensor.asarray(shared))), numpy(w, shared), atol=1e-12
    )
    bounds = tensor.curvature_bound(tensor.asarray(x)), numpy.curvature_bound(x)
    assert (bounds[0] is None) == (bounds[1] is None) == (activation == "relu")
    if bounds[1] is not None:
        np.testing.assert_allclose(to_numpy(bounds[0]), bounds[1], rtol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_paired_start_is_exactly_zero(dtype: torch.dtype) -> None:
    model = ogt.TwoLayerNet(dim=64, width=2026, classes=10, dtype=dtype)
    here = model.at(model.start, torch.randn(9, 64, dtype=dtype))
    assert not bool(here.z.any())
    assert not bool(here.pullback_x(torch.ones(9, 10, dtype=dtype)).any())
    assert bool(here.pullback_w(torch.ones(9, 10, dtype=dtype)).any())


def module(outputs: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = torch.nn.Linear
        return torch.nn.Sequential(linear(DIM, 8), torch.nn.Tanh(), linear(8, outputs))


def test_a_module_of_k_outputs_is_a_model_of_k_classes() -> None:
    net = module(5)
    model = ogt.TorchModel(net, dtype=torch.float64)
    assert model.classes == 5
    assert ogt.TorchModel(net, classes=5).classes == 5
    assert ogt.TorchModel(module(1)).classes is None
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((N, DIM)))
    torch.testing.assert_close(model(model.start, x), net.double()(x).detach())
    ws = torch.stack([model.start, model.start + 0.1])
    both, own = model(ws, x), model(ws, torch.stack([x, -x]))
    assert both.shape == own.shape == (2, N, 5)
    torch.testing.assert_close(both[1], model(ws[1], x))
    torch.testing.assert_close(own[1], model(ws[1], -x))


@pytest.mark.parametrize(
    ("outputs", "classes", "error", "message"),
    [
        (5, 4, ShapeError, r"4 logits, shape \(3, 4\).*got \(3, 5\)"),
        (1, 2, ShapeError, r"2 logits, shape \(3, 2\).*got \(3, 1\)"),
        (3, 1, ArgumentError, r"`TorchModel\(classes=\.\.\.\)` must be an integer >= 2"),
    ],
)
def test_classes_that_the_module_has_not(
    outputs: int, classes: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ogt.TorchModel(module(outputs), classes=classes)


def test_a_stochastic_module_tells_its_classes_too() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(DIM, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 3))
    assert ogt.TorchModel(net, allow_stochastic=True).classes == 3
