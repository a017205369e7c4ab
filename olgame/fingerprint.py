"""What a part is made of, as one digest for each of its fields: to know it again later."""

from __future__ import annotations

import enum
import functools
import hashlib
import math
import os
import struct
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from olgame.exceptions import ArgumentError, StorageError
from olgame.json_values import on_host

__all__ = ["Fingerprint", "check_same_parts", "fingerprints"]

Fingerprint = dict[str, Any]
"""``{"type": the type's full name, "fields": {name: sha256}}``, in terms of JSON."""

EXACT = 2**53
"""Integers up to here are floats too: a radius of 1 is a radius of 1.0."""

FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type)


def fingerprints(**parts: object) -> dict[str, Fingerprint]:
    """The fingerprints of parts, by their roles: equal for equal parts, in any process.

    Counted are the type, and recursively the fields: of attrs classes and dataclasses those that
    the constructor takes (others are derived or caches), of any other class its attributes.
    Numbers, text and arrays (by dtype, shape and bytes, wherever they lie) count by value, lists
    and mappings by their entries, functions by module and name. What cannot be looked into (a
    generator, a lock, an ``nn.Module``) counts by its type, and by its ``start`` where it has one.

    Args:
        **parts: The parts by their roles.

    Example:
        >>> import olgame as og
        >>> one, other = (og.learners.OnlineGradientDescent(step) for step in (0.1, 0.2))
        >>> found = fingerprints(learner=one)["learner"]
        >>> found["type"].rpartition(".")[2], list(found["fields"])
        ('OnlineGradientDescent', ['step_size'])
        >>> fingerprints(learner=other) == fingerprints(learner=one)
        False
    """
    walk = _Walk()
    return {
        role: {
            "type": _name(type(part)),
            "fields": {name: walk.top(value).hex() for name, value in _fields(part)},
        }
        for role, part in parts.items()
    }


def check_same_parts(
    path: object, stored: Mapping[str, Fingerprint], found: Mapping[str, Fingerprint]
) -> None:
    """Refuse parts that are not those of the file, and say what differs.

    Args:
        path: The file, for messages.
        stored: `fingerprints` of the parts that the game was played with.
        found: `fingerprints` of the parts that were handed over.

    Raises:
        ArgumentError: A part is another one.
        StorageError: ``stored`` are no fingerprints.
    """
    try:
        other = [_difference(role, stored[role], now) for role, now in found.items()]
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"`{path}` is damaged: no fingerprints of the parts.") from error
    wrong = [text for text in other if text]
    if wrong:
        raise ArgumentError(f"{' '.join(wrong)} Make the parts as they were made for `{path}`.")


def _difference(role: str, then: Fingerprint, now: Fingerprint) -> str:
    rule = f"`resume({role}=...)` must be the {role} that the game was played with: "
    if then["type"] != now["type"]:
        ours, theirs = ((kind["type"]).rpartition(".")[2] for kind in (then, now))
        if ours == theirs:
            ours, theirs = then["type"], now["type"]
        return f"{rule}this file is of another {role}: {ours}, got {theirs}."
    names = [*now["fields"], *(name for name in then["fields"] if name not in now["fields"])]
    wrong = [f"`{n}`" for n in names if then["fields"].get(n) != now["fields"].get(n)]
    if not wrong:
        return ""
    verb = "are others" if len(wrong) > 1 else "is another"
    return f"{rule}its {', '.join(wrong)} {verb}."


class _Walk:
    """Digests of objects; one that is met again is not walked through again."""

    def __init__(self) -> None:
        # The objects are held, so that no other one can get the id of one that is gone.
        self._seen: dict[int, tuple[object, bytes]] = {}

    def top(self, value: object) -> bytes:
        """The digest of a field."""
        try:
            return _joined(b"top", [self.token(value)])
        except RecursionError:  # deeper than can be looked into
            self._seen.clear()
            return _joined(b"deep", [_name(type(value)).encode()])

    def token(self, value: Any) -> bytes:
        """Bytes that stand for a value: of what is short the value, else a digest."""
        kind = type(value)
        if kind is float:
            return _number(value)
        if not (kind is np.ndarray or attrs.has(kind)):  # neither has a short form
            plain = _plain(value)
            if plain is not None:
                return plain
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        self._seen[id(value)] = (value, b"circle")
        found = self._composite(value)
        self._seen[id(value)] = (value, found)
        return found

    def _composite(self, value: Any) -> bytes:
        if type(value) is np.ndarray or (hasattr(value, "dtype") and hasattr(value, "ndim")):
            return self._array(value)
        if isinstance(value, list | tuple):
            return _joined(b"items", [self.token(item) for item in value])
        if isinstance(value, Mapping):
            entries = [self.token(name) + self.token(entry) for name, entry in value.items()]
            return _joined(b"mapping", sorted(entries))
        if isinstance(value, set | frozenset):
            return _joined(b"set", sorted(self.token(item) for item in value))
        if isinstance(value, types.MethodType):
            return _joined(b"method", [_name(value).encode(), self.token(value.__self__)])
        if isinstance(value, functools.partial):
            inner = (value.func, value.args, value.keywords)
            return _joined(b"partial", [self.token(item) for item in inner])
        kind: Any = type(value)
        tokens = [_type_name(kind)]
        for name, entry in _fields(value):
            tokens += [name.encode(), self.token(entry)]
        return _joined(b"object", tokens)

    def _array(self, value: Any) -> bytes:
        shape = str(tuple(value.shape)).encode()
        if isinstance(value, np.ndarray) and value.dtype.hasobject:
            return _joined(b"objects", [shape, self.token(value.tolist())])
        try:
            host = on_host(value)
        except (TypeError, ValueError, RuntimeError, AttributeError):  # no dense array
            return _joined(b"object", [_name(type(value)).encode(), str(value.dtype).encode()])
        if host.dtype.str[0] == ">":
            host = host.astype(host.dtype.newbyteorder("<"))
        # Of bfloat16, which NumPy lacks, `host` is float64.
        no_numpy = host is not value and str(value.dtype).endswith("bfloat16")
        dtype = "bfloat16" if no_numpy else host.dtype.str[1:]
        return _joined(b"array", [dtype.encode(), shape, host.tobytes()])


def _plain(value: Any) -> bytes | None:
    """Bytes for what has no parts; None for what has."""
    if isinstance(value, enum.Enum):
        return b"e" + f"{_name(type(value))}.{value.name}".encode()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return b"0" + str(value).encode()
    if isinstance(value, int) and abs(value) > EXACT:
        return b"i" + str(value).encode()
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, complex | range | slice):
        return b"r" + repr(value).encode()
    if isinstance(value, os.PathLike):
        return b"p" + os.fsencode(value)
    if isinstance(value, FUNCTIONS):
        return b"n" + _name(value).encode()
    if isinstance(value, types.ModuleType) or type(value).__name__ == "dtype":
        return b"m" + str(getattr(value, "__name__", value)).encode()
    return None


def _number(value: float) -> bytes:
    return b"f" + struct.pack("<d", math.nan if value != value else value)


def _joined(kind: bytes, tokens: Iterable[bytes]) -> bytes:
    made = hashlib.sha256(kind)
    for token in tokens:  # each after its length, so that no two lists read alike
        made.update(b"%d:" % len(token) + token)
    return made.digest()


def _fields(value: Any) -> list[tuple[str, Any]]:
    """What an object is made of, by name."""
    kind: Any = type(value)
    taken, known = _declared(kind)
    if not known and hasattr(kind, "state_dict"):  # an nn.Module: a game may write into it
        start = getattr(value, "start", None)
        return [] if start is None else [("start", start)]
    names = [name for name in taken if hasattr(value, name)]
    own = (name for name in getattr(value, "__dict__", ()) if name not in known)
    names.extend(name for name in own if not _is_cached(kind, name))
    return [(name, getattr(value, name)) for name in names]


@functools.cache
def _declared(kind: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names of the fields that the constructor takes (or slots), and of all fields."""
    fields: Any = ()
    if attrs.has(kind):
        fields = attrs.fields(kind)
    elif hasattr(kind, "__dataclass_fields__"):
        fields = tuple(kind.__dataclass_fields__.values())
    if fields:
        taken = tuple(field.name for field in fields if field.init)
        return taken, frozenset(field.name for field in fields)
    slots: list[str] = []
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        slots += [own] if isinstance(own, str) else list(own)
    members = tuple(name for name in slots if name not in {"__dict__", "__weakref__"})
    return members, frozenset(members)


@functools.cache
def _is_cached(kind: type, name: str) -> bool:
    return any(
        isinstance(base.__dict__.get(name), functools.cached_property) for base in kind.__mro__
    )


@functools.cache
def _type_name(kind: type) -> bytes:
    return _name(kind).encode()


def _name(thing: Any) -> str:
    """Module and name; of the script that is running the name it has when it is imported."""
    module = getattr(thing, "__module__", None) or ""
    if module == "__main__":
        main = sys.modules["__main__"]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name if spec else Path(file).stem if file else module
    return f"{module}.{getattr(thing, '__qualname__', getattr(thing, '__name__', '?'))}"
