"""All ten digits: a game of k logits through play, ledger, regret, floor and certificates."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, DataError
from tests.comparators import comparators

pytest.importorskip("sklearn")
WIDTH, RADIUS, ROUNDS = 60, 2.0, 10
LOSSES = ["cross_entropy", "multiclass_hinge", "multiclass_logistic", "multiclass_smoothed_hinge"]
ENGINES = ["numpy", "torch"]


def digits(n: int = 60) -> tuple[Any, Any]:
    x, y = og.data.digits(classes=range(10))
    return x[:n], y[:n]


def network(engine: str = "numpy", **options: Any) -> Any:
    sizes: dict[str, Any] = {"dim": 64, "width": WIDTH, "seed": 3, "classes": 10, **options}
    if engine == "numpy":
        return og.models.TwoLayerNet(**sizes)
    return pytest.importorskip("olgame_torch", exc_type=ImportError).TwoLayerNet(**sizes)


def attacker(model: Any, loss: Any = "cross_entropy", **options: Any) -> Any:
    x, y = digits()
    arguments: dict[str, Any] = {
        "loss": getattr(og.losses, loss) if isinstance(loss, str) else loss,
        "attack": og.attacks.PGD(steps=4),
        "perturbation_set": og.perturbations.l2(0.1),
        **options,
    }
    return og.adversaries.InputAttack(model, x, y, **arguments)


def play(model: Any, loss: Any = "cross_entropy", learner: Any = None, **options: Any) -> Any:
    learner = og.learners.OnlineGradientDescent(8.0) if learner is None else learner
    decision_set = options.pop("decision_set", None) or model.neighborhood(RADIUS)
    adversary = attacker(model, loss, **options)
    return og.play(learner, adversary, decision_set, rounds=ROUNDS, keep="points")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_the_books_close(activation: str, loss: str, engine: str) -> None:
    run = play(network(engine, activation=activation), loss)
    assert (run.distance > 0.999 * RADIUS).any()  # the projection is at work
    if loss == "cross_entropy":
        assert run.loss[-1] < run.loss[0]
    for name, u in comparators(run).items():
        ledger = og.regret.ledger(run, u)
        assert ledger.closes, (name, str(ledger))
        assert ledger.closing_error <= 1e-10
        assert ledger.curvature.min() >= -1e-14
        external = float((ledger.loss - ledger.comparator_loss).sum())
        assert og.regret.external(run, u) == pytest.approx(external, rel=1e-12)
        assert og.regret.linear(run).value >= ledger.linear.sum() - 1e-10
    found = og.theory.ProjectedOGD().check(run)
    assert found.conclusion == "certified_holds"


def softmax(z: Any) -> Any:
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_entries_equal_their_formulas_written_out() -> None:
    """Points and inputs of the game; network, loss and Jacobian written here."""
    run = play(network())
    u, y = np.asarray(comparators(run)["random"]), digits()[1].astype(int)
    output = np.asarray(network().signs) / WIDTH**0.5

    def f(w: Any, x: Any) -> Any:
        return np.log1p(np.exp(x @ w.reshape(WIDTH, 64).T)) @ output

    def cross_entropy(z: Any) -> Any:
        return -np.log(softmax(z)[np.arange(len(y)), y])

    ledger = og.regret.ledger(run, u)
    for t in (0, 5, ROUNDS - 1):
        w, x = np.asarray(run.points[t]), np.asarray(run.round_losses[t].x)
        z_w, z_u = f(w, x), f(u, x)
        slope = softmax(z_w) - np.eye(10)[y]
        h = 1e-5
        jacobian = (f(w + h * (u - w), x) - f(w - h * (u - w), x)) / (2 * h)
        bregman = cross_entropy(z_u) - cross_entropy(z_w) - (slope * (z_u - z_w)).sum(-1)
        assert run.loss[t] == pytest.approx(cross_entropy(z_w).mean(), rel=1e-12)
        assert ledger.comparator_loss[t] == pytest.approx(cross_entropy(z_u).mean(), rel=1e-12)
        assert ledger.curvature[t] == pytest.approx(bregman.mean(), rel=1e-9)
        nonlinearity = (slope * (z_u - z_w - jacobian)).sum(-1).mean()
        assert ledger.nonlinearity[t] == pytest.approx(nonlinearity, rel=1e-4)
        linear = -(slope * jacobian).sum(-1).mean()
        assert ledger.linear[t] == pytest.approx(linear, rel=1e-7)
        kappa = (np.abs(slope).sum(-1) * (x**2).sum(-1)).mean() * 0.25 / (2 * WIDTH**0.5)
        assert run.weak_convexity[t] == pytest.approx(kappa, rel=1e-12)


class OffByOnePercent:
    """A model whose weight gradient is 1 % too long."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, w: Any, x: Any) -> Any:
        return self.inner(w, x)

    def at(self, w: Any, x: Any) -> Any:
        at = self.inner.at(w, x)

        class At:
            z = at.z
            pullback_x = staticmethod(at.pullback_x)
            pullback_w = staticmethod(lambda c: 1.01 * at.pullback_w(c))
            jvp_w = staticmethod(at.jvp_w)

        return At()


class WrongDerivative(og.losses.CrossEntropy):
    """1.01 times the derivative."""

    def derivative(self, z: Any, y: Any) -> Any:
        return 1.01 * super().derivative(z, y)


class WrongProjection(og.learners.OnlineGradientDescent):
    """Where the projection moves a point, it moves it a tenth too far."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state = super().update(state, feedback)
        if state.point is not state.before_projection:
            center = state.decision_set.center
            state.point = center + 0.9 * (state.point - center)
        return state


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wrong", ["gradient", "loss derivative", "projection"])
def test_corruptions_open_the_books(wrong: str, engine: str) -> None:
    model = network(engine)
    run = play(
        OffByOnePercent(model) if wrong == "gradient" else model,
        WrongDerivative() if wrong == "loss derivative" else "cross_entropy",
        WrongProjection(8.0) if wrong == "projection" else None,
    )
    for name, u in comparators(run).items():
        ledger = og.regret.ledger(run, u)
        assert not ledger.closes, name
        assert ledger.closing_error > 1e-7


@pytest.mark.parametrize("loss", ["cross_entropy", "multiclass_smoothed_hinge"])
def test_torch_plays_the_game_of_numpy(loss: str) -> None:
    runs = [play(network(engine, paired=False), loss) for engine in ENGINES]
    for name in ("loss", "inner", "distance", "gradient_norm", "weak_convexity", "input_norm"):
        expected, found = (getattr(run, name) for run in runs)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(
        to_numpy(runs[1].final_point), np.asarray(runs[0].final_point), atol=1e-10
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_games_at_once_are_the_single_games(engine: str) -> None:
    """Games that differ in start, seed and data."""
    x, y = digits(30)
    model = network(engine, seed=[3, 8])

    def game(model: Any, x: Any, y: Any, seed: Any) -> Any:
        adversary = og.adversaries.InputAttack(
            model, model.asarray(x), model.asarray(y), loss=og.losses.cross_entropy,
            attack=og.attacks.PGD(steps=3, random_start=True),
            perturbation_set=og.perturbations.l2(0.1),
        )  # fmt: skip
        learner = og.learners.OnlineGradientDescent(8.0)
        return og.play(learner, adversary, model.neighborhood(1.0), rounds=5, seed=seed)

    together = game(model, np.stack([x[:20], x[10:]]), np.stack([y[:20], y[10:]]), [5, 6])
    for i in range(2):
        alone = game(model.game((i,)), x[10 * i : 20 + 10 * i], y[10 * i : 20 + 10 * i], 5 + i)
        for name in ("loss", "inner", "distance", "gradient_norm", "weak_convexity"):
            found = getattr(together, name)[:, i]
            np.testing.assert_allclose(found, getattr(alone, name), rtol=1e-10, err_msg=name)


def test_a_floor_is_below_what_was_reached_and_below_a_search() -> None:
    run = play(network())
    floor = og.theory.floor(run, RADIUS)
    assert floor.value < run.loss.min()
    # The average of the played losses is below L_*, and the floor is below its minimum.
    for u in [*run.points, *comparators(run).values()]:
        assert floor.value <= np.mean([float(loss.value(u)) for loss in run.round_losses])


@pytest.mark.parametrize(
    ("loss", "engine"), [*((loss, "numpy") for loss in LOSSES), ("cross_entropy", "torch")]
)
def test_the_robust_loss_is_bracketed(loss: str, engine: str) -> None:
    model = network(engine)
    run = play(model, loss)
    x, y = digits(8)
    allowed = og.perturbations.l2(0.1)
    bracket = og.certify.robust_loss(
        model,
        run.final_point,
        model.asarray(x),
        model.asarray(y),
        getattr(og.losses, loss),
        allowed,
    )
    lower, upper = bracket.per_sample
    assert upper is not None
    assert bracket.upper is not None
    assert np.all(lower <= upper)
    assert bracket.clean < bracket.lower.value
    # Of the strongest rival nothing is lost; of the others what they cannot win at once.
    assert bracket.width <= (0.03 if loss == "cross_entropy" else 1e-3)
    ceiling = og.theory.ceiling(
        run, bracket, run.start + 0.999 * (run.final_point - run.start), 9.0
    )
    assert ceiling.value == bracket.upper.value


BAD: dict[str, tuple[Any, str]] = {
    "signs": (lambda y: np.where(y > 4, 1.0, -1.0), r"got -1\.0.*`\(y \+ 1\) / 2`"),
    "from one": (lambda y: y + 1.0, r"`InputAttack\(y=\.\.\.\)`.*0 to 9, got 10\.0.*from 0"),
    "fractions": (lambda y: y + 0.5, r"class labels.*got 0\.5 at index 0"),
    "nan": (lambda y: np.where(y == 3, np.nan, y), r"nan at index 3"),
}


@pytest.mark.parametrize("kind", BAD)
def test_labels_that_are_no_classes_are_named(kind: str) -> None:
    change, message = BAD[kind]
    x, y = digits()
    with pytest.raises(DataError, match=message):
        attrs.evolve(attacker(network()), x=x, y=change(y.astype(float)))


def test_a_loss_of_one_output_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"must be a loss of k logits"):
        attacker(network(), og.losses.hinge)
    with pytest.raises(ArgumentError, match=r"must be a loss of one output"):
        attacker(og.models.TwoLayerNet(dim=64, width=8), "cross_entropy")
