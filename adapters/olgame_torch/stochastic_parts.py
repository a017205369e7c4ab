"""Which layers of a module make f(w, x) something other than a function of w and x."""

from __future__ import annotations

from torch import nn
from torch.nn.modules import batchnorm, dropout, instancenorm

__all__ = ["stochastic_parts"]


def stochastic_parts(module: nn.Module) -> tuple[str, ...]:
    """What in ``module`` draws at random, mixes samples or learns statistics, with what to do.

    Args:
        module: Any module; its parts are told by their class and their own ``training`` flag.

    Returns:
        One sentence for each part, empty where none is known to (a module may still draw in
        its own `forward`: `olgame_torch.TorchModel` tries that out).

    Example:
        >>> from torch import nn
        >>> stochastic_parts(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)))
        ("'1' (Dropout) drops units at random in training mode: call `module.eval()`",)
    """
    found = []
    for name, part in module.named_modules():
        trouble = _trouble(part)
        if trouble is not None:
            found.append(f"'{name or 'module'}' ({type(part).__name__}) {trouble}")
    return tuple(found)


def _trouble(part: nn.Module) -> str | None:
    if isinstance(part, dropout._DropoutNd) and part.training and part.p > 0:
        return "drops units at random in training mode: call `module.eval()`"
    if isinstance(part, batchnorm._BatchNorm):
        if part.running_mean is None and part.running_var is None:
            return "mixes the samples of a batch: build it with `track_running_stats=True`"
        if part.training:
            return "mixes the samples of a batch in training mode: call `module.eval()`"
    # Statistics of each sample by itself are a function of the sample; running ones have memory.
    if isinstance(part, instancenorm._InstanceNorm) and part.training and part.track_running_stats:
        return "updates running statistics in training mode: call `module.eval()`"
    return None
