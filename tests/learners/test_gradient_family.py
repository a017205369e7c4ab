"""Every learner of gradients: feasible, the step of its proof, its bound; and ascent fails."""

from __future__ import annotations

import numpy as np
import pytest

from olgame.theory import check_bound
from tests.learners.gradient_family import FAMILY
from tests.learners.linear_games import SEQUENCES, Ascending, adversary, game, oblivious, played

SLACK = 1e-9


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("name", FAMILY)
def test_feasible_one_step_and_bound(name: str, sequence: str) -> None:
    member = FAMILY[name]
    body = member.body
    run = game(member.learner, body.decision_set, adversary(sequence, body.start), body.start)
    seen = played(run)
    assert member.body.excess(seen.points).max() <= 1e-12
    for u in member.body.comparators():
        assert member.one_step(seen, u).min() >= -SLACK, "the inequality of the proof"
    check = check_bound(member.bound, run)
    assert check.conclusion == "certified_holds", str(check)
    assert check.bound[-1] == pytest.approx(member.by_hand(seen), rel=1e-9)
    regret = member.body.regret(seen)
    if member.linear:
        assert check.regret[-1] == pytest.approx(regret, rel=1e-10, abs=1e-10)
    assert check.regret[-1] <= min(regret, check.bound[-1]) + SLACK


@pytest.mark.parametrize("name", FAMILY)
def test_ascent_fails(name: str) -> None:
    member = FAMILY[name]
    run = game(
        Ascending(member.learner), member.body.decision_set,
        adversary("constant", member.body.start), member.body.start,
    )  # fmt: skip
    check = check_bound(member.bound, run)
    failing = " ".join(premise.name for premise in check.premises.failing)
    assert "steps" in failing or "leaders" in failing, str(check)
    assert check.conclusion != "certified_holds"
    long = game(
        Ascending(member.learner), member.body.decision_set,
        oblivious(np.tile(np.array([1.0, -0.5, 0.25, 0.75]), (300, 1))), member.body.start, 300,
    )  # fmt: skip
    regret, bound = member.bound.regret(long)[-1], member.by_hand(played(long))
    assert regret > bound or not member.linear
