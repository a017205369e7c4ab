"""``olgame what-width-buys``: quantities by hand, invariants, and how it goes on."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import linregress, t

from olgame.exceptions import OlgameError
from olgame.experiments import ExperimentInterrupted, width_condition, width_games
from olgame.experiments.width_condition import condition_ends
from olgame.experiments.width_settings import WidthSettings
from olgame.experiments.width_slopes import slopes
from olgame.experiments.width_worst import drawn_worst_case, network_seed, theory_line
from olgame.models.two_layer_start import two_layer_start
from olgame.observers import Round
from olgame.report.width_tables import exponent, width_tables
from olgame.storage import load_run

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from olgame.commands import group
from olgame_torch.experiments import what_width_buys

Floats = NDArray[np.float64]

SMALL: dict[str, Any] = {
    "widths": "64,128",
    "computed_widths": "256,512",
    "condition_widths": "16",
    "seeds": 2,
    "rounds": 10,
    "samples": 8,
}


@pytest.fixture(autouse=True, scope="module")
def fewer_halvings() -> Iterator[None]:
    """Radii to a factor of 2^(1/2) will do, from shorter games and searches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(width_condition, "HALVINGS", 4)
        patch.setattr(width_condition, "ROUNDS", 4)
        patch.setattr(width_condition, "SEARCH", 8)
        patch.setattr(width_games, "SEARCH", 10)
        yield


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    folder = tmp_path_factory.mktemp("width") / "run"
    options = [f"--{key.replace('_', '-')}={value}" for key, value in SMALL.items()]
    done = CliRunner().invoke(
        group(), ["what-width-buys", "--out", str(folder), *options], env={"COLUMNS": "160"}
    )
    assert done.exit_code == 0, done.output
    return done.output, load_run(folder)


def rows(run: Any, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.results["width"][table]
    return found


def test_everything_is_there(played: tuple[str, Any]) -> None:
    output, run = played
    assert run.results["status"] == "finished"
    assert len(rows(run, "computed")) == len(rows(run, "played")) == 2 * 2 * 2 * 2
    assert len(rows(run, "condition")) == 2 * 2
    for words in ("Worst case", "along the games", "Certificates", "R from which", "slope"):
        assert words in output, words
    for words in ("65536", "nan", "not measured", "not played", "from 2^16"):  # nobody asked
        assert words not in output, words
    for name in ("figure.png", "figure.svg"):
        assert (run.folder / name).stat().st_size > 10_000
    drawn = (run.folder / "figure.svg").read_text("utf-8")
    for words in ("slope -1/6", "slope -0.5", "certified", "width m (neurons)", "worst case, on B"):
        assert words in drawn, words
    for words in ("nan", "not measured", "2^{16}"):
        assert words not in re.sub(r"<path .*?/>|<use .*?/>", "", drawn, flags=re.DOTALL), words
    again = CliRunner().invoke(group(), ["report", str(run.folder)], env={"COLUMNS": "160"})
    assert again.exit_code == 0, again.output
    assert "Certificates, real network" in again.output


def test_no_game_is_further_from_linear_than_its_worst_case(played: tuple[str, Any]) -> None:
    _, run = played
    for row in rows(run, "played"):
        assert 0.0 <= row["error_mean"] <= row["error_largest"] <= row["error_over_rounds"]
        assert row["error_mean"] <= row["worst_mean"]
        assert row["error_largest"] <= row["worst_largest"]
        assert row["error_over_rounds"] <= row["worst_over_rounds"]
        assert 0.0 < row["worst_attained"] <= row["worst_mean"] <= row["worst_largest"]
        if row["activation"] == "relu":
            assert row["worst_attained"] == row["worst_mean"]
        assert row["least_loss"] < row["start_loss"] == 1.0
    by = {(r["activation"], r["set"], r["width"], r["seed"]): r for r in rows(run, "played")}
    for (activation, name, width, seed), row in by.items():
        if name == "per-neuron":  # a part of B(R)
            ball = by[activation, "frobenius", width, seed]
            assert row["worst_attained"] <= ball["worst_attained"]


def test_certified_numbers_are_in_order(played: tuple[str, Any]) -> None:
    _, run = played
    certified = [row for row in rows(run, "played") if "bracket" in row]
    assert len(certified) == 8
    for row in certified:
        floor, ceiling = row["floor"], row["ceiling"]
        assert (floor.side, ceiling.side) == ("lower", "upper")
        assert floor.value <= ceiling.value
        assert row["bracket"] == ceiling.value - floor.value
        assert row["gap"] >= 0.0
        # The attack is all but exact: what was played is no better than the certified floor.
        assert floor.value <= row["least_loss"] + 1e-6
        assert row["best_excess"] == row["least_loss"] - floor.value
        assert row["dominates"] == (row["stationarity_ratio"] > row["lambda_max"])
        if row["activation"] == "relu":
            assert row["free_floor"] is None
            assert row["excess"] is None
        else:
            assert row["free_floor"].value <= floor.value
            assert row["excess"] == row["least_loss"] - row["free_floor"].value
    for row in rows(run, "condition"):
        for state in (row["holds"], row["fails"]):
            assert state is None or state["gap"] >= 0.0
        if row["holds"] and row["fails"]:
            assert row["holds"]["certified"]
            assert not row["fails"]["certified"]
            for state in (row["holds"], row["fails"]):
                small = state["gap"] < 0.01 * state["value"]
                expected = small if row["activation"] == "relu" else state["dominates"]
                assert state["certified"] == expected
            assert 1.0 < row["fails"]["radius"] / row["holds"]["radius"] < 2 ** (1 / 2) + 1e-9


def test_the_error_of_a_game_from_its_definition(played: tuple[str, Any]) -> None:
    """The specimen is the narrowest game: f and f_lin at its last point, written out in NumPy."""
    _, run = played
    assert run.game["decision_set"] == "L2Ball"
    seen = run.observed["linearization error"]
    first = rows(run, "played")[0]
    assert (first["activation"], first["width"], first["seed"]) == ("softplus", 64, 0)
    assert first["error_mean"] == seen["mean"][-1]
    assert seen.rounds[-1] == 10
    assert first["error_over_rounds"] == seen["largest"].max()
    hidden, signs = two_layer_start(64, 64, network_seed(0, 64))
    np.testing.assert_array_equal(run.arrays["start"], hidden.reshape(-1))

    # The mean error grows with the distance like a square: at half of it about a quarter.
    moved = (run.arrays["final_point"] - run.arrays["start"]).reshape(64, 64)
    x = np.eye(64)[:5]

    def departure(scale: float) -> Floats:
        z, step = hidden @ x.T, scale * moved @ x.T
        value = np.logaddexp(0, z + step) - np.logaddexp(0, z) - step / (1 + np.exp(-z))
        return np.asarray(np.abs(signs @ value) / 8.0)

    assert departure(1.0).max() <= 0.125 * 9 / 8.0
    assert np.linalg.norm(moved) <= 3.0 + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_the_worst_case_of_two_neurons_by_hand(seed: int) -> None:
    """A pair with one z and opposite signs: only one of them helps, and max(0, R - |z|)/sqrt 2."""
    hidden, signs = two_layer_start(1, 2, network_seed(seed, 2))
    z = abs(float(hidden[0, 0]))
    assert hidden[0] == hidden[1]
    assert signs.sum() == 0.0
    found = drawn_worst_case("relu", "frobenius", 2, seed, 3.0)
    expected = max(0.0, 3.0 - z) / math.sqrt(2)
    assert found == {"lower": pytest.approx(expected), "upper": pytest.approx(expected)}
    own = drawn_worst_case("relu", "per-neuron", 2, seed, 3.0)["lower"]
    assert own == pytest.approx(max(0.0, 3.0 / math.sqrt(2) - z) / math.sqrt(2))
    smooth = drawn_worst_case("softplus", "frobenius", 2, seed, 3.0)
    assert smooth["upper"] == pytest.approx(9 / 8 / math.sqrt(2))
    one = max(
        math.log1p(math.exp(z + d)) - math.log1p(math.exp(z)) - d / (1 + math.exp(-z))
        for d in (3.0, -3.0)
    )
    assert smooth["lower"] == pytest.approx(one / math.sqrt(2))


def test_the_constants_of_the_theory() -> None:
    """0.438 R^{4/3} m^{-1/6} and 0.1995 C_0^2/sqrt m, and the draws of a wide network near them."""
    factor, exponent = theory_line("relu", "frobenius", 3.0)
    assert factor == pytest.approx(0.438 * 3 ** (4 / 3), rel=1e-3)
    assert exponent == -1 / 6
    factor, exponent = theory_line("relu", "per-neuron", 3.0)
    assert factor == pytest.approx(0.1995 * 9, rel=1e-3)
    assert exponent == -0.5
    for name in ("frobenius", "per-neuron"):
        assert theory_line("softplus", name, 3.0) == (9 / 8, -0.5)
        c, b = theory_line("relu", name, 3.0)
        draws = [drawn_worst_case("relu", name, 1 << 18, seed, 3.0)["lower"] for seed in range(4)]
        assert np.mean(draws) == pytest.approx(c * 2 ** (18 * b), rel=0.03)


def test_no_two_networks_share_a_draw() -> None:
    first = {float(two_layer_start(3, m, network_seed(s, m))[0][0, 0])
             for m in (8, 16, 32) for s in (0, 1, 2)}  # fmt: skip
    assert len(first) == 9


def test_slopes_are_those_of_a_regression_with_students_interval() -> None:
    rng = np.random.default_rng(0)
    worst: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    for m in (256, 1024, 1 << 16, 1 << 18):
        for seed in range(2):
            label = {"activation": "relu", "set": "frobenius", "width": m, "seed": seed}
            worst.append(label | {"lower": 2.0 * m ** (-1 / 6), "upper": 2.0 * m ** (-1 / 6)})
            drawn.append(
                label
                | dict.fromkeys(
                    ("error_largest", "error_over_rounds", "worst_mean", "worst_largest"), 1.0 / m
                )
                | {"error_mean": m**-0.7 * math.exp(0.1 * rng.normal())}
            )
    found = {one["quantity"]: one for one in slopes(worst, drawn, 3.0)}
    assert found["computed lower"]["exponent"] == pytest.approx(-1 / 6)
    assert found["computed lower"]["points"] == 8
    assert found["computed lower, wide"]["points"] == 4
    assert found["computed lower"]["theory"] == -1 / 6
    known = linregress(
        np.log([float(row["width"]) for row in drawn]),
        np.log([float(row["error_mean"]) for row in drawn]),
    )
    assert found["error_mean"]["exponent"] == pytest.approx(known.slope)
    assert found["error_mean"]["half_width"] == pytest.approx(t.ppf(0.975, 6) * known.stderr)
    assert "bracket" not in found  # nobody measured it


@pytest.mark.parametrize(
    ("edge", "holds", "fails"), [(3.0, True, True), (0.1, False, True), (1e9, True, False)]
)
def test_the_bisection_ends_around_the_edge(
    edge: float, holds: bool, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def state(*arguments: Any) -> dict[str, Any]:
        radius = arguments[3]
        tried.append(radius)
        return {"radius": radius, "certified": radius < edge}

    monkeypatch.setattr(width_condition, "_state", state)
    nothing: Any = None
    found = condition_ends(nothing, nothing, ("relu", "0 vs 1, hinge", 16), ())
    assert (found["holds"] is not None, found["fails"] is not None) == (holds, fails)
    if holds and fails:
        assert found["holds"]["radius"] < edge <= found["fails"]["radius"]
        assert found["fails"]["radius"] / found["holds"]["radius"] <= 2 ** (1 / 2) + 1e-9
    assert (min(tried), max(tried)) == (0.25, 64.0)
    assert len(tried) <= 6


class StopsInGame:
    """Ctrl-C in the given round of the given game, counted over all games."""

    name = "stops"

    def __init__(self, game: int) -> None:
        self.left = game

    def __call__(self, seen: Round) -> None:
        if seen.round == 2:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def comparable(run: Any) -> list[dict[str, Any]]:
    kept = [row for table in ("computed", "played", "condition") for row in rows(run, table)]
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in kept]


def test_ctrl_c_loses_nothing_and_the_rest_is_found_later(
    played: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = SMALL | {"activation": "softplus", "seeds": 1}
    settings = WidthSettings(**few, out=str(tmp_path / "run"))
    with pytest.raises(ExperimentInterrupted) as stop:
        what_width_buys.run(settings, (StopsInGame(4),))
    half = load_run(stop.value.folder)
    assert half.results["status"] == "interrupted"
    # One game for the specimen; the fourth game was cut short.
    assert (len(rows(half, "played")), len(rows(half, "computed"))) == (2, 4)
    printed = CliRunner().invoke(group(), ["report", str(half.folder)], env={"COLUMNS": "160"})
    assert "rows are missing" in printed.output
    assert half.results["width"]["not_measured"] == [128]
    assert "Not played, for the run was interrupted: m = 128." in printed.output
    assert "interrupted: m = 128" in (half.folder / "figure.svg").read_text("utf-8")
    assert "R from which" not in printed.output
    with pytest.raises(OlgameError, match="holds a run already"):
        what_width_buys.run(settings, ())
    with pytest.raises(OlgameError, match=r"WidthSettings\(rounds="):
        what_width_buys.run(WidthSettings(**few | {"rounds": 7}, out=settings.out, resume=True), ())
    done: list[str] = []
    compute = width_games.analyze

    def counted(*arguments: Any, **options: Any) -> Any:
        done.append("played")
        return compute(*arguments, **options)

    monkeypatch.setattr("olgame.experiments.width_experiment.analyze", counted)
    what_width_buys.run(WidthSettings(**few, out=settings.out, resume=True), ())
    assert len(done) == 4 - 2
    whole = load_run(tmp_path / "run")
    assert whole.results["status"] == "finished"
    alone = [
        row
        for row in comparable(played[1])
        if row["activation"] == "softplus" and row.get("seed", 0) == 0
    ]
    assert comparable(whole) == alone


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"widths": "256,a"}, "widths"),
        ({"widths": "256,255"}, "widths"),
        ({"widths": ""}, "widths"),
        ({"computed_widths": (512, 256)}, "computed_widths"),
        ({"condition_widths": "0"}, "condition_widths"),
        ({"samples": 1}, "samples"),
        ({"weight_radius": math.nan}, "weight_radius"),
        ({"activation": "tanh"}, "activation"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_settings_out_of_range_are_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(OlgameError, match=rf"WidthSettings\({word}="):
        WidthSettings(**options)


def test_more_samples_than_there_are_is_refused(tmp_path: Path) -> None:
    settings = WidthSettings(samples=10_000, out=str(tmp_path / "run"))
    with pytest.raises(OlgameError, match=r"WidthSettings\(samples="):
        what_width_buys.run(settings, ())
    assert not (tmp_path / "run").exists()


def test_two_points_have_no_interval_and_a_row_has_one_form() -> None:
    two = {"exponent": -0.5, "half_width": math.nan, "points": 2}
    assert exponent(two) == "-0.500 (two points)"
    assert exponent(two | {"half_width": 0.25, "points": 3}) == "-0.500 ± 0.250"
    label = {"activation": "relu", "set": "frobenius", "seed": 0}
    drawn = [label | {"width": m, "lower": v} for m, v in ((256, 0.001), (1024, 5.6e-4))]
    laws = slopes(drawn, [], 3.0)
    assert [law["points"] for law in laws] == [2]
    section: dict[str, Any] = {"computed": drawn, "slopes": laws, "played": [], "condition": []}
    about = dict.fromkeys(("data", "loss", "attack", "perturbation_set", "rounds"), "-")
    section |= {"about": about | {"weight_radius": 3.0}, "level": 0.95, "not_measured": [4096]}
    console = Console(width=160, file=io.StringIO())
    console.print(width_tables({"status": "finished", "width": section}))
    told = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    row = next(line for line in told.splitlines() if "relu" in line and "exact" in line)
    assert row.split()[3:] == ["1.00e-03", "5.60e-04", "-0.418", "(two", "points)", "-1/6"]
    assert "2^16" not in told
    assert "4096" not in told  # of an older run that was finished without it


def test_the_command_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    help_page = CliRunner().invoke(group(), ["what-width-buys", "--help"]).output
    for number in ("256,512,1024,2048", "(256,512,...,4194304)"):
        assert number in help_page
    nowhere = tmp_path / "nowhere"
    refused = CliRunner().invoke(group(), ["what-width-buys", "--resume", "--out", str(nowhere)])
    assert refused.exit_code == 1
    assert f"--resume: there is no run in {nowhere}" in refused.output
    assert not nowhere.exists()

    def stopped(*_: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr("olgame.experiments.width_experiment.drawn_worst_case", stopped)
    options = [f"--{key.replace('_', '-')}={value}" for key, value in SMALL.items()]
    folder = str(tmp_path / "run")
    cut = CliRunner().invoke(group(), ["what-width-buys", "--out", folder, *options])
    assert cut.exit_code == 130
    assert "The same command with --resume goes on with it." in cut.output
