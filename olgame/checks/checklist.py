"""What all checks share: a table of named sub-checks, run in order, and its report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.checks.side_effects import SideEffects
from olgame.exceptions import ArgumentError, CheckError
from olgame.typing import Array

__all__ = [
    "CheckReport",
    "Watched",
    "differ",
    "expect",
    "flags",
    "games",
    "host",
    "run_checks",
    "skip_check",
    "unit_directions",
]

C = TypeVar("C")
_ADVICE = "Make new arrays instead of writing into what you are handed"
_ALWAYS = ("arguments stay", "side effects")


@attrs.frozen
class CheckReport:
    """What was checked of a part that passed.

    Attributes:
        part: The part's name.
        passed: Names of the sub-checks that ran, in order.
        skipped: Name and reason of those that did not.

    Example:
        >>> from olgame.checks import check_loss
        >>> from olgame.losses import hinge
        >>> report = check_loss(hinge)
        >>> report.skipped["smoothness"]
        'the loss declares `smoothness` = None'
    """

    part: str
    passed: tuple[str, ...]
    skipped: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.part}: {len(self.passed)} checks passed ({'; '.join(self.passed)})"]
        lines += [f"  not checked: {name} ({reason})" for name, reason in self.skipped.items()]
        return "\n".join(lines)


class _FailedError(Exception):
    """A sub-check found a mistake."""


class _SkippedError(Exception):
    """A sub-check does not apply."""


def expect(condition: object, message: str) -> None:
    """Fail the running sub-check with ``message`` unless ``condition``."""
    if not condition:
        raise _FailedError(message)


def skip_check(reason: str) -> NoReturn:
    """End the running sub-check as not applicable."""
    raise _SkippedError(reason)


def run_checks(
    part: Any,
    case: C,
    table: Mapping[str, Callable[[C], None]],
    *,
    guide: str,
    skip: Collection[str] = (),
    watched: Watched | None = None,
    watch: Iterable[Any] = (),
) -> CheckReport:
    """Run the sub-checks of ``table`` on ``case``; stop at the first that fails.

    Around each of them the arguments, the global random states and the modules that the part holds
    are watched: what was written to is told first, since it makes other checks fail too.

    Args:
        part: What is checked.
        case: What the sub-checks get.
        table: Sub-checks by name.
        guide: The page that says how to write such a part.
        skip: Names of sub-checks to leave out.
        watched: The arrays that the part is handed.
        watch: Other objects whose modules are watched.

    Returns:
        The report.

    Raises:
        CheckError: A sub-check failed, or the part raised an error in it.
        ArgumentError: ``skip`` has an unknown name.
    """
    name = _name(part)
    skip = {skip} if isinstance(skip, str) else set(skip)
    unknown = sorted(skip - {*table, *_ALWAYS})
    if unknown:
        raise ArgumentError(
            f"`check(skip=...)` must hold names of {sorted([*table, *_ALWAYS])}, got {unknown}."
        )
    passed: list[str] = []
    skipped: dict[str, str] = {}
    for check, function in table.items():
        if check in skip:
            skipped[check] = "left out with `skip`"
            continue
        effects = SideEffects((part, *watch))
        trouble, cause = "", None
        try:
            function(case)
            passed.append(check)
        except _SkippedError as reason:
            skipped[check] = str(reason)
        except _FailedError as failure:
            trouble = str(failure)
        except Exception as error:  # the part's own: whatever it raises
            trouble, cause = f"it raised {type(error).__name__}: {error}", error
        found = {
            "arguments stay": "" if watched is None else watched.changes(),
            "side effects": "; ".join(effects.undo()),
        }
        for always in _ALWAYS:
            if found[always] and always not in skip:
                during = f"while '{check}' was checked, {found[always]}"
                raise _error(name, always, during, guide) from cause
        if trouble:
            raise _error(name, check, trouble, guide) from cause
    for always in _ALWAYS:
        if always in skip:
            skipped[always] = "left out with `skip`"
        else:
            passed.append(always)
    return CheckReport(name, tuple(passed), skipped)


def _error(name: str, check: str, message: str, guide: str) -> CheckError:
    end = "" if message.endswith((".", "!", "?")) else "."
    error = CheckError(
        f"`{name}` fails the check '{check}': {message}{end} How to write one: {guide}"
    )
    error.check = check
    return error


def _name(part: Any) -> str:
    name = getattr(part, "__name__", None)
    return name if isinstance(name, str) else type(part).__name__


def host(x: Any) -> NDArray[np.float64]:
    """A float64 copy of ``x`` in NumPy that nobody else can write to."""
    return np.array(to_numpy(x), copy=True)


def flags(x: Any) -> Any:
    """A boolean copy of ``x`` in NumPy."""
    return host(x).astype(bool)


def differ(a: Any, b: Any, reference: Array, *, roundings: float = 1e3) -> float:
    """The largest difference of two results in excess of rounding; 0 where they agree.

    Args:
        a: One result.
        b: The other.
        reference: An array of the dtype that was computed in.
        roundings: How many unit roundoffs of the largest entry rounding may explain.
    """
    left, right = host(a), host(b)
    if left.shape != right.shape:
        return float("inf")
    if left.size == 0:
        return 0.0
    both = np.isfinite(left) & np.isfinite(right)
    if not np.all(both | (left == right) | (np.isnan(left) & np.isnan(right))):
        return float("inf")
    gap = float(np.max(np.abs(np.where(both, left, 0.0) - np.where(both, right, 0.0))))
    size = 1.0 + float(np.max(np.abs(np.where(both, left, 0.0))))
    return gap if gap > roundings * unit_roundoff(reference) * size else 0.0


class Watched:
    """Arrays that must not change, with a copy of each."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, Any, NDArray[np.float64]]] = []

    def add(self, label: str, x: Any) -> None:
        """Remember ``x`` (anything that is no array is passed over)."""
        if hasattr(x, "shape"):
            self._seen.append((label, x, host(x)))

    def changes(self) -> str:
        """The first array that is not what it was, in words; empty where there is none."""
        for label, x, before in self._seen:
            now = host(x)
            if now.shape != before.shape:
                return f"{label} changed its shape. {_ADVICE}"
            if not np.array_equal(now, before, equal_nan=True):
                return f"{label} changed by {np.nanmax(np.abs(now - before)):.3g}. {_ADVICE}"
        return ""

    def expect_unchanged(self, advice: str) -> None:
        """Fail, naming the first array that is not what it was."""
        found = self.changes()
        expect(not found, f"{found.removesuffix(_ADVICE)}{advice}")


def unit_directions(rng: np.random.Generator, shape: tuple[int, ...], like: Array) -> Any:
    """Random unit vectors along the last axis, of the kind of ``like``."""
    draw = rng.standard_normal(shape)
    return as_like(draw / np.linalg.norm(draw, axis=-1, keepdims=True), like)


def games(x: Any) -> list[tuple[int, ...]]:
    """The indices of the leading axes of ``x`` (all axes but the last)."""
    return list(np.ndindex(tuple(x.shape[:-1])))
