"""Placeholder: written next."""

from __future__ import annotations


class Activation: ...
