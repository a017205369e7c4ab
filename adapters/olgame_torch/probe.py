"""Trying out whether a model really is a differentiable function of its weights and one input."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from olgame.exceptions import ArgumentError, ShapeError
from olgame_torch.flat_model import FlatModel

__all__ = ["Probed", "probe"]


class Probed(NamedTuple):
    """What trying out a model has shown.

    Attributes:
        stochastic: what makes the outputs something else than a function of (w, x); empty where
            nothing was seen.
        classes: k where an output is k >= 2 numbers, None where it is one.
    """

    stochastic: tuple[str, ...]
    classes: int | None


def probe(model: FlatModel, module: nn.Module, *, shape_given: bool) -> Probed:
    """Evaluate ``model`` at its start on three random inputs and look at what happens.

    Layers that draw, mix or remember in a `forward` of their own cannot be told by their class.
    So: is the output the same a second time, is the output of a sample the same without the
    others, has a buffer changed, do derivatives arrive in w and x? The global random state is put
    back.

    Args:
        model: What to try.
        module: The module whose buffers are watched.
        shape_given: Whether the user gave the input shape (for the error message).

    Returns:
        What was seen.

    Raises:
        ArgumentError: the module fails, or derivatives do not reach w or x.
        ShapeError: the output is not one real number per sample, nor k of them.
    """
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(3, model.dim, generator=rng, dtype=torch.float64)
    x = x.to(device=model.device, dtype=model.dtype)
    gpu = model.device.type == "cuda"
    with torch.random.fork_rng(devices=[model.device] if gpu else []):
        before = _versions(module)
        first = _output(model, x, shape_given)
        classes = None if first.ndim == 1 else first.shape[-1]
        changed = [name for name, version in _versions(module).items() if version != before[name]]
        if changed:
            return Probed((f"a `forward` that changes the buffers {changed}",), classes)
        if not model.deterministic:
            return Probed((), classes)
        if _differ(first, model(model.start, x)):
            trouble = "another output for the same weights and input the second time"
            return Probed((trouble,), classes)
        if _differ(first[:1], model(model.start, x[:1])):
            trouble = "an output for one sample that depends on the other samples of the batch"
            return Probed((trouble,), classes)
    return Probed((), classes)


def _versions(module: nn.Module) -> dict[str, tuple[int, int]]:
    return {name: (id(buffer), buffer._version) for name, buffer in module.named_buffers()}


def _output(model: FlatModel, x: Tensor, shape_given: bool) -> Tensor:
    w, inputs = model.start.detach().requires_grad_(), x.detach().requires_grad_()
    hint = "" if shape_given else " Its `input_shape` was guessed: give it."
    try:
        with torch.enable_grad():
            z = model.forward(w, inputs)
    except ShapeError as error:
        raise ShapeError(f"{error}{hint}") from error
    except Exception as error:  # whatever a user's module raises
        raise ArgumentError(
            f"`TorchModel(module=...)` must accept inputs of shape {tuple(x.shape[:1])} + "
            f"`input_shape`, got {type(error).__name__}: {error}{hint}"
        ) from error
    for argument, name in ((w, "weights"), (inputs, "input")):
        if not _reaches(z, argument):
            raise ArgumentError(
                f"`TorchModel(module=...)` must be differentiable in its {name}, got an output "
                "that does not depend on it: is there a `no_grad` or a `detach` in `forward`?"
            )
    return z.detach()


def _reaches(z: Tensor, argument: Tensor) -> bool:
    if not z.requires_grad:
        return False
    found: tuple[Tensor | None, ...] = torch.autograd.grad(
        z.sum(), argument, retain_graph=True, allow_unused=True
    )
    return found[0] is not None


def _differ(a: Tensor, b: Tensor) -> bool:
    """By more than kernels that sum in another order can differ (false for nan)."""
    tolerance = torch.finfo(a.dtype).eps ** 0.5 * float(a.abs().max())
    return bool(((a - b).abs() > tolerance).any())
