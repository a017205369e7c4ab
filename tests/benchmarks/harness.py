"""Ratios measured in one run: every candidate in turn, many times, against a baseline."""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable, Mapping

import attrs

__all__ = ["Comparison", "Turns", "compare", "set_threads"]


@attrs.frozen
class Comparison:
    """Seconds of one candidate, and its ratio to the baseline pair by pair.

    Attributes:
        name: the candidate.
        seconds: median CPU seconds of one run.
        ratio: median over turns of (seconds of the candidate / seconds of the baseline).
        spread: lower and upper quartile of that ratio.
    """

    name: str
    seconds: float
    ratio: float
    spread: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.spread
        return (
            f"{self.name:<44} {1e3 * self.seconds:10.2f} ms   "
            f"time ratio {self.ratio:6.3f}  [{low:.3f}, {high:.3f}]   "
            f"speed ratio {1.0 / self.ratio:6.3f}"
        )


def compare(
    candidates: Mapping[str, Callable[[], object]], *, repeats: int = 9, warmup: int = 1
) -> list[Comparison]:
    """Run the candidates in turn; the first is the baseline.

    Interleaved runs see the same drift of a shared machine, so ratios are quoted, not seconds; and
    CPU seconds of the process, which other work on the machine changes least.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(warmup + repeats):
        for name, run in candidates.items():
            begin = time.process_time()
            run()
            if turn >= warmup:
                times[name].append(time.process_time() - begin)
    baseline = times[next(iter(candidates))]
    return [_comparison(name, seconds, baseline) for name, seconds in times.items()]


def _comparison(name: str, seconds: list[float], baseline: list[float]) -> Comparison:
    ratios = [a / b for a, b in zip(seconds, baseline, strict=True)]
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    middle = statistics.median(ratios)
    return Comparison(name, statistics.median(seconds), middle, (quartiles[0], quartiles[2]))


@attrs.define
class Turns:
    """Two loops that take turns, round by round: what drifts in seconds drifts for both.

    A round of the candidate is divided by the mean of the baseline's rounds before and after it.

    Args:
        baseline: name of the baseline.
        candidate: name of the candidate.
        wait: called before the clock is read (a device may still be at work).
    """

    baseline: str
    candidate: str
    wait: Callable[[], object] = lambda: None
    _mark: float = 0.0
    _baseline: list[float] = attrs.field(init=False, factory=list)
    _candidate: list[float] = attrs.field(init=False, factory=list)

    def begin(self) -> None:
        """Start the clock; the baseline's first round comes first."""
        self._mark = self._now()

    def candidate_ends(self) -> None:
        """A round of the candidate is over (nothing, before the first of the baseline)."""
        now = self._now()
        if self._baseline:
            self._candidate.append(now - self._mark)
        self._mark = now

    def baseline_ends(self) -> None:
        """A round of the baseline is over."""
        now = self._now()
        self._baseline.append(now - self._mark)
        self._mark = now

    def comparisons(self, warmup: int, together: int = 1) -> list[Comparison]:
        """Both, without the first ``warmup`` rounds.

        Args:
            warmup: rounds that are left out.
            together: rounds that are added up before they are divided: what is done every so many
                rounds belongs to all of them.
        """
        pairs = zip(self._baseline[:-1], self._baseline[1:], strict=True)
        beside = [(a + b) / 2.0 for a, b in pairs]
        mine, other = (
            [
                sum(rounds[i : i + together])
                for i in range(warmup, len(rounds) - together + 1, together)
            ]
            for rounds in (self._candidate, beside)
        )
        return [
            _comparison(self.baseline, other, other),
            _comparison(self.candidate, mine, other),
        ]

    def _now(self) -> float:
        self.wait()
        return time.process_time()


def set_threads(threads: int) -> None:
    """Fix the number of threads; warn when the machine has fewer free cores.

    Call it before NumPy or torch are imported for the first time.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    free = (os.cpu_count() or 1) - os.getloadavg()[0]
    if threads > free + 0.5:
        warnings.warn(
            f"{threads} threads on a machine with about {max(free, 0.0):.1f} free cores: "
            "the ratios will be noisy.",
            stacklevel=2,
        )
