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

    network: str = option(
        "two-layer",
        "two-layer: planned and certified; deep: a deep ReLU network, with measured constants",
        choices=("two-layer", "deep"),
    )
    depth: int = option(2, "trained layers of a deep network", validator=positive_integer)
    trend_seeds: int = option(
        6, "deep: networks at each width and depth of the trends", validator=positive_integer
    )
    dataset: str = option(
        "digits", "digits: scikit-learn's; or a folder of IDX files, plain or gzip (MNIST's format)"
    )
    classes: tuple[int, int] = option((0, 1), "the two digits", converter=_classes)
    samples: int | None = option(
        None, "play with the first so many samples (default: all)", validator=_optional_count
    )
    held_out: str = option(
        "none",
        "what to say of samples that are not played with: loss and errors that the attack finds "
        "in the course of the game; certified: also a certificate at its end",
        choices=("none", "attacked", "certified"),
    )
    held_out_every: int = option(
        10, "rounds from one look at the held-out samples to the next", validator=positive_integer
    )
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
        "which bound on the gradients the plan is for. measured: at the start, and checked again "
        "on what was played; prior: true of any data, takes many more rounds; second-moment: "
        "measured, and the width from the data's second moment",
        choices=("measured", "prior", "second-moment"),
    )
    width: int | None = option(
        None, "width of the network (default: the plan's; deep: 1024)", validator=_optional_count
    )
    rounds: int | None = option(
        None, "rounds to play (default: the plan's; deep: 200)", validator=_optional_count
    )
    seed: int = option(0, "seed of the network and the game")
    seeds: int = option(
        1,
        "play the game with so many seeds, from the seed on, at once, and report means over them "
        "with intervals",
        validator=positive_integer,
    )
    device: str = option("auto", "where to play", choices=("auto", "cpu", "cuda"))
    dtype: str = option("float64", "precision of the game", choices=("float64", "float32"))
    keep_in: str = option(
        "auto",
        "where the played inputs are kept during the game: memory, a folder, or auto: in memory "
        "up to 1 GB, else beside the run folder",
    )
    out: str = option("runs/demo", "run folder to write")
    overwrite: bool = option(False, "replace the run folder if it exists")

    def __attrs_post_init__(self) -> None:
        if self.seed < 0:
            raise ArgumentError(
                f"`DemoSettings(seed=...)` must be a non-negative integer, got {self.seed!r}."
            )
        if self.seeds > 1 and self.network == "deep":
            raise ArgumentError(
                "`DemoSettings(seeds=...)` must be 1 with a deep network, whose trends have seeds "
                f"of their own, got {self.seeds!r}."
            )
