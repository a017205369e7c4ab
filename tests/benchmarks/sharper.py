"""How much caps, branches and play against the certificate sharpen the upper end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import olgame as og
from olgame.duality import hindsight_point

CAPS, CUTS, ROUNDS = 24, 8, 60
WIDTHS = {"softplus": 2966, "relu": 2048}


def trained(
    activation: str, width: int, allowed: Any, rounds: int, samples: int | None
) -> tuple[Any, Any, Any, Any]:
    """Digits 0 and 1, hinge, R = 3, against PGD-10."""
    x, y = og.data.digits(classes=(0, 1))
    x, y = x[:samples], y[:samples]
    model = og.models.TwoLayerNet(dim=64, width=width, activation=activation, seed=0)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=10), perturbation_set=allowed
    )
    learner = og.learners.OnlineGradientDescent(2.0)
    run = og.play(learner, adversary, model.neighborhood(3.0), rounds=rounds, keep="examples")
    return model, run, x, y


def ratio(model: Any, w: Any, x: Any, y: Any, allowed: Any, cover: Any, branches: int) -> str:
    """(upper of ``cover`` - clean)/(lower of ``allowed`` - clean), and CPU time a sample."""
    hinge = og.losses.hinge
    below = og.certify.robust_loss(model, w, x, y, hinge, allowed)
    begin = time.process_time()
    above = og.certify.robust_loss(
        model, w, x, y, hinge, cover, branches=branches, attack=og.attacks.PGD(steps=1)
    )
    spent = (time.process_time() - begin) / len(x)
    assert above.upper is not None
    share = (above.upper.value - below.clean) / (below.lower.value - below.clean)
    return f"{share:.4f} ({1e3 * spent:.0f} ms)"


def caps() -> Iterator[str]:
    """The ball's certificate and the cap's, both over the attack on the cap."""
    for activation in ("softplus", "relu"):
        for name, (model, w, x, y) in _networks(activation, CAPS).items():
            for radius in (0.1, 0.3):
                cap, ball = og.perturbations.spherical_cap(radius), og.perturbations.l2(radius)
                found = [ratio(model, w, x, y, cap, cover, 0) for cover in (ball, cap)]
                yield (f"{activation}, {name}, cap {radius:g}: ball {found[0]}, cap {found[1]}")


def branches() -> Iterator[str]:
    """Cuts of the l2 ball, for trained networks and random ones."""
    for activation, name, radius in (
        ("softplus", "trained", 0.1),
        ("relu", "trained", 0.1),
        ("relu", "trained", 0.3),
        ("relu", "random", 0.5),
    ):
        ball = og.perturbations.l2(radius)
        model, w, x, y = _networks(activation, CUTS)[name]
        found = [f"{k}: {ratio(model, w, x, y, ball, ball, k)}" for k in (0, 1, 4, 16)]
        yield f"{activation}, {name}, l2 {radius:g}, cuts " + ", ".join(found)
    rng = np.random.default_rng(0)
    for dim in (2, 4, 8):
        layers: Any = og.models.TwoLayerWeights(
            rng.standard_normal((100, dim)), rng.choice([-0.1, 0.1], 100), og.activations.relu
        )
        x = rng.standard_normal((10, dim))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        clean = np.maximum(x @ layers.hidden.T, 0) @ layers.output
        parts: list[tuple[int, Any, float]] = []
        best = clean
        for k in (0, 4, 16, 64):
            begin = time.process_time()
            one = og.certify.output_bound(layers, x, np.full(10, 0.5), "l2", branches=k)
            parts.append((k, np.asarray(one.bound), (time.process_time() - begin) / 10))
            moved = x + np.asarray(one.delta)
            best = np.maximum(best, np.maximum(moved @ layers.hidden.T, 0) @ layers.output)
        shares = [
            f"{k}: {np.mean((upper - clean) / (best - clean)):.4f} ({1e3 * spent:.0f} ms)"
            for k, upper, spent in parts
        ]
        yield f"relu, l2 0.5, random, d = {dim}, m = 100, cuts " + ", ".join(shares)


def ceilings() -> Iterator[str]:
    """From the hindsight point on, against the certificate: digits 0 and 1, all 360 samples."""
    allowed, hinge = og.perturbations.l2(0.1), og.losses.hinge
    for activation, width in WIDTHS.items():
        model, run, x, y = trained(activation, width, allowed, 60, None)
        inputs = [loss.x for loss in run.round_losses[9::10]]
        u = hindsight_point(model, inputs, y, hinge, 3.0, run.final_point)
        adversary = og.adversaries.CertifiedAdversary(
            model, x, y, loss=hinge, perturbation_set=allowed
        )
        begin = time.process_time()
        steps = og.step_sizes.Decreasing(0.5, 1.0)
        learner = og.learners.OnlineGradientDescent(steps)
        played = og.play(learner, adversary, model.neighborhood(3.0), rounds=15, start=u)
        spent = time.process_time() - begin
        before, after = (
            og.certify.robust_loss(model, w, x, y, hinge, allowed) for w in (u, played.best_point)
        )
        assert before.upper is not None
        assert after.upper is not None
        yield (
            f"{activation}, m = {width}: hindsight point [{before.lower.value:.5f}, "
            f"{before.upper.value:.5f}], then [{after.lower.value:.5f}, {after.upper.value:.5f}]; "
            f"{spent / 15:.1f} s a round"
        )


def _networks(activation: str, samples: int) -> dict[str, tuple[Any, Any, Any, Any]]:
    """A network trained against PGD-10 in balls of 0.1, and one as it was drawn."""
    model, run, x, y = trained(activation, 512, og.perturbations.l2(0.1), ROUNDS, 100)
    fresh = og.models.TwoLayerNet(dim=64, width=512, activation=activation, seed=0, paired=False)
    few = x[:samples], y[:samples]
    return {"random": (fresh, fresh.start, *few), "trained": (model, run.final_point, *few)}
