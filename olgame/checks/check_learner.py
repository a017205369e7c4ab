"""Is it a learner: in the set, the same for the same game, with nothing shared or written to?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.checks.checklist import (
    CheckReport,
    Watched,
    differ,
    expect,
    host,
    run_checks,
    skip_check,
    unit_directions,
)
from olgame.feedback import Feedback, Level
from olgame.learners.learner import Learner, TakesGradientSteps
from olgame.losses.linear_loss import LinearLoss
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.losses.round_loss import RoundLoss
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array

__all__ = ["check_learner"]

GUIDE = "docs/how_to/write_a_learner.md"
_RANDOM = (
    "Whatever it draws must be keyed by its seed and the round: "
    "`olgame.randomness.generator(seed, role, round)`"
)


@attrs.frozen(eq=False)
class _Case:
    """The learner, its set, starts of three games, the losses of all of them."""

    learner: Learner[Any]
    decision_set: ConvexSet
    starts: Any
    losses: Sequence[RoundLoss]

    @property
    def start(self) -> Any:
        return self.starts[0]


def check_learner(
    learner: Learner[Any],
    *,
    decision_set: ConvexSet | None = None,
    start: Array | None = None,
    rounds: int = 12,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that a learner is what `olgame.learners.Learner` promises.

    It plays a few short games of linear and quadratic losses, some of which push hard: points in
    the set, points and feedback never written to, the same points in the same game, copies and
    games that do not disturb each other, stacked games equal to single ones.

    Args:
        learner: Plays W_t.
        decision_set: K; default a ball of radius 1 in R^6.
        start: W_1, shape ``(p,)``, of the kind of array to check with; default K's center, or a
            sample.
        rounds: Length of the games, at least 4.
        seed: Of the losses.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with round and numbers.

    Example:
        >>> from olgame.learners import OnlineGradientDescent
        >>> print(check_learner(OnlineGradientDescent(0.1)).skipped)
        {}
    """
    if decision_set is None:
        center = np.linspace(-1.0, 1.0, 6) if start is None else start
        decision_set = L2Ball(1.0, center=center)
    table = {
        "level": _level,
        "decide": _decide,
        "points stay": _points_stay,
        "feedback stays": _feedback_stays,
        "same game, same points": _same_game,
        "games apart": _games_apart,
        "copy": _copy,
        "feasible": _feasible,
        "last step": _last_step,
        "leading axes": _leading_axes,
    }
    case = _case(learner, decision_set, start, max(rounds, 4), seed)
    return run_checks(learner, case, table, guide=GUIDE, skip=skip)


def _case(
    learner: Learner[Any], decision_set: ConvexSet, start: Any, rounds: int, seed: int
) -> _Case:
    rng = np.random.default_rng(seed)
    if start is None:
        start = getattr(decision_set, "center", None)
    if start is None:
        p = getattr(decision_set, "dim", None) or 6
        start = decision_set.sample(rng, (p,))
    p = start.shape[-1]
    others = as_like(host(decision_set.sample(rng, (2, p))), start)
    starts = kernels(start).xp.concat((start[None, :], others), axis=0)
    drift = unit_directions(rng, (3, p), start)
    losses: list[RoundLoss] = []
    for t in range(rounds):
        push = 100.0 if t % 4 == 3 else 0.5
        step = push * (drift + 0.5 * unit_directions(rng, (3, p), start))
        losses.append(QuadraticLoss(starts + step) if t % 3 == 2 else LinearLoss(step))
    return _Case(learner, decision_set, starts, losses)


def _of_game(loss: Any, game: int | None) -> Any:
    """The loss of one of the three games, or of all (None)."""
    if game is None:
        return loss
    name = "target" if isinstance(loss, QuadraticLoss) else "gradient"
    return attrs.evolve(loss, **{name: getattr(loss, name)[game]})


def _feedback(case: _Case, t: int, point: Any, game: int | None) -> Feedback:
    loss = _of_game(case.losses[t - 1], game)
    level = case.learner.level
    found = loss.evaluate(point)
    gradient = kernels(point).xp.asarray(found.gradient, copy=True)
    return Feedback(
        round=t,
        point=point,
        value=found.value,
        gradient=gradient if level >= Level.GRADIENT else None,
        loss=loss if level >= Level.FULL else None,
    )


def _play(
    case: _Case, *, game: int | None = 0, state: Any = None, first: int = 1, last: int | None = None
) -> tuple[list[Any], Any]:
    """The points of rounds ``first`` to ``last``, copied when handed out, and the state after."""
    last = len(case.losses) if last is None else last
    if state is None:
        start = case.starts if game is None else case.starts[game]
        state = case.learner.init(start, case.decision_set)
    points = []
    for t in range(first, last + 1):
        point = case.learner.decide(state)
        points.append(host(point))
        state = case.learner.update(state, _feedback(case, t, point, game))
    return [*points, host(case.learner.decide(state))], state


def _expect_equal(case: _Case, points: Any, others: Any, first: int, message: str) -> None:
    for t, (one, other) in enumerate(zip(points, others, strict=True), start=first):
        gap = differ(one, other, case.starts)
        expect(gap == 0.0, message.format(t=t, gap=f"{gap:.3g}"))


def _level(case: _Case) -> None:
    level = case.learner.level
    expect(isinstance(level, Level), f"`level` must be an `olgame.Level`, got {level!r}")
    first = case.learner.decide(case.learner.init(case.start, case.decision_set))
    shape = tuple(case.start.shape)
    expect(
        tuple(getattr(first, "shape", ())) == shape,
        f"`decide` must give a point of the shape {shape} of the start, got "
        f"{getattr(first, 'shape', type(first).__name__)}",
    )
    expect(
        type(first) is type(case.start) and first.dtype == case.start.dtype,
        f"`decide` must give a {type(case.start).__name__} of {case.start.dtype} as the start is, "
        f"got a {type(first).__name__} of {first.dtype}",
    )


def _decide(case: _Case) -> None:
    state = case.learner.init(case.start, case.decision_set)
    for t in range(1, 4):
        first, again = host(case.learner.decide(state)), host(case.learner.decide(state))
        expect(
            np.array_equal(first, again, equal_nan=True),
            f"`decide` called twice gave two points in round {t}: it must only read the state, "
            "draw and move in `init` and `update`",
        )
        feedback = _feedback(case, t, case.learner.decide(state), 0)
        state = case.learner.update(state, feedback)


def _points_stay(case: _Case) -> None:
    state = case.learner.init(case.start, case.decision_set)
    watched = Watched()
    watched.add("The start", case.start)
    watched.add("The center of the decision set", getattr(case.decision_set, "center", None))
    for t in range(1, len(case.losses) + 1):
        point = case.learner.decide(state)
        watched.add(f"The point W_{t}", point)
        state = case.learner.update(state, _feedback(case, t, point, 0))
    watched.expect_unchanged(
        "A point that was handed out is in the transcript: make a new array (`w = w - step * g`), "
        "or write into buffers that you never hand out."
    )


def _feedback_stays(case: _Case) -> None:
    state = case.learner.init(case.start, case.decision_set)
    watched = Watched()
    for t in range(1, len(case.losses) + 1):
        feedback = _feedback(case, t, case.learner.decide(state), 0)
        watched.add(f"The gradient of round {t}", feedback.gradient)
        state = case.learner.update(state, feedback)
    watched.expect_unchanged("Feedback belongs to the game: write `g = c * g`, not `g *= c`.")


def _same_game(case: _Case) -> None:
    once, again = _play(case)[0], _play(case)[0]
    message = "the same game gave another W_{t} the second time, {gap} away. " + _RANDOM
    _expect_equal(case, once, again, 1, message)


def _games_apart(case: _Case) -> None:
    """Two games in turns against each on its own: what changes must be in the state."""
    alone = [_play(case, game=game)[0] for game in (0, 1)]
    states = [case.learner.init(case.starts[game], case.decision_set) for game in (0, 1)]
    for t in range(1, len(case.losses) + 1):
        for game in (0, 1):
            point = case.learner.decide(states[game])
            gap = differ(point, alone[game][t - 1], case.starts)
            expect(
                gap == 0.0,
                f"two games played in turns disturb each other: W_{t} is {gap:.3g} away from that "
                "of the game on its own. Keep everything that changes in the state, nothing in the "
                "learner itself",
            )
            states[game] = case.learner.update(states[game], _feedback(case, t, point, game))


def _copy(case: _Case) -> None:
    whole, _ = _play(case)
    middle = len(case.losses) // 2
    _, state = _play(case, last=middle)
    checkpoint = case.learner.copy(state)
    _play(case, game=1, state=state, first=middle + 1)
    rest, _ = _play(case, state=checkpoint, first=middle + 1)
    message = (
        "`copy` shares memory with the original: after the original played on, the copy gave "
        "another W_{t}, {gap} away. Copy what `update` writes into"
    )
    _expect_equal(case, rest, whole[middle:], middle + 1, message)


def _feasible(case: _Case) -> None:
    for game in range(3):
        for t, values in enumerate(_play(case, game=game)[0], start=1):
            expect(np.isfinite(values).all(), f"W_{t} is not finite")
            point = as_like(values, case.start)
            excess = float(np.linalg.norm(values - host(case.decision_set.project(point))))
            slack = 100.0 * unit_roundoff(point) * (1.0 + float(np.linalg.norm(values)))
            expect(
                excess <= slack or bool(case.decision_set.contains(point, atol=slack)),
                f"W_{t} is {excess:.3g} outside the decision set (rounding explains {slack:.1g}). "
                "Project what you play: `decision_set.project(w)`",
            )


def _last_step(case: _Case) -> None:
    learner = case.learner
    if not isinstance(learner, TakesGradientSteps):
        skip_check("the learner has no `last_step`")
    state = learner.init(case.start, case.decision_set)
    for t in range(1, len(case.losses) + 1):
        point = learner.decide(state)
        feedback = _feedback(case, t, point, 0)
        state = learner.update(state, feedback)
        step = learner.last_step(state)
        landed = case.decision_set.project(step.before_projection)
        gap = differ(landed, learner.decide(state), case.starts)
        expect(
            gap == 0.0,
            f"`last_step` does not tell how the learner moved in round {t}: the projection of "
            f"`before_projection` is {gap:.3g} away from the next point",
        )
        gradient: Any = feedback.gradient
        if gradient is None:
            continue
        moved = point - step.step_size * gradient
        gap = differ(moved, step.before_projection, case.starts)
        expect(
            gap == 0.0,
            f"`last_step` does not tell how the learner moved in round {t}: W_t - step_size * g_t "
            f"is {gap:.3g} away from `before_projection`. A learner without gradient steps has no "
            "`last_step`",
        )


def _leading_axes(case: _Case) -> None:
    together = _play(case, game=None)[0]
    for game in range(3):
        alone = _play(case, game=game)[0]
        message = (
            f"three games at once, points of shape {tuple(case.starts.shape)}: W_{{t}} of game "
            f"{game} is {{gap}} away from that of the game on its own. Work on the last axis only "
            "(`kernels(x).dot`, `kernels(x).norm`)"
        )
        _expect_equal(case, [points[game] for points in together], alone, 1, message)
