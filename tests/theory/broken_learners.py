"""Learners that a theorem must not pass."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.learners import GradientStep, OnlineGradientDescent


@attrs.frozen
class Ascending(OnlineGradientDescent):
    """Climbs, and reports the step it should have made (``honest``: the one it made)."""

    honest: bool = False

    def update(self, state: Any, feedback: Any, /) -> Any:
        return super().update(state, feedback._replace(gradient=-feedback.gradient))

    def last_step(self, state: Any, /) -> GradientStep:
        step = super().last_step(state)
        return step._replace(step_size=-step.step_size) if self.honest else step


class Secretive:
    """Plays gradient descent but does not report its steps."""

    def __init__(self, step_size: float) -> None:
        inner = OnlineGradientDescent(step_size)
        self.level, self.init, self.decide = inner.level, inner.init, inner.decide
        self.update, self.copy = inner.update, inner.copy
