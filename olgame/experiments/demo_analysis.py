"""What the demonstration finds out about its game: ledger, certificates, verdict."""

from __future__ import annotations

from typing import Any

from olgame import certify, regret, theory
from olgame.experiments import sections
from olgame.experiments.demo_game import DemoGame, PlayableGame
from olgame.experiments.demo_settings import DemoSettings
from olgame.randomness import generator
from olgame.results import Interval
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["analyze"]

LATE_ROUNDS = 8
"""Rounds, counted from the end, whose losses the floor is built from (late ones are sharpest)."""


def analyze(
    settings: DemoSettings, game: DemoGame, run: Transcript, results: dict[str, Any]
) -> None:
    """Regret, ledger, certificates and verdict, put into ``results`` as they are found."""
    radius = settings.weight_radius
    results["loss"] = sections.losses(run)
    results["regret"] = sections.regret_per_round(run)
    last = theory.drawn_inside(run.final_point, game.model.start, radius)
    held_out = held_out_section(game, run)
    results["held_out"] = held_out
    bracket = _robust_loss(game, run, last)
    books = _ledgers(settings, run, last, bracket)
    results["ledger"] = {
        "comparator": "the last iterate",
        "rows": sections.ledger_rows(books["the last iterate"]),
        "books": {name: sections.book(ledger) for name, ledger in books.items()},
    }
    results["curves"] = sections.curves(
        run, books["the linear-regret maximizer"], books["the last iterate"]
    )
    value = theory.game_value(
        run,
        radius,
        points={theory.AVERAGE: game.average.point},
        brackets={theory.LAST: bracket},
        late_rounds=LATE_ROUNDS,
        best_weights=False,
    )
    results["certificates"] = [
        sections.row("robust loss of the last iterate", bracket.lower, bracket.upper),
        *sections.value_rows(value),
    ]
    results["value"] = value.to_dict()
    if held_out is not None and settings.held_out == "certified":
        found = _held_out_bracket(game, last)
        name = "held-out robust loss of the last iterate"
        results["certificates"].append(sections.row(name, found.lower, found.upper))
        held_out["robust_error"] = sections.robust_error(found, game.adversary.loss)
    results["hindsight"] = sections.hindsight(value)
    results["verdict"] = game.theorem.check(
        run,
        accuracy=settings.accuracy,
        weight_radius=radius,
        floor=value.floor,
        ceiling=value.ceiling,
    ).to_dict()


def _ledgers(
    settings: DemoSettings, run: Transcript, last: Array, bracket: certify.Bracket
) -> dict[str, regret.Ledger]:
    rng = generator(settings.seed, "comparator")
    comparators = {
        "the last iterate": last,
        "the start": run.start,
        "a random point of the set": run.decision_set.sample(rng, tuple(run.start.shape)),
        "the linear-regret maximizer": regret.linear_maximizer(run),
    }
    upper = bracket.upper
    known = {} if upper is None else {"the last iterate": Interval(bracket.lower, upper)}
    return regret.ledgers(run, comparators, robust_loss=known)


def _robust_loss(game: DemoGame, run: Transcript, w: Array) -> certify.Bracket:
    """A bracket on L_*(w); the last played inputs are candidates for its lower end."""
    adversary = game.adversary
    played: list[Any] = list(run.kept_losses("A bracket")[-LATE_ROUNDS:])
    return certify.robust_loss(
        game.model,
        w,
        adversary.x,
        adversary.y,
        adversary.loss,
        adversary.perturbation_set,
        attack=adversary.attack,
        candidates=tuple(loss.x for loss in played),
    )


def held_out_section(game: PlayableGame, run: Transcript) -> dict[str, Any] | None:
    """What was observed on the held-out samples; None where there are none."""
    if game.held_out is None or game.data.held_out is None:
        return None
    about = f"{len(game.data.held_out.y)} samples, {game.data.source}"
    return sections.held_out(run, game.held_out.name, about)


def _held_out_bracket(game: DemoGame, w: Array) -> certify.Bracket:
    """A bracket on the robust loss of the held-out samples, which no other number rests on."""
    assert game.held_out is not None  # there is a section about it
    data = game.held_out
    return certify.robust_loss(
        game.model, w, data.x, data.y, data.loss, data.perturbation_set, attack=data.attack
    )
