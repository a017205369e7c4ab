"""A part with some of its methods replaced."""

from __future__ import annotations

from typing import Any

import numpy as np

import olgame as og

CENTER = np.linspace(-1.0, 1.0, 6)
BALL = og.sets.L2Ball(0.5, CENTER)
NET = og.models.TwoLayerNet(dim=5, width=16, activation="softplus", paired=False)
X = np.random.default_rng(0).standard_normal((4, 5))
Y = np.array([1.0, -1.0, 1.0, -1.0])
UNSEEDED = np.random.default_rng()


def changed(part: Any, /, **members: Any) -> Any:
    """``part`` with some of its methods and fields replaced."""

    def member(self: Any, name: str) -> Any:
        return getattr(part, name)

    fixed = {k: staticmethod(v) if callable(v) else v for k, v in members.items()}
    return type("Mutant", (), {"__getattr__": member, **fixed})()
