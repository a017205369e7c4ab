"""Batches whose games differ in start, seed and data, and the single games they must equal."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

import olgame as og
from olgame.arrays import to_numpy
from olgame.models.grouped_evaluation import GroupedEvaluation
from olgame.transcript import ARRAYS, COLUMNS

GAMES, SAMPLES, DIM, WIDTH, ROUNDS = 4, 12, 5, 16, 10
SEEDS = [7, 3, 11, 3]
"""Of the games; of the networks they are the same, the other way round."""

ATTACKS: dict[str, Any] = {
    "PGD": og.attacks.PGD(steps=4),
    "PGD from a random start": og.attacks.PGD(steps=4, random_start=True),
    "best of several": og.attacks.BestOf(
        og.attacks.FGSM(), og.attacks.Restarts(og.attacks.PGD(steps=3, random_start=True), 2)
    ),
}
BALL = og.perturbations.l2(0.15)
ADAPTIVE = og.learners.OnlineGradientDescent(og.step_sizes.AdaGradNorm(1.5))


def data(classes: int | None = None) -> tuple[Any, Any]:
    """Inputs and labels of every game; labels -1 and +1, or 0, 1, ..."""
    rng = np.random.default_rng(5)
    y = np.where(rng.random((GAMES, SAMPLES)) < 0.5, 1.0, -1.0)
    x = rng.standard_normal((GAMES, SAMPLES, DIM)) + 0.4 * y[..., None]
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return x, y if classes is None else rng.integers(0, classes, y.shape).astype(float)


@attrs.frozen(eq=False, kw_only=True)
class Setting:
    """How the games are played; ``model`` makes one from a seed, or from one for each game."""

    model: Any
    attack: Any = ATTACKS["PGD from a random start"]
    loss: Any = og.losses.logistic
    perturbation_set: Any = BALL
    batch_size: int | None = None
    learner: Any = ADAPTIVE
    radius: float = 0.8
    rounds: int = ROUNDS
    own_data: bool = True
    classes: int | None = None

    def adversary(self, seed: Any, x: Any, y: Any) -> Any:
        return og.adversaries.InputAttack(
            self.model(seed),
            x,
            y,
            loss=self.loss,
            attack=self.attack,
            perturbation_set=self.perturbation_set,
            batch_size=self.batch_size,
        )

    def _play(self, adversary: Any, seed: Any, **options: Any) -> og.Transcript:
        ball = adversary.model.neighborhood(self.radius)
        options = {"keep": "points", **options}
        return og.play(self.learner, adversary, ball, rounds=self.rounds, seed=seed, **options)

    def together(self, **options: Any) -> og.Transcript:
        """All games at once."""
        x, y = data(self.classes)
        if not self.own_data:
            x, y = x[0], y[0]
        return self._play(self.adversary(SEEDS[::-1], x, y), SEEDS, **options)

    def alone(self, game: int, **options: Any) -> og.Transcript:
        """One of them, played by itself."""
        x, y = data(self.classes)
        i = game if self.own_data else 0
        return self._play(self.adversary(SEEDS[::-1][game], x[i], y[i]), SEEDS[game], **options)


def factory(kind: Any) -> Any:
    """``network(activation, paired)(seed)`` of a class of two-layer networks."""

    def network(activation: str = "softplus", paired: bool = True, **options: Any) -> Any:
        def make(seed: Any) -> Any:
            sizes: dict[str, Any] = {"dim": DIM, "width": WIDTH, **options}
            return kind(activation=activation, paired=paired, seed=seed, **sizes)

        return make

    return network


def linearized(make: Any) -> Any:
    return lambda seed: og.models.Linearized(make(seed))


def difference(one: og.Transcript, other: og.Transcript) -> float:
    """Largest difference of two transcripts of single games, over all that they hold."""
    assert one.games == other.games == ()
    assert (one.rounds, one.seed, one.status) == (other.rounds, other.seed, other.status)
    assert np.array_equal(one.full_batch, other.full_batch)
    pairs = [(getattr(one, name), getattr(other, name)) for name in (*COLUMNS, *ARRAYS)]
    if one.round_losses is not None and other.round_losses is not None:
        losses: Any = zip(one.round_losses, other.round_losses, strict=True)
        pairs += [(a.x, b.x) for a, b in losses if hasattr(a, "x")]
    worst = 0.0
    for a, b in pairs:
        found, expected = to_numpy(a), to_numpy(b)
        assert found.shape == expected.shape
        assert np.array_equal(np.isfinite(found), np.isfinite(expected))
        finite = np.isfinite(found)
        worst = max(worst, float(np.abs(found[finite] - expected[finite]).max(initial=0.0)))
    return worst


def worst_difference(setting: Setting) -> float:
    """Of all games, between the batch and the game played alone."""
    run = setting.together()
    assert run.games == (GAMES,)
    return max(difference(run.game(i), setting.alone(i)) for i in range(GAMES))


def round_difference(setting: Setting, run: og.Transcript, game: int) -> float:
    """Of a game's rounds, each played alone from the point that the batch had reached."""
    x, y = data(setting.classes)
    i = game if setting.own_data else 0
    adversary = setting.adversary(SEEDS[::-1][game], x[i], y[i])
    single = run.game(game)
    assert single.points is not None
    assert single.round_losses is not None
    worst = 0.0
    for t, (point, played) in enumerate(zip(single.points, single.round_losses, strict=True), 1):
        view = og.adversaries.View(t, adversary.timing, point, None)
        response, _ = adversary.respond(adversary.init(SEEDS[game]), view)
        expected, found = response.loss.evaluate(point), played.evaluate(point)
        kept: Any = played
        for a, b in (
            (kept.x, response.evidence.examples),
            (found.value, expected.value),
            (found.gradient, expected.gradient),
            (single.loss[t - 1], expected.value),
            (single.gradient_norm[t - 1], np.linalg.norm(to_numpy(expected.gradient))),
            (single.input_norm[t - 1], response.evidence.input_norm),
        ):
            worst = max(worst, float(np.abs(to_numpy(a) - to_numpy(b)).max()))
    return worst


def check_games_with_classes(network: Any, loss: str, paired: bool, monkeypatch: Any) -> None:
    """Output weights of shape (m, k) for each game, also a few games at a time."""
    make = network(paired=paired, classes=3)
    for model in (make, linearized(make)):
        setting = Setting(model=model, loss=getattr(og.losses, loss), classes=3, batch_size=7)
        assert worst_difference(setting) < 1e-12
        run = setting.together()
        assert og.regret.game_ledgers(run, run.final_point).closes
        monkeypatch.setattr("olgame.models.grouped_evaluation.GROUP", 2 * WIDTH * SAMPLES)


def check_games_in_groups(
    make: Any, size: int, own_data: bool, monkeypatch: Any, *, inner: bool = False
) -> None:
    """Large games are evaluated ``size`` at a time; ``inner``: by the linearized network."""
    monkeypatch.setattr("olgame.models.grouped_evaluation.GROUP", size * WIDTH * SAMPLES)
    assert worst_difference(Setting(model=make, own_data=own_data)) < 1e-12
    model = make(SEEDS)
    network = getattr(model, "model", model) if inner else model
    inputs = model.asarray(data()[0])
    assert isinstance(network.at(model.start, inputs), GroupedEvaluation)


def check_rounds_from_a_common_point(
    make: Any, loss: str, norm: str, rounds: int, bound: float = 1e-10
) -> None:
    """Where kinks amplify rounding, whole games drift apart, but no round does."""
    setting = Setting(
        model=make,
        loss=getattr(og.losses, loss),
        perturbation_set=getattr(og.perturbations, norm)(0.2),
        learner=og.learners.OnlineGradientDescent(2.0),
        rounds=rounds,
    )
    run = setting.together()
    for game in range(GAMES):
        assert round_difference(setting, run, game) < bound
