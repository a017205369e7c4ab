"""Dual numbers of torch's forward mode, typed."""

from __future__ import annotations

import functools
import warnings

import torch
from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["dual_level", "make_dual", "unpack_dual"]


def dual_level() -> forward_ad.dual_level:
    """A context in which dual numbers live."""
    _load()
    return forward_ad.dual_level()


def make_dual(primal: Tensor, tangent: Tensor) -> Tensor:
    """primal + tangent e with e^2 = 0."""
    if 0 in primal.stride():  # what games share: the tangent, laid out alike, would have no room
        primal = primal.contiguous()
    dual: Tensor = forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]  # torch does not type it
    return dual


def unpack_dual(dual: Tensor) -> tuple[Tensor, Tensor | None]:
    """(primal, tangent); the tangent of what is no dual number is None."""
    primal, tangent = forward_ad.unpack_dual(dual)  # type: ignore[no-untyped-call]  # torch does not type it
    return primal, tangent


@functools.cache
def _load() -> None:
    # The first dual number loads a part of torch that warns about torch.
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore", DeprecationWarning)
        make_dual(torch.zeros(()), torch.zeros(()))
