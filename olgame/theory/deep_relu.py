"""The recalled theorem about adversarial training of deep ReLU networks: a shape."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.models.deep_layers import HasDeepLayers
from olgame.theory import audit
from olgame.theory.deep_constants import DeepConstants, measure_start
from olgame.theory.deep_premises import HIDDEN, deep_premises
from olgame.theory.deep_shape import DeepShape, deep_shape
from olgame.theory.deep_verdict import DeepVerdict
from olgame.theory.kink_moves import DeepModel
from olgame.theory.linearization_search import search_linearization
from olgame.theory.path_error import edge_error, path_error
from olgame.theory.projected_ogd import ProjectedOGD
from olgame.transcript import Transcript
from olgame.validation import require_finite_positive, require_integer

__all__ = ["DeepReLU", "DeepSteps"]


@attrs.frozen
class DeepSteps:
    """A step size from a measured gradient; the bound that goes with it holds if G does.

    Attributes:
        step_size: alpha = D_1/(G sqrt T), of order R/(m sqrt T).
        rounds: T.
        gradient_bound: G, measured at the start and enlarged.
        reach: D_1 = sqrt(H) R/sqrt(m).
        regret_bound: D_1 G sqrt T, of the linear regret, while norm(g_t) <= G.
    """

    step_size: float
    rounds: int
    gradient_bound: float
    reach: float
    regret_bound: float


@attrs.frozen
class DeepReLU:
    """Projected gradient descent against any attack, on a deep ReLU network: exponents only.

    **Setting.** f = a^T x^(H), x^(h) = relu(W^(h) x^(h-1)), x^(0) = A x, unscaled, with the
    Gaussian start of `olgame.models.deep_start`; K = B(R) = { norm_F(W^(h) - W_0^(h)) <=
    R/sqrt(m) for all h }; the game is that of `olgame.theory.TwoLayer`.

    **Theorem [recalled, not checked against the paper's text].** Let R = Omega(1). If

        m >= max(Theta(R^9 H^16 / eps^7), Theta(d^2)),   alpha = O(eps/(m H^2)),
        T = Theta(R^2/(m eps alpha)),

    then, with high probability over W_0, min over t <= T of L_A(W_t) <= min over B(R) of L_* + eps.
    Behind it stands, for all w in B(R), abs(f - f_lin) = O(R^(4/3) H^(5/2) m^(-1/6) sqrt(log m)).

    The constants are hidden, so no width, step or number of rounds of a game can be *checked*; and
    no certificate for the robust loss of a deep network is known here. So nothing that is played
    can lead to a certified conclusion: `check` leaves it open. What does hold for every network is
    the bound on the linear regret on a product of balls, D_1 G sqrt T with D_1 = sqrt(H) R/sqrt(m)
    (`olgame.theory.ProjectedOGD`), and the verdict carries that.

    Tightness: an upper bound. `olgame.theory.kink_move` shows that the error over B(R) is of order
    R^(4/3) m^(-1/6) at least, so these two exponents are right; along the path of a game the error
    is far smaller, and grows less with H (`measure`, and ``olgame demo --network deep``).

    Example:
        >>> shape = DeepReLU().shape(width=1024, depth=2, weight_radius=3.0, accuracy=0.1)
        >>> f"{shape.width:.1e}", round(shape.linearization, 1)
        ('1.3e+16', 20.3)

    References:
        gao2019, Theorem 4.1 (recalled).
    """

    def shape(self, *, width: int, depth: int, weight_radius: float, accuracy: float) -> DeepShape:
        """The recalled quantities with all hidden constants 1."""
        return deep_shape(width=width, depth=depth, weight_radius=weight_radius, accuracy=accuracy)

    def suggest(
        self, model: DeepModel, gradient: Any, *, weight_radius: float, rounds: int,
        safety: float = 1.25,
    ) -> DeepSteps:  # fmt: skip
        """A step size of order 1/m from a measured gradient.

        Args:
            model: The network.
            gradient: g_1, the gradient of the first round, shape ``(p,)``, or its norm.
            weight_radius: R.
            rounds: T.
            safety: G is this times norm(g_1), to four digits.

        Returns:
            The `DeepSteps`. That no gradient exceeds G is a premise of the bound which
            `olgame.theory.ProjectedOGD` checks on what was played.
        """
        _require_deep(model, "suggest")
        require_integer("DeepReLU.suggest", rounds=rounds)
        length = gradient if isinstance(gradient, int | float) else kernels(gradient).norm(gradient)
        bound = float(f"{safety * float(to_numpy(length)):.4g}")
        require_finite_positive("DeepReLU.suggest", gradient=bound, weight_radius=weight_radius)
        reach = math.sqrt(model.depth / model.width) * weight_radius
        root = bound * math.sqrt(rounds)
        return DeepSteps(reach / root, rounds, bound, reach, reach * root)

    def measure(
        self,
        model: DeepModel,
        x: Any,
        *,
        weight_radius: float,
        run: Transcript | None = None,
        searched_inputs: int = 4,
        seed: int = 0,
    ) -> DeepConstants:
        """The sizes behind the exponents, on this network and these inputs.

        Args:
            model: The network.
            x: Inputs, shape ``(n, d)``.
            weight_radius: R.
            run: A game on it, for gradient norms and the error along its path (recorded by
                `olgame.observers.LinearizationError`, or replayed with ``keep="examples"``).
            searched_inputs: So many of the inputs, evenly spread, are searched for the largest
                abs(f - f_lin) in B(R); 0 for none.
            seed: Of the search.
        """
        _require_deep(model, "measure")
        inputs: Any = model.asarray(x)
        output, layers = measure_start(model, inputs)
        searched = None
        if searched_inputs:
            chosen = np.linspace(0, len(inputs) - 1, min(searched_inputs, len(inputs))).astype(int)
            searched = search_linearization(
                model, inputs[chosen], model.neighborhood(weight_radius), seed=seed
            )
        return DeepConstants(
            width=model.width,
            depth=model.depth,
            weight_radius=float(weight_radius),
            output=output,
            layer_gradients=layers,
            gradient_bound=None
            if run is None or not run.rounds
            else float(run.gradient_norm.max()),
            path=None if run is None else path_error(run),
            edge=None if run is None else edge_error(run, weight_radius),
            searched=searched,
        )

    def check(
        self, run: Transcript, *, weight_radius: float, accuracy: float | None = None,
        constants: DeepConstants | None = None,
    ) -> DeepVerdict:  # fmt: skip
        """Premises recomputed from what was played; the regret's verdict; no other conclusion.

        Args:
            run: The game, a single one.
            weight_radius: R. A decision set of radius R in place of R/sqrt(m) fails the premise
                ``"decision set in the network's scaling"`` by name.
            accuracy: eps, to print what the recalled conditions come to with constants 1.
            constants: What `measure` found, to be carried along.

        Raises:
            ArgumentError: A number is not finite and positive.
            NotAvailableError: ``run`` holds several independent games.
        """
        require_finite_positive("DeepReLU.check", weight_radius=weight_radius)
        if accuracy is not None:
            require_finite_positive("DeepReLU.check", accuracy=accuracy)
        audit.check_single_game(run, "DeepReLU.check")
        premises = deep_premises(run, weight_radius, self._hidden(run, weight_radius, accuracy))
        regret = None
        if run.rounds:
            regret = ProjectedOGD().check(run)
        reason = (
            "the theorem is recalled with hidden constants, so nobody can check its width, step "
            "size and rounds; and there is no certificate of the robust loss of a deep network"
        )
        if premises.any_fails:
            reason = f"premises fail: {', '.join(p.name for p in premises.failing)}; and {reason}"
        return DeepVerdict(
            premises=premises,
            conclusion="open",
            reason=reason,
            regret=regret,
            constants=constants,
            start_loss=float(run.loss[0]) if run.rounds else math.nan,
            reached=float(run.loss.min(initial=np.inf)),
        )

    def _hidden(
        self, run: Transcript, weight_radius: float, accuracy: float | None
    ) -> dict[str, str]:
        """The conditions that hide a constant, in words."""
        model = getattr(run.adversary, "model", None)
        width = f"m >= Theta(R^9 H^16/eps^7), Theta(d^2); m = {getattr(model, 'width', '?')}"
        step, rounds = "alpha = O(eps/(m H^2))", f"T = Theta(R^2/(m eps alpha)); T = {run.rounds}"
        if isinstance(model, HasDeepLayers):
            if run.rounds and np.isfinite(run.step_size).all():
                step += f"; alpha m = {float(run.step_size.max()) * model.width:.4g}"
            if accuracy is not None:
                shape = self.shape(
                    width=model.width, depth=model.depth, weight_radius=weight_radius,
                    accuracy=accuracy,
                )  # fmt: skip
                width += f"; {shape.width:.2g} with constants 1"
                step += f"; {shape.step_size * model.width:.4g} with constants 1"
                rounds += f"; {shape.rounds:.4g} with constants 1"
        return dict(zip(HIDDEN, (width, step, rounds), strict=True))


def _require_deep(model: object, method: str) -> None:
    if not isinstance(model, HasDeepLayers):
        raise NotAvailableError(
            f"`DeepReLU.{method}(model=...)` must be a deep ReLU network, got "
            f"{type(model).__name__} ({getattr(model, 'name', 'without a name')!r})."
        )
