"""A weighted sum that is taken pair by pair."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from olgame.models.output_axis import OutputAxis

__all__ = ["paired_sum"]


class _PairedSum(torch.autograd.Function):
    """sum_r b_r (s_r - s_{r+h}), whose derivative in s is that of the plain sum."""

    # With a separate `setup_context` torch would look up signatures in every call.
    @staticmethod
    def forward(ctx: Any, sigma: Tensor, output: Tensor, axis: OutputAxis) -> Any:
        ctx.weights, ctx.axis = output, axis
        half = sigma.shape[-1] // 2
        pairs = sigma[..., :half] - sigma[..., half:]
        return axis.weigh(pairs, axis.neurons(output, slice(half)))

    @staticmethod
    def backward(ctx: Any, c: Tensor) -> tuple[Tensor, None, None]:
        return ctx.axis.spread(c, ctx.weights), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return paired_sum(tangent, ctx.weights, ctx.axis)


def paired_sum(sigma: Tensor, output: Tensor, axis: OutputAxis) -> Tensor:
    """sum over r < h of b_r (sigma_r - sigma_{r+h}), for b_{r+h} = -b_r.

    The differences first: what is equal in a pair cancels exactly, and in float32 the rounding
    errors are those of the differences. Written out, automatic differentiation would put the
    gradient together from two halves, two passes over memory more than the plain sum needs.

    Args:
        sigma: shape ``(..., n, 2 h)``.
        output: b, shape ``(2 h,)``, or ``(2 h, k)`` for k outputs, with leading axes where games
            have weights of their own; a constant.
        axis: One output or k.

    Returns:
        The sums, shape ``(..., n)`` or ``(..., n, k)``; differentiable in ``sigma`` in reverse and
        forward mode, as often as wanted.
    """
    found: Tensor = _PairedSum.apply(sigma, output, axis)  # type: ignore[no-untyped-call]  # torch does not type it
    return found
