"""Wrong parts, one mistake each: the checks catch every one and say what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import olgame as og
from olgame.checks import (
    check_adversary,
    check_attack,
    check_decision_set,
    check_learner,
    check_loss,
    check_model,
    check_perturbation_set,
)
from olgame.exceptions import CheckError
from tests.contracts.broken_part import BALL, CENTER, NET, changed
from tests.contracts.broken_parts import L2, LOGISTIC, LOSSES, MODELS, PERTURBATIONS, SETS
from tests.contracts.broken_players import (
    ADVERSARIES,
    ATTACKS,
    LEARNERS,
    Learner,
    ascend,
    attacked,
    from_rule,
    linear,
)

MUTANTS: dict[str, tuple[Callable[..., Any], Any, dict[str, Any], str]] = {}
for _kind, _check, _table, _options in (
    ("learner", check_learner, LEARNERS, {}),
    ("adversary", check_adversary, ADVERSARIES, {}),
    ("attack", check_attack, ATTACKS, {}),
    ("set", check_decision_set, SETS, {"like": CENTER}),
    ("perturbations", check_perturbation_set, PERTURBATIONS, {}),
    ("loss", check_loss, LOSSES, {}),
    ("model", check_model, MODELS, {}),
):
    for _name, (_part, _message) in _table.items():
        MUTANTS[f"{_kind}: {_name}"] = (_check, _part, _options, _message)


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_mistake_is_named(name: str) -> None:
    check, part, options, message = MUTANTS[name]
    with pytest.raises(CheckError, match=message) as caught:
        check(part, **options)
    assert "docs/how_to/" in str(caught.value)
    assert f"fails the check '{caught.value.check}'" in str(caught.value)


def test_the_unchanged_parts_pass() -> None:
    """The mutants fail for their mistake: the same wrapping without one passes."""
    check_learner(Learner())
    check_decision_set(changed(BALL), like=CENTER)
    check_perturbation_set(changed(L2))
    check_loss(changed(LOGISTIC))
    check_model(changed(NET, __call__=NET))
    check_attack(ascend())
    check_adversary(attacked(lambda objective, x: x))
    check_adversary(from_rule(lambda view, rng: linear(view.point)))


# --- what torch parts can do to the outside -----------------------------------------------------


def _torch_setting() -> tuple[Any, Any, dict[str, Any]]:
    torch = pytest.importorskip("torch")

    class Objective:
        """A module's output as the score; the attack can reach the module."""

        def __init__(self, module: Any) -> None:
            self.module = module

        def value(self, x: Any) -> Any:
            return self.module(x)[:, 0].detach()

        output = value

    module = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Dropout(0.0)).eval()
    x = torch.zeros(2, 3)
    options = {"objective": Objective(module), "x": x, "perturbation_set": og.perturbations.l2(0.1)}
    return torch, module, options


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("backward", r"`.grad` of the parameter '0.weight' was overwritten.*torch.autograd.grad"),
        ("train", r"`training` of the module Sequential was switched"),
        ("freeze", r"`requires_grad` of the parameter '0.weight' was switched"),
        ("write", r"the parameter '0.bias' was written to"),
        ("draw", "torch's global random state changed"),
        ("no_grad", "torch's gradient mode changed"),
        ("none", ""),
    ],
)
def test_side_effects_on_modules_and_torch(mistake: str, message: str) -> None:
    torch, module, options = _torch_setting()

    def attack(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> og.attacks.AttackResult:
        clean = objective.value(x)
        if mistake == "backward":
            module(x).sum().backward()
        if mistake == "train":
            module.train()
        if mistake == "freeze":
            module.requires_grad_(False)
        if mistake == "write":
            module[0].bias.data.add_(1.0)
        if mistake == "draw":
            torch.rand(1)
        if mistake == "no_grad":
            torch.set_grad_enabled(False)
        return og.attacks.AttackResult(1.0 * x, clean, clean, 1, 0)

    skip = ["samples apart", "leading axes"]
    before = torch.get_rng_state()
    if mistake == "none":
        assert "side effects" in check_attack(attack, **options, skip=skip).passed
        return
    with pytest.raises(CheckError, match=message) as caught:
        check_attack(attack, **options, skip=skip)
    assert caught.value.check == "side effects"
    assert torch.is_grad_enabled()
    assert bool((torch.get_rng_state() == before).all())


def test_a_model_that_draws_from_torch() -> None:
    torch = pytest.importorskip("torch")

    def noisy(w: Any, x: Any) -> Any:
        torch.rand(1)
        return NET(w, x)

    with pytest.raises(CheckError, match="torch's global random state changed"):
        check_model(changed(NET, __call__=noisy))


def test_checks_import_no_torch() -> None:
    assert "torch" not in vars(sys.modules["olgame.checks.side_effects"])
