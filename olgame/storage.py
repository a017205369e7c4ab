"""A run is a folder: ``run.json`` and arrays in ``.npz``, written whole or not at all.

    run.json       configuration, versions, seeds, results, and how the game ended
    columns.npz    the scalars of every round
    arrays.npz     start, final and best point, and the O(p) sums
    results.npz    arrays that appear in the configuration and the results
    examples.npz   the played inputs, where asked for

Nothing is ever pickled, so that reading a folder from elsewhere runs no code of its author's.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from olgame.exceptions import NotAvailableError, StorageError
from olgame.json_values import decode, encode, on_host
from olgame.run_files import Arrays, digest, flushed, read_arrays, reported
from olgame.stored_run import StoredRun
from olgame.transcript import Transcript

__all__ = ["StoredRun", "load_run", "reserve", "save_run", "versions"]

FORMAT = "olgame-run"
FORMAT_VERSION = 1
LARGEST_JSON = 256 * 2**20
COLUMNS = (
    "loss",
    "inner",
    "distance",
    "gradient_norm",
    "weak_convexity",
    "step_size",
    "update_error",
    "point_excess",
    "input_distance",
    "input_norm",
    "full_batch",
)
ARRAYS = ("start", "final_point", "best_point", "gradient_sum", "curvature_sum")
PACKAGES = ("olgame", "numpy", "attrs", "array-api-compat", "torch", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that a run's numbers depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def reserve(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Make sure, before a game, that its run can be written to ``folder`` after it.

    Creates the parent folders, writes and removes a small file beside ``folder``; ``folder``
    itself is left as it is.

    Args:
        folder: where the run will be written.
        overwrite: whether an earlier run there may be replaced.

    Returns:
        The path.

    Raises:
        StorageError: It cannot be written there, or something is there already.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     reserve(place + "/runs/first").name
        'first'
    """
    target = Path(os.path.abspath(folder))
    _refuse_occupied(target, overwrite)
    with reported(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        probe = _beside(target, "probe")
        probe.mkdir()
        try:
            (probe / "run.json").write_text("{}", encoding="utf-8")
        finally:
            shutil.rmtree(probe, ignore_errors=True)
    return target


def save_run(
    folder: str | os.PathLike[str],
    transcript: Transcript,
    *,
    config: Mapping[str, object],
    results: Mapping[str, object],
    overwrite: bool = False,
    include_examples: bool = False,
) -> Path:
    """Write a run to ``folder``, whole or not at all.

    Everything is written to a hidden folder beside ``folder``, flushed to the disk and renamed.
    An earlier run is moved aside before and deleted after: killed between the two, both lie
    complete beside ``folder``.

    Args:
        folder: the run folder, which must not exist (or be empty) unless ``overwrite``.
        transcript: the game, finished or not.
        config: what was asked for. Numbers, text, lists, mappings, arrays, certified and estimated
            numbers; other objects are stored as their fields, or else as their text.
        results: what came out, likewise.
        overwrite: replace an earlier *run*; a folder that is not one is never deleted.
        include_examples: store the played inputs too (needs ``keep="examples"``).

    Returns:
        The path of the folder.

    Raises:
        StorageError: It cannot be written there, or something is there already.
        NotKeptError: ``include_examples`` without kept examples.
        NotAvailableError: ``include_examples`` of a game in which no inputs are played.
    """
    target = Path(os.path.abspath(folder))
    _refuse_occupied(target, overwrite)
    referred: Arrays = {}
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": versions(),
        "config": encode(dict(config), referred),
        "game": encode(_game(transcript), referred),
        "results": encode(dict(results), referred),
    }
    files = {
        "columns.npz": {name: getattr(transcript, name) for name in COLUMNS},
        "arrays.npz": {name: on_host(getattr(transcript, name)) for name in ARRAYS},
        "results.npz": referred,
    }
    if include_examples:
        files["examples.npz"] = _examples(transcript)
    with reported(target, "written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _beside(target, "partial")
        partial.mkdir()
        try:
            for name, arrays in files.items():
                with flushed(partial / name) as file:
                    np.savez(file, allow_pickle=False, **arrays)
            document["files"] = {name: digest(partial / name) for name in files}
            with flushed(partial / "run.json") as file:
                text = json.dumps(document, indent=1, allow_nan=False)
                file.write(text.encode("utf-8"))
            _move_into_place(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def load_run(folder: str | os.PathLike[str]) -> StoredRun:
    """Read a run folder back, checking every file.

    Args:
        folder: what `save_run` wrote.

    Returns:
        The `StoredRun`.

    Raises:
        StorageError: There is no run, or a file of it is damaged, missing or not its own; the
            message names the file and the reason.
    """
    source = Path(os.path.abspath(folder))
    document = _read_document(source / "run.json")
    loaded = {}
    for name in ("columns.npz", "arrays.npz", "results.npz"):
        path = source / name
        if document["files"].get(name) != digest(path):
            raise StorageError(f"`{path}` is damaged: it is not the file that `run.json` lists.")
        loaded[name] = read_arrays(path)
    for name, expected in (("columns.npz", COLUMNS), ("arrays.npz", ARRAYS)):
        missing = sorted(set(expected) - set(loaded[name]))
        if missing:
            raise StorageError(f"`{source / name}` is damaged: it lacks {', '.join(missing)}.")
    rounds = {len(column) if column.ndim else -1 for column in loaded["columns.npz"].values()}
    if len(rounds) != 1 or -1 in rounds:
        raise StorageError(f"`{source / 'columns.npz'}` is damaged: columns differ in length.")
    parts = {}
    for name in ("config", "results", "game"):
        try:
            parts[name] = decode(document[name], loaded["results.npz"])
        except (ValueError, RecursionError) as error:
            reason = f"`{source / 'run.json'}` is damaged: in {name!r}, {error}."
            raise StorageError(reason) from None
        if not isinstance(parts[name], dict):
            raise StorageError(f"`{source / 'run.json'}` is damaged: {name!r} is no mapping.")
    return StoredRun(
        folder=source,
        **parts,
        columns=loaded["columns.npz"],
        arrays=loaded["arrays.npz"],
        versions={str(k): str(v) for k, v in document["versions"].items()},
    )


def _game(transcript: Transcript) -> dict[str, object]:
    named = {name: getattr(transcript, name) for name in ("learner", "adversary", "decision_set")}
    return {
        "rounds": transcript.rounds,
        "planned_rounds": transcript.planned_rounds,
        "status": transcript.status,
        "stop_reason": transcript.stop_reason,
        "violations": [violation._asdict() for violation in transcript.violations],
        "seed": transcript.seed,
        "keep": transcript.keep,
        "observed": {
            name: {"rounds": found.rounds, "columns": found.columns}
            for name, found in transcript.observed.items()
        },
        **{name: type(part).__name__ for name, part in named.items()},
    }


def _examples(transcript: Transcript) -> Arrays:
    losses: tuple[Any, ...] = transcript.kept_losses("`save_run(..., include_examples=True)`")
    if not all(hasattr(loss, "x") and hasattr(loss, "y") for loss in losses):
        raise NotAvailableError("`save_run(..., include_examples=True)`: no inputs were played.")
    found: Arrays = {"y": on_host(losses[0].y)} if losses else {}
    for t, loss in enumerate(losses, start=1):
        found[f"x_{t}"] = on_host(loss.x)
        if loss.y is not losses[0].y:
            found[f"y_{t}"] = on_host(loss.y)
    return found


def _beside(target: Path, purpose: str) -> Path:
    return target.parent / f".{target.name}.{secrets.token_hex(4)}.{purpose}"


def _refuse_occupied(target: Path, overwrite: bool) -> None:
    with reported(target, "looked at"):
        if not os.path.lexists(target):
            return
        if not target.is_dir() or target.is_symlink():
            raise StorageError(f"`{target}` is in the way: it is no folder. Choose another name.")
        if not any(target.iterdir()):
            return
        if not (target / "run.json").is_file():
            raise StorageError(
                f"`{target}` is in the way: it holds files, but no run. Choose another name."
            )
        if not overwrite:
            raise StorageError(
                f"`{target}` holds a run already. Choose another name, or pass `overwrite=True`."
            )


def _move_into_place(partial: Path, target: Path) -> None:
    """Rename; an earlier run is moved aside first (a rename cannot replace a full folder)."""
    if not (target.is_dir() and any(target.iterdir())):
        os.replace(partial, target)
        return
    earlier = _beside(target, "earlier")
    os.replace(target, earlier)
    try:
        os.replace(partial, target)
    except BaseException:
        os.replace(earlier, target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _read_document(path: Path) -> dict[str, Any]:
    with reported(path, "read"):
        if path.stat().st_size > LARGEST_JSON:
            raise StorageError(f"`{path}` is no run: it is larger than {LARGEST_JSON} bytes.")
        content = path.read_bytes()
    try:
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"`{path}` is damaged: {error}.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StorageError(f"`{path}` is no run of olgame: it does not say `format` = {FORMAT!r}.")
    if document.get("format_version") != FORMAT_VERSION:
        raise StorageError(
            f"`{path}` is of format version {str(document.get('format_version'))[:20]}; this "
            f"olgame reads version {FORMAT_VERSION}."
        )
    for key in ("versions", "config", "game", "results", "files"):
        if not isinstance(document.get(key), dict):
            raise StorageError(f"`{path}` is damaged: it lacks {key!r}.")
    return document


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")
