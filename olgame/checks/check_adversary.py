"""Is it an adversary: finite losses, inputs in B(x), looking at no more than it declares?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import numpy as np

from olgame.adversaries.adversary import Adversary, Evidence, Response, Timing, View
from olgame.arrays import unit_roundoff
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
from olgame.checks.round_losses import expect_gradient, expect_lower_model, expect_remainder
from olgame.exceptions import ArgumentError, TimingError
from olgame.losses.model_loss import ModelLoss
from olgame.losses.round_loss import RoundLoss
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l2_ball import L2Ball
from olgame.typing import Array

__all__ = ["check_adversary"]

GUIDE = "docs/how_to/write_an_adversary.md"


@attrs.frozen(eq=False)
class _Case:
    """The adversary, points of two games, and points to compare losses at."""

    adversary: Adversary[Any]
    points: Sequence[Any]
    others: Sequence[Any]
    probes: Sequence[Any]
    seed: int


def check_adversary(
    adversary: Adversary[Any],
    *,
    start: Array | None = None,
    decision_set: ConvexSet | None = None,
    rounds: int = 4,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that an adversary is what `olgame.adversaries.Adversary` promises.

    It answers random points of the decision set. That it looks at nothing which its ``timing``
    hides is checked twice: what it is shown refuses to be looked at, and two games that differ
    only in what is hidden must get the same losses.

    Args:
        adversary: Answers with l_t.
        start: W_1, shape ``(p,)``; default the adversary's own ``start``, else K's center.
        decision_set: K; default a ball of radius 1 around the start.
        rounds: Length of the games, at least 3.
        seed: Of the points, and of the adversary.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with round and numbers.
        ArgumentError: No start is known.

    Example:
        >>> import numpy as np
        >>> from olgame.adversaries import MinimaxLinear
        >>> report = check_adversary(MinimaxLinear(1.0), start=np.zeros(3))
        >>> report.skipped["in B(x)"]
        'the adversary moves no inputs'
    """
    adversary = one_game(adversary, (0,) * len(getattr(adversary, "games", ())))
    for source in (adversary, decision_set):
        if start is None:
            start = getattr(source, "start" if source is adversary else "center", None)
    if start is None:
        raise ArgumentError(
            "`check_adversary(start=...)` is needed: neither the adversary has a `start` nor the "
            "decision set a `center`. Pass W_1, an array of shape (p,)."
        )
    decision_set = L2Ball(1.0, center=start) if decision_set is None else decision_set
    rng = np.random.default_rng(seed)
    count = max(rounds, 3)

    def around() -> list[Any]:
        steps = unit_directions(rng, (count, start.shape[-1]), start)
        return [
            decision_set.project(start + 0.5 * (k + 1) * s / count) for k, s in enumerate(steps)
        ]

    case = _Case(adversary, [start, *around()][:count], around(), around(), seed)
    table = {
        "timing": _timing,
        "finite": _finite,
        "losses stay": _losses_stay,
        "same seed, same answers": _same_seed,
        "games apart": _games_apart,
        "what is hidden": _hidden,
        "in B(x)": _in_set,
        "gradient": _gradient,
        "lower model": _lower_model,
        "remainder": _remainder,
    }
    watched = Watched()
    for k, point in enumerate((*case.points, *case.others), start=1):
        watched.add(f"the point {k} shown to the adversary", point)
    for name in ("x", "y", "start"):
        watched.add(f"`{name}` of the adversary", getattr(adversary, name, None))
    return run_checks(adversary, case, table, guide=GUIDE, skip=skip, watched=watched)


def _answer(case: _Case, memory: Any, t: int, point: Any, previous: Any) -> tuple[Response, Any]:
    try:
        return case.adversary.respond(memory, View(t, case.adversary.timing, point, previous))
    except TimingError as error:
        expect(False, f"it peeks: {error}")
        raise


def _play(case: _Case, points: Sequence[Any], seed: int) -> list[Response]:
    memory, previous, responses = case.adversary.init(seed), None, []
    for t, point in enumerate(points, start=1):
        response, memory = _answer(case, memory, t, point, previous)
        responses.append(response)
        previous = point
    return responses


def _numbers(case: _Case, loss: RoundLoss) -> list[Any]:
    """What tells a loss from another: values and gradients at the probes."""
    found: list[Any] = []
    for probe in case.probes[:2]:
        evaluation = loss.evaluate(probe)
        found += [host(evaluation.value), host(evaluation.gradient)]
    return found


def _gap(case: _Case, one: Sequence[Any], other: Sequence[Any]) -> float:
    return max(differ(a, b, case.points[0]) for a, b in zip(one, other, strict=True))


def _timing(case: _Case) -> None:
    timing = case.adversary.timing
    expect(
        isinstance(timing, Timing), f"`timing` must be an `olgame.adversaries.Timing`: {timing!r}"
    )
    for response in _play(case, case.points, case.seed):
        expect(
            isinstance(response, Response),
            f"`respond` must return a pair (Response, state), got {type(response).__name__}",
        )


def _finite(case: _Case) -> None:
    shape = tuple(case.points[0].shape)
    responses = _play(case, case.points, case.seed)
    for t, (point, response) in enumerate(zip(case.points, responses, strict=True), start=1):
        found = response.loss.evaluate(point)
        expect(np.isfinite(host(found.value)).all(), f"the loss of round {t} is {found.value}")
        expect(
            tuple(found.gradient.shape) == shape,
            f"the gradient of round {t} has shape {tuple(found.gradient.shape)}, not {shape}",
        )
        bad = int((~np.isfinite(host(found.gradient))).sum())
        expect(bad == 0, f"the gradient of round {t} has {bad} entries that are nan or infinite")
        expect(
            not (host(found.weak_convexity) < 0.0).any() and found.weak_convexity is not None,
            f"`weak_convexity` of round {t} must be >= 0, got {found.weak_convexity}",
        )
        gap = differ(response.loss.value(point), found.value, point)
        expect(gap == 0.0, f"`value(w)` and `evaluate(w).value` of round {t} differ by {gap:.3g}")


def _same_seed(case: _Case) -> None:
    once, again = (_play(case, case.points, case.seed) for _ in range(2))
    for t, (a, b) in enumerate(zip(once, again, strict=True), start=1):
        gap = _gap(case, _numbers(case, a.loss), _numbers(case, b.loss))
        expect(
            gap == 0.0,
            f"the same seed and points gave another loss in round {t} ({gap:.3g} away). Draw from "
            "`olgame.randomness.generator(seed, role, round)`, and keep what changes in the state",
        )


def _games_apart(case: _Case) -> None:
    alone = [_play(case, case.points, case.seed), _play(case, case.others, case.seed + 1)]
    memories = [case.adversary.init(case.seed), case.adversary.init(case.seed + 1)]
    games = (case.points, case.others)
    for t in range(1, len(case.points) + 1):
        for k in (0, 1):
            previous = games[k][t - 2] if t > 1 else None
            response, memories[k] = _answer(case, memories[k], t, games[k][t - 1], previous)
            gap = _gap(case, _numbers(case, response.loss), _numbers(case, alone[k][t - 1].loss))
            expect(
                gap == 0.0,
                f"two games played in turns disturb each other in round {t} ({gap:.3g}). Keep "
                "everything that changes in the state, nothing in the adversary itself",
            )


def _hidden(case: _Case) -> None:
    timing = case.adversary.timing
    if timing is Timing.SEES_POINT:
        skip_check("nothing is hidden from an adversary that sees w_t")
    last = len(case.points)
    changed = case.others if timing is Timing.OBLIVIOUS else [*case.points[:-1], case.others[-1]]
    rounds = range(1, last + 1) if timing is Timing.OBLIVIOUS else (last,)
    one, other = _play(case, case.points, case.seed), _play(case, changed, case.seed)
    for t in rounds:
        gap = _gap(case, _numbers(case, one[t - 1].loss), _numbers(case, other[t - 1].loss))
        what = "the points" if timing is Timing.OBLIVIOUS else "W_t"
        expect(
            gap == 0.0,
            f"it peeks: `timing` is {timing.value!r}, but the loss of round {t} depends on {what} "
            f"({gap:.3g}). Declare the timing that it has",
        )


def _in_set(case: _Case) -> None:
    allowed = getattr(case.adversary, "perturbation_set", None)
    clean = getattr(case.adversary, "x", None)
    seen = False
    for t, response in enumerate(_play(case, case.points, case.seed), start=1):
        evidence: Evidence | None = response.evidence
        played = evidence.examples if evidence else getattr(response.loss, "x", None)
        if played is None:
            continue
        if evidence is not None:
            seen = True
            worst = float(np.max(host(evidence.distance)))
            tolerance = float(np.max(host(evidence.tolerance)))
            expect(
                worst <= tolerance,
                f"the input of sample {evidence.worst_sample} is {worst:.3g} outside B(x) in round "
                f"{t} (rounding explains {tolerance:.1g}). Project what you play: "
                "`perturbation_set.project(x, x_adv)`",
            )
        if allowed is None or clean is None or (evidence and evidence.batch is not None):
            continue
        seen = True
        measured = host(allowed.distance(clean, played))
        slack = 100.0 * unit_roundoff(played) * (1.0 + float(np.abs(host(played)).max()))
        slack *= float(played.shape[-1]) ** 0.5
        worst, sample = float(measured.max()), int(measured.reshape(-1).argmax())
        expect(
            worst <= slack,
            f"the input of sample {sample % played.shape[-2]} is {worst:.3g} outside B(x) in round "
            f"{t}. Project what you play: `perturbation_set.project(x, x_adv)`",
        )
        if evidence is not None:
            told = float(np.max(host(evidence.distance)))
            expect(
                abs(told - worst) <= slack + tolerance,
                f"the evidence of round {t} says distance {told:.3g}, measured {worst:.3g}",
            )
    if not seen:
        moves = any(isinstance(r.loss, ModelLoss) for r in _play(case, case.points, case.seed))
        skip_check(
            "it shows no evidence, and has no `x` and `perturbation_set` to measure with"
            if moves
            else "the adversary moves no inputs"
        )


def _gradient(case: _Case) -> None:
    for t, response in enumerate(_play(case, case.points, case.seed), start=1):
        expect_gradient(response.loss, case.probes[t - 1], t, case.seed)


def _lower_model(case: _Case) -> None:
    played = enumerate(_play(case, case.points, case.seed), start=1)
    known = [
        expect_lower_model(response.loss, w, case.probes, t)
        for t, response in played
        for w in case.points[:2]
    ]
    if not any(known):
        skip_check("no weak-convexity constant is known")


def _remainder(case: _Case) -> None:
    for t, response in enumerate(_play(case, case.points, case.seed), start=1):
        expect_remainder(response.loss, case.points[-1], case.probes[-1], t)


def _losses_stay(case: _Case) -> None:
    memory, previous, seen = case.adversary.init(case.seed), None, []
    for t, point in enumerate(case.points, start=1):
        response, memory = _answer(case, memory, t, point, previous)
        seen.append((response.loss, _numbers(case, response.loss)))
        previous = point
    for t, (loss, before) in enumerate(seen, start=1):
        gap = _gap(case, _numbers(case, loss), before)
        expect(
            gap == 0.0,
            f"the loss of round {t} changed by {gap:.3g} while later rounds were played. A loss "
            "that was answered is fixed: make new arrays for the next one",
        )
