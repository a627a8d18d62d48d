"""Reads TOML files into checked values; an error names the key and the rule, not the value."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from minimisation.contract.errors import UseCaseError


class Strict(BaseModel):
    """A TOML table in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        UseCaseError: if it is not UTF-8.
    """
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UseCaseError(f"file ({path.name}) must be UTF-8 text; save it as UTF-8") from None


def read_toml(path: Path, model: type[Model], what: str) -> Model:
    """A checked TOML file.

    Raises:
        UseCaseError: if it is missing, not TOML, or breaks a rule.
    """
    if not path.is_file():
        raise UseCaseError(f"{what} ({path.name}) must be an existing TOML file")
    try:
        content: dict[str, Any] = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError:
        raise UseCaseError(f"{what} ({path.name}) must be valid TOML") from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UseCaseError(f"{what} ({path.name}): {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """Pydantic's findings as one line of `key: rule`, without the offending values."""
    details: list[Any] = error.errors(include_url=False, include_input=False)
    lines = (f"{'.'.join(str(part) for part in d['loc'])}: {_rule(d)}" for d in details)
    return "; ".join(lines)


def _rule(detail: dict[str, Any]) -> str:
    if detail["type"] == "extra_forbidden":
        return "unknown key; check the spelling or remove it"
    return str(detail["msg"]).removeprefix("Value error, ")
