"""Noise models: what may be added to what a learner is told."""

from __future__ import annotations

import math
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.validation import finite_positive, require_integer

__all__ = ["Gaussian", "Noise", "StudentT", "Uniform"]


class Noise(Protocol):
    """Independent draws of mean 0.

    Anything with this method will do. ``rng`` may be the generators of several games in one
    (`olgame.game_generators`), which draw arrays with `standard_normal`, `normal`, `uniform` and
    their like.
    """

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Noise of shape ``shape``."""
        ...


@attrs.frozen
class Gaussian:
    """Normal noise of standard deviation s for each number.

    Args:
        scale: s > 0.

    Example:
        >>> Gaussian(0.1).draw(np.random.default_rng(0), (2,)).shape
        (2,)
    """

    scale: float = attrs.field(validator=finite_positive)

    @property
    def deviation(self) -> float:
        """Standard deviation of one number."""
        return float(self.scale)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Noise of shape ``shape``."""
        return np.asarray(self.scale * rng.standard_normal(shape))


@attrs.frozen
class Uniform:
    """Bounded noise: uniform on [-s, s] for each number.

    Args:
        scale: s > 0.
    """

    scale: float = attrs.field(validator=finite_positive)

    @property
    def deviation(self) -> float:
        """Standard deviation of one number, s/sqrt 3."""
        return self.scale / math.sqrt(3.0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Noise of shape ``shape``."""
        return np.asarray(rng.uniform(-self.scale, self.scale, shape))


@attrs.frozen
class StudentT:
    """Heavy tails: s times Student's t with nu degrees of freedom, a Gaussian over a random length.

    Its mean is 0 and its standard deviation s sqrt(nu/(nu - 2)); moments of order nu and above are
    infinite. Drawn as z/sqrt(c/nu), z normal and c the sum of nu squared normals, so nu is an
    integer.

    Args:
        scale: s > 0.
        degrees: nu >= 3, so that there is a variance.
    """

    scale: float = attrs.field(validator=finite_positive)
    degrees: int = attrs.field(default=3)

    def __attrs_post_init__(self) -> None:
        require_integer("StudentT", 3, degrees=self.degrees)

    @property
    def deviation(self) -> float:
        """Standard deviation of one number, s sqrt(nu/(nu - 2))."""
        return self.scale * math.sqrt(self.degrees / (self.degrees - 2))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Noise of shape ``shape``."""
        draws = rng.standard_normal((*shape, self.degrees + 1))
        lengths = np.sqrt(np.mean(draws[..., 1:] ** 2, axis=-1))
        return np.asarray(self.scale * draws[..., 0] / lengths)
