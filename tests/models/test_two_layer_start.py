from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.exceptions import ArgumentError
from olgame.models import TwoLayerNet, two_layer_start


def test_pairs() -> None:
    hidden, signs = two_layer_start(5, 12, seed=3)
    assert hidden.shape == (12, 5)
    assert signs.shape == (12,)
    assert hidden.dtype == signs.dtype == np.float64
    assert set(signs) == {-1.0, 1.0}
    np.testing.assert_array_equal(hidden[:6], hidden[6:])
    np.testing.assert_array_equal(signs[:6], -signs[6:])


def test_unpaired_rows_are_all_drawn() -> None:
    hidden, signs = two_layer_start(5, 13, seed=3, paired=False)
    assert np.unique(hidden).size == 65
    assert set(signs) == {-1.0, 1.0}


@pytest.mark.parametrize("paired", [True, False])
def test_is_standard_normal_with_fair_signs(paired: bool) -> None:
    hidden, signs = two_layer_start(50, 4000, seed=0, paired=paired)
    drawn = hidden[:2000]
    assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
    assert abs(drawn.std() - 1) < 4 / np.sqrt(2 * drawn.size)
    assert abs(signs[:2000].mean()) < 4 / np.sqrt(2000)
    covariance = drawn.T @ drawn / 2000
    assert np.abs(covariance - np.eye(50)).max() < 6 / np.sqrt(2000)


def test_depends_on_the_seed_alone() -> None:
    first, again, other = (two_layer_start(3, 4, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)
    # The global state must not move.
    state: Any = np.random.get_state()  # noqa: NPY002
    two_layer_start(3, 4, 5)
    after: Any = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(after[1], state[1])


def test_is_where_the_network_starts() -> None:
    hidden, signs = two_layer_start(3, 8, seed=11, paired=False)
    model = TwoLayerNet(dim=3, width=8, seed=11, paired=False)
    np.testing.assert_array_equal(np.asarray(model.start), hidden.reshape(-1))
    np.testing.assert_array_equal(model.signs, signs)


@pytest.mark.parametrize(("paired", "classes"), [(True, None), (False, None), (True, 3)])
def test_several_seeds_are_the_single_starts_one_above_the_other(
    paired: bool, classes: int | None
) -> None:
    hidden, signs = two_layer_start(3, 6, [4, 0, 4], paired, classes=classes)
    for row, seed in enumerate((4, 0, 4)):
        single = two_layer_start(3, 6, seed, paired, classes=classes)
        np.testing.assert_array_equal(hidden[row], single[0])
        np.testing.assert_array_equal(signs[row], single[1])


@pytest.mark.parametrize(
    "arguments",
    [
        {"dim": 0},
        {"dim": True},
        {"width": 3},
        {"width": -2},
        {"width": 4.0},
        {"seed": -1},
        {"seed": [1, -2]},
        {"seed": []},
        {"seed": "1"},
    ],
)
def test_bad_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(
        ArgumentError, match=rf"`two_layer_start\({next(iter(arguments))}=\.\.\.\)`"
    ):
        two_layer_start(**{"dim": 2, "width": 4, **arguments})
