"""What the referee books does not depend on how many rounds it books together, or in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ViolationError
from olgame.sets import Box, L2Ball
from olgame.step_sizes import AdaGradNorm

ROUNDS, DIM = 11, 40
BALL = L2Ball(1.5, center=np.full(DIM, 0.2))
SETS: dict[str, tuple[Any, Any]] = {
    "ball around the start": (BALL, BALL.center),
    "ball around another point": (BALL, np.full(DIM, 0.3)),
    "box": (Box(np.full(DIM, -0.4), np.full(DIM, 0.4)), np.zeros(DIM)),
}


def losses() -> list[Any]:
    rng = np.random.default_rng(0)
    return [og.losses.QuadraticLoss(rng.standard_normal(DIM)) for _ in range(ROUNDS)]


class Bent:
    """Quadratic losses that declare a curvature, so that V is not 0."""

    timing = og.adversaries.Timing.OBLIVIOUS

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: Any, /) -> tuple[Any, None]:
        return og.adversaries.Response(_Declared(losses()[view.round - 1], 0.1 * view.round)), None


class _Declared:
    def __init__(self, loss: Any, kappa: float) -> None:
        self.loss, self.kappa = loss, kappa

    def value(self, w: Any) -> Any:
        return self.loss.value(w)

    def evaluate(self, w: Any) -> Any:
        return self.loss.evaluate(w)._replace(weak_convexity=self.kappa)

    def remainder(self, w: Any, u: Any) -> Any:
        return self.loss.remainder(w, u)


class Steps:
    """Gradient descent, to be spoiled."""

    inner = og.learners.OnlineGradientDescent(0.5)
    level = inner.level

    def init(self, start: Any, decision_set: Any) -> Any:
        return self.inner.init(start, decision_set)

    def decide(self, state: Any) -> Any:
        return self.inner.decide(state)

    def update(self, state: Any, feedback: Any) -> Any:
        return self.inner.update(state, feedback)

    def copy(self, state: Any) -> Any:
        return self.inner.copy(state)

    def last_step(self, state: Any) -> Any:
        return self.inner.last_step(state)


@pytest.mark.parametrize("name", list(SETS))
@pytest.mark.parametrize("step", [0.3, AdaGradNorm(2.0)], ids=["fixed", "adaptive"])
@pytest.mark.parametrize("block", [7, DIM])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_sums_by_hand(
    name: str, step: Any, block: int, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Booked at once, and four rounds at a time in blocks: both are what the formulas say."""
    decision_set, start = SETS[name]
    w: Any = start
    if library == "torch":
        torch = pytest.importorskip("torch")
        w = torch.as_tensor(start)
        if isinstance(decision_set, L2Ball):
            decision_set = L2Ball(1.5, center=torch.as_tensor(BALL.center))
        rng = np.random.default_rng(0)
        targets = [torch.as_tensor(rng.standard_normal(DIM)) for _ in range(ROUNDS)]
        drawn = [og.losses.QuadraticLoss(target) for target in targets]
        monkeypatch.setattr(f"{__name__}.losses", lambda: drawn)
    learner = og.learners.OnlineGradientDescent(step)

    def played() -> Any:
        return og.play(learner, Bent(), decision_set, rounds=ROUNDS, start=w, keep="points")

    stacked = played()
    monkeypatch.setattr("olgame.chunks.SMALL", 0)
    monkeypatch.setattr("olgame.arrays.BLOCK", block)
    blocks = played()

    points = [np.asarray(point) for point in (*stacked.points, stacked.final_point)]
    gradients = [
        point - np.asarray(loss.target) for point, loss in zip(points, losses(), strict=False)
    ]
    offsets = [point - start for point in points]
    alphas = stacked.step_size
    curvatures = 0.1 * np.arange(1, ROUNDS + 1)
    expected = {
        "inner": [g @ d for g, d in zip(gradients, offsets, strict=False)],
        "distance": [np.sqrt(d @ d) for d in offsets[:-1]],
        "gradient_norm": [np.sqrt(g @ g) for g in gradients],
        "gradient_sum": sum(gradients),
        "curvature_sum": sum(k * d for k, d in zip(curvatures, offsets, strict=False)),
        "update_error": [0.0] * ROUNDS,
    }
    for run in (stacked, blocks):
        for field, values in expected.items():
            found = np.asarray(getattr(run, field))
            np.testing.assert_allclose(found, values, rtol=1e-13, atol=2e-15, err_msg=field)
    steps = zip(points, alphas, gradients, strict=False)
    for following, (w_t, alpha, g) in zip(points[1:], steps, strict=True):
        projected = SETS[name][0].project(w_t - alpha * g)
        np.testing.assert_allclose(projected, following, atol=1e-14)


def test_a_wrong_projection_is_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance from the right one, in blocks and at once."""

    class Short(Steps):
        """Gradient descent that projects onto 0.9 of the ball."""

        def init(self, start: Any, decision_set: Any) -> Any:
            return self.inner.init(start, L2Ball(0.9, center=start))

    ball = L2Ball(1.0, center=np.zeros(DIM))
    adversary = og.adversaries.ObliviousSequence(losses())
    found = []
    for small in (2**11, 0):
        monkeypatch.setattr("olgame.chunks.SMALL", small)
        run = og.play(Short(), adversary, ball, rounds=ROUNDS)
        found.append(run.update_error)
    np.testing.assert_allclose(found[0], found[1], atol=1e-15)
    np.testing.assert_allclose(found[1], 0.1, atol=1e-14)


def test_what_was_wrong_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A nan of round 2 that lets the adversary fail in round 3, before the rounds are booked."""
    monkeypatch.setattr("olgame.chunks.SMALL", 0)

    def gradient(w: Any, t: int) -> Any:
        return np.full(DIM, np.nan) if t == 2 else w

    class Late:
        timing = og.adversaries.Timing.SEES_POINT

        def init(self, seed: Any) -> None:
            return None

        def respond(self, state: None, view: Any, /) -> tuple[Any, None]:
            if np.isnan(view.point).any():
                raise ZeroDivisionError("no answer to this point")
            loss = og.losses.LinearLoss(gradient(view.point, view.round))
            return og.adversaries.Response(loss), None

    learner = og.learners.OnlineGradientDescent(0.1)
    with pytest.raises(ZeroDivisionError) as found:
        og.play(learner, Late(), L2Ball(1.0, center=np.zeros(DIM)), rounds=9)
    notes = found.value.__notes__
    assert any(note.startswith("Before that: In round 2, the round's ") for note in notes), notes
    assert found.value.transcript.rounds == 2  # type: ignore[attr-defined]  # added by `play`


def test_a_long_point_outside_the_set_is_named_by_its_round() -> None:
    """At most three rounds later."""

    class Leaves(Steps):
        def update(self, state: Any, feedback: Any) -> Any:
            state = self.inner.update(state, feedback)
            state.point = state.point + (1.0 if feedback.round == 2 else 0.0)
            return state

    dim = 2**18
    adversary = og.adversaries.ObliviousSequence([og.losses.QuadraticLoss(np.zeros(dim))] * 9)
    with pytest.raises(ViolationError, match="In round 3, the learner's point") as found:
        og.play(Leaves(), adversary, L2Ball(1.0, center=np.zeros(dim)), rounds=9)
    assert found.value.transcript is not None
    assert 3 <= found.value.transcript.rounds <= 6
