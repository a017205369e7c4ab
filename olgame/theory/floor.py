"""The free floor: a lower bound on the best robust loss in B(R), from the run's own sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.activations import Activation
from olgame.arrays import to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.models.model import HasTwoLayers
from olgame.replay import replay
from olgame.results import Certified, least_robust_loss
from olgame.theory.audit import check_below_robust_loss, check_single_game
from olgame.theory.output_rounding import played_rounding
from olgame.theory.stated_constants import refuted, stated_by_library
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["floor"]

Floats = NDArray[np.float64]

ROUNDING = 4.0
"""Slack, in units of machine precision x operations in one output x sum of absolute terms."""

WEIGHTS_OFF = 1e-9
"""What the sum of given weights may be off."""


def floor(run: Transcript, weight_radius: float, *, weights: Any = None) -> Certified:
    """A certified lower bound on the minimum of the robust loss L_* over B(R).

    B(R) is the Euclidean ball of radius R around W_0, the model's initialization. No solver and
    no attack is run: every number is a sum that the game kept anyway (with ``weights``, a sum over
    the replayed game). Written with weights lambda_t >= 0 of sum 1, by default 1/T, and
    D_t = W_t - W_1, b = W_0 - W_1, S = sum lambda_t g_t, V = sum lambda_t kappa_t D_t,
    k = sum lambda_t kappa_t:

        min over B(R) of L_* >= sum_t lambda_t [ l_t(W_t) - <g_t, D_t> - kappa_t norm(D_t)^2 ]
                                + <S + 2 V, b> - k norm(b)^2
                                - R norm(S + 2 V - 2 k b) - k R^2.

    Proof. Every x'_{t,i} is in B(x_i), hence L_*(W) >= l_t(W) for every W and t, and L_* is at
    least any weighted mean of l_1, ..., l_T (a mixed strategy of the adversary; it may be chosen
    after the game: `round_weights`). Each of them has the quadratic lower model

        l_t(W) >= l_t(W_t) + <g_t, W - W_t> - kappa_t norm(W - W_t)^2

    (convexity of the loss in the output, and the curvature bound of the network). Put
    W - W_t = b + v - D_t with norm(v) <= R and expand the square: the weighted mean is

        sum_t lambda_t [ l_t(W_t) - <g_t, D_t> - kappa_t norm(D_t)^2 ] + <S + 2 V, b> - k norm(b)^2
        + <S + 2 V - 2 k b, v> - k norm(v)^2,

    concave in v, so least on the sphere norm(v) = R: at v = -R (S + 2 V - 2 k b) / norm(...). []

    The points W_t need not lie in B(R), and the learner is of no matter. For a game that starts
    at W_0, b = 0. The bound is lowered by what rounding in the game's dtype may have added: the
    errors of the recorded losses and gradients (`output_rounding`; outputs of neurons that cancel
    are far less exact than their size says), and 4 x machine precision x the operations of a round
    (n + m + d for a two-layer net, n + the number of weights otherwise) x the sum of the absolute
    values of all terms.

    Args:
        run: A single game on a network, played on all samples in every round.
        weight_radius: R > 0.
        weights: lambda, shape ``(T,)``, sum 1 up to 1e-9 (what it is off is divided out); None for
            the mean over all rounds. Other weights need ``keep="examples"``: the gradients are
            computed again.

    Returns:
        The lower bound; it may be negative.

    Raises:
        ArgumentError: ``weight_radius`` is not finite and positive, or so large that the bound
            overflows.
        NotAvailableError: No such bound follows from this run: no curvature constant (ReLU, a
            network of the user's own), a mini-batch, inputs outside B(x), a network that is not
            deterministic, losses that are not the adversary's, no round played, values that are
            not finite.

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
    excess = check_below_robust_loss(run, "floor")
    _refuse_what_proves_nothing(run)

    radius = float(weight_radius)
    kappa, distance = run.weak_convexity, run.distance
    share, linear = _weighted(run, weights)
    k = float(share @ kappa)
    b = to_numpy(_network(run).start) - to_numpy(run.start)
    rounding = played_rounding(run)
    with np.errstate(over="ignore", invalid="ignore"):
        steepest = float(np.linalg.norm(linear - 2.0 * k * b))
        shift = float(linear @ b)
        total = (
            float(share @ (run.loss - run.inner - kappa * distance**2))
            + shift
            - k * float(b @ b)
            - radius * steepest
            - k * radius * radius
        )
        reach = radius + distance + float(np.linalg.norm(b))
        absolute = share @ (np.abs(run.loss) + run.gradient_norm * reach + kappa * reach**2)
        slack = ROUNDING * unit_roundoff(run.start) * rounding.operations * absolute
        slack += share @ (rounding.loss + rounding.gradient * reach)
        value = float(total - slack)
    if not np.isfinite(rounding.loss).all():
        raise NotAvailableError(
            "`floor(run=...)` needs a loss with a Lipschitz or a smoothness constant, to bound "
            "what rounding of the outputs does to it."
        )
    if not np.isfinite(value):
        raise ArgumentError(
            "`floor(weight_radius=...)` must be small enough for its square times the curvature "
            f"to be a float, got {weight_radius!r}."
        )
    method = "free floor: the played losses linearized at W_t"
    if weights is not None:
        method = "floor of chosen weights over the rounds, linearized at W_t"
    activation = getattr(_network(run), "activation", None)
    if isinstance(activation, Activation) and not stated_by_library(activation):
        method += f"; with C1 and C2 as {activation.name} states them"
    if excess > 0.0:
        method += f"; for B(x) enlarged by the rounding {excess:.2g} of the attack"
    return Certified(value, "lower", method, quantity=least_robust_loss(radius))


def _weighted(run: Transcript, weights: Any) -> tuple[Floats, Floats]:
    """lambda, and S + 2 V with those weights."""
    if weights is None:
        sums = to_numpy(run.gradient_sum) + 2.0 * to_numpy(run.curvature_sum)
        return np.full(run.rounds, 1.0 / run.rounds), sums / run.rounds
    share = to_numpy(weights)
    if share.shape != (run.rounds,):
        raise ShapeError(
            f"`floor(weights=...)` must have shape ({run.rounds},), one for every round, got "
            f"{share.shape}."
        )
    good = bool((share >= 0.0).all()) and abs(float(share.sum()) - 1.0) <= WEIGHTS_OFF
    require(good, "floor", "weights", "be non-negative with sum 1", weights)
    share = share / share.sum()
    start, linear = to_numpy(run.start), np.zeros(run.start.shape[-1])
    for step, weight, kappa in zip(replay(run), share, run.weak_convexity, strict=True):
        if weight > 0.0:
            linear += weight * to_numpy(step.evaluation.gradient)
            linear += (2.0 * weight * kappa) * (to_numpy(step.point) - start)
    return share, linear


def _network(run: Transcript) -> Any:
    adversary: Any = run.adversary  # it attacks one, or there would be no floor
    return adversary.model


def _refuse_what_proves_nothing(run: Transcript) -> None:
    """Raise unless the lower models hold."""
    if not np.isfinite(run.weak_convexity).all():
        model = _network(run)
        message = (
            "`floor(run=...)` needs a curvature constant of the network in its weights, and "
            f"{getattr(model, 'name', type(model).__name__)} has none"
        )
        if isinstance(model, HasTwoLayers) and model.activation.c2 is None:
            message += f" ({model.activation.name} has no C2: its derivative jumps)"
            if model.activation.name == "relu":
                message += ". `theory.gap` gives a floor for two-layer ReLU nets"
        else:
            message += " that is known"
        raise NotAvailableError(message + ".")
    activation = getattr(_network(run), "activation", None)
    if isinstance(activation, Activation) and not stated_by_library(activation):
        wrong = refuted(activation)
        if wrong:
            raise NotAvailableError(
                "`floor(run=...)` needs true constants of the activation, and of "
                f"{activation.name} {wrong}."
            )
    for name in ("loss", "inner", "distance", "gradient_norm"):
        if not np.isfinite(getattr(run, name)).all():
            raise NotAvailableError(f"`floor(run=...)`: `run.{name}` is not finite.")
