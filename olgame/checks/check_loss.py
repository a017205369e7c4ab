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
    unit_directions,
)
from olgame.checks.output_line import OutputLine
from olgame.losses.loss import Loss
from olgame.models.output_axis import output_axis
from olgame.typing import Array

__all__ = ["check_loss"]

GUIDE = "docs/how_to/write_a_set_or_a_loss.md"


@attrs.frozen(eq=False)
class _Case:
    """The loss along lines of outputs, for each label; all numbers of a line in one array."""

    loss: Loss
    labels: Sequence[float]
    lines: Sequence[OutputLine]
    z: Any

    def columns(self) -> Iterator[tuple[float, Any, OutputLine, Any]]:
        """Label, y as an array of one label for each output, the line, and values in NumPy."""
        for label in self.labels:
            for line in self.lines:
                y = as_like(np.full(line.s.shape, label), self.z)
                yield label, y, line, host(self.loss.value(line.z, y))


def check_loss(
    loss: Loss,
    *,
    labels: Sequence[float] | None = None,
    like: Array | None = None,
    span: float = 8.0,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that a loss is what `olgame.losses.Loss` promises.

    For a convex l and any h > 0 a slope p at z is right if and only if it lies between the
    difference quotients to the left and to the right, kinks included; that is how `derivative` is
    checked. The conjugate is held against l*(p) >= p z - l(z), with equality where p is the slope
    at z. A loss of k logits is looked at along lines in R^k.

    Args:
        loss: l(z, y).
        labels: Values of y to try; by default -1 and 1, or the classes 0, 1 and 3. For a loss of k
            logits k is the largest of them plus one.
        like: An array of the kind to check with; default float64 NumPy.
        span: Outputs z from -span to span are tried, on each line.
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
    labels = _labels_of(loss) if labels is None else labels
    lines = _lines(loss, labels, np.zeros(1) if like is None else like, span, seed)
    watched = Watched()
    for line in lines:
        watched.add("the outputs z", line.z)
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
    case = _Case(loss, labels, lines, lines[0].z)
    return run_checks(loss, case, table, guide=GUIDE, skip=skip, watched=watched)


def _labels_of(loss: Loss) -> Sequence[float]:
    return (0.0, 1.0, 3.0) if getattr(loss, "multiclass", False) else (-1.0, 1.0)


def _lines(
    loss: Loss, labels: Sequence[float], like: Array, span: float, seed: int
) -> list[OutputLine]:
    """The axis of one output; of k logits, k axes, five other lines, and a duel of two."""
    rng = np.random.default_rng(seed)
    grid = np.concatenate([np.linspace(-span, span, 41), rng.uniform(-span, span, 40)])
    s = host(as_like(np.sort(grid), like))
    axis = output_axis(loss)
    if not getattr(loss, "multiclass", False):
        return [OutputLine.through(s, np.zeros(()), np.ones(()), axis, like)]
    k = int(max(labels)) + 1
    directions = np.concatenate([np.eye(k), host(unit_directions(rng, (6, k), np.zeros(1)))])
    bases = rng.uniform(-0.3 * span, 0.3 * span, directions.shape)
    # Two logits change places while the others are far below: the sharpest bend of a softmax.
    directions[-1], bases[-1] = 0.0, -2.0 * span
    directions[-1, [0, -1]], bases[-1, [0, -1]] = np.array([1.0, -1.0]) / 2.0**0.5, 0.0
    return [OutputLine.through(s, b, v, axis, like) for b, v in zip(bases, directions, strict=True)]


def _slack(case: _Case, values: Any) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return 50.0 * unit_roundoff(case.z) * (1.0 + float(finite.max(initial=0.0)))


def _labels(case: _Case) -> None:
    case.loss.check_labels(as_like(np.array(case.labels), case.z))


def _value(case: _Case) -> None:
    for label, y, line, values in case.columns():
        z = line.z
        samples, outputs = tuple(z.shape[:1]), tuple(z.shape)
        for name, shape, found in (
            ("value", samples, values),
            ("derivative", outputs, case.loss.derivative(z, y)),
        ):
            told = "one number" if shape == samples else "one slope for each logit"
            expect(
                tuple(found.shape) == shape,
                f"`{name}` must be {told} per sample, shape {shape}, got {tuple(found.shape)}",
            )
            numbers = host(found)
            bad = ~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)
            expect(
                not bad.any(),
                f"`{name}` is {numbers[bad.argmax()]} at z = {line.shown(int(bad.argmax()))}, "
                f"y = {label:g}",
            )
        told = case.loss.value(z, y).dtype
        expect(told == z.dtype, f"`value` gave dtype {told} for {z.dtype}")


def _convex(case: _Case) -> None:
    for label, _, line, values in case.columns():
        s = line.s
        for gap in (1, 3, 10, 30):
            left, middle, right = s[: -2 * gap], s[gap:-gap], s[2 * gap :]
            width = right - left
            part = (right - middle) / np.where(width > 0.0, width, 1.0)
            chord = part * values[: -2 * gap] + (1.0 - part) * values[2 * gap :]
            over = np.where(width > 0.0, values[gap:-gap] - chord, 0.0)
            k = int(over.argmax())
            expect(
                over[k] <= _slack(case, values),
                f"it is not convex in z: at y = {label:g}, z = {line.shown(k + gap)} the loss "
                f"{values[gap:-gap][k]:.6g} is {over[k]:.3g} above the chord from z = "
                f"{line.shown(k)} to {line.shown(k + 2 * gap)}",
            )


def _derivative(case: _Case) -> None:
    double = unit_roundoff(case.z) < 1e-12
    h = 1e-5 if double else 2e-2
    for label, y, line, values in case.columns():
        slope = line.along(case.loss.derivative(line.z, y))
        left = (values - host(case.loss.value(line.moved(-h), y))) / h
        right = (host(case.loss.value(line.moved(h), y)) - values) / h
        off = np.maximum(left - slope, slope - right)
        k = int(off.argmax())
        expect(
            off[k] <= _slack(case, values) / h + 1e-9,
            f"the derivative is wrong: at y = {label:g}, z = {line.shown(k)} it is "
            f"{slope[k]:.6g}, but difference quotients allow only {left[k]:.6g} to {right[k]:.6g}",
        )


def _length(slopes: Any) -> Any:
    """norm2 of every slope."""
    return np.linalg.norm(slopes.reshape(len(slopes), -1), axis=1)


def _lipschitz(case: _Case) -> None:
    bound = case.loss.lipschitz
    if bound is None:
        skip_check("the loss declares `lipschitz` = None")
    largest = getattr(case.loss, "lipschitz_max", None)
    rounding = 1.0 + 10.0 * unit_roundoff(case.z)
    for label, y, line, values in case.columns():
        steep = np.abs(np.diff(values)) - bound * np.diff(line.s)
        slopes = host(case.loss.derivative(line.z, y))
        slope = _length(slopes)
        expect(
            steep.max() <= _slack(case, values) and slope.max() <= bound * rounding,
            f"`lipschitz` = {bound:g} is too small: at y = {label:g} the slope reaches "
            f"{slope.max():.6g}",
        )
        total = np.abs(slopes).reshape(len(slopes), -1).sum(axis=1).max()
        expect(
            largest is None or total <= largest * rounding,
            f"`lipschitz_max` = {largest} is too small: at y = {label:g} the absolute slopes of "
            f"the logits add up to {total:.6g}",
        )


def _smoothness(case: _Case) -> None:
    bound = case.loss.smoothness
    if bound is None:
        skip_check("the loss declares `smoothness` = None")
    for label, y, line, _ in case.columns():
        slope = host(case.loss.derivative(line.z, y))
        change, step = _length(np.diff(slope, axis=0)), np.diff(line.s)
        over = change - bound * step
        k = int(over.argmax())
        expect(
            over[k] <= _slack(case, slope),
            f"`smoothness` = {bound:g} is too small: at y = {label:g} the derivative changes by "
            f"{change[k]:.4g} from z = {line.shown(k)} to {line.shown(k + 1)}",
        )


def _of_margin(case: _Case) -> None:
    if not case.loss.of_margin:
        skip_check("the loss declares `of_margin` = False")
    many = getattr(case.loss, "multiclass", False)
    for label, y, line, values in case.columns():
        slack = _slack(case, values)
        z = line.z
        # The same margin: mirrored labels, or all logits shifted.
        same, one = (z + 3.0, y) if many else (z * label, 0.0 * y + 1.0)
        margin, words = ("leads z_j - z_y", "a shift") if many else ("y z", "l(y z, 1)")
        gap = float(np.abs(values - host(case.loss.value(same, one))).max())
        expect(
            gap <= slack,
            f"`of_margin` is declared, but l(z, y) is not a function of {margin}: at y = "
            f"{label:g} it differs by {gap:.3g} from {words}",
        )
        if many:
            stronger = host(z) + np.abs(line.base)
            stronger[:, int(label)] = host(z)[:, int(label)]
            rise = values - host(case.loss.value(as_like(stronger, z), y))
            words = "falls where a rival gets stronger"
        else:
            rise = np.diff(host(case.loss.value(z, one)))
            words = "grows with y z"
        expect(
            rise.max() <= slack,
            f"`of_margin` is declared, but the loss {words}, by {rise.max():.3g}",
        )


def _conjugate(case: _Case) -> None:
    for label in case.labels:
        columns = [column for column in case.columns() if column[0] == label]
        z = np.concatenate([host(line.z) for _, _, line, _ in columns])
        values = np.concatenate([values for *_, values in columns])
        for _, y, line, own in columns:
            slope = case.loss.derivative(line.z, y)
            told, p = host(case.loss.conjugate(slope, y)), host(slope)
            _conjugate_along(case, label, line, own, told, p, z, values)
            if case.loss.lipschitz is None:
                continue
            for sign in (-1.0, 1.0):
                steep = 0.0 * p + sign * 1.5 * case.loss.lipschitz * line.direction
                beyond = host(case.loss.conjugate(as_like(steep, case.z), y))
                expect(
                    np.isinf(beyond).all() and (beyond > 0.0).all(),
                    f"the conjugate must be inf beyond the slopes of the loss, got {beyond[0]:.6g} "
                    f"at p = {steep[0]}",
                )


def _conjugate_along(
    case: _Case, label: float, line: OutputLine, own: Any, told: Any, p: Any, z: Any, values: Any
) -> None:
    """l*(p) >= p z - l(z) at all outputs z that are tried, with equality where p is the slope."""
    bad = ~np.isfinite(told)
    expect(
        not bad.any(),
        f"`conjugate` is {told[bad.argmax()]} at p = {p[bad.argmax()]}, y = {label:g}, a slope of "
        "the loss",
    )
    at_own = line.axis.inner(p, host(line.z))
    slack = 4.0 * (_slack(case, own) + _slack(case, told) + _slack(case, at_own))
    lifted = line.axis.lift(p), line.axis.lift(z)
    lines = lifted[0] @ lifted[1].T - values[None]
    short = lines.max(-1) - told
    k = int(short.argmax())
    expect(
        short[k] <= slack,
        f"the conjugate is too small: l*({p[k]}) = {told[k]:.6g} at y = {label:g}, but "
        f"p z - l(z) = {lines[k].max():.6g} at z = {z[lines[k].argmax()]}",
    )
    over = told - (at_own - own)
    k = int(over.argmax())
    expect(
        over[k] <= slack,
        f"conjugate and derivative disagree: p = {p[k]} is the slope at z = {line.shown(k)}, "
        f"y = {label:g}, so l*(p) = p z - l(z) = {at_own[k] - own[k]:.6g}, but `conjugate` is "
        f"{told[k]:.6g}",
    )


def _leading_axes(case: _Case) -> None:
    z = case.z[:80].reshape(4, 20, *case.z.shape[1:])
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
                together.shape[:2] == (4, 20)
                and differ(together[k], function(argument[k], y), z) == 0,
                f"`{name}` of shape (4, 20) is not that of each row: work sample by sample",
            )
