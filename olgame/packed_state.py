"""The state of a learner or an adversary as plain numbers, and back.

Nothing of a type is stored: what a state *is* comes from a fresh one, made by the part itself;
only the numbers in it come from the file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, namespace
from olgame.exceptions import NotAvailableError
from olgame.json_values import decode, encode, on_host

__all__ = ["pack", "unpack"]

Arrays = dict[str, NDArray[Any]]


def pack(state: object, arrays: Arrays) -> Any:
    """The numbers in ``state``, in terms of JSON; its arrays are put into ``arrays``.

    Records (attrs classes, named tuples), lists, tuples and mappings are walked through; numbers,
    text, truth values, None and arrays are stored; any other object (a decision set, another
    part) is left to the fresh state.

    Args:
        state: A state as a learner or an adversary hands it along.
        arrays: Filled with the arrays inside ``state``, under new names.

    Returns:
        What `unpack` takes.

    Example:
        >>> arrays: Arrays = {}
        >>> pack({"point": np.zeros(2), "t": 3}, arrays)
        {'mapping': {'point': {'array': '0'}, 't': 3}}
    """
    if state is None or isinstance(state, bool | str | int | float | np.generic):
        return encode(state, {})
    if hasattr(state, "dtype") and hasattr(state, "ndim"):
        name = str(len(arrays))
        arrays[name] = on_host(state)
        return {"array": name}
    if isinstance(state, Mapping):
        return {"mapping": {str(name): pack(value, arrays) for name, value in state.items()}}
    fields = _fields(state)
    if fields is not None:
        return {"fields": {name: pack(value, arrays) for name, value in fields.items()}}
    if isinstance(state, list | tuple):
        return {"items": [pack(value, arrays) for value in state]}
    return {"part": type(state).__name__}


def unpack(stored: Any, fresh: Any, arrays: Arrays, like: Any, where: str = "state") -> Any:
    """The state whose numbers were stored, in the shape of a fresh one.

    Args:
        stored: What `pack` returned.
        fresh: A state of the same part in the same game, before the first round. It is not changed.
        arrays: The stored arrays.
        like: An array of the game: the library and device of arrays that a fresh state lacks.
        where: Which part of the state this is, for messages.

    Raises:
        NotAvailableError: The state is not of the shape of a fresh one.
    """
    if isinstance(stored, dict) and stored.keys() == {"array"}:
        return _array(arrays[stored["array"]], fresh if hasattr(fresh, "dtype") else like)
    if isinstance(stored, dict) and stored.keys() == {"mapping"}:
        known = fresh if isinstance(fresh, Mapping) else {}
        return {
            name: unpack(value, known.get(name), arrays, like, f"{where}.{name}")
            for name, value in stored["mapping"].items()
        }
    if isinstance(stored, dict) and stored.keys() == {"fields"}:
        return _record(stored["fields"], fresh, arrays, like, where)
    if isinstance(stored, dict) and stored.keys() == {"items"}:
        first = fresh if isinstance(fresh, list | tuple) else ()
        items = [
            unpack(item, first[i] if i < len(first) else None, arrays, like, f"{where}[{i}]")
            for i, item in enumerate(stored["items"])
        ]
        return items if isinstance(fresh, list) else tuple(items)
    if isinstance(stored, dict) and stored.keys() == {"part"}:
        if type(fresh).__name__ != stored["part"]:
            raise NotAvailableError(
                f"`{where}` held an object of type {stored['part']}, which is not stored, and a "
                f"fresh state has a {type(fresh).__name__} there: keep numbers and arrays in "
                "states, or make the object in `init`."
            )
        return fresh
    return decode(stored, {})


def _fields(state: object) -> Mapping[str, object] | None:
    """The fields of a record, by name; None for what is no record."""
    if isinstance(state, tuple) and hasattr(state, "_asdict"):
        named: Mapping[str, object] = state._asdict()
        return named
    # Parts (sets, learners) are attrs classes too: frozen, where a state may be either.
    if attrs.has(type(state)) and not hasattr(state, "project") and not hasattr(state, "decide"):
        kind: Any = type(state)
        return {field.name: getattr(state, field.name) for field in attrs.fields(kind)}
    return None


def _record(stored: Mapping[str, Any], fresh: Any, arrays: Arrays, like: Any, where: str) -> Any:
    known = _fields(fresh)
    if known is None or known.keys() != stored.keys():
        raise NotAvailableError(
            f"`{where}` was a record with the fields {', '.join(stored)}, and a fresh state has "
            f"a {type(fresh).__name__} there: it is the state of another learner or adversary."
        )
    values = {}
    for name, value in stored.items():
        begin = known[name]
        if begin is None and isinstance(value, dict) and value.keys() == {"fields"}:
            begin = _blank(type(fresh), name, value["fields"])
        values[name] = unpack(value, begin, arrays, like, f"{where}.{name}")
    if isinstance(fresh, tuple):
        return fresh._replace(**values)  # type: ignore[attr-defined]  # a named tuple
    made = copy.copy(fresh)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def _blank(owner: type, name: str, stored: Mapping[str, Any]) -> Any:
    """A record for a field that a fresh state has None in, of the type that its class declares.

    The type comes from the annotation ``Record | None`` in the code that is running, never from
    the file.
    """
    try:
        declared = get_type_hints(owner).get(name)
    except NameError:  # a name that is imported for type checking only
        return None
    for kind in get_args(declared):
        if attrs.has(kind) and {field.name for field in attrs.fields(kind)} == stored.keys():
            blank = kind.__new__(kind)
            for field in stored:
                object.__setattr__(blank, field, None)
            return blank
    return None


def _array(stored: NDArray[Any], reference: Any) -> Any:
    """A stored array in the library and on the device of ``reference``, of its own dtype."""
    xp = namespace(reference)
    own = as_like(np.zeros(0), reference)
    dtype = getattr(xp, stored.dtype.name, None)
    device = getattr(own, "device", None)
    values = np.array(stored)  # writable, and no view of the file
    return xp.asarray(values, dtype=dtype, device=device) if dtype else xp.asarray(values)
