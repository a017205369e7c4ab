"""One table: every attack, right or deliberately broken, against every promise of an attack.

The objectives, the sets' formulas and the reference loop are written by hand (`landscapes.py`); an
objective records all points it is asked about, so that what an attack reports is held against what
it saw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, Attack, AttackResult, BestOf, FunctionAttack, Restarts
from tests.attacks.landscapes import (
    PER_SAMPLE,
    SETS,
    D,
    Landscape,
    N,
    Norm,
    Vector,
    by_hand,
    landscape,
    length,
)


@attrs.frozen
class Flawed:
    """The reference loop as an attack on the sets of the table, with one flaw."""

    flaw: str = ""

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
        if self.flaw == "draws from the global generator":
            np.random.random()  # noqa: NPY002 - the flaw
        if self.flaw == "writes into the clean inputs":
            x += 1e-9
        rho = perturbation_set.radius
        return by_hand(objective, x, perturbation_set.norm, rho, flaw=self.flaw)


@attrs.frozen
class FlawedRestarts:
    """Four random restarts that keep the wrong one."""

    flaw: str

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
        start = rng
        if self.flaw == "draws without the generator":
            start = np.random.default_rng()
        runs = [
            PGD(steps=4, random_start=True)(objective, x, perturbation_set, start) for _ in range(4)
        ]
        kept = runs[-1] if self.flaw == "keeps the last run" else runs[0]
        at, loss = np.array(kept.x), np.array(kept.loss)
        for run in runs[1:]:
            other: Any = run.loss
            if self.flaw == "keeps the first success":
                wins = (loss <= 0.0) & (other > loss)
            elif self.flaw == "draws without the generator":
                wins = other > loss
            else:
                wins = np.zeros(len(loss), dtype=bool)
            at[wins], loss[wins] = np.array(run.x)[wins], other[wins]
        n_values, n_gradients = sum(r.n_values for r in runs), sum(r.n_gradients for r in runs)
        return AttackResult(at, loss, kept.clean_loss, n_values, n_gradients)


# The checks: what every attack promises.


@attrs.frozen(eq=False)
class Problem:
    norm: Norm
    rho: Any
    lead: tuple[int, ...] = ()

    @property
    def perturbation_set(self) -> Any:
        return SETS[self.norm](self.rho)

    @property
    def x(self) -> Vector:
        """Data on both sides of 0 and beyond 1."""
        return np.random.default_rng(7).uniform(-1.5, 1.5, (*self.lead, N, D))

    def objectives(self) -> list[Landscape]:
        """A landscape of many hills, and one on which the clean point is nearly the best."""
        return [landscape("waves", self.x), landscape("peaks", self.x)]

    def run(self, attack: Attack, objective: Landscape, x: Vector, seed: int = 3) -> Any:
        return attack(objective, x, self.perturbation_set, np.random.default_rng(seed))


def check_in_set(attack: Attack, problem: Problem) -> None:
    """Every point played *and visited* lies in B(x), up to rounding."""
    x = problem.x
    for objective in problem.objectives():
        result = problem.run(attack, objective, x)
        assert result.x.shape == x.shape
        for point in [result.x, *(p for p, _ in objective.log)]:
            assert (length(point - x, problem.norm) <= np.asarray(problem.rho) + 1e-14).all()


def check_never_below_clean(attack: Attack, problem: Problem) -> None:
    x = problem.x
    for objective in problem.objectives():
        result = problem.run(attack, objective, x)
        np.testing.assert_array_equal(result.clean_loss, objective.score(x))
        assert (result.loss >= objective.score(x)).all()


def check_attains(attack: Attack, problem: Problem) -> None:
    """The reported loss is the score of the returned point."""
    x = problem.x
    for objective in problem.objectives():
        result = problem.run(attack, objective, x)
        np.testing.assert_array_equal(result.loss, objective.score(result.x))


def check_running_maximum(attack: Attack, problem: Problem) -> None:
    """Exactly the maximum of everything that was seen, and of the trace where one is kept."""
    x = problem.x
    for objective in problem.objectives():
        result = problem.run(attack, objective, x)
        np.testing.assert_array_equal(result.loss, np.max([s for _, s in objective.log], axis=0))
        if result.trace is not None:
            np.testing.assert_array_equal(result.trace, np.stack([s for _, s in objective.log]))


def check_counters(attack: Attack, problem: Problem) -> None:
    x = problem.x
    for objective in problem.objectives():
        result = problem.run(attack, objective, x)
        assert result.n_gradients == len(objective.gradients)
        assert result.n_values + result.n_gradients == len(objective.log)


def check_generator(attack: Attack, problem: Problem) -> None:
    """Same generator, same point."""
    x = problem.x
    first, second = (problem.run(attack, landscape("waves", x), x) for _ in range(2))
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.loss, second.loss)


def check_leaves_the_world_alone(attack: Attack, problem: Problem) -> None:
    """Global random state and clean inputs are as they were."""
    x = problem.x
    kept = x.copy()
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - it is what must not change
    before = (str(state["state"]["key"].tolist()), state["state"]["pos"])
    problem.run(attack, landscape("waves", x), x)
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    assert (str(state["state"]["key"].tolist()), state["state"]["pos"]) == before
    np.testing.assert_array_equal(x, kept)


def check_climbs(attack: Attack, problem: Problem) -> None:
    """On average over the samples it finds a quarter of what B(x) holds, at least.

    ("Stays at x" passes all checks above.) The whole of B(x) is searched at random here.
    """
    x = problem.x
    objective = landscape("waves", x)
    result = problem.run(attack, objective, x)
    rng = np.random.default_rng(11)
    best = objective.score(x)
    for _ in range(2000):
        step = rng.normal(size=x.shape)
        step *= (np.asarray(problem.rho) / length(step, problem.norm))[..., None]
        best = np.maximum(best, objective.score(x + step * rng.random()))
    gain = best - objective.score(x)
    assert (result.loss - objective.score(x)).mean() >= 0.25 * gain.mean()


CHECKS: list[Callable[[Attack, Problem], None]] = [
    check_in_set,
    check_never_below_clean,
    check_attains,
    check_running_maximum,
    check_counters,
    check_generator,
    check_leaves_the_world_alone,
    check_climbs,
]


def jitter(objective: Any, x: Any, perturbation_set: Any, rng: np.random.Generator) -> Any:
    """A user's function: the best of 40 random points."""
    draws = [x + rng.normal(size=x.shape) for _ in range(40)]
    # Strictly inside, where a second projection changes nothing.
    points = np.stack([x + 0.999 * (perturbation_set.project(x, draw) - x) for draw in draws])
    chosen = np.stack([objective.value(point) for point in points]).argmax(0)
    best = np.take_along_axis(points, chosen[None, ..., None], 0)[0]
    return best


ATTACKS: dict[str, Attack] = {
    "FGSM": FGSM(),
    "FGSM trace": FGSM(keep_trace=True),
    "PGD": PGD(),
    "PGD trace": PGD(steps=7, keep_trace=True),
    "PGD fixed step": PGD(steps=3, step_size=0.05),
    "PGD random start": PGD(steps=5, random_start=True, keep_trace=True),
    "Restarts": Restarts(PGD(steps=4, random_start=True, keep_trace=True), 3),
    "BestOf": BestOf(FGSM(), PGD(steps=4), PGD(steps=4, random_start=True)),
    "BestOf Restarts": BestOf(
        PGD(steps=4, keep_trace=True),
        Restarts(PGD(steps=4, random_start=True, keep_trace=True), 2),
    ),
    "FunctionAttack": FunctionAttack(jitter),
    "by hand": Flawed(),
}
PROBLEMS = {
    "l2": Problem("l2", 0.3),
    "linf": Problem("linf", 0.2),
    "l2, a radius a sample": Problem("l2", PER_SAMPLE),
    "linf, a radius a sample": Problem("linf", PER_SAMPLE),
    "l2, four games": Problem("l2", 0.3, (2, 2)),
    "linf, a radius a sample, three games": Problem("linf", PER_SAMPLE, (3,)),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_keeps_its_promises(
    name: str, problem: Problem, check: Callable[[Attack, Problem], None]
) -> None:
    if check is check_climbs and name in ("FGSM", "FGSM trace", "PGD fixed step"):
        pytest.skip("one big step on this landscape, or steps far shorter than the radius")
    check(ATTACKS[name], problem)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize(
    ("attack", "check"),
    [
        (Flawed("keeps the last iterate"), check_running_maximum),
        (Flawed("keeps the last iterate"), check_never_below_clean),
        (Flawed("drops the clean point"), check_never_below_clean),
        (Flawed("clips to [0, 1]"), check_in_set),
        (Flawed("does not project"), check_in_set),
        (Flawed("reports the loss of another point"), check_attains),
        (Flawed("counts a gradient too many"), check_counters),
        (Flawed("draws from the global generator"), check_leaves_the_world_alone),
        (Flawed("writes into the clean inputs"), check_leaves_the_world_alone),
        (FlawedRestarts("keeps the first success"), check_running_maximum),
        (FlawedRestarts("keeps the last run"), check_running_maximum),
        (FlawedRestarts("draws without the generator"), check_generator),
        (FunctionAttack(lambda objective, x, B, rng: x), check_climbs),
    ],
)
def test_flaws_are_noticed(
    attack: Attack, check: Callable[[Attack, Problem], None], problem: Problem
) -> None:
    if isinstance(attack, FlawedRestarts) and problem.lead:
        pytest.skip("written for one game")
    with pytest.raises(AssertionError):
        check(attack, problem)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_pgd_is_the_loop_written_by_hand(problem: Problem) -> None:
    x = problem.x
    found = problem.run(PGD(keep_trace=True), landscape("waves", x), x)
    expected: Any = by_hand(landscape("waves", x), x, problem.norm, problem.rho)
    np.testing.assert_allclose(found.trace, expected.trace, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.x, expected.x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("attack", [FGSM(), PGD(), PGD(steps=1), PGD(steps=40)])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_best_response_on_a_linear_score(problem: Problem, attack: Attack) -> None:
    """max of <a, x'> over B(x) is <a, x> + rho dualnorm(a)."""
    x = problem.x
    objective = landscape("linear", x)
    a = objective.a
    dual = np.sqrt((a * a).sum(-1)) if problem.norm == "l2" else np.abs(a).sum(-1)
    result = problem.run(attack, objective, x)
    expected = (a * x).sum(-1) + np.asarray(problem.rho) * dual
    np.testing.assert_allclose(result.loss, expected, rtol=0, atol=1e-12)
