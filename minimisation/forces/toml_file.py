"""Reads a TOML file into checked values; an error names the key and the rule, not the value."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from minimisation.contract.errors import UseCaseError


class Strict(BaseModel):
    """A TOML table in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def read_toml(path: Path, model: type[Model], what: str) -> Model:
    """A checked TOML file.

    Raises:
        UseCaseError: if it is missing, not TOML, or breaks a rule.
    """
    if not path.is_file():
        raise UseCaseError(f"{what} ({path.name}) must be an existing TOML file")
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UseCaseError(f"{what} ({path.name}) must be valid TOML in UTF-8") from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        lines = (f"{'.'.join(str(part) for part in d['loc'])}: {d['msg']}" for d in details)
        raise UseCaseError(f"{what} ({path.name}): {'; '.join(lines)}") from None
