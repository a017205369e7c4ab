"""The theorem about adversarial training of wide two-layer networks, as an object."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import attrs
import numpy as np

from olgame.activations import Activation
from olgame.exceptions import NotAvailableError
from olgame.losses.largest_slope import largest_slope
from olgame.losses.loss import Loss
from olgame.models.two_layer_start import check_classes
from olgame.results import Certified
from olgame.theory.audit import check_single_game
from olgame.theory.floor import floor as free_floor
from olgame.theory.output_rounding import played_rounding
from olgame.theory.plan import Plan, even_width, fraction, root_upper, step_below
from olgame.theory.premise import Premise, Premises
from olgame.theory.second_moment import SecondMoment
from olgame.theory.two_layer_premises import COMPARABLE, two_layer_premises
from olgame.theory.verdict import Verdict, judge
from olgame.transcript import Transcript
from olgame.validation import finite_positive, require

__all__ = ["TwoLayer"]


@attrs.frozen
class TwoLayer:
    """Projected gradient descent against any attack, on a wide two-layer network.

    **Setting.** f(W, x) = m^{-1/2} sum_r a_r sigma(<w_r, x>) with a_r = +-1 fixed and the rows w_r
    of W trained; abs(sigma') <= C1 (``activation.c1``), sigma' C2-Lipschitz (``activation.c2``);
    l(z, y) convex and L-Lipschitz in z (``loss.lipschitz``). In round t an adversary who sees W_t
    fixes inputs x'_{t,i} in B(x_i), norm(x'_{t,i}) <= X (``input_bound``), which make

        l_t(W) = (1/n) sum_i l(f(W, x'_{t,i}), y_i),   L_A(W_t) = l_t(W_t) <= L_*(W_t),
        L_*(W) = (1/n) sum_i max over x' in B(x_i) of l(f(W, x'), y_i) >= l_t(W),

    and the learner plays W_{t+1} = Proj_K(W_t - alpha g_t), g_t a (sub)gradient of l_t at W_t.

    **Theorem.** Let K be closed, convex and contain B(R), the ball of radius R (``weight_radius``)
    around W_1 = W_0 (K the whole space, no projection, included). For every eps (``accuracy``), if

        m >= 4 L^2 C2^2 X^4 R^4 / eps^2,   alpha <= eps / (2 G^2),   T >= R^2 / (alpha eps),

    with G >= norm(g_t) for every round played (G = L C1 X always serves), then, whatever W_0 and
    the attack are,

        min over t <= T of L_A(W_t) <= min over B(R) of L_* + eps.

    **Proof.** Let W_* in B(R), V = W_* - W_t with rows v_r, D_t = norm(V). Taylor's formula for
    every neuron gives f(W_*, x) = f(W_t, x) + <grad f(W_t, x), V> + m^{-1/2} sum_r a_r q_r with
    abs(q_r) <= (C2/2) <v_r, x>^2. Convexity of l in z, with the slopes l'_i that make up g_t, turns
    this into

        l_t(W_*) >= l_t(W_t) + <g_t, V> - kappa_t D_t^2,   kappa_t <= L C2 X^2 / (2 sqrt m),    (1)

    and the bound on m says 2 kappa_t R^2 <= eps/2. Suppose that gap_t = l_t(W_t) - l_t(W_*) > eps
    for all t <= T. Projection onto a convex set that contains W_* brings no point farther from it:

        D_{t+1}^2 <= D_t^2 + 2 alpha <g_t, V> + alpha^2 norm(g_t)^2
                  <= D_t^2 - 2 alpha gap_t + 2 alpha kappa_t D_t^2 + alpha^2 G^2.               (2)

    While D_t <= R, (2) is below D_t^2 - 2 alpha eps + alpha eps/2 + alpha eps/2, which is
    D_t^2 - alpha eps; so D_t <= R for all t by induction, and D_{T+1}^2 < R^2 - T alpha eps <= 0: a
    contradiction. Hence L_A(W_t) <= l_t(W_*) + eps <= L_*(W_*) + eps for some t. []

    **With the second moment of the data.** Bound the sum over the samples in (1) at once:
    (1/n) sum_i abs(l'_i) norm(V x'_i)^2 <= L norm(V)^2 lambda_max(X'^T X'/n). So X^2 may be
    replaced by Lambda of `second_moment`. If moreover l(z, y) = phi(y z) with phi non-increasing
    (l'_i has the sign of -y_i, or is 0) and sigma is convex (q_r >= 0), neuron r loses only on
    samples with l'_i a_r < 0, that is y_i = a_r; so X^2 may be replaced by Lambda_pm. Row r of g_t
    is m^{-1/2} a_r X'^T s_r / n with abs(s_ri) <= L C1, so norm(g_t)^2 <= L^2 C1^2 Lambda.

    **k classes.** a_r in {-1, +1}^k, f and l'_i in R^k, and L the Lipschitz constant of l in the
    largest change of a logit, which is the largest norm1(l'_i): 2 for `cross_entropy` and the
    multi-class margin losses. Where the proof has abs(l'_i a_r) <= L read
    abs(<l'_i, a_r>) <= norm1(l'_i) <= L; it uses nothing else of them. So k does not enter but by
    L. (With Euclidean norms one would pay norm(a_r) = sqrt k for it.) Lambda_pm is for one output.

    Tightness: an upper bound; along real training kappa_t and norm(g_t) are far smaller, so `check`
    recomputes every premise from what was played. The width is also accepted where the recorded
    kappa_t <= eps/(4 R^2), which is all that the proof uses of it.

    Args:
        activation: sigma.
        loss: l.
        input_bound: X > 0.
        classes: k, for a loss of k logits; None for one output.

    Raises:
        ArgumentError: A constant is out of range, or loss and ``classes`` do not fit.

    Example:
        >>> import olgame as og
        >>> theorem = TwoLayer(og.activations.softplus, og.losses.hinge, input_bound=1.1)
        >>> plan = theorem.plan(accuracy=0.1, weight_radius=3.0)
        >>> plan.width, round(plan.step_size, 4), plan.rounds
        (2966, 0.0413, 2178)

    References:
        gao2019, Theorem 4.2 (the idea; constants, projection and the second-moment form are this
        library's).
    """

    activation: Activation
    loss: Loss
    input_bound: float = attrs.field(validator=finite_positive)
    classes: int | None = None

    def __attrs_post_init__(self) -> None:
        check_classes(self.classes, "TwoLayer")
        many = bool(getattr(self.loss, "multiclass", False))
        outputs = "k logits" if many else "one output"
        rule = f"be {'the number k' if many else 'None'} for {self.loss.name}, a loss of {outputs}"
        require(many == (self.classes is not None), "TwoLayer", "classes", rule, self.classes)

    @property
    def lacks(self) -> str | None:
        """The constant that the theorem needs and its parts do not have; None if it has all."""
        if self.activation.c2 is None:
            return (
                f"the activation {self.activation.name} has no C2 (its derivative jumps), so no "
                "width is enough for this proof"
            )
        if self.loss.lipschitz is None:
            return f"the loss {self.loss.name} has no Lipschitz constant, so L is not defined"
        return None

    def width_bound(self, moment: Fraction, accuracy: Fraction, radius: Fraction) -> Fraction:
        """4 L^2 C2^2 moment^2 R^4 / eps^2, where moment bounds X^2, Lambda or Lambda_pm."""
        slope, c2 = self._slope(), fraction(self._c2())
        return 4 * slope**2 * c2**2 * moment**2 * radius**4 / accuracy**2

    def curvature_moment(self, moment: SecondMoment) -> Fraction:
        """Lambda_pm where the loss is one of the margin and sigma convex, else Lambda."""
        bend = self.activation.curvature_range
        convex = bend is not None and bend[0] >= 0.0
        signed = convex and self.loss.of_margin and self.classes is None
        if moment.lambda_pm is None or not signed:
            return fraction(moment.lambda_all)
        return min(fraction(moment.lambda_pm), fraction(moment.lambda_all))

    def plan(
        self,
        accuracy: float,
        weight_radius: float,
        gradient_bound: float | Literal["prior"] = "prior",
        *,
        second_moment: SecondMoment | None = None,
    ) -> Plan:
        """Width, step size and rounds for (accuracy, weight_radius), in exact rationals.

        Floats are read as the decimals they print as (0.1 is 1/10). m is rounded up to even,
        alpha = eps/(2 G^2) to a double, T = ceil(R^2/(alpha eps)). Then the inequality that
        the proof ends with, T alpha (2 eps - 2 kappa R^2 - alpha G^2) >= R^2, is verified exactly
        for the double alpha and the even m; a round is added if the rounding of alpha broke it.

        Args:
            accuracy: eps > 0.
            weight_radius: R > 0.
            gradient_bound: ``"prior"`` for L C1 X, or a number G > 0, e.g. measured in a short
                game and enlarged: a premise that `check` holds against the gradients played.
            second_moment: Of the data within the perturbation set (`second_moment`), in place of
                X^2 where it is smaller.

        Raises:
            ArgumentError: A number is not finite and positive.
            NotAvailableError: The activation has no C2 or the loss no L.
        """
        for name, value in (("accuracy", accuracy), ("weight_radius", weight_radius)):
            _positive(name, value)
        if gradient_bound != "prior":
            _positive("gradient_bound", gradient_bound)
        if self.lacks is not None:
            raise NotAvailableError(f"`TwoLayer.plan` is not available: {self.lacks}.")
        eps, radius = fraction(accuracy), fraction(weight_radius)
        square = fraction(self.input_bound) ** 2
        bend, energy, width_source, gradient_source = square, square, "prior", "prior"
        if second_moment is not None:
            if self.curvature_moment(second_moment) < square:
                bend, width_source = self.curvature_moment(second_moment), "second moment"
            if fraction(second_moment.lambda_all) < square:
                energy, gradient_source = fraction(second_moment.lambda_all), "second moment"
        gradient_square = (self._slope() * fraction(self.activation.c1)) ** 2 * energy
        if gradient_bound != "prior":
            gradient_square, gradient_source = fraction(float(gradient_bound)) ** 2, "measured"

        bound = self.width_bound(bend, eps, radius)
        alpha = eps / (2 * gradient_square)
        width, step = even_width(bound), step_below(alpha)
        rounds = math.ceil(radius**2 / (alpha * eps))
        nonconvexity = eps / 2 * root_upper(bound / width)
        drop = 2 * eps - nonconvexity - Fraction(step) * gradient_square
        while rounds * Fraction(step) * drop < radius**2:
            rounds += 1
        return Plan(
            width=width,
            step_size=step,
            rounds=rounds,
            accuracy=float(accuracy),
            weight_radius=float(weight_radius),
            gradient_bound=float(gradient_square) ** 0.5,
            gradient_source=gradient_source,
            width_source=width_source,
            width_bound=bound,
            exact_step_size=alpha,
            premises=self._planned(width_source, gradient_source, gradient_square),
        )

    def check(
        self,
        run: Transcript,
        *,
        accuracy: float,
        weight_radius: float,
        floor: Certified | None = None,
        ceiling: Certified | None = None,
    ) -> Verdict:
        """Premises recomputed from what was played, the conclusion in numbers, and its content.

        Args:
            run: The game, a single one.
            accuracy: eps > 0.
            weight_radius: R > 0.
            floor: Certified lower bound on the minimum of L_* over B(R), of this game; default
                `theory.floor`.
            ceiling: Certified upper bound on it: `theory.ceiling` at a point *in* B(R) (iterates
                without projection leave B(R) and are no witness). A bound that does not say that
                it is about B(R) leaves a premise unchecked.

        Raises:
            ArgumentError: A number is not finite and positive, or a bound is not certified.
            NotAvailableError: ``run`` holds several independent games.
        """
        for name, value in (("accuracy", accuracy), ("weight_radius", weight_radius)):
            _positive(name, value, "check")
        check_single_game(run, "TwoLayer.check")
        no_floor, rounding = "", 0.0
        if run.rounds and all(hasattr(run.adversary, part) for part in ("model", "y", "loss")):
            rounding = float(played_rounding(run).loss.max())
        if floor is None:
            try:
                floor = free_floor(run, weight_radius)
            except NotAvailableError as error:
                no_floor = str(error)
        return judge(
            theorem="Two-layer networks, projected gradient descent against any attack",
            premises=two_layer_premises(self, run, accuracy, weight_radius, (floor, ceiling)),
            comparable=COMPARABLE,
            accuracy=float(accuracy),
            weight_radius=float(weight_radius),
            reached=float(run.loss.min(initial=np.inf)),
            start_loss=float(run.loss[0]) if run.rounds else math.nan,
            floor=floor,
            ceiling=ceiling,
            no_floor=no_floor,
            rounding=rounding,
        )

    def _slope(self) -> Fraction:
        slope = largest_slope(self.loss, self.classes)
        if slope is None:
            raise NotAvailableError(f"`TwoLayer`: {self.lacks}.")
        return fraction(slope)

    def _c2(self) -> float:
        if self.activation.c2 is None:
            raise NotAvailableError(f"`TwoLayer`: {self.lacks}.")
        return self.activation.c2

    def _planned(self, width_source: str, gradient_source: str, square: Fraction) -> Premises:
        """What is known before the game, and what only the game can tell."""
        bound = f"G = {float(square) ** 0.5:.6g} ({gradient_source})"
        data = (
            Premise("second moment of the data", "not checked", "the game's data must be the same")
            if "second moment" in (width_source, gradient_source)
            else None
        )
        items = (
            Premise(
                "activation with constants",
                "holds",
                f"{self.activation.name}, C2 = {self._c2():.6g}",
            ),
            Premise(
                "convex Lipschitz loss", "holds", f"{self.loss.name}, L = {float(self._slope()):g}"
            ),
            Premise("bounded inputs", "not checked", f"X = {self.input_bound:g}"),
            Premise.of("bounded gradients", None if gradient_source == "measured" else True, bound),
            data,
            Premise("inputs in B(x)", "not checked", "any attack will do"),
            Premise("full batch", "not checked", ""),
            Premise("projected gradient steps", "not checked", "from W_1 = W_0"),
        )
        return Premises(tuple(item for item in items if item is not None))


def _positive(name: str, value: object, method: str = "plan") -> None:
    number = isinstance(value, int | float | Fraction | np.floating) and not isinstance(value, bool)
    good = number and 0.0 < float(value) < math.inf  # type: ignore[arg-type]  # a number, as seen
    require(good, f"TwoLayer.{method}", name, "be finite and positive", value)
