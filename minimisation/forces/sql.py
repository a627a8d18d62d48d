"""Quoting for SQL text: identifiers and literals are written by these functions only."""

from collections.abc import Iterable


def name(identifier: str) -> str:
    """An identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal in single quotes. For public text only; data is bound as a parameter."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """A parenthesised list of string literals."""
    return "(" + ", ".join(text(value) for value in values) + ")"


def array(values: Iterable[str]) -> str:
    """A list of string literals."""
    return "cast([" + ", ".join(text(value) for value in values) + "] as varchar[])"
