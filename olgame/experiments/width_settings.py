"""The parameters of the experiment about width."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.exceptions import ArgumentError
from olgame.experiments.experiment import option
from olgame.validation import finite_positive, positive_integer

__all__ = ["WidthSettings"]


def _widths(name: str) -> Any:
    """A converter of ``"256,512"`` into (256, 512)."""

    def convert(value: Any) -> tuple[int, ...]:
        parts = value.split(",") if isinstance(value, str) else list(value)
        try:
            found = tuple(int(part) for part in parts)
        except ValueError:
            found = ()
        even = all(width >= 2 and width % 2 == 0 for width in found)
        if not found or not even or list(found) != sorted(set(found)):
            raise ArgumentError(
                f"`WidthSettings({name}=...)` must be even numbers in growing order, separated by "
                f"commas, such as 256,512,1024, got {value!r}."
            )
        return found

    return convert


def _powers(first: int, last: int) -> tuple[int, ...]:
    return tuple(2**k for k in range(first, last + 1))


@attrs.frozen(kw_only=True)
class WidthSettings:
    """What is compared by ``olgame what-width-buys``."""

    activation: str = option(
        "both", "networks: softplus, relu, or both", choices=("both", "softplus", "relu")
    )
    widths: tuple[int, ...] = option(
        _powers(8, 11), "widths of the networks that play", converter=_widths("widths")
    )
    computed_widths: tuple[int, ...] = option(
        _powers(8, 22),
        "widths whose worst case is computed, from pre-activations alone",
        converter=_widths("computed_widths"),
    )
    condition_widths: tuple[int, ...] = option(
        (256, 1024),
        "widths at which the radius is looked for where the condition of a global minimum fails",
        converter=_widths("condition_widths"),
    )
    seeds: int = option(3, "networks at each width", validator=positive_integer)
    weight_radius: float = option(
        3.0,
        "R of the ball B(R); a neuron of the other set can move by R/sqrt(width)",
        validator=finite_positive,
    )
    input_radius: float = option(
        0.1, "radius of the perturbation set, an l2 ball", validator=finite_positive
    )
    rounds: int = option(100, "rounds of every game", validator=positive_integer)
    samples: int = option(
        32, "samples of digits 0 and 1 that every game is played with", validator=positive_integer
    )
    accuracy: float = option(
        0.1, "accuracy that the step size is chosen for", validator=finite_positive
    )
    device: str = option("auto", "where to play", choices=("auto", "cpu", "cuda"))
    out: str = option("runs/width", "run folder to write")
    overwrite: bool = option(False, "replace the run folder if it exists")
    resume: bool = option(False, "go on with an interrupted run in the folder, or add widths to it")

    def __attrs_post_init__(self) -> None:
        if self.samples < 2:
            raise ArgumentError(
                f"`WidthSettings(samples=...)` must be at least 2, one of each class, got "
                f"{self.samples}."
            )

    @property
    def activations(self) -> tuple[str, ...]:
        """Names of the activations that are compared."""
        return ("softplus", "relu") if self.activation == "both" else (self.activation,)

    @property
    def fixed(self) -> dict[str, Any]:
        """The fields that every stored number depends on; the others choose what is measured."""
        names = ("weight_radius", "input_radius", "rounds", "samples", "accuracy")
        return {name: getattr(self, name) for name in names}
