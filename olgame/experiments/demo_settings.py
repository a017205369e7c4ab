"""The parameters of the demonstration game."""

from __future__ import annotations

import attrs

from olgame.exceptions import ArgumentError
from olgame.experiments.experiment import option
from olgame.validation import finite_positive, positive_integer

__all__ = ["DemoSettings"]


def _classes(value: str | tuple[int, int]) -> tuple[int, int]:
    """Two digits out of ``"0,1"``."""
    if isinstance(value, str):
        parts = value.split(",")
        if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
            raise ArgumentError(
                "`DemoSettings(classes=...)` must be two digits separated by a comma, such as "
                f"0,1, got {value!r}."
            )
        return int(parts[0]), int(parts[1])
    return value


_optional_count = attrs.validators.optional(positive_integer)


@attrs.frozen(kw_only=True)
class DemoSettings:
    """What is played by ``olgame demo``: adversarial training on two classes of digits."""

    classes: tuple[int, int] = option((0, 1), "the two digits", converter=_classes)
    loss: str = option(
        "hinge", "loss of the margin", choices=("hinge", "logistic", "smoothed_hinge")
    )
    activation: str = option(
        "softplus", "activation", choices=("softplus", "tanh", "gelu", "silu", "relu")
    )
    accuracy: float = option(0.1, "accuracy of the theorem", validator=finite_positive)
    weight_radius: float = option(
        3.0, "radius R of the ball of weights around the start", validator=finite_positive
    )
    input_radius: float = option(0.1, "radius of the perturbation set", validator=finite_positive)
    norm: str = option("l2", "norm of the perturbation set", choices=("l2", "linf"))
    plan: str = option(
        "measured",
        "gradient bound of the plan: measured at the start and checked again on what was played, "
        "or a priori",
        choices=("measured", "prior"),
    )
    width: int | None = option(
        None, "width of the network (default: the plan's)", validator=_optional_count
    )
    rounds: int | None = option(
        None, "rounds to play (default: the plan's)", validator=_optional_count
    )
    seed: int = option(0, "seed of the network and the game")
    device: str = option("auto", "where to play", choices=("auto", "cpu", "cuda"))
    dtype: str = option("float64", "precision of the game", choices=("float64", "float32"))
    out: str = option("runs/demo", "run folder to write")
    overwrite: bool = option(False, "replace the run folder if it exists")

    def __attrs_post_init__(self) -> None:
        if self.seed < 0:
            raise ArgumentError(
                f"`DemoSettings(seed=...)` must be a non-negative integer, got {self.seed!r}."
            )
