"""The free floor: a lower bound on the best robust loss in B(R), from the run's own sums."""

from __future__ import annotations

import numpy as np

from olgame.arrays import to_numpy, unit_roundoff
from olgame.exceptions import NotAvailableError
from olgame.models.model import HasTwoLayers
from olgame.results import Certified
from olgame.theory.audit import check_single_game, deterministic, full_batch, inputs_allowed
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["floor"]

ROUNDING = 4.0
"""Slack, in units of machine precision x operations in one output x sum of absolute terms."""


def floor(run: Transcript, weight_radius: float) -> Certified:
    """A certified lower bound on the minimum of the robust loss L_* over B(R).

    B(R) is the Euclidean ball of radius R around W_0, the model's initialization. No solver and
    no attack is run: every number is a sum that the game kept anyway. Written with
    D_t = W_t - W_1, b = W_0 - W_1, S = sum g_t, V = sum kappa_t D_t, k = sum kappa_t:

        min over B(R) of L_* >= (1/T) { sum l_t(W_t) - sum <g_t, D_t> - sum kappa_t norm(D_t)^2
                                 + <S + 2 V, b> - k norm(b)^2
                                 - R norm(S + 2 V - 2 k b) - k R^2 }.

    Proof. Every x'_{t,i} is in B(x_i), hence L_*(W) >= l_t(W) for every W and t, and L_* is at
    least the average of l_1, ..., l_T. Each of them has the quadratic lower model

        l_t(W) >= l_t(W_t) + <g_t, W - W_t> - kappa_t norm(W - W_t)^2

    (convexity of the loss in the output, and the curvature bound of the network). Put
    W - W_t = b + v - D_t with norm(v) <= R and expand the square: the sum over t is

        sum l_t(W_t) - sum <g_t, D_t> - sum kappa_t norm(D_t)^2 + <S + 2 V, b> - k norm(b)^2
        + <S + 2 V - 2 k b, v> - k norm(v)^2,

    concave in v, so least on the sphere norm(v) = R: at v = -R (S + 2 V - 2 k b) / norm(...). []

    The points W_t need not lie in B(R), and the learner is of no matter. For a game that starts
    at W_0, b = 0. The bound is lowered by 4 x machine precision of the game's dtype x operations in
    one output (m + d for a two-layer net, the number of weights otherwise) x the sum of the
    absolute values of all terms.

    Args:
        run: A single game on a network, played on all samples in every round.
        weight_radius: R > 0.

    Returns:
        The lower bound; it may be negative.

    Raises:
        ArgumentError: ``weight_radius`` is not finite and positive.
        NotAvailableError: No such bound follows from this run: no curvature constant (ReLU, a
            network of the user's own), a mini-batch, inputs outside B(x), a network that is not
            deterministic, no round played, values that are not finite.

    Example:
        >>> import numpy as np, olgame as og
        >>> x, y = np.eye(2), np.array([1.0, -1.0])
        >>> adversary = og.adversaries.InputAttack(
        ...     og.models.LinearModel(2), x, y, loss=og.losses.hinge,
        ...     attack=og.attacks.PGD(steps=3), perturbation_set=og.perturbations.l2(0.1),
        ... )
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> run = og.play(og.learners.OnlineGradientDescent(0.5), adversary, ball, rounds=50)
        >>> 0.3 < og.theory.floor(run, 1.0).value < 0.4  # the minimum is 1.1 - 1/sqrt 2
        True

    References:
        gao2019, Section 4.2 (the idea; the bound is this library's).
    """
    require(0.0 < weight_radius < np.inf, "floor", "weight_radius", "be finite and positive",
            weight_radius)  # fmt: skip
    check_single_game(run, "floor")
    excess = _refuse_what_proves_nothing(run)

    radius, rounds = float(weight_radius), run.rounds
    kappa, distance = run.weak_convexity, run.distance
    k = float(kappa.sum())
    b = to_numpy(run.adversary.model.start) - to_numpy(run.start)  # type: ignore[attr-defined]
    linear = to_numpy(run.gradient_sum) + 2.0 * to_numpy(run.curvature_sum)
    steepest = float(np.linalg.norm(linear - 2.0 * k * b))
    shift = float(linear @ b)
    total = (
        run.loss.sum()
        - run.inner.sum()
        - float(kappa @ distance**2)
        + shift
        - k * float(b @ b)
        - radius * steepest
        - k * radius**2
    )
    reach = radius + distance + float(np.linalg.norm(b))
    absolute = np.abs(run.loss).sum() + float(run.gradient_norm @ reach + kappa @ reach**2)
    slack = ROUNDING * unit_roundoff(run.start) * _operations(run) * absolute
    method = "free floor: the played losses linearized at W_t"
    if excess > 0.0:
        method += f"; for B(x) enlarged by the rounding {excess:.2g} of the attack"
    return Certified(float((total - slack) / rounds), "lower", method)


def _refuse_what_proves_nothing(run: Transcript) -> float:
    """Raise unless l_t <= L_* and the lower models hold; else how far outside B(x) was played."""
    if run.rounds == 0:
        raise NotAvailableError("`floor(run=...)`: no round was played.")
    for premise in (deterministic(run), full_batch(run), inputs_allowed(run)):
        if not premise.holds:
            raise NotAvailableError(
                "`floor(run=...)` needs l_t <= L_*, which this run does not show: "
                f"{premise.name} ({premise.status}): {premise.detail}."
            )
    if not np.isfinite(run.weak_convexity).all():
        raise NotAvailableError(
            "`floor(run=...)` needs a curvature constant of the network in its weights, and this "
            "one has none (ReLU has no C2; no constant is known for a network of one's own). "
            "`theory.gap` gives a floor for two-layer ReLU nets."
        )
    for name in ("loss", "inner", "distance", "gradient_norm"):
        if not np.isfinite(getattr(run, name)).all():
            raise NotAvailableError(f"`floor(run=...)`: `run.{name}` is not finite.")
    return float(run.input_distance.max())


def _operations(run: Transcript) -> int:
    model = run.adversary.model  # type: ignore[attr-defined]
    if isinstance(model, HasTwoLayers):
        return int(model.width) + int(model.dim)  # type: ignore[attr-defined]
    return int(run.start.shape[-1])
