"""The demonstration: a planned game of adversarial training, certified from end to end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from olgame import models
from olgame.exceptions import ArgumentError, OlgameError
from olgame.experiments import sections
from olgame.experiments.demo_analysis import analyze, held_out_section
from olgame.experiments.demo_game import (
    DemoGame,
    MakeNetwork,
    PlayableGame,
    describe,
    plan_section,
    set_up,
)
from olgame.experiments.demo_seeds import over_seeds
from olgame.experiments.demo_settings import DemoSettings
from olgame.experiments.experiment import Experiment, ExperimentInterrupted
from olgame.experiments.uninterrupted import uninterrupted
from olgame.experiments.variant import Variant
from olgame.observers import Observer
from olgame.report.figure import check_drawable, save_figure
from olgame.storage import reserve, save_run
from olgame.transcript import Transcript

__all__ = ["demonstration", "two_layer"]

IN_MEMORY = 10**9
"""Bytes of played inputs up to which they are kept in memory."""


def demonstration(variants: Mapping[str, Variant]) -> Experiment:
    """The demonstration with the networks of one adapter.

    Args:
        variants: What is played for each choice of ``--network``.

    Returns:
        The experiment ``demo``.
    """

    def run(settings: DemoSettings, observers: tuple[Observer, ...]) -> Path:
        return _run(settings, variants[settings.network], observers)

    return Experiment(
        name="demo",
        summary=(
            "A planned game of adversarial training on two classes of digits: regret, ledger, "
            "certified floor and ceiling, and the theorem's verdict."
        ),
        settings=DemoSettings,
        run=run,
    )


def two_layer(make_network: MakeNetwork) -> Variant:
    """The two-layer network of the theorem with constants: planned, and certified.

    Args:
        make_network: Builds the network.
    """

    def analyze_with_twin(
        settings: DemoSettings,
        game: DemoGame,
        run: Transcript,
        results: dict[str, Any],
        observers: tuple[Observer, ...],
    ) -> None:
        analyze(settings, game, run, results)
        results["twin"] = _twin(settings, game, observers)
        if settings.seeds > 1:
            place = _keep_in(settings, game, Path(settings.out))
            results["seeds"] = over_seeds(settings, game, run, place, observers)

    return Variant(
        set_up=lambda settings: set_up(settings, make_network),
        opening=lambda game: {"plan": plan_section(game), "twin": None},
        describe=describe,
        analyze=analyze_with_twin,
    )


def _run(settings: DemoSettings, variant: Variant, observers: tuple[Observer, ...]) -> Path:
    """Play, analyze, write; whatever ends it early, what was played is written."""
    check_drawable()
    folder = reserve(settings.out, overwrite=settings.overwrite)
    game: PlayableGame = variant.set_up(settings)
    results: dict[str, Any] = {"status": "interrupted", **variant.opening(game)}
    transcript: Transcript | None = None
    begin = time.perf_counter()
    try:
        transcript = game.play(
            game.adversary,
            settings.weight_radius,
            seed=settings.seed,
            keep="examples",
            keep_in=_keep_in(settings, game, folder),
            observers=(*observers, *game.watchers),
        )
        results["game"] = variant.describe(settings, game, time.perf_counter() - begin)
        variant.analyze(settings, game, transcript, results, observers)
        results["status"] = transcript.status
        if transcript.status == "stopped":
            results["stop_reason"] = transcript.stop_reason
            results["game"]["rounds"] = _played(transcript)
    except (KeyboardInterrupt, OlgameError) as stop:
        transcript = transcript or getattr(stop, "transcript", None)
        if transcript is None:
            raise
        results.setdefault("game", variant.describe(settings, game, time.perf_counter() - begin))
        results["game"]["rounds"] = _played(transcript)
        results["loss"] = sections.losses(transcript)
        results["regret"] = sections.regret_per_round(transcript)
        results["held_out"] = held_out_section(game, transcript)
        with uninterrupted():
            _write(folder, settings, transcript, results)
        if isinstance(stop, KeyboardInterrupt):
            raise ExperimentInterrupted("interrupted", folder) from stop
        raise
    _write(folder, settings, transcript, results)
    return folder


def _played(run: Transcript) -> str:
    return f"{run.rounds} of {run.planned_rounds} played"


def _keep_in(settings: DemoSettings, game: PlayableGame, folder: Path) -> Path | None:
    """The folder for the played inputs; None for memory."""
    if settings.keep_in == "auto":
        return None if game.kept_bytes <= IN_MEMORY else folder.parent
    if settings.keep_in == "memory":
        return None
    place = Path(settings.keep_in)
    if not place.is_dir():
        raise ArgumentError(
            "`DemoSettings(keep_in=...)` must be memory, auto or a folder, got "
            f"{settings.keep_in!r}, which is no folder."
        )
    return place


def _write(
    folder: Path, settings: DemoSettings, transcript: Transcript, results: dict[str, Any]
) -> None:
    config = attrs.asdict(settings)
    save_run(folder, transcript, config=config, results=results, overwrite=settings.overwrite)
    if transcript.rounds:
        save_figure(folder)


def _twin(
    settings: DemoSettings, game: DemoGame, observers: tuple[Observer, ...]
) -> dict[str, Any]:
    """The same game played by the linearized network: the pure convex game."""
    twin = models.Linearized(game.model, at=game.model.start)
    adversary = attrs.evolve(game.adversary, model=twin)
    run = game.play(adversary, settings.weight_radius, seed=settings.seed, observers=observers)
    return {
        "loss": sections.losses(run),
        "regret": sections.regret_per_round(run),
        "loss_curve": run.loss,
    }
