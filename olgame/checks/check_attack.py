"""Is it an attack: in B(x), the best point it saw, the clean one included, and nothing touched?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.attacks.attack import Attack, AttackResult, Objective
from olgame.attacks.model_objective import ModelObjective
from olgame.checks.checklist import (
    CheckReport,
    Watched,
    differ,
    expect,
    host,
    run_checks,
    skip_check,
)
from olgame.checks.objectives import Peak, Recorder, Waves
from olgame.losses.logistic import logistic
from olgame.models.two_layer_net import TwoLayerNet
from olgame.perturbations.l2_perturbation import l2
from olgame.perturbations.linf_perturbation import linf
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["check_attack"]

GUIDE = "docs/how_to/write_a_set_or_a_loss.md"


@attrs.frozen(eq=False)
class _Setting:
    """One objective on one B(x)."""

    name: str
    objective: Objective
    x: Any
    allowed: PerturbationSet

    @property
    def slack(self) -> float:
        """What rounding of the coordinates explains of a distance from B(x)."""
        size = 1.0 + float(np.abs(host(self.x)).max()) * self.x.shape[-1] ** 0.5
        return float(100.0 * unit_roundoff(self.x) * size)


@attrs.frozen(eq=False)
class _Case:
    attack: Attack
    settings: Sequence[_Setting]
    seed: int

    def run(self, setting: _Setting, seed: int = 0) -> tuple[AttackResult, Recorder]:
        """One call with a fresh generator, and the notes on what it asked for."""
        notes = Recorder(setting.objective)
        rng = np.random.default_rng([self.seed, seed])
        return self.attack(notes, setting.x, setting.allowed, rng), notes


def check_attack(
    attack: Attack,
    *,
    objective: Objective | None = None,
    x: Array | None = None,
    perturbation_set: PerturbationSet | None = None,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that an attack is what `olgame.attacks.Attack` promises.

    It runs on a small network, on a rugged landscape where the last point is rarely the best, and
    on one with its peak next to the clean point; with inputs that leave [0, 1], in l2 and linf.
    An objective that takes notes tells what it has seen.

    Args:
        attack: A(w, x).
        objective: What to climb instead; then ``x`` and ``perturbation_set`` are needed too.
        x: Clean inputs ``(n, d)``.
        perturbation_set: B.
        seed: Of data and generators.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with sample and numbers.

    Example:
        >>> from olgame.attacks import PGD
        >>> check_attack(PGD(steps=5)).passed[:3]
        ('result', 'in B(x)', 'score')
    """
    if objective is None or x is None or perturbation_set is None:
        settings = _settings(seed)
    else:
        settings = [_Setting("your objective", objective, x, perturbation_set)]
    table = {
        "result": _result,
        "in B(x)": _in_set,
        "score": _score,
        "never below clean": _never_below_clean,
        "running maximum": _running_maximum,
        "trace": _trace,
        "same generator, same point": _same_generator,
        "deterministic": _deterministic,
        "counts": _counts,
        "samples apart": _samples_apart,
        "leading axes": _leading_axes,
        "results stay": _results_stay,
    }
    watched = Watched()
    for setting in settings:
        watched.add(f"the clean input handed in ({setting.name})", setting.x)
    watch = [setting.objective for setting in settings]
    case = _Case(attack, settings, seed)
    return run_checks(attack, case, table, guide=GUIDE, skip=skip, watched=watched, watch=watch)


def _settings(seed: int) -> list[_Setting]:
    rng = np.random.default_rng(seed)
    x = 1.5 * rng.standard_normal((6, 5))
    y = np.where(np.arange(6) % 2 == 0, 1.0, -1.0)
    model = TwoLayerNet(dim=5, width=16, activation="tanh", seed=seed, paired=False)
    network = ModelObjective(model, model.start, y, logistic)
    waves = Waves(rng.uniform(0.0, 6.0, (6, 5)))
    side = rng.standard_normal((6, 5))
    peak = Peak(x + 0.02 * side / np.linalg.norm(side, axis=-1, keepdims=True))
    return [
        _Setting("a network, l2", network, x, l2(0.5)),
        _Setting("a network, linf", network, x, linf(0.3)),
        _Setting("many hills, l2", waves, x, l2(0.5)),
        _Setting("many hills, linf", waves, x, linf(0.3)),
        _Setting("a peak next to the clean point, l2", peak, x, l2(0.5)),
        _Setting("a peak next to the clean point, linf", peak, x, linf(0.3)),
    ]


def _result(case: _Case) -> None:
    for setting in case.settings:
        found, _ = case.run(setting)
        expect(
            isinstance(found, AttackResult),
            f"it must return an `olgame.attacks.AttackResult`, got {type(found).__name__}. "
            "`olgame.attacks.from_function` makes an attack of a function that proposes inputs",
        )
        shape = tuple(setting.x.shape)
        for name, value, wanted in (
            ("x", found.x, shape),
            ("loss", found.loss, shape[:-1]),
            ("clean_loss", found.clean_loss, shape[:-1]),
        ):
            expect(
                tuple(value.shape) == wanted,
                f"`AttackResult.{name}` must have shape {wanted}, got {tuple(value.shape)}",
            )
            expect(np.isfinite(host(value)).all(), f"`AttackResult.{name}` is not finite")


def _in_set(case: _Case) -> None:
    for setting in case.settings:
        found, _ = case.run(setting)
        outside = host(setting.allowed.distance(setting.x, found.x))
        played, clean = host(found.x), host(setting.x)
        box = played.min() >= 0.0 and played.max() <= 1.0
        hint = ""
        if box and (clean.min() < 0.0 or clean.max() > 1.0):
            hint = (
                " Every returned number lies in [0, 1], but the clean inputs do not: is there a "
                "clip? B(x) has a box only where `perturbation_set` has one"
            )
        worst = int(outside.argmax())
        expect(
            outside[worst] <= setting.slack,
            f"on {setting.name}, the input of sample {worst} is {outside[worst]:.3g} outside B(x) "
            f"(rounding explains {setting.slack:.1g})."
            + (hint or " Project what you return: `perturbation_set.project(x, x_adv)`"),
        )


def _score(case: _Case) -> None:
    for setting in case.settings:
        found, _ = case.run(setting)
        for name, told, at in (
            ("loss", found.loss, found.x),
            ("clean_loss", found.clean_loss, setting.x),
        ):
            gap = differ(told, setting.objective.value(at), setting.x)
            where = "`AttackResult.x`" if name == "loss" else "the clean inputs"
            expect(
                gap == 0.0,
                f"on {setting.name}, `AttackResult.{name}` is not the score at {where}: {gap:.3g} "
                "off",
            )


def _never_below_clean(case: _Case) -> None:
    for setting in case.settings:
        found, _ = case.run(setting)
        clean = host(setting.objective.value(setting.x))
        short = clean - host(found.loss)
        worst = int(short.argmax())
        expect(
            short[worst] <= 0.0,
            f"on {setting.name}, sample {worst} has loss {host(found.loss)[worst]:.6g}, less than "
            f"the {clean[worst]:.6g} of its clean input, which is in B(x) too: keep the clean "
            "point where nothing better was found",
        )


def _running_maximum(case: _Case) -> None:
    for setting in case.settings:
        found, notes = case.run(setting)
        if not notes.points:
            continue
        shape = tuple(setting.x.shape)
        seen = [k for k, point in enumerate(notes.points) if point.shape == shape]
        best = np.full(shape[:-1], -np.inf)
        for k in seen:
            outside = host(setting.allowed.distance(setting.x, as_like(notes.points[k], setting.x)))
            best = np.where(outside <= setting.slack, np.maximum(best, notes.scores[k]), best)
        size = 1.0 + np.abs(best[np.isfinite(best)]).max(initial=0.0)
        short = best - host(found.loss)
        worst = int(short.argmax())
        expect(
            short[worst] <= 1e3 * unit_roundoff(setting.x) * size,
            f"on {setting.name}, it returned {host(found.loss)[worst]:.6g} for sample {worst}, "
            f"but on its way it saw {best[worst]:.6g} at a point of B(x): keep the best point of "
            "each sample, not the last",
        )


def _trace(case: _Case) -> None:
    if case.run(case.settings[0])[0].trace is None:
        skip_check("the attack keeps no trace")
    for setting in case.settings:
        found, _ = case.run(setting)
        gap = differ(host(found.trace).max(0), found.loss, setting.x)
        expect(
            gap == 0.0, f"on {setting.name}, `loss` is {gap:.3g} off the maximum of its own `trace`"
        )


def _same_generator(case: _Case) -> None:
    for setting in case.settings:
        once, again = case.run(setting)[0], case.run(setting)[0]
        gap = differ(once.x, again.x, setting.x)
        expect(
            gap == 0.0,
            f"on {setting.name}, equal generators gave points {gap:.3g} apart: draw from `rng` "
            "alone, and keep nothing in the attack",
        )


def _deterministic(case: _Case) -> None:
    declared = getattr(case.attack, "deterministic", None)
    if declared is None:
        skip_check("the attack does not say whether it is `deterministic`")
    differs = False
    for setting in case.settings:
        # The result too: what is asked of samples taken apart is not noted.
        one, other = (
            [*notes.points, host(found.x)]
            for found, notes in (case.run(setting, 1), case.run(setting, 2))
        )
        same = len(one) == len(other) and all(
            np.array_equal(a, b) for a, b in zip(one, other, strict=True)
        )
        differs = differs or not same
    expect(
        not (declared and differs),
        "`deterministic` is declared, but other generators give other points",
    )
    expect(
        declared or differs,
        "`deterministic` is False, but two generators gave the same points on every objective: "
        "does it ignore `rng`?",
    )


def _counts(case: _Case) -> None:
    for setting in case.settings:
        found, notes = case.run(setting)
        if notes.taken:
            skip_check("it takes samples apart, whose evaluations are not counted here")
        told = (found.n_values, found.n_gradients)
        seen = (notes.n_values, notes.n_gradients)
        expect(
            told == seen,
            f"on {setting.name}, `n_values` and `n_gradients` say {told}, but the objective was "
            f"asked {seen} times",
        )


def _is_deterministic(case: _Case) -> None:
    declared = getattr(case.attack, "deterministic", None)
    if declared is None:
        setting = case.settings[0]
        one, other = case.run(setting, 1)[0], case.run(setting, 2)[0]
        declared = np.array_equal(host(one.x), host(other.x))
    if not declared:
        skip_check("the attack draws at random")


def _samples_apart(case: _Case) -> None:
    _is_deterministic(case)
    for setting in case.settings:
        whole, _ = case.run(setting)
        index = kernels(setting.x).xp.asarray([2, 0])
        rng = np.random.default_rng([case.seed, 0])
        objective, allowed = setting.objective.take(index), setting.allowed.take(index)
        part = case.attack(objective, setting.x[index], allowed, rng)
        gap = differ(part.loss, whole.loss[index], setting.x, roundings=1e6)
        expect(
            gap == 0.0,
            f"on {setting.name}, the loss of a sample changes by {gap:.3g} when it is attacked "
            "without the others",
        )


def _leading_axes(case: _Case) -> None:
    _is_deterministic(case)
    for setting in case.settings:
        pair = kernels(setting.x).xp.stack([setting.x, setting.x * 1.01])
        rng = np.random.default_rng([case.seed, 0])
        together = case.attack(setting.objective, pair, setting.allowed, rng)
        for k in range(2):
            rng = np.random.default_rng([case.seed, 0])
            alone = case.attack(setting.objective, pair[k], setting.allowed, rng)
            gap = differ(together.loss[k], alone.loss, setting.x, roundings=1e6)
            expect(
                gap == 0.0,
                f"on {setting.name}, inputs of shape {tuple(pair.shape)}: game {k} is {gap:.3g} "
                "away from itself on its own. Leading axes are independent games",
            )


def _results_stay(case: _Case) -> None:
    watched = Watched()
    for setting in case.settings:
        found, _ = case.run(setting)
        watched.add("the result of an earlier attack", found.x)
        case.run(setting, 1)
    watched.expect_unchanged("A result was handed out: make new arrays for the next one.")
