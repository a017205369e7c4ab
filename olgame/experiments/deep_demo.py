"""The demonstration on a deep ReLU network: what is exact, what is measured, what is unknown."""

from __future__ import annotations

from typing import Any

from olgame import regret, theory
from olgame.experiments import sections
from olgame.experiments.deep_game import (
    DeepGame,
    MakeDeepNetwork,
    describe_deep,
    opening,
    set_up_deep,
)
from olgame.experiments.deep_trends import trends
from olgame.experiments.demo_analysis import held_out_section
from olgame.experiments.demo_settings import DemoSettings
from olgame.experiments.variant import Variant
from olgame.observers import Observer
from olgame.theory.deep_shape import EXPONENTS
from olgame.transcript import Transcript

__all__ = ["deep"]


def deep(make_network: MakeDeepNetwork) -> Variant:
    """The deep ReLU network of the recalled theorem: exponents beside measured constants.

    Args:
        make_network: Builds the network.
    """

    def analyze(
        settings: DemoSettings,
        game: DeepGame,
        run: Transcript,
        results: dict[str, Any],
        observers: tuple[Observer, ...],
    ) -> None:
        _analyze_game(settings, game, run, results)
        results["trends"] = {}
        for name, section in trends(settings, game, make_network, observers):
            results["trends"][name] = section

    return Variant(
        set_up=lambda settings: set_up_deep(settings, make_network),
        opening=opening,
        describe=describe_deep,
        analyze=analyze,
    )


def _analyze_game(
    settings: DemoSettings, game: DeepGame, run: Transcript, results: dict[str, Any]
) -> None:
    """Regret, ledger, verdict and constants of the game itself."""
    radius = settings.weight_radius
    results["loss"] = sections.losses(run)
    results["regret"] = sections.regret_per_round(run)
    results["held_out"] = held_out_section(game, run)
    theorem = theory.DeepReLU()
    constants = theorem.measure(
        game.model, game.adversary.x, weight_radius=radius, run=run, seed=settings.seed
    )
    results["verdict"] = theorem.check(
        run, weight_radius=radius, accuracy=settings.accuracy, constants=constants
    ).to_dict()
    shape = theorem.shape(
        width=game.model.width,
        depth=game.model.depth,
        weight_radius=radius,
        accuracy=settings.accuracy,
    )
    results["constants"] = {
        **constants.to_dict(),
        "step_size": game.steps.step_size,
        "exponents": EXPONENTS,
        "shape": {
            "width": shape.width,
            "step_size": shape.step_size,
            "rounds": shape.rounds,
            "linearization": shape.linearization,
        },
    }
    comparators = {
        "the last iterate": run.final_point,
        "the linear-regret maximizer": regret.linear_maximizer(run),
    }
    books = regret.ledgers(run, comparators)
    last, best = books["the last iterate"], books["the linear-regret maximizer"]
    results["ledger"] = {
        "comparator": "the last iterate",
        "rows": sections.ledger_rows(last),
        "books": {name: sections.book(ledger) for name, ledger in books.items()},
    }
    results["curves"] = sections.curves(run, best, last)
