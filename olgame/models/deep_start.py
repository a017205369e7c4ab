"""The initialization that all deep ReLU networks share, whatever library runs them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.randomness import generator
from olgame.validation import is_integer, require

__all__ = ["DeepStart", "deep_start"]

Floats = NDArray[np.float64]


class DeepStart(NamedTuple):
    """What a deep network is drawn as.

    Attributes:
        embedding: A, shape ``(m, d)``.
        hidden: W_0^(1), ..., W_0^(H) flattened one after the other, shape ``(H m^2,)``.
        output: a, shape ``(m,)``.
    """

    embedding: Floats
    hidden: Floats
    output: Floats


def deep_start(
    dim: int, width: int, depth: int, seed: int = 0, *, owner: str = "deep_start"
) -> DeepStart:
    """Draw A, W_0 and a of f = a^T x^(H), x^(h) = relu(W^(h) x^(h-1)), x^(0) = A x.

    All entries are independent: those of A and of W_0^(h) are N(0, 2/m), those of a N(0, 1). For
    norm(x) = 1, exactly and at every width,

        E norm(x^(h))^2 = 2,    E f(W_0, x)^2 = 2,    E norm(grad_{W^(h)} f(W_0, x))^2 = m:

    the output is Theta(1) and the gradient by a layer Theta(sqrt m). (Recalled; the variance of A
    may be 1/m in the paper, which divides all three by 2.)

    Proof. For a row w of W^(h), <w, x^(h-1)> is N(0, 2 norm(x^(h-1))^2/m); its positive half has
    the second moment norm(x^(h-1))^2/m, and there are m rows. Given x^(H), f is
    N(0, norm(x^(H))^2). The gradient by W^(h) is the outer product of D_h q^(h) and x^(h-1), with
    q^(H) = a, q^(h-1) = W^(h)^T D_h q^(h) and D_h the diagonal of the active neurons. Given
    W^(1), ..., W^(h), E q^(h) q^(h)^T is the identity: it is for h = H, and if it is for h, then
    given W^(1), ..., W^(h-1) that of q^(h-1) is E W^(h)^T D_h W^(h), to which each of the m rows
    adds 1/m times the identity, since -w is as likely as w, has the same w w^T, and turns its
    entry of D_h over. Hence E norm(D_h q^(h))^2 = E trace(D_h) = m/2, given x^(h-1). []

    Args:
        dim: d, the length of an input.
        width: m, the number of neurons in a layer.
        depth: H, the number of trained layers.
        seed: Non-negative seed.
        owner: Who asks, as error messages call it.

    Returns:
        The `DeepStart`, float64, fresh arrays. Networks of two depths share A, a and their
        common layers.

    Raises:
        ArgumentError: a size or the seed is out of range.

    Example:
        >>> drawn = deep_start(dim=3, width=4, depth=2, seed=7)
        >>> drawn.embedding.shape, drawn.hidden.shape, drawn.output.shape
        ((4, 3), (32,), (4,))

    References:
        gao2019, Section 3 (recalled).
    """
    for argument, value in (("dim", dim), ("width", width), ("depth", depth)):
        require(is_integer(value, 1), owner, argument, "be an integer >= 1", value)
    rule = (
        "be one non-negative integer (A and a are drawn from it too, and games share them: "
        "`play(seed=[0, 1])` or `play(start=...)` of shape `(2, p)` plays two in one network)"
    )
    require(is_integer(seed, 0), owner, "seed", rule, seed)
    scale = math.sqrt(2.0 / width)
    rng = generator(seed, "start")
    embedding = rng.standard_normal((width, dim))
    embedding *= scale
    output = rng.standard_normal(width)
    hidden = rng.standard_normal(depth * width * width)
    hidden *= scale
    return DeepStart(embedding, hidden, output)
