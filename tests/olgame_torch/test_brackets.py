"""Brackets of the robust loss on tensors, of all sets, activations and kinds of labels: NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import olgame as og
import olgame_torch as ogt
from olgame.attacks import FGSM
from olgame.certify import Bracket, PerSample, lead_bounds, output_bound

Floats = NDArray[np.float64]
robust_loss: Any = og.certify.robust_loss
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
)
DIM, WIDTH, N = 5, 24, 7
RADII = np.array([0.0, 0.2, 0.02, 0.1, 0.3, 0.3, 1.5])


def sets(name: str, radius: Any) -> Any:
    if name == "box":
        return og.perturbations.l2(radius, box=(-2.5, 2.5))
    if name == "box of a cube":
        return og.perturbations.linf(radius, box=(-2.5, 2.5))
    return getattr(og.perturbations, name)(radius)


def data(classes: int | None) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(7)
    w = rng.standard_normal(WIDTH * DIM)
    x = np.clip(rng.standard_normal((N, DIM)), -2.4, 2.4)
    x[1] = 0.0  # every pre-activation at the kink
    y = np.arange(N, dtype=np.float64) % classes if classes else rng.choice([-1.0, 1.0], N)
    return w, x, np.asarray(y, dtype=np.float64)


def models(activation: str, classes: int | None, **options: Any) -> tuple[Any, Any]:
    sizes: dict[str, Any] = {
        "dim": DIM, "width": WIDTH, "activation": activation, "seed": 3, "paired": False,
        "classes": classes,
    }  # fmt: skip
    return og.models.TwoLayerNet(**sizes), ogt.TwoLayerNet(**sizes, **options)


def check_equal(found: Bracket, known: Bracket, tolerance: float) -> None:
    assert found.method.partition(", there")[0] == known.method.partition(", there")[0]
    assert found.upper is not None
    assert known.upper is not None
    assert found.upper.value == pytest.approx(known.upper.value, rel=tolerance)
    assert isinstance(found.per_sample.upper, np.ndarray)
    for name in PerSample._fields:
        ours, theirs = (getattr(bracket.per_sample, name) for bracket in (found, known))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=name)
    assert found.clean == pytest.approx(known.clean, rel=tolerance)


SETS = ("l2", "linf", "box", "box of a cube", "spherical_cap")
CASES = [
    *((activation, name, loss, classes)
      for activation in ("relu", "softplus")
      for name in SETS
      for loss, classes in (("logistic", None), ("cross_entropy", 3))),
    ("gelu", "l2", "absolute", None), ("relu", "linf", "absolute", None),
    ("gelu", "linf", "multiclass_hinge", 3), ("tanh", "spherical_cap", "squared", None),
]  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize(("activation", "name", "loss", "classes"), CASES)
def test_float64_tensors_give_numpys_bracket(
    activation: str, name: str, loss: str, classes: int | None, device: str
) -> None:
    numpy, tensor = models(activation, classes, device=device)
    w, x, y = data(classes)
    arguments = {"loss": getattr(og.losses, loss), "attack": FGSM()}
    known = robust_loss(numpy, w, x, y, perturbation_set=sets(name, RADII), **arguments)
    radii = tensor.asarray(RADII)
    parts = (tensor.asarray(part) for part in (w, x, y))
    found = robust_loss(tensor, *parts, perturbation_set=sets(name, radii), **arguments)
    check_equal(found, known, 1e-10)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("name", ["l2", "linf", "spherical_cap"])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
@pytest.mark.parametrize("classes", [None, 3])
def test_float32_tensors_are_converted_exactly(
    classes: int | None, activation: str, name: str, device: str
) -> None:
    """The bracket of float32 data is that of the same numbers in float64, but for the ball.

    Output weights are rounded to float32 as well; what the attack's inputs overshoot is measured.
    """
    numpy, tensor = models(activation, classes, device=device, dtype=torch.float32)
    w, x, y = (part.astype(np.float32).astype(np.float64) for part in data(classes))
    loss = og.losses.cross_entropy if classes else og.losses.logistic
    known = robust_loss(numpy, w, x, y, loss, sets(name, 0.1), attack=FGSM())
    parts = [tensor.asarray(part) for part in (w, x, y)]
    found = robust_loss(tensor, *parts, loss, sets(name, 0.1), attack=FGSM())
    assert "enlarged by" in found.method
    lower, upper = found.per_sample
    assert upper is not None
    np.testing.assert_allclose(upper, known.per_sample.upper, rtol=1e-5)
    np.testing.assert_allclose(lower, known.per_sample.lower, rtol=1e-3)
    assert np.all(lower <= upper)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu"])
def test_bounds_of_outputs_and_leads(activation: str, norm: str, device: str) -> None:
    numpy, tensor = models(activation, 3, device=device)
    w, x, y = data(3)
    ours, theirs = numpy.two_layer(w), tensor.two_layer(tensor.asarray(w))
    known = lead_bounds(ours, x, y, RADII, norm)
    x_, y_, radii = (tensor.asarray(part) for part in (x, y, RADII))
    found: Any = lead_bounds(theirs, x_, y_, radii, norm)
    assert found.bounds.device.type == device
    np.testing.assert_allclose(
        og.arrays.to_numpy(found.bounds), np.asarray(known.bounds), rtol=1e-10, atol=1e-10
    )
    one, other = (layers._replace(output=layers.output[:, 0]) for layers in (ours, theirs))
    bound = output_bound(one, x, RADII, norm)
    again = output_bound(other, x_, radii, norm)
    np.testing.assert_allclose(
        og.arrays.to_numpy(again.bound), np.asarray(bound.bound), rtol=1e-10, atol=1e-10
    )


def test_a_bracket_leaves_the_model_as_it_is() -> None:
    _, tensor = models("softplus", None)
    w, x, y = (tensor.asarray(part) for part in data(None))
    before = [part.clone() for part in (w, x, y)]
    state = torch.random.get_rng_state()
    bracket = robust_loss(tensor, w, x, y, og.losses.logistic, og.perturbations.l2(0.1))
    assert bracket.upper is not None
    assert all(torch.equal(a, b) for a, b in zip(before, (w, x, y), strict=True))
    assert torch.equal(state, torch.random.get_rng_state())
    assert w.grad is None


def test_a_torch_network_of_another_kind_has_no_upper_end_but_a_given_one() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(DIM, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    model = ogt.TorchModel(module, dtype=torch.float64)
    _, x, y = (model.asarray(part) for part in data(None))
    bracket = robust_loss(model, model.start, x, y, og.losses.hinge, og.perturbations.l2(0.1))
    assert bracket.upper is None
    given = torch.full((N,), 1e3, requires_grad=True)
    assert bracket.with_upper(given, "a large number").width > 900.0
