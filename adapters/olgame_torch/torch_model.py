"""Any ``nn.Module`` with one or k outputs per sample as a model on one flat weight vector."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Sequence
from typing import final

import attrs
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from olgame.exceptions import ArgumentError, ShapeError
from olgame.models.two_layer_start import check_classes
from olgame.one_game import game_index
from olgame.typing import Array
from olgame_torch.autograd_evaluation import Forward
from olgame_torch.by_game import ByGame, check_same_function, game_of, split_modules
from olgame_torch.flat_model import FlatModel
from olgame_torch.placement import check_dtype, resolve_device, warn_reduced_precision
from olgame_torch.probe import probe
from olgame_torch.stochastic_parts import stochastic_parts

__all__ = ["TorchModel"]

_AS_THE_MODULE = 0
"""``classes`` until the module has been tried out."""


@final
@attrs.frozen(eq=False, init=False)
class TorchModel(FlatModel):
    """f(w, x), the output of an ``nn.Module`` as a function of its trainable parameters.

    w is the concatenation of the parameters with ``requires_grad``, in the order of
    ``named_parameters()`` and each once however often it is shared; in an evaluation the module's
    parameters *are* views of w, nothing is copied. Other parameters and all buffers stay what they
    were. x is flat, ``(n, d)``, and handed on as ``(n, *input_shape)``. Leading axes of w are
    games, evaluated in batches where `torch.vmap` can, else one after the other.

    Several modules of one architecture, which differ in their trainable parameters, are the starts
    of several games: ``start`` has the shape ``(G, p)``, and `game` returns the model of one.

    The module is copied once, here: yours is never touched, nor does changing it later change the
    model. What the theorems are about is a *function* of (w, x), so a module that draws at random,
    mixes samples or has memory is refused (by its layers, and by trying it out on random
    inputs), unless ``allow_stochastic=True``: then `deterministic` is False and
    `stochastic` says why. Such a module draws from a seeded stream of its own, one draw for each
    evaluation, the same for its output and all its derivatives; its buffers stay as they were.

    Args:
        module: maps ``(n, *input_shape)`` to ``(n,)`` or ``(n, 1)``, or to k logits, ``(n, k)``;
            real, differentiable. Or a list of such modules.
        input_shape: shape of one input; None takes ``in_features`` of the first linear layer.
        classes: k, the number of logits; None takes what the module gives.
        device: where to compute ("auto": CUDA where there is one); None leaves the module's.
        dtype: torch.float64 or torch.float32; None leaves the module's.
        allow_stochastic: Accept what is not a function of (w, x).
        seed: Non-negative seed of a stochastic module's draws.

    Raises:
        ArgumentError: there is nothing to train, parameters differ in dtype or device or are not
            finite, the module fails on its input, or is no function of (w, x).
        ShapeError: the output is not one real number per sample, nor k of them.

    Example:
        >>> import torch
        >>> from olgame_torch import TorchModel
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> model = TorchModel(net, dtype=torch.float64)
        >>> model.start.shape, model.dim
        (torch.Size([49]), 4)
        >>> here = model.at(model.start, model.asarray([[1, 0, 0, 0], [0, 1, 0, 0]]))
        >>> here.pullback_x(model.asarray([1, 1])).shape
        torch.Size([2, 4])
    """

    start: Tensor = attrs.field(repr=False)
    input_shape: tuple[int, ...]
    classes: int | None
    stochastic: tuple[str, ...]
    _template: nn.Module = attrs.field(repr=False)
    _shapes: dict[str, torch.Size] = attrs.field(repr=False)
    _shared: dict[str, str] = attrs.field(repr=False)
    _rng: torch.Generator = attrs.field(repr=False)
    _several: ByGame = attrs.field(init=False, repr=False)
    _of_game: dict[tuple[int, ...], TorchModel] = attrs.field(init=False, repr=False, factory=dict)

    def __init__(
        self,
        module: nn.Module | Sequence[nn.Module],
        *,
        input_shape: int | Sequence[int] | None = None,
        classes: int | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        allow_stochastic: bool = False,
        seed: int = 0,
    ) -> None:
        module, others = split_modules(module)
        shape = _input_shape(module, input_shape)
        check_classes(classes, "TorchModel")
        template, trainable = _copied(module, device, dtype)
        start = torch.cat([parameter.detach().reshape(-1) for parameter in trainable.values()])
        if not bool(torch.isfinite(start).all()):
            bad = [k for k, v in trainable.items() if not bool(torch.isfinite(v).all())]
            raise ArgumentError(
                f"`TorchModel(module=...)` must have finite parameters, got nan or inf in {bad}."
            )
        shapes = {name: parameter.shape for name, parameter in trainable.items()}
        _refer(trainable, start)
        template.requires_grad_(False)
        self.__attrs_init__(
            start=start,
            input_shape=shape,
            classes=_AS_THE_MODULE if classes is None else classes,
            stochastic=stochastic_parts(template),
            template=template,
            shapes=shapes,
            shared=_shared_names(template, trainable),
            rng=torch.Generator().manual_seed(seed),
        )
        try_out = functools.partial(probe, self, template, shape_given=input_shape is not None)
        if not self.stochastic:
            found = try_out()
            object.__setattr__(self, "stochastic", found.stochastic)
        if self.stochastic and not allow_stochastic:
            raise ArgumentError(
                "`TorchModel(module=...)` must be a function of weights and input, got "
                f"{'; '.join(self.stochastic)}. Or pass `allow_stochastic=True`, and no theorem "
                "will hold."
            )
        if self.stochastic:  # what is random cannot be compared, but it can fail
            found = try_out()
        object.__setattr__(self, "classes", found.classes)
        several = ByGame(self._single, batched=not self.stochastic)
        object.__setattr__(self, "_several", several)
        if others:
            make = functools.partial(
                TorchModel, input_shape=input_shape, classes=classes, device=device, dtype=dtype,
                allow_stochastic=allow_stochastic, seed=seed,
            )  # fmt: skip
            models = [make(other) for other in others]
            check_same_function(self, models)
            starts = [self.start, *(model.start for model in models)]
            object.__setattr__(self, "start", torch.stack(starts))
        warn_reduced_precision(self.dtype, self.device, "TorchModel")

    @property
    def name(self) -> str:
        return type(self._template).__name__

    @property
    def dim(self) -> int:
        return math.prod(self.input_shape)

    @property
    def deterministic(self) -> bool:
        return not self.stochastic

    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        """f(w, x), ``(..., n)`` or ``(..., n, k)``, as a differentiable function of w and x."""
        return self._single(w, x) if w.ndim == 1 else self._several(w, x)

    def game(self, index: tuple[int, ...], /) -> TorchModel:
        """The model of one game, the same object each time; itself where there is one module."""
        if self.start.ndim == 1:
            return self
        place = game_index(index, tuple(self.start.shape[:-1]), "TorchModel.game")
        if place not in self._of_game:
            self._of_game[place] = game_of(self, place)
        return self._of_game[place]

    def module_at(self, w: Array) -> nn.Module:
        """A module of yours with the weights ``w``, shape ``(p,)``: a copy that shares nothing."""
        point = self._own(w, "w").detach()
        if point.shape != self.start.shape[-1:]:
            raise ShapeError(
                f"`{self.name}.module_at(w=...)` must have shape {tuple(self.start.shape[-1:])}, "
                f"got {tuple(point.shape)}."
            )
        module = copy.deepcopy(self._template)
        parameters = dict(module.named_parameters())
        trainable = {name: parameters[name] for name in self._shapes}
        _refer(trainable, point.clone())
        for parameter in trainable.values():
            parameter.data = parameter.data.clone()
            parameter.requires_grad_()
        return module

    def state_dict_at(self, w: Array) -> dict[str, Tensor]:
        """``state_dict()`` of `module_at`, for ``your_module.load_state_dict``."""
        return dict(self.module_at(w).state_dict())

    def _views(self, w: Tensor) -> dict[str, Tensor]:
        # One `split`, whose gradient is one concatenation; slices would each be padded to p.
        pieces = torch.split(w, [shape.numel() for shape in self._shapes.values()])
        named = zip(self._shapes.items(), pieces, strict=True)
        views = {name: piece.view(shape) for (name, shape), piece in named}
        for name, first in self._shared.items():
            views[name] = views[first]
        return views

    def _single(self, w: Tensor, x: Tensor) -> Tensor:
        tensors = self._views(w)
        if self.stochastic:  # running statistics are updated in a copy
            tensors.update({k: v.clone() for k, v in self._template.named_buffers()})
        inputs = x.reshape(-1, *self.input_shape)
        # All names of shared parameters are given: looking for them would be half of the cost.
        z = functional_call(self._template, tensors, (inputs,), tie_weights=False)
        n = inputs.shape[0]
        if not isinstance(z, Tensor) or not self._fits(z, n) or z.dtype != w.dtype:
            got = f"{tuple(z.shape)} {z.dtype}" if isinstance(z, Tensor) else type(z).__name__
            k = self.classes or "k"
            raise ShapeError(
                f"`TorchModel(module=...)` must give one number per sample, shape ({n},) or "
                f"({n}, 1), or {k} logits, shape ({n}, {k}), of {w.dtype} for {n} inputs of shape "
                f"{self.input_shape}, got {got}."
            )
        return z.reshape(*x.shape[:-1], *(() if z.numel() == n else z.shape[1:]))

    def _fits(self, z: Tensor, n: int) -> bool:
        if self.classes == _AS_THE_MODULE:
            return z.ndim in (1, 2) and z.shape[0] == n and z.numel() > 0
        return z.shape in ((n,), (n, 1)) if self.classes is None else z.shape == (n, self.classes)

    def _function(self, w: Tensor) -> Forward:
        if not self.stochastic:
            return self.forward
        draw = torch.randint(2**62, (), generator=self._rng)
        return functools.partial(self._drawn, int(draw))

    def _drawn(self, seed: int, w: Tensor, x: Tensor) -> Tensor:
        """`forward` with a draw of its own; the global random state is put back."""
        gpu = self.device.type == "cuda"
        with torch.random.fork_rng(devices=[self.device] if gpu else []):
            torch.default_generator.manual_seed(seed)
            if gpu:
                with torch.cuda.device(self.device):
                    torch.cuda.manual_seed(seed)
            return self.forward(w, x)


def _input_shape(module: nn.Module, given: int | Sequence[int] | None) -> tuple[int, ...]:
    if given is None:
        for part in module.modules() if isinstance(module, nn.Module) else ():
            if isinstance(part, nn.Linear):
                return (part.in_features,)
        raise ArgumentError(
            "`TorchModel(input_shape=...)` must be given for a module without a linear layer."
        )
    shape = (given,) if isinstance(given, int) else tuple(given)
    if not shape or not all(isinstance(s, int) and s >= 1 for s in shape):
        raise ArgumentError(
            f"`TorchModel(input_shape=...)` must be integers of at least 1, got {given!r}."
        )
    return shape


def _copied(
    module: nn.Module, device: str | torch.device | None, dtype: torch.dtype | None
) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    """A copy of ``module`` in its place, and its trainable parameters by name."""
    if not isinstance(module, nn.Module):
        raise ArgumentError(
            f"`TorchModel(module=...)` must be a torch.nn.Module, got {type(module).__name__}."
        )
    lazy = [name for name, parameter in module.named_parameters() if is_lazy(parameter)]
    if lazy:
        raise ArgumentError(
            f"`TorchModel(module=...)` must have its sizes: {lazy} get theirs when the module is "
            "called, so call it once."
        )
    try:
        template = copy.deepcopy(module)
    except Exception as error:  # whatever a user's attribute raises
        raise ArgumentError(f"`TorchModel(module=...)` must be copyable: {error}") from error
    if dtype is not None:
        check_dtype(dtype, "TorchModel")
    template.to(None if device is None else resolve_device(device, "TorchModel"), dtype)
    trainable = {k: v for k, v in template.named_parameters() if v.requires_grad}
    if not trainable:
        raise ArgumentError(
            "`TorchModel(module=...)` must have a parameter with `requires_grad`, got none."
        )
    kinds = {name: f"{v.dtype} on {v.device}" for name, v in trainable.items()}
    if len(set(kinds.values())) > 1:
        raise ArgumentError(
            "`TorchModel(module=...)` must have its trainable parameters in one dtype on one "
            f"device, got {kinds}: pass `dtype=...` and `device=...`, or convert the module."
        )
    check_dtype(next(iter(trainable.values())).dtype, "TorchModel")
    return template, trainable


def _shared_names(module: nn.Module, parameters: dict[str, nn.Parameter]) -> dict[str, str]:
    """The other names of ``parameters`` within ``module``, with the name they go by here."""
    first = {id(parameter): name for name, parameter in parameters.items()}
    every = module.named_parameters(remove_duplicate=False)
    return {k: first[id(v)] for k, v in every if id(v) in first and first[id(v)] != k}


def _refer(parameters: dict[str, nn.Parameter], w: Tensor) -> None:
    """Make the storage of ``parameters`` that of ``w``."""
    pieces = torch.split(w, [parameter.numel() for parameter in parameters.values()])
    for parameter, piece in zip(parameters.values(), pieces, strict=True):
        parameter.data = piece.view(parameter.shape)
