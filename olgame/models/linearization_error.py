"""How far a model is from its linearization, at a point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.models.linearized import Linearized
from olgame.models.model import Model
from olgame.models.output_axis import output_axis
from olgame.typing import Array

__all__ = ["linearization_error"]


def linearization_error(model: Model, w: Array, x: Array) -> NDArray[np.float64]:
    """abs(f(w, x_i) - f_lin(w, x_i)), f_lin taken at the model's start; a float64 array.

    Of k outputs the largest. One forward and one forward-mode pass.

    Args:
        model: f.
        w: weights, shape ``(..., p)``.
        x: inputs, shape ``(..., n, d)``.

    Returns:
        Shape ``(..., n)``.

    Example:
        >>> import numpy as np
        >>> from olgame.models import LinearModel
        >>> linearization_error(LinearModel(2), np.ones(2), np.eye(2))
        array([0., 0.])
    """
    twin: Any = Linearized(model)
    error = np.abs(to_numpy(model(w, x)) - to_numpy(twin(w, x)))
    return np.asarray(output_axis(model).lift(error).max(axis=-1))
