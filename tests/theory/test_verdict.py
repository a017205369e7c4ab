"""Premises, conclusion and content: three answers, and how they depend on each other."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from olgame.exceptions import ArgumentError
from olgame.results import Certified, Estimated
from olgame.theory.premise import Premise, Premises, PremiseStatus
from olgame.theory.verdict import Verdict, judge


def lower(value: float) -> Certified:
    return Certified(value, "lower", "by hand")


def upper(value: float) -> Certified:
    return Certified(value, "upper", "by hand")


def verdict(
    *,
    same_game: PremiseStatus = "holds",
    learner: PremiseStatus = "holds",
    reached: float = 0.6,
    start_loss: float = 1.0,
    floor: Any = None,
    ceiling: Any = None,
    no_floor: str = "",
    rounding: float = 0.0,
) -> Verdict:
    return judge(
        theorem="a theorem",
        premises=Premises((Premise("same game", same_game), Premise("learner", learner))),
        comparable=("same game",),
        accuracy=0.1,
        weight_radius=3.0,
        reached=reached,
        start_loss=start_loss,
        floor=floor,
        ceiling=ceiling,
        no_floor=no_floor,
        rounding=rounding,
    )


@pytest.mark.parametrize(
    ("given", "conclusion", "content"),
    [
        ({"floor": lower(0.55)}, "certified_holds", "undecided"),
        ({"floor": lower(0.55), "ceiling": upper(0.61)}, "certified_holds", "informative"),
        ({"floor": lower(0.95)}, "certified_holds", "vacuous"),
        ({"floor": lower(0.3), "ceiling": upper(0.4)}, "certified_fails", "informative"),
        ({"ceiling": upper(0.4)}, "certified_fails", "informative"),
        ({"floor": lower(0.4), "ceiling": upper(0.55)}, "open", "informative"),
        ({"floor": lower(0.4)}, "open", "undecided"),
        ({"floor": lower(0.4), "ceiling": upper(0.95)}, "open", "undecided"),
        ({}, "open", "undecided"),
        ({"floor": lower(0.55), "learner": "not checked"}, "open", "undecided"),
        ({"floor": lower(0.55), "learner": "fails"}, "open", "undecided"),
        ({"ceiling": upper(0.4), "learner": "fails"}, "certified_fails", "informative"),
        ({"floor": lower(0.95), "learner": "fails"}, "open", "vacuous"),
        ({"floor": lower(0.55), "same_game": "fails"}, "open", "undecided"),
        ({"floor": lower(0.55), "same_game": "not checked"}, "open", "undecided"),
        ({"ceiling": upper(0.4), "same_game": "fails"}, "open", "undecided"),
        ({"floor": lower(0.55), "reached": math.nan}, "open", "undecided"),
        ({"floor": lower(0.95), "start_loss": math.nan}, "certified_holds", "undecided"),
        ({"floor": lower(0.51), "rounding": 0.009}, "certified_holds", "undecided"),
        ({"floor": lower(0.51), "rounding": 0.011}, "open", "undecided"),
        ({"ceiling": upper(0.49), "rounding": 0.009}, "certified_fails", "informative"),
        ({"ceiling": upper(0.49), "rounding": 0.011}, "open", "informative"),
        ({"floor": lower(0.905), "rounding": 0.01}, "certified_holds", "undecided"),
        ({"ceiling": upper(0.895), "rounding": 0.01}, "open", "undecided"),
    ],
)
def test_three_answers(given: dict[str, Any], conclusion: str, content: str) -> None:
    found = verdict(**given)
    assert (found.conclusion, found.content) == (conclusion, content)
    assert found.reason


def test_the_reason_names_the_premise_and_the_inequality() -> None:
    assert "fail: learner" in verdict(floor=lower(0.55), learner="fails").reason
    assert "0.6 <= floor 0.55 + 0.1" in verdict(floor=lower(0.55), learner="fails").reason
    facts = verdict(floor=lower(0.55), learner="not checked").reason
    assert facts == (
        "the inequality holds on what was played (least loss 0.6 <= floor 0.55 + 0.1), but these "
        "premises were not checked: learner"
    )
    assert "not checked: same game" in verdict(floor=lower(0.55), same_game="not checked").reason
    assert "same game (not checked)" in verdict(floor=lower(0.4), same_game="not checked").reason
    assert "same game (fails)" in verdict(floor=lower(0.55), same_game="fails").reason
    assert (
        "rounding of the losses, 0.009, included"
        in verdict(floor=lower(0.55), rounding=0.009).reason
    )
    assert "less than the rounding" in verdict(floor=lower(0.505), rounding=0.01).reason
    assert verdict(no_floor="ReLU has no floor").reason == "ReLU has no floor"
    assert "is wrong" in verdict(ceiling=upper(0.4)).reason
    assert "is wrong" not in verdict(ceiling=upper(0.4), learner="fails").reason


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"floor": Estimated(0.5, "a search")}, r"floor=.*`Certified` lower bound"),
        ({"floor": upper(0.5)}, r"floor=.*`Certified` lower bound"),
        ({"floor": 0.5}, r"floor=.*`Certified` lower bound"),
        ({"ceiling": lower(0.5)}, r"ceiling=.*`Certified` upper bound"),
        ({"ceiling": upper(math.nan)}, r"ceiling=.*finite, got nan"),
        ({"floor": lower(0.6), "ceiling": upper(0.5)}, "must not cross, got 0.6 and 0.5"),
    ],
)
def test_bounds_must_be_certified(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        verdict(**given)


def test_an_exact_number_is_both_bounds() -> None:
    exact = Certified(0.55, "exact", "by hand")
    assert verdict(floor=exact, ceiling=exact).content == "informative"


def test_printing_and_plain_data() -> None:
    found = verdict(floor=lower(0.55), ceiling=upper(0.61), learner="not checked")
    assert "conclusion: certified holds" in str(verdict(floor=lower(0.55)))
    text = str(found)
    for piece in (
        "[+] same game",
        "[?] learner",
        "conclusion: open",
        "content: informative",
        ">= 0.55 (certified: by hand), <= 0.61 (certified: by hand)",
        "eps = 0.1",
        "R = 3",
    ):
        assert piece in text
    back = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert back["conclusion"] == "open"
    assert back["premises"][1] == {"name": "learner", "status": "not checked", "detail": ""}
    assert back["floor"] == {"value": 0.55, "side": "lower", "method": "by hand"}
    empty = verdict(reached=math.inf, start_loss=math.nan).to_dict()
    assert (empty["reached"], empty["start_loss"], empty["floor"]) == (None, None, None)
    assert "not available" in str(verdict())


def test_premises() -> None:
    premises = Premises(
        (Premise("a", "holds", "m = 8"), Premise("b", "fails"), Premise("c", "not checked"))
    )
    assert not premises.all_hold
    assert premises.any_fails
    assert [p.name for p in premises.failing] == ["b"]
    assert [p.name for p in premises.unchecked] == ["c"]
    assert str(premises) == "[+] a: m = 8\n[x] b\n[?] c"
    assert len(premises) == 3
    assert Premises((Premise("a", "holds"),)).all_hold
    # Not checked is neither: it must never count as holding.
    assert not Premises((Premise("c", "not checked"),)).all_hold
    assert not Premises((Premise("c", "not checked"),)).any_fails
    with pytest.raises(KeyError, match="no premise named 'd'"):
        premises["d"]
    with pytest.raises(ArgumentError, match=r"status=.*got 'yes'"):
        Premise("a", "yes")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ArgumentError, match="different names"):
        Premises((Premise("a", "holds"), Premise("a", "fails")))
