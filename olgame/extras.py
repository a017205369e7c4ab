"""What to type where a package is missing that an extra brings."""

from __future__ import annotations

__all__ = ["how_to_install"]


def how_to_install(extra: str) -> str:
    """The command that adds an extra.

    By the name it works wherever `olgame` is installed, from a checkout too: pip finds it there and
    fetches what the extra needs alone. A checkout that is not installed is named by its folder.

    Args:
        extra: One of those in ``pyproject.toml``.

    Example:
        >>> print(how_to_install("torch"))
        `pip install "olgame[torch]"` (in a checkout: `pip install ".[torch]"`)
    """
    return f'`pip install "olgame[{extra}]"` (in a checkout: `pip install ".[{extra}]"`)'
