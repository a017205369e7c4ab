"""A model whose structure certificates can use."""

from __future__ import annotations

from typing import Protocol

from olgame.models.model import HasTwoLayers, Model

__all__ = ["TwoLayerModel"]


class TwoLayerModel(Model, HasTwoLayers, Protocol):
    """A `Model` with the structure of the two-layer theorems."""
