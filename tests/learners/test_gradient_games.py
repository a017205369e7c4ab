"""The same learners in many games at once, on torch, resumed, on products, and where refused."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.adversaries import ObliviousSequence
from olgame.exceptions import NotAvailableError
from olgame.learners import (
    AdaGrad,
    AMSGrad,
    DeclaresSets,
    DualAveraging,
    FollowTheRegularizedLeader,
    FullMatrixAdaGrad,
    OnlineGradientDescent,
    OnlineMirrorDescent,
    OnlineNewtonStep,
)
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.mirror_maps import Euclidean, NegativeEntropy, PNorm, Scaled
from olgame.step_sizes import AdaGradNorm, Decreasing, StronglyConvex
from olgame.theory import check_bound
from tests.learners.gradient_family import FAMILY, OPTIMISTIC, optimistic
from tests.learners.linear_games import fixed_gradients, game, oblivious, played

GAMES, ROUNDS = 64, 10
ALL: dict[str, tuple[Any, Any]] = {
    name: (member.learner, member.body) for name, member in FAMILY.items()
}
ALL |= {f"optimistic {name}": (optimistic(name)[0], case[2]) for name, case in OPTIMISTIC.items()}
ALL |= {
    "adam": (og.learners.Adam(0.3), FAMILY["adagrad on a ball"].body),
    "strongly convex": (OnlineGradientDescent(StronglyConvex(2.0)), FAMILY["newton step"].body),
}


def losses_of(gradients: Any, targets: Any) -> list[Any]:
    """Linear losses, and every third time a quadratic one."""
    pairs = zip(gradients, targets, strict=True)
    return [QuadraticLoss(a) if t % 3 == 2 else LinearLoss(g) for t, (g, a) in enumerate(pairs)]


@pytest.mark.parametrize("name", ALL)
def test_sixty_four_games_are_sixty_four_games(name: str) -> None:
    learner, body = ALL[name]
    rng = np.random.default_rng(5)
    starts = np.asarray(body.decision_set.sample(rng, (GAMES, 4)))
    gradients = rng.normal(size=(ROUNDS, GAMES, 4)) * rng.uniform(0.1, 5.0, (GAMES, 1))
    targets = np.asarray(body.decision_set.sample(rng, (ROUNDS, GAMES, 4)))
    seeds = list(range(100, 100 + GAMES))
    together = og.play(
        learner, ObliviousSequence(losses_of(gradients, targets)), body.decision_set,
        rounds=ROUNDS, start=starts, seed=seeds, keep="points",
    )  # fmt: skip
    assert together.points is not None
    points = np.stack([np.asarray(w) for w in (*together.points, together.final_point)])
    for i in range(GAMES):
        alone = og.play(
            learner, ObliviousSequence(losses_of(gradients[:, i], targets[:, i])),
            body.decision_set, rounds=ROUNDS, start=starts[i], seed=seeds[i], keep="points",
        )  # fmt: skip
        np.testing.assert_allclose(points[:, i], played(alone).points, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(together.loss[:, i], alone.loss, rtol=1e-12, atol=1e-11)


def test_one_game_of_a_batch_that_differs_in_maps_and_hints() -> None:
    rng = np.random.default_rng(8)
    weights, hints = rng.uniform(0.5, 2.0, (3, 4)), rng.normal(size=(11, 3, 4))
    inner = FollowTheRegularizedLeader(Scaled(weights), 0.2)
    body = FAMILY["leader, scaled"].body
    gradients = rng.normal(size=(10, 3, 4))
    for given in ([*hints], lambda t: hints[t - 1]):
        learner = og.learners.Optimistic(inner, given)
        run = og.play(
            learner, oblivious(gradients), body.decision_set, rounds=10,
            start=np.tile(body.start, (3, 1)), keep="points",
        )  # fmt: skip
        for i in range(3):
            alone = game(learner.game((i,)), body.decision_set, oblivious(gradients[:, i]),
                         body.start, 10)  # fmt: skip
            np.testing.assert_allclose(
                np.asarray(run.final_point)[i], np.asarray(alone.final_point), rtol=1e-12
            )
    descent = OnlineMirrorDescent(Scaled(weights), 0.2).game((2,))
    found: Any = descent.mirror_map
    np.testing.assert_array_equal(found.weights, weights[2])
    assert og.learners.Optimistic(DualAveraging(0.1)).game((0,)).hints is None


def to_torch(part: Any, torch: Any) -> Any:
    """A set with tensors for its arrays."""
    if isinstance(part, og.sets.ProductSet):
        return og.sets.ProductSet([(to_torch(b.factor, torch), b.length) for b in part.blocks])
    arrays = {
        name: torch.tensor(getattr(part, name))
        for name in ("center", "low", "high")
        if isinstance(getattr(part, name, None), np.ndarray)
    }
    return attrs.evolve(part, **arrays)


@pytest.mark.parametrize("name", ALL)
def test_equal_transcripts_on_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    learner, body = ALL[name]
    rng = np.random.default_rng(6)
    gradients = fixed_gradients("random", 4, rounds=30, seed=9)
    targets = np.asarray(body.decision_set.sample(rng, (30, 4)))
    run = og.play(
        learner, ObliviousSequence(losses_of(gradients, targets)), body.decision_set,
        rounds=30, start=body.start, keep="points",
    )  # fmt: skip
    other = og.play(
        learner, ObliviousSequence(losses_of(torch.tensor(gradients), torch.tensor(targets))),
        to_torch(body.decision_set, torch), rounds=30, start=torch.tensor(body.start),
        keep="points",
    )  # fmt: skip
    assert other.points is not None
    assert isinstance(other.points[3], torch.Tensor)
    np.testing.assert_allclose(played(other).points, played(run).points, rtol=1e-10, atol=1e-12)
    for column in ("loss", "inner", "distance", "gradient_norm", "step_size"):
        np.testing.assert_allclose(
            getattr(other, column), getattr(run, column), rtol=1e-10, atol=1e-11
        )
    assert og.regret.linear(other).value == pytest.approx(og.regret.linear(run).value, rel=1e-9)
    if name in FAMILY:  # theorems read tensors too
        bound = FAMILY[name].bound
        found, right = check_bound(bound, other), check_bound(bound, run)
        assert found.conclusion == right.conclusion == "certified_holds", str(found)
        np.testing.assert_allclose(found.bound, right.bound, rtol=1e-9)


def saved_and_loaded(state: Any) -> Any:
    """The state through bytes: arrays, numbers, tuples and attrs classes of them."""
    if isinstance(state, np.ndarray):
        return np.frombuffer(state.tobytes(), state.dtype).reshape(state.shape).copy()
    if attrs.has(type(state)) and hasattr(state, "point"):
        fields = [f.name for f in attrs.fields(type(state))]
        return type(state)(*(saved_and_loaded(getattr(state, name)) for name in fields))
    return state


@pytest.mark.parametrize("name", ALL)
def test_a_state_saved_in_mid_game_goes_on_bit_for_bit(name: str) -> None:
    learner, body = ALL[name]
    gradients = fixed_gradients("random", 4, rounds=20, seed=2)

    def play_on(state: Any, first: int, last: int) -> tuple[Any, list[Any]]:
        points = []
        for t in range(first, last + 1):
            point = learner.decide(state)
            points.append(np.array(point))
            feedback = og.Feedback(
                t, point, float(gradients[t - 1] @ point), gradients[t - 1], None
            )
            state = learner.update(state, feedback)
        return state, [*points, np.array(learner.decide(state))]

    _, whole = play_on(learner.init(body.start, body.decision_set), 1, 20)
    half, _ = play_on(learner.init(body.start, body.decision_set), 1, 10)
    copied, loaded = learner.copy(half), saved_and_loaded(learner.copy(half))
    for state in (half, loaded, copied):  # the copy last: what went on before it left it alone
        np.testing.assert_array_equal(play_on(state, 11, 20)[1], whole[10:])


# --- products: every block in its own set ---------------------------------------------------------

BLOCK_BY_BLOCK: dict[str, tuple[Any, Any]] = {
    "gradient descent": (OnlineGradientDescent(0.2), None),
    "dual averaging": (DualAveraging(Decreasing(2.0, 1.0)), None),
    "mirror descent": (OnlineMirrorDescent(Euclidean(), 0.2), None),
    "adagrad": (AdaGrad(1.0), None),
    "adam": (og.learners.Adam(0.3), None),
    "entropy": (OnlineMirrorDescent(NegativeEntropy(), 0.3), og.sets.Simplex()),
    "lazy entropy": (FollowTheRegularizedLeader(NegativeEntropy(), 0.3), og.sets.Simplex()),
}


@pytest.mark.parametrize("name", BLOCK_BY_BLOCK)
def test_a_product_is_played_block_by_block(name: str) -> None:
    """No factor's projection reaches into another's coordinates."""
    learner, first = BLOCK_BY_BLOCK[name]
    first = og.sets.L2Ball(0.5) if first is None else first
    second = og.sets.Box(0.1, 0.6)
    gradients = fixed_gradients("random", 4)
    start = np.array([0.4, 0.6, 0.2, 0.3]) if "entropy" in name else np.array([0.1, 0.2, 0.3, 0.4])
    product = og.sets.ProductSet([(first, 2), (second, 2)])
    whole = played(game(learner, product, oblivious(gradients), start)).points
    for factor, where in ((first, slice(0, 2)), (second, slice(2, 4))):
        alone = game(learner, factor, oblivious(gradients[:, where]), start[where])
        np.testing.assert_allclose(whole[:, where], played(alone).points, atol=1e-14)


# --- rounds that count ----------------------------------------------------------------------------


class StandsStill:
    """What another library does: the round of a decreasing step size never advances."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.learner, name)

    def update(self, state: Any, feedback: Any, /) -> Any:
        return self.learner.update(state, feedback._replace(round=1))


COUNTING = ("gradient descent, decreasing", "dual averaging, decreasing", "leader, entropy",
            "leader, p-norm", "amsgrad, no momentum", "amsgrad, delta")  # fmt: skip


@pytest.mark.parametrize("name", COUNTING)
def test_decreasing_steps_decrease(name: str) -> None:
    member = FAMILY[name]
    gradients = oblivious(fixed_gradients("random", 4))
    good = game(member.learner, member.body.decision_set, gradients, member.body.start)
    assert check_bound(member.bound, good).conclusion == "certified_holds"
    still = StandsStill(member.learner)
    bad = game(still, member.body.decision_set, gradients, member.body.start)
    assert check_bound(member.bound, bad).premises.any_fails


# --- which pairs are refused ----------------------------------------------------------------------

BALL, SIMPLEX, BOX = og.sets.L2Ball(1.0, np.zeros(2)), og.sets.Simplex(), og.sets.Box(-1.0, 1.0)
REFUSED: list[tuple[Any, Any, str]] = [
    (OnlineMirrorDescent(NegativeEntropy(), 0.1), BALL, "`OnlineMirrorDescent` with negative"),
    (FollowTheRegularizedLeader(NegativeEntropy(), 0.1), BOX, "`FollowTheRegularizedLeader` with"),
    (OnlineMirrorDescent(PNorm(1.5), 0.1), BALL, "with the 1.5-norm plays exactly on WholeSpace"),
    (FollowTheRegularizedLeader(Scaled(np.ones(2)), 0.1), SIMPLEX, "use|play `OnlineGradient"),
    (AdaGrad(0.1), SIMPLEX, "`AdaGrad` projects in a distance that weighs coordinates"),
    (AMSGrad(0.1), og.sets.L1Ball(1.0), "not on L1Ball"),
    (FullMatrixAdaGrad(0.1), BOX, "`FullMatrixAdaGrad` projects in the distance of a full matrix"),
    (OnlineNewtonStep(0.1, 1.0), SIMPLEX, "`OnlineNewtonStep`.*exact on L2Ball and WholeSpace"),
]


class NeverAsked:
    """An adversary that must not be reached."""

    timing = og.adversaries.Timing.OBLIVIOUS

    def init(self, seed: Any) -> None:
        raise AssertionError("the game started")

    def respond(self, state: None, view: Any, /) -> Any:
        raise AssertionError("the game went on")


@pytest.mark.parametrize(("learner", "decision_set", "message"), REFUSED)
def test_pairs_without_an_exact_step_are_refused_when_the_game_starts(
    learner: Any, decision_set: Any, message: str
) -> None:
    start = np.array([0.5, 0.5])
    with pytest.raises(NotAvailableError, match=message):
        og.play(learner, NeverAsked(), decision_set, rounds=3, start=start)
    with pytest.raises(NotAvailableError, match=message):
        learner.init(start, decision_set)
    assert isinstance(learner, DeclaresSets)


class Picky:
    """A learner of one's own that declares its sets, and forgets to ask in `init`."""

    level = og.Level.GRADIENT

    def check_decision_set(self, decision_set: Any, start: Any, /) -> None:
        if np.asarray(start).sum() > 0.5:
            raise og.exceptions.ArgumentError("`play(start=...)` must have a sum of at most 0.5.")

    def init(self, start: Any, decision_set: Any) -> Any:
        return start

    def decide(self, state: Any, /) -> Any:
        return state

    def update(self, state: Any, feedback: Any, /) -> Any:
        return state

    def copy(self, state: Any, /) -> Any:
        return state


def test_a_learner_of_ones_own_may_declare_its_sets() -> None:
    losses = oblivious(np.ones((2, 2)))
    assert og.play(Picky(), losses, BALL, rounds=2, start=np.zeros(2)).rounds == 2
    with pytest.raises(og.exceptions.ArgumentError, match="a sum of at most"):
        og.play(Picky(), NeverAsked(), BALL, rounds=2, start=np.array([0.5, 0.5]))
    with pytest.raises(og.exceptions.ArgumentError, match="a sum of at most"):
        og.play(og.learners.Optimistic(Picky()), NeverAsked(), BALL, rounds=2,
                start=np.array([0.5, 0.5]))  # fmt: skip
    assert not isinstance(OnlineGradientDescent(0.1), DeclaresSets)  # plays on every set


# --- small things ---------------------------------------------------------------------------------


def test_gradients_of_zero_at_first_are_waited_for() -> None:
    gradients = np.vstack([np.zeros((3, 4)), fixed_gradients("random", 4, rounds=10)])
    names = ("dual averaging, adagrad", "leader, entropy, adagrad", "adagrad on a box",
             "adagrad on a ball", "full adagrad", "amsgrad, no momentum")  # fmt: skip
    for name in names:
        member = FAMILY[name]
        start = member.body.start
        run = game(member.learner, member.body.decision_set, oblivious(gradients), start, 13)
        points = played(run).points
        np.testing.assert_array_equal(points[:4], np.tile(start, (4, 1)))
        check = check_bound(member.bound, run)
        assert check.conclusion == "certified_holds", str(check)
        assert check.bound[2] == 0.0


def test_float32_games_stay_float32_and_near() -> None:
    gradients = fixed_gradients("random", 4)
    for name in ("dual averaging", "mirror descent, entropy", "leader, entropy", "full adagrad",
                 "newton step", "adagrad on a ball", "amsgrad", "leader, p-norm"):  # fmt: skip
        member = FAMILY[name]
        right = played(game(member.learner, member.body.decision_set, oblivious(gradients),
                            member.body.start)).points  # fmt: skip
        small = attrs.evolve(member.body.decision_set)
        if getattr(small, "center", None) is not None:
            small = attrs.evolve(small, center=small.center.astype(np.float32))
        start = np.asarray(member.body.decision_set.project(member.body.start), dtype=np.float32)
        losses = oblivious(gradients.astype(np.float32))
        run = og.play(member.learner, losses, small, rounds=40, start=start)
        assert np.asarray(run.final_point).dtype == np.float32
        np.testing.assert_allclose(np.asarray(run.final_point), right[-1], rtol=2e-3, atol=2e-4)


def test_the_inverse_of_the_newton_step_does_not_drift() -> None:
    learner = OnlineNewtonStep(0.1, delta=1e-3)
    gradients = np.random.default_rng(0).normal(size=(3000, 5)) * np.geomspace(1e-2, 1e2, 5)
    state: Any = learner.init(np.zeros(5), og.sets.WholeSpace(5))
    for t, g in enumerate(gradients, start=1):
        state = learner.update(state, og.Feedback(t, state.point, 0.0, g, None))
    np.testing.assert_allclose(state.inverse @ state.matrix, np.eye(5), atol=1e-6)
    right = 1e-3 * np.eye(5) + gradients.T @ gradients
    np.testing.assert_allclose(state.matrix, right, rtol=1e-10)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "1"])
def test_bad_numbers_are_named(bad: Any) -> None:
    error = og.exceptions.ArgumentError
    for make, message in (
        (lambda: AdaGrad(bad), r"`AdaGrad\(step_size=...\)` must be finite and positive"),
        (lambda: FullMatrixAdaGrad(bad), r"`FullMatrixAdaGrad\(step_size=...\)` must be finite"),
        (lambda: OnlineNewtonStep(bad, 1.0), r"`OnlineNewtonStep\(gamma=...\)` must be finite"),
        (lambda: OnlineNewtonStep(1.0, bad), r"`OnlineNewtonStep\(delta=...\)` must be finite"),
        (lambda: StronglyConvex(bad), r"`StronglyConvex\(curvature=...\)` must be finite"),
        (lambda: OnlineMirrorDescent(Euclidean(), bad), r"`Fixed\(value=...\)` must be finite"),
        (lambda: DualAveraging(AdaGradNorm(bad)), r"`AdaGradNorm\(diameter=...\)` must be finite"),
    ):
        with pytest.raises(error, match=message):
            make()
    if not isinstance(bad, str):
        with pytest.raises(error, match=r"`OnlineNewtonStep.for_exp_concave\(diameter=...\)`"):
            OnlineNewtonStep.for_exp_concave(1.0, gradient_bound=1.0, diameter=bad)


def test_the_value_alone_is_not_enough() -> None:
    for name in ("mirror descent, entropy", "dual averaging", "adagrad on a ball", "newton step"):
        member = FAMILY[name]
        state = member.learner.init(member.body.start, member.body.decision_set)
        feedback = og.Feedback(1, member.body.start, 0.0, None, None)
        with pytest.raises(og.exceptions.ArgumentError, match="must carry a gradient"):
            member.learner.update(state, feedback)
