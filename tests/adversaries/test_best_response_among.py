"""The worst of finitely many losses: which one it is, ties, games, and the robust problem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, ShapeError, ViolationError

Floats = NDArray[np.float64]
A: Any = og.adversaries
L: Any = og.losses
DESCENT = og.learners.OnlineGradientDescent(0.05)
BALL = og.sets.L2Ball(1.0, center=np.zeros(3))


def pieces(rng: np.random.Generator, shape: tuple[int, ...] = ()) -> list[Any]:
    """Linear and quadratic losses; with a leading shape one for each game."""
    return [
        L.LinearLoss(rng.standard_normal((*shape, 3)), offset=0.1),
        L.QuadraticLoss(rng.standard_normal((*shape, 3)), curvature=0.7),
        L.LinearLoss(rng.standard_normal((*shape, 3))),
        L.QuadraticLoss(0.2 * rng.standard_normal((*shape, 3)), curvature=1.9),
    ]


def longhand(loss: Any, w: Floats) -> float:
    if isinstance(loss, L.LinearLoss):
        return float(w @ to_numpy(loss.gradient)) + float(np.asarray(loss.offset))
    return 0.5 * float(loss.curvature) * float(((w - to_numpy(loss.target)) ** 2).sum())


def test_no_loss_of_the_list_is_larger_than_the_answer() -> None:
    losses = pieces(np.random.default_rng(0))
    run = og.play(DESCENT, A.BestResponseAmong(losses), BALL, rounds=40, keep="points")
    assert run.adversary.timing is A.Timing.SEES_POINT
    answered = run.kept_losses("A test")
    assert run.points is not None
    for point, loss, suffered in zip(run.points, answered, run.loss, strict=True):
        values = [longhand(f, to_numpy(point)) for f in losses]
        assert float(suffered) == pytest.approx(max(values), rel=1e-14)
        assert loss is losses[int(np.argmax(values))]
    assert len({id(loss) for loss in answered}) > 1, "it has changed its mind"


def test_the_past_and_the_origin() -> None:
    losses = pieces(np.random.default_rng(1))
    adversary = A.BestResponseAmong(losses, sees="past", start=np.array([0.5, 0.5, 0.0]))
    run = og.play(DESCENT, adversary, BALL, rounds=9, keep="points")
    assert adversary.timing is A.Timing.SEES_PAST
    assert run.points is not None
    seen = [np.zeros(3), *(to_numpy(point) for point in run.points[:-1])]
    for point, loss in zip(seen, run.kept_losses("A test"), strict=True):
        assert loss is losses[int(np.argmax([longhand(f, point) for f in losses]))]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_equal_losses_the_first_is_taken(order: tuple[int, ...]) -> None:
    """At the origin all linear losses are 0."""
    losses = [L.LinearLoss(row) for row in np.eye(3)[list(order)]]
    response, _ = A.BestResponseAmong(losses).respond(
        None, A.View(1, A.Timing.SEES_POINT, np.zeros(3), None)
    )
    assert response.loss is losses[0]


def test_small_regret_solves_the_robust_problem() -> None:
    """min over the simplex of max_j <g_j, w>, by linear programming."""
    rows = np.random.default_rng(3).standard_normal((6, 4))
    exact = linprog(
        np.r_[np.zeros(4), 1.0], A_ub=np.c_[rows, -np.ones(6)], b_ub=np.zeros(6),
        A_eq=[[1.0, 1.0, 1.0, 1.0, 0.0]], b_eq=[1.0], bounds=[(0, None)] * 4 + [(None, None)],
    ).fun  # fmt: skip
    adversary = A.BestResponseAmong([L.LinearLoss(row) for row in rows])
    run = og.play(
        og.learners.OnlineGradientDescent(0.02), adversary, og.sets.Simplex(), rounds=2000,
        start=np.full(4, 0.25), keep="points",
    )  # fmt: skip
    assert run.points is not None
    average = np.mean([to_numpy(point) for point in run.points], axis=0)
    assert float((rows @ average).max()) <= float(run.loss.mean()) + 1e-12
    assert (run.loss >= exact - 1e-12).all()
    assert run.loss.mean() <= exact + og.regret.linear(run).value / run.rounds + 1e-12
    assert og.regret.linear(run).value / run.rounds < 0.05


@pytest.mark.parametrize("own", [False, True], ids=["one list", "lists of their own"])
def test_games_of_a_batch_are_the_single_games(own: bool) -> None:
    rng = np.random.default_rng(4)
    losses = pieces(rng, (3,) if own else ())
    starts = 0.5 * rng.standard_normal((3, 3))
    starts = starts / np.maximum(1.0, np.linalg.norm(starts, axis=1, keepdims=True))
    options: Any = {"rounds": 25, "keep": "points"}
    many = og.play(DESCENT, A.BestResponseAmong(losses), BALL, start=starts, **options)
    chosen = many.kept_losses("A test")
    assert any(isinstance(loss, L.ChosenLoss) for loss in chosen), "games have differed"
    for i in range(3):
        same = many.game(i)
        alone = og.play(DESCENT, same.adversary, BALL, start=starts[i], **options)
        np.testing.assert_allclose(many.loss[:, i], alone.loss, rtol=1e-13)
        np.testing.assert_allclose(same.loss, alone.loss, rtol=1e-13)
        np.testing.assert_allclose(to_numpy(many.final_point)[i], to_numpy(alone.final_point))
        u = np.array([0.1, -0.2, 0.3])
        assert og.regret.external(same, u) == pytest.approx(og.regret.external(alone, u))
    if own:  # the starts' games may also come from the losses alone
        shared = og.play(DESCENT, A.BestResponseAmong(losses), BALL, start=starts[0], **options)
        assert shared.games == (3,)


def test_what_is_chosen_has_the_remainder_of_the_chosen() -> None:
    rng = np.random.default_rng(5)
    losses, w, u = pieces(rng), rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    loss = L.ChosenLoss(tuple(losses), np.array([3, 0, 1, 3]))
    at, left = loss.evaluate(w), loss.remainder(w, u)
    for i, j in enumerate([3, 0, 1, 3]):
        one, rest = losses[j].evaluate(w[i]), losses[j].remainder(w[i], u[i])
        np.testing.assert_array_equal(to_numpy(at.gradient)[i], to_numpy(one.gradient))
        assert float(to_numpy(at.value)[i]) == pytest.approx(longhand(losses[j], w[i]), rel=1e-14)
        for found, expected in zip(left, rest, strict=True):
            assert float(to_numpy(found)[i]) == pytest.approx(float(to_numpy(expected)), rel=1e-14)
        same: Any = loss.game((i,))
        assert float(same.value(w[i])) == pytest.approx(longhand(losses[j], w[i]), rel=1e-14)


def test_a_loss_that_is_nan_is_seen() -> None:
    broken = L.LinearLoss(np.full(3, np.nan))
    adversary = A.BestResponseAmong([L.LinearLoss(np.ones(3)), broken])
    with pytest.raises(ViolationError, match=r"loss|gradient"):
        og.play(DESCENT, adversary, BALL, rounds=2)


def test_torch_plays_the_same_game() -> None:
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(6).standard_normal((3, 3))
    runs = [
        og.play(
            DESCENT, A.BestResponseAmong([L.LinearLoss(make(row)) for row in rows]),
            og.sets.L2Ball(1.0), rounds=20, start=make(starts),
        )
        for starts in (np.full((2, 3), 0.4) * [[0.0], [1.0]],)
        for make in (np.asarray, torch.tensor)
    ]  # fmt: skip
    np.testing.assert_allclose(runs[0].loss, runs[1].loss, atol=1e-14)


def test_errors_name_the_argument() -> None:
    for losses in ([], 3, [3], [L.LinearLoss(np.ones(3)), "x"]):
        with pytest.raises(
            ArgumentError, match=r"`BestResponseAmong\(losses=...\)` must be a list"
        ):
            A.BestResponseAmong(losses)
    with pytest.raises(ArgumentError, match=r"sees=...\)` must be one of point, past, got 'all'"):
        A.BestResponseAmong(pieces(np.random.default_rng(0)), sees="all")
    mixed = [L.LinearLoss(np.ones((2, 3))), L.LinearLoss(np.ones((4, 3)))]
    with pytest.raises(ShapeError, match=r"losses\[0\].*losses\[1\].*agree in the leading axes"):
        A.BestResponseAmong(mixed)
