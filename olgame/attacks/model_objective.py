"""The objective of an attack on a model: its loss at every sample."""

from __future__ import annotations

import attrs

from olgame.losses.check_fit import check_outputs
from olgame.losses.loss import Loss
from olgame.models.model import Model
from olgame.typing import Array

__all__ = ["ModelObjective"]


@attrs.frozen(eq=False)
class ModelObjective:
    r"""x' -> l(f(w, x'_i), y_i) for every sample i, at fixed weights w.

    An attack may climb another loss than it scores. Where the scored loss is flat (the hinge
    beyond margin 1; the logistic loss where it has decayed to rounding) its gradient says
    nothing, while that of, say, minus the margin still points uphill. With ``climb`` set,
    `value_and_gradient` returns

        l(f(w, x'), y)   and   l_climb'(f(w, x'), y) grad_x f(w, x'),

    so that the attack still returns, and keeps, the largest *scored* loss.

    Args:
        model: f.
        w: the weights, shape ``(p,)`` (or ``(..., p)``, one vector a game).
        y: labels, shape ``(n,)`` (or ``(..., n)``), on the model's device and in its dtype.
        loss: l, what is scored.
        climb: the loss whose gradient is followed; ``loss`` itself where None.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import logistic
        >>> from olgame.models import LinearModel
        >>> w, x, y = np.array([3.0, 4.0]), np.zeros((1, 2)), np.array([1.0])
        >>> value, gradient = ModelObjective(LinearModel(2), w, y, logistic).value_and_gradient(x)
        >>> print(value.round(4), gradient)
        [0.6931] [[-1.5 -2. ]]
    """

    model: Model
    w: Array
    y: Array
    loss: Loss
    climb: Loss | None = None

    def __attrs_post_init__(self) -> None:
        for loss in (self.loss, self.climb):
            if loss is not None:
                check_outputs(loss, self.model, "ModelObjective")

    def output(self, x: Array) -> Array:
        """f(w, x), shape ``(..., n)``, or ``(..., n, k)`` for k classes."""
        return self.model(self.w, x)

    def value(self, x: Array) -> Array:
        """l(f(w, x_i), y_i) per sample; one forward evaluation."""
        return self.loss.value(self.model(self.w, x), self.y)

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """The scored loss and the gradient that is climbed; one forward, one backward pass."""
        at = self.model.at(self.w, x)
        z = at.z
        climbed = self.loss if self.climb is None else self.climb
        return self.loss.value(z, self.y), at.pullback_x(climbed.derivative(z, self.y))

    @property
    def classes(self) -> int | None:
        """Those of the model; None for one output."""
        return getattr(self.model, "classes", None)

    def climbing(self, loss: Loss) -> ModelObjective:
        """The same scores, with the gradient of ``loss``."""
        return attrs.evolve(self, climb=loss)

    def take(self, index: Array) -> ModelObjective:
        """The objective of the samples ``index`` alone."""
        return attrs.evolve(self, y=self.y[..., index])
