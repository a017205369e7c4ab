"""What two players play for: a function that the first minimizes and the second maximizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.one_game import leading_axes, row
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import is_floating, matched
from olgame.typing import Array, Value
from olgame.validation import is_function

__all__ = ["Bilinear", "FunctionPayoff", "Payoff"]


class Payoff(Protocol):
    """phi(x, y), convex in x and concave in y: x minimizes, y maximizes."""

    def value(self, x: Array, y: Array) -> Value:
        """phi(x, y), shape ``(...)``."""
        ...

    def first_gradient(self, x: Array, y: Array) -> Array:
        """A subgradient of phi(., y) at x, of the shape of ``x``."""
        ...

    def second_gradient(self, x: Array, y: Array) -> Array:
        """A supergradient of phi(x, .) at y, of the shape of ``y``."""
        ...

    def best_response(self, x: Array, decision_set: ConvexSet) -> Array:
        """A y in Y that maximizes phi(x, .)."""
        ...


def _matrix(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not is_floating(value) or value.ndim < 2 or 0 in value.shape:
        raise ShapeError(
            f"`Bilinear({attribute.name}=...)` must be an array of floats of shape (p, q) or "
            f"(..., p, q), got {getattr(value, 'dtype', type(value).__name__)} of shape "
            f"{tuple(getattr(value, 'shape', ()))}."
        )
    if not np.isfinite(to_numpy(value)).all():
        raise ArgumentError(
            f"`Bilinear({attribute.name}=...)` must be finite, got an entry that is nan or "
            "infinite."
        )


@attrs.frozen(eq=False)
class Bilinear:
    """phi(x, y) = x^T A y.

    On two simplices the matrix game with payoff A (x pays, y receives); on any two convex sets a
    bilinear saddle point. Without a matrix phi(x, y) = <x, y>: the second player chooses the
    gradient of a linear loss from its set.

    Args:
        matrix: A, shape ``(p, q)``, or ``(..., p, q)`` with one for each game; None is the
            identity.

    Raises:
        ShapeError: ``matrix`` is no array of floats of two axes or more; or a move does not fit it.
        ArgumentError: An entry is not finite.

    Example:
        >>> import numpy as np
        >>> pennies = Bilinear(np.array([[1.0, -1.0], [-1.0, 1.0]]))
        >>> float(pennies.value(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
        -1.0
    """

    matrix: Array | None = attrs.field(default=None, validator=_matrix)

    @property
    def games(self) -> tuple[int, ...]:
        """The games, where each has a matrix of its own."""
        return leading_axes(self.matrix, 2)

    def value(self, x: Array, y: Array) -> Value:
        """<x, A y>."""
        value: Value = kernels(x).dot(x, self.first_gradient(x, y))
        return value

    def first_gradient(self, x: Array, y: Array) -> Array:
        """A y."""
        self._check(x, y)
        if self.matrix is None:
            return y
        a, xp = matched(self.matrix, y), kernels(y).xp
        found: Array = xp.matmul(a, y[..., None])[..., 0]
        return found

    def second_gradient(self, x: Array, y: Array) -> Array:
        """A^T x."""
        self._check(x, y)
        return self._against(x)

    def best_response(self, x: Array, decision_set: ConvexSet) -> Array:
        """The linear minimizer at -A^T x."""
        self._check(x)
        return decision_set.lmo(-self._against(x))

    def game(self, index: tuple[int, ...], /) -> Bilinear:
        """The payoff of one game, where there is a matrix for each."""
        return Bilinear(row(self.matrix, index, 2))

    def _against(self, x: Array) -> Array:
        if self.matrix is None:
            return x
        a, xp = matched(self.matrix, x), kernels(x).xp
        found: Array = xp.matmul(x[..., None, :], a)[..., 0, :]
        return found

    def _check(self, x: Array, y: Array | None = None) -> None:
        """Raise `ShapeError` unless x is as long as the matrix is high, and y as it is wide."""
        if self.matrix is None:
            if y is not None and x.shape[-1] != y.shape[-1]:
                raise ShapeError(
                    "`Bilinear()` without a matrix needs x and y of one length, got shapes "
                    f"{tuple(x.shape)} and {tuple(y.shape)}. Give `Bilinear(matrix=...)`."
                )
            return
        for name, move, length in zip("xy", (x, y), self.matrix.shape[-2:], strict=True):
            if move is not None and move.shape[-1] != length:
                raise ShapeError(
                    f"`Bilinear(matrix=...)` of shape {tuple(self.matrix.shape)} needs {name} with "
                    f"{length} entries on its last axis, got shape {tuple(move.shape)}."
                )


@attrs.frozen(eq=False)
class FunctionPayoff:
    """phi from plain functions of (x, y); that it is convex-concave is your word.

    Args:
        value: phi, shape ``(...)``.
        first_gradient: A subgradient in x.
        second_gradient: A supergradient in y.
        best_response: ``best_response(x, Y)``, a y in Y that maximizes phi(x, .); None: not known,
            and `BestResponse` refuses.

    Raises:
        ArgumentError: What should be a function is none.

    Example:
        >>> import numpy as np
        >>> payoff = FunctionPayoff(  # x^2/2 + x y - y^2/2
        ...     lambda x, y: (0.5 * x * x + x * y - 0.5 * y * y).sum(-1),
        ...     lambda x, y: x + y,
        ...     lambda x, y: x - y,
        ... )
        >>> float(payoff.value(np.array([1.0]), np.array([2.0])))
        0.5
    """

    _value: Callable[[Any, Any], Any] = attrs.field(validator=is_function)
    _first_gradient: Callable[[Any, Any], Any] = attrs.field(validator=is_function)
    _second_gradient: Callable[[Any, Any], Any] = attrs.field(validator=is_function)
    _best_response: Callable[[Any, Any], Any] | None = attrs.field(
        default=None, validator=attrs.validators.optional(is_function)
    )

    def value(self, x: Array, y: Array) -> Value:
        """phi(x, y)."""
        value: Value = self._value(x, y)
        return value

    def first_gradient(self, x: Array, y: Array) -> Array:
        """A subgradient in x."""
        found: Array = self._first_gradient(x, y)
        return found

    def second_gradient(self, x: Array, y: Array) -> Array:
        """A supergradient in y."""
        found: Array = self._second_gradient(x, y)
        return found

    def best_response(self, x: Array, decision_set: ConvexSet) -> Array:
        """The given one.

        Raises:
            NotAvailableError: None was given.
        """
        if self._best_response is None:
            raise NotAvailableError(
                "This payoff knows no best response: give "
                "`FunctionPayoff(best_response=...)`, a function of x and the set of y."
            )
        found: Array = self._best_response(x, decision_set)
        return found
