"""Libraries and dtypes that every test of a set runs in, and points in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KINDS = ("numpy-float64", "numpy-float32", "torch-float64", "torch-float32")
P = 6
CENTER = np.array([0.5, -1.0, 2.0, 0.25, -0.75, 1.5])


def make(values: Any, kind: str) -> Any:
    library, dtype = kind.split("-")
    if library == "numpy":
        return np.asarray(values, dtype=dtype)
    torch = pytest.importorskip("torch")
    return torch.tensor(np.asarray(values, dtype=dtype))
