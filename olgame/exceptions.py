"""The errors of `olgame`: one root, each also the builtin that fits.

Every message names the argument as the user wrote it, the rule, and what was got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from olgame.transcript import Transcript

__all__ = [
    "ArgumentError",
    "CheckError",
    "DataError",
    "GameInterrupted",
    "NotAvailableError",
    "NotKeptError",
    "OlgameError",
    "ShapeError",
    "StorageError",
    "TimingError",
    "ViolationError",
]


class OlgameError(Exception):
    """Root of all errors of the library.

    Attributes:
        transcript: Where the error ended a game, what had been played until then; else None.
    """

    transcript: Transcript | None = None


class ArgumentError(OlgameError, ValueError):
    """An argument has a value outside its domain."""


class ShapeError(OlgameError, ValueError):
    """An array has the wrong shape, dtype or device."""


class DataError(OlgameError, ValueError):
    """Data that no game can be played with: empty, not finite, wrong labels."""


class CheckError(OlgameError, AssertionError):
    """A part fails one of the checks of `olgame.checks`.

    Attributes:
        check: The name of the sub-check.
    """

    check: str = ""


class NotAvailableError(OlgameError, RuntimeError):
    """What was asked for has no meaning, or no certificate, for these parts."""


class NotKeptError(OlgameError, RuntimeError):
    """A computation needs what the transcript was not told to keep."""


class StorageError(OlgameError, OSError):
    """A run cannot be written or read: the message names the file and the reason."""


class TimingError(OlgameError, RuntimeError):
    """An adversary looked at something that its declared timing hides from it."""


class ViolationError(OlgameError, RuntimeError):
    """A rule of the game was broken in mid-game."""


class GameInterrupted(OlgameError, KeyboardInterrupt):
    """Ctrl-C in mid-game; ``transcript`` holds what had been played until then."""

    transcript: Transcript

    def __init__(self, message: str, transcript: Transcript) -> None:
        super().__init__(message)
        self.transcript = transcript
