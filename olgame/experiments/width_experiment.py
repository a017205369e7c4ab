"""What width buys: linearization error, certificates and global minima against the width."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from olgame.exceptions import ArgumentError, StorageError
from olgame.experiments.demo_game import MakeNetwork
from olgame.experiments.experiment import Experiment, ExperimentInterrupted
from olgame.experiments.uninterrupted import uninterrupted
from olgame.experiments.width_condition import PROBLEMS, condition_ends
from olgame.experiments.width_games import WidthGame, analyze
from olgame.experiments.width_settings import WidthSettings
from olgame.experiments.width_slopes import LEVEL, slopes
from olgame.experiments.width_worst import SETS, drawn_worst_case, theory_line
from olgame.observers import Observer
from olgame.report.figure import check_drawable, save_figure
from olgame.storage import load_run, reserve, save_run
from olgame.transcript import Transcript

__all__ = ["what_width_buys"]

PATIENCE = 5.0
"""Seconds of work that a crash may cost (Ctrl-C costs the game in progress)."""

Section = dict[str, Any]


class _Part(NamedTuple):
    """One row of the results: what it is about, and how it is found."""

    table: str
    labels: Section
    find: Callable[..., Section]

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.table, *self.labels.values())


def what_width_buys(make_network: MakeNetwork) -> Experiment:
    """The experiment with the networks of one adapter.

    Args:
        make_network: Builds the two-layer network that plays.

    Returns:
        The experiment ``what-width-buys``.
    """

    def run(settings: WidthSettings, observers: tuple[Observer, ...]) -> Path:
        return _run(settings, make_network, observers)

    return Experiment(
        name="what-width-buys",
        summary=(
            "Two-layer networks of growing width: distance from the linearization, computed and "
            "along games, certified floors and brackets, and where a global minimum is certified."
        ),
        settings=WidthSettings,
        run=run,
    )


def _run(
    settings: WidthSettings, make_network: MakeNetwork, observers: tuple[Observer, ...]
) -> Path:
    """Find row after row and write each as it comes; the folder holds a whole run at any time."""
    check_drawable()
    stored = _stored(settings)
    folder = reserve(settings.out, overwrite=settings.overwrite or stored is not None)
    parts = list(_parts(settings, make_network, observers))
    rows = dict(stored or {})
    there = [row["width"] for row in rows.values() if row["table"] == "played"]
    narrowest = (settings.activations[0], SETS[0], min([*there, *settings.widths]), 0)
    specimen = WidthGame.played(settings, make_network, narrowest, observers).run

    def write(status: str) -> float:
        _write(folder, settings, specimen, [*rows.values()], status)
        return time.monotonic()

    written = write("interrupted")
    try:
        for part in parts:
            if part.key in rows:
                continue
            begin = time.process_time()
            row = {"table": part.table, **part.labels, **part.find(*part.labels.values())}
            rows[part.key] = row | {"cpu_seconds": round(time.process_time() - begin, 2)}
            if time.monotonic() - written > PATIENCE:
                written = write("interrupted")
    except KeyboardInterrupt as stop:
        with uninterrupted():
            write("interrupted")
            save_figure(folder)
        raise ExperimentInterrupted("interrupted", folder) from stop
    write("finished")
    save_figure(folder)
    return folder


def _parts(
    settings: WidthSettings, make_network: MakeNetwork, observers: tuple[Observer, ...]
) -> Iterator[_Part]:
    """Everything that is to be found, the cheap first."""

    def computed(activation: str, name: str, width: int, seed: int) -> Section:
        return drawn_worst_case(activation, name, width, seed, settings.weight_radius)

    def played(activation: str, name: str, width: int, seed: int) -> Section:
        kind = (activation, name, width, seed)
        game = WidthGame.played(settings, make_network, kind, observers)
        return analyze(game, settings, certified=name == SETS[0])

    def condition(activation: str, problem: str, width: int) -> Section:
        return condition_ends(settings, make_network, (activation, problem, width), observers)

    games = list(itertools.product(settings.activations, SETS, range(settings.seeds)))
    tables: tuple[tuple[str, Any, Any], ...] = (
        ("computed", computed, settings.computed_widths),
        ("played", played, settings.widths),
    )
    for table, find, widths in tables:
        for width, (activation, name, seed) in itertools.product(widths, games):
            labels = {"activation": activation, "set": name, "width": width, "seed": seed}
            yield _Part(table, labels, find)
    for width in settings.condition_widths:
        for activation, problem in itertools.product(settings.activations, PROBLEMS):
            labels = {"activation": activation, "problem": problem, "width": width}
            yield _Part("condition", labels, condition)


def _write(
    folder: Path, settings: WidthSettings, specimen: Transcript, rows: list[Section], status: str
) -> None:
    """The run folder, with everything that follows from the rows that there are."""
    tables: dict[str, list[Section]] = {"computed": [], "played": [], "condition": []}
    for row in rows:
        tables[row["table"]].append(row)
    for table in tables.values():
        table.sort(key=lambda row: (row["width"], row.get("seed", 0)))
    config = attrs.asdict(settings)
    results = {
        "status": status,
        "width": {
            "about": _about(settings, specimen),
            **tables,
            "level": LEVEL,
            "theory": _theory(settings),
            "slopes": slopes(tables["computed"], tables["played"], settings.weight_radius),
            "not_measured": _not_played(settings, tables["played"]),
            "cpu_seconds": round(sum(row["cpu_seconds"] for row in rows), 1),
        },
    }
    save_run(folder, specimen, config=config, results=results, overwrite=True)


def _theory(settings: WidthSettings) -> Section:
    """The worst case c m^b of every kind, at inputs of norm 1."""
    laws = {}
    for activation in ("softplus", "relu"):
        for name in SETS:
            factor, exponent = theory_line(activation, name, settings.weight_radius)
            laws[f"{activation}, {name}"] = {"factor": factor, "exponent": exponent}
    return laws


def _not_played(settings: WidthSettings, rows: list[Section]) -> list[int]:
    """The widths that were asked for and have no game yet."""
    there = {row["width"] for row in rows}
    return [width for width in settings.widths if width not in there]


def _about(settings: WidthSettings, specimen: Transcript) -> Section:
    """The games in words."""
    model = specimen.adversary.model  # type: ignore[attr-defined]  # an attack on a network
    return {
        "data": f"digits 0 vs 1, {settings.samples} samples of dimension {model.dim}",
        "samples": settings.samples,
        "loss": "hinge",
        "attack": "PGD, 10 steps up the logistic loss",
        "perturbation_set": f"l2 ball of radius {settings.input_radius:g}",
        "weight_radius": settings.weight_radius,
        "rounds": settings.rounds,
        "device": str(getattr(model, "device", "cpu")),
    }


def _stored(settings: WidthSettings) -> dict[tuple[Any, ...], Section] | None:
    """The rows that the folder holds already, where the run is to go on."""
    if not settings.resume:
        return None
    if not (Path(settings.out) / "run.json").is_file():
        raise ArgumentError(
            f"`WidthSettings(resume=...)`: there is no run in {settings.out} to go on with. "
            "Leave it out to begin one."
        )
    run = load_run(settings.out)
    section = run.results.get("width")
    if section is None:
        raise StorageError(f"`{run.folder}` holds a run of another experiment.")
    for name, value in settings.fixed.items():
        if run.config.get(name) != value:
            raise ArgumentError(
                f"`WidthSettings({name}=...)` must be what the run in {run.folder} has, "
                f"{run.config.get(name)!r}, to go on with it, got {value!r}."
            )
    found = {}
    for table, width in (("computed", 4), ("played", 4), ("condition", 3)):
        for row in section[table]:
            labels = [v for k, v in row.items() if k != "table"][:width]
            found[(table, *labels)] = dict(row)
    return found
