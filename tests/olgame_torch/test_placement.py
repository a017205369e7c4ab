"""Devices, dtypes, and settings of torch that cost digits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from olgame_torch import TwoLayerNet
from olgame_torch.placement import reduced_precision, resolve_device

F32, F64 = torch.float32, torch.float64


@pytest.fixture
def backends() -> Iterator[Any]:
    found: Any = torch.backends
    settings = [found.cuda.matmul, found.cudnn.conv, found.cudnn.rnn, found.mkldnn.matmul]
    before = [setting.fp32_precision for setting in settings]
    yield found
    for setting, value in zip(settings, before, strict=True):
        setting.fp32_precision = value


def test_auto_is_cuda_where_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto", "TwoLayerNet").type == expected


def test_tf32_is_named(backends: Any) -> None:
    cuda = torch.device("cuda")  # the settings can be read without a GPU
    backends.cuda.matmul.fp32_precision = "tf32"
    backends.cudnn.conv.fp32_precision = "tf32"
    backends.cudnn.rnn.fp32_precision = "ieee"
    found = reduced_precision(F32, cuda)
    assert found == (
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision = 'tf32'",
    )
    assert reduced_precision(F64, cuda) == ()
    backends.cuda.matmul.fp32_precision = "ieee"
    backends.cudnn.conv.fp32_precision = "ieee"
    assert reduced_precision(F32, cuda) == ()


def test_a_model_warns_and_describes(backends: Any) -> None:
    backends.mkldnn.matmul.fp32_precision = "bf16"
    with pytest.warns(UserWarning, match=r"float32 with torch\.backends\.mkldnn.*'bf16'.*float64"):
        model = TwoLayerNet(dim=2, width=4, dtype=F32)
    named = ["torch.backends.mkldnn.matmul.fp32_precision = 'bf16'"]
    assert model.describe()["reduced_precision"] == named
    assert TwoLayerNet(dim=2, width=4).describe()["reduced_precision"] == []
    backends.mkldnn.matmul.fp32_precision = "ieee"
    assert model.describe()["reduced_precision"] == []
