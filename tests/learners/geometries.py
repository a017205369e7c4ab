"""Bregman divergences and dual norms by hand, for the proofs of the gradient family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import olgame as og
from olgame.mirror_maps import Euclidean, NegativeEntropy, PNorm, Scaled
from tests.learners.linear_games import HIGH, LOW, Body, Floats

H = np.array([0.5, 2.0, 1.0, 4.0])


class Geometry(NamedTuple):
    """A mirror map by hand: B(u, w), norm_*(g)^2 and max over u of B(u, W_1)."""

    mirror_map: Any
    divergence: Callable[[Floats, Floats], Floats]
    dual_square: Callable[[Floats], Floats]
    size: Callable[[Body], float]


def _log_ratio(u: Floats, w: Floats) -> Floats:
    return np.asarray(np.sum(u * np.log(np.where(u > 0, u, 1.0) / w) - u + w, axis=-1))


def _power(w: Floats, p: float) -> Floats:
    return np.asarray(0.5 * np.sum(np.abs(w) ** p, axis=-1) ** (2 / p))


def _p_dual(w: Floats, p: float) -> Floats:
    length = np.sum(np.abs(w) ** p, axis=-1, keepdims=True) ** (1 / p)
    return np.asarray(np.sign(w) * np.abs(w) ** (p - 1) * length ** (2 - p))


def p_norm(p: float) -> Geometry:
    q = p / (p - 1)

    def size(body: Body) -> float:
        w, radius = body.start, 1.5
        value, slope = float(_power(w, p)), _p_dual(w, p)
        if isinstance(body.decision_set, og.sets.LpBall):
            return (radius + math.sqrt(2 * value)) ** 2 / 2
        corners = radius * np.vstack([np.eye(4), -np.eye(4)])
        return float(np.max(_power(corners, p) + value - corners @ slope))

    return Geometry(
        PNorm(p),
        lambda u, w: _power(u, p) + _power(w, p) - np.sum(_p_dual(w, p) * u, axis=-1),
        lambda g: np.asarray(2 * _power(g, q) / (p - 1)),
        size,
    )


def _reach(body: Body, h: Floats) -> float:
    """max over u of (1/2) sum h (u - W_1)^2 for the balls and boxes used here."""
    offset = body.start - (LOW + HIGH) / 2 if "Box" in str(body.decision_set) else None
    if offset is not None:
        return float(h @ np.maximum(HIGH - body.start, body.start - LOW) ** 2 / 2)
    offset = body.start - body.decision_set.center
    radius = body.decision_set.radius
    if isinstance(body.decision_set, og.sets.LinfBall):
        return float(h @ (np.abs(offset) + radius) ** 2 / 2)
    return float((math.sqrt(h @ offset**2) + radius * math.sqrt(h.max())) ** 2 / 2)


EUCLIDEAN = Geometry(
    Euclidean(),
    lambda u, w: np.asarray(0.5 * np.sum((u - w) ** 2, axis=-1)),
    lambda g: np.asarray(np.sum(g**2, axis=-1)),
    lambda body: _reach(body, np.ones(4)),
)
SCALED = Geometry(
    Scaled(H),
    lambda u, w: np.asarray(0.5 * np.sum(H * (u - w) ** 2, axis=-1)),
    lambda g: np.asarray(np.sum(g**2 / H, axis=-1)),
    lambda body: _reach(body, H),
)
ENTROPY = Geometry(
    NegativeEntropy(), _log_ratio,
    lambda g: np.asarray(2.0 * np.abs(g).max(axis=-1) ** 2),
    lambda body: float(2.0 * np.log(2.0 / body.start.min())),
)  # fmt: skip
ENTROPY_TWICE = Geometry(
    NegativeEntropy(), _log_ratio,
    lambda g: np.asarray(np.abs(g[..., :2]).max(axis=-1) ** 2
                         + 2.0 * np.abs(g[..., 2:]).max(axis=-1) ** 2),
    lambda body: math.log(2.0) + 2.0 * math.log(4.0),
)  # fmt: skip
ENTROPY_BOX = Geometry(
    NegativeEntropy(), _log_ratio,
    lambda g: np.asarray(np.sum(HIGH * g**2, axis=-1)),
    lambda body: sum(max(float(_log_ratio(np.array([end]), np.array([w])))
                         for end in ends) for w, *ends in zip(body.start, LOW, HIGH, strict=True)),
)  # fmt: skip
