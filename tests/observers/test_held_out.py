"""Held-out loss and errors, against formulas written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.attacks import FGSM, PGD, Restarts
from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.losses import cross_entropy, hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.observers import HeldOut
from olgame.perturbations import l2

Floats = NDArray[np.float64]
RHO = 0.2
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 4)), np.where(RNG.random(30) < 0.5, -1.0, 1.0)
X_TEST, Y_TEST = RNG.standard_normal((17, 4)), np.where(RNG.random(17) < 0.5, -1.0, 1.0)
COLUMNS = ["clean_loss", "attacked_loss", "clean_error", "attacked_error"]


def linear_game(observers: Any, loss: Any = hinge, rounds: int = 11, **options: Any) -> Any:
    adversary = og.adversaries.InputAttack(
        LinearModel(4), X, Y, loss=loss, attack=FGSM(), perturbation_set=l2(RHO)
    )
    ball = og.sets.L2Ball(3.0, center=np.zeros(4))
    start = options.pop("start", np.array([0.3, -0.1, 0.2, 0.0]))
    learner = og.learners.OnlineGradientDescent(0.3)
    return og.play(
        learner, adversary, ball, rounds=rounds, start=start, observers=observers, **options
    )


def held_out(loss: Any = hinge, attack: Any = None, **options: Any) -> HeldOut:
    attack = attack or FGSM()
    return HeldOut(
        LinearModel(4),
        X_TEST,
        Y_TEST,
        loss=loss,
        attack=attack,
        perturbation_set=l2(RHO),
        **options,
    )


def by_hand(w: Floats, loss: str) -> list[float]:
    """A linear model in an l2 ball: every margin falls by rho norm(w), exactly."""
    margin = Y_TEST * (X_TEST @ w)
    worst = margin - RHO * np.sqrt((w * w).sum())

    def phi(s: Floats) -> float:
        values = np.maximum(0.0, 1.0 - s) if loss == "hinge" else np.log1p(np.exp(-s))
        return float(values.mean())

    return [phi(margin), phi(worst), float((margin <= 0).mean()), float((worst <= 0).mean())]


@pytest.mark.parametrize("loss", [hinge, logistic], ids=lambda loss: loss.name)
def test_the_columns_are_what_a_hand_computes(loss: Any) -> None:
    run = linear_game([held_out(loss, every=4)], loss, keep="points")
    found = run.observed["held out"]
    assert found.rounds.tolist() == [1, 4, 8, 12]
    assert list(found.columns) == COLUMNS
    points = [run.points[0], run.points[3], run.points[7], run.final_point]
    expected = np.array([by_hand(w, loss.name) for w in points])
    for i, name in enumerate(COLUMNS):
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], expected[:, i], rtol=1e-12, atol=1e-14)
    # The observer is no part of the game.
    alone = linear_game([], loss)
    np.testing.assert_array_equal(alone.loss, run.loss)
    assert alone.observed == {}


def test_the_attack_goes_beyond_the_flat_part_of_the_hinge() -> None:
    """Margin 1.1, radius 0.2: the hinge is flat at x, and 0.1 at the worst input."""
    x, y, w = np.array([[1.1, 0.0, 0.0, 0.0]]), np.array([1.0]), np.eye(4)[0]
    watcher = HeldOut(LinearModel(4), x, y, loss=hinge, attack=FGSM(), perturbation_set=l2(RHO))
    found = watcher.evaluate(w)
    assert found["clean_loss"] == 0.0
    assert found["attacked_loss"] == pytest.approx(0.1, abs=1e-12)


def test_a_tie_is_no_right_answer() -> None:
    assert held_out().evaluate(np.zeros(4))["clean_error"] == 1.0
    model = LinearModel(2, classes=3)
    x, y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0, 1, 2])
    watcher = HeldOut(model, x, y, loss=cross_entropy, attack=FGSM(), perturbation_set=l2(0.01))
    assert watcher.evaluate(np.zeros(6))["clean_error"] == 1.0


def test_k_logits() -> None:
    """Errors by argmax, the loss by log-sum-exp, both written out."""
    rng = np.random.default_rng(4)
    model, w = LinearModel(4, classes=3), rng.standard_normal(12)
    x, y = rng.standard_normal((40, 4)), rng.integers(0, 3, 40)
    watcher = HeldOut(
        model, x, y, loss=cross_entropy, attack=PGD(steps=20), perturbation_set=l2(RHO)
    )
    found: Any = watcher.evaluate(w)
    z = np.asarray(model(w, x))
    loss = np.log(np.exp(z).sum(-1)) - z[np.arange(40), y]
    assert found["clean_loss"] == pytest.approx(loss.mean(), rel=1e-12)
    assert found["clean_error"] == np.mean(z.argmax(-1) != y)
    assert 0 < found["clean_error"] < found["attacked_error"] < 1


def test_games_of_a_batch_are_observed_one_by_one() -> None:
    starts = np.stack([np.array([0.3, -0.1, 0.2, 0.0]), np.array([-0.2, 0.5, 0.0, 0.1])])
    together = linear_game([held_out(every=5)], start=starts)
    found = together.observed["held out"]
    assert found["attacked_loss"].shape == (4, 2)
    for i in range(2):
        alone = linear_game([held_out(every=5)], start=starts[i]).observed["held out"]
        one = together.game(i).observed["held out"]
        assert one.rounds.tolist() == alone.rounds.tolist() == [1, 5, 10, 12]
        for name in COLUMNS:
            np.testing.assert_allclose(one[name], alone[name], rtol=1e-12, atol=1e-14)


def test_same_seed_same_numbers_whatever_else_is_observed() -> None:
    model = TwoLayerNet(dim=4, width=16, activation="tanh", seed=0)
    attack = Restarts(PGD(steps=2, random_start=True), 2)
    options: dict[str, Any] = {"loss": logistic, "attack": attack, "perturbation_set": l2(RHO)}
    adversary = og.adversaries.InputAttack(model, X, Y, **options)

    def play(*watchers: HeldOut) -> Any:
        learner = og.learners.OnlineGradientDescent(0.5)
        ball = model.neighborhood(1.0)
        return og.play(learner, adversary, ball, rounds=6, observers=watchers).observed["held out"]

    often = play(HeldOut(model, X_TEST, Y_TEST, **options, every=1))
    seldom = play(HeldOut(model, X_TEST, Y_TEST, **options, every=3))
    other = play(HeldOut(model, X_TEST, Y_TEST, **options, every=3, seed=1))
    chosen = np.isin(often.rounds, seldom.rounds)
    np.testing.assert_array_equal(often["attacked_loss"][chosen], seldom["attacked_loss"])
    assert (seldom["attacked_loss"] != other["attacked_loss"])[1:].all()  # the start is all 0
    assert (often["clean_loss"] <= often["attacked_loss"]).all()


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"x": X_TEST[:, :3]}, ShapeError, r"`HeldOut\(x=\.\.\.\)` must have rows of length d = 4"),
    ({"y": Y_TEST[:-1]}, ShapeError, r"`HeldOut\(y=\.\.\.\)` must have one label"),
    ({"x": X_TEST * np.nan}, DataError, r"`HeldOut\(x=\.\.\.\)` must be finite"),
    ({"y": Y_TEST * 2}, DataError, "-1 and \\+1|labels"),
    ({"every": 0}, ArgumentError, r"`HeldOut\(every=\.\.\.\)` must be an integer of at least 1"),
    ({"loss": "hinge"}, ArgumentError, r"`HeldOut\(loss=\.\.\.\)` must be an object"),
    ({"attack": PGD}, ArgumentError, r"`HeldOut\(attack=\.\.\.\)` must be an object"),
    ({"loss": cross_entropy}, ArgumentError, r"`HeldOut\(loss=\.\.\.\)` must be a loss of one"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD)
def test_bad_arguments_are_named(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Any] = {
        "model": LinearModel(4),
        "x": X_TEST,
        "y": Y_TEST,
        "loss": hinge,
        "attack": FGSM(),
        "perturbation_set": l2(RHO),
    }
    with pytest.raises(error, match=message):
        HeldOut(**(given | changes))


def test_a_game_with_other_weights_is_refused_before_it_starts() -> None:
    model = TwoLayerNet(dim=4, width=8, activation="tanh", seed=0)
    options: dict[str, Any] = {"loss": hinge, "attack": FGSM(), "perturbation_set": l2(RHO)}
    with pytest.raises(ShapeError, match="has 32 weights, and the points of the game have 4") as e:
        linear_game([HeldOut(model, X_TEST, Y_TEST, **options)])
    assert e.value.transcript is None
