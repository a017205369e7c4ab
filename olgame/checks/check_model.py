"""Is it a model: a function of (w, x) with the derivatives and the curvature that it claims?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.checks.checklist import (
    CheckReport,
    differ,
    expect,
    host,
    run_checks,
    skip_check,
    unit_directions,
)
from olgame.checks.differences import slope_error, slope_tolerance
from olgame.checks.model_case import ModelCase
from olgame.exceptions import NotAvailableError
from olgame.models.model import Model
from olgame.one_game import one_game
from olgame.typing import Array

__all__ = ["check_model"]

GUIDE = "docs/how_to/use_your_own_module.md"


def check_model(
    model: Model,
    x: Array | None = None,
    *,
    w: Array | None = None,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that a model is what `olgame.models.Model` promises.

    Each derivative is held against central differences of the output, and the two modes against
    each other, <c, J v> = <J^T c, v>, which sees errors down to rounding.

    Args:
        model: f(w, x).
        x: Inputs ``(n, d)``; default four random ones of norm 1.
        w: Weights ``(p,)``; default the start, moved by a random step of norm 1.
        seed: Of the random numbers.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with numbers.

    Example:
        >>> from olgame.models import TwoLayerNet
        >>> check_model(TwoLayerNet(dim=3, width=8, activation="softplus")).skipped
        {}
    """
    table = {
        "start": _start,
        "output": _output,
        "deterministic": _deterministic,
        "samples apart": _samples_apart,
        "pullback_w": _pullback_w,
        "pullback_x": _pullback_x,
        "jvp_w": _jvp_w,
        "duality": _duality,
        "jvp_w_pullback_x": _jvp_w_pullback_x,
        "curvature_bound": _curvature_bound,
        "neighborhood": _neighborhood,
        "leading axes": _leading_axes,
    }
    if model.start.ndim > 1:  # of several starts the first
        model = one_game(model, (0,) * (model.start.ndim - 1))
    case = ModelCase.of(model, x, w, seed)
    return run_checks(model, case, table, guide=GUIDE, skip=skip, watched=case.watched)


def _start(case: ModelCase) -> None:
    start = case.model.start
    expect(np.isfinite(host(start)).all(), "`start` has entries that are nan or infinite")
    expect(
        np.array_equal(host(start), host(case.model.start)),
        "`start` is another one the second time: W_0 belongs to the model, draw it once",
    )
    z = host(case.model(start, case.x))
    expect(np.isfinite(z).all(), "the output at `start` is not finite")


def _output(case: ModelCase) -> None:
    z, shape = case.model(case.w, case.x), case.shape
    kind = "one number" if len(shape) == 1 else "`classes` numbers"
    expect(
        tuple(z.shape) == shape,
        f"the output must be {kind} per sample, {shape}: {tuple(z.shape)}",
    )
    expect(z.dtype == case.w.dtype, f"the output has dtype {z.dtype} for weights of {case.w.dtype}")
    expect(np.isfinite(host(z)).all(), "the output is not finite")
    case.require_function()
    gap = differ(case.model.at(case.w, case.x).z, z, case.w)
    expect(gap == 0.0, f"`at(w, x).z` and `model(w, x)` differ by {gap:.3g}")


def _deterministic(case: ModelCase) -> None:
    case.require_function()
    first = case.model(case.w, case.x)
    for _ in range(4):
        gap = differ(case.model(case.w, case.x), first, case.w)
        expect(
            gap == 0.0,
            f"`deterministic` is declared, but equal (w, x) gave outputs {gap:.3g} apart. Is there "
            "dropout, or noise? Switch it off, or declare `deterministic` = False",
        )


def _samples_apart(case: ModelCase) -> None:
    case.require_function()
    together = case.model(case.w, case.x)
    for i in range(case.x.shape[0]):
        alone = case.model(case.w, case.x[i : i + 1])
        gap = differ(alone, together[i : i + 1], case.w, roundings=1e4)
        expect(
            gap == 0.0,
            f"the output for sample {i} changes by {gap:.3g} without the other samples: f(w, x) "
            "must be a function of one input (batch statistics are not)",
        )


def _expect_slopes(case: ModelCase, name: str, error_at: Callable[[Any], float]) -> None:
    """Fail unless the derivative is right on inputs near x; three tries.

    A sample that happens to lie on a kink (of ReLU, say) is there in every direction, but not
    when its inputs are moved a little. A wrong derivative is wrong everywhere.
    """
    inputs, error = case.x, np.inf
    for _ in range(3):
        error = min(error, error_at(inputs))
        if error <= slope_tolerance(case.w):
            return
        inputs = case.x + 0.1 * unit_directions(case.rng, tuple(case.x.shape), case.x)
    expect(False, f"`{name}` is off by {100.0 * error:.3g} %, by finite differences of the output")


def _pullback_w(case: ModelCase) -> None:
    case.require_function()
    c = host(case.c)

    def error_at(x: Any) -> float:
        told = case.model.at(case.w, x).pullback_w(case.c)
        expect(
            tuple(told.shape) == tuple(case.w.shape),
            f"`pullback_w` gave shape {tuple(told.shape)}, not {tuple(case.w.shape)}",
        )
        gradient = host(told)
        along = [*case.directions]
        if gradient.any():
            along.append(as_like(gradient / np.linalg.norm(gradient), case.w))
        return slope_error(
            lambda h, v: np.sum(host(case.model(case.w + h * v, x)) * c),
            [(v, host(v) @ gradient) for v in along],
            case.w,
        )

    _expect_slopes(case, "pullback_w", error_at)


def _pullback_x(case: ModelCase) -> None:
    case.require_function()
    c = host(case.c)

    def error_at(x: Any) -> float:
        told = case.model.at(case.w, x).pullback_x(case.c)
        shape = tuple(x.shape)
        expect(
            tuple(told.shape) == shape, f"`pullback_x` gave shape {tuple(told.shape)}, not {shape}"
        )
        gradient = host(told)
        return slope_error(
            lambda h, v: case.axis.inner(host(case.model(case.w, x + h * v)), c),
            [(v, (host(v) * gradient).sum(-1)) for v in _input_directions(case)],
            case.w,
        )

    _expect_slopes(case, "pullback_x", error_at)


def _input_directions(case: ModelCase) -> list[Any]:
    return [unit_directions(case.rng, tuple(case.x.shape), case.x) for _ in range(5)]


def _jvp_w(case: ModelCase) -> None:
    case.require_function()

    def error_at(x: Any) -> float:
        at = case.model.at(case.w, x)
        return slope_error(
            lambda h, v: case.model(case.w + h * v, x),
            [(v, at.jvp_w(v)) for v in case.directions],
            case.w,
        )

    _expect_slopes(case, "jvp_w", error_at)


def _duality(case: ModelCase) -> None:
    case.require_function()
    at = case.model.at(case.w, case.x)
    gradient, c = host(at.pullback_w(case.c)), host(case.c)
    for v in case.directions:
        pushed = host(at.jvp_w(v))
        forward, backward = float(np.sum(pushed * c)), float(gradient @ host(v))
        size = np.linalg.norm(pushed) * np.linalg.norm(c) + np.linalg.norm(gradient)
        expect(
            abs(forward - backward) <= 1e4 * unit_roundoff(case.w) * (1e-3 + float(size)),
            f"`jvp_w` and `pullback_w` are not transposes: <c, J v> = {forward:.10g}, <J^T c, v> = "
            f"{backward:.10g}",
        )


def _jvp_w_pullback_x(case: ModelCase) -> None:
    case.require_function()
    v, c = case.directions[0], host(case.c)

    def error_at(x: Any) -> float:
        told = host(case.model.at(case.w, x).jvp_w_pullback_x(v, case.c))
        return slope_error(
            lambda h, u: case.axis.inner(host(case.model.at(case.w, x + h * u).jvp_w(v)), c),
            [(u, (host(u) * told).sum(-1)) for u in _input_directions(case)],
            case.w,
        )

    try:
        _expect_slopes(case, "jvp_w_pullback_x", error_at)
    except NotAvailableError:
        skip_check("the model has no `jvp_w_pullback_x`")


def _curvature_bound(case: ModelCase) -> None:
    case.require_function()
    bound = case.model.curvature_bound(case.x)
    if bound is None:
        skip_check("the model knows no `curvature_bound`")
    at, limit = case.model.at(case.w, case.x), host(bound)
    shape = (case.x.shape[0],)
    expect(limit.shape == shape, f"`curvature_bound` must have shape {shape}, got {limit.shape}")
    base, p = host(at.z), case.w.shape[-1]
    sparse = as_like(np.eye(p)[case.rng.choice(p, min(p, 16), replace=False)], case.w)
    for direction in (*case.directions, *sparse):
        for length in (0.1, 1.0, 10.0):
            v = length * direction
            pushed = host(at.jvp_w(v))
            rest = case.axis.lift(np.abs(host(case.model(case.w + v, case.x)) - base - pushed))
            size = case.axis.lift(1.0 + np.abs(base) + np.abs(pushed))
            slack = 100.0 * unit_roundoff(case.w) * size
            over = (rest - limit[:, None] * length**2 - slack).max(axis=-1)
            k = int(over.argmax())
            expect(
                over[k] <= 0.0,
                f"`curvature_bound` is too small: sample {k} departs by {rest[k].max():.4g} from "
                f"its linearization at distance {length:g}, allowed are {limit[k] * length**2:.4g}",
            )


def _neighborhood(case: ModelCase) -> None:
    start = case.model.start
    ball = case.model.neighborhood(0.5)
    slack = 100.0 * unit_roundoff(start) * (1.0 + float(np.abs(host(start)).max()))
    inside = host(ball.contains(start, atol=slack)).all()
    expect(inside, "`neighborhood(0.5)` does not contain `start`")
    small, large = ball.diameter, case.model.neighborhood(1.0).diameter
    expect(
        abs(large - 2.0 * small) <= 1e-6 * large,
        f"`neighborhood` must grow with the radius: diameters {small:.6g} at 0.5, {large:.6g} at 1",
    )


def _leading_axes(case: ModelCase) -> None:
    case.require_function()
    xp = kernels(case.w).xp
    ws = xp.stack([case.w, case.w + case.directions[0], case.w + case.directions[1]])
    xs = xp.stack([case.x, -1.0 * case.x, 0.5 * case.x])
    cs = xp.stack([case.c, case.c, -1.0 * case.c])
    together, sharing = case.model.at(ws, xs), case.model.at(ws, case.x)
    shared, pulled = host(case.model(ws, case.x)), sharing.pullback_x(cs)
    expect(
        tuple(pulled.shape) == tuple(xs.shape),
        f"`pullback_x` of three games that share their inputs gave shape {tuple(pulled.shape)}, "
        f"not {tuple(xs.shape)}: each game has a gradient of its own",
    )
    for k in range(3):
        alone = case.model.at(ws[k], xs[k])
        pairs = {
            "z": (together.z[k], alone.z),
            "z for inputs shared by all games": (shared[k], case.model(ws[k], case.x)),
            "pullback_w": (together.pullback_w(cs)[k], alone.pullback_w(cs[k])),
            "pullback_x": (together.pullback_x(cs)[k], alone.pullback_x(cs[k])),
            "pullback_x for shared inputs": (
                pulled[k],
                case.model.at(ws[k], case.x).pullback_x(cs[k]),
            ),
        }
        for name, (one, other) in pairs.items():
            gap = differ(one, other, case.w, roundings=1e4)
            expect(
                gap == 0.0,
                f"`{name}` of three games at once (w of shape {tuple(ws.shape)}): game {k} is "
                f"{gap:.3g} away from itself on its own",
            )
