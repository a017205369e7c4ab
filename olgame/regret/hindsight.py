"""The best fixed point in hindsight, with a certificate of how good it is."""

from __future__ import annotations

import numpy as np

from olgame.exceptions import NotAvailableError
from olgame.losses.model_loss import ModelLoss
from olgame.regret.hindsight_convex import convex_hindsight
from olgame.regret.hindsight_linear import linear_hindsight
from olgame.regret.hindsight_network import network_hindsight
from olgame.regret.hindsight_result import Hindsight
from olgame.regret.tangent_bundle import is_linear
from olgame.sets.convex_set import ConvexSet
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["hindsight"]


def hindsight(
    run: Transcript,
    decision_set: ConvexSet | None = None,
    *,
    every: int = 20,
    steps: int = 60,
    tolerance: float = 1e-4,
) -> Hindsight:
    r"""The best fixed point in K for the losses that were played, certified.

    F(u) = (1/T) sum_t l_t(u) is minimized over K and the point certified over *all* rounds:

    * **linear losses**: u = lmo(sum_t g_t), exactly; with **quadratic** ones a projection;
    * **a two-layer network**: a search on every ``every``-th round, then on all, and one pass of
      the curvature-corrected gap (`olgame.duality.gap`): K is a ball around W_0, or a product of
      balls over rows. F is not convex, and the floor is proved all the same;
    * **a model that is linear in its weights** (`LinearModel`, `Linearized`): accelerated projected
      gradient on thinned rounds, and the duality gap for any K with a support function
      (`olgame.duality.linear_gap`);
    * **other convex losses**: accelerated projected gradient on all rounds, and the best convex
      combination of the tangents that were met (`CuttingPlanes`): for any lambda in the simplex,
      F >= sum_k lambda_k [F(u_k) + <g_k, . - u_k>], whose least value over K is a support function.

    Where kinks (of hinges, say) leave a gap above the tolerance, the last two go on with tangents
    of every round on its own (`olgame.regret.tangent_bundle.TangentBundle`).

    Nothing is claimed of the search but the value at its point; the gap is the certificate.

    Args:
        run: A single game with ``keep="examples"`` or ``"points"``.
        decision_set: K; default the set of the game.
        every: Rounds are thinned to every ``every``-th one for the search on networks.
        steps: Largest number of steps of accelerated projected gradient, and of the bundle.
        tolerance: Gap relative to the regret below which the state is "global minimizer certified".

    Returns:
        The `Hindsight`: point, value, gap, state, regret as an `Interval`.

    Raises:
        ArgumentError: A number is outside its domain.
        NotKeptError: The losses were not kept.
        NotAvailableError: A batch of games, no round, or losses for which no certificate is known
            (a network of another kind).

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.QuadraticLoss(np.array([c, 0.0])) for c in (3.0, 1.0)]
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.5),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)),
        ...     rounds=2,
        ...     keep="examples",
        ... )
        >>> best = hindsight(run)
        >>> best.point.round(6), round(best.value, 9), best.gap < 1e-9
        (array([1., 0.]), 1.0, True)

    References:
        gao2019, hazan2022.
    """
    owner = "hindsight"
    for name, number in (("every", every), ("steps", steps)):
        ok = isinstance(number, int) and not isinstance(number, bool) and number >= 1
        require(ok, owner, name, "be an integer of at least 1", number)
    ok = isinstance(tolerance, float | int) and 0.0 < tolerance < np.inf
    require(ok, owner, "tolerance", "be finite and positive", tolerance)
    if run.loss.ndim != 1:
        raise NotAvailableError(
            f"`hindsight(run=...)` must be a single game, got leading axes {run.games}: take one, "
            "`run.game(index)`."
        )
    losses = run.kept_losses("A best point in hindsight")
    if not losses:
        raise NotAvailableError("`hindsight(run=...)`: no round was played.")
    k = run.decision_set if decision_set is None else decision_set
    if all(is_linear(loss) for loss in losses):
        return linear_hindsight(run, k, tolerance)
    if all(isinstance(loss, ModelLoss) for loss in losses):
        return network_hindsight(run, k, every=every, steps=steps, tolerance=tolerance)
    if (run.weak_convexity != 0.0).any():
        raise NotAvailableError(
            "`hindsight(run=...)` needs losses that are convex or of a two-layer network: of these "
            "nothing is known that bounds them from below."
        )
    return convex_hindsight(run, k, steps, tolerance)
