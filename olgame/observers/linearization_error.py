"""How far a network is from its linearization, along the path of a game."""

from __future__ import annotations

import attrs

from olgame.exceptions import NotAvailableError
from olgame.models.linearization_error import linearization_error
from olgame.models.model import Model
from olgame.observers.observer import Findings, Round
from olgame.validation import positive_integer

__all__ = ["LinearizationError"]


@attrs.frozen(eq=False)
class LinearizationError:
    r"""abs(f - f_lin) at W_t, on the inputs that were played in round t.

    With f_lin(w, x) = f(W_0, x) + <grad f(W_0, x), w - W_0>, per round

        ``mean``      (1/n) sum_i abs(f(W_t, x'_{t,i}) - f_lin(W_t, x'_{t,i}))
        ``largest``   the largest of them

    in rounds 1, k, 2k, ... (``every`` = k). Handed to `olgame.play`, they are recorded in
    ``run.observed["linearization error"]``. Exact numbers about the points that were visited, and
    nothing about other points of the set: see `olgame.theory.search_linearization` for those.

    A round costs one forward and one forward-mode pass.

    Args:
        model: f, with one output a sample.
        every: k, the number of rounds from one evaluation to the next.
        name: under which the transcript has it.

    Raises:
        ArgumentError: ``every`` is no integer of at least 1.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.DeepReLUNet(dim=2, width=16, depth=2, seed=0)
        >>> x, y = og.data.circle(8)
        >>> adversary = og.adversaries.InputAttack(
        ...     model, x, y, loss=og.losses.hinge, attack=og.attacks.FGSM(),
        ...     perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.02), adversary, model.neighborhood(1.0),
        ...     rounds=4, observers=[LinearizationError(model, every=2)],
        ... )
        >>> found = run.observed["linearization error"]
        >>> found.rounds, float(found["largest"][0])
        (array([1, 2, 4]), 0.0)
    """

    model: Model
    every: int = attrs.field(default=10, kw_only=True, validator=positive_integer)
    name: str = attrs.field(default="linearization error", kw_only=True)

    def __call__(self, seen: Round) -> Findings | None:
        """Mean and largest error at W_t, in rounds 1, k, 2k, ..."""
        if seen.round > 1 and seen.round % self.every:
            return None
        if seen.response.evidence is None:
            raise NotAvailableError(
                "`LinearizationError` needs the played inputs, and this adversary plays none."
            )
        error = linearization_error(self.model, seen.point, seen.response.evidence.examples)
        return {"mean": error.mean(axis=-1), "largest": error.max(axis=-1)}
