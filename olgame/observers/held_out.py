"""How a game looks on data that it is not played with."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.adversaries.attacked_data import attacked_data
from olgame.arrays import kernels, to_numpy
from olgame.attacks import Attack, ModelObjective
from olgame.exceptions import ShapeError
from olgame.game_generators import game_generator
from olgame.losses import cross_entropy, logistic
from olgame.losses.class_labels import rivals
from olgame.losses.loss import Loss
from olgame.models.model import Model
from olgame.observers.observer import Ending, Findings, Opening, Round
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array
from olgame.validation import positive_integer

__all__ = ["HeldOut"]


@attrs.frozen(eq=False)
class HeldOut:
    r"""Loss and errors on held-out samples, clean and attacked, in the course of a game.

    With (x_j, y_j), j = 1..N, samples that the game is *not* played with, and the weights W_t:

        ``clean_loss``       (1/N) sum_j l(f(W_t, x_j), y_j)
        ``attacked_loss``    (1/N) sum_j l(f(W_t, x'_j), y_j),   x'_j in B(x_j) found by the attack
        ``clean_error``      part of the samples that f(W_t, .) gets wrong at x_j
        ``attacked_error``   part of the samples that it gets wrong at x_j or at x'_j

    in rounds 1, k, 2k, ... (``every`` = k) and at the point after the last update. Wrong is
    y f <= 0, of k logits a rival that is not below the label: a tie is no right answer. Handed to
    `olgame.play`, the four are recorded in ``run.observed["held out"]``.

    The attacked numbers are *estimates from below*: another attack may find more. They say how the
    weights generalize, and nothing of the game: no regret, floor or ceiling rests on them, and
    samples that are shared with the game would only make them look better. What is certain of the
    held-out robust loss says `olgame.certify.robust_loss` on these samples.

    A loss of the margin may be flat where the margin is large; the attack climbs the logistic loss
    (of k logits the cross-entropy) instead, and scores what was asked for.

    Args:
        model: f.
        x: held-out inputs, shape ``(N, d)``.
        y: their labels, shape ``(N,)``.
        loss: l.
        attack: the attack oracle.
        perturbation_set: B(x), of these samples.
        every: k, the number of rounds from one evaluation to the next.
        seed: of the attack.
        name: under which the transcript has it.

    Raises:
        DataError: Data that are empty or not finite, labels the loss has no meaning for.
        ShapeError: Shapes that do not fit each other or the model.
        ArgumentError: ``every`` is no integer of at least 1, or a part is none.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
        >>> x, y = og.data.circle(8)
        >>> played = dict(loss=og.losses.hinge, attack=og.attacks.PGD(steps=3),
        ...               perturbation_set=og.perturbations.l2(0.1))
        >>> adversary = og.adversaries.InputAttack(model, x[::2], y[::2], **played)
        >>> held_out = HeldOut(model, x[1::2], y[1::2], **played, every=2)
        >>> run = og.play(og.learners.OnlineGradientDescent(0.5), adversary,
        ...               model.neighborhood(1.0), rounds=5, observers=[held_out])
        >>> found = run.observed["held out"]
        >>> found.rounds
        array([1, 2, 4, 6])
        >>> bool((found["clean_loss"] <= found["attacked_loss"]).all())
        True
    """

    model: Model
    x: Array
    y: Array
    loss: Loss = attrs.field(kw_only=True)
    attack: Attack = attrs.field(kw_only=True)
    perturbation_set: PerturbationSet = attrs.field(kw_only=True)
    every: int = attrs.field(default=10, kw_only=True, validator=positive_integer)
    seed: int = attrs.field(default=0, kw_only=True)
    name: str = attrs.field(default="held out", kw_only=True)

    def __attrs_post_init__(self) -> None:
        parts = ("loss", "attack", "perturbation_set")
        played = {part: getattr(self, part) for part in parts}
        x, y = attacked_data(self.model, self.x, self.y, "HeldOut", **played)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    def opening(self, opening: Opening) -> None:
        """Refuse, before the first round, a game with weights of another network."""
        played, own = opening.start.shape[-1], self.model.start.shape[-1]
        if played != own:
            raise ShapeError(
                f"`HeldOut(model=...)` must be the network that is played: it has {own} weights, "
                f"and the points of the game have {played}."
            )

    def __call__(self, seen: Round) -> Findings | None:
        """The four numbers at W_t, in rounds 1, k, 2k, ..."""
        if seen.round > 1 and seen.round % self.every:
            return None
        return self.evaluate(seen.point, seen.round)

    def ending(self, ending: Ending) -> Findings:
        """The four numbers at the point after the last update."""
        return self.evaluate(ending.point, ending.rounds + 1)

    def evaluate(self, w: Array, round: int = 1) -> Findings:
        """The four numbers at any point ``w``, shape ``(p,)`` or ``(..., p)``.

        Args:
            w: weights.
            round: an attack that draws its start draws the one of this round.
        """
        climb: Loss | None = None
        if self.loss.of_margin:
            climb = cross_entropy if self._multiclass else logistic
        objective = ModelObjective(self.model, w, self.y, self.loss, climb=climb)
        rng = game_generator(self.seed, tuple(w.shape[:-1]), "held out", round)
        found = self.attack(objective, self.x, self.perturbation_set, rng)
        wrong = self._wrong(w, self.x)
        return {
            "clean_loss": _mean(found.clean_loss),
            "attacked_loss": _mean(found.loss),
            "clean_error": _mean(wrong),
            "attacked_error": _mean(wrong | self._wrong(w, found.x)),
        }

    @property
    def _multiclass(self) -> bool:
        return bool(getattr(self.loss, "multiclass", False))

    def _wrong(self, w: Array, x: Array) -> Any:
        """Whether the margin is not positive, shape ``(..., N)``."""
        z: Any = self.model(w, x)
        if self._multiclass:
            return to_numpy(kernels(z).xp.max(rivals(z, self.y), axis=-1)) >= 0.0
        return to_numpy(self.y * z) <= 0.0


def _mean(values: Any) -> Any:
    return np.mean(to_numpy(values), axis=-1)
