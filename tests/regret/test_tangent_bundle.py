"""Games with kinks, and every set: the best point in hindsight to 1e-6, against cvxpy."""

from __future__ import annotations

from typing import Any, cast

import attrs
import cvxpy
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.losses import Remainder, RoundEvaluation
from olgame.regret import hindsight
from olgame.regret.tangent_bundle import TangentBundle

Floats = NDArray[np.float64]
cp = cast(Any, cvxpy)
z: Any = og.sets


@attrs.frozen(eq=False)
class AbsoluteError:
    """abs(<a, w> - b): one kink, across a hyperplane."""

    a: Any
    b: float

    def value(self, w: Any) -> Any:
        return abs(w @ self.a - self.b)

    def evaluate(self, w: Any) -> RoundEvaluation:
        residual = w @ self.a - self.b
        sign = 1.0 if float(residual) > 0.0 else -1.0
        return RoundEvaluation(abs(residual), self.a * sign)

    def remainder(self, w: Any, u: Any) -> Remainder:
        raise NotImplementedError


def game(losses: list[Any], k: Any, start: Any) -> og.Transcript:
    return og.play(
        og.learners.OnlineGradientDescent(0.05),
        og.adversaries.ObliviousSequence(losses),
        k,
        rounds=len(losses),
        start=start,
        keep="examples",
    )


def data(p: int, rounds: int, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((rounds, p)) / p**0.5
    return a, a @ rng.standard_normal(p) + 0.3 * rng.standard_normal(rounds)


def sets(p: int) -> dict[str, tuple[Any, Any]]:
    """A set and what it is in the words of the oracle."""
    s = np.linspace(0.5, 2.0, p)
    return {
        "ball": (z.L2Ball(1.0), lambda u: [cp.norm(u) <= 1.0]),
        "box": (z.Box(-0.5, 0.5, dim=p), lambda u: [cp.abs(u) <= 0.5]),
        "simplex": (z.Simplex(p), lambda u: [u >= 0, cp.sum(u) == 1]),
        "capped": (
            z.CappedSimplex(2.0 / p),
            lambda u: [u >= 0, u <= 2.0 / p, cp.sum(u) == 1],
        ),
        "ellipsoid": (z.Ellipsoid(s), lambda u: [cp.norm(cp.multiply(1 / s, u)) <= 1.0]),
        "scaled": (z.Scaled(z.L1Ball(1.0), 2.0), lambda u: [cp.norm1(u) <= 2.0]),
        "intersection": (
            z.Intersection([z.Box(-0.5, 0.5, dim=p), z.Halfspace(np.ones(p), -0.2)]),
            lambda u: [cp.abs(u) <= 0.5, cp.sum(u) <= -0.2],
        ),
    }


@pytest.mark.parametrize("name", sets(4))
@pytest.mark.parametrize("kind", ["kinks", "kinks and quadratics", "all"])
def test_games_with_kinks_against_cvxpy(name: str, kind: str) -> None:
    p, rounds = 8, 40
    k, rules = sets(p)[name]
    a, b = data(p, rounds)
    losses: list[Any] = [AbsoluteError(row, float(c)) for row, c in zip(a, b, strict=True)]
    u = cp.Variable(p)
    terms = [cp.abs(row @ u - c) for row, c in zip(a, b, strict=True)]
    if kind != "kinks":
        for t in range(0, rounds, 3):
            losses[t] = og.losses.QuadraticLoss(a[t], 0.2)
            terms[t] = 0.1 * cp.sum_squares(u - a[t])
    if kind == "all":
        for t in range(1, rounds, 3):
            losses[t] = og.losses.LinearLoss(a[t], 0.5)
            terms[t] = a[t] @ u + 0.5
    best = float(cp.Problem(cp.Minimize(sum(terms) / rounds), rules(u)).solve("CLARABEL"))
    run = game(losses, k, k.project(np.zeros(p)))
    found = hindsight(run, tolerance=1e-8)
    assert found.value - found.gap - 1e-7 <= best <= found.value + 1e-7
    assert found.gap <= 1e-6
    assert k.contains(found.point, atol=1e-9)
    assert found.regret.lower.value == pytest.approx(og.regret.external(run, found.point))
    assert found.regret.width == pytest.approx(rounds * found.gap, abs=1e-12)


@pytest.mark.parametrize(("p", "name"), [(500, "ball"), (500, "simplex"), (50, "box")])
def test_small_games_of_many_dimensions(p: int, name: str) -> None:
    k, rules = sets(p)[name]
    a, b = data(p, 200, seed=1)
    run = game(
        [AbsoluteError(r, float(c)) for r, c in zip(a, b, strict=True)], k, k.project(np.zeros(p))
    )
    u = cp.Variable(p)
    best = float(cp.Problem(cp.Minimize(cp.norm1(a @ u - b) / 200), rules(u)).solve("CLARABEL"))
    found = hindsight(run, tolerance=1e-6)
    assert found.state == "global minimizer certified"
    assert found.value - found.gap - 1e-6 <= best <= found.value + 1e-6
    assert found.gap <= 1e-6


@pytest.mark.parametrize("name", ["ball", "box", "simplex"])
def test_hinges_of_a_linear_model(name: str) -> None:
    """Adversarial training of a linear model, certified to 1e-6 where secants leave 1e-2."""
    p = 6
    k, rules = sets(p)[name]
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(10, p)), rng.choice([-1.0, 1.0], 10)
    adversary = og.adversaries.InputAttack(
        og.models.LinearModel(p),
        x,
        y,
        loss=og.losses.hinge,
        attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.3),
    )
    run: Any = og.play(
        og.learners.OnlineGradientDescent(0.2), adversary, k, rounds=20,
        start=k.project(np.zeros(p)), keep="examples",
    )  # fmt: skip
    u = cp.Variable(p)
    hinges = [cp.sum(cp.pos(1 - cp.multiply(y, played.x @ u))) for played in run.round_losses]
    best = float(cp.Problem(cp.Minimize(sum(hinges) / 200), rules(u)).solve("CLARABEL"))
    found = hindsight(run, every=3, steps=80, tolerance=1e-7)
    assert found.value - found.gap - 1e-7 <= best <= found.value + 1e-7
    assert found.gap <= 1e-6
    assert "bundle" in found.method


@pytest.mark.parametrize("room", [2**24, 16 * 8 * 3])
@pytest.mark.parametrize("quadratic", [False, True])
def test_every_floor_is_below_every_value(
    room: int, quadratic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped early, and with rounds that share a model: sound, and better with more passes."""
    monkeypatch.setattr("olgame.regret.tangent_bundle._ROOM", room)
    p, rounds = 8, 30
    a, b = data(p, rounds, seed=4)
    losses: list[Any] = [AbsoluteError(row, float(c)) for row, c in zip(a, b, strict=True)]
    if quadratic:
        losses[::5] = [og.losses.QuadraticLoss(row) for row in a[::5]]
    for name in ("ball", "simplex"):
        k = sets(p)[name][0]
        start = k.project(0.1 * np.ones(p))
        least = hindsight(game(losses, k, start), tolerance=1e-9)
        assert least.gap <= 1e-7
        gaps = []
        for steps in (1, 2, 4, 16, 40):
            bundle = TangentBundle(losses, start, k)
            point, value, floor = bundle.solve(start, steps, 0.0)
            exact = sum(float(loss.value(point)) for loss in losses) / rounds
            assert value == pytest.approx(exact, rel=1e-13)
            assert floor <= least.value
            assert value >= least.value - least.gap
            assert bundle.passes <= steps + 1
            gaps.append(value - floor)
        assert gaps[-1] < 0.1 * gaps[0] + 1e-12


def test_quadratic_games_are_projections() -> None:
    """The mean target, projected: no search, and a gap at rounding level."""
    rng = np.random.default_rng(0)
    targets, curvatures = rng.standard_normal((20, 5)), rng.uniform(0.5, 2.0, 20)
    pull = rng.standard_normal(5)
    losses: list[Any] = [
        og.losses.QuadraticLoss(target, float(c))
        for target, c in zip(targets, curvatures, strict=True)
    ]
    losses.append(og.losses.LinearLoss(pull))
    mean = (curvatures @ targets - pull) / curvatures.sum()
    for k in (z.L2Ball(0.3), z.Simplex(), z.Box(-0.1, 0.2, dim=5), z.WholeSpace(5)):
        found = hindsight(game(losses, k, k.project(np.zeros(5))))
        np.testing.assert_allclose(np.asarray(found.point), k.project(mean), atol=1e-12)
        assert found.method.startswith("projection")
        assert found.passes == 1
        assert found.gap <= 1e-11


def test_payoffs_are_linear_losses() -> None:
    """Self-play keeps losses that know they are linear: the closed form, not a search."""
    matrix = np.random.default_rng(2).standard_normal((4, 3))
    opponent = og.adversaries.LearnerAsAdversary(
        og.learners.Hedge(0.1), og.adversaries.Bilinear(matrix), z.Simplex(), np.full(3, 1 / 3)
    )
    run = og.play(
        og.learners.Hedge(0.1), opponent, z.Simplex(), rounds=40, start=np.full(4, 0.25),
        keep="points",
    )  # fmt: skip
    found = hindsight(run)
    assert found.method == "closed form of linear losses"
    assert found.gap <= 1e-12
    assert found.regret.upper.value == pytest.approx(og.regret.linear(run).value, abs=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_games_on_torch(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    a, b = data(6, 30)
    k = z.L2Ball(1.0)
    mine = hindsight(
        game([AbsoluteError(r, float(c)) for r, c in zip(a, b, strict=True)], k, np.zeros(6)),
        tolerance=1e-8,
    )
    tensors = torch.tensor(a, dtype=getattr(torch, dtype))
    losses = [AbsoluteError(r, float(c)) for r, c in zip(tensors, b, strict=True)]
    theirs = hindsight(game(losses, k, 0.0 * tensors[0]), tolerance=1e-8)
    slack = 1e-9 if dtype == "float64" else 1e-4
    assert theirs.value == pytest.approx(mine.value, abs=slack)
    assert theirs.value - theirs.gap <= mine.value + (0.0 if dtype == "float64" else 1e-6)
    assert theirs.gap <= 10 * slack
