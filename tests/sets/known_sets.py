"""Half-spaces, subspaces, ellipsoids, intersections and their like: what is known by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import olgame as og
from tests.sets.kinds import CENTER as C
from tests.sets.kinds import Floats, P

z: Any = og.sets
Make = Callable[[Any], Any]
INF = math.inf
A = np.array([1.0, -2.0, 0.5, 0.25, 1.5, -1.0])
N = A / math.hypot(*A)
S = np.array([0.5, 1.0, 1.5, 2.0, 0.25, 1.25])
CAPS = np.array([0.5, 0.75, 0.25, 1.0, 0.5, 0.25])
ROWS = np.array([[1.0, 1.0, 0.0, -1.0, 0.0, 2.0], [0.0, 1.0, -1.0, 0.0, 0.5, 0.0]])
POINT = np.array([1.0, -1.0, 0.5, 0.0, 0.25, 2.0])


def _orthogonal() -> Floats:
    """Six coordinates turned in pairs by hand-made angles, and permuted: orthonormal columns."""
    turn = np.eye(P)
    for k, angle in enumerate((0.3, -1.1, 0.7, 2.0, 0.9)):
        block = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        step = np.eye(P)
        step[k : k + 2, k : k + 2] = block
        turn = turn @ step
    return turn


U = _orthogonal()


def span_projector() -> Floats:
    return ROWS.T @ np.linalg.solve(ROWS @ ROWS.T, ROWS)


def in_span_rest(v: Floats) -> Floats:
    return v - span_projector() @ v


class Known(NamedTuple):
    """What is known by hand of a set.

    ``excess`` is above 0 outside; ``support`` is h; ``farthest(x)`` a point of the set that is
    farthest from x, or a list of candidates; ``exact`` says whether diameter and reach are.
    """

    build: Callable[[Make], Any]
    inner: Floats
    excess: Callable[[Floats], float]
    support: Callable[[Floats], float]
    rules: Callable[[Any, Any], list[Any]]
    diameter: float
    farthest: Callable[[Floats], Floats] | None = None
    exact: bool = True
    tight_depth: bool = True


def multiple_of_normal(v: Floats, beta: float) -> float:
    """h of { <n, u> <= beta } at v."""
    along = float(N @ v)
    off = float(np.linalg.norm(v - along * N))
    return along * beta if off <= 1e-4 * math.hypot(*v) and along >= 0.0 else INF


def in_row_space(v: Floats, rows: Floats, at: Floats) -> float:
    """h of { u : rows (u - at) = 0 } at v."""
    weights = np.linalg.solve(rows @ rows.T, rows @ v)
    off = float(np.linalg.norm(v - rows.T @ weights))
    return float(v @ at) if off <= 1e-4 * math.hypot(*v) else INF


def filled(v: Floats, caps: Floats, total: float) -> float:
    """The largest <v, q> with 0 <= q <= caps, sum q = total: the largest v first."""
    left, value = total, 0.0
    for j in sorted(range(len(v)), key=lambda j: -v[j]):
        share = min(left, caps[j])
        left, value = left - share, value + share * v[j]
    return value


def vertices_of_capped(caps: Floats, total: float) -> Floats:
    found = []
    for full in itertools.product((0.0, 1.0), repeat=len(caps)):
        q = np.array(full) * caps
        rest = total - q.sum()
        if abs(rest) < 1e-12:
            found.append(q)
        free = [j for j in range(len(caps)) if full[j] == 0.0 and 0.0 < rest <= caps[j]]
        found += [q + rest * np.eye(len(caps))[j] for j in free]
    return np.array(found)


def far_vertex(vertices: Floats) -> Callable[[Floats], Floats]:
    return lambda x: vertices[np.argmax(np.linalg.norm(vertices - x, axis=1))]


def spread(vertices: Floats) -> float:
    return float(np.linalg.norm(vertices[:, None] - vertices[None], axis=-1).max())


def far_by_ascent(maximizer: Callable[[Floats], Floats], at: Floats) -> Callable[[Floats], Floats]:
    """The farthest point of a body: u <- maximizer of <u - x, .>, a monotone ascent."""

    def farthest(x: Floats) -> Floats:
        rng = np.random.default_rng(0)
        best = at
        for start in rng.standard_normal((40, len(x))):
            u = maximizer(start)
            for _ in range(400):
                u = maximizer(u - x)
            best = max(best, u, key=lambda u: float(np.linalg.norm(u - x)))
        return best

    return farthest


def ellipsoid_excess(u: Floats, axes: Floats, center: Floats) -> float:
    return math.hypot(*(axes.T @ (u - center) / S)) - 1.0


def ellipsoid_support(v: Floats, axes: Floats, center: Floats) -> float:
    return float(v @ center) + math.hypot(*(S * (axes.T @ v)))


def ellipsoid(axes: Floats, center: Floats, build: Callable[[Make], Any]) -> Known:
    def maximizer(g: Floats) -> Floats:
        turned = axes.T @ g
        size = math.hypot(*(S * turned))
        return center if size == 0.0 else center + axes @ (S**2 * turned / size)

    return Known(
        build,
        center,
        lambda u: ellipsoid_excess(u, axes, center),
        lambda v: ellipsoid_support(v, axes, center),
        lambda cp, u: [cp.norm(np.diag(1.0 / S) @ axes.T @ (u - center)) <= 1.0],
        4.0,
        far_by_ascent(maximizer, center),
        tight_depth=False,
    )


def nuclear(shape: tuple[int, int], center: Floats, build: Callable[[Make], Any]) -> Known:
    def sizes(v: Floats) -> tuple[float, float]:
        """sigma_1, and sigma_1 + sigma_2, from the 2 x 2 Gram matrix and the minors."""
        a, b = v.reshape(shape) if shape[0] == 2 else v.reshape(shape).T
        square = (a @ a + b @ b) / 2 + math.hypot((a @ a - b @ b) / 2, a @ b)
        pairs = itertools.combinations(range(3), 2)
        minors = math.hypot(*(a[i] * b[j] - a[j] * b[i] for i, j in pairs))
        return math.sqrt(square), math.sqrt(a @ a + b @ b + 2.0 * minors)

    def maximizer(g: Floats) -> Floats:
        matrix = g.reshape(shape)
        right = np.linalg.eigh(matrix.T @ matrix)[1][:, -1]
        left = matrix @ right
        size = np.linalg.norm(left)
        return center if size == 0 else center + 1.5 * np.outer(left / size, right).reshape(-1)

    return Known(
        build,
        center,
        lambda u: sizes(u - center)[1] - 1.5,
        lambda v: float(v @ center) + 1.5 * sizes(v)[0],
        lambda cp, u: [cp.normNuc(cp.reshape(u - center, shape, order="C")) <= 1.5],
        3.0,
        far_by_ascent(maximizer, center),
        tight_depth=False,
    )


def capped(caps: Floats, total: float, offset: Floats, build: Callable[[Make], Any]) -> Known:
    corners = vertices_of_capped(np.minimum(caps, total), total) + offset
    equal = bool((caps == caps[0]).all())
    return Known(
        build,
        offset + total * caps / caps.sum(),
        lambda u: max(
            float((offset - u).max()),
            float((u - offset - caps).max()),
            abs(math.fsum(u - offset) - total),
        ),
        lambda v: float(v @ offset) + filled(v, caps, total),
        lambda cp, u: [u >= offset, u <= offset + caps, cp.sum(u - offset) == total],
        spread(corners),
        far_vertex(corners),
        exact=equal,
    )


def lens_support(v: Floats) -> float:
    """h of { norm(u) <= 1.5, u_0 <= 0.5 }."""
    size = math.hypot(*v)
    if 1.5 * v[0] <= 0.5 * size:
        return 1.5 * size
    return 0.5 * float(v[0]) + math.sqrt(2.0) * math.hypot(*v[1:])


def cut_box_vertices() -> Floats:
    """Of { -1 <= u <= 1, <A, u> <= 0.4 }: corners, and where the plane cuts an edge."""
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=P)))
    kept = [*corners[corners @ A <= 0.4]]
    for j in range(P):  # edges along coordinate j that cross the plane
        for corner in corners[corners[:, j] < 0]:
            at = (0.4 - corner @ A + corner[j] * A[j]) / A[j]
            if abs(at) < 1.0:
                kept.append(np.where(np.arange(P) == j, at, corner))
    return np.array(kept)


CUT = cut_box_vertices()
E0 = np.eye(P)[0]
M_ROWS = ROWS * np.array([[1e6], [1e-6]])
CASES: dict[str, Known] = {
    "half-space": Known(
        lambda m: z.Halfspace(m(A), 0.75),
        -A,
        lambda u: float(A @ u) - 0.75,
        lambda v: multiple_of_normal(v, 0.75 / math.hypot(*A)),
        lambda cp, u: [A @ u <= 0.75],
        INF,
    ),
    "half-space, moved": Known(
        lambda m: z.Halfspace(m(1e-3 * A), -0.5e-3, m(C)),
        C - A,
        lambda u: float(A @ (u - C)) + 0.5,
        lambda v: multiple_of_normal(v, -0.5 / math.hypot(*A)) + float(v @ C),
        lambda cp, u: [A @ (u - C) <= -0.5],
        INF,
    ),
    "equations": Known(
        lambda m: z.AffineSubspace(m(ROWS), m(ROWS @ POINT)),
        POINT,
        lambda u: float(np.abs(ROWS @ (u - POINT)).max()),
        lambda v: in_row_space(v, ROWS, POINT),
        lambda cp, u: [ROWS @ u == ROWS @ POINT],
        INF,
    ),
    "equations of odd scales, one twice": Known(
        lambda m: z.AffineSubspace(
            m(np.vstack([M_ROWS, M_ROWS[0] * 3.0])),
            m(np.append(M_ROWS @ POINT, M_ROWS[0] @ POINT * 3.0)),
            m(C),
        ),
        POINT + C,
        lambda u: float(np.abs(ROWS @ (u - POINT - C)).max()),
        lambda v: in_row_space(v, ROWS, POINT + C),
        lambda cp, u: [ROWS @ (u - C) == ROWS @ POINT],
        INF,
    ),
    "span": Known(
        lambda m: z.AffineSubspace.spanned_by(m(np.vstack([ROWS, ROWS.sum(0)])), m(C)),
        C + ROWS[0],
        lambda u: float(np.linalg.norm(in_span_rest(u - C))),
        lambda v: float(v @ C) if np.abs(ROWS @ v).max() <= 1e-4 * math.hypot(*v) else INF,
        lambda cp, u: [(np.eye(P) - span_projector()) @ (u - C) == 0],
        INF,
    ),
    "ellipsoid": ellipsoid(np.eye(P), np.zeros(P), lambda m: z.Ellipsoid(m(S))),
    "ellipsoid, turned and moved": ellipsoid(U, C, lambda m: z.Ellipsoid(m(S), m(U), m(C))),
    "ellipsoid of a matrix": ellipsoid(
        U, C, lambda m: z.Ellipsoid.from_matrix(m(U @ np.diag(4.0 / S**2) @ U.T), m(C), 2.0)
    ),
    "nuclear": nuclear((2, 3), np.zeros(P), lambda m: z.NuclearNormBall(1.5, 2)),
    "nuclear, moved": nuclear((3, 2), C, lambda m: z.NuclearNormBall(1.5, 3, m(C))),
    "capped": capped(np.full(P, 0.4), 1.5, np.zeros(P), lambda m: z.CappedSimplex(0.4, 1.5, dim=P)),
    "capped, moved": capped(np.full(P, 0.4), 0.7, C, lambda m: z.CappedSimplex(0.4, 0.7, m(C))),
    "different caps": capped(CAPS, 1.5, C, lambda m: z.CappedSimplex(m(CAPS), 1.5, m(C))),
    "nearly full": capped(CAPS, 3.0, np.zeros(P), lambda m: z.CappedSimplex(m(CAPS), 3.0)),
    "scaled": capped(
        np.full(P, 1.0), 3.75, 2.5 * C, lambda m: z.Scaled(z.CappedSimplex(0.4, 1.5, m(C)), 2.5)
    ),
    "reflected": Known(
        lambda m: z.Scaled(z.Simplex(offset=m(C)), -2.0),
        -2.0 * C - 1.0 / 3.0,
        lambda u: max(float((u + 2.0 * C).max()), abs(math.fsum(u + 2.0 * C) + 2.0)),
        lambda v: -2.0 * float((v * 1.0).min()) - 2.0 * float(v @ C),
        lambda cp, u: [u <= -2.0 * C, cp.sum(u) == -2.0 * C.sum() - 2.0],
        2.0 * math.sqrt(2.0),
        far_vertex(-2.0 * C - 2.0 * np.eye(P)),
    ),
    "translated": capped(
        np.full(P, 0.4), 1.5, C, lambda m: z.Translated(z.CappedSimplex(0.4, 1.5, dim=P), m(C))
    ),
    "lens": Known(
        lambda m: z.Intersection([z.L2Ball(1.5), z.Halfspace(m(E0), 0.5)]),
        -0.5 * E0,
        lambda u: max(math.hypot(*u) - 1.5, float(u[0]) - 0.5),
        lens_support,
        lambda cp, u: [cp.norm(u) <= 1.5, u[0] <= 0.5],
        3.0,
        exact=False,
    ),
    "cut box": Known(
        lambda m: z.Intersection([z.Halfspace(m(A), 0.4), z.Box(-1.0, 1.0, dim=P)]),
        -0.1 * A,
        lambda u: max(float(np.abs(u).max()) - 1.0, (float(A @ u) - 0.4) / math.hypot(*A)),
        lambda v: float((CUT @ v).max()),
        lambda cp, u: [u <= 1.0, u >= -1.0, A @ u <= 0.4],
        spread(CUT),
        far_vertex(CUT),
        exact=False,
    ),
    "three sets": capped(
        np.full(P, 0.4),
        1.5,
        np.zeros(P),
        lambda m: z.Intersection([z.Simplex(P, 1.5), z.Box(-5.0, 0.4), z.L2Ball(9.0)]),
    )._replace(exact=False),
}
