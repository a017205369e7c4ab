"""Bugs found in other libraries that need autograd to be made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og

torch: Any = pytest.importorskip("torch")
ogt: Any = pytest.importorskip("olgame_torch")


class Counting(torch.nn.Linear):  # type: ignore[misc]  # torch may be absent
    """A layer that counts how often a gradient with respect to its weights was made."""

    made = 0

    def forward(self, x: Any) -> Any:
        weight = self.weight
        if weight.requires_grad:
            weight = weight * 1.0
            weight.register_hook(self._count)
        return torch.nn.functional.linear(x, weight, self.bias)

    def _count(self, gradient: Any) -> None:
        type(self).made += 1


def test_an_attack_makes_no_gradients_of_the_weights() -> None:
    """`loss.backward()` pays for them (1.6 x) and overwrites ``param.grad`` of the user."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(Counting(5, 8), torch.nn.Softplus(), Counting(8, 1)).double()
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    model = ogt.TorchModel(net, dtype=torch.float64)
    x = torch.randn(6, 5, dtype=torch.float64)
    objective = og.attacks.ModelObjective(
        model, model.start, torch.ones(6, dtype=torch.float64), og.losses.logistic
    )
    Counting.made = 0
    ball = og.perturbations.l2(0.1)
    og.attacks.PGD(steps=10)(objective, x, ball, np.random.default_rng(0))
    assert Counting.made == 0
    for parameter in net.parameters():
        assert torch.equal(parameter.grad, torch.full_like(parameter, 7.0))
    # The counter works: this is what the flaw does.
    net(x).sum().backward()
    assert Counting.made == 2
    assert not torch.equal(net[0].weight.grad, torch.full_like(net[0].weight, 7.0))
