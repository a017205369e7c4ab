"""Is it a loss: convex, with the derivative, the constants and the conjugate that it claims?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, unit_roundoff
from olgame.checks.checklist import (
    CheckReport,
    Watched,
    differ,
    expect,
    host,
    run_checks,
    skip_check,
)
from olgame.losses.loss import Loss
from olgame.typing import Array

__all__ = ["check_loss"]

GUIDE = "docs/how_to/write_a_set_or_a_loss.md"


@attrs.frozen(eq=False)
class _Case:
    """The loss on a grid of outputs, sorted, for each label; all numbers in one array."""

    loss: Loss
    labels: Sequence[float]
    z: Any

    def columns(self) -> Iterator[tuple[float, Any, Any]]:
        """Label, y as an array of the shape of z, and the values in NumPy."""
        for label in self.labels:
            y = 0.0 * self.z + label
            yield label, y, host(self.loss.value(self.z, y))


def check_loss(
    loss: Loss,
    *,
    labels: Sequence[float] = (-1.0, 1.0),
    like: Array | None = None,
    span: float = 8.0,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that a loss is what `olgame.losses.Loss` promises.

    For a convex l and any h > 0 a slope p at z is right if and only if it lies between the
    difference quotients to the left and to the right, kinks included; that is how `derivative` is
    checked. The conjugate is held against l*(p) >= p z - l(z), with equality where p is the slope
    at z.

    Args:
        loss: l(z, y).
        labels: Values of y to try.
        like: An array of the kind to check with; default float64 NumPy.
        span: Outputs z from -span to span are tried.
        seed: Of the outputs.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with label, output and numbers.

    Example:
        >>> from olgame.losses import logistic
        >>> print(check_loss(logistic))
        Logistic: 11 checks passed (labels; value; convex; derivative; lipschitz; smoothness; \
of_margin; conjugate; leading axes; arguments stay; side effects)
    """
    rng = np.random.default_rng(seed)
    grid = np.concatenate([np.linspace(-span, span, 41), rng.uniform(-span, span, 40)])
    z = as_like(np.sort(grid), np.zeros(1) if like is None else like)
    watched = Watched()
    watched.add("the outputs z", z)
    table = {
        "labels": _labels,
        "value": _value,
        "convex": _convex,
        "derivative": _derivative,
        "lipschitz": _lipschitz,
        "smoothness": _smoothness,
        "of_margin": _of_margin,
        "conjugate": _conjugate,
        "leading axes": _leading_axes,
    }
    return run_checks(loss, _Case(loss, labels, z), table, guide=GUIDE, skip=skip, watched=watched)


def _slack(case: _Case, values: Any) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return 50.0 * unit_roundoff(case.z) * (1.0 + float(finite.max(initial=0.0)))


def _labels(case: _Case) -> None:
    case.loss.check_labels(as_like(np.array(case.labels), case.z))


def _value(case: _Case) -> None:
    shape = tuple(case.z.shape)
    for label, y, values in case.columns():
        for name, found in (("value", values), ("derivative", case.loss.derivative(case.z, y))):
            expect(
                tuple(found.shape) == shape,
                f"`{name}` must be one number per sample, shape {shape}, got {tuple(found.shape)}",
            )
            bad = ~np.isfinite(host(found))
            expect(
                not bad.any(),
                f"`{name}` is {host(found)[bad.argmax()]} at z = {host(case.z)[bad.argmax()]:.4g}, "
                f"y = {label:g}",
            )
        told = case.loss.value(case.z, y).dtype
        expect(told == case.z.dtype, f"`value` gave dtype {told} for {case.z.dtype}")


def _convex(case: _Case) -> None:
    z = host(case.z)
    for label, _, values in case.columns():
        for gap in (1, 3, 10, 30):
            left, middle, right = z[: -2 * gap], z[gap:-gap], z[2 * gap :]
            width = right - left
            part = (right - middle) / np.where(width > 0.0, width, 1.0)
            chord = part * values[: -2 * gap] + (1.0 - part) * values[2 * gap :]
            over = np.where(width > 0.0, values[gap:-gap] - chord, 0.0)
            k = int(over.argmax())
            expect(
                over[k] <= _slack(case, values),
                f"it is not convex in z: at y = {label:g}, z = {middle[k]:.4g} the loss "
                f"{values[gap:-gap][k]:.6g} is {over[k]:.3g} above the chord from z = "
                f"{left[k]:.4g} to {right[k]:.4g}",
            )


def _derivative(case: _Case) -> None:
    double = unit_roundoff(case.z) < 1e-12
    h = 1e-5 if double else 2e-2
    for label, y, values in case.columns():
        slope = host(case.loss.derivative(case.z, y))
        left = (values - host(case.loss.value(case.z - h, y))) / h
        right = (host(case.loss.value(case.z + h, y)) - values) / h
        off = np.maximum(left - slope, slope - right)
        k = int(off.argmax())
        expect(
            off[k] <= _slack(case, values) / h + 1e-9,
            f"the derivative is wrong: at y = {label:g}, z = {host(case.z)[k]:.4g} it is "
            f"{slope[k]:.6g}, but difference quotients allow only {left[k]:.6g} to {right[k]:.6g}",
        )


def _lipschitz(case: _Case) -> None:
    bound = case.loss.lipschitz
    if bound is None:
        skip_check("the loss declares `lipschitz` = None")
    for label, y, values in case.columns():
        z = host(case.z)
        steep = np.abs(np.diff(values)) - bound * np.diff(z)
        slope = np.abs(host(case.loss.derivative(case.z, y)))
        expect(
            steep.max() <= _slack(case, values)
            and slope.max() <= bound * (1.0 + 10.0 * unit_roundoff(case.z)),
            f"`lipschitz` = {bound:g} is too small: at y = {label:g} the slope reaches "
            f"{slope.max():.6g}",
        )


def _smoothness(case: _Case) -> None:
    bound = case.loss.smoothness
    if bound is None:
        skip_check("the loss declares `smoothness` = None")
    for label, y, _ in case.columns():
        slope = host(case.loss.derivative(case.z, y))
        change, step = np.abs(np.diff(slope)), np.diff(host(case.z))
        over = change - bound * step
        k = int(over.argmax())
        expect(
            over[k] <= _slack(case, slope),
            f"`smoothness` = {bound:g} is too small: at y = {label:g} the derivative changes by "
            f"{change[k]:.4g} from z = {host(case.z)[k]:.4g} to {host(case.z)[k + 1]:.4g}",
        )


def _of_margin(case: _Case) -> None:
    if not case.loss.of_margin:
        skip_check("the loss declares `of_margin` = False")
    for label, y, values in case.columns():
        mirrored = host(case.loss.value(case.z * label, 0.0 * y + 1.0))
        gap = float(np.abs(values - mirrored).max())
        expect(
            gap <= _slack(case, values),
            f"`of_margin` is declared, but l(z, y) is not a function of y z: at y = {label:g} it "
            f"differs by {gap:.3g} from l(y z, 1)",
        )
        rise = np.diff(host(case.loss.value(case.z, 0.0 * y + 1.0)))
        expect(
            rise.max() <= _slack(case, values),
            f"`of_margin` is declared, but the loss grows with y z, by {rise.max():.3g}",
        )


def _conjugate(case: _Case) -> None:
    z = host(case.z)
    for label, y, values in case.columns():
        slope = case.loss.derivative(case.z, y)
        told, p = host(case.loss.conjugate(slope, y)), host(slope)
        expect(
            np.isfinite(told).all(),
            f"`conjugate` is {told[(~np.isfinite(told)).argmax()]} at p = "
            f"{p[(~np.isfinite(told)).argmax()]:.6g}, y = {label:g}, a slope of the loss",
        )
        slack = 4.0 * (_slack(case, values) + _slack(case, told) + _slack(case, p * z))
        lines = p[:, None] * z[None] - values[None]
        short = lines.max(-1) - told
        k = int(short.argmax())
        expect(
            short[k] <= slack,
            f"the conjugate is too small: l*({p[k]:.6g}) = {told[k]:.6g} at y = {label:g}, but "
            f"p z - l(z) = {lines[k].max():.6g} at z = {z[lines[k].argmax()]:.4g}",
        )
        over = told - (p * z - values)
        k = int(over.argmax())
        expect(
            over[k] <= slack,
            f"conjugate and derivative disagree: p = {p[k]:.6g} is the slope at z = {z[k]:.4g}, "
            f"y = {label:g}, so l*(p) = p z - l(z) = {p[k] * z[k] - values[k]:.6g}, but "
            f"`conjugate` is {told[k]:.6g}",
        )
        if case.loss.lipschitz is not None:
            for sign in (-1.0, 1.0):
                steep = slope * 0.0 + sign * 1.5 * case.loss.lipschitz
                beyond = host(case.loss.conjugate(steep, y))
                expect(
                    np.isinf(beyond).all() and (beyond > 0.0).all(),
                    f"the conjugate must be inf beyond the slopes of the loss, got {beyond[0]:.6g} "
                    f"at p = {sign * 1.5 * case.loss.lipschitz:.4g}",
                )


def _leading_axes(case: _Case) -> None:
    z = case.z[:80].reshape(4, 20)
    y = as_like(np.resize(np.array(case.labels), 20), case.z)
    slope = case.loss.derivative(z, y)
    functions: dict[str, tuple[Any, Any]] = {
        "value": (case.loss.value, z),
        "derivative": (case.loss.derivative, z),
        "conjugate": (case.loss.conjugate, slope),
    }
    for name, (function, argument) in functions.items():
        together = host(function(argument, y))
        for k in range(4):
            expect(
                together.shape == (4, 20) and differ(together[k], function(argument[k], y), z) == 0,
                f"`{name}` of shape (4, 20) is not that of each row: work element by element",
            )
