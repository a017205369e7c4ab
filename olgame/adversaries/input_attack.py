"""The adversary of adversarial training: it sees the weights and moves the inputs."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.adversaries.adversary import Evidence, Response, Timing, View
from olgame.arrays import kernels, namespace, unit_roundoff
from olgame.attacks import Attack, ModelObjective
from olgame.data import check_data
from olgame.losses.loss import Loss
from olgame.losses.model_loss import ModelLoss
from olgame.models.model import Model
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.randomness import Seed, generator
from olgame.typing import Array
from olgame.validation import require

__all__ = ["InputAttack"]


@attrs.frozen(eq=False)
class InputAttack:
    """Answers W_t with x'_t = A(W_t, x), and so with l_t(w) = (1/n) sum_i l(f(w, x'_{t,i}), y_i).

    The data are checked and brought to the model's dtype and device once, here.

    Args:
        model: f.
        x: clean inputs, shape ``(n, d)``.
        y: labels, shape ``(n,)``.
        loss: the scalar loss l.
        attack: the attack oracle A.
        perturbation_set: B(x).
        batch_size: play on a random batch of this many samples each round; None plays all n. A
            mini-batch breaks l_t <= L_* round by round: theorems refuse it by name.

    Raises:
        DataError: Data that are empty or not finite, labels the loss has no meaning for, a box
            that does not contain the data.
        ShapeError: Shapes that do not fit each other or the model.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> adversary = InputAttack(
        ...     model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=3),
        ...     perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> learner = og.learners.OnlineGradientDescent(0.5)
        >>> og.play(learner, adversary, model.neighborhood(1.0), rounds=3).rounds
        3

    References:
        gao2019, Section 3; madry2018.
    """

    model: Model
    x: Array
    y: Array
    loss: Loss = attrs.field(kw_only=True)
    attack: Attack = attrs.field(kw_only=True)
    perturbation_set: PerturbationSet = attrs.field(kw_only=True)
    batch_size: int | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for name, methods, example in (
            ("loss", ("value", "derivative", "check_labels"), "og.losses.hinge"),
            ("attack", ("__call__",), "og.attacks.PGD(steps=10)"),
            ("perturbation_set", ("project", "distance", "steepest"), "og.perturbations.l2(0.1)"),
        ):
            part = getattr(self, name)
            fits = all(hasattr(part, method) for method in methods) and not isinstance(part, type)
            rule = f"be an object with {', '.join(methods)}, such as `{example}`"
            require(fits, "InputAttack", name, rule, part)
        check_data(self.x, self.y, "InputAttack", dim=self.model.dim)
        self.loss.check_labels(self.y)
        if self.batch_size is not None:
            ok = isinstance(self.batch_size, int) and 1 <= self.batch_size <= self.x.shape[-2]
            rule = f"be an integer from 1 to n = {self.x.shape[-2]}"
            require(ok, "InputAttack", "batch_size", rule, self.batch_size)
        object.__setattr__(self, "x", self.model.asarray(self.x))
        object.__setattr__(self, "y", self.model.asarray(self.y))
        check_box = getattr(self.perturbation_set, "check_data", None)
        if check_box is not None:
            check_box(self.x)

    @property
    def timing(self) -> Timing:
        """Sees W_t."""
        return Timing.SEES_POINT

    @property
    def start(self) -> Array:
        """W_0 of the model: where the game starts unless told otherwise."""
        return self.model.start

    def init(self, seed: Seed) -> Seed:
        """The attack's randomness is keyed by (seed, round): only the seed is remembered."""
        return seed

    def respond(self, seed: Seed, view: View, /) -> tuple[Response, Seed]:
        """The loss on the attacked inputs, with the evidence that they are in B(x)."""
        rng = generator(seed, "attack", view.round)
        x, y, allowed, batch = self._batch(seed, view.round)
        objective = ModelObjective(self.model, view.point, y, self.loss)
        result = self.attack(objective, x, allowed, rng)
        loss = ModelLoss(self.model, result.x, y, self.loss)
        return Response(loss, self._evidence(x, result.x, allowed, batch)), seed

    def _batch(self, seed: Any, t: int) -> tuple[Array, Array, PerturbationSet, Array | None]:
        if self.batch_size is None:
            return self.x, self.y, self.perturbation_set, None
        n = self.x.shape[-2]
        chosen = generator(seed, "batch", t).choice(n, self.batch_size, replace=False)
        index = namespace(self.y).asarray(chosen)
        return self.x[index], self.y[index], self.perturbation_set.take(index), index

    def _evidence(
        self, x: Array, x_adv: Array, allowed: PerturbationSet, batch: Array | None
    ) -> Evidence:
        """Distances from B(x), with what rounding of the coordinates explains.

        Each of d coordinates of x' is rounded by at most u abs(x'_j), so a feasible point can be
        measured up to u norm2(x') sqrt(d) outside, the factor 4 covering the projection's own
        arithmetic.
        """
        k = kernels(x)
        distance = allowed.distance(x, x_adv)
        largest = k.xp.max(k.norm(x_adv), axis=-1)
        tolerance = 4.0 * unit_roundoff(x) * float(k.xp.max(largest)) * x.shape[-1] ** 0.5
        worst = int(k.xp.argmax(distance.reshape(-1))) % x.shape[-2]  # type: ignore[attr-defined]
        return Evidence(x_adv, batch, k.xp.max(distance, axis=-1), worst, tolerance, largest)
