"""Parts that are others than those of the saved game are named, by what they hold."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.checkpoint import read_checkpoint
from olgame.exceptions import ArgumentError, NotAvailableError, StorageError
from olgame.fingerprint import fingerprints
from tests.saved_games import BALL, CENTER, LOSSES, OGD, ROUNDS, assert_equal, rewrite, saved_game


class Sign:
    """A learner that is a plain class: nothing declares its fields."""

    level = og.Level.GRADIENT

    def __init__(self, step: float) -> None:
        self._step = step

    def init(self, start: Any, decision_set: Any) -> Any:
        return start

    def decide(self, state: Any, /) -> Any:
        return state

    def update(self, state: Any, feedback: Any, /) -> Any:
        return BALL.project(state - self._step * np.sign(feedback.gradient))

    def copy(self, state: Any, /) -> Any:
        return state


def attack_parts(
    library: str = "numpy",
    *,
    label: float = 1.0,
    shift: float = 0.0,
    attacked: float = 0.1,
    seed: int = 0,
    ball: float = 1.0,
    rate: float = 0.5,
) -> Any:
    """A game on a network, every piece of it made anew."""
    x, y = og.data.circle(12)
    y[3] *= label
    x[5, 0] += shift
    kind: Any = og.models.TwoLayerNet
    if library != "numpy":
        kind = pytest.importorskip("olgame_torch").TwoLayerNet
    model = kind(dim=2, width=8, activation="softplus", seed=seed)
    if library == "module":
        torch = pytest.importorskip("torch")
        torch.manual_seed(seed)
        layers = (torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        kind = pytest.importorskip("olgame_torch").TorchModel
        model = kind(torch.nn.Sequential(*layers), dtype=torch.float64)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.logistic, attack=og.attacks.PGD(steps=1),
        perturbation_set=og.perturbations.l2(attacked),
    )  # fmt: skip
    decision_set = og.sets.L2Ball(ball, model.start)
    return og.learners.OnlineGradientDescent(rate), adversary, decision_set


@pytest.mark.parametrize("library", ["numpy", "torch", "module"])
def test_parts_that_are_others_are_named(library: str, tmp_path: Path) -> None:
    if library != "numpy":
        pytest.importorskip("torch")
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    whole = og.play(*attack_parts(library), rounds=100, checkpoint=save)
    assert_equal(og.resume(save.path, *attack_parts(library)), whole)  # made anew, saved again
    others: list[tuple[dict[str, Any], str]] = [
        ({"label": -1.0}, r"^`resume\(adversary=...\)` must be .*: its `y` is another\. Make"),
        ({"shift": 1e-15}, r"^`resume\(adversary=...\)` .*: its `x` is another\."),
        ({"attacked": 0.2}, r"^`resume\(adversary=...\)` .* `perturbation_set` is another\."),
        ({"seed": 1}, r"adversary=.* `model` is another\. .*decision_set=.* `center` is another"),
        ({"ball": 2.0}, r"^`resume\(decision_set=...\)` .*: its `radius` is another\."),
        ({"rate": 0.25}, r"^`resume\(learner=...\)` .*: its `step_size` is another\."),
        ({"label": -1.0, "shift": 1.0}, r"its `x`, `y` are others"),
    ]
    for changed, message in others:
        with pytest.raises(ArgumentError, match=message):
            og.resume(save.path, *attack_parts(library, **changed))


def test_a_plain_class_is_looked_into(tmp_path: Path) -> None:
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    game: dict[str, Any] = {"rounds": ROUNDS, "start": np.zeros(6)}
    whole = og.play(Sign(0.1), *OGD[1:], **game, checkpoint=save)
    assert_equal(og.resume(save.path, Sign(0.1), *OGD[1:]), whole)
    with pytest.raises(ArgumentError, match=r"learner=.*its `_step` is another"):
        og.resume(save.path, Sign(0.2), *OGD[1:])
    losses = [*LOSSES[:-1], og.losses.LinearLoss(2 * CENTER)]
    with pytest.raises(ArgumentError, match=r"adversary=.*its `losses` is another"):
        og.resume(save.path, Sign(0.1), og.adversaries.ObliviousSequence(losses), BALL)


def test_a_file_of_the_first_format_is_not_checked(tmp_path: Path) -> None:
    path = saved_game(tmp_path)
    whole, saved = og.resume(path, *OGD), read_checkpoint(path)
    newer = saved._replace(document={**saved.document, "format_version": 3})
    old = {name: entry for name, entry in saved.document.items() if name != "parts"}
    rewrite(path, saved._replace(document={**old, "format_version": 1}))
    assert_equal(og.resume(path, *OGD), whole)
    rewrite(path, saved._replace(document={**saved.document, "parts": {"learner": 3}}))
    with pytest.raises(StorageError, match="no fingerprints"):
        og.resume(path, *OGD)
    rewrite(path, saved._replace(document=old))
    with pytest.raises(StorageError, match="no fingerprints"):
        og.resume(path, *OGD)
    rewrite(path, newer)
    with pytest.raises(NotAvailableError, match="format 3"):
        og.resume(path, *OGD)


PRINTED = """
import numpy as np, olgame as og
from olgame.fingerprint import fingerprints
values = {"b": {3, 1, "x"}, "a": [np.arange(4.0)[::2], -0.0, None, 2**70], "f": np.sin}
ball = og.sets.L2Ball(1, np.ones(3))
print(fingerprints(values=og.adversaries.ObliviousSequence([values]), ball=ball))
"""


def test_fingerprints_are_equal_in_other_processes() -> None:
    run = [sys.executable, "-c", PRINTED]
    found = {
        subprocess.run(run, capture_output=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_what_differs_has_other_fingerprints() -> None:
    """By hand: values that are easily taken for one another, and ones that are equal."""
    circle: list[Any] = []
    circle.append(circle)
    x = np.arange(6.0)
    different: list[Any] = [
        x, x.reshape(2, 3), x.astype(np.float32), x.astype(np.int64), list(x), x + 1e-15, None,
        0.0, -0.0, False, "", b"", [], [[]], ["ab", "c"], ["a", "bc"], {"a": 1}, {"a": 2}, {1: "a"},
        np.sin, np.cos, float("nan"), 2**60, 2**60 + 1, circle, Sign(0.1), Sign(0.2), 1j, range(3),
        og.Level.FULL, og.Level.VALUE, og.sets.L2Ball, og.step_sizes.AdaGradNorm(1.0), {1, 2}, {1},
        np.array(["a", None], dtype=object), np.array(["a", 3], dtype=object),
    ]  # fmt: skip

    def digest(value: Any) -> str:
        found: str = fingerprints(it=og.adversaries.ObliviousSequence((value,)))["it"]["fields"][
            "losses"
        ]
        return found

    assert len({digest(value) for value in different}) == len(different)
    equal: list[tuple[Any, Any]] = [
        (1, 1.0), (np.float64(0.5), 0.5), (x[::2], x[::2].copy()), (x.astype(">f8"), x),
        ([x, x], [x, x.copy()]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (Sign(0.1), Sign(0.1)),
    ]  # fmt: skip
    for one, other in equal:
        assert digest(one) == digest(other), (one, other)


def test_long_sequences_are_no_burden() -> None:
    """100,000 losses in about a second; one network in all of them is looked into once."""
    model = og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0)
    x, y = np.zeros((1, 2)), np.ones(1)
    losses: list[Any] = [og.losses.LinearLoss(c) for c in np.ones((50_000, 3))]
    losses += [og.losses.ModelLoss(model, x, y, og.losses.logistic) for _ in range(10_000)]
    began = time.process_time()
    fingerprints(adversary=og.adversaries.ObliviousSequence(losses))
    assert time.process_time() - began < 4.0
