"""``olgame demo --seeds N``: each seed is the game of that seed; the report says what varies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import olgame as og
from olgame.band import band_of
from olgame.experiments.demo_game import set_up
from olgame.experiments.demo_seeds import over_seeds
from olgame.experiments.demo_settings import DemoSettings
from olgame.report.figure import game_figure
from olgame.storage import load_run
from tests.experiments.demo_command import check_refused, demo

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from olgame.commands import group
from olgame_torch.experiments import _network

SMALL: dict[str, Any] = {
    "width": 32,
    "rounds": 5,
    "samples": 40,
    "loss": "logistic",
    "plan": "prior",  # else step and rounds are those of the first seed's first gradient
    "device": "cpu",
}


def game_of(**changes: Any) -> tuple[DemoSettings, Any, og.Transcript]:
    settings = DemoSettings(**{**SMALL, **changes})
    game = set_up(settings, _network)
    run = game.play(game.adversary, settings.weight_radius, seed=settings.seed, keep="examples")
    return settings, game, run


def values(section: Any, quantity: str) -> Any:
    return next(row["values"] for row in section["rows"] if row["quantity"] == quantity)


@pytest.mark.parametrize("at_once", [3, 2, 1])
def test_each_seed_is_the_game_of_that_seed(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one_game = 5 * 40 * 64 * 8  # bytes of rounds, samples, dimension
    monkeypatch.setattr("olgame.experiments.demo_seeds.IN_MEMORY", at_once * one_game)
    settings, game, first = game_of(seed=4, seeds=3)
    section = over_seeds(settings, game, first, None, ())
    assert (section["seeds"], section["at_once"]) == ([4, 5, 6], at_once)
    assert section["loss"].shape == section["linear"].shape == (5, 3)
    assert section["alone"] < 1e-12
    for k, seed in enumerate(section["seeds"]):
        _, _, alone = game_of(seed=seed)
        np.testing.assert_allclose(section["loss"][:, k], alone.loss, atol=1e-12)
        floor = og.theory.floor(alone, settings.weight_radius).value
        for quantity, expected in (
            ("loss at the start", alone.loss[0]),
            ("average loss", alone.loss.mean()),
            ("minimum loss", alone.loss.min()),
            ("linear regret / T, largest over u", og.regret.linear(alone).value / 5),
            ("free floor", floor),
            ("minimum loss - free floor", alone.loss.min() - floor),
        ):
            assert values(section, quantity)[k] == pytest.approx(expected, rel=1e-10), quantity
        assert section["linear"][-1, k] == pytest.approx(og.regret.linear(alone).value, rel=1e-10)
    assert values(section, "closing error of the ledger").max() < 1e-10
    assert not section["open"]
    assert sum(section["conclusions"].values()) == 3
    assert section["failing"] == {name: [4, 5, 6] for name in ("rounds", "width")}


def test_relu_has_no_free_floor_and_says_so_by_leaving_it_out() -> None:
    section = over_seeds(*game_of(activation="relu", seeds=2), None, ())
    names = [row["quantity"] for row in section["rows"]]
    assert "free floor" not in names
    assert "closing error of the ledger" in names
    assert not section["open"]


def test_a_game_that_is_not_in_order_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, game, first = game_of(seed=2, seeds=3)

    class WrongInOneGame(og.learners.OnlineGradientDescent):
        def update(self, state: Any, feedback: Any, /) -> Any:
            state = super().update(state, feedback)
            if state.point.ndim > 1:
                state.point = state.point.clone()
                state.point[1] += 1e-3 * (state.point[1] - state.before_projection[1] + 1e-3)
            return state

    wrong = attrs.evolve(game, learner=WrongInOneGame(game.learner.step_size))
    section = over_seeds(settings, wrong, first, None, ())
    assert section["open"] == [3]
    assert section["failing"]["projected gradient steps"] == [3]


def test_the_report_is_the_statistic_of_the_stored_values(tmp_path: Path) -> None:
    options = ["--width", "32", "--rounds", "4", "--samples", "24", "--seeds", "4"]
    done = demo(tmp_path / "run", *options)
    assert done.exit_code == 0, done.output
    run = load_run(tmp_path / "run")
    section = run.results["seeds"]
    again = CliRunner().invoke(group(), ["report", str(tmp_path / "run")])
    assert again.exit_code == 0, again.output
    found = values(section, "average loss")
    half = stats.t.ppf(0.975, 3) * stats.sem(found)
    for text in (done.output, again.output):
        panel = text[text.index("Over seeds") :]
        assert "4 seeds, 0 to 3: other starts, the same data" in panel
        line = next(line for line in panel.splitlines() if "average loss" in line)
        numbers = [f"{np.mean(found):.4f}", f"{half:.4f}" if half >= 1e-3 else f"{half:.1e}"]
        assert line.split()[3:5] == numbers
        assert "the books of all 4 games close" in panel
    figure: Any = game_figure(run)
    legends = [
        text.get_text() for axis in figure.axes[:2] for text in axis.get_legend().get_texts()
    ]
    assert "loss of 4 seeds: mean, 95 % interval, range" in legends
    assert "linear regret of 4 seeds: mean, 95 % interval, range" in legends
    assert any(name.startswith("network, seed 0") for name in legends)
    curve = band_of(section["loss"])
    drawn = next(
        line for line in figure.axes[0].get_lines() if str(line.get_label()).startswith("loss of 4")
    )
    np.testing.assert_array_equal(drawn.get_ydata(), curve.mean)
    ends = np.asarray(figure.axes[0].collections[1].get_paths()[0].vertices)[:, 1]
    assert ends.min() == pytest.approx(curve.lower.min())
    assert ends.max() == pytest.approx(curve.upper.max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "--seeds must be an integer of at least 1"),
        (["--seeds", "2", "--network", "deep"], "--seeds must be 1 with a deep network"),
    ],
)
def test_what_cannot_be_played(options: list[str], message: str, tmp_path: Path) -> None:
    check_refused(tmp_path / "run", message, *options)
