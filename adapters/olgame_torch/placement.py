"""Where a model lies and with how many digits it computes."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from olgame.exceptions import ArgumentError

__all__ = ["check_dtype", "reduced_precision", "resolve_device", "warn_reduced_precision"]


def resolve_device(device: str | torch.device, owner: str) -> torch.device:
    """The device called ``device``; "auto" is CUDA where torch sees it, else the CPU.

    Raises:
        ArgumentError: torch does not know the name, or has no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ArgumentError(
            f"`{owner}(device=...)` must be 'auto' or a device of torch ('cpu', 'cuda', "
            f"'cuda:1'), got {device!r}."
        ) from error
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ArgumentError(
            f"`{owner}(device=...)` must be a device of this machine, got {str(found)!r} where "
            f"torch sees {torch.cuda.device_count()} CUDA devices."
        )
    return found


def check_dtype(dtype: object, owner: str) -> None:
    """Raise `ArgumentError` unless ``dtype`` is torch's float64 or float32."""
    if dtype not in (torch.float64, torch.float32):
        raise ArgumentError(
            f"`{owner}(dtype=...)` must be torch.float64 or torch.float32, got {dtype!r}."
        )


def reduced_precision(dtype: torch.dtype, device: torch.device) -> tuple[str, ...]:
    """The settings of torch that let float32 products on ``device`` keep fewer digits.

    Tensor cores round the factors of a float32 product to TF32, 10 bits of mantissa instead of
    23, which is far more than the rounding that books and certificates allow for. torch leaves
    this on for convolutions. float64 is never touched.

    Returns:
        Each such setting as ``"torch.backends.cudnn.conv.fp32_precision = 'tf32'"``.
    """
    if dtype is not torch.float32 or device.type not in ("cuda", "cpu"):
        return ()
    backends: Any = torch.backends
    if device.type == "cuda":
        settings = {
            "cuda.matmul": backends.cuda.matmul,
            "cudnn.conv": backends.cudnn.conv,
            "cudnn.rnn": backends.cudnn.rnn,
        }
    else:
        settings = {
            "mkldnn.matmul": backends.mkldnn.matmul,
            "mkldnn.conv": backends.mkldnn.conv,
            "mkldnn.rnn": backends.mkldnn.rnn,
        }
    return tuple(
        f"torch.backends.{name}.fp32_precision = {setting.fp32_precision!r}"
        for name, setting in settings.items()
        if setting.fp32_precision not in ("none", "ieee")
    )


def warn_reduced_precision(dtype: torch.dtype, device: torch.device, owner: str) -> None:
    """Warn where `reduced_precision` finds something; said once, when the model is made."""
    found = reduced_precision(dtype, device)
    if found:
        warnings.warn(
            f"`{owner}` computes in float32 with {', '.join(found)}: products keep about three "
            "digits, too few for a ledger or a certificate. Set these to 'ieee', or use "
            "`dtype=torch.float64`.",
            stacklevel=3,
        )
