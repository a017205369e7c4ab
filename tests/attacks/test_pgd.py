"""PGD and FGSM: steps, evaluations, games, noise, and numbers that are not finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, Attack
from olgame.exceptions import ArgumentError, ViolationError
from olgame.perturbations import l2, linf

RNG = np.random.default_rng


@attrs.frozen(eq=False)
class Scored:
    """score(x) and its gradient, given as functions; records what is asked in what order."""

    score: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    asked: list[str] = attrs.field(factory=list)
    points: list[Any] = attrs.field(factory=list)

    def value(self, x: Any) -> Any:
        self.asked.append("value")
        self.points.append(x)
        return self.score(x)

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        self.asked.append("gradient")
        self.points.append(x)
        return self.score(x), self.slope(x)

    def output(self, x: Any) -> Any:
        return self.score(x)

    def take(self, index: Any) -> Scored:
        return self


def linear(a: Any) -> Scored:
    return Scored(lambda x: (a * x).sum(-1), lambda x: a + 0.0 * x)


@pytest.mark.parametrize(
    ("attack", "asked"),
    [
        (FGSM(), ["gradient", "value"]),
        (PGD(steps=1), ["gradient", "value"]),
        (PGD(steps=4), ["gradient"] * 4 + ["value"]),
        (PGD(steps=2, random_start=True), ["value", "gradient", "gradient", "value"]),
    ],
)
def test_evaluations_are_these_and_no_more(attack: Attack, asked: list[str]) -> None:
    objective = linear(np.ones(3))
    result = attack(objective, np.zeros((2, 3)), l2(0.1), RNG(0))
    assert objective.asked == asked
    assert (result.n_values, result.n_gradients) == (asked.count("value"), asked.count("gradient"))


@pytest.mark.parametrize("ball", [l2, linf])
def test_length_of_a_step(ball: Callable[[Any], Any]) -> None:
    """2.5 rho / steps by each sample's own radius; a user's step size is a length as it is."""
    a = np.array([0.6, 0.8]) if ball is l2 else np.array([1.0, -1.0])
    x, radii = np.zeros((3, 2)), np.array([0.1, 0.2, 4.0])
    objective = linear(a)
    PGD(steps=5)(objective, x, ball(radii), RNG(0))
    np.testing.assert_allclose(objective.points[1], 0.5 * radii[:, None] * np.sign(a) * abs(a))
    objective = linear(a)
    PGD(steps=5, step_size=0.07)(objective, x, ball(radii), RNG(0))
    np.testing.assert_allclose(objective.points[1], np.broadcast_to(0.07 * a, (3, 2)))


def test_random_start_is_a_random_point_of_the_set() -> None:
    objective = linear(np.ones(4))
    x = np.zeros((500, 4))
    PGD(steps=1, random_start=True)(objective, x, l2(0.5), RNG(1))
    start = objective.points[1]
    radii = np.sqrt((start**2).sum(-1))
    assert radii.max() <= 0.5 + 1e-15
    assert len(np.unique(radii)) == 500
    assert np.abs(start.mean(0)).max() < 0.05


@pytest.mark.parametrize("ball", [l2, linf])
def test_games_are_played_apart(ball: Callable[[Any], Any]) -> None:
    """Leading axes: one call for all games gives what one call a game gives.

    The games differ in their objective; in the second half they share the clean data (n, d).
    """
    rng = RNG(2)
    a, b = rng.normal(size=(3, 7, 4)), rng.uniform(4.0, 9.0, (3, 7, 4))

    def game(a: Any, b: Any) -> Scored:
        return Scored(lambda x: (a * np.sin(b * x)).sum(-1), lambda x: a * b * np.cos(b * x))

    for x in (rng.normal(size=(3, 7, 4)), rng.normal(size=(7, 4))):
        together = PGD(keep_trace=True)(game(a, b), x, ball(0.3), RNG(0))
        for g in range(3):
            own = x[g] if x.ndim == 3 else x
            alone: Any = PGD(keep_trace=True)(game(a[g], b[g]), own, ball(0.3), RNG(0))
            np.testing.assert_allclose(together.x[g], alone.x, rtol=0, atol=1e-13)
            np.testing.assert_allclose(together.loss[g], alone.loss, rtol=0, atol=1e-13)
        assert together.x.shape == (3, 7, 4)
        shared = PGD(steps=2, random_start=True)(game(a, b), x, ball(0.3), RNG(0))
        assert shared.x.shape == (3, 7, 4)


def test_a_set_is_asked_about_points_of_equal_shape() -> None:
    """Also where games share their clean data, so that a user's own set need not broadcast."""

    class Strict:
        radius = 0.3

        def project(self, x: Any, x_adv: Any) -> Any:
            assert x.shape == x_adv.shape == (3, 7, 4)
            return l2(0.3).project(x, x_adv)

        def sample(self, x: Any, rng: Any) -> Any:
            assert x.shape == (3, 7, 4)
            return l2(0.3).sample(x, rng)

        def steepest(self, gradient: Any, *, atol: Any = 0.0) -> Any:
            return l2(0.3).steepest(gradient, atol=atol)

    a, strict = RNG(0).normal(size=(3, 7, 4)), Strict()
    for attack in (FGSM(), PGD(steps=3), PGD(steps=3, random_start=True)):
        attack(linear(a), np.zeros((7, 4)), strict, RNG(0))  # type: ignore[arg-type]  # half a set


def test_noise_is_not_climbed() -> None:
    """A gain below rounding leaves the sample where it is; the same slope above it moves it."""
    x = np.full((3, 2), 0.5)
    scores = np.array([0.7, 0.7, 1e6])
    slopes = np.array([1e-15, 1e-11, 1e-10])[:, None] * np.array([0.6, 0.8])
    objective = Scored(lambda _: scores, lambda _: slopes)
    PGD(steps=3)(objective, x, l2(0.1), RNG(0))
    for point in objective.points[1:]:
        np.testing.assert_array_equal(point[[0, 2]], x[[0, 2]])
        assert np.abs(point[1] - x[1]).min() > 0.01


def test_ties_keep_the_clean_point() -> None:
    x = RNG(0).normal(size=(4, 3))
    flat = Scored(lambda x: np.zeros(4), lambda x: np.ones((4, 3)))
    np.testing.assert_array_equal(PGD()(flat, x, l2(0.1), RNG(0)).x, x)


def bad_after(calls: int, sample: Any, value: float, what: str) -> Scored:
    """A score (or gradient) that is ``value`` at ``sample`` from the given evaluation on."""
    seen = [0]

    def score(x: Any) -> Any:
        total = x.sum(-1)
        if what == "score" and seen[0] >= calls:
            total[sample] = value
        seen[0] += 1
        return total

    def slope(x: Any) -> Any:
        gradient = np.ones_like(x)
        if what == "gradient" and seen[0] > calls:
            gradient[sample, -1] = value
        return gradient

    return Scored(score, slope)


@pytest.mark.parametrize("ball", [l2, linf])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("attack", "calls", "what", "message"),
    [
        (PGD(steps=4), 0, "score", "`PGD`: the score of sample 3 must be finite at step 0, got"),
        (PGD(steps=4), 2, "score", "`PGD`: the score of sample 3 must be finite at step 2, got"),
        (PGD(steps=4), 4, "score", "sample 3 must be finite at step 4, got"),
        (PGD(steps=4, random_start=True), 0, "score", "sample 3 must be finite at the clean inp"),
        (PGD(steps=4, random_start=True), 1, "score", "sample 3 must be finite at step 0, got"),
        (PGD(steps=4), 1, "gradient", "the gradient of sample 3 must be finite at step 1"),
        (PGD(steps=4, random_start=True), 1, "gradient", "gradient of sample 3 .* at step 0"),
        (FGSM(), 0, "gradient", "`FGSM`: the gradient of sample 3 must be finite at step 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_number_that_is_not_finite_is_named(
    attack: Attack, calls: int, what: str, message: str, value: float, ball: Callable[[Any], Any]
) -> None:
    with pytest.raises(ViolationError, match=message):
        attack(bad_after(calls, 3, value, what), np.zeros((6, 2)), ball(0.1), RNG(0))


def test_the_game_of_a_bad_sample_is_named() -> None:
    with pytest.raises(ViolationError, match=r"sample \(1, 2\) must be finite at step 0, got nan"):
        PGD()(bad_after(0, (1, 2), np.nan, "score"), np.zeros((2, 4, 3)), l2(0.1), RNG(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, r"`PGD\(steps=...\)` must be an integer of at least 1, got 0"),
        ({"steps": 2.0}, r"`PGD\(steps=...\)`"),
        ({"step_size": 0.0}, r"`PGD\(step_size=...\)` must be finite and positive, got 0.0"),
        ({"step_size": float("nan")}, r"`PGD\(step_size=...\)`.*got nan"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        PGD(**arguments)
