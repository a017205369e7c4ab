"""The robust loss between an attack and a certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from olgame.arrays import as_like, kernels
from olgame.attacks import PGD, BestOf, ModelObjective, Restarts, Targeted
from olgame.attacks.attack import Attack
from olgame.attacks.attack_parts import check_attack_parts
from olgame.certify.bracket import Bracket, PerSample
from olgame.certify.evidence import Evidence, exact_layers
from olgame.certify.rounding import detached, mean
from olgame.exceptions import DataError, NotAvailableError, ShapeError
from olgame.losses import check_fit, cross_entropy, logistic
from olgame.losses.loss import Loss
from olgame.models.model import Model
from olgame.perturbations.cap_perturbation import CapPerturbation
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.randomness import check_seed, generator
from olgame.results import Certified
from olgame.typing import Array
from olgame.validation import require, require_finite_not_negative, require_integer

__all__ = ["robust_loss"]


def robust_loss(
    model: Model,
    w: Array,
    x: Array,
    y: Array,
    loss: Loss,
    perturbation_set: PerturbationSet,
    *,
    attack: Attack | None = None,
    candidates: Sequence[Array] = (),
    seed: int = 0,
    excess: float = 0.0,
    branches: int = 0,
    tolerance: float = 1e-4,
    steps: int | None = None,
) -> Bracket:
    r"""Bracket L_*(w) = (1/n) sum_i max over x' in B(x_i) of l(f(w, x'), y_i).

    Below: per sample the largest loss over the clean input, the attack, the ``candidates`` and
    the maximizer that the certificate suggests. Each is moved into B(x) first, so the mean of
    these maxima is a lower bound, whatever the attack is worth. With two layers, rounding is taken
    off; any other model is believed in its own arithmetic, and ``lower.method`` says so.

    Above, for a model with two layers: `loss_bound`, a quadratic relaxation maximized by weak
    duality (l2: exactly; linf: semidefinite), in float64 with a rounding slack; of k classes one
    for every rival of the label. It certifies the ball around x, or the cap of a sphere; a box in
    ``perturbation_set`` only removes points of it. For any other model there is no certificate, nor
    for a loss of k logits that is no function of the leads over the rivals; ``upper`` is then None.

    The two-layer model is evaluated in float64 from its weights, float32 weights converted
    exactly: both ends speak of the same real function. Inputs computed in float32 overshoot B(x)
    by rounding: what is measured of that (and ``excess``, if more) enlarges the radius of the upper
    end, which is then at least the loss of the inputs as they were played, too. ``method`` says
    by how much; the lower end is of B(x) itself.

    Args:
        model: f; deterministic.
        w: weights, shape ``(p,)``.
        x: clean inputs, shape ``(n, d)``.
        y: labels, shape ``(n,)``.
        loss: l.
        perturbation_set: B(x).
        attack: for the lower end; None for PGD from the clean input and two random starts, and of
            k classes for one toward every class as well.
        candidates: played inputs, each of shape ``(n, d)`` and in B(x), or outside by at most
            ``excess``; those count where they project to.
        seed: of the attack.
        excess: how far outside B(x), in its norm, played inputs may lie.
        branches: how often the ball of a sample may be cut in two for a sharper upper end
            (`olgame.certify.output_bound`); of k classes for every rival. One cut costs about
            eight times the certificate without.
        tolerance: samples whose ends are that near are not cut (again).
        steps: quadratics tried for the upper end of each sample, the time of which is proportional;
            None for what `olgame.certify.output_bound` takes. More find a lower one for ReLU.

    Returns:
        The bracket; both ends also per sample.

    Raises:
        NotAvailableError: the model is not deterministic, or its two-layer structure does not
            reproduce its output.
        ArgumentError: inputs outside B(x), by sample and amount; a negative ``excess``; a part that
            is none; a loss that needs other outputs than the model has.
        DataError, ShapeError: empty, not finite or misshapen data.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import hinge
        >>> from olgame.models import TwoLayerNet
        >>> from olgame.perturbations import l2
        >>> model = TwoLayerNet(dim=2, width=8, activation="softplus", seed=0, paired=False)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> bracket = robust_loss(model, model.start, x, y, hinge, l2(0.1))
        >>> bracket.clean < bracket.lower.value <= bracket.upper.value < bracket.lower.value + 1e-3
        True

    References:
        singla2020, zhang2018crown.
    """
    owner = "robust_loss"
    ok = callable(model) and hasattr(model, "deterministic")
    require(ok, owner, "model", "be a model, such as `og.models.TwoLayerNet(...)`", model)
    check_attack_parts(owner, loss=loss, perturbation_set=perturbation_set)
    if attack is not None:
        check_attack_parts(owner, attack=attack)
    check_seed(seed, owner)
    require_integer(owner, 0, branches=branches)
    if steps is not None:
        require_integer(owner, 1, steps=steps)
    require_finite_not_negative(owner, tolerance=tolerance, excess=excess)
    if not model.deterministic:
        raise NotAvailableError(
            "`robust_loss(model=...)` must be deterministic (no dropout, no batch statistics): "
            f"{model.name} gives no loss that could be bracketed. Switch to evaluation mode."
        )
    w = detached(w)
    x, y = _data(w, detached(x), detached(y))
    check_fit(loss, model, y, "robust_loss")
    layers = exact_layers(model, w, x)
    seen = Evidence(model, w, x, y, loss, perturbation_set, layers, excess)
    classes = getattr(model, "classes", None)
    if attack is None:
        # Random starts matter where the clean input is a critical point.
        attack = BestOf(PGD(steps=20), Restarts(PGD(steps=20, random_start=True), 2))
        attack = BestOf(attack, Targeted(PGD(steps=10))) if classes else attack
    smooth = cross_entropy if classes else logistic
    climb = smooth if loss.of_margin else None
    objective = ModelObjective(model, w, y, loss, climb=climb)
    found = attack(objective, x, perturbation_set, generator(seed, "robust_loss"))
    seen.add(detached(found.x), "attack")
    for candidate in candidates:
        seen.add(as_like(detached(candidate), w), "candidates")
    upper = None
    method = "attack only, no certificate"
    rests_on = "inputs of B(x), in the arithmetic of the model: its rounding is not bounded"
    if layers is not None:
        rests_on = "inputs of B(x), less rounding"
    if layers is not None and classes and not loss.of_margin:
        method += " of a loss that is not a function of the leads over the rivals"
    elif layers is not None:
        upper = seen.certify(layers, branches, tolerance, steps)
        name = "trust-region" if perturbation_set.norm == "l2" else "semidefinite box"
        name = "spherical cap" if isinstance(perturbation_set, CapPerturbation) else name
        method = f"attack below, {name} bound of the two-layer {layers.activation.name} net above"
        more = float(seen.enlargement.max())
        method += f", in pieces after at most {branches} cuts" if branches else ""
        method += f", there for B(x) enlarged by {more:.2g}" if more > 0 else ""
    lower = seen.lower
    return Bracket(
        lower=Certified(mean(lower, -math.inf), "lower", rests_on),
        upper=None if upper is None else Certified(mean(upper, math.inf), "upper", method),
        per_sample=PerSample(lower, upper),
        clean=mean(seen.clean),
        method=method,
    )


def _data(w: Array, x: Any, y: Any) -> tuple[Array, Array]:
    """``x`` and ``y`` like ``w``, checked."""
    if w.ndim != 1:
        raise ShapeError(f"`robust_loss(w=...)` must have shape (p,), got {tuple(w.shape)}.")
    x, y = as_like(x, w), as_like(y, w)
    if x.ndim != 2 or tuple(y.shape) != (x.shape[0],):
        raise ShapeError(
            "`robust_loss(x=..., y=...)` must have shapes (n, d) and (n,), got "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    if x.shape[0] == 0:
        raise DataError("`robust_loss(x=...)` must have at least one sample, got none.")
    xp = kernels(w).xp
    for name, values in (("w", w), ("x", x), ("y", y)):
        if not bool(xp.all(xp.isfinite(values))):
            raise DataError(f"`robust_loss({name}=...)` must be finite, got nan or inf.")
    return x, y
