"""A hunt for floors, gaps, intervals and ceilings that are wrong, in higher precision.

`gap` at sizes of 1e-150 to 1e150, with ties at kinks, one neuron, one sample, zero gradients and
equal labels, against losses with 60 digits at points that lie in the set exactly; whole games, with
floor, hindsight and ceiling, in extended precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, cast

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import olgame as og
from olgame.activations import Activation, get_activation
from olgame.duality import gap
from olgame.exceptions import OlgameError
from olgame.models.model import TwoLayerWeights
from olgame.regret import hindsight
from olgame.sets import L2Ball, L2InfBall
from tests.certify.test_hunt import BELOW_1, DIGITS, ENTRIES, HUNT, SMOOTH, mp, neuron, real

Floats = NDArray[np.float64]
SIZES = st.sampled_from([1.0, 1.0, 1.0, 1e-60, 1e-8, 1e-3, 1e3, 1e8, 1e60])
RADII = st.sampled_from([1.0, 1.0, 0.1, 10.0, 1e-90, 1e-12, 1e-4, 1e4, 1e12, 1e60])


@attrs.frozen(eq=False)
class Tiny:
    """A two-layer network with any start, as much of the protocol as `gap` asks for."""

    first: Floats
    output: Floats
    activation: Activation
    name: str = "tiny"
    start = property(lambda self: self.first.reshape(-1))
    width = property(lambda self: len(self.first))
    dim = property(lambda self: int(self.first.shape[1]))

    def two_layer(self, w: Floats) -> TwoLayerWeights:
        return TwoLayerWeights(w.reshape(self.first.shape), self.output, self.activation)


class Problem(NamedTuple):
    """Network, inputs, labels, weights, radius, whether it is one for every row, and u0 - W_0."""

    first: Floats
    output: Floats
    x: Floats
    y: Floats
    omega: Floats
    radius: float
    by_row: bool
    share: float


@st.composite
def problems(draw: Callable[[Any], Any]) -> Problem:
    m, d, n = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))

    def array(*shape: int) -> Floats:
        count = int(np.prod(shape))
        found = draw(st.lists(ENTRIES, min_size=count, max_size=count))
        return np.array(found).reshape(shape)

    first, x = array(m, d) * draw(SIZES), array(n, d) * draw(SIZES)
    output = array(m) * draw(SIZES)
    y = np.ones(n) if draw(st.booleans()) else np.array([(-1.0) ** i for i in range(n)])
    omega = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=float)
    omega = omega / omega.sum() if omega.sum() else np.full(n, 1.0 / n)
    share = draw(st.sampled_from([0.0, 0.5, 1.0]))
    return Problem(first, output, x, y, omega, draw(RADII), draw(st.booleans()), share)


def loss_at(name: str, z: Any, y: float) -> Any:
    """With 60 digits; ``z`` a rational or a number of mpmath."""
    z = real(z) if isinstance(z, Fraction) else z
    s = z * y
    if name == "hinge":
        return max(mp.mpf(0), 1 - s)
    if name == "smoothed_hinge":
        return mp.mpf(0) if s >= 1 else (0.5 - s if s < 0 else (1 - s) ** 2 / 2)
    if name == "absolute":
        return abs(z - y)
    if name == "squared":
        return (z - y) ** 2 / 2
    return max(-s, mp.mpf(0)) + mp.log1p(mp.exp(-abs(s)))


def objective(p: Problem, name: str, loss: str, u: Sequence[Sequence[Fraction]]) -> Any:
    """F at rows u, with 60 digits."""
    total = mp.mpf(0)
    for x, y, omega in zip(p.x, p.y, p.omega, strict=True):
        point = [Fraction(float(v)) for v in x]
        neurons = [
            neuron(name, sum((a * b for a, b in zip(row, point, strict=True)), Fraction(0)))
            for row in u
        ]
        z = mp.fsum(
            real(Fraction(float(c))) * (real(s) if isinstance(s, Fraction) else s)
            for c, s in zip(p.output, neurons, strict=True)
        )
        total += real(Fraction(float(omega))) * loss_at(loss, z, float(y))
    return total / real(sum((Fraction(float(v)) for v in p.omega), Fraction(0)))


def directions(p: Problem) -> list[Floats]:
    """Of norm 1 at most, every row if there is a ball for each of them."""
    rng = np.random.default_rng(0)
    size = max(float(np.abs(p.x).max()), 1e-300)
    x, c = p.x / size, p.output / max(float(np.abs(p.output).max()), 1e-300)
    steep = np.einsum("n,r,nd->rd", p.omega * p.y, c, x)
    found = [*rng.standard_normal((4, *p.first.shape)), steep, -steep]
    found += [np.multiply.outer(s * c, v) for v in x for s in (1.0, -1.0)]
    found += [np.multiply.outer(np.sign(c), v) for v in x]
    unit = []
    for v in found:
        length = np.linalg.norm(v, axis=1, keepdims=True) if p.by_row else np.linalg.norm(v)
        unit.append(BELOW_1 * v / np.where(length > 0, length, 1.0))
    return unit


@np.errstate(all="ignore")
def floor_holds(p: Problem, name: str, loss: str) -> bool:
    """False where the sizes are refused."""
    net = cast(Any, Tiny(p.first, p.output, get_activation(name)))
    k: Any = (
        L2InfBall(p.radius, len(p.first), net.start) if p.by_row else L2Ball(p.radius, net.start)
    )
    moves = directions(p)
    u0 = net.start + p.share * p.radius * moves[0].reshape(-1)
    try:
        found = gap(net, u0, p.x, p.y, getattr(og.losses, loss), p.omega, decision_set=k)
    except OlgameError as refused:
        assert "finite" in str(refused) or "must lie in" in str(refused), refused  # noqa: PT017
        return False
    assert found.gap >= 0
    rational = [[Fraction(float(v)) for v in row] for row in p.first]
    radius = Fraction(p.radius)
    with mp.workdps(DIGITS):
        floor = mp.mpf(found.floor)
        assert floor <= objective(p, name, loss, rational), (p, name, loss, found)
        for move in moves:
            for share in (Fraction(1), Fraction(1, 4)):
                u = [
                    [a + share * radius * Fraction(float(b)) for a, b in zip(row, v, strict=True)]
                    for row, v in zip(rational, move, strict=True)
                ]
                assert floor <= objective(p, name, loss, u), (p, name, loss, found)
    return True


LOSSES = st.sampled_from(["logistic", "hinge", "smoothed_hinge", "absolute", "squared"])


@settings(HUNT, max_examples=100)
@given(p=problems(), loss=LOSSES)
def test_gaps_of_relu_networks(p: Problem, loss: str) -> None:
    floor_holds(p, "relu", loss)


@settings(HUNT, max_examples=60)
@given(p=problems(), name=st.sampled_from(SMOOTH), loss=LOSSES)
def test_gaps_of_smooth_networks(p: Problem, name: str, loss: str) -> None:
    floor_holds(p, name, loss)


@pytest.mark.slow
@settings(HUNT, max_examples=3000)
@given(p=problems(), loss=LOSSES)
def test_gaps_of_many_relu_networks(p: Problem, loss: str) -> None:
    floor_holds(p, "relu", loss)


@pytest.mark.slow
@settings(HUNT, max_examples=1500)
@given(p=problems(), name=st.sampled_from(SMOOTH), loss=LOSSES)
def test_gaps_of_many_smooth_networks(p: Problem, name: str, loss: str) -> None:
    floor_holds(p, name, loss)


# Whole games, in extended precision.
Long = NDArray[np.longdouble]


def long_loss(name: str, z: Long, y: Floats) -> Long:
    s = z * y
    values: dict[str, Any] = {
        "logistic": lambda: np.maximum(-s, 0) + np.log1p(np.exp(-np.abs(s))),
        "hinge": lambda: np.maximum(0, 1 - s),
        "squared": lambda: 0.5 * (z - y) ** 2,
        "absolute": lambda: np.abs(z - y),
    }
    return np.asarray(values[name]())


def long_output(model: Any, u: Floats, x: Floats) -> Long:
    wide = np.longdouble
    w = u.reshape(model.width, model.dim).astype(wide)
    z = x.astype(wide) @ w.T
    sigmas: dict[str, Any] = {
        "relu": lambda: np.maximum(z, 0),
        "softplus": lambda: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
        "tanh": lambda: np.tanh(z),
    }
    c = np.asarray(model.two_layer(u).output).astype(wide)  # the weights as they are stored
    return np.asarray(sigmas[model.activation.name]() @ c)


def game(seed: int) -> tuple[Any, Any, Any, float]:
    """A few rounds on a small network; labels may agree, weights and data may be far out."""
    rng = np.random.default_rng([81, seed])
    name, loss = (
        ("relu", "softplus", "tanh")[seed % 3],
        ("logistic", "hinge", "squared", "absolute"),
    )
    m, d, n = 2 * int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    model = og.models.TwoLayerNet(dim=d, width=m, activation=name, seed=seed, paired=seed % 2 == 0)
    x = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-3, 2)
    if seed % 7 == 0:
        x[0] = 0.0  # no gradient
    y = np.ones(n) if seed % 5 == 0 else rng.choice([-1.0, 1.0], n)
    radius = float(10.0 ** rng.uniform(-3, 1.5))
    k = L2InfBall(radius, m, model.start) if seed % 4 == 3 else model.neighborhood(radius)
    made: Any = (og.perturbations.l2, og.perturbations.linf)[seed // 2 % 2]
    size = float(np.abs(x).max()) * float(rng.choice([0.0, 0.1, 3.0]))
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=getattr(og.losses, loss[seed // 3 % 4]), attack=og.attacks.FGSM(),
        perturbation_set=made(size),
    )  # fmt: skip
    learner = og.learners.OnlineGradientDescent(float(10.0 ** rng.uniform(-3, 1)))
    run = og.play(learner, adversary, k, rounds=int(rng.integers(1, 6)), keep="examples")
    return run, model, k, radius


def comparators(run: Any, model: Any, k: Any, rng: np.random.Generator) -> list[Floats]:
    """Points of K: W_0, the last one, far out along gradients, random ones; drawn in a little."""
    start = np.asarray(model.start)
    total = np.asarray(run.gradient_sum, dtype=np.float64)
    draws = [start - 1e6 * total, start + 1e6 * total, np.asarray(run.final_point)]
    draws += list(start + rng.standard_normal((8, len(start))) * 10.0 ** rng.uniform(-3, 3, (8, 1)))
    return [start, *(start + (1 - 1e-14) * (np.asarray(k.project(u)) - start) for u in draws)]


def check_game(seed: int) -> None:
    run, model, k, radius = game(seed)
    loss, y = run.adversary.loss, np.asarray(run.adversary.y)
    rng = np.random.default_rng([82, seed])
    points = comparators(run, model, k, rng)
    played = [np.asarray(one.x) for one in run.round_losses]
    means = np.array([
        [np.mean(long_loss(loss.name, long_output(model, u, x), y)) for x in played]
        for u in points
    ])  # fmt: skip
    least = means.mean(axis=1)
    own = np.mean([
        np.mean(long_loss(loss.name, long_output(model, np.asarray(w), x), y))
        for w, x in zip(played_points(run), played, strict=True)
    ])  # fmt: skip
    # Hindsight: nothing below its lower end, no regret above its upper one.
    found = hindsight(run, every=1, steps=20)
    assert np.all(found.value - found.gap <= least), seed
    assert run.rounds * (own - least.min()) <= found.regret.upper.value * (1 + 1e-12) + 1e-12 * (
        run.rounds * np.abs(run.loss).max()
    ), seed
    # The floor from the run's sums, which needs no points but smooth neurons and one ball.
    if model.activation.name != "relu" and seed % 4 != 3 and loss.name != "squared":
        floor = og.theory.floor(run, radius).value
        assert np.all(floor <= least), seed
        weights = rng.random(run.rounds)
        weights /= weights.sum()
        raised = og.theory.floor(run, radius, weights=weights).value
        assert np.all(raised <= means @ weights * (1 + 1e-15)), seed
        # And the ceiling at any of these points is above the floor and above what is found there.
        u = points[int(rng.integers(len(points)))]
        adversary = run.adversary
        bracket = og.certify.robust_loss(
            model, u, adversary.x, y, loss, adversary.perturbation_set, attack=og.attacks.FGSM(),
            candidates=played[:2], excess=1e-9 * (1 + float(np.abs(adversary.x).max())),
        )  # fmt: skip
        if np.linalg.norm(u - np.asarray(model.start)) <= radius:
            ceiling = og.theory.ceiling(run, bracket, u, radius).value
            assert floor <= ceiling, seed
            assert np.all(means[[np.array_equal(u, v) for v in points]] <= ceiling), seed


def played_points(run: Any) -> list[Floats]:
    return [np.asarray(step.point) for step in og.replay(run)]


def test_games() -> None:
    for seed in range(60):
        check_game(seed)


@pytest.mark.slow
def test_many_games() -> None:
    for seed in range(60, 2000):
        check_game(seed)
