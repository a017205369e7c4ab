"""The point, inputs and directions that a model is checked at."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like
from olgame.checks.checklist import Watched, skip_check, unit_directions
from olgame.models.model import Model
from olgame.models.output_axis import OutputAxis, output_axis

__all__ = ["ModelCase"]


@attrs.frozen(eq=False)
class ModelCase:
    """The model at a point w off its start, on inputs x, with cotangents c and directions v."""

    model: Model
    w: Any
    x: Any
    c: Any
    directions: Any
    rng: np.random.Generator
    watched: Watched

    @classmethod
    def of(cls, model: Model, x: Any, w: Any, seed: int) -> ModelCase:
        """Random where ``x`` or ``w`` are None."""
        rng = np.random.default_rng(seed)
        if x is None:
            draw = rng.standard_normal((4, model.dim))
            x = draw / np.linalg.norm(draw, axis=-1, keepdims=True)
        x = model.asarray(x)
        start = model.start
        start = start[(0,) * (start.ndim - 1)]
        p = start.shape[-1]
        w = start + unit_directions(rng, (p,), start) if w is None else w
        c = as_like(rng.standard_normal(_shape(model, x)), x)
        watched = Watched()
        for label, value in (("the weights w", w), ("the inputs x", x), ("c", c)):
            watched.add(label, value)
        watched.add("`start`", model.start)
        return cls(model, w, x, c, unit_directions(rng, (5, p), start), rng, watched)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the outputs at x."""
        return _shape(self.model, self.x)

    @property
    def axis(self) -> OutputAxis:
        return output_axis(self.model)

    def require_function(self) -> None:
        """Derivatives have a meaning only for a function."""
        if not self.model.deterministic:
            skip_check("the model declares that it is not deterministic")


def _shape(model: Model, x: Any) -> tuple[int, ...]:
    """One number a sample, or ``classes`` of them."""
    classes = getattr(model, "classes", None)
    return (x.shape[0],) if classes is None else (x.shape[0], classes)
