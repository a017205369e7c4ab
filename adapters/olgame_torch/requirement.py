"""What the adapter needs beyond the core: torch. Importing this module is the check."""

from __future__ import annotations

from olgame.exceptions import OlgameError

__all__ = ["TorchMissingError"]


class TorchMissingError(OlgameError, ImportError):
    """torch is not installed, and `olgame_torch` is nothing without it."""


try:
    import torch as torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is there and broken: its own message says how
        raise
    raise TorchMissingError(
        '`olgame_torch` needs torch, which is not installed: `pip install "olgame[torch]"`.'
    ) from error
