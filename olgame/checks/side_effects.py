"""What a part must leave as it found it: global random states, and modules it works with."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import numpy as np

__all__ = ["SideEffects"]

_DEPTH = 4


class SideEffects:
    """A snapshot, taken when made; `undo` says what is different and puts it back.

    Watched are the global random states of Python, NumPy and, where it is imported already,
    torch (with its gradient mode and default dtype); and of every module among the attributes of
    ``parts``: ``training``, ``requires_grad``, ``.grad``, parameters and buffers. A module is
    whatever has ``named_parameters`` and ``training``; nothing is imported for it.
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        self._globals = [(name, read, write, read()) for name, read, write in _global_states()]
        self._modules = [_ModuleState(module) for module in _modules(parts)]

    def undo(self) -> list[str]:
        """What changed, in words; global states are put back."""
        found = []
        for name, read, write, before in self._globals:
            if not _equal(read(), before):
                write(before)
                found.append(f"{name} changed. {_ADVICE}")
        for state in self._modules:
            found += state.changes()
        return found


_ADVICE = (
    "Draw from the generator that is handed in, or from "
    "`olgame.randomness.generator(seed, role, round)`"
)
State = tuple[str, Callable[[], Any], Callable[[Any], None]]


def _global_states() -> Iterator[State]:
    legacy = np.random
    yield "NumPy's global random state", legacy.get_state, legacy.set_state
    yield "Python's global random state", random.getstate, random.setstate
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_rng_state"):
        return
    yield "torch's global random state", torch.get_rng_state, torch.set_rng_state
    if torch.cuda.is_initialized():
        read, write = torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all
        yield "torch's global random state on the GPU", read, write
    yield "torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled
    yield "torch's default dtype", torch.get_default_dtype, torch.set_default_dtype


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    same = a == b
    return bool(same.all()) if hasattr(same, "all") else bool(same)


def _modules(parts: Iterable[Any]) -> list[Any]:
    """Every module among the attributes of ``parts``, a few levels deep."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    level = list(parts)
    for _ in range(_DEPTH):
        below: list[Any] = []
        for part in level:
            if id(part) in seen:
                continue
            seen.add(id(part))
            if hasattr(part, "named_parameters") and hasattr(part, "training"):
                found[id(part)] = part
            else:
                below.extend(_attributes(part))
        level = below
    return list(found.values())


def _attributes(part: Any) -> list[Any]:
    if isinstance(part, tuple | list):
        return list(part)
    if attrs.has(type(part)):
        names = [field.name for field in attrs.fields(type(part))]
        return [getattr(part, name) for name in names if hasattr(part, name)]
    return list(getattr(part, "__dict__", {}).values()) if not isinstance(part, type) else []


class _ModuleState:
    """One module as it was."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.name = type(module).__name__
        self.training = {name: part.training for name, part in module.named_modules()}
        self.parameters = {
            name: (p.requires_grad, _copy(p.grad), _copy(p))
            for name, p in module.named_parameters()
        }
        self.buffers = {name: _copy(buffer) for name, buffer in module.named_buffers()}

    def changes(self) -> list[str]:
        module = self.module
        found = []
        flipped = [k for k, m in module.named_modules() if m.training != self.training.get(k)]
        if flipped:
            found.append(
                f"`training` of the module {self.name} was switched. Leave train() and eval() to "
                "the caller"
            )
        for name, p in module.named_parameters():
            requires_grad, grad, value = self.parameters[name]
            if p.requires_grad != requires_grad:
                found.append(f"`requires_grad` of the parameter {name!r} was switched")
            if not _same(p.grad, grad):
                found.append(
                    f"`.grad` of the parameter {name!r} was overwritten. Use "
                    "torch.autograd.grad(...) instead of backward()"
                )
            if not _same(p, value):
                found.append(f"the parameter {name!r} was written to")
        changed = [k for k, b in module.named_buffers() if not _same(b, self.buffers.get(k))]
        if changed:
            found.append(f"the buffers {changed} of the module {self.name} were written to")
        return found


def _copy(x: Any) -> Any:
    return None if x is None else x.detach().clone()


def _same(now: Any, before: Any) -> bool:
    if now is None or before is None:
        return now is None and before is None
    return bool(now.shape == before.shape and (now.detach() == before).all())
