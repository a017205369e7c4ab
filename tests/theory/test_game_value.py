"""The bracket on the value of a game: against a grid, and its width against what buys it down."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, NotKeptError, ShapeError
from olgame.json_values import decode, encode
from olgame.theory import AVERAGE, LAST, GameValue, drawn_inside, game_value
from olgame.theory.game_value_causes import Cause, Causes, width_causes

Floats = NDArray[np.float64]
RHO, R = 0.2, 2.0


def played(
    activation: str = "softplus",
    *,
    width: int = 64,
    rounds: int = 40,
    step: float = 2.0,
    keep: Any = "points",
    **options: Any,
) -> og.Transcript:
    model = og.models.TwoLayerNet(dim=2, width=width, activation=activation, seed=1)
    x, y = og.data.circle(10)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=options.pop("loss", og.losses.logistic),
        attack=og.attacks.PGD(steps=5), perturbation_set=og.perturbations.l2(RHO),
        **options,
    )  # fmt: skip
    return og.play(
        og.learners.OnlineGradientDescent(step), adversary, model.neighborhood(R),
        rounds=rounds, keep=keep,
    )  # fmt: skip


def on_a_grid(run: og.Transcript, w: Floats) -> float:
    """L_*(w) of 2-dimensional inputs, from below: 2,000 points of every B(x); written out here."""
    adversary: Any = run.adversary
    model = adversary.model
    rows = w.reshape(model.width, 2)
    angle = np.linspace(0.0, 2 * np.pi, 200, endpoint=False)
    disk = np.linspace(0.1, 1.0, 10)[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    total = 0.0
    for x, y in zip(adversary.x, adversary.y, strict=True):
        z = (x + RHO * disk.reshape(-1, 2)) @ rows.T
        hidden = np.maximum(z, 0.0) if model.activation.name == "relu" else np.logaddexp(0.0, z)
        margin = y * (hidden @ model.signs) / np.sqrt(model.width)
        total += float(np.logaddexp(0.0, -margin).max())
    return total / len(adversary.y)


@pytest.fixture(scope="module", params=["softplus", "relu"])
def value(request: pytest.FixtureRequest) -> tuple[og.Transcript, GameValue]:
    run = played(request.param)
    return run, game_value(run, R)


def test_the_bracket_holds(value: tuple[og.Transcript, GameValue]) -> None:
    """The floor is below L_* everywhere in B(R), the ceiling above it at its own point."""
    run, found = value
    assert found.floor is not None
    assert found.ceiling is not None
    adversary: Any = run.adversary
    model = adversary.model
    start, rng = np.asarray(model.start), np.random.default_rng(0)
    best: Any = found.point
    assert np.linalg.norm(best - start) <= R
    at_best = on_a_grid(run, best)
    assert found.floor.value <= at_best + 1e-4  # a grid misses the maximum by little
    assert at_best <= found.ceiling.value
    for scale in (0.0, 0.3, 1.0):
        for _ in range(10):
            move = rng.standard_normal(start.size)
            near = best + 0.1 * scale * move / np.linalg.norm(move)
            assert (
                found.floor.value <= on_a_grid(run, np.asarray(drawn_inside(near, start, R))) + 1e-4
            )
            far = start + R * scale * move / np.linalg.norm(move)
            assert found.floor.value <= on_a_grid(run, far)
    assert np.isclose(found.width, found.interval.width)
    assert 0.0 < found.relative_width == found.width / found.floor.value


def test_every_point_is_tried_and_the_best_of_each_is_taken(
    value: tuple[og.Transcript, GameValue],
) -> None:
    run, found = value
    names = [ceiling.name for ceiling in found.ceilings]
    wanted = [LAST, "minimum-loss iterate", AVERAGE, "hindsight point"]
    assert names[:4] == wanted
    assert len(found.floors) == (4 if "softplus" in str(run.adversary) else 1)
    assert found.floor is not None
    assert found.ceiling is not None
    for floor in found.floors:
        assert floor.certified.value <= found.floor.value
        assert floor.certified.side == "lower"
        assert np.isclose(floor.weights.sum(), 1.0)
    for ceiling in found.ceilings:
        assert ceiling.point is not None
        assert ceiling.seen <= on_a_grid(run, np.asarray(ceiling.point)) + 1e-3
        if ceiling.certified is not None:
            assert ceiling.certified.value >= found.ceiling.value
            assert ceiling.seen <= ceiling.certified.value
        else:  # left out because it cannot be lower, or is far above the others
            assert ceiling.seen > found.ceilings[0].seen
    points: Any = run.points
    average: Any = next(c.point for c in found.ceilings if c.name == AVERAGE)
    np.testing.assert_allclose(average, np.mean(points, axis=0), atol=1e-14)


def test_the_parts_add_up_and_have_their_signs(value: tuple[og.Transcript, GameValue]) -> None:
    _, found = value
    causes: Any = found.causes
    assert causes.close
    assert causes.closing_error < 1e-14
    assert len(causes.parts) == 5
    total = sum(cause.value for cause in causes.parts)
    assert abs(total - found.width) < 1e-14
    for cause in causes.parts:
        assert cause.value >= -1e-12 or not cause.never_negative
    assert causes.largest.value == max(cause.value for cause in causes.parts)


def corrupted(run: og.Transcript, change: Any) -> og.Transcript:
    losses: Any = run.round_losses
    return attrs.evolve(run, round_losses=tuple(change(loss) for loss in losses))


@pytest.mark.parametrize(
    "change",
    [
        lambda loss: attrs.evolve(loss, y=-loss.y),
        lambda loss: attrs.evolve(loss, loss=og.losses.smoothed_hinge),
        lambda loss: attrs.evolve(
            loss, model=og.models.TwoLayerNet(dim=2, width=64, activation="tanh", seed=1)
        ),
    ],
    ids=["labels", "loss", "network"],
)
def test_losses_of_another_game_open_the_books(change: Any) -> None:
    """The gap asks the adversary what is played, the parts ask the losses that were kept."""
    causes: Any = game_value(corrupted(played(rounds=10), change), R, best_weights=False).causes
    assert not causes.close
    assert "DO NOT ADD UP" in str(
        game_value(corrupted(played(rounds=10), change), R, best_weights=False)
    )


def parts(run: og.Transcript, weight_radius: float = R, **options: Any) -> list[float]:
    causes = game_value(run, weight_radius, best_weights=False, **options).causes
    assert causes is not None
    assert causes.close
    return [cause.value for cause in causes.parts]


def test_each_part_falls_with_what_buys_it_down() -> None:
    adversary, hindsight, search, curvature = 1, 2, 3, 4
    long = played(rounds=60)
    few, many = parts(played(rounds=2)), parts(long)
    assert many[adversary] < 0.1 * few[adversary]
    short, full = parts(long, search_steps=1, start=long.start), parts(long, search_steps=200)
    assert full[search] < 0.01 * short[search]
    assert abs(full[hindsight]) <= abs(short[hindsight]) + 1e-3
    far = 30.0  # where norm(g)/(2R) is below lambda_max
    narrow, wide = (parts(played(width=m, rounds=5), far) for m in (64, 4096))
    assert narrow[curvature] > 1e-3
    assert wide[curvature] <= 0.3 * narrow[curvature]


def test_the_certificates_part_falls_with_the_attack() -> None:
    """With no attack, no candidates and no suggestions there is only the clean loss below."""
    run = played("relu", rounds=20)
    nothing = og.attacks.from_function(lambda objective, x, allowed, rng: x)
    found = game_value(run, R)
    point: Any = found.point
    adversary: Any = run.adversary
    data = (adversary.x, adversary.y, adversary.loss, adversary.perturbation_set)
    weak = og.certify.robust_loss(adversary.model, point, *data, attack=nothing)
    lazy = attrs.evolve(weak, lower=og.Certified(weak.clean, "lower", "clean inputs"))
    name = next(c.name for c in found.ceilings if c.certified == found.ceiling)
    known = {c.name: lazy for c in found.ceilings if c.name == name}
    slack, gap = (parts(run, brackets=b)[0] for b in (known, {}))
    assert 0.0 <= gap < slack


def test_a_floor_without_a_point_has_one_part_for_it() -> None:
    run = played(rounds=12)
    found = game_value(run, R)
    ceiling = next(c for c in found.ceilings if c.certified == found.ceiling)
    free = found.floors[0]
    assert "free floor" in free.certified.method
    causes = width_causes(run, ceiling, free)
    assert [cause.never_negative for cause in causes.parts] == [True] * 3
    assert causes.close
    assert ceiling.certified is not None
    total = sum(cause.value for cause in causes.parts)
    assert np.isclose(total, ceiling.certified.value - free.certified.value, atol=1e-14)
    point: Any = ceiling.point
    losses: Any = run.round_losses
    mean = float(np.mean([loss.value(point) for loss in losses]))
    assert np.isclose(causes.parts[2].value, mean - free.certified.value, atol=1e-14)


def test_text_and_plain_data(value: tuple[og.Transcript, GameValue]) -> None:
    _, found = value
    text = str(found)
    assert text.count("certified") >= 3
    assert "they add up" in text
    assert textwrap.indent(str(found.causes), "  ") in text
    arrays: dict[str, Any] = {}
    again = decode(encode(found.to_dict(), arrays), arrays)
    assert isinstance(again["floor"], og.Certified)
    assert isinstance(again["ceiling"], og.Certified)
    assert (again["floor"].value, again["ceiling"].value) == (
        found.interval.lower.value,
        found.interval.upper.value,
    )
    assert len(again["causes"]) == 5
    slim = found.without_points()
    assert slim.point is None
    assert slim.to_dict() == found.to_dict()


def test_causes_print_a_line_each() -> None:
    parts = (Cause("slack", 0.25, True, "more rounds"), Cause("search", -1e-3, False, "steps"))
    lines = ["+2.50e-01  slack (smaller by: more rounds)", "-1.00e-03  search (smaller by: steps)"]
    assert [str(part) for part in parts] == lines
    for error, end in ((1e-15, "they add up: error 1.0e-15"), (0.5, "THEY DO NOT ADD UP: error")):
        found = str(Causes(parts, error, 1e-10)).splitlines()
        assert found[:2] == lines
        assert found[2].startswith(end)


def test_a_certified_width_is_rounded_up(value: tuple[og.Transcript, GameValue]) -> None:
    _, found = value
    printed: Any = re.search(r"^width (\S+), (\S+) of the floor", str(found), re.MULTILINE)
    for text, number in zip(printed.groups(), (found.width, found.relative_width), strict=True):
        assert number <= float(text) <= number * 1.1


def test_more_points_and_those_outside() -> None:
    run = played(rounds=10, keep="examples")
    start = np.asarray(run.start)
    points = {"mine": 5.0 * np.asarray(run.final_point) - 4.0 * start}
    found = game_value(run, R, points=points)
    mine = next(c for c in found.ceilings if c.name == "mine")
    assert mine.point is not None
    assert np.linalg.norm(np.asarray(mine.point) - start) <= R
    assert AVERAGE not in [c.name for c in found.ceilings]  # nobody kept it
    with pytest.raises(ShapeError, match="for 'bad'"):
        game_value(run, R, points={"bad": np.zeros(3)})


def test_drawn_inside_is_exact_in_either_precision() -> None:
    rng = np.random.default_rng(3)
    for dtype in (np.float32, np.float64):
        center = (10.0 * rng.standard_normal(500)).astype(dtype)
        for radius in (1e-3, 1.0, 30.0):
            move = rng.standard_normal(500)
            on = (center + radius * move / np.linalg.norm(move)).astype(dtype)
            inside: Any = drawn_inside(on, center, radius)
            assert inside.dtype == dtype
            wide = inside.astype(np.float64) - center.astype(np.float64)
            assert np.linalg.norm(wide) <= radius
            assert np.linalg.norm(wide) > radius * (1 - 1e-3) - 1e-4
            assert drawn_inside(inside, center, radius) is inside
    with pytest.raises(ArgumentError, match="finite"):
        drawn_inside(np.array([np.nan]), np.zeros(1), 1.0)


def test_refusals() -> None:
    run = played(rounds=4)
    for name, wrong in (("weight_radius", 0.0), ("late_rounds", 0), ("search_steps", True)):
        asked: Any = {"weight_radius": R, name: wrong}
        with pytest.raises(ArgumentError, match=name):
            game_value(run, **asked)
    with pytest.raises(NotKeptError):
        game_value(played(rounds=4, keep="sums"), R)
    with pytest.raises(NotAvailableError, match="full batch"):
        game_value(played(rounds=4, batch_size=3), R)
    linear = og.models.LinearModel(2)
    x, y = og.data.circle(8)
    adversary = og.adversaries.InputAttack(
        linear, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=2),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    ball = og.sets.L2Ball(1.0, center=np.zeros(2))
    half = og.play(
        og.learners.OnlineGradientDescent(0.5), adversary, ball, rounds=5, keep="examples"
    )
    found = game_value(half, 1.0)  # a floor, and no certificate for a ceiling
    assert found.floor is not None
    assert (found.ceiling, found.causes, found.width) == (None, None, np.inf)
    assert "no bound" in str(found)
    with pytest.raises(NotAvailableError, match="floor and a ceiling"):
        _ = found.interval
