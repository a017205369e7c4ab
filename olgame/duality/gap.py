"""A certified floor under min F over the ball, from one point: the curvature-corrected gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from olgame.activations import relu
from olgame.duality.input_clusters import input_clusters
from olgame.duality.quadratic_minorant import Drop
from olgame.duality.relu_minorant import relu_minorant
from olgame.duality.relu_reach import relu_reach
from olgame.duality.smooth_minorant import smooth_minorant
from olgame.duality.sweep import ChosenSlopes, Sweep, sweep
from olgame.duality.two_layer_model import TwoLayerModel
from olgame.duality.two_layer_point import two_layer_point
from olgame.duality.weight_balls import WeightBalls, weight_balls
from olgame.duality.weighted_samples import weighted_samples
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.losses.loss import Loss
from olgame.models.model import HasTwoLayers
from olgame.results import Certified
from olgame.sets.convex_set import ConvexSet

__all__ = ["Gap", "gap", "gap_of_sweep"]

_CENTERS = 2000  # clusters of inputs, at most: as many rows has a Gram matrix of them
_CLUSTERS = 4  # a sample
_FEW = 0.02  # kinks in reach, below which parabolas for all of them are not worth their price


@attrs.frozen
class Gap:
    """min F over K lies in [value - gap, value]; K is B(R), or a product of such balls.

    Attributes:
        value: F(u0).
        gap: F(u0) - floor >= 0, rounding included.
        phi: Phi, the minorant at u0; F(u0) where the slopes are subgradients.
        gamma: Gamma(mu).
        rounding: What was added to the gap for the arithmetic.
        mu: The multiplier of the proof.
        lambda_max: Largest eigenvalue of the curvature matrices, rounded up (of several balls, in
            the one that is closest to failing). Of ReLU, where kinks in reach are the proof, the
            largest curvature that was taken: below the multiplier by choice.
        stationarity_ratio: norm(g)/(2R), there.
        frank_wolfe_gap: <g, delta> + R norm(g), summed over balls: first-order stationarity when 0.
        filled: Least norm(u0_h - W_0h)/R_h over the balls: 1 on the product of the spheres.
        balls: K, the ball B(R) or a product of balls.
        slopes: Which slopes were taken.
        tolerance: What counts as 0 in `globally_optimal`.
    """

    value: float
    gap: float
    phi: float
    gamma: float
    rounding: float
    mu: float
    lambda_max: float
    stationarity_ratio: float
    frank_wolfe_gap: float
    filled: float
    balls: WeightBalls
    slopes: str
    tolerance: float

    @property
    def floor(self) -> float:
        """A lower bound on min F over K."""
        return self.value - self.gap

    @property
    def certified(self) -> Certified:
        """The floor as a certified number."""
        return Certified(
            self.floor,
            "lower",
            "curvature-corrected duality gap",
            quantity=self.balls.quantity,
        )

    @property
    def on_sphere(self) -> bool:
        """Whether norm(u0_h - W_0h) = R_h in every ball, up to the tolerance, relative to R_h."""
        return self.filled >= 1.0 - self.tolerance

    @property
    def gradient_dominates(self) -> bool:
        """Whether norm(g)/(2R) > lambda_max(M): first-order stationarity on the sphere suffices."""
        return self.stationarity_ratio > self.lambda_max

    @property
    def globally_optimal(self) -> bool:
        """Whether u0 is a proved global minimizer of F over K, to within ``tolerance``."""
        return self.gap <= self.tolerance

    def __str__(self) -> str:
        lines = [
            f"F(u0) = {self.value:.6g}, min F over {self.balls.name} {self.certified}",
            f"gap {self.gap:.3g}, Frank-Wolfe gap {self.frank_wolfe_gap:.3g}",
            f"norm(g)/(2R) = {self.stationarity_ratio:.3g} "
            f"{'>' if self.gradient_dominates else '<='} {self.lambda_max:.3g} = lambda_max(M)",
        ]
        if self.globally_optimal:
            where = "on the sphere" if self.on_sphere else "inside the ball"
            lines.append(f"u0, {where}, is a global minimizer up to {self.tolerance:.1g}")
        return "\n".join(lines)


@np.errstate(all="ignore")  # what overflows is refused by name
def gap(
    model: TwoLayerModel,
    u0: Any,
    x: Any,
    y: Any,
    loss: Loss,
    weights: Any = None,
    weight_radius: float | None = None,
    *,
    decision_set: ConvexSet | None = None,
    slopes: Any = None,
    smoothing: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1),
    tolerance: float = 1e-6,
) -> Gap:
    r"""Certify how far u0 is from the global minimum of F over B(R), on the real network.

        F(u) = sum_j omega_j l(f(u, x_j), y_j),   f(u, x) = m^{-1/2} sum_r a_r sigma(<u_r, x>),
        B(R) = { norm(u - W_0) <= R },   delta = u0 - W_0.

    For slopes p_j with finite conjugate l*(p_j) and every mu > 0 above all eigenvalues,

        min over B(R) of F >= Phi - Gamma(mu),     Phi = sum_j omega_j [p_j f(u0, x_j) - l*(p_j)],
        Gamma(mu) = (1/4) sum_r (g_r + 2 mu delta_r)^T (mu I - M_r)^{-1} (g_r + 2 mu delta_r)
                    + mu (R^2 - norm(delta)^2).

    **Proof** in three steps. (1) l(z) >= p z - l*(p) for every z: the definition of the conjugate.
    So F is at least G(u) - sum omega_j l*(p_j), G = sum_j omega_j p_j f(., x_j), which is linear
    in the network. (2) G lies above a quadratic around u0 with slope g and curvature -M, neuron by
    neuron: `smooth_minorant` from the range of sigma'', `relu_minorant` from parabolas above relu
    (which also lower Phi a little). (3) On the ball that quadratic falls by at most Gamma(mu):
    `QuadraticMinorant`. For ReLU with one output steps 2 and 3 have
    another proof, `relu_reach`, and the better one is taken. []

    At subgradients p_j, Phi = F(u0), and the gap is Gamma. If f is linear in the weights, M = 0
    and min over mu of Gamma is the Frank-Wolfe gap <g, delta> + R norm(g). If norm(delta) = R,
    the Frank-Wolfe gap is 0 and norm(g)/(2R) > lambda_max(M), then Gamma = 0 at
    mu = norm(g)/(2R): u0 is the *global* minimizer of the non-convex F over the ball.

    For k classes products p z are inner products, and p_j a_r becomes <p_j, a_r>: neurons whose
    output weights have one direction share a matrix M_r, two matrices for one output, up to 2^k
    for k signs.

    **What it says of the robust loss.** If for every sample the weights of its played inputs,
    over the rounds, have sum 1/n, then F <= L_* everywhere and the floor is one under
    min over B(R) of L_*. With rounds this is checked; for stacked inputs nobody knows which row
    belongs to which sample, and only the total is checked.

    Args:
        model: A two-layer network; B(R) is centered at ``model.start``. Computed in float64.
        u0: Flat weights in K, shape ``(p,)``; a point outside by rounding (relative 1e-6) is
            pulled back first. Every u0 is sound, a minimizer of F is best (`hindsight_point`).
        x: Played inputs, shape ``(N, d)``; or the rounds, a sequence of T arrays ``(n, d)``, which
            are neither stacked nor copied.
        y: Labels, shape ``(N,)``; for rounds ``(n,)`` or ``(T, n)``.
        loss: l, with a conjugate.
        weights: omega >= 0, sum 1, shape ``(N,)``; for rounds ``(T, n)`` or ``(T,)``; None: equal.
            Sums off by up to 1e-9 are accepted, and the weights divided by them.
        weight_radius: R, between 1e-100 and 1e100; this or ``decision_set`` has to be given.
        decision_set: `L2Ball` or `L2InfBall` around ``model.start``, or a `ProductSet` of such over
            whole rows.
        slopes: p, shape ``(N,)``, or ``(N, k)`` (rounds one after another). Default:
            `loss.derivative`, and for a loss with kinks also the slopes of ``smoothing``; what
            would be best if the curvature were 0 is taken.
        smoothing: Widths theta of the windows that slopes are averaged over (for one output the
            secants (l(z + theta/2) - l(z - theta/2))/theta). At a minimizer of F with samples at a
            kink some slope *inside* the subdifferential is right.
        tolerance: For `Gap.globally_optimal`.

    Returns:
        A `Gap`. Memory O(m d) and a few blocks of at most 32 MB, with ReLU the inputs once more.
        Cost O(N m d), with ReLU or many classes O(n m d^2) more, and O(m d) for each mu.

    Raises:
        ArgumentError: A radius, weight or slope outside its domain, u0 outside B(R), or a loss that
            needs other outputs than the model has.
        ShapeError: The shapes do not fit.
        DataError: Samples that are empty, not finite or wrongly labeled.
        NotAvailableError: The model has no two layers, or sigma no range of sigma'' and is not
            `olgame.activations.relu`.
        OlgameError: A negative gap beyond rounding: a defect.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.TwoLayerNet(dim=2, width=64, activation="softplus", seed=0)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> at_start = gap(model, model.start, x, y, og.losses.logistic, weight_radius=1.0)
        >>> bool(at_start.floor < np.log(2) <= at_start.value + 1e-12)
        True

    References:
        gao2019, hazan2022.
    """
    if not isinstance(model, HasTwoLayers):
        raise NotAvailableError(
            f"`gap(model=...)` must be a two-layer network, got {type(model).__name__} "
            f"({getattr(model, 'name', 'without a name')!r}): no certificate from one point is "
            "known for other models. `theory.floor(run, R)` serves every model with a "
            "`curvature_bound` (linear ones); `hindsight_point` and `regret.external` estimate."
        )
    balls = weight_balls(model, weight_radius, decision_set, "gap")
    point = two_layer_point(model, u0, balls)
    samples = weighted_samples(x, y, weights, model, loss, "gap")
    return gap_of_sweep(sweep(point, samples, loss, smoothing, slopes), balls, tolerance)


@np.errstate(all="ignore")
def gap_of_sweep(found: Sweep, balls: WeightBalls, tolerance: float) -> Gap:
    """The `Gap` from one pass over the inputs, with the best of its choices of slopes.

    Args:
        found: The pass, at u0.
        balls: K.
        tolerance: As for `gap`.

    Raises:
        ArgumentError: A loss, or its conjugate at the slopes, is not finite.
        OlgameError: A negative gap beyond rounding: a defect.
    """
    point, samples, value = found.point, found.samples, found.value
    if not np.isfinite(value):
        raise ArgumentError(f"`gap(u0=...)` must have finite losses, got F(u0) = {value}.")
    choice = found.best(balls)
    p, f, conjugate = choice.p, found.outputs, found.conjugates(choice)
    if not np.isfinite(conjugate).all():
        raise ArgumentError("`gap(slopes=...)` must lie where the conjugate of the loss is finite.")
    constant = found.phi(choice)
    lost, drop = _fall(found, choice, constant, balls)
    phi = constant - lost
    rounding = point.rounding(
        samples, f, found.noise, p, choice.summed, conjugate, balls.radius, lost, drop
    )
    rounding += 4 * float(np.finfo(np.float64).eps) * (abs(value) + abs(phi))
    raw = value - phi + drop.gamma
    if not np.isfinite(raw + rounding):
        raise ArgumentError(
            "`gap(x=..., u0=..., weight_radius=...)` must be of sizes whose squares are finite in "
            f"float64, got {balls.name} and a gap of {raw}."
        )
    if not raw >= -2 * rounding - 1e-12 * abs(value):
        raise ArgumentError(
            f"`gap(loss=...)` must have l + l* >= p z for its conjugate l*, got a gap of {raw}."
        )
    return Gap(
        value=value,
        gap=max(raw, 0.0) + rounding,
        phi=phi,
        gamma=drop.gamma,
        rounding=rounding,
        mu=drop.mu,
        lambda_max=drop.lambda_max,
        stationarity_ratio=drop.stationarity_ratio,
        frank_wolfe_gap=drop.frank_wolfe_gap,
        filled=float((balls.norms(point.displacement) / balls.radii).min()),
        balls=balls,
        slopes=choice.name,
        tolerance=tolerance,
    )


def _fall(
    found: Sweep, choice: ChosenSlopes, constant: float, balls: WeightBalls
) -> tuple[float, Drop]:
    """What the value at u0 loses, and how far the rest can fall on K."""
    point, samples, p = found.point, found.samples, choice.p
    if point.activation != relu:
        smooth = smooth_minorant(point, samples, p, constant, choice.gradient)
        return 0.0, smooth.drop(balls)
    most = _CENTERS // samples.per_round
    reached = None
    if most and p.ndim == 1 and choice.gradient.any():
        clusters = input_clusters(samples, min(_CLUSTERS, most))
        reached = relu_reach(point, samples, p, choice.gradient, clusters, balls)
        if reached is not None and reached.share < _FEW:
            return reached.lost, reached.drop
    parabolas = relu_minorant(point, samples, p, constant, balls)
    lost, drop = constant - parabolas.constant, parabolas.drop(balls)
    if reached is not None and reached.lost + reached.drop.gamma < lost + drop.gamma:
        return reached.lost, reached.drop
    return lost, drop
