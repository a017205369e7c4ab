"""The demonstration game at full size: what it certifies (minutes; ``pytest -m slow``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.experiments.demo_command import played

pytest.importorskip("torch")
pytest.importorskip("sklearn")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["measured", "prior"])
def zero_one(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("demo") / "run"
    return request.param, played(folder, "--plan", request.param)


def test_zero_against_one_holds_and_says_something(zero_one: Any) -> None:
    plan, run = zero_one
    results = run.results
    verdict = results["verdict"]
    assert [p["name"] for p in verdict["premises"] if p["status"] != "holds"] == []
    assert verdict["conclusion"] == "certified_holds"
    assert verdict["content"] == "informative"
    assert results["plan"]["width"] == 2966
    if plan == "prior":
        assert results["plan"]["rounds"] == 2178
    else:
        assert 90 <= results["plan"]["rounds"] <= 120
    assert run.columns["loss"][0] == 1.0
    free = next(r for r in results["certificates"] if "free floor" in r["method"])
    assert 0.0 <= run.columns["loss"].min() - free["lower"].value <= 0.01
    value = next(r for r in results["certificates"] if r["quantity"] == "value of the game")
    assert value["upper"].value - value["lower"].value <= 0.02
    # The hindsight point is the global minimizer of its weighted game, on the real network.
    state = results["hindsight"]
    assert state["gap"] <= 1e-6
    assert state["globally_optimal"]
    assert state["stationarity_ratio"] > state["lambda_max"]
    for book in results["ledger"]["books"].values():
        assert book["closing_error"] <= 1e-10
    # The linearized twin plays nearly the same game.
    assert abs(results["twin"]["loss"]["minimum"] - results["loss"]["minimum"]) < 0.01


def test_three_against_eight_is_vacuous(tmp_path: Path) -> None:
    run = played(tmp_path / "run", "--classes", "3,8", "--loss", "logistic")
    verdict = run.results["verdict"]
    assert verdict["conclusion"] == "certified_holds"
    assert verdict["content"] == "vacuous"


def test_float32_keeps_its_books(tmp_path: Path) -> None:
    run = played(tmp_path / "run", "--dtype", "float32")
    for book in run.results["ledger"]["books"].values():
        assert book["closing_error"] <= 1e-5
