"""The commands: ``olgame EXPERIMENT --option value``, ``olgame report FOLDER``.

Every experiment that an installed package offers under the entry-point group
``olgame.experiments`` is a subcommand; every field of its settings is an option.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs
import click
from rich.console import Console

import olgame
from olgame.exceptions import OlgameError
from olgame.experiments.experiment import Experiment, ExperimentInterrupted
from olgame.report.progress import progress_bar
from olgame.report.terminal import render
from olgame.storage import load_run

__all__ = ["group"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it (128 + SIGINT)."""

LONGEST_DEFAULT = 24
"""Characters of a list of defaults that a help page shows whole."""


class Commands(click.Group):
    """A group that an interrupt ends with the exit code of one: click would say 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(INTERRUPTED)


def group() -> click.Group:
    """The ``olgame`` command with a subcommand for every installed experiment."""
    command = Commands(
        "olgame",
        help="Adversarial training as an online convex game, with certificates.",
    )
    click.version_option(olgame.__version__, prog_name="olgame")(command)
    command.add_command(_report_command())
    for point in sorted(entry_points(group="olgame.experiments"), key=lambda p: p.name):
        command.add_command(_command(point))
    return command


def _command(point: EntryPoint) -> click.Command:
    """The subcommand of one experiment; where it cannot be loaded, one that says why."""
    try:
        experiment: Experiment = point.load()
    except ImportError as error:
        reason = str(error)

        def fail(**_: object) -> None:
            raise click.ClickException(reason)

        return click.Command(point.name, callback=fail, help=f"Not available: {reason}")

    def callback(**values: Any) -> None:
        _run(experiment, values)

    options: list[click.Parameter] = [_option(field) for field in attrs.fields(experiment.settings)]
    return click.Command(
        experiment.name, params=options, callback=callback, help=experiment.summary
    )


def _option(field: attrs.Attribute[Any]) -> click.Option:
    """A click option for one field of the settings."""
    flag = "--" + field.name.replace("_", "-")
    choices = field.metadata.get("choices")
    default = field.default
    shown: bool | str = True
    if isinstance(default, bool):
        return click.Option([flag], is_flag=True, default=default, help=field.metadata["help"])
    if isinstance(default, tuple):
        kind: Any = str
        whole = list(map(str, default))
        default = ",".join(whole)
        if len(default) > LONGEST_DEFAULT:  # a help page would break it within a number
            shown = ",".join([*whole[:2], "...", whole[-1]])
    elif choices:
        kind = click.Choice(choices)
    elif default is None:
        kind = int
    else:
        kind = type(default)
    return click.Option(
        [flag], type=kind, default=default, show_default=shown, help=field.metadata.get("help", "")
    )


def _run(experiment: Experiment, values: dict[str, Any]) -> None:
    console = Console()
    try:
        settings = experiment.settings(**values)
        with progress_bar(console, experiment.name) as observer:
            folder = experiment.run(settings, (observer,))
    except OlgameError as error:
        raise click.ClickException(_in_options(str(error))) from error
    except ExperimentInterrupted as stop:
        click.echo(
            f"Interrupted. What was played is in {stop.folder} (olgame report {stop.folder})."
            + _how_to_go_on(experiment),
            err=True,
        )
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        click.echo("Interrupted before anything was played.", err=True)
        sys.exit(INTERRUPTED)
    render(load_run(folder).results, console)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    console.print(f"Run folder: {folder} ({files})")


def _how_to_go_on(experiment: Experiment) -> str:
    """For experiments that can be taken up where they were interrupted."""
    if not any(field.name == "resume" for field in attrs.fields(experiment.settings)):
        return ""
    return " The same command with --resume goes on with it."


def _in_options(message: str) -> str:
    """``DemoSettings(weight_radius=...)`` as the user of a command line wrote it."""

    def option(match: re.Match[str]) -> str:
        return "--" + match.group(1).replace("_", "-")

    message = message.replace("`overwrite=True`", "`--overwrite`")
    return re.sub(r"`(?:\w+Settings|play)\((\w+)=\.\.\.\)`", option, message)


def _report_command() -> click.Command:
    @click.command("report", help="Print the report of a run folder and draw its figure again.")
    @click.argument("folder", type=click.Path(exists=True, file_okay=False))
    def report(folder: str) -> None:
        try:
            run = load_run(folder)
            render(run.results, Console())
            from olgame.report.figure import save_figure  # the text needs no matplotlib

            if {"game", "width"} & set(run.results):  # other experiments have figures of their own
                for path in save_figure(folder):
                    click.echo(path)
        except OlgameError as error:
            raise click.ClickException(str(error)) from error

    return report
