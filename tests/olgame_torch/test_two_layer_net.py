"""The torch network against the closed form in NumPy, which shares no derivative with it."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

import olgame.models
from olgame import activations
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.losses import logistic
from olgame.models import HasLinearization, HasTwoLayers, Linearized, Model, output_axis
from olgame_torch import TwoLayerNet
from olgame_torch.paired_sum import paired_sum

CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
)
NAMES = ["softplus", "tanh", "gelu", "silu", "relu"]
DERIVATIVES = ["z", "pullback_w", "pullback_x", "jvp_w", "jvp_w_pullback_x"]
SCALAR = output_axis(logistic)
Data = dict[str, NDArray[np.float64]]


def _data(
    start: NDArray[np.float64],
    dim: int,
    seed: int = 0,
    n: int = 6,
    lead: tuple[int, ...] = (),
    scale: float = 1.0,
) -> Data:
    rng = np.random.default_rng(seed)
    return {
        "w": start + 0.3 * rng.standard_normal((*lead, start.size)),
        "x": scale * rng.standard_normal((*lead, n, dim)),
        "v": rng.standard_normal((*lead, start.size)),
        "c": rng.standard_normal((*lead, n)),
    }


def _evaluate(model: Model, data: Data) -> dict[str, NDArray[np.float64]]:
    w, x, v, c = (model.asarray(data[k]) for k in "wxvc")
    here = model.at(w, x)
    return {
        "z": to_numpy(here.z),
        "pullback_w": to_numpy(here.pullback_w(c)),
        "pullback_x": to_numpy(here.pullback_x(c)),
        "jvp_w": to_numpy(here.jvp_w(v)),
        "jvp_w_pullback_x": to_numpy(here.jvp_w_pullback_x(v, c)),
    }


def _error(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_equals_the_closed_form(activation: str, paired: bool, scale: float, device: str) -> None:
    options: dict[str, Any] = {
        "dim": 5, "width": 14, "activation": activation, "seed": 4, "paired": paired
    }  # fmt: skip
    numpy = olgame.models.TwoLayerNet(**options)
    model = TwoLayerNet(**options, device=device)
    data = _data(to_numpy(numpy.start), 5, scale=scale)
    expected, found = _evaluate(numpy, data), _evaluate(model, data)
    for name in DERIVATIVES:
        assert _error(found[name], expected[name]) < 1e-12, name
    x = model.asarray(data["x"])
    np.testing.assert_allclose(to_numpy(model(model.asarray(data["w"]), x)), found["z"], rtol=1e-14)
    bound, numpy_bound = model.curvature_bound(x), numpy.curvature_bound(data["x"])
    assert (bound is None) == (numpy_bound is None) == (activation == "relu")
    if bound is not None and numpy_bound is not None:
        np.testing.assert_allclose(to_numpy(bound), to_numpy(numpy_bound), rtol=1e-14)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("at_start", [True, False])
@pytest.mark.parametrize("activation", NAMES)
def test_the_linearization_equals_the_generic_one(
    activation: str, at_start: bool, paired: bool
) -> None:
    """The written out f_lin against pushforwards of NumPy's network, which has no such method."""
    options: dict[str, Any] = {
        "dim": 5, "width": 14, "activation": activation, "seed": 4, "paired": paired
    }  # fmt: skip
    numpy = olgame.models.TwoLayerNet(**options)
    model = TwoLayerNet(**options)
    assert isinstance(model, HasLinearization)
    assert not isinstance(numpy, HasLinearization)
    start = to_numpy(numpy.start)
    at = start if at_start else start + 0.2 * np.random.default_rng(8).standard_normal(start.size)
    for lead in ((), (3,)):
        data = _data(start, 5, lead=lead)
        expected = _evaluate(Linearized(numpy, at=at), data)
        found = _evaluate(Linearized(model, at=at), data)
        for name in DERIVATIVES:
            assert _error(found[name], expected[name]) < 1e-12, name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_linearization_is_exactly_zero_at_the_paired_start(dtype: torch.dtype) -> None:
    model = TwoLayerNet(dim=65, width=66, dtype=dtype)
    x = model.asarray(np.random.default_rng(0).standard_normal((33, 65)))
    here = Linearized(model).at(model.start, x)
    assert not torch.as_tensor(here.z).any()
    assert not torch.as_tensor(here.pullback_x(torch.ones(33, dtype=dtype))).any()
    away = model.start.clone()
    away[-1] += 1.0  # one pair of rows that is not equal: not the short form
    moved = Linearized(model, at=away)
    np.testing.assert_allclose(
        to_numpy(moved(away, x)),
        to_numpy(model(away, x)),
        atol=1e-14 if dtype == torch.float64 else 1e-6,
    )
    with pytest.raises(ShapeError, match="last axis"):
        model.linearized_at(model.start, model.start[1:], x)


def test_the_paired_sum_is_differentiable_in_every_way() -> None:
    output = torch.tensor([0.3, -0.7, -0.3, 0.7], dtype=torch.float64)
    sigma = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(paired_sum(sigma, output, SCALAR), sigma @ output)
    sigma.requires_grad_()
    torch.autograd.gradcheck(
        lambda s: paired_sum(s.sin(), output, SCALAR),
        sigma,
        check_forward_ad=True,
        check_batched_grad=False,
    )
    torch.autograd.gradgradcheck(
        lambda s: paired_sum(s.sin(), output, SCALAR), sigma, check_fwd_over_rev=True
    )
    big = torch.full((1, 4), 1e8, dtype=torch.float32)
    assert float(paired_sum(big, output.float(), SCALAR)) == 0.0


@pytest.mark.parametrize(("paired", "width"), [(True, 6), (False, 7)])
def test_starts_from_the_same_bits(paired: bool, width: int) -> None:
    numpy = olgame.models.TwoLayerNet(dim=3, width=width, seed=9, paired=paired)
    for dtype in (torch.float64, torch.float32):
        model = TwoLayerNet(dim=3, width=width, seed=9, paired=paired, dtype=dtype)
        expected = torch.from_numpy(to_numpy(numpy.start)).to(dtype)
        assert torch.equal(model.start, expected)
    assert not torch.equal(
        model.start, TwoLayerNet(dim=3, width=width, dtype=dtype, paired=paired).start
    )


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_exactly_zero_at_the_paired_start(activation: str, dtype: torch.dtype) -> None:
    # Sizes and offsets at which two products with equal rows differ on common BLAS libraries.
    for n, dim, half in ((1, 65, 33), (7, 31, 1013), (33, 65, 33), (3, 1, 33), (1, 783, 299)):
        model = TwoLayerNet(dim=dim, width=2 * half, activation=activation, dtype=dtype)
        x = model.asarray(np.random.default_rng(n).standard_normal((n, dim)))
        for offset in (0, 3):
            w = torch.empty(offset + model.start.numel(), dtype=dtype)[offset:]
            w.copy_(model.start)
            here = model.at(w, x)
            assert torch.equal(here.z, torch.zeros(n, dtype=dtype))
            assert torch.equal(here.pullback_x(torch.ones(n, dtype=dtype)), torch.zeros_like(x))
            assert float(here.pullback_w(torch.ones(n, dtype=dtype)).norm()) > 0.0


def test_steps_in_place_are_seen() -> None:
    model = TwoLayerNet(dim=3, width=8)
    numpy = olgame.models.TwoLayerNet(dim=3, width=8)
    x = np.random.default_rng(0).standard_normal((4, 3))
    w = model.start.clone()
    assert torch.equal(model(w, model.asarray(x)), torch.zeros(4, dtype=torch.float64))
    w += 0.1 * torch.arange(24, dtype=torch.float64)
    expected = to_numpy(numpy(to_numpy(w), x))
    np.testing.assert_allclose(to_numpy(model(w, model.asarray(x))), expected, rtol=1e-12)
    wide = TwoLayerNet(dim=65, width=66)  # and back to the start, where products would not do
    back = torch.cat([torch.zeros(3, dtype=torch.float64), wide.start])[3:]
    inputs = wide.asarray(np.random.default_rng(1).standard_normal((33, 65)))
    back += torch.arange(back.numel(), dtype=torch.float64)
    assert float(wide(back, inputs).abs().max()) > 0.0
    back.copy_(wide.start)
    assert torch.equal(wide(back, inputs), torch.zeros(33, dtype=torch.float64))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("lead", [(3,), (2, 3)])
def test_leading_axes_are_independent_games(
    shared: bool, paired: bool, lead: tuple[int, ...]
) -> None:
    models = [TwoLayerNet(dim=4, width=10, seed=s, paired=paired) for s in range(math.prod(lead))]
    starts = np.stack([to_numpy(model.start) for model in models])
    data = _data(starts[0], 4, lead=lead)
    data["w"] += (starts - starts[0]).reshape(*lead, -1)
    flat = {k: v.reshape(len(models), *v.shape[len(lead) :]) for k, v in data.items()}
    if shared:
        data["x"] = flat["x"][0]
    found = _evaluate(models[0], data)
    for game in range(len(models)):
        single = {k: v[game] for k, v in flat.items()}
        if shared:
            single["x"] = data["x"]
        expected = _evaluate(models[0], single)
        for name, value in found.items():
            here = value.reshape(len(models), *value.shape[len(lead) :])[game]
            assert _error(here, expected[name]) < 1e-13, name


def test_the_paired_start_of_one_game_among_others() -> None:
    model = TwoLayerNet(dim=65, width=66)
    w = torch.stack([model.start + 0.1, model.start])
    w[0, ::7] -= 0.3
    x = model.asarray(np.random.default_rng(0).standard_normal((2, 1, 65)))
    z = model(w, x)
    assert float(z[1]) == 0.0
    assert float(z[0]) != 0.0


@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu"])
def test_curvature_bound_holds(activation: str) -> None:
    model = TwoLayerNet(dim=4, width=8, activation=activation, paired=False)
    rng = np.random.default_rng(5)
    x = model.asarray(rng.standard_normal((20, 4)))
    bound = model.curvature_bound(x)
    assert isinstance(bound, torch.Tensor)
    tightest = 0.0
    for scale in (0.1, 1.0, 5.0):
        w = model.asarray(scale * rng.standard_normal(32))
        v = model.asarray(scale * rng.standard_normal(32))
        gap = (model(w + v, x) - model(w, x) - model.at(w, x).jvp_w(v)).abs()
        assert bool((gap <= bound * (v @ v) * (1 + 1e-12) + 1e-14).all())
        tightest = max(tightest, float((gap / (bound * (v @ v))).max()))
    assert tightest > 1e-3


def test_structure_and_neighborhood() -> None:
    model = TwoLayerNet(dim=3, width=6, activation="tanh", seed=2)
    as_model: Model = model
    assert isinstance(as_model, HasTwoLayers)
    w = model.start + 0.01 * torch.arange(18, dtype=torch.float64)
    hidden, output, sigma = model.two_layer(w)
    x = np.random.default_rng(0).standard_normal((5, 3))
    by_hand = np.tanh(x @ to_numpy(hidden).T) @ to_numpy(output)
    np.testing.assert_allclose(to_numpy(model(w, model.asarray(x))), by_hand, rtol=1e-12)
    assert sigma is activations.tanh
    ball = model.neighborhood(2.0)
    far = model.start + 5.0
    moved = to_numpy(ball.project(far)) - to_numpy(model.start)
    assert np.linalg.norm(moved) == pytest.approx(2.0)
    with pytest.raises(ShapeError, match=r"two_layer\(w=\.\.\.\)` must have shape \(18,\)"):
        model.two_layer(w[:3])


@pytest.mark.parametrize("wanted", ["pullback_x", "pullback_w"])
@pytest.mark.parametrize("paired", [True, False])
def test_a_pullback_pays_for_its_own_argument_alone(wanted: str, paired: bool) -> None:
    model = TwoLayerNet(dim=50, width=40, paired=paired)
    w = model.start + 1e-3 * torch.arange(2000, dtype=torch.float64)
    x, c = torch.ones(30, 50, dtype=torch.float64), torch.ones(30, dtype=torch.float64)
    with FlopCounterMode(display=False) as counter:
        here = model.at(w, x)
        _ = here.z
    forward = counter.get_total_flops()
    assert forward >= 2 * 30 * 50 * 40
    with FlopCounterMode(display=False) as counter:
        getattr(here, wanted)(c)
    assert counter.get_total_flops() == 2 * 30 * 50 * 40


def test_softplus_far_out_in_float32() -> None:
    # Where torch's logaddexp has the second derivative nan, and its softplus another formula.
    model = TwoLayerNet(dim=1, width=2, paired=False, dtype=torch.float32)
    w = torch.tensor([1.0, -1.0])
    numpy = olgame.models.TwoLayerNet(dim=1, width=2, paired=False)
    grid = [-200.0, -95.0, -89.0, -21.0, -3.0, 0.5, 19.0, 21.0, 95.0, 200.0]
    data = {
        "w": to_numpy(w),
        "x": np.array(grid)[:, None],
        "v": np.array([0.3, -2.0]),
        "c": np.ones(len(grid)),
    }
    found, expected = _evaluate(model, data), _evaluate(numpy, data)
    for name in DERIVATIVES:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-6, atol=1e-6, err_msg=name)


def test_an_activation_of_ones_own() -> None:
    impostor = attrs.evolve(
        activations.softplus,
        value=lambda z: 2.0 * z,
        derivative=lambda z: 0.0 * z + 2.0,
        second_derivative=lambda z: 0.0 * z,
    )
    model = TwoLayerNet(dim=2, width=4, activation=impostor, paired=False)
    w, x = model.start, model.asarray([[1.0, -2.0]])
    hidden, output, _ = model.two_layer(w)
    by_hand = 2.0 * to_numpy(x) @ to_numpy(hidden).T @ to_numpy(output)
    np.testing.assert_allclose(to_numpy(model(w, x)), by_hand, rtol=1e-13)


def test_float32_follows() -> None:
    model = TwoLayerNet(dim=5, width=14, activation="gelu", dtype=torch.float32)
    numpy = olgame.models.TwoLayerNet(dim=5, width=14, activation="gelu")
    data = _data(to_numpy(numpy.start), 5)
    found, expected = _evaluate(model, data), _evaluate(numpy, data)
    for name in DERIVATIVES:
        assert 0.0 < _error(found[name], expected[name]) < 1e-5, name
    assert model(model.start, model.asarray(data["x"])).dtype is torch.float32


def test_describe_is_plain_data() -> None:
    assert TwoLayerNet(dim=2, width=4).describe() == {
        "name": "two-layer softplus network",
        "parameters": 8,
        "dim": 2,
        "dtype": "float64",
        "device": "cpu",
        "deterministic": True,
        "reduced_precision": [],
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 5}, r"`TwoLayerNet\(width=\.\.\.\)` must be even"),
        ({"dim": 0}, r"`TwoLayerNet\(dim=\.\.\.\)` must be an integer >= 1, got 0"),
        ({"activation": "softmax"}, r"`TwoLayerNet\(activation=\.\.\.\)` must be one of"),
        ({"seed": -1}, r"`TwoLayerNet\(seed=\.\.\.\)`"),
        ({"dtype": torch.float16}, r"`TwoLayerNet\(dtype=\.\.\.\)` must be torch\.float64 or"),
        ({"dtype": "float64"}, r"`TwoLayerNet\(dtype=\.\.\.\)` .* got 'float64'"),
        ({"device": "gpu"}, r"`TwoLayerNet\(device=\.\.\.\)` must be 'auto' or a device"),
        ({"device": "cuda:99"}, r"must be a device of this machine, got 'cuda:99'"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TwoLayerNet(**{"dim": 2, "width": 4, **options})


def test_points_that_do_not_fit() -> None:
    model = TwoLayerNet(dim=2, width=4)
    w, x = model.start, torch.zeros(3, 2, dtype=torch.float64)
    cases: list[tuple[Any, Any, str]] = [
        (w.float(), x, r"\(w=\.\.\.\)` must be .* torch\.float64 on cpu, got torch\.float32 on"),
        (w, x.float(), r"\(x=\.\.\.\)` must be .* torch\.float64 on cpu, got torch\.float32 on"),
        (w, to_numpy(x), r"\(x=\.\.\.\)` must be .* got ndarray: convert it with `model\.asarr"),
        (w, x.to("meta"), r"on cpu, got torch\.float64 on meta"),
        (w[:-1], x, r"must have 8 weights on its last axis, got shape \(7,\)"),
        (w, x[:, :1], r"must have shape \(\.\.\., n, 2\), got \(3, 1\)"),
        (w, x[0], r"must have shape \(\.\.\., n, 2\), got \(2,\)"),
        (w.expand(3, 8), x.expand(2, 3, 2), r"equal leading axes, got \(3,\) and \(2,\)"),
    ]
    for point, inputs, message in cases:
        for call in (model.at, model):
            with pytest.raises(ShapeError, match=message):
                call(point, inputs)


def test_asarray() -> None:
    model = TwoLayerNet(dim=2, width=4, dtype=torch.float32)
    original = np.array([[1.0, 2.0]])
    backwards = np.broadcast_to(original, (3, 2))[::-1]  # read-only, with a negative stride
    out = model.asarray(backwards)
    original[0, 0] = 7.0
    assert torch.equal(out, torch.tensor([[1.0, 2.0]] * 3))
    assert out.dtype is torch.float32
    assert model.asarray([1, 2]).dtype is torch.float32
    assert model.asarray(True).shape == ()
    assert not model.asarray(torch.ones(2, requires_grad=True)).requires_grad
    for bad in (np.array([1j]), torch.ones(1, dtype=torch.complex64), "text", [[1], [1, 2]], None):
        with pytest.raises(DataError, match="must be real numbers"):
            model.asarray(bad)
    for huge in (1e39, torch.tensor(1e39, dtype=torch.float64)):
        with pytest.raises(DataError, match=r"must fit torch\.float32, got a number beyond 3\.4e"):
            model.asarray(huge)
    assert math.isinf(float(model.asarray(math.inf)))
