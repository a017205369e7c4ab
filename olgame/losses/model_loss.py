"""The round loss of a network game: the empirical loss on inputs that the adversary fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs

from olgame.losses.check_fit import check_outputs
from olgame.losses.loss import Loss
from olgame.losses.round_loss import Remainder, RoundEvaluation
from olgame.models.model import Model
from olgame.models.output_axis import OutputAxis, output_axis
from olgame.one_game import one_game, row
from olgame.typing import Array, Value

__all__ = ["ModelLoss"]


@attrs.frozen(eq=False)
class ModelLoss:
    """l_t(w) = (1/n) sum_i l(f(w, x'_i), y_i), the played inputs x'_i fixed.

    The gradient is the chain rule, g_t = (1/n) sum_i l'_i grad_w f(w, x'_i), from one pullback of
    the model. Where abs(f(u, x) - f(w, x) - <grad f(w, x), u - w>) <= c(x) norm(u - w)^2
    (`Model.curvature_bound`), convexity of l in z gives the lower model

        l_t(u) >= l_t(w) + <g_t, u - w> - kappa_t norm(u - w)^2,
        kappa_t = (1/n) sum_i abs(l'_i) c(x'_i).

    For k classes outputs and slopes l'_i are vectors, products of them inner products, c bounds
    each output, and abs(l'_i) stands for the sum norm1(l'_i): a cross-entropy has at most 2.

    Args:
        model: f.
        x: the played inputs x', shape ``(..., n, d)``.
        y: labels, shape ``(n,)`` or ``(..., n)``.
        loss: the loss l(z, y), of one output or of k logits as the model.

    Raises:
        ArgumentError: the loss needs other outputs than the model has.

    References:
        gao2019, Section 3.
    """

    model: Model
    x: Array
    y: Array
    loss: Loss

    def __attrs_post_init__(self) -> None:
        check_outputs(self.loss, self.model, "ModelLoss")

    def value(self, w: Array) -> Value:
        """l_t(w), shape ``(...)``."""
        value: Value = _mean(self.loss.value(self.model(w, self.x), self.y))
        return value

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value, gradient (one pullback) and kappa_t at ``w``."""
        at = self.model.at(w, self.x)
        z = at.z
        slope = self.loss.derivative(z, self.y)
        bound = self.model.curvature_bound(self.x)
        kappa = math.inf if bound is None else _mean(self._axis.size(slope) * bound)
        return RoundEvaluation(
            value=_mean(self.loss.value(z, self.y)),
            gradient=at.pullback_w(slope / float(self.x.shape[-2])),
            weak_convexity=kappa,
        )

    def remainder(self, w: Array, u: Array) -> Remainder:
        """C_t(u) and N_t(u), each on its own road.

        With p_i the slope used in g_t, z = f(w, x') and z' = f(u, x'):

            C_t(u) = (1/n) sum_i [ l(z'_i) + l*(p_i) - p_i z'_i ]               (Fenchel-Young)
            N_t(u) = (1/n) sum_i p_i [ z'_i - z_i - J_i (u - w) ]                 (forward mode)

        (inner products of vectors for k classes). The first equals the Bregman divergence
        l(z') - l(z) - p (z' - z) exactly when p is a subgradient of l at z, and uses the conjugate
        instead of l(z): a wrong derivative shows. The second uses a Jacobian-vector product and not
        g_t: a wrong gradient shows.
        """
        return self.remainders(w, (u,))[0]

    def with_inputs(self, x: Array) -> ModelLoss:
        """The same loss on equal inputs that lie elsewhere in memory."""
        return attrs.evolve(self, x=x)

    def game(self, index: tuple[int, ...], /) -> ModelLoss:
        """The loss of one game of a batch: its model, its inputs, its labels."""
        return attrs.evolve(
            self,
            model=one_game(self.model, index),
            x=row(self.x, index, 2),
            y=row(self.y, index),
        )

    def remainders(self, w: Array, comparators: Sequence[Array]) -> list[Remainder]:
        """`remainder` for several u, with one evaluation at ``w``."""
        at = self.model.at(w, self.x)
        slope = self.loss.derivative(at.z, self.y)
        conjugate: Any = self.loss.conjugate(slope, self.y)
        inner = self._axis.inner
        found = []
        for u in comparators:
            z_u = self.model(u, self.x)
            value_u = self.loss.value(z_u, self.y)
            curvature = value_u + conjugate - inner(slope, z_u)
            nonlinearity = inner(slope, z_u - at.z - at.jvp_w(u - w))
            found.append(Remainder(_mean(value_u), _mean(curvature), _mean(nonlinearity)))
        return found

    @property
    def _axis(self) -> OutputAxis:
        return output_axis(self.loss)


def _mean(per_sample: Any) -> Any:
    return per_sample.mean(-1)
