"""The demonstration: a planned game of adversarial training, certified from end to end."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from olgame import models
from olgame.exceptions import OlgameError
from olgame.experiments import sections
from olgame.experiments.demo_analysis import analyze
from olgame.experiments.demo_game import DemoGame, MakeNetwork, describe, plan_section, set_up
from olgame.experiments.demo_settings import DemoSettings
from olgame.experiments.experiment import Experiment, ExperimentInterrupted
from olgame.observers import Observer
from olgame.report.figure import save_figure
from olgame.storage import reserve, save_run
from olgame.transcript import Transcript

__all__ = ["two_layer_demo"]


def two_layer_demo(make_network: MakeNetwork) -> Experiment:
    """The demonstration with the networks of one adapter.

    Args:
        make_network: Builds the network.

    Returns:
        The experiment ``demo``.
    """

    def run(settings: DemoSettings, observers: tuple[Observer, ...]) -> Path:
        return _run(settings, make_network, observers)

    return Experiment(
        name="demo",
        summary=(
            "A planned game of adversarial training on two classes of digits: regret, ledger, "
            "certified floor and ceiling, and the theorem's verdict."
        ),
        settings=DemoSettings,
        run=run,
    )


def _run(
    settings: DemoSettings, make_network: MakeNetwork, observers: tuple[Observer, ...]
) -> Path:
    """Play, analyze, write; whatever ends it early, what was played is written."""
    folder = reserve(settings.out, overwrite=settings.overwrite)
    game = set_up(settings, make_network)
    results: dict[str, Any] = {"status": "interrupted", "plan": plan_section(game), "twin": None}
    transcript: Transcript | None = None
    begin = time.perf_counter()
    try:
        transcript = game.play(
            game.adversary,
            settings.weight_radius,
            seed=settings.seed,
            keep="examples",
            observers=observers,
        )
        results["game"] = describe(settings, game, time.perf_counter() - begin)
        analyze(settings, game, transcript, results)
        results["twin"] = _twin(settings, game, observers)
        results["status"] = transcript.status
    except (KeyboardInterrupt, OlgameError) as stop:
        transcript = transcript or getattr(stop, "transcript", None)
        if transcript is None:
            raise
        results.setdefault("game", describe(settings, game, time.perf_counter() - begin))
        results["game"]["rounds"] = f"{transcript.rounds} of {transcript.planned_rounds} played"
        results["loss"] = sections.losses(transcript)
        results["regret"] = sections.regret_per_round(transcript)
        with _uninterrupted():
            _write(folder, settings, transcript, results)
        if isinstance(stop, KeyboardInterrupt):
            raise ExperimentInterrupted("interrupted", folder) from stop
        raise
    _write(folder, settings, transcript, results)
    return folder


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not lose what the first one left to be written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
