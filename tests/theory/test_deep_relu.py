"""The deep theorem as a shape: exponents, measured constants, premises, and no conclusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.models import DeepReLUNet, DeepStart
from olgame.sets import L2Ball, LinfBall, ProductSet, WholeSpace
from olgame.theory import DeepReLU, DeepVerdict
from olgame.theory.deep_premises import CONTAINS, HIDDEN, SCALING
from tests.theory.broken_learners import Ascending

DIM, WIDTH, DEPTH = 4, 25, 2
MODEL = DeepReLUNet(dim=DIM, width=WIDTH, depth=DEPTH, seed=1)
START = np.asarray(MODEL.start)
LAYER = WIDTH**2
THEOREM = DeepReLU()


def adversary(model: Any = MODEL, loss: Any = og.losses.hinge, **options: Any) -> Any:
    rng = np.random.default_rng(0)
    y = np.where(np.arange(10) % 2, 1.0, -1.0)
    x = og.data.normalize(rng.standard_normal((10, model.dim)) + 0.5 * y[:, None])
    return og.adversaries.InputAttack(
        model, x, y, loss=loss, attack=og.attacks.PGD(steps=4),
        perturbation_set=og.perturbations.l2(0.1), **options,
    )  # fmt: skip


def play(k: Any = None, model: Any = MODEL, rounds: int = 20, **options: Any) -> Any:
    learner = options.pop("learner", og.learners.OnlineGradientDescent(0.005))
    attacker = options.pop("adversary", None) or adversary(model)
    k = model.neighborhood(0.8) if k is None else k
    return og.play(learner, attacker, k, rounds=rounds, keep="examples", **options)


def test_shape_against_hand_values() -> None:
    """R = 2, H = 3, m = 64, eps = 1/2."""
    shape = THEOREM.shape(width=64, depth=3, weight_radius=2.0, accuracy=0.5)
    assert shape.width == pytest.approx(2**9 * 3**16 * 2**7, rel=1e-12)
    assert shape.step_size == pytest.approx(0.5 / (64 * 9), rel=1e-12)
    # R^2/(m eps alpha) = 4/(64 x 0.5 x 0.5/576) = 4 x 576/16
    assert shape.rounds == pytest.approx(144.0, rel=1e-12)
    want = 2 ** (4 / 3) * 3**2.5 * 0.5 * math.sqrt(math.log(64))
    assert shape.linearization == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "factor", "quantity", "power"),
    [
        ("width", 64, "linearization", -1 / 6),
        ("width", 64, "step_size", -1.0),
        ("width", 64, "width", 0.0),
        ("width", 64, "rounds", 0.0),
        ("depth", 8, "width", 16.0),
        ("depth", 8, "linearization", 2.5),
        ("depth", 8, "step_size", -2.0),
        ("weight_radius", 8, "width", 9.0),
        ("weight_radius", 8, "linearization", 4 / 3),
        ("accuracy", 0.5, "width", -7.0),
        ("accuracy", 0.5, "step_size", 1.0),
    ],
)
def test_the_recalled_exponents(name: str, factor: float, quantity: str, power: float) -> None:
    sizes: dict[str, Any] = {"width": 64, "depth": 1, "weight_radius": 1.0, "accuracy": 0.1}
    before = getattr(THEOREM.shape(**sizes), quantity)
    after = getattr(THEOREM.shape(**{**sizes, name: sizes[name] * factor}), quantity)
    if quantity == "linearization" and name == "width":  # its logarithm apart
        after *= math.sqrt(math.log(64) / math.log(64 * factor))
    assert math.log(after / before) / math.log(factor) == pytest.approx(power, abs=1e-9)


def test_suggested_steps_are_of_order_one_over_m() -> None:
    found = []
    for width in (25, 100, 400):
        model = DeepReLUNet(dim=DIM, width=width, depth=2, seed=0)
        attacker = adversary(model)
        view = og.adversaries.View(1, attacker.timing, model.start, None)
        gradient = attacker.respond(0, view)[0].loss.evaluate(model.start).gradient
        steps = THEOREM.suggest(model, gradient, weight_radius=2.0, rounds=100)
        assert steps.reach == pytest.approx(math.sqrt(2 / width) * 2.0)
        assert steps.gradient_bound == pytest.approx(1.25 * np.linalg.norm(gradient), rel=1e-3)
        assert steps.step_size == pytest.approx(steps.reach / (steps.gradient_bound * 10.0))
        assert steps.regret_bound == pytest.approx(steps.reach * steps.gradient_bound * 10.0)
        found.append(steps.step_size * width)
    assert max(found) < 2.0 * min(found)
    prior = og.theory.ProjectedOGD().prior(
        100, gradient_bound=steps.gradient_bound, reach=steps.reach, scale=steps.step_size
    )
    assert steps.regret_bound == pytest.approx(prior.value)


def test_a_game_in_the_right_set_leaves_the_theorem_open_and_certifies_the_regret() -> None:
    run = play()
    verdict = THEOREM.check(run, weight_radius=0.8, accuracy=0.1)
    assert [p.name for p in verdict.premises.unchecked] == list(HIDDEN)
    assert not verdict.premises.any_fails
    assert verdict.conclusion == "open"
    assert "hidden constants" in verdict.reason
    assert verdict.regret is not None
    assert verdict.regret.conclusion == "certified_holds"
    assert verdict.regret.prior is not None
    reach, gradients = math.sqrt(2 / 25) * 0.8, float(run.gradient_norm.max())
    prior = reach**2 / (2 * 0.005) + 0.005 * 20 * gradients**2 / 2
    assert verdict.regret.prior.value == pytest.approx(prior)
    assert f"{THEOREM.shape(width=25, depth=2, weight_radius=0.8, accuracy=0.1).width:.2g}" in (
        verdict.premises["width"].detail
    )
    assert "open" in str(verdict)
    assert "certified holds" in str(verdict)
    plain = verdict.to_dict()
    assert plain["conclusion"] == "open"
    assert plain["regret"] == "certified_holds"
    assert plain["floor"] is None


def product(*radii: float) -> ProductSet:
    parts = np.split(START, DEPTH)
    return ProductSet([(L2Ball(r, c), LAYER) for r, c in zip(radii, parts, strict=True)])


@pytest.mark.parametrize(
    ("k", "radius", "scaling", "contains"),
    [
        (MODEL.neighborhood(0.8), 0.8, "holds", "holds"),
        (MODEL.neighborhood(0.7), 0.8, "holds", "fails"),
        (MODEL.neighborhood(0.9), 0.8, "fails", "holds"),
        (product(0.16, 0.1), 0.8, "holds", "fails"),
        (product(0.1, 0.2), 0.8, "fails", "fails"),
        (L2Ball(0.8, START), 0.8, "fails", "holds"),  # the mistake
        (product(0.8, 0.8), 0.8, "fails", "holds"),  # the mistake, layer by layer
        (L2Ball(0.16, START), 0.8, "holds", "fails"),  # within, but not all of it
        (L2Ball(0.16 * 1.42, START), 0.8, "fails", "holds"),
        (WholeSpace(2 * LAYER), 0.8, "fails", "holds"),
        (LinfBall(0.006, START), 0.8, "not checked", "fails"),
        (LinfBall(0.03, START), 0.8, "fails", "fails"),
    ],
)
def test_the_set_is_held_against_the_scaling(
    k: Any, radius: float, scaling: str, contains: str
) -> None:
    verdict = THEOREM.check(play(k, rounds=2), weight_radius=radius)
    found = verdict.premises[SCALING], verdict.premises[CONTAINS]
    assert [premise.status for premise in found] == [scaling, contains], found
    assert verdict.conclusion == "open"


@pytest.mark.parametrize("k", [L2Ball(0.8, START), product(0.8, 0.8)], ids=["ball", "product"])
def test_the_scaling_mistake_fails_by_name(k: Any) -> None:
    premise = THEOREM.check(play(k, rounds=2), weight_radius=0.8).premises[SCALING]
    assert premise.fails
    assert "radius R instead of R/sqrt(m)" in premise.detail
    assert "model.neighborhood(0.8)" in premise.detail
    assert "B(4)" in premise.detail  # 0.8 sqrt 25


def with_entry(column: str, value: float) -> Callable[[Any], Any]:
    def change(run: Any) -> Any:
        values = np.array(getattr(run, column))
        values[3] = value
        return attrs.evolve(run, **{column: values})

    return change


def elsewhere(run: Any) -> Any:
    return attrs.evolve(run, start=run.start + 1e-3)


@pytest.mark.parametrize(
    ("change", "premise", "status"),
    [
        (lambda run: attrs.evolve(run, status="interrupted"), "played to the end", "fails"),
        (elsewhere, "starts at the initialization", "fails"),
        (with_entry("input_distance", 0.1), "inputs in B(x)", "fails"),
        (with_entry("point_excess", 0.1), "points in the decision set", "fails"),
        (with_entry("update_error", 0.1), "projected gradient steps", "fails"),
        (with_entry("update_error", math.nan), "projected gradient steps", "not checked"),
    ],
)  # fmt: skip
def test_a_broken_premise_is_named(change: Callable[[Any], Any], premise: str, status: str) -> None:
    verdict = THEOREM.check(change(play()), weight_radius=0.8)
    assert verdict.premises[premise].status == status
    assert verdict.conclusion == "open"
    assert (premise in verdict.reason) == (status == "fails")


def test_games_that_the_theorem_is_not_about() -> None:
    batch = play(adversary=adversary(batch_size=4))
    assert THEOREM.check(batch, weight_radius=0.8).premises["full batch"].fails
    climbed = play(learner=Ascending(0.05), rounds=60)
    verdict = THEOREM.check(climbed, weight_radius=0.8)
    assert verdict.premises["projected gradient steps"].fails
    assert verdict.regret is not None
    assert verdict.regret.conclusion == "certified_fails"
    shallow = og.models.TwoLayerNet(dim=DIM, width=8, seed=0)
    verdict = THEOREM.check(play(model=shallow), weight_radius=0.8)
    assert verdict.premises["deep ReLU network"].fails
    assert verdict.premises[SCALING].status == "not checked"
    assert verdict.regret is not None
    assert verdict.regret.conclusion == "certified_holds"
    with pytest.raises(NotAvailableError, match="must be a deep ReLU network, got TwoLayerNet"):
        THEOREM.suggest(shallow, 1.0, weight_radius=1.0, rounds=5)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(NotAvailableError, match=r"`DeepReLU.measure\(model=...\)`"):
        THEOREM.measure(shallow, np.eye(DIM), weight_radius=1.0)  # type: ignore[arg-type]  # what is refused


def test_certificates_say_that_there_is_none() -> None:
    run = play(rounds=3)
    parts = (adversary().x, adversary().y, og.losses.hinge)
    bracket = og.certify.robust_loss(
        MODEL, run.final_point, *parts, og.perturbations.l2(0.1), attack=og.attacks.PGD(steps=3)
    )
    assert bracket.upper is None
    assert "no certificate" in bracket.method
    with pytest.raises(NotAvailableError, match="deep ReLU network, 2 layers"):
        og.theory.floor(run, 0.8)
    with pytest.raises(NotAvailableError, match="deep ReLU network, 2 layers"):
        og.theory.worst_case_linearization(MODEL, parts[0], MODEL.neighborhood(0.8))  # type: ignore[arg-type]  # what is refused


@attrs.frozen(eq=False)
class OwnStart:
    """A deep network with weights of somebody's own."""

    width: int = WIDTH
    depth: int = DEPTH
    drawn: DeepStart = MODEL.drawn

    def __getattr__(self, name: str) -> Any:
        return getattr(MODEL, name)

    def __call__(self, w: Any, x: Any) -> Any:
        return MODEL(w, x)

    def deep_layers(self, w: Any) -> Any:
        return MODEL.deep_layers(w)


def test_what_nobody_can_see_is_not_checked() -> None:
    own: Any = OwnStart()
    verdict = THEOREM.check(play(model=own), weight_radius=0.8)
    assert verdict.premises["Gaussian initialization"].status == "not checked"
    sequence = og.adversaries.ObliviousSequence([og.losses.LinearLoss(np.ones(3))] * 4)
    run = og.play(
        og.learners.OnlineGradientDescent(0.1), sequence, L2Ball(1.0, np.zeros(3)), rounds=4
    )
    verdict = THEOREM.check(run, weight_radius=0.8)
    assert verdict.premises["deep ReLU network"].fails
    assert {"convex Lipschitz loss", "inputs in B(x)", SCALING} <= {
        p.name for p in verdict.premises.unchecked
    }


def test_measured_constants() -> None:
    run = play(rounds=12)
    x = adversary().x
    found = THEOREM.measure(MODEL, x, weight_radius=0.8, run=run, searched_inputs=2)
    assert (found.width, found.depth) == (25, 2)
    assert found.reach == pytest.approx(math.sqrt(2 / 25) * 0.8)
    z = np.asarray(MODEL(START, x))
    assert found.output == pytest.approx(math.sqrt((z**2).mean()))
    at = MODEL.at(START, x)
    squares = [np.asarray(at.pullback_w(row)).reshape(2, -1) ** 2 for row in np.eye(10)]
    want = np.sqrt(np.mean([square.sum(axis=1) for square in squares], axis=0) / 25)
    np.testing.assert_allclose(found.layer_gradients, want, rtol=1e-12)
    assert found.gradient_bound == run.gradient_norm.max()
    assert found.gradient_unit == pytest.approx(run.gradient_norm.max() / math.sqrt(50))
    assert found.path is not None
    np.testing.assert_array_equal(found.path.rounds, [1, 10, 12])
    assert found.path_error == found.path.mean.max()
    assert found.searched is not None
    assert found.searched_error == pytest.approx(found.searched.values.mean())
    assert found.searched_error is not None
    assert found.searched_error > found.path.largest.max()
    verdict = THEOREM.check(run, weight_radius=0.8, constants=found)
    assert verdict.constants is found
    plain = found.to_dict()
    assert plain["largest_path_error"] == found.path.largest.max()
    bare = THEOREM.measure(MODEL, x, weight_radius=0.8, searched_inputs=0)
    assert (bare.path_error, bare.searched_error, bare.gradient_unit) == (None, None, None)
    assert bare.to_dict()["searched_inputs"] is None


def test_the_edge_is_where_the_direction_leaves_the_ball() -> None:
    run = play(rounds=5)
    found = og.theory.edge_error(run, 0.8)
    moves = np.split(np.asarray(run.final_point) - START, DEPTH)
    edge = START + np.concatenate([0.16 * move / np.linalg.norm(move) for move in moves])
    x, h = run.round_losses[-1].x, 1e-6
    ahead, behind = (np.asarray(MODEL(START + s * h * (edge - START), x)) for s in (1, -1))
    linear = np.asarray(MODEL(START, x)) + (ahead - behind) / (2 * h)
    want = np.abs(np.asarray(MODEL(edge, x)) - linear)
    assert found is not None
    np.testing.assert_allclose(found, want, atol=1e-7)
    constants = THEOREM.measure(MODEL, x, weight_radius=0.8, run=run, searched_inputs=0)
    assert constants.edge_error == pytest.approx(want.mean(), abs=1e-7)
    assert constants.to_dict()["edge_error"] == constants.edge_error
    # Nothing is known without inputs, without layers, and without a move.
    learner = og.learners.OnlineGradientDescent(0.005)
    sums = og.play(learner, adversary(), MODEL.neighborhood(0.8), rounds=2)
    shallow = play(model=og.models.TwoLayerNet(dim=DIM, width=8, seed=0), rounds=2)
    still = attrs.evolve(run, final_point=MODEL.start)
    assert [og.theory.edge_error(r, 0.8) for r in (sums, shallow, still)] == [None, None, None]


def test_the_path_is_recorded_or_replayed_or_unknown() -> None:
    watch = og.observers.LinearizationError(MODEL, every=4)
    recorded = og.theory.path_error(play(rounds=9, observers=[watch]))
    replayed = og.theory.path_error(play(rounds=9), every=4)
    assert recorded is not None
    assert replayed is not None
    np.testing.assert_array_equal(recorded.rounds, [1, 4, 8])
    np.testing.assert_array_equal(replayed.rounds, [1, 4, 8, 9])
    np.testing.assert_array_equal(recorded.mean, replayed.mean[:3])
    learner = og.learners.OnlineGradientDescent(0.01)
    assert (
        og.theory.path_error(og.play(learner, adversary(), MODEL.neighborhood(1.0), rounds=3))
        is None
    )


def suggest(**changed: Any) -> object:
    return THEOREM.suggest(MODEL, **{"gradient": 1.0, "weight_radius": 1.0, "rounds": 5, **changed})


def check(**changed: Any) -> object:
    return THEOREM.check(play(rounds=1), **{"weight_radius": 1.0, **changed})


def shape(**changed: Any) -> object:
    sizes = {"width": 4, "depth": 1, "weight_radius": 1.0, "accuracy": 0.1}
    return THEOREM.shape(**{**sizes, **changed})


@pytest.mark.parametrize(
    ("call", "argument", "value", "rule"),
    [
        (shape, "width", 0, "be finite and positive, got 0"),
        (shape, "accuracy", math.nan, "be finite and positive, got nan"),
        (suggest, "gradient", math.nan, "be finite and positive, got nan"),
        (suggest, "weight_radius", -1.0, "be finite and positive, got -1.0"),
        (suggest, "rounds", 0, "be an integer of at least 1, got 0"),
        (check, "weight_radius", 0.0, "be finite and positive, got 0.0"),
        (check, "accuracy", -0.1, "be finite and positive, got -0.1"),
    ],
)
def test_bad_arguments(call: Callable[..., object], argument: str, value: Any, rule: str) -> None:
    message = rf"`DeepReLU.{call.__name__}\({argument}=...\)` must {rule}"
    with pytest.raises(ArgumentError, match=message):
        call(**{argument: value})


def test_a_conclusion_cannot_be_had() -> None:
    """Whatever is played: the verdict has no other value than open."""
    kinds = attrs.fields_dict(DeepVerdict)["conclusion"].type
    assert str(kinds) == "Literal['open']"
