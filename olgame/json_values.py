"""Results as strict JSON, and back: numbers that are not finite, proofs, arrays, records.

JSON has no nan and no type. Whatever is more than text, a truth value, a finite number, a list or
a mapping is written as a mapping with a ``"kind"``, so that a certified number can never be read
back as an estimated one, nor nan as text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import namespace, to_numpy
from olgame.results import Certified, Estimated, Interval

__all__ = ["Record", "decode", "encode", "on_host"]

LONGEST_TEXT = 500
DEEPEST = 50


@attrs.frozen(eq=False)
class Record:
    """A stored object of another type: its name and its fields.

    Attributes:
        type: the name of the class, e.g. ``"Verdict"``.
        fields: the values of its fields.
    """

    type: str
    fields: Mapping[str, Any]


def on_host(x: Any) -> NDArray[Any]:
    """``x`` as a NumPy array of its own dtype (float64 where NumPy has no such dtype)."""
    if isinstance(x, np.ndarray):
        return x
    try:
        dtype = np.dtype(str(x.dtype).rpartition(".")[2])
    except TypeError:  # bfloat16
        xp = namespace(x)
        return to_numpy(xp.astype(x, xp.float64))
    return to_numpy(x).astype(dtype)


def encode(value: object, arrays: dict[str, NDArray[Any]], _depth: int = 0) -> Any:
    """``value`` in terms of JSON; arrays are put into ``arrays`` and referred to by name.

    Objects of unknown types become their type and text: a result is never lost because one of
    its parts cannot be written.

    Args:
        value: what to write.
        arrays: filled with the arrays inside ``value``, under new names.

    Returns:
        What `json.dumps` takes with ``allow_nan=False``.

    Example:
        >>> encode({"gap": float("inf"), "rounds": 3}, {})
        {'gap': {'kind': 'float', 'value': 'inf'}, 'rounds': 3}
    """
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, float | int | np.generic):
        return _number(value)
    if _depth > DEEPEST:
        return _text(value)

    def inner(part: object) -> Any:
        return encode(part, arrays, _depth + 1)

    if isinstance(value, Certified | Estimated | Interval):
        fields = {name: inner(getattr(value, name)) for name in attrs.fields_dict(type(value))}
        return {"kind": type(value).__name__.lower(), **fields}
    if isinstance(value, Enum):
        return inner(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        array = on_host(value)
        if array.dtype.kind not in "biuf":
            return _text(value)
        name = f"array_{len(arrays)}"
        arrays[name] = array
        return {"kind": "array", "name": name}
    if isinstance(value, Record):
        return _record(value.type, value.fields, inner)
    kind: Any = type(value)
    if attrs.has(kind):
        names = [name for name in attrs.fields_dict(kind) if not name.startswith("_")]
        found = {name: getattr(value, name) for name in names}
        return _record(type(value).__name__, found, inner)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _record(type(value).__name__, value._asdict(), inner)  # type: ignore[attr-defined]  # a named tuple
    if isinstance(value, Mapping):
        return _mapping(value, inner)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [inner(part) for part in value]
    return _text(value)


def decode(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """What `encode` wrote, read back (tuples and sets as lists, other objects as `Record`).

    Args:
        value: what `json.loads` returned.
        arrays: the arrays that ``value`` refers to.

    Returns:
        The value.

    Raises:
        ValueError: ``value`` was not written by `encode`.

    Example:
        >>> decode({"kind": "certified", "value": 0.25, "side": "lower", "method": "gap"}, {})
        Certified(value=0.25, side='lower', method='gap')
    """
    if isinstance(value, list):
        return [decode(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if "kind" not in value:
        return {key: decode(part, arrays) for key, part in value.items()}
    kind = value["kind"]
    parts = {key: part for key, part in value.items() if key != "kind"}
    match kind, parts:
        case "float", {"value": str() as word} if word in ("nan", "inf", "-inf"):
            return float(word)
        case "array", {"name": str() as name} if name in arrays:
            return arrays[name]
        case "mapping", {"items": list() as items} if all(map(_is_pair, items)):
            return {key: decode(part, arrays) for key, part in items}
        case "record", {"type": str() as name, "fields": dict() as fields}:
            return Record(name, {key: decode(part, arrays) for key, part in fields.items()})
        case "text", {"type": str() as name, "text": str() as text}:
            return Record(name, {"text": text})
        case "certified", {"value": number, "side": "exact" | "lower" | "upper" as side}:
            return Certified(
                _decoded_number(number, arrays),
                side,
                str(parts.get("method", "")),
                quantity=str(parts.get("quantity", "")),
            )
        case "estimated", {"value": number}:
            return Estimated(_decoded_number(number, arrays), str(parts.get("method", "")))
        case "interval", {"lower": lower, "upper": upper}:
            ends = decode(lower, arrays), decode(upper, arrays)
            if all(isinstance(end, Certified) for end in ends):
                return Interval(*ends)
    raise ValueError(f"{str(value)[:80]} is no value of kind {str(kind)[:20]!r}")


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)


def _decoded_number(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    number = decode(value, arrays)
    if isinstance(number, bool) or not isinstance(number, int | float | np.ndarray):
        raise ValueError(f"{str(number)[:80]} is no number")
    return float(number) if isinstance(number, int) else number


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"kind": "float", "value": str(float(value))}
    if isinstance(value, bool | int | float):
        # An int or float subclass (an IntEnum, say) is written as the plain number.
        return value if isinstance(value, bool) else (0 + value)
    return str(value)


def _record(name: str, fields: Mapping[str, object], inner: Any) -> dict[str, Any]:
    return {"kind": "record", "type": name, "fields": {k: inner(v) for k, v in fields.items()}}


def _mapping(value: Mapping[Any, object], inner: Any) -> dict[str, Any]:
    items = [
        (key if isinstance(key, str) else str(key), inner(part)) for key, part in value.items()
    ]
    if any(key == "kind" for key, _ in items):  # would be taken for one of ours
        return {"kind": "mapping", "items": [list(item) for item in items]}
    return dict(items)


def _text(value: object) -> dict[str, str]:
    try:
        text = repr(value)
    except Exception as error:  # somebody else's __repr__
        text = f"(no text: {type(error).__name__})"
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + " ..."
    return {"kind": "text", "type": type(value).__name__, "text": text}
