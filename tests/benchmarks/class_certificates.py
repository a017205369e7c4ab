"""How tight certificates of ten classes are, and what they cost, on a network trained by a game."""

from __future__ import annotations

import time

import olgame as og

SAMPLES, WIDTH, ROUNDS = 40, 256, 60


def table() -> list[str]:
    """(upper - clean)/(lower - clean) of the robust loss of 40 digits, and CPU time a sample."""
    x, y = og.data.digits(classes=range(10))
    x, y = x[:200], y[:200]
    lines = [f"ten digits, m = {WIDTH}, {ROUNDS} rounds against PGD-5 in the l2 ball of radius 0.1"]
    for activation in ("softplus", "relu"):
        model = og.models.TwoLayerNet(
            dim=64, width=WIDTH, activation=activation, seed=0, classes=10
        )
        adversary = og.adversaries.InputAttack(
            model,
            x,
            y,
            loss=og.losses.cross_entropy,
            attack=og.attacks.PGD(steps=5),
            perturbation_set=og.perturbations.l2(0.1),
        )
        learner = og.learners.OnlineGradientDescent(5.0)
        run = og.play(learner, adversary, model.neighborhood(20.0), rounds=ROUNDS)
        for allowed in (og.perturbations.l2(0.1), og.perturbations.linf(0.03)):
            losses = (og.losses.cross_entropy, og.losses.multiclass_hinge)
            lines += [_line(model, run.final_point, x, y, loss, allowed) for loss in losses]
    return lines


def _line(model: og.models.TwoLayerNet, w: og.typing.Array, x: og.typing.Array, y: og.typing.Array,
          loss: og.losses.Loss, allowed: og.perturbations.PerturbationSet) -> str:  # fmt: skip
    begin = time.process_time()
    found = og.certify.robust_loss(model, w, x[:SAMPLES], y[:SAMPLES], loss, allowed)
    spent = time.process_time() - begin
    assert found.upper is not None
    ratio = (found.upper.value - found.clean) / (found.lower.value - found.clean)
    radius = float(allowed.radius)  # type: ignore[arg-type]  # one radius for all samples
    return (
        f"{model.activation.name}, {allowed.norm} {radius:g}, {loss.name}: ratio {ratio:.7g}, "
        f"in [{found.lower.value:.4f}, {found.upper.value:.4f}], clean {found.clean:.4f}, "
        f"{1e3 * spent / SAMPLES:.0f} ms a sample"
    )
