"""Games that several files of tests look at."""

from __future__ import annotations

import pytest

from olgame.transcript import Transcript
from tests.theory.planned_game import game


@pytest.fixture(scope="module")
def planned() -> Transcript:
    return game()
