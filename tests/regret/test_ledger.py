"""The books close on the non-convex network, and their rows add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.adversaries import ObliviousSequence
from olgame.exceptions import ArgumentError
from olgame.learners import OnlineGradientDescent
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.step_sizes import AdaGradNorm, Decreasing
from tests.comparators import comparators
from tests.regret.ledger_game import DIM, RADIUS, ROUNDS, WIDTH, network, played


@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu", "relu"])
@pytest.mark.parametrize("loss", ["logistic", "hinge", "smoothed_hinge"])
def test_the_books_close_on_the_network(activation: str, loss: str) -> None:
    run = played(network(activation, paired=activation != "relu"), getattr(og.losses, loss))
    # The projection is at work: without it the learner's account would be trivial.
    assert (run.distance > 0.999 * RADIUS).any()
    for name, u in comparators(run, 7).items():
        ledger = og.regret.ledger(run, u)
        assert ledger.closes, (name, str(ledger))
        assert ledger.closing_error <= 1e-10
        assert ledger.curvature.min() >= -1e-14
        assert ledger.projection_gain is not None
        assert ledger.projection_gain.min() >= -1e-14


@pytest.mark.parametrize(
    "step", [3.0, Decreasing(2 * RADIUS, 0.4), AdaGradNorm(2.0 * RADIUS)], ids=repr
)
def test_entries_equal_their_formulas_written_out(step: Any) -> None:
    """Every entry from points, gradients by finite differences and the logistic loss by hand."""
    run = played(step=step)
    u = np.asarray(comparators(run, 7)["random"])
    ledger = og.regret.ledger(run, u)
    hidden_signs = np.asarray(network().two_layer(run.start).output) * np.sqrt(WIDTH)

    def f(w: Any, x: Any) -> Any:
        z = x @ w.reshape(WIDTH, DIM).T
        return np.log1p(np.exp(z)) @ hidden_signs / np.sqrt(WIDTH)

    assert run.points is not None
    losses: Any = run.round_losses
    for t in (0, 3, ROUNDS - 1):
        w, kept = np.asarray(run.points[t]), losses[t]
        x, y = np.asarray(kept.x), np.asarray(kept.y)
        z_w, z_u = f(w, x), f(u, x)
        slope = -y / (1.0 + np.exp(y * z_w))
        h = 1e-5
        jacobian = (f(w + h * (u - w), x) - f(w - h * (u - w), x)) / (2 * h)
        bregman = np.log1p(np.exp(-y * z_u)) - np.log1p(np.exp(-y * z_w)) - slope * (z_u - z_w)
        assert ledger.comparator_loss[t] == pytest.approx(np.mean(np.log1p(np.exp(-y * z_u))))
        assert ledger.curvature[t] == pytest.approx(np.mean(bregman), rel=1e-9)
        assert ledger.nonlinearity[t] == pytest.approx(
            np.mean(slope * (z_u - z_w - jacobian)), rel=1e-5
        )
        assert ledger.linear[t] == pytest.approx(-np.mean(slope * jacobian), rel=1e-7)
        following = np.asarray(run.points[t + 1] if t + 1 < ROUNDS else run.final_point)
        decrease = (np.sum((w - u) ** 2) - np.sum((following - u) ** 2)) / (2 * run.step_size[t])
        assert ledger.distance_decrease is not None
        assert ledger.distance_decrease[t] == pytest.approx(decrease, rel=1e-9, abs=1e-12)
        # The projection gain from the projection's own definition, not from the support function.
        assert ledger.projection_gain is not None
        g = np.asarray(kept.evaluate(w).gradient)
        before = w - run.step_size[t] * g
        gain = (np.sum((before - u) ** 2) - np.sum((following - u) ** 2)) / (2 * run.step_size[t])
        assert ledger.projection_gain[t] == pytest.approx(gain, rel=1e-7, abs=1e-9)


def test_several_ledgers_from_one_replay_are_the_single_ones() -> None:
    run = played()
    points = comparators(run, 7)
    known = og.Interval(
        og.Certified(0.1, "lower", "by hand"), og.Certified(9.0, "upper", "by hand")
    )
    together = og.regret.ledgers(run, points, robust_loss={"last": known})
    assert list(together) == list(points)
    for name, u in points.items():
        alone = og.regret.ledger(run, u, robust_loss=known if name == "last" else None)
        assert together[name].comparator is u
        assert together[name].robust_loss is alone.robust_loss
        for column in ("comparator_loss", "linear", "curvature", "nonlinearity", "projection_gain"):
            np.testing.assert_array_equal(
                getattr(together[name], column), getattr(alone, column), err_msg=name
            )
    with pytest.raises(ArgumentError, match=r"`ledgers\(robust_loss=\.\.\.\)`.*'first'"):
        og.regret.ledgers(run, points, robust_loss={"first": known})
    with pytest.raises(ArgumentError, match=r"`ledgers\(comparators=\.\.\.\)` must have the shape"):
        og.regret.ledgers(run, {"short": run.start[1:]})


def test_rows_add_up_and_the_slack_is_an_interval() -> None:
    run = played()
    u = comparators(run, 7)["last"]
    bare = og.regret.ledger(run, u)
    low, high = float(bare.comparator_loss.mean()), 1.0
    robust = og.Interval(og.Certified(low, "lower", "hand"), og.Certified(high, "upper", "hand"))
    ledger = og.regret.ledger(run, u, robust_loss=robust)
    assert ledger.slack is not None
    # The largest l_t(u) is itself a lower bound of L_*(u).
    assert ledger.slack[0] == pytest.approx(bare.comparator_loss.max() - low)
    assert ledger.slack[1] == pytest.approx(high - low)
    for book in (bare, ledger):
        total = 0.0
        for row in book.rows():
            value = np.mean(row.value)
            if row.symbol.startswith("="):
                if row.entry == "average loss" and book is bare:
                    assert total == pytest.approx(value, abs=1e-12)
                total = 0.0 if row.entry == "average loss" else total
            else:
                total += float(value)
    assert og.regret.external(run, u) == pytest.approx(
        float((bare.loss - bare.comparator_loss).sum()), rel=1e-12
    )


def test_quadratic_and_linear_rounds_keep_books_too() -> None:
    rng = np.random.default_rng(0)
    losses: list[Any] = [QuadraticLoss(rng.standard_normal(4), curvature=2.0) for _ in range(8)]
    losses += [LinearLoss(rng.standard_normal(4), offset=0.3) for _ in range(8)]
    ball = og.sets.L2Ball(0.5, center=np.zeros(4))
    run = og.play(
        OnlineGradientDescent(0.2), ObliviousSequence(losses), ball, rounds=16, keep="examples"
    )
    u = 0.5 * np.eye(4)[2]
    ledger = og.regret.ledger(run, u)
    assert ledger.closes
    assert ledger.curvature[8:].max() == 0.0


def test_a_comparator_of_another_shape_is_refused() -> None:
    run = played()
    with pytest.raises(og.exceptions.ArgumentError, match=r"`ledger\(comparator=\.\.\.\)`"):
        og.regret.ledger(run, np.zeros(3))


def test_an_interval_of_something_else_is_refused() -> None:
    run = played()
    low = og.Interval(og.Certified(0.0, "lower", "hand"), og.Certified(0.01, "upper", "hand"))
    with pytest.raises(og.exceptions.ArgumentError, match="of another point"):
        og.regret.ledger(run, run.start, robust_loss=low)
