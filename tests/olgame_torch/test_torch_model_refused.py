"""What `TorchModel` refuses: modules that are no functions, outputs that do not fit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from olgame.exceptions import ArgumentError, ShapeError
from olgame_torch import TorchModel
from tests.olgame_torch.modules import F64, drawn_at, seeded

# What is no function of (w, x) --------------------------------------------------------------


class FunctionalDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(nn.functional.dropout(x, 0.5, training=True))
        return out


class Centered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(x - x.mean(0))
        return out


class Counting(nn.Module):
    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1.0
        out: Tensor = self.last(x)
        return out


def _after(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), *layers, nn.Linear(4, 1))


EVAL = r"call `module\.eval\(\)`"
STOCHASTIC: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dropout": (lambda: _after(nn.Dropout(0.5)), rf"'1' \(Dropout\) drops units .* {EVAL}"),
    "alpha": (lambda: _after(nn.AlphaDropout(0.5)), rf"'1' \(AlphaDropout\) .* {EVAL}"),
    "batch": (lambda: _after(nn.BatchNorm1d(4)), rf"'1' \(BatchNorm1d\) mixes .* {EVAL}"),
    "no-statistics": (
        lambda: _after(nn.BatchNorm1d(4, track_running_stats=False)).eval(),
        r"'1' \(BatchNorm1d\) mixes .* build it with `track_running_stats=True`",
    ),
    "instance": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (2, 2)),
            nn.InstanceNorm1d(2, track_running_stats=True),
            nn.Flatten(),
            nn.Linear(4, 1),
        ),
        rf"'1' \(InstanceNorm1d\) updates running statistics .* {EVAL}",
    ),
    "functional": (FunctionalDropout, "another output .* the second time"),
    "centered": (Centered, "depends on the other samples of the batch"),
    "counting": (Counting, r"changes the buffers \['calls'\]"),
}


@pytest.mark.parametrize("name", STOCHASTIC)
def test_what_is_no_function_is_refused_and_recorded(name: str) -> None:
    build, reason = STOCHASTIC[name]
    module = seeded(build)
    random_state = torch.random.get_rng_state()
    with pytest.raises(ArgumentError, match=rf"must be a function of .*{reason}.*allow_stoch"):
        TorchModel(module, input_shape=4)
    before = copy.deepcopy(module.state_dict())
    model = TorchModel(module, input_shape=4, allow_stochastic=True)
    assert not model.deterministic
    assert model.describe()["deterministic"] is False
    assert len(model.stochastic) == 1
    buffers = {k: v.clone() for k, v in model._template.named_buffers()}
    w, x, v, c = drawn_at(model)
    here = model.at(w, x)
    _ = here.z, here.pullback_w(c), here.pullback_x(c), here.jvp_w(v), model(w, x)
    for key, value in model._template.named_buffers():
        assert torch.equal(value, buffers[key]), key
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert torch.equal(torch.random.get_rng_state(), random_state)


@pytest.mark.parametrize("name", ["dropout", "alpha", "batch", "instance"])
def test_eval_mode_is_accepted(name: str) -> None:
    assert TorchModel(seeded(STOCHASTIC[name][0]).eval(), input_shape=4).deterministic


def test_dropout_of_nothing_is_accepted() -> None:
    assert TorchModel(seeded(lambda: _after(nn.Dropout(0.0)))).deterministic


def test_one_draw_for_each_evaluation() -> None:
    linear = seeded(lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(50, 1, bias=False)))
    model = TorchModel(linear, allow_stochastic=True, seed=3)
    w, x, _, c = drawn_at(model)
    here, other = model.at(w, x), model.at(w, x)
    # Linear in w: forward mode along w itself gives the output, if the units dropped are the same.
    torch.testing.assert_close(here.jvp_w(w), here.z)
    torch.testing.assert_close(here.pullback_w(c) @ w, c @ here.z)
    assert not torch.allclose(here.z, other.z)
    again = TorchModel(linear, allow_stochastic=True, seed=3)
    assert not torch.equal(again.at(w, x).z, TorchModel(linear, allow_stochastic=True)(w, x))


# Other refusals -----------------------------------------------------------------------------


class Lambda(nn.Module):
    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.weight)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda x, w: (x * w).mT, r"\(4, 3\) torch\.float64"),
        (lambda x, w: (x * w)[:, None], r"\(3, 1, 4\) torch\.float64"),
        (lambda x, w: (x @ w).sum(), r"\(\) torch\.float64"),
        (lambda x, w: torch.complex(x @ w, x @ w), r"\(3,\) torch\.complex128"),
        (lambda x, w: (x @ w).float(), r"\(3,\) torch\.float32"),
        (lambda x, w: (x @ w, None), "tuple"),
    ],
)
def test_outputs_that_are_not_one_number(function: Callable[..., Any], got: str) -> None:
    with pytest.raises(ShapeError, match=rf"one number per sample, shape \(3,\) or .* got {got}"):
        TorchModel(seeded(lambda: Lambda(function)), input_shape=4)


def _no_grad(x: Tensor, w: Tensor) -> Tensor:
    with torch.no_grad():
        return x @ w


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x, w: x @ w.detach(), "weights"),
        (lambda x, w: x.detach() @ w, "input"),
        (_no_grad, "weights"),
    ],
)
def test_derivatives_that_do_not_arrive(function: Callable[..., Any], name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"differentiable in its {name}.*`no_grad`"):
        TorchModel(seeded(lambda: Lambda(function)), input_shape=4)


def _mixed() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1).double())


def _not_finite() -> nn.Module:
    module = nn.Linear(2, 1)
    with torch.no_grad():
        module.bias.fill_(math.nan)
    return module


class Uncopyable(nn.Linear):
    def __deepcopy__(self, memo: Any) -> Any:
        raise RuntimeError("one of a kind")


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (lambda: "net", {}, r"must be given for a module without"),
        (lambda: "net", {"input_shape": 2}, r"must be a torch\.nn\.Module, got str"),
        (nn.Tanh, {"input_shape": 2}, r"must have a parameter with `requires_grad`, got none"),
        (_mixed, {}, r"one dtype .*'0\.weight': 'torch\.float32 on cpu'.*'1\.bias': 'torch\.flo"),
        (_not_finite, {}, r"must have finite parameters, got nan or inf in \['bias'\]"),
        (lambda: nn.LazyLinear(1), {"input_shape": 2}, r"\['weight', 'bias'\] get theirs when"),
        (lambda: nn.Conv1d(1, 1, 1), {}, r"\(input_shape=\.\.\.\)` must be given"),
        (lambda: nn.Linear(2, 1), {"input_shape": 3}, r"must accept inputs of shape"),
        (lambda: nn.Linear(2, 1), {"input_shape": (0, 2)}, r"integers of at least 1, got \(0, 2\)"),
        (lambda: nn.Linear(2, 1), {"dtype": torch.bfloat16}, r"must be torch\.float64 or"),
        (lambda: nn.Linear(2, 1).half(), {}, r"must be torch\.float64 or .* got torch\.float16"),
        (lambda: nn.Linear(2, 1), {"device": "nowhere"}, r"\(device=\.\.\.\)` must be 'auto'"),
        (lambda: Uncopyable(2, 1), {}, r"must be copyable: one of a kind"),
        (
            lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 1, 3), nn.Linear(2, 1)),
            {},
            r"`input_shape` was guessed: give it",
        ),
    ],
)
def test_bad_arguments(build: Callable[[], Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TorchModel(build(), **options)


def test_mixed_parameters_with_a_dtype() -> None:
    model = TorchModel(_mixed(), dtype=F64, device="auto")
    assert model.dtype is F64
    assert model.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
