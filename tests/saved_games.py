"""A game that is saved and taken up again, and what is equal of two transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import olgame as og
from olgame.checkpoint import Saved
from olgame.transcript import COLUMNS

ROUNDS = 130  # small games are booked, and so saved, after 96
CENTER = np.linspace(-1.0, 1.0, 6)
LOSSES = [
    og.losses.QuadraticLoss(c) if t % 3 else og.losses.LinearLoss(c)
    for t, c in enumerate(np.random.default_rng(0).normal(size=(ROUNDS, 6)))
]


def assert_equal(found: og.Transcript, expected: og.Transcript) -> None:
    """Every number, bit for bit."""
    arrays = ("start", "final_point", "best_point", "gradient_sum", "curvature_sum", "full_batch")
    for name in (*COLUMNS, *arrays):
        ours, theirs = (np.asarray(getattr(run, name)) for run in (found, expected))
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    assert found.violations == expected.violations
    assert (found.status, found.planned_rounds) == (expected.status, expected.planned_rounds)
    assert found.observed.keys() == expected.observed.keys()
    for name, observed in expected.observed.items():
        np.testing.assert_array_equal(found.observed[name].rounds, observed.rounds)
        np.testing.assert_array_equal(found.observed[name]["first"], observed["first"])


def saved_game(tmp_path: Path) -> Path:
    """A checkpoint of gradient descent in a ball."""
    save = og.Checkpoint(tmp_path / "game.npz", every=1)
    og.play(*OGD, rounds=ROUNDS, start=np.zeros(6), checkpoint=save)
    return save.path


BALL = og.sets.L2Ball(1.0, np.zeros(6))
OGD: Any = (
    og.learners.OnlineGradientDescent(0.1),
    og.adversaries.ObliviousSequence(LOSSES),
    BALL,
)


def rewrite(path: Path, saved: Saved) -> None:
    """Write a changed file, as no game would."""
    text = np.frombuffer(json.dumps(saved.document).encode(), np.uint8)
    np.savez(path, **saved.arrays, document=text)  # type: ignore[arg-type]  # its stub
