"""What `game_value` and `play_until` refuse: before anything is computed, as the user wrote it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, OlgameError, ShapeError
from olgame.theory import game_value

R = 1.0
X, Y = og.data.circle(6)
ALLOWED = og.perturbations.l2(0.1)


class Silent:
    """A learner that must not be asked for anything."""

    level = og.learners.OnlineGradientDescent(1.0).level

    def init(self, start: Any, decision_set: Any) -> Any:
        raise AssertionError("the game has begun")

    decide = update = init


def network(**options: Any) -> Any:
    return og.models.TwoLayerNet(dim=2, width=8, activation="softplus", seed=0, **options)


def adversary(model: Any = None, y: Any = Y, **options: Any) -> Any:
    parts: Any = {
        "loss": og.losses.hinge, "attack": og.attacks.PGD(steps=2), "perturbation_set": ALLOWED,
    } | options  # fmt: skip
    return og.adversaries.InputAttack(model or network(), X, y, **parts)


class NotOfLeads(type(og.losses.cross_entropy)):  # type: ignore[misc]  # the class of a value
    of_margin = False


class Random(og.models.LinearModel):
    deterministic = False


CLASSES = (Y > 0).astype(float)
OF_NO_VALUE: dict[str, tuple[Callable[[], Any], str]] = {
    "another": (og.adversaries.MinimaxLinear, "MinimaxLinear, which has no model, x, y, loss, per"),
    "certified": (
        lambda: og.adversaries.CertifiedAdversary(
            network(), X, Y, loss=og.losses.hinge, perturbation_set=ALLOWED
        ),
        r"CertifiedAdversary: its l_t is a certificate at W_t, .* away from W_t no bound",
    ),
    "mini-batch": (
        lambda: adversary(batch_size=3),
        r"losses on the full batch: .*, got batch_size=3",
    ),
    "random": (lambda: adversary(Random(2)), "losses of a deterministic network"),
}


@pytest.mark.parametrize("case", OF_NO_VALUE)
def test_an_adversary_of_no_value_is_named_by_both(case: str) -> None:
    make, message = OF_NO_VALUE[case]
    part = make()
    ball = og.sets.L2Ball(R, center=getattr(part, "start", np.zeros(2)))
    with pytest.raises(NotAvailableError, match=rf"^`play_until\(adversary=\.\.\.\)`.*{message}"):
        until(part, decision_set=ball)
    keep: Any = "examples"
    run = og.play(og.learners.OnlineGradientDescent(0.1), part, ball, rounds=2, keep=keep)
    with pytest.raises(NotAvailableError, match=rf"^`game_value\(run=\.\.\.\)`.*{message}"):
        game_value(run, R)


def until(part: Any = None, **options: Any) -> Any:
    part = adversary() if part is None else part
    asked = {"weight_radius": R, "bracket_width": 0.1, "rounds": 3} | options
    ball = asked.pop("decision_set", None) or network().neighborhood(R)
    learner: Any = asked.pop("learner", Silent())
    return og.play_until(learner, part, ball, **asked)


class BadStop:
    why_stop = "enough"

    def __call__(self, seen: Any) -> None: ...


INTEGER = "must be an integer of at least"
OPTIONS: list[tuple[str, Any, str]] = [
    ("late_rounds", 0, f"{INTEGER} 1, got 0"),
    ("late_rounds", 2.5, f"{INTEGER} 1, got 2.5"),
    ("search_steps", True, f"{INTEGER} 1, got True"),
    ("search_steps", "a", f"{INTEGER} 1, got 'a'"),
    ("branches", -1, f"{INTEGER} 0, got -1"),
    ("branches", None, f"{INTEGER} 0, got None"),
    ("best_weights", 1, "must be True or False, got 1"),
    ("attack", "pgd", "must be an object with __call__, such as `.*PGD.*`, got 'pgd'"),
    ("attack", og.attacks.PGD, "must be an object with __call__, .*got <class"),
    ("weight_radius", "a", "must be finite and positive, got 'a'"),
    ("weight_radius", np.nan, "must be finite and positive, got nan"),
]
ONLY_UNTIL: list[tuple[str, Any, str]] = [
    ("bracket_width", "a", "must be finite and positive, got 'a'"),
    ("bracket_width", None, "must be finite and positive, got None"),
    ("relative", "no", "must be True or False, got 'no'"),
    ("seconds", "a", "must be finite and positive, got 'a'"),
    ("every", 0, f"{INTEGER} 1, got 0"),
    ("rounds", 0, f"{INTEGER} 1, got 0"),
    ("keep", "sums", "must be 'examples' or 'points', got 'sums'"),
    ("observers", 3, "must be a sequence of observers, got 3"),
    ("observers", [3], "must have observers that can be called .*, got 3 at index 0"),
    ("observers", [BadStop()], "`why_stop` of 'BadStop' must be a method, got 'enough'"),
]
ONLY_VALUE: list[tuple[str, Any, str]] = [
    ("seed", -1, "must be a non-negative integer"),
    ("points", [np.zeros(16)], "must be a mapping of names to points, got"),
    ("points", {"a": np.full(16, np.nan)}, "must have finite points, got nan or inf in 'a'"),
    ("points", {"a": np.zeros(3)}, r"must have points of shape \(16,\), got \(3,\) for 'a'"),
    ("points", {"a": [0.0]}, r"must have points of shape \(16,\), got list for 'a'"),
    ("brackets", 3, "must be a mapping of names to Bracket, got 3"),
    ("brackets", {"nonsense": None}, "must be of points .* 'last iterate', .*; got 'nonsense'"),
    ("brackets", {"last iterate": 3}, "must have brackets .*, got 3 for 'last iterate'"),
]


@pytest.mark.parametrize(("name", "wrong", "message"), OPTIONS + ONLY_UNTIL)
def test_play_until_speaks_before_the_first_round(name: str, wrong: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^`play_until\({name}=\.\.\.\)`:? ?{message}"):
        until(**{name: wrong})


@pytest.mark.parametrize(("name", "wrong", "message"), OPTIONS + ONLY_VALUE)
def test_game_value_speaks_before_it_computes(
    name: str, wrong: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network()
    run = og.play(
        og.learners.OnlineGradientDescent(0.1), adversary(model), model.neighborhood(R),
        rounds=2, keep="examples",
    )  # fmt: skip
    module = importlib.import_module("olgame.theory.game_value")
    monkeypatch.setattr(module, "value_floors", None)
    kind: type[OlgameError] = ShapeError if "of shape" in message else ArgumentError
    with pytest.raises(kind, match=rf"^`game_value\({name}=\.\.\.\)` {message}"):
        game_value(run, **({"weight_radius": R} | {name: wrong}))


def test_play_until_names_the_network_and_the_games() -> None:
    linear = og.models.LinearModel(2)
    rule = "must play on a two-layer network: .*, got " + re.escape(linear.name)
    with pytest.raises(NotAvailableError, match=rf"^`play_until\(adversary=\.\.\.\)` {rule}"):
        until(adversary(linear))
    two = network(classes=2)
    with pytest.raises(NotAvailableError, match=r"a loss of the leads .*, got "):
        until(adversary(two, CLASSES, loss=NotOfLeads()))
    rule = r"must be of one game, got leading axes \(3,\)"
    many = attrs.evolve(adversary(), x=np.stack([X] * 3))
    start = np.stack([np.asarray(network().start)] * 3)
    for name, options in (
        ("adversary", {"part": many}),
        ("start", {"start": start}),
        ("seed", {"seed": [1, 2, 3]}),
    ):
        with pytest.raises(NotAvailableError, match=rf"^`play_until\({name}=\.\.\.\)` {rule}"):
            until(**options)
    with pytest.raises(ArgumentError, match=r"^`play_until\(adversary=\.\.\.\)` .* class InputAtt"):
        until(og.adversaries.InputAttack)


def test_what_is_right_is_played_and_the_last_look_is_called_so() -> None:
    found = until(
        learner=og.learners.OnlineGradientDescent(0.5), attack=og.attacks.PGD(steps=1),
        every=2, relative=True, bracket_width=1e-9, search_steps=5,
    )  # fmt: skip
    lines = str(found).splitlines()
    assert sum(line.startswith("value of the game") for line in lines) == 1
    assert sum(line.startswith("last look over B(1), after 3 rounds") for line in lines) == 1
    assert str(found.values[-1]).startswith("value of the game over B(1), after 3 rounds")


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("attack", 1, "must be an object with __call__, .*got 1"),
        ("perturbation_set", 0.1, r"must be an object with project.*l2\(0.1\).*, got 0.1"),
        ("loss", "hinge", "must be an object with value, .*got 'hinge'"),
        ("model", 3, "must be .*, such as `og.models.TwoLayerNet.*got 3"),
        ("branches", 0.5, f"{INTEGER} 0, got 0.5"),
        ("excess", "a", "must be finite and not negative, got 'a'"),
        ("tolerance", np.nan, "must be finite and not negative, got nan"),
    ],
)
def test_robust_loss_and_adversaries_name_the_part(name: str, wrong: Any, message: str) -> None:
    model = network()
    asked: dict[str, Any] = {
        "model": model, "loss": og.losses.hinge, "perturbation_set": ALLOWED, name: wrong,
    }  # fmt: skip
    with pytest.raises(ArgumentError, match=rf"^`robust_loss\({name}=\.\.\.\)` {message}"):
        og.certify.robust_loss(w=model.start, x=X, y=Y, **asked)
    if name in ("model", "loss", "perturbation_set"):
        with pytest.raises(
            ArgumentError, match=rf"^`CertifiedAdversary\({name}=\.\.\.\)` {message}"
        ):
            og.adversaries.CertifiedAdversary(x=X, y=Y, **asked)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("checkpoint", "file.npz", 'must be a Checkpoint: `Checkpoint\\("file.npz"\\)`, got'),
        ("checkpoint", 3, "must be a Checkpoint, such as .*, got 3"),
        *(row for row in ONLY_UNTIL if row[0] == "observers"),
        ("observers", [og.observers.AveragePoint], "must have .* no classes, got <class"),
        ("observers", "abc", "must be a sequence of observers, got 'abc'"),
    ],
)
def test_play_names_checkpoint_and_observers(name: str, wrong: Any, message: str) -> None:
    model, learner = network(), og.learners.OnlineGradientDescent(0.1)
    with pytest.raises(ArgumentError, match=rf"^`play\({name}=\.\.\.\)`:? ?{message}"):
        og.play(learner, adversary(model), model.neighborhood(R), rounds=2, **{name: wrong})
