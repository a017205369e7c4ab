"""Wrong parts, one mistake each: the checks catch every one and say what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.adversaries import Response, Timing
from olgame.arrays import kernels
from olgame.checks import (
    check_adversary,
    check_attack,
    check_decision_set,
    check_learner,
    check_loss,
    check_model,
    check_perturbation_set,
)
from olgame.exceptions import CheckError

CENTER = np.linspace(-1.0, 1.0, 6)
BALL = og.sets.L2Ball(0.5, CENTER)
NET = og.models.TwoLayerNet(dim=5, width=16, activation="softplus", paired=False)
X = np.random.default_rng(0).standard_normal((4, 5))
Y = np.array([1.0, -1.0, 1.0, -1.0])
UNSEEDED = np.random.default_rng()


def changed(part: Any, /, **members: Any) -> Any:
    """``part`` with some of its methods and fields replaced."""

    def member(self: Any, name: str) -> Any:
        return getattr(part, name)

    fixed = {k: staticmethod(v) if callable(v) else v for k, v in members.items()}
    return type("Mutant", (), {"__getattr__": member, **fixed})()


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


def _inputs(propose: Callable[[Any, Any], Any]) -> Any:
    """An adversary on a network whose attack returns what ``propose`` makes of x."""

    def attack(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> Any:
        value = objective.value(x)
        return og.attacks.AttackResult(propose(objective, x), value, value, 1, 0)

    return og.adversaries.InputAttack(
        NET, X, Y, loss=og.losses.logistic, attack=attack, perturbation_set=og.perturbations.l2(0.1)
    )


def _function(answer: Callable[[Any, Any], Any], timing: Timing = Timing.SEES_POINT) -> Any:
    return og.adversaries.from_function(answer, timing=timing, start=CENTER)


def _linear(gradient: Any) -> Any:
    return og.losses.LinearLoss(gradient)


class OneBuffer:
    """Hands out the same array as every round's gradient."""

    timing: Any = Timing.SEES_POINT
    start = CENTER

    def init(self, seed: Any) -> Any:
        return np.zeros(6)

    def respond(self, state: Any, view: Any) -> Any:
        state[:] = view.point + view.round
        return Response(_linear(state)), state


class Counts:
    """Counts rounds in itself."""

    timing: Any = Timing.OBLIVIOUS
    start = CENTER

    def init(self, seed: Any) -> Any:
        self.t = 0
        return None

    def respond(self, state: Any, view: Any) -> Any:
        self.t += 1
        return Response(_linear(CENTER * self.t)), state


def _liar() -> Any:
    honest = _inputs(lambda objective, x: x + 1.0)

    def respond(state: Any, view: Any) -> Any:
        response, state = honest.respond(state, view)
        return Response(response.loss, response.evidence._replace(distance=0.0)), state

    return changed(honest, respond=respond)


def _steep() -> Any:
    loss = og.losses.QuadraticLoss(CENTER)

    def evaluate(w: Any) -> Any:
        found = loss.evaluate(w)
        return found._replace(gradient=1.01 * found.gradient)

    return _function(lambda view, rng: changed(loss, evaluate=evaluate))


def _concave() -> Any:
    loss = og.losses.QuadraticLoss(CENTER)

    def evaluate(w: Any) -> Any:
        found = loss.evaluate(w)
        return og.losses.RoundEvaluation(-found.value, -found.gradient)

    concave = changed(loss, evaluate=evaluate, value=lambda w: -loss.value(w))
    return _function(lambda view, rng: concave)


ADVERSARIES: dict[str, tuple[Any, str]] = {
    "leaves B(x)": (_inputs(lambda f, x: x + 1.0), r"sample \d is [\d.]+ outside B\(x\) in round"),
    "hides that it leaves B(x)": (_liar(), r"sample \d is [\d.]+ outside B\(x\) in round"),
    "returns nan": (
        _function(lambda v, rng: _linear(CENTER * np.nan)),
        "the loss of round 1 is nan",
    ),
    "nan in the gradient": (
        _function(
            lambda v, rng: changed(
                _linear(CENTER), evaluate=lambda w: og.losses.RoundEvaluation(1.0, CENTER / 0.0)
            )
        ),
        "the gradient of round 1 has 6 entries that are nan or infinite",
    ),
    "peeks": (
        _function(lambda v, rng: _linear(v.point), Timing.OBLIVIOUS),
        "it peeks: .*'oblivious'",
    ),
    "peeks around the guard": (
        _function(lambda v, rng: _linear(v._point), Timing.OBLIVIOUS),
        "it peeks: `timing` is 'oblivious', but the loss of round 1 depends on the points",
    ),
    "peeks at the present": (
        _function(lambda v, rng: _linear(v._point), Timing.SEES_PAST),
        "it peeks: `timing` is 'sees the past', but the loss of round 4 depends on W_t",
    ),
    "unseeded": (
        _function(lambda v, rng: _linear(UNSEEDED.standard_normal(6))),
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


def _ascend(keep: str = "best", steps: int = 8) -> Any:
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
        _ascend("last"),
        "keep the (best point of each sample, not the last|clean)",
    ),
    "drops the clean point": (_ascend("no clean point", 1), "keep the clean point"),
    "clips to [0, 1]": (_ascend("clipped"), r"outside B\(x\).*lies in \[0, 1\].*is there a clip"),
    "does not project": (_unprojected, r"outside B\(x\) .*Project what you return"),
    "makes up its score": (_no_score, "`AttackResult.loss` is not the score at"),
    "miscounts": (_ascend("miscounts"), r"`n_values` and `n_gradients` say \(9, 9\).*\(9, 8\)"),
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


# --- sets ---------------------------------------------------------------------------------------


def _shrinking(x: Any) -> Any:
    return og.sets.L2Ball(0.45, CENTER).project(x)


def _not_nearest(x: Any) -> Any:
    """The center for all that is outside."""
    inside = np.asarray(BALL.contains(x, atol=1e-12))[..., None]
    return np.where(inside, x, CENTER)


def _mutating(x: Any) -> Any:
    x[...] = BALL.project(x)
    return x


SETS: dict[str, tuple[Any, str]] = {
    "projects onto 0.9 of the ball": (
        changed(BALL, project=_shrinking),
        "moves a point .* smaller",
    ),
    "0.9 of the ball, consistently": (
        changed(BALL, project=_shrinking, contains=og.sets.L2Ball(0.45, CENTER).contains),
        r"\d+ of 12 samples are not in the set",
    ),
    "not nearest": (
        changed(BALL, project=_not_nearest),
        r"not the nearest point: it moved a point by [\d.]+, but there is .* at distance [\d.]+",
    ),
    "projects in place": (changed(BALL, project=_mutating), "the point handed to the set changed"),
    "support 1.01 x": (changed(BALL, support=lambda g: 1.01 * BALL.support(g)), "`support.g.` ="),
    "support of a larger ball": (
        changed(
            BALL,
            support=og.sets.L2Ball(0.6, CENTER).support,
            lmo=og.sets.L2Ball(0.6, CENTER).lmo,
        ),
        "`lmo` gave a point outside",
    ),
    "lmo maximizes": (changed(BALL, lmo=lambda g: BALL.lmo(-g)), "not a \\*minimizer\\*"),
    "reach too small": (changed(BALL, reach=lambda x: BALL.reach(x) - 0.7), "`reach.*too small"),
    "diameter is the radius": (
        changed(BALL, diameter=0.5),
        "`diameter` = 0.5 is too small: two points",
    ),
    "contains nan": (
        changed(BALL, contains=lambda x, atol=0.0: ~(kernels(x).norm(x - CENTER) > 0.5 + atol)),
        "`contains` is True for nan",
    ),
    "samples outside": (
        changed(BALL, sample=lambda rng, shape: rng.standard_normal(shape)),
        "samples are not in the set",
    ),
    "unseeded samples": (
        changed(BALL, sample=lambda rng, shape: BALL.sample(UNSEEDED, shape)),
        "two different draws for equal generators",
    ),
    "one number for all points": (
        changed(BALL, reach=lambda x: float(np.max(np.asarray(BALL.reach(x))))),
        "`reach` of points of shape",
    ),
}
L2, LINF = og.perturbations.l2(0.3), og.perturbations.linf(0.3)
PERTURBATIONS: dict[str, tuple[Any, str]] = {
    "projects onto 0.9": (
        changed(L2, project=og.perturbations.l2(0.27).project),
        "moves a point that is in B.* smaller",
    ),
    "not nearest": (
        changed(
            LINF,
            project=lambda x, z: np.where(LINF.distance(x, z)[..., None] > 1e-12, x, z),
        ),
        "not the nearest point: it moved an input by",
    ),
    "a hidden clip": (
        changed(L2, project=lambda x, z: np.clip(np.asarray(L2.project(x, z)), 0.4, 0.6)),
        r"`project\(x, x\)` moves the clean data",
    ),
    "distance too small": (
        changed(L2, distance=lambda x, z: 0.9 * L2.distance(x, z)),
        "`distance` = .* is too small",
    ),
    "the wrong norm": (changed(LINF, norm="l2"), "`dual_norm` must be norm2"),
    "step not of length 1": (
        changed(L2, steepest=lambda g, atol=0.0: 2.0 * L2.steepest(g, atol=atol)),
        "`steepest` must have length 1",
    ),
    "noise as a step": (
        changed(L2, steepest=lambda g, atol=0.0: L2.steepest(g)),
        "exactly 0 for a gain below `atol`",
    ),
    "Euclidean radius of linf": (
        changed(LINF, euclidean_radius=lambda dim: 0.3),
        "`euclidean_radius` is .* too small",
    ),
}


# --- losses -------------------------------------------------------------------------------------

LOGISTIC, HINGE = og.losses.logistic, og.losses.hinge
LOSSES: dict[str, tuple[Any, str]] = {
    "derivative 1.01 x": (
        changed(LOGISTIC, derivative=lambda z, y: 1.01 * LOGISTIC.derivative(z, y)),
        "the derivative is wrong: at y = -1, z = .* difference quotients allow only",
    ),
    "slope beyond the kink": (
        changed(HINGE, derivative=lambda z, y: -y * (y * z < 2.0)),
        "the derivative is wrong",
    ),
    "conjugate too small": (
        changed(LOGISTIC, conjugate=lambda p, y: LOGISTIC.conjugate(p, y) - 0.01),
        "the conjugate is too small",
    ),
    "conjugate too large": (
        changed(LOGISTIC, conjugate=lambda p, y: LOGISTIC.conjugate(p, y) + 0.01),
        "conjugate and derivative disagree",
    ),
    "finite conjugate": (
        changed(HINGE, conjugate=lambda p, y: p * y),
        "the conjugate must be inf beyond the slopes",
    ),
    "not convex": (
        og.losses.from_function(lambda z, y: 1.0 / (1.0 + np.exp(y * z)), lambda z, y: -y),
        "it is not convex in z: at y = -1",
    ),
    "Lipschitz constant too small": (changed(LOGISTIC, lipschitz=0.5), "`lipschitz` = 0.5 is too"),
    "smoothness too small": (changed(LOGISTIC, smoothness=0.2), "`smoothness` = 0.2 is too small"),
    "no loss of the margin": (
        og.losses.from_function(
            lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y, of_margin=True
        ),
        "the loss grows with y z",
    ),
    "mean over samples": (
        changed(LOGISTIC, value=lambda z, y: np.mean(np.asarray(LOGISTIC.value(z, y)))),
        "one number per sample",
    ),
    "nan far out": (
        changed(
            LOGISTIC, value=lambda z, y: np.where(z > 7.0, np.nan, np.asarray(LOGISTIC.value(z, y)))
        ),
        "`value` is nan at z",
    ),
}


# --- models -------------------------------------------------------------------------------------


def _evaluated(**wrong: Callable[[Any], Callable[..., Any]]) -> Any:
    """The net whose evaluations have some methods replaced."""

    def at(w: Any, x: Any) -> Any:
        found = NET.at(w, x)
        return changed(found, **{name: make(found) for name, make in wrong.items()})

    return changed(NET, at=at, __call__=NET)


def _dropout(w: Any, x: Any) -> Any:
    return NET(w, x) * (1.0 + 0.1 * UNSEEDED.standard_normal(x.shape[-2]))


def _global_noise(w: Any, x: Any) -> Any:
    np.random.normal()  # noqa: NPY002
    return NET(w, x)


def _batch_statistics(w: Any, x: Any) -> Any:
    z: Any = NET(w, x)
    return z - z.mean()


def _written_start(w: Any, x: Any) -> Any:
    w += 1e-12
    return NET(w, x)


MODELS: dict[str, tuple[Any, str]] = {
    "gradient 1.01 x": (
        _evaluated(pullback_w=lambda at: lambda c: 1.01 * at.pullback_w(c)),
        r"`pullback_w` is off by (1|0\.99\d*|1\.0\d*) %",
    ),
    "input gradient 1.01 x": (
        _evaluated(pullback_x=lambda at: lambda c: 1.01 * at.pullback_x(c)),
        "`pullback_x` is off by",
    ),
    "wrong jvp": (_evaluated(jvp_w=lambda at: lambda v: 1.01 * at.jvp_w(v)), "`jvp_w` is off by"),
    "jvp off in the 7th digit": (
        _evaluated(jvp_w=lambda at: lambda v: (1.0 + 1e-7) * at.jvp_w(v)),
        "`jvp_w` and `pullback_w` are not transposes",
    ),
    "mixed derivative 1.01 x": (
        _evaluated(jvp_w_pullback_x=lambda at: lambda v, c: 1.01 * at.jvp_w_pullback_x(v, c)),
        "`jvp_w_pullback_x` is off by",
    ),
    "dropout": (changed(NET, __call__=_dropout), "differ|dropout"),
    "dropout everywhere": (
        changed(NET, __call__=_dropout, at=lambda w, x: changed(NET.at(w, x), z=_dropout(w, x))),
        "differ|dropout",
    ),
    "global randomness": (changed(NET, __call__=_global_noise), "NumPy's global random state"),
    "batch statistics": (
        changed(
            NET,
            __call__=_batch_statistics,
            at=lambda w, x: changed(NET.at(w, x), z=_batch_statistics(w, x)),
        ),
        "changes by .* without the other samples",
    ),
    "two percent of the curvature": (
        changed(
            NET, __call__=NET, curvature_bound=lambda x: 0.02 * np.asarray(NET.curvature_bound(x))
        ),
        "`curvature_bound` is too small: sample",
    ),
    "writes into w": (changed(NET, __call__=_written_start), "`start` changed by 1e-12"),
    "neighborhood of another size": (
        changed(NET, __call__=NET, neighborhood=lambda r: NET.neighborhood(1.0)),
        "`neighborhood` must grow with the radius",
    ),
}

MUTANTS: dict[str, tuple[Callable[..., Any], Any, dict[str, Any], str]] = {}
for _kind, _check, _table, _options in (
    ("learner", check_learner, LEARNERS, {}),
    ("adversary", check_adversary, ADVERSARIES, {}),
    ("attack", check_attack, ATTACKS, {}),
    ("set", check_decision_set, SETS, {"like": CENTER}),
    ("perturbations", check_perturbation_set, PERTURBATIONS, {}),
    ("loss", check_loss, LOSSES, {}),
    ("model", check_model, MODELS, {}),
):
    for _name, (_part, _message) in _table.items():
        MUTANTS[f"{_kind}: {_name}"] = (_check, _part, _options, _message)


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_mistake_is_named(name: str) -> None:
    check, part, options, message = MUTANTS[name]
    with pytest.raises(CheckError, match=message) as caught:
        check(part, **options)
    assert "docs/how_to/" in str(caught.value)
    assert f"fails the check '{caught.value.check}'" in str(caught.value)


def test_the_unchanged_parts_pass() -> None:
    """The mutants fail for their mistake: the same wrapping without one passes."""
    check_learner(Learner())
    check_decision_set(changed(BALL), like=CENTER)
    check_perturbation_set(changed(L2))
    check_loss(changed(LOGISTIC))
    check_model(changed(NET, __call__=NET))
    check_attack(_ascend())
    check_adversary(_inputs(lambda objective, x: x))
    check_adversary(_function(lambda view, rng: _linear(view.point)))


# --- what torch parts can do to the outside -----------------------------------------------------


def _torch_setting() -> tuple[Any, Any, dict[str, Any]]:
    torch = pytest.importorskip("torch")

    class Objective:
        """A module's output as the score; the attack can reach the module."""

        def __init__(self, module: Any) -> None:
            self.module = module

        def value(self, x: Any) -> Any:
            return self.module(x)[:, 0].detach()

        output = value

    module = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Dropout(0.0)).eval()
    x = torch.zeros(2, 3)
    options = {"objective": Objective(module), "x": x, "perturbation_set": og.perturbations.l2(0.1)}
    return torch, module, options


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("backward", r"`.grad` of the parameter '0.weight' was overwritten.*torch.autograd.grad"),
        ("train", r"`training` of the module Sequential was switched"),
        ("freeze", r"`requires_grad` of the parameter '0.weight' was switched"),
        ("write", r"the parameter '0.bias' was written to"),
        ("draw", "torch's global random state changed"),
        ("no_grad", "torch's gradient mode changed"),
        ("none", ""),
    ],
)
def test_side_effects_on_modules_and_torch(mistake: str, message: str) -> None:
    torch, module, options = _torch_setting()

    def attack(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> og.attacks.AttackResult:
        clean = objective.value(x)
        if mistake == "backward":
            module(x).sum().backward()
        if mistake == "train":
            module.train()
        if mistake == "freeze":
            module.requires_grad_(False)
        if mistake == "write":
            module[0].bias.data.add_(1.0)
        if mistake == "draw":
            torch.rand(1)
        if mistake == "no_grad":
            torch.set_grad_enabled(False)
        return og.attacks.AttackResult(1.0 * x, clean, clean, 1, 0)

    skip = ["samples apart", "leading axes"]
    before = torch.get_rng_state()
    if mistake == "none":
        assert "side effects" in check_attack(attack, **options, skip=skip).passed
        return
    with pytest.raises(CheckError, match=message) as caught:
        check_attack(attack, **options, skip=skip)
    assert caught.value.check == "side effects"
    assert torch.is_grad_enabled()
    assert bool((torch.get_rng_state() == before).all())


def test_a_model_that_draws_from_torch() -> None:
    torch = pytest.importorskip("torch")

    def noisy(w: Any, x: Any) -> Any:
        torch.rand(1)
        return NET(w, x)

    with pytest.raises(CheckError, match="torch's global random state changed"):
        check_model(changed(NET, __call__=noisy))


def test_checks_import_no_torch() -> None:
    assert "torch" not in vars(sys.modules["olgame.checks.side_effects"])
