"""An adversary whose losses are certificates: to lower a ceiling is to play against it."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.attacked_data import attacked_data
from olgame.attacks import PGD
from olgame.certify.certified_majorant import certified_majorant
from olgame.certify.evidence import exact_layers
from olgame.exceptions import NotAvailableError, ShapeError
from olgame.losses.loss import Loss
from olgame.losses.model_loss import ModelLoss
from olgame.models.model import HasTwoLayers, Model
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.randomness import Seed
from olgame.typing import Array

__all__ = ["CertifiedAdversary"]


@attrs.frozen(eq=False)
class CertifiedAdversary:
    r"""Answers W_t with l_t(w) = (1/n) sum_i phi(-q_i(w)), where phi(-q_i(W_t)) is certified.

    phi is the loss of the margin, phi(y z) = l(z, y), and q_i the quadratic majorant of -y f over
    B(x_i) that certifies W_t, held still as a function of the weights
    (`olgame.certify.FrozenMajorant`). So

        l_t(W_t) >= L_*(W_t),     up to the rounding of l itself,

    with equality where the certificate is exact, and g_t is the exact gradient of l_t. A learner
    that plays against it lowers a *ceiling* on the robust loss; ``run.best_point`` is the W_t of
    the lowest, to be handed to `olgame.certify.robust_loss`, which rounds it up.

    **Only at W_t.** At other points l_t bounds nothing: neither l_t(u) <= L_*(u), which floors and
    theorems need of an adversary, nor >=. The response has no evidence, no curvature constant is
    claimed, and what needs them refuses such a run. Regret against it is that of the losses played.

    Where the certificate is exact (smooth sigma, l2, as a rule after training), value and gradient
    are those of the loss at the certificate's maximizers x_i + delta*_i: it is an `InputAttack`
    with a perfect attack.

    Args:
        model: f, two layers, one output.
        x: clean inputs, shape ``(n, d)``.
        y: labels +-1, shape ``(n,)``.
        loss: l, of the margin.
        perturbation_set: B(x). A box that cuts the ball is not made use of.

    Raises:
        NotAvailableError: no two-layer structure, several outputs, a loss not of the margin.
        DataError, ShapeError, ArgumentError: as for `InputAttack`.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> allowed, hinge = og.perturbations.l2(0.1), og.losses.hinge
        >>> adversary = CertifiedAdversary(model, x, y, loss=hinge, perturbation_set=allowed)
        >>> learner = og.learners.OnlineGradientDescent(0.5)
        >>> run = og.play(learner, adversary, model.neighborhood(1.0), rounds=5)
        >>> bracket = og.certify.robust_loss(model, run.best_point, x, y, hinge, allowed)
        >>> bool(abs(bracket.upper.value - run.loss.min()) < 1e-12)
        True

    References:
        singla2020 (training on the certificate).
    """

    model: Model
    x: Array
    y: Array
    loss: Loss = attrs.field(kw_only=True)
    perturbation_set: PerturbationSet = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        x, y = attacked_data(
            self.model,
            self.x,
            self.y,
            "CertifiedAdversary",
            loss=self.loss,
            attack=PGD(),
            perturbation_set=self.perturbation_set,
        )
        if not isinstance(self.model, HasTwoLayers) or getattr(self.model, "classes", None):
            raise NotAvailableError(
                "`CertifiedAdversary(model=...)` must have two layers and one output: there is no "
                f"certificate to play of {self.model.name}."
            )
        if not self.loss.of_margin:
            raise NotAvailableError(
                "`CertifiedAdversary(loss=...)` must be a loss of the margin: then a bound on -y f "
                f"bounds it. {self.loss.name} is not."
            )
        if x.ndim != 2 or self.model.start.ndim != 1:
            raise ShapeError(
                "`CertifiedAdversary(model=..., x=...)` must be of one game, with x of shape "
                f"(n, d) and weights of shape (p,), got {tuple(x.shape)} and "
                f"{tuple(self.model.start.shape)}."
            )
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    @property
    def timing(self) -> Timing:
        """Sees W_t."""
        return Timing.SEES_POINT

    @property
    def start(self) -> Array:
        """W_0 of the model: where the game starts unless told otherwise."""
        return self.model.start

    def init(self, seed: Seed) -> None:
        """Nothing is random, nothing is remembered."""

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """The certificate at W_t as a round loss."""
        w: Any = view.point
        layers = exact_layers(self.model, w, self.x)
        assert layers is not None  # checked above
        held = certified_majorant(self.model, layers, w, self.x, self.y, self.perturbation_set)
        return Response(ModelLoss(held, self.x, self.y, self.loss)), state
