"""What differs in the demonstration from one kind of network to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from olgame.experiments.demo_settings import DemoSettings
from olgame.observers import Observer
from olgame.transcript import Transcript

__all__ = ["Variant"]

Results = dict[str, Any]


class Variant(NamedTuple):
    """One kind of network: how its game is made, and what is found out about it.

    Attributes:
        set_up: The game of the settings, an `olgame.experiments.demo_game.PlayableGame`.
        opening: The sections of the report that are known before the first round.
        describe: The game in words, given the seconds that playing it took.
        analyze: ``analyze(settings, game, transcript, results, observers)`` puts the other
            sections into the results, as they are found: what ends it early loses only the rest.
    """

    set_up: Callable[[DemoSettings], Any]
    opening: Callable[[Any], Results]
    describe: Callable[[DemoSettings, Any, float], Results]
    analyze: Callable[[DemoSettings, Any, Transcript, Results, tuple[Observer, ...]], None]
