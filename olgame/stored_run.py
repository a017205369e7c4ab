"""A run as it is read back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from numpy.typing import NDArray

from olgame.exceptions import NotKeptError, StorageError
from olgame.observers.observed import Observed
from olgame.one_line import one_line
from olgame.run_files import Arrays, read_arrays

__all__ = ["StoredRun"]


@attrs.frozen(eq=False, kw_only=True)
class StoredRun:
    """A run read back from its folder.

    Attributes:
        folder: where it lies.
        config: what the run was asked to do.
        results: what came out; certified and estimated numbers are of their own types again.
        game: how the game went: rounds, planned_rounds, status, stop_reason, violations, seed,
            parts by name, and what was observed.
        columns: the per-round arrays of the transcript, each of shape ``(T, ...)``.
        arrays: start, final_point, best_point, gradient_sum, curvature_sum, shape ``(..., p)``.
        versions: of the packages and of Python that played it.
    """

    folder: Path
    config: Mapping[str, Any]
    results: Mapping[str, Any]
    game: Mapping[str, Any]
    columns: Arrays
    arrays: Arrays
    versions: Mapping[str, str]

    def __repr__(self) -> str:
        """The game in short, what results there are, and where it lies."""
        game = self.game  # of a file that others may have written: nothing in it is relied upon
        violations = game.get("violations")
        found = ", ".join(self.results) or "none"
        return one_line(
            "StoredRun",
            learner=str(game.get("learner", "?")),
            adversary=str(game.get("adversary", "?")),
            planned_rounds=game.get("planned_rounds", "?"),
            status=str(game.get("status", "?")),
            loss=self.columns["loss"],
            violations=len(violations) if isinstance(violations, list) else 0,
            more=f"results: {found}, folder={str(self.folder)!r}",
        )

    @property
    def observed(self) -> dict[str, Observed]:
        """What observers found, by their names.

        Raises:
            StorageError: The run folder is damaged.
        """
        found = {}
        try:
            for name, parts in self.game.get("observed", {}).items():
                found[name] = Observed(parts["rounds"], parts["columns"])
                if {len(column) for column in parts["columns"].values()} - {len(parts["rounds"])}:
                    raise ValueError("columns differ in length")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            path = self.folder / "run.json"
            raise StorageError(f"`{path}` is damaged: what was observed ({reason}).") from None
        return found

    def played_inputs(self, round: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """x'_t and the labels of round ``round``, shapes ``(n, d)`` and ``(n,)``.

        Raises:
            NotKeptError: The run was saved without its examples.
            StorageError: The file is damaged.
        """
        path = self.folder / "examples.npz"
        if not path.exists():
            raise NotKeptError(
                "The played inputs were not stored; save with "
                "`save_run(..., include_examples=True)`."
            )
        found = read_arrays(path, {f"x_{round}", f"y_{round}", "y"})
        if f"x_{round}" not in found:
            raise StorageError(f"`{path}` holds no inputs of round {round}.")
        return found[f"x_{round}"], found[f"y_{round}"] if f"y_{round}" in found else found["y"]
