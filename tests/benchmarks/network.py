"""A round of adversarial training against loops written by hand in plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import olgame as og
import olgame_torch as ogt
from tests.benchmarks.harness import Turns, compare

WIDTH, DIM, SAMPLES, STEPS, RADIUS, INPUT_RADIUS, ALPHA = 4096, 784, 128, 10, 3.0, 0.1, 0.5


class Bare:
    """Adversarial training written out: PGD in the l2 or linf ball, one projected step.

    What one would write by hand in plain torch: one matrix product and one kernel a forward pass
    (the kernel of the network under test), gradients only with respect to what is asked for,
    10 values with gradients, one value, one gradient in the weights. No sums, no checks.
    """

    def __init__(self, model: Any, x: Tensor, y: Tensor, norm: str = "l2") -> None:
        self.norm = norm
        self.start: Tensor = model.start.clone()
        self.output: Tensor = model.output
        self.x, self.y = x, y
        self.threshold = 700.0 if x.dtype == torch.float64 else 88.0

    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        z = x @ w.view(WIDTH, DIM).T
        return torch.nn.functional.softplus(z, threshold=self.threshold) @ self.output

    def attack(self, w: Tensor) -> Tensor:
        """The largest-loss point of 10 ascent steps: 10 gradients and 11 values."""
        x, best = self.x, self.x
        best_loss: Tensor | None = None
        for step in range(STEPS + 1):
            point = x.detach().requires_grad_(step < STEPS)
            with torch.set_grad_enabled(step < STEPS):
                loss = torch.nn.functional.softplus(-self.y * self.forward(w, point))
            if best_loss is None:
                best_loss = loss.detach()
            else:
                better = loss.detach() > best_loss
                best = torch.where(better[:, None], point.detach(), best)
                best_loss = torch.where(better, loss.detach(), best_loss)
            if step == STEPS:
                break
            (g,) = torch.autograd.grad(loss.sum(), point)
            size = 2.5 * INPUT_RADIUS / STEPS
            if self.norm == "linf":
                moved = point.detach() + size * g.sign()
                x = torch.clamp(moved, self.x - INPUT_RADIUS, self.x + INPUT_RADIUS)
                continue
            moved = point.detach() + size * g / g.norm(dim=1, keepdim=True).clamp_min(1e-30)
            delta = moved - self.x
            length = delta.norm(dim=1, keepdim=True)
            x = self.x + delta * (INPUT_RADIUS / length).clamp_max(1.0)
        return best

    def step(self, w: Tensor) -> Tensor:
        """One round: attack, gradient, projection onto B(R)."""
        x = self.attack(w)
        point = w.detach().requires_grad_()
        loss = torch.nn.functional.softplus(-self.y * self.forward(point, x)).mean()
        (g,) = torch.autograd.grad(loss, point)
        offset = w - ALPHA * g - self.start
        length = float(offset.norm())
        if length > RADIUS:
            offset *= RADIUS / length
        return self.start + offset

    def play(self, rounds: int, start: Tensor) -> Tensor:
        w = start
        for _ in range(rounds):
            w = self.step(w)
        return w


def parts(dtype: torch.dtype, device: str, norm: str = "l2") -> tuple[Any, Any, Bare]:
    """The library's game and the bare one, on the same data."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(SAMPLES) % 2, 1.0, -1.0)
    x = og.data.normalize(rng.standard_normal((SAMPLES, DIM)) + 0.2 * y[:, None])
    model = ogt.TwoLayerNet(dim=DIM, width=WIDTH, seed=0, dtype=dtype, device=device)
    adversary = og.adversaries.InputAttack(
        model,
        x,
        y,
        loss=og.losses.logistic,
        attack=og.attacks.PGD(steps=STEPS),
        perturbation_set=getattr(og.perturbations, norm)(INPUT_RADIUS),
    )
    bare = Bare(model, model.asarray(x), model.asarray(y), norm)
    return model, adversary, bare


def off_the_start(bare: Bare) -> Tensor:
    """A point on the way: at the paired start itself a plain sum climbs its rounding errors."""
    draw = np.random.default_rng(1).standard_normal(bare.start.shape[0])
    step: Tensor = torch.as_tensor(draw, dtype=bare.start.dtype, device=bare.start.device)
    return bare.start + step * (0.5 * RADIUS / float(step.norm()))


def rounds(dtype: torch.dtype, device: str = "cpu", count: int = 100) -> list[str]:
    """Rounds with PGD-10 and default tracking beside the bare loop.

    Both play from W_0, one round of either in turn, so that a round is compared with the one
    beside it; four rounds, which are booked together, are added up. That they play the same game
    is checked from a point off W_0.
    """
    model, adversary, bare = parts(dtype, device)
    ball, learner = model.neighborhood(RADIUS), og.learners.OnlineGradientDescent(ALPHA)
    start = off_the_start(bare)
    found: Any = og.play(learner, adversary, ball, rounds=3, start=start).final_point
    expected = bare.play(3, start)
    difference = float(torch.dist(found, expected) / torch.dist(expected, start))
    turns = Turns(f"bare loop, {dtype}, {device}", "olgame.play", wait=synchronize(device))
    w = bare.start

    def bare_round(_: Any = None) -> None:
        nonlocal w
        turns.candidate_ends()
        w = bare.step(w)
        turns.baseline_ends()

    turns.begin()
    bare_round()
    og.play(learner, adversary, ball, rounds=count, observers=[bare_round])
    lines = [str(c) for c in turns.comparisons(warmup=4, together=4)]
    return [*lines, f"  relative difference of the points after 3 rounds: {difference:.1e}"]


def synchronize(device: str) -> Callable[[], object]:
    """What waits until the device has done its work."""
    return torch.cuda.synchronize if device != "cpu" else lambda: None


def attack(dtype: torch.dtype, device: str = "cpu", norm: str = "l2") -> list[str]:
    """PGD-10 alone beside a bare ``autograd.grad`` loop with the same evaluations."""
    model, adversary, bare = parts(dtype, device, norm)
    w = off_the_start(bare)
    objective = og.attacks.ModelObjective(model, w, adversary.y, adversary.loss)
    rng = np.random.default_rng(0)
    candidates: dict[str, Callable[[], object]] = {
        f"bare PGD-10, {norm}, {dtype}, {device}": lambda: bare.attack(w),
        "olgame PGD-10": lambda: adversary.attack(
            objective, adversary.x, adversary.perturbation_set, rng
        ),
    }
    return [str(c) for c in compare(candidates, repeats=60, warmup=3)]


def floor() -> str:
    """What a round cannot avoid: multiply-adds of its matrix products."""
    product = SAMPLES * DIM * WIDTH
    products = (STEPS + 2) + STEPS + 1
    return f"floor of a round: {products} products of {product / 1e6:.0f} M multiply-adds, " + (
        f"{math.prod((WIDTH, DIM)) / 1e6:.1f} M weights read or written per pass"
    )
