"""Namespace and fast kernels of an array type, resolved once per type.

`array_api_compat.array_namespace` costs microseconds a call and its ``vecdot`` is many times
slower than a BLAS dot product. Both are looked up once per array *type* here and never inside a
round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import array_api_compat
import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.typing import Array

__all__ = [
    "BLOCK",
    "Kernels",
    "as_like",
    "blocks",
    "kernels",
    "namespace",
    "number_or_array",
    "same_device",
    "to_numpy",
    "unit_roundoff",
]

BLOCK = 2**17
"""Numbers in a block: a few blocks of float64 lie in the cache; fewer numbers, more calls."""


@attrs.frozen
class Kernels:
    """The operations of one array type that are called in every round.

    Attributes:
        xp: Array API namespace (`array_api_compat.numpy`, ``array_api_compat.torch``, ...).
        dot: ``dot(a, b)``, sum over the last axis of ``a * b``, broadcast over leading axes.
        norm: ``norm(a)``, Euclidean norm over the last axis.
        axpy: ``axpy(c, x, y, out=None)``, y + c x for a float c: a new array, or ``out``, which
            costs no fresh memory (for millions of numbers that is most of the time).
        accumulate: ``accumulate(total, c, x)``, total += c x in place; ``total`` may be of a wider
            dtype than ``x``.
        count: ``count(flags)``, the number of true ones, an int.
        sign: ``sign(x)``, in one pass: of nan it may be 0.
    """

    xp: Any
    dot: Callable[[Any, Any], Any]
    norm: Callable[[Any], Any]
    axpy: Callable[..., Any]
    accumulate: Callable[[Any, float, Any], Any]
    count: Callable[[Any], int]
    sign: Callable[[Any], Any]


def _numpy_dot(a: Any, b: Any) -> Any:
    return a.dot(b) if a.ndim == b.ndim == 1 else np.vecdot(a, b)


def _numpy_norm(a: Any) -> Any:
    if a.ndim == 1:
        return a.dot(a) ** 0.5
    return np.sqrt(np.vecdot(a, a))


def _numpy_axpy(c: float, x: Any, y: Any, out: Any = None) -> Any:
    if c == -1.0:
        return np.subtract(y, x, out=out)
    scaled = np.multiply(x, c, out=out)
    return np.add(y, scaled, out=scaled if scaled.shape == y.shape else out)


def _other_axpy(c: float, x: Any, y: Any, out: Any = None) -> Any:
    return y + c * x


def _numpy_accumulate(total: Any, c: float, x: Any) -> None:
    total += c * x


def _torch_axpy(sub: Callable[..., Any]) -> Callable[..., Any]:
    def axpy(c: float, x: Any, y: Any, out: Any = None) -> Any:
        return sub(y, x, alpha=-c, out=out)

    return axpy


def _method_count(flags: Any) -> int:
    return int(flags.sum())


def _method_sign(a: Any) -> Any:
    return a.sign()


def _method_accumulate(total: Any, c: float, x: Any) -> None:
    total.add_(x, alpha=c)


def _method_dot(a: Any, b: Any) -> Any:
    if a.ndim == 1 and b.ndim == 1:
        return a.dot(b)
    return (a * b).sum(-1)


def _method_norm(a: Any) -> Any:
    return _method_dot(a, a) ** 0.5


def _torch_norm(a: Any) -> Any:
    return a.dot(a) ** 0.5 if a.ndim == 1 else a.norm(dim=-1)


_CACHE: dict[type, Kernels] = {}
_ROUNDOFF: dict[Any, float] = {}
_FLOAT64 = np.dtype(np.float64)


def kernels(x: Array) -> Kernels:
    """Kernels of the type of ``x``; a dictionary look-up after the first call.

    Args:
        x: Any array of the type in question.

    Returns:
        The shared `Kernels` of ``type(x)``.

    Raises:
        TypeError: ``x`` is no array of a library that follows the array API.
    """
    try:
        return _CACHE[type(x)]
    except KeyError:
        xp = array_api_compat.array_namespace(x)
        if isinstance(x, np.ndarray | np.generic):
            passes = (_numpy_axpy, _numpy_accumulate, np.count_nonzero, np.sign)
            found = Kernels(xp, _numpy_dot, _numpy_norm, *passes)
        elif array_api_compat.is_torch_array(x):
            # One pass over memory each, where the operators of a tensor take two.
            sums = (_torch_axpy(xp.sub), _method_accumulate, _method_count, _method_sign)
            found = Kernels(xp, _method_dot, _torch_norm, *sums)
        else:
            others = (_other_axpy, _numpy_accumulate, _method_count, xp.sign)
            found = Kernels(xp, _method_dot, _method_norm, *others)
        _CACHE[type(x)] = found
        return found


def namespace(x: Array) -> Any:
    """The array API namespace of ``x``."""
    return kernels(x).xp


def blocks(x: Array) -> list[Any]:
    """Indices that cut one long point on the host into pieces that stay in the cache.

    Several passes over a block cost little more than reading it once. Elsewhere (on an
    accelerator, with leading axes) everything is one piece.

    Args:
        x: shape ``(p,)`` or ``(..., p)``.

    Returns:
        Indices for ``x[index]``, in order.
    """
    device = array_api_compat.device(x)
    if x.ndim != 1 or getattr(device, "type", "cpu") != "cpu":
        return [...]
    return [slice(i, i + BLOCK) for i in range(0, x.shape[0], BLOCK)] or [...]


def to_numpy(x: Any) -> NDArray[np.float64]:
    """A float64 NumPy copy or view of ``x`` (detached from any graph, on the host)."""
    if type(x) is np.ndarray and x.dtype == _FLOAT64:
        return x
    if hasattr(x, "detach"):
        # Via float64 on the host: bfloat16 has no NumPy dtype.
        x = x.detach().cpu().double().numpy()
    return np.asarray(x, dtype=np.float64)


def number_or_array(values: Any) -> Any:
    """The float of an array without axes; else the array: one game, or each of several.

    Example:
        >>> number_or_array(np.ones((3, 2)).sum()), number_or_array(np.ones((3, 2)).sum(axis=0))
        (6.0, array([3., 3.]))
    """
    found = np.asarray(values)
    return float(found) if found.ndim == 0 else found


def as_like(values: Any, reference: Array) -> Any:
    """``values`` as an array of the type, dtype and device of ``reference``."""
    xp = namespace(reference)
    device = array_api_compat.device(reference)
    if isinstance(values, np.ndarray) and not isinstance(reference, np.ndarray):
        values = np.ascontiguousarray(values)
    return xp.asarray(values, dtype=reference.dtype, device=device)


def same_device(values: Array, reference: Array) -> bool:
    """Whether two arrays are of one library and lie on one device."""
    if namespace(values) is not namespace(reference):
        return False
    return bool(array_api_compat.device(values) == array_api_compat.device(reference))


def unit_roundoff(x: Array) -> float:
    """Machine epsilon of the dtype of ``x`` (2.2e-16 for float64, 1.2e-7 for float32)."""
    try:
        return _ROUNDOFF[x.dtype]
    except KeyError:
        found = _ROUNDOFF[x.dtype] = float(namespace(x).finfo(x.dtype).eps)
        return found
