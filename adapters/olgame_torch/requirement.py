"""What the adapter needs beyond the core: torch. Importing this module is the check."""

from __future__ import annotations

from olgame.exceptions import OlgameError
from olgame.extras import how_to_install

__all__ = ["TorchMissingError"]


class TorchMissingError(OlgameError, ImportError):
    """torch is not installed, and `olgame_torch` is nothing without it."""


try:
    import torch as torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is there and broken: its own message says how
        raise
    raise TorchMissingError(
        f"`olgame_torch` needs torch, which is not installed: {how_to_install('torch')}."
    ) from error
