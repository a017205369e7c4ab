"""The loop: who is shown what, what is refused, what is kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.adversaries import Response, Timing, View
from olgame.exceptions import (
    ArgumentError,
    GameInterrupted,
    NotKeptError,
    TimingError,
    ViolationError,
)
from olgame.losses import LinearLoss, QuadraticLoss, RoundEvaluation

T, P = 300, 7


def linear_losses(seed: int, rounds: int = T, shape: tuple[int, ...] = (P,)) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [LinearLoss(rng.standard_normal(shape)) for _ in range(rounds)]


def ball(radius: float = 1.0, dim: int = P) -> og.sets.L2Ball:
    return og.sets.L2Ball(radius, center=np.zeros(dim))


def bare_game(losses: list[LinearLoss], alpha: float, radius: float) -> dict[str, Any]:
    """Projected gradient descent and its sums, written out; shares no code with the library."""
    w = np.zeros(P)
    found: dict[str, Any] = {"points": [], "loss": [], "inner": [], "S": np.zeros(P)}
    for loss in losses:
        g = np.asarray(loss.gradient)
        found["points"].append(w)
        found["loss"].append(float(np.sum(g * w)))
        found["inner"].append(float(np.sum(g * w)))
        found["S"] = found["S"] + g
        y = w - alpha * g
        w = y if np.sqrt(np.sum(y * y)) <= radius else radius * y / np.sqrt(np.sum(y * y))
    found["final"] = w
    return found


@pytest.mark.parametrize("block", [1, 7, 64])
def test_books_equal_a_loop_written_out(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one, of some and of all rounds book the same as a plain loop."""
    monkeypatch.setattr("olgame.chunks.CHUNK", block)
    losses = linear_losses(0)
    run = og.play(
        og.learners.OnlineGradientDescent(0.2),
        og.adversaries.ObliviousSequence(losses),
        ball(),
        rounds=T,
        keep="points",
    )
    bare = bare_game(losses, 0.2, 1.0)
    np.testing.assert_allclose(run.loss, bare["loss"], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(run.inner, bare["inner"], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(np.asarray(run.gradient_sum), bare["S"], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(run.final_point), bare["final"], rtol=1e-13)
    assert run.points is not None
    points = np.stack([np.asarray(point) for point in run.points])
    np.testing.assert_allclose(points, bare["points"], rtol=1e-13, atol=1e-15)
    best = int(np.argmin(bare["loss"]))
    assert run.best_round == best + 1
    np.testing.assert_allclose(np.asarray(run.best_point), bare["points"][best], rtol=1e-13)
    assert run.update_error.max() <= 1e-15


def test_leading_axes_are_independent_games() -> None:
    """Games that differ in start, data and set give the single runs."""
    games, rng = 5, np.random.default_rng(3)
    targets = rng.standard_normal((games, P))
    centers = rng.standard_normal((games, P))
    losses = [QuadraticLoss(targets, curvature=0.7)] * 40
    together = og.play(
        og.learners.OnlineGradientDescent(0.3),
        og.adversaries.ObliviousSequence(losses),
        og.sets.L2Ball(0.5, center=centers),
        rounds=40,
    )
    assert together.games == (games,)
    regret = og.regret.linear(together).value
    for i in range(games):
        alone = og.play(
            og.learners.OnlineGradientDescent(0.3),
            og.adversaries.ObliviousSequence([QuadraticLoss(targets[i], curvature=0.7)] * 40),
            og.sets.L2Ball(0.5, center=centers[i]),
            rounds=40,
        )
        np.testing.assert_allclose(together.loss[:, i], alone.loss, rtol=1e-12)
        np.testing.assert_allclose(
            together.final_point[i], np.asarray(alone.final_point), rtol=1e-12
        )
        np.testing.assert_allclose(together.best_point[i], np.asarray(alone.best_point), rtol=1e-12)
        np.testing.assert_allclose(
            np.asarray(regret)[i], og.regret.linear(alone).value, rtol=1e-12, atol=1e-12
        )
    with pytest.raises(og.exceptions.NotAvailableError, match="batch of games"):
        og.regret.ledger(together, together.start)


def test_same_seed_same_transcript_other_seed_other() -> None:
    def losses_of(seed: int) -> Any:
        return og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.MinimaxLinear(),
            ball(),
            rounds=20,
            seed=seed,
        ).gradient_sum

    np.testing.assert_array_equal(losses_of(4), losses_of(4))
    assert not np.array_equal(losses_of(4), losses_of(5))


class Peeking:
    """Declares one timing and looks at more."""

    def __init__(self, timing: Timing, looks_at: str) -> None:
        self.timing = timing
        self.looks_at = looks_at

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        getattr(view, self.looks_at)
        return Response(LinearLoss(np.ones(P))), None


@pytest.mark.parametrize(
    ("timing", "looks_at"),
    [
        (Timing.OBLIVIOUS, "point"),
        (Timing.OBLIVIOUS, "previous_point"),
        (Timing.SEES_PAST, "point"),
    ],
)
def test_an_adversary_that_peeks_is_stopped(timing: Timing, looks_at: str) -> None:
    with pytest.raises(TimingError, match="declares `timing`"):
        og.play(og.learners.OnlineGradientDescent(0.1), Peeking(timing, looks_at), ball(), rounds=3)


def test_an_adversary_may_look_at_what_it_declares() -> None:
    for timing, looks_at in ((Timing.SEES_PAST, "previous_point"), (Timing.SEES_POINT, "point")):
        adversary = Peeking(timing, looks_at)
        run = og.play(og.learners.OnlineGradientDescent(0.1), adversary, ball(), rounds=3)
        assert run.status == "finished"


class Leaving(og.learners.OnlineGradientDescent):
    """Forgets to project."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state.before_projection = state.point = state.point - 0.5 * feedback.gradient
        state.step_size = 0.5
        return state


def test_a_point_outside_the_set_names_round_and_amount() -> None:
    adversary = og.adversaries.ObliviousSequence([LinearLoss(np.eye(P)[0])] * 9)
    with pytest.raises(
        ViolationError, match=r"In round 4, the learner's point is 0\.5 outside"
    ) as e:
        og.play(Leaving(0.5), adversary, ball(), rounds=9)
    assert e.value.transcript is not None
    assert e.value.transcript.status == "violated"
    recorded = og.play(Leaving(0.5), adversary, ball(), rounds=9, on_violation="record")
    assert [v.round for v in recorded.violations] == [4, 5, 6, 7, 8, 9]
    np.testing.assert_allclose(recorded.point_excess[:5], [0, 0, 0, 0.5, 1.0], atol=1e-12)
    # It also is no projected gradient step, which the audit finds without asking the learner.
    assert recorded.update_error[3] == pytest.approx(1.0)


class NanLoss:
    def value(self, w: Any) -> Any:
        return math.nan

    def evaluate(self, w: Any) -> RoundEvaluation:
        return RoundEvaluation(math.nan, 0.0 * w)

    def remainder(self, w: Any, u: Any) -> Any:
        raise NotImplementedError


def test_a_loss_that_is_not_finite_names_its_round() -> None:
    losses = [*linear_losses(0, 5), NanLoss(), *linear_losses(1, 5)]
    with pytest.raises(ViolationError, match="In round 6, the round's loss is not finite"):
        og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.ObliviousSequence(losses),
            ball(),
            rounds=11,
        )


class StopsAt:
    """An observer that acts like Ctrl-C, or like a bug, in one round."""

    def __init__(self, round: int, error: BaseException) -> None:
        self.round, self.error = round, error

    def __call__(self, seen: og.observers.Round) -> None:
        if seen.round == self.round:
            raise self.error


@pytest.mark.parametrize("block", [1, 64])
def test_nothing_played_is_lost_by_ctrl_c_or_a_bug(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("olgame.chunks.CHUNK", block)
    losses = linear_losses(0)
    whole = bare_game(losses, 0.2, 1.0)

    def stopped(error: BaseException) -> Any:
        og.play(
            og.learners.OnlineGradientDescent(0.2),
            og.adversaries.ObliviousSequence(losses),
            ball(),
            rounds=T,
            keep="examples",
            observers=(StopsAt(37, error),),
        )

    with pytest.raises(GameInterrupted, match="after 37 of 300 rounds") as interrupted:
        stopped(KeyboardInterrupt())
    with pytest.raises(ZeroDivisionError) as failed:
        stopped(ZeroDivisionError("a bug of the user's"))
    for error, status in ((interrupted, "interrupted"), (failed, "failed")):
        run: Any = getattr(error.value, "transcript")  # noqa: B009  # set on any exception
        assert (run.rounds, run.status) == (37, status)
        np.testing.assert_allclose(run.loss, whole["loss"][:37], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(run.final_point, whole["points"][37], rtol=1e-12)
        assert run.update_error.max() < 1e-14
        assert og.regret.ledger(run, run.final_point).closes


BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"rounds": 0}, r"`play\(rounds=\.\.\.\)` must be an integer of at least 1, got 0"),
    ({"rounds": 2.5}, "got 2.5"),
    ({"rounds": 3, "keep": "everything"}, r"`play\(keep=\.\.\.\)` must be one of"),
    ({"rounds": 3, "on_violation": "ignore"}, r"`play\(on_violation=\.\.\.\)`"),
    ({"rounds": 3, "seed": -1}, r"`play\(seed=\.\.\.\)` must be a non-negative integer"),
    ({"rounds": 3, "start": 2.0 * np.eye(P)[0]}, r"must lie in the decision set, but is 1 outside"),
    ({"rounds": 3, "start": np.full(P, np.nan)}, r"`play\(start=\.\.\.\)` must be finite"),
    ({"rounds": 3, "start": np.zeros(P + 1)}, "8"),
    ({"rounds": 11}, "holds 10 losses, but round 11 was asked for"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((ArgumentError, og.exceptions.ShapeError), match=message):
        og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.ObliviousSequence(linear_losses(0, 10)),
            ball(),
            **arguments,
        )


def test_what_was_not_kept_says_how_to_keep_it() -> None:
    run = og.play(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.ObliviousSequence(linear_losses(0, 5)),
        ball(),
        rounds=5,
    )
    with pytest.raises(NotKeptError, match="keep='examples'"):
        og.regret.ledger(run, run.start)
    with pytest.raises(NotKeptError, match="keep='examples'"):
        og.regret.external(run, run.start)


def test_no_start_anywhere_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"`play\(start=\.\.\.\)` is needed"):
        og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.ObliviousSequence(linear_losses(0, 5)),
            og.sets.L2Ball(1.0),
            rounds=5,
        )


def test_what_is_not_finite_has_no_regret() -> None:
    losses = [*linear_losses(0, 3), LinearLoss(np.full(P, np.nan)), *linear_losses(1, 3)]
    run = og.play(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.ObliviousSequence(losses),
        ball(),
        rounds=7,
        on_violation="record",
    )
    assert run.best_round != 4
    with pytest.raises(og.exceptions.NotAvailableError, match="not finite"):
        og.regret.linear(run)
    with pytest.raises(og.exceptions.NotAvailableError, match="not finite"):
        og.theory.ProjectedOGD().check(run)


def test_the_regret_of_a_batch_prints() -> None:
    run = og.play(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.MinimaxLinear(),
        og.sets.L2Ball(1.0, center=np.zeros((2, 4))),
        rounds=3,
    )
    assert str(og.regret.linear(run)).startswith("= [")


class Wordy(Peeking):
    """Answers something that is no pair of a response and a state."""

    def __init__(self, answer: Any) -> None:
        super().__init__(Timing.OBLIVIOUS, "round")
        self.answer = answer

    def respond(self, state: None, view: View, /) -> Any:
        return self.answer


BAD_PARTS: list[tuple[Any, Any, str]] = [
    (og.learners.OnlineGradientDescent, Peeking(Timing.OBLIVIOUS, "round"), "got the class"),
    (Peeking(Timing.OBLIVIOUS, "round"), og.learners.OnlineGradientDescent(0.1), "decide"),
    (og.learners.OnlineGradientDescent(0.1), Peeking("sees_point", "round"), "Timing.SEES_POINT"),  # type: ignore[arg-type]  # what is refused
]


@pytest.mark.parametrize(("learner", "adversary", "message"), BAD_PARTS)
def test_objects_that_are_no_parts_are_refused(learner: Any, adversary: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        og.play(learner, adversary, ball(), rounds=2)


@pytest.mark.parametrize("answer", [1.0, None, LinearLoss(np.ones(P)), (1.0, None)])
def test_a_wrong_answer_in_round_one_points_to_the_protocol(answer: Any) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError)) as found:
        og.play(og.learners.OnlineGradientDescent(0.1), Wordy(answer), ball(), rounds=2)
    assert any("the pair (Response(loss), state)" in note for note in found.value.__notes__)
