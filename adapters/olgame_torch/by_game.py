"""A module at the weights of several games: in one batched pass where torch can."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn, vmap

from olgame.exceptions import ArgumentError

__all__ = ["ByGame", "check_same_function", "game_of", "split_modules"]


class ByGame:
    """f(w, x) with leading axes, from f of one game.

    `torch.vmap` makes batched products of the products of a game. What it cannot do (data that
    decide on control flow, functions without a rule for batches) is done game by game: slower, and
    the same numbers. The first evaluation finds out which, once.

    Args:
        single: f for ``w`` of shape ``(p,)`` and ``x`` of shape ``(n, d)``.
        batched: Whether to try batches at all (not for what draws at random).
    """

    def __init__(self, single: Callable[[Tensor, Tensor], Tensor], *, batched: bool) -> None:
        self._single = single
        self.batched: bool | None = None if batched else False

    def __call__(self, w: Tensor, x: Tensor) -> Tensor:
        """f(w, x), shape ``(..., n)`` or ``(..., n, k)``."""
        points = w.reshape(-1, w.shape[-1])
        inputs = x.expand(*w.shape[:-1], *x.shape[-2:]).reshape(-1, *x.shape[-2:])
        z = self._of_all(points, inputs)
        return z.reshape(*w.shape[:-1], *z.shape[1:])

    def _of_all(self, points: Tensor, inputs: Tensor) -> Tensor:
        if self.batched is None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # torch warns where a batch is no faster
                    z = vmap(self._single)(points, inputs)
                self.batched = True
                return z
            except Exception:  # whatever a module meets in there; its own errors come again below
                self.batched = False
        if self.batched:
            return vmap(self._single)(points, inputs)
        games = zip(points.unbind(), inputs.unbind(), strict=True)
        return torch.stack([self._single(point, batch) for point, batch in games])


def split_modules(module: nn.Module | Sequence[nn.Module]) -> tuple[nn.Module, list[nn.Module]]:
    """The first of several modules, and the others; one module and none."""
    if isinstance(module, nn.Module) or not isinstance(module, Sequence):
        return module, []
    if not module:
        raise ArgumentError("`TorchModel(module=...)` must be a module or several, got none.")
    return module[0], list(module[1:])


def check_same_function(template: Any, others: Sequence[Any]) -> None:
    """Refuse modules that differ in more than their trainable parameters.

    Each is evaluated at its own weights on random inputs, and the first at the same weights.

    Raises:
        ArgumentError: names the first that is another function.
    """
    rng = torch.Generator().manual_seed(0)
    x = template.asarray(torch.randn(3, template.dim, generator=rng, dtype=torch.float64))
    for place, other in enumerate(others, start=1):
        same = other.input_shape == template.input_shape and other.classes == template.classes
        same = same and other.start.shape == template.start.shape
        if same:
            expected, found = other(other.start, x), template(other.start, x)
            slack = 1e3 * torch.finfo(found.dtype).eps * (1.0 + float(expected.abs().max()))
            same = bool(((found - expected).abs() <= slack).all())
        if not same:
            raise ArgumentError(
                "`TorchModel(module=[...])` must be modules of one architecture that differ in "
                f"their trainable parameters alone; module {place} is another function than "
                "module 0. Buffers and frozen parameters must be equal."
            )


def game_of(model: Any, index: tuple[int, ...]) -> Any:
    """The model of one of several games: everything shared but the start."""
    single = copy.copy(model)
    object.__setattr__(single, "start", model.start[index])
    return single
