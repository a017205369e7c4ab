from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.exceptions import ArgumentError
from olgame.models import LinearModel


def test_starts_at_zero() -> None:
    model = LinearModel(3)
    np.testing.assert_array_equal(np.asarray(model.start), np.zeros(3))
    np.testing.assert_array_equal(np.asarray(model(model.start, np.ones((2, 3)))), np.zeros(2))


@pytest.mark.parametrize("dim", [0, -1, 2.0, True, "3"])
def test_bad_dimension(dim: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`LinearModel\(dim=\.\.\.\)` must be an integer"):
        LinearModel(dim)
