"""What a theorem assumes, and whether a game that was played (or planned) satisfies it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from olgame.exceptions import ArgumentError

__all__ = ["Premise", "PremiseStatus", "Premises"]

PremiseStatus = Literal["holds", "fails", "not checked"]

_STATUSES: tuple[PremiseStatus, ...] = ("holds", "fails", "not checked")
_MARK = {"holds": "+", "fails": "x", "not checked": "?"}


def _known(instance: Premise, attribute: attrs.Attribute[str], value: object) -> None:
    if value not in _STATUSES:
        raise ArgumentError(f"`Premise(status=...)` must be one of {_STATUSES}, got {value!r}.")


@attrs.frozen
class Premise:
    """One assumption of a theorem.

    Attributes:
        name: What is assumed, in a few words.
        status: ``"holds"`` (recomputed from what was played), ``"fails"``, or ``"not checked"``
            (what was played does not say; never counted as holding).
        detail: The numbers behind the status.

    Example:
        >>> print(Premise("full batch", "fails", "rounds 3 and 7 played a part of the data"))
        [x] full batch: rounds 3 and 7 played a part of the data
    """

    name: str
    status: PremiseStatus = attrs.field(validator=_known)
    detail: str = ""

    @classmethod
    def of(cls, name: str, known: bool | None, detail: str = "") -> Premise:
        """A premise from a truth value; None means "not checked"."""
        status: PremiseStatus = "not checked" if known is None else "holds" if known else "fails"
        return cls(name, status, detail)

    @property
    def holds(self) -> bool:
        return self.status == "holds"

    @property
    def fails(self) -> bool:
        return self.status == "fails"

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name, "status": self.status, "detail": self.detail}

    def __str__(self) -> str:
        return f"[{_MARK[self.status]}] {self.name}" + (f": {self.detail}" if self.detail else "")


def _unique(
    instance: Premises, attribute: attrs.Attribute[tuple[Premise, ...]], value: tuple[Premise, ...]
) -> None:
    names = [premise.name for premise in value]
    if len(set(names)) != len(names):
        raise ArgumentError(f"`Premises(items=...)` must have different names, got {names}.")


@attrs.frozen
class Premises:
    """The premises of one theorem, in the order of its statement.

    Attributes:
        items: The premises; their names differ.

    Example:
        >>> premises = Premises((Premise("a", "holds"), Premise("b", "not checked")))
        >>> premises.all_hold, premises.any_fails
        (False, False)
        >>> premises["b"].status
        'not checked'
    """

    items: tuple[Premise, ...] = attrs.field(validator=_unique)

    @property
    def all_hold(self) -> bool:
        """Whether every premise was checked and holds."""
        return all(premise.holds for premise in self.items)

    @property
    def any_fails(self) -> bool:
        return any(premise.fails for premise in self.items)

    @property
    def failing(self) -> tuple[Premise, ...]:
        return tuple(premise for premise in self.items if premise.fails)

    @property
    def unchecked(self) -> tuple[Premise, ...]:
        return tuple(premise for premise in self.items if premise.status == "not checked")

    def to_dict(self) -> list[dict[str, str]]:
        return [premise.to_dict() for premise in self.items]

    def __getitem__(self, name: str) -> Premise:
        for premise in self.items:
            if premise.name == name:
                return premise
        known = ", ".join(repr(premise.name) for premise in self.items)
        raise KeyError(f"no premise named {name!r}; there are {known}")

    def __iter__(self) -> Iterator[Premise]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        return "\n".join(str(premise) for premise in self.items)
