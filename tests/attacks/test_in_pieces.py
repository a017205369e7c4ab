"""An attack in pieces is the attack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, InPieces, ModelObjective, Restarts
from olgame.exceptions import ArgumentError, ViolationError
from olgame.losses import cross_entropy, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.perturbations import l2, linf

N, D = 23, 6
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, D)), np.where(RNG.random(N) < 0.5, -1.0, 1.0)
MODEL = TwoLayerNet(dim=D, width=12, activation="tanh", seed=0, paired=False)
RADII = np.linspace(0.0, 0.5, N)


@pytest.mark.parametrize("rows", [1, 5, 23, 100])
@pytest.mark.parametrize("allowed", [l2(0.2), linf(0.1), l2(RADII)], ids=["l2", "linf", "radii"])
@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=7, keep_trace=True)], ids=["FGSM", "PGD"])
def test_the_same_points_whatever_the_pieces(attack: Any, allowed: Any, rows: int) -> None:
    objective = ModelObjective(MODEL, MODEL.start, Y, logistic)
    whole: Any = attack(objective, X, allowed, np.random.default_rng(1))
    pieces: Any = InPieces(attack, rows)(objective, X, allowed, np.random.default_rng(1))
    for name in ("x", "loss", "clean_loss"):
        np.testing.assert_allclose(getattr(pieces, name), getattr(whole, name), atol=1e-14)
    assert (pieces.n_values, pieces.n_gradients) == (whole.n_values, whole.n_gradients)
    assert (pieces.trace is None) == (whole.trace is None)
    if whole.trace is not None:
        np.testing.assert_allclose(pieces.trace, whole.trace, atol=1e-14)


def test_memory_follows_the_pieces() -> None:
    """No point of the attack is evaluated on more samples than a piece has."""
    seen: list[int] = []

    class Counting(LinearModel):
        def at(self, w: Any, x: Any) -> Any:
            seen.append(len(x))
            return super().at(w, x)

    objective = ModelObjective(Counting(D), np.ones(D), Y, logistic)
    InPieces(PGD(steps=2), 8)(objective, X, l2(0.1), np.random.default_rng(0))
    assert max(seen) == 8
    assert sum(seen) == 3 * N


def test_random_starts_are_drawn_anew_for_every_piece() -> None:
    """Equal samples in two pieces begin at different points, and equal generators agree."""
    x, y = np.repeat(X[:1], 8, axis=0), np.ones(8)
    attack = InPieces(Restarts(PGD(steps=1, random_start=True), 2), 4)
    assert not attack.deterministic
    assert InPieces(FGSM()).deterministic
    objective = ModelObjective(MODEL, MODEL.start, y, logistic)
    found: list[Any] = [attack(objective, x, l2(0.3), np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(found[0].x, found[1].x)
    assert not np.array_equal(np.asarray(found[0].x)[:4], np.asarray(found[0].x)[4:])


def test_games_and_classes() -> None:
    model, w = LinearModel(D, classes=3), RNG.standard_normal((2, 3 * D))
    y = RNG.integers(0, 3, N)
    x = np.broadcast_to(X, (2, N, D))
    objective = ModelObjective(model, w, y, cross_entropy)
    whole: Any = PGD(steps=3)(objective, x, l2(0.2), np.random.default_rng(0))
    pieces: Any = InPieces(PGD(steps=3), 9)(objective, x, l2(0.2), np.random.default_rng(0))
    assert pieces.x.shape == (2, N, D)
    np.testing.assert_allclose(pieces.x, whole.x, atol=1e-14)
    np.testing.assert_allclose(pieces.loss, whole.loss, atol=1e-14)


def test_errors() -> None:
    with pytest.raises(ArgumentError, match=r"`InPieces\(rows=\.\.\.\)` must be an integer of at"):
        InPieces(FGSM(), 0)
    x = X.copy()
    x[13] = np.nan
    objective = ModelObjective(LinearModel(D), np.ones(D), Y, logistic)
    with pytest.raises(ViolationError, match=r"sample 3 .* Sample 0 is here sample 10\."):
        InPieces(FGSM(), 10)(objective, x, l2(0.1), np.random.default_rng(0))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_tensors(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    import olgame_torch as ogt

    model = ogt.TwoLayerNet(
        dim=D, width=12, activation="tanh", seed=0, paired=False, dtype=getattr(torch, dtype)
    )
    x, y = model.asarray(X), model.asarray(Y)
    objective = ModelObjective(model, model.start, y, logistic)
    whole: Any = PGD(steps=3)(objective, x, l2(RADII), np.random.default_rng(1))
    pieces: Any = InPieces(PGD(steps=3), 5)(objective, x, l2(RADII), np.random.default_rng(1))
    assert pieces.x.dtype == x.dtype
    np.testing.assert_allclose(pieces.x, whole.x, atol=1e-14 if dtype == "float64" else 1e-5)
