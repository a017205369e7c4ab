"""Two-layer networks of several games, on NumPy."""

from __future__ import annotations

import olgame as og
from tests.many_games import (
    factory,
)

network = factory(og.models.TwoLayerNet)
