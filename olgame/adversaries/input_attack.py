"""The adversary of adversarial training: it sees the weights and moves the inputs."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Evidence, Response, Timing, View
from olgame.adversaries.attacked_data import attacked_data
from olgame.arrays import kernels, namespace, to_numpy, unit_roundoff
from olgame.attacks import Attack, ModelObjective
from olgame.exceptions import ShapeError
from olgame.game_generators import game_generator
from olgame.losses.loss import Loss
from olgame.losses.model_loss import ModelLoss
from olgame.models.model import Model
from olgame.one_game import one_game, row
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.randomness import Seed
from olgame.typing import Array
from olgame.validation import require

__all__ = ["InputAttack"]


@attrs.frozen(eq=False)
class InputAttack:
    """Answers W_t with x'_t = A(W_t, x), and so with l_t(w) = (1/n) sum_i l(f(w, x'_{t,i}), y_i).

    The data are checked and brought to the model's dtype and device once, here.

    **Many games.** Games may differ in their start (a model with several seeds), in their data
    (leading axes of ``x`` and ``y``) and in their randomness (``play(..., seed=[...])``). Each
    draws random starts and batches from generators of its own, so that game i of a batch is the
    game that its start, seed and data make alone; `game` returns that adversary.

    Args:
        model: f.
        x: clean inputs, shape ``(n, d)``, or ``(..., n, d)`` where games have data of their own.
        y: labels, shape ``(n,)``, or ``(..., n)``.
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
        x, y = attacked_data(
            self.model,
            self.x,
            self.y,
            "InputAttack",
            loss=self.loss,
            attack=self.attack,
            perturbation_set=self.perturbation_set,
        )
        leading = (self.model.start.shape[:-1], x.shape[:-2], y.shape[:-1])
        if len({tuple(axes) for axes in leading if axes}) > 1:
            raise ShapeError(
                "`InputAttack(model=..., x=..., y=...)` must agree in the leading axes, the games, "
                f"or have none, got {', '.join(str(tuple(axes)) for axes in leading)}."
            )
        if self.batch_size is not None:
            ok = isinstance(self.batch_size, int) and 1 <= self.batch_size <= x.shape[-2]
            rule = f"be an integer from 1 to n = {x.shape[-2]}"
            require(ok, "InputAttack", "batch_size", rule, self.batch_size)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    @property
    def timing(self) -> Timing:
        """Sees W_t."""
        return Timing.SEES_POINT

    @property
    def games(self) -> tuple[int, ...]:
        """The leading axes of the games that differ in start or data; ``()`` for one game."""
        leading = (self.model.start.shape[:-1], self.x.shape[:-2], self.y.shape[:-1])
        return next((tuple(axes) for axes in leading if axes), ())

    @property
    def start(self) -> Array:
        """W_0 of the model: where the game starts unless told otherwise."""
        return self.model.start

    def game(self, index: tuple[int, ...], /) -> InputAttack:
        """The adversary of one game of a batch: its model, its data."""
        return attrs.evolve(
            self,
            model=one_game(self.model, index),
            x=row(self.x, index, 2),
            y=row(self.y, index),
            perturbation_set=one_game(self.perturbation_set, index),
        )

    def inputs_like(self, games: tuple[int, ...]) -> Array:
        """A view of the data that is shaped like the inputs of one round: what keeping them takes.

        Args:
            games: leading axes of the points of the game.
        """
        x = self.x if self.batch_size is None else self.x[..., : self.batch_size, :]
        shape = np.broadcast_shapes(tuple(x.shape), (*games, 1, 1))
        like: Array = kernels(x).xp.broadcast_to(x, shape)
        return like

    def init(self, seed: Seed) -> Seed:
        """The attack's randomness is keyed by (seed, round): only the seed is remembered."""
        return seed

    def respond(self, seed: Seed, view: View, /) -> tuple[Response, Seed]:
        """The loss on the attacked inputs, with the evidence that they are in B(x)."""
        games = tuple(view.point.shape[:-1])
        rng = game_generator(seed, games, "attack", view.round)
        x, y, allowed, batch = self._samples(seed, games, view.round)
        objective = ModelObjective(self.model, view.point, y, self.loss)
        result = self.attack(objective, x, allowed, rng)
        loss = ModelLoss(self.model, result.x, y, self.loss)
        return Response(loss, self._evidence(x, result.x, allowed, batch)), seed

    def _samples(
        self, seed: Seed, games: tuple[int, ...], t: int
    ) -> tuple[Array, Array, PerturbationSet, Array | None]:
        """x with the axes of the games, y, B(x) and what of them is played."""
        x: Any = self.x
        if games and x.ndim == 2:  # games that share their data: no copy
            x = namespace(x).broadcast_to(x, (*games, *x.shape))
        if self.batch_size is None:
            return x, self.y, self.perturbation_set, None
        rng = game_generator(seed, games, "batch", t)
        chosen = rng.choice(x.shape[-2], (*games, self.batch_size), replace=False)
        index = namespace(x).asarray(chosen)
        return (
            _taken(x, index, 2),
            _taken(self.y, index, 1),
            self.perturbation_set.take(index),
            index,
        )

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
        largest = to_numpy(k.xp.max(k.norm(x_adv), axis=-1))
        tolerance = 4.0 * unit_roundoff(x) * largest * x.shape[-1] ** 0.5
        found = to_numpy(distance)
        return Evidence(x_adv, batch, found.max(-1), found.argmax(-1), tolerance, largest)


def _taken(values: Any, index: Any, axes: int) -> Any:
    """The samples ``index``, shape ``(..., b)``, of values whose last ``axes`` are a game's."""
    if values.ndim == axes:
        return values[index]
    xp = namespace(values)
    grid = np.ogrid[tuple(slice(n) for n in index.shape)][:-1]
    return values[(*(xp.asarray(place) for place in grid), index)]
