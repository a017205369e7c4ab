"""The generators of a batch draw, game by game, what the games draw alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.attacks.combination import child
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.game_generators import POSITION, game_generator
from olgame.randomness import as_seed, check_seed, game_seeds, generator

CALLS: dict[str, tuple[Any, ...]] = {
    "random": (),
    "standard_normal": (),
    "standard_exponential": (),
    "normal": (1.0, 2.0),
    "uniform": (-1.0, 3.0),
    "laplace": (0.5, 2.0),
    "integers": (0, 10**9),
    "choice": (100,),
}


@pytest.mark.parametrize("games", [(3,), (2, 2), (1,)])
@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("name", CALLS)
def test_each_game_draws_what_it_draws_alone(
    name: str, by_name: bool, games: tuple[int, ...]
) -> None:
    seeds = list(range(5, 5 + int(np.prod(games))))
    together: Any = game_generator(seeds, games, "attack", 4)
    alone = [generator(seed, "attack", 4) for seed in seeds]
    for shape in ((5, 2), (), (7,)):  # one draw after the other: each goes on where it was
        size = (*games, *shape)
        given = {"size": size} if by_name else {}
        found = getattr(together, name)(*CALLS[name], *(() if by_name else (size,)), **given)
        expected = [getattr(rng, name)(*CALLS[name], size=shape) for rng in alone]
        np.testing.assert_array_equal(found, np.reshape(expected, size))


def test_the_table_of_methods_is_that_of_numpy() -> None:
    assert set(CALLS) == set(POSITION)
    rng = np.random.default_rng(0)
    for name, position in POSITION.items():
        arguments: list[Any] = [*CALLS[name]]
        assert len(arguments) <= position
        arguments += [None] * (position - len(arguments))
        assert np.shape(getattr(rng, name)(*arguments, (4, 3))) == (4, 3)


def test_without_repetition() -> None:
    found = game_generator([1, 2], (2,), "batch", 1).choice(10, (2, 10), replace=False)
    assert (np.sort(found, axis=1) == np.arange(10)).all()
    assert (found[0] != found[1]).any()


def test_a_single_game_has_numpys_generator() -> None:
    rng = game_generator(3, (), "attack", 1)
    assert isinstance(rng, np.random.Generator)
    assert rng.random() == generator(3, "attack", 1).random()


def test_children_belong_to_their_games() -> None:
    together = game_generator([8, 9], (2,), "attack", 1)
    alone = [generator(seed, "attack", 1) for seed in (8, 9)]
    for _ in range(2):  # the second child is another one
        found = child(together).standard_normal((2, 3))
        np.testing.assert_array_equal(found, [child(rng).standard_normal(3) for rng in alone])


def test_games_of_one_seed_may_draw_once_for_all() -> None:
    rng: Any = game_generator(4, (3,), "function", 1)
    alone = generator(4, "function", 1)
    np.testing.assert_array_equal(rng.standard_normal(5), alone.standard_normal(5))
    assert rng.integers(10**9) == alone.integers(10**9)
    each = rng.standard_normal((3, 5))  # after common draws the games still agree
    np.testing.assert_array_equal(each, [alone.standard_normal(5)] * 3)


def test_what_is_no_draw_of_a_game_is_refused() -> None:
    rng: Any = game_generator([4, 5], (2,), "function", 1)
    for size in (5, (3, 2), (), None):
        with pytest.raises(ArgumentError, match=r"must begin with the axes \(2,\) of the games"):
            rng.normal(size=size)
    with pytest.raises(NotAvailableError, match=r"have no `permutation`.*`rng\.game\(index\)`"):
        rng.permutation(5)
    assert rng.game((1,)).permutation(5).shape == (5,)
    with pytest.raises(AttributeError):
        _ = rng.__array__


def test_nothing_is_made_before_it_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(seed: int, role: str, round: int = 0) -> Any:
        made.append(seed)
        return generator(seed, role, round)

    monkeypatch.setattr("olgame.game_generators.generator", counted)
    rng = game_generator(range(16), (16,), "attack", 1)
    assert not made
    rng.random((16, 2))
    rng.random((16, 2))
    assert made == list(range(16))


def test_seeds_of_games() -> None:
    assert game_seeds([1, 2, 3, 4], (2, 2)).tolist() == [[1, 2], [3, 4]]
    assert game_seeds(7, (2,)).tolist() == [7, 7]
    assert game_seeds(2**80, ()).item() == 2**80
    with pytest.raises(ArgumentError, match=r"got 3 seeds for games of shape \(2, 2\)"):
        game_seeds([1, 2, 3], (2, 2))
    assert as_seed(np.arange(3)) == as_seed([0, 1, 2]) == (0, 1, 2)
    assert as_seed("7") == "7"
    for seed in ((), "7", (1, -1), (True,), 1.0):
        with pytest.raises(ArgumentError, match=r"`play\(seed=\.\.\.\)`"):
            check_seed(seed, "play")
