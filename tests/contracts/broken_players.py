"""Learners, adversaries and attacks with one mistake each, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import olgame as og
from olgame.adversaries import Response, Timing
from tests.contracts.broken_part import CENTER, NET, UNSEEDED, X, Y, changed

# --- learners -----------------------------------------------------------------------------------


class Learner:
    """Projected gradient descent, written as a user would; the state is a dictionary."""

    level: Any = og.Level.GRADIENT

    def init(self, start: Any, decision_set: Any) -> Any:
        return {"w": 1.0 * start, "set": decision_set}

    def decide(self, state: Any) -> Any:
        return state["w"]

    def update(self, state: Any, feedback: Any) -> Any:
        return state | {"w": state["set"].project(state["w"] - 0.1 * self.slope(feedback))}

    def slope(self, feedback: Any) -> Any:
        return feedback.gradient

    def copy(self, state: Any) -> Any:
        return dict(state)


class LeavesTheSet(Learner):
    def update(self, state: Any, feedback: Any) -> Any:
        return state | {"w": state["w"] - 0.1 * feedback.gradient}


class ReturnsNan(Learner):
    def update(self, state: Any, feedback: Any) -> Any:
        return state | {"w": state["w"] * np.nan}


class MutatesItsPoint(Learner):
    def update(self, state: Any, feedback: Any) -> Any:
        state["w"] -= 0.1 * feedback.gradient
        state["w"] = state["set"].project(state["w"])
        return state


class MutatesTheGradient(Learner):
    def slope(self, feedback: Any) -> Any:
        gradient = feedback.gradient
        gradient *= 0.5
        return gradient


class IgnoresItsSeed(Learner):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def slope(self, feedback: Any) -> Any:
        return feedback.gradient + UNSEEDED.standard_normal(feedback.gradient.shape)


class GlobalRandomness(Learner):
    def slope(self, feedback: Any) -> Any:
        return feedback.gradient + np.random.normal(size=feedback.gradient.shape)  # noqa: NPY002


class DrawsInDecide(Learner):
    def decide(self, state: Any) -> Any:
        state["n"] = state.get("n", 0) + 1
        return state["set"].project(state["w"] + 0.01 * state["n"])


class SharesItsState(Learner):
    def update(self, state: Any, feedback: Any) -> Any:
        state["w"] = state["set"].project(state["w"] - 0.1 * feedback.gradient)
        return state

    def copy(self, state: Any) -> Any:
        return state


class RemembersInItself(Learner):
    def __init__(self) -> None:
        self.velocity: Any = 0.0

    def init(self, start: Any, decision_set: Any) -> Any:
        self.velocity = 0.0
        return super().init(start, decision_set)

    def slope(self, feedback: Any) -> Any:
        self.velocity = 0.9 * self.velocity + feedback.gradient
        return self.velocity


class NormOverAllAxes(Learner):
    def slope(self, feedback: Any) -> Any:
        return feedback.gradient / (1.0 + np.linalg.norm(feedback.gradient))


class LastStepOfAnother(Learner):
    def last_step(self, state: Any) -> Any:
        return og.learners.GradientStep(state["w"] + 1.0, 0.1)


class RaisesWhatItLikes(Learner):
    def update(self, state: Any, feedback: Any) -> Any:
        raise KeyError("momentum")


LEARNERS: dict[str, tuple[Learner, str]] = {
    "leaves the set": (LeavesTheSet(), r"W_\d+ is [\d.]+ outside the decision set.*Project"),
    "returns nan": (ReturnsNan(), "W_2 is not finite"),
    "mutates a point": (MutatesItsPoint(), r"The point W_\d+ changed by .* new array"),
    "mutates the gradient": (MutatesTheGradient(), r"The gradient of round 1 changed"),
    "ignores its seed": (IgnoresItsSeed(3), "the same game gave another W_2.*keyed by its seed"),
    "global randomness": (GlobalRandomness(), "NumPy's global random state changed"),
    "moves in decide": (DrawsInDecide(), "`decide` called twice gave two points"),
    "shares its state": (SharesItsState(), "`copy` shares memory with the original"),
    "remembers in itself": (RemembersInItself(), "two games played in turns disturb each other"),
    "reduces over all axes": (NormOverAllAxes(), "three games at once.*last axis only"),
    "tells of another step": (LastStepOfAnother(), "`last_step` does not tell how"),
    "raises": (RaisesWhatItLikes(), "it raised KeyError: 'momentum'"),
}


# --- adversaries --------------------------------------------------------------------------------


def attacked(propose: Callable[[Any, Any], Any]) -> Any:
    """An adversary on a network whose attack returns what ``propose`` makes of x."""

    def attack(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        value = objective.value(x)
        return og.attacks.AttackResult(propose(objective, x), value, value, 1, 0)

    return og.adversaries.InputAttack(
        NET, X, Y, loss=og.losses.logistic, attack=attack, perturbation_set=og.perturbations.l2(0.1)
    )


def from_rule(answer: Callable[[Any, Any], Any], timing: Timing = Timing.SEES_POINT) -> Any:
    return og.adversaries.from_function(answer, timing=timing, start=CENTER)


def linear(gradient: Any) -> Any:
    return og.losses.LinearLoss(gradient)


class OneBuffer:
    """Hands out the same array as every round's gradient."""

    timing: Any = Timing.SEES_POINT
    start = CENTER

    def init(self, seed: Any) -> Any:
        return np.zeros(6)

    def respond(self, state: Any, view: Any) -> Any:
        state[:] = view.point + view.round
        return Response(linear(state)), state


class Counts:
    """Counts rounds in itself."""

    timing: Any = Timing.OBLIVIOUS
    start = CENTER

    def init(self, seed: Any) -> Any:
        self.t = 0
        return None

    def respond(self, state: Any, view: Any) -> Any:
        self.t += 1
        return Response(linear(CENTER * self.t)), state


def _liar() -> Any:
    honest = attacked(lambda objective, x: x + 1.0)

    def respond(state: Any, view: Any) -> Any:
        response, state = honest.respond(state, view)
        return Response(response.loss, response.evidence._replace(distance=0.0)), state

    return changed(honest, respond=respond)


def _steep() -> Any:
    loss = og.losses.QuadraticLoss(CENTER)

    def evaluate(w: Any) -> Any:
        found = loss.evaluate(w)
        return found._replace(gradient=1.01 * found.gradient)

    return from_rule(lambda view, rng: changed(loss, evaluate=evaluate))


def _concave() -> Any:
    loss = og.losses.QuadraticLoss(CENTER)

    def evaluate(w: Any) -> Any:
        found = loss.evaluate(w)
        return og.losses.RoundEvaluation(-found.value, -found.gradient)

    concave = changed(loss, evaluate=evaluate, value=lambda w: -loss.value(w))
    return from_rule(lambda view, rng: concave)


ADVERSARIES: dict[str, tuple[Any, str]] = {
    "leaves B(x)": (
        attacked(lambda f, x: x + 1.0),
        r"sample \d is [\d.]+ outside B\(x\) in round",
    ),
    "hides that it leaves B(x)": (_liar(), r"sample \d is [\d.]+ outside B\(x\) in round"),
    "returns nan": (
        from_rule(lambda v, rng: linear(CENTER * np.nan)),
        "the loss of round 1 is nan",
    ),
    "nan in the gradient": (
        from_rule(
            lambda v, rng: changed(
                linear(CENTER), evaluate=lambda w: og.losses.RoundEvaluation(1.0, CENTER / 0.0)
            )
        ),
        "the gradient of round 1 has 6 entries that are nan or infinite",
    ),
    "peeks": (
        from_rule(lambda v, rng: linear(v.point), Timing.OBLIVIOUS),
        "it peeks: .*'oblivious'",
    ),
    "peeks around the guard": (
        from_rule(lambda v, rng: linear(v._point), Timing.OBLIVIOUS),
        "it peeks: `timing` is 'oblivious', but the loss of round 1 depends on the points",
    ),
    "peeks at the present": (
        from_rule(lambda v, rng: linear(v._point), Timing.SEES_PAST),
        "it peeks: `timing` is 'sees the past', but the loss of round 4 depends on W_t",
    ),
    "unseeded": (
        from_rule(lambda v, rng: linear(UNSEEDED.standard_normal(6))),
        "the same seed and points gave another loss",
    ),
    "one buffer for all losses": (
        OneBuffer(),
        "the loss of round 1 changed by .* while later rounds were played",
    ),
    "remembers in itself": (Counts(), "two games played in turns disturb each other"),
    "gradient 1.01 x": (_steep(), r"gradient of the loss of round 1 is off by 1 %|off by 0\.99"),
    "not convex, undeclared": (_concave(), "below its lower model"),
}


# --- attacks ------------------------------------------------------------------------------------


def ascend(keep: str = "best", steps: int = 8) -> Any:
    """Plain ascent; what it returns is the mistake."""

    def attack(objective: Any, x: Any, allowed: Any, rng: Any) -> Any:
        clean = objective.value(x)
        point, seen, scores = x, [x], [clean]
        for _ in range(steps):
            _, gradient = objective.value_and_gradient(point)
            point = allowed.project(x, point + 0.2 * allowed.steepest(gradient))
            seen, scores = [*seen, point], [*scores, objective.value(point)]
        if keep == "last":
            best, loss = point, scores[-1]
        else:
            first = 1 if keep == "no clean point" else 0
            order = np.argmax(scores[first:], axis=0) + first
            best = np.take_along_axis(np.stack(seen), order[None, ..., None], 0)[0]
            loss = np.take_along_axis(np.stack(scores), order[None], 0)[0]
        if keep == "clipped":
            best = np.clip(best, 0.0, 1.0)
            loss = objective.value(best)
        gradients = steps + (keep == "miscounts")
        values = steps + 1 + (keep == "clipped")
        return og.attacks.AttackResult(best, loss, clean, values, gradients)

    return attack


def _noise(draw: Callable[[Any, tuple[int, ...]], Any], **members: Any) -> Any:
    def propose(objective: Any, x: Any, allowed: Any, rng: Any) -> Any:
        return x + draw(rng, x.shape)

    return changed(None, __call__=og.attacks.from_function(propose), **members)


def _unprojected(objective: Any, x: Any, allowed: Any, rng: Any) -> Any:
    clean, played = objective.value(x), x + rng.standard_normal(x.shape)
    loss = objective.value(played)
    better = loss > clean
    best = np.where(better[..., None], played, x)
    return og.attacks.AttackResult(best, np.maximum(loss, clean), clean, 2, 0)


def _no_score(objective: Any, x: Any, allowed: Any, rng: Any) -> Any:
    clean = objective.value(x)
    return og.attacks.AttackResult(x, clean + 1.0, clean, 1, 0)


def _in_place(objective: Any, x: Any, allowed: Any, rng: Any) -> Any:
    x += 1e-9
    clean = objective.value(x)
    return og.attacks.AttackResult(1.0 * x, clean, clean, 1, 0)


def _global(rng: Any, shape: tuple[int, ...]) -> Any:
    return np.random.normal(size=shape)  # noqa: NPY002


ATTACKS: dict[str, tuple[Any, str]] = {
    "keeps the last iterate": (
        ascend("last"),
        "keep the (best point of each sample, not the last|clean)",
    ),
    "drops the clean point": (ascend("no clean point", 1), "keep the clean point"),
    "clips to [0, 1]": (ascend("clipped"), r"outside B\(x\).*lies in \[0, 1\].*is there a clip"),
    "does not project": (_unprojected, r"outside B\(x\) .*Project what you return"),
    "makes up its score": (_no_score, "`AttackResult.loss` is not the score at"),
    "miscounts": (ascend("miscounts"), r"`n_values` and `n_gradients` say \(9, 9\).*\(9, 8\)"),
    "unseeded": (
        _noise(lambda rng, shape: UNSEEDED.standard_normal(shape)),
        "equal generators gave points .* apart",
    ),
    "global randomness": (_noise(_global), "NumPy's global random state changed"),
    "says it draws": (
        _noise(lambda rng, shape: np.ones(shape), deterministic=False),
        "does it ignore `rng`",
    ),
    "says it does not draw": (
        _noise(lambda rng, shape: rng.standard_normal(shape), deterministic=True),
        "other generators give other points",
    ),
    "writes into the data": (_in_place, "the clean input handed in .* changed"),
    "returns the inputs alone": (lambda f, x, B, rng: x, "must return an `olgame.attacks.AttackR"),
}
