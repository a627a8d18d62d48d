"""Reads a use case from its TOML file; errors name the key and the rule."""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from minimisation import UseCaseError
from minimisation.forces.toml_file import explain, read_text
from sandbox.use_case_tables import UseCaseFile


def shipped() -> tuple[str, ...]:
    """Names of the use cases that come with the sandbox."""
    folder = files("sandbox") / "use_cases"
    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load(name_or_path: str, beside: Path | None = None) -> UseCaseFile:
    """A shipped use case by name, or any by path (relative to `beside`).

    Raises:
        UseCaseError: if there is none, or it breaks a rule; the message names the key.
    """
    if name_or_path in shipped():
        text = (files("sandbox") / "use_cases" / f"{name_or_path}.toml").read_text("utf-8")
    else:
        path = (beside or Path()) / name_or_path
        if not path.is_file():
            raise UseCaseError(
                f"use case ({name_or_path}) must be a file or one of: {', '.join(shipped())}"
            )
        text = read_text(path)
    return parse(text, name_or_path)


def parse(text: str, what: str) -> UseCaseFile:
    """A use case from TOML text.

    Raises:
        UseCaseError: naming the key and the rule.
    """
    try:
        table = UseCaseFile.model_validate(tomllib.loads(text))
        table.value()
    except tomllib.TOMLDecodeError as error:
        raise UseCaseError(f"use case ({what}) must be valid TOML: {error}") from None
    except ValidationError as error:
        raise UseCaseError(f"use case ({what}): {explain(error)}") from None
    except ValueError as error:
        raise UseCaseError(f"use case ({what}): {error}") from None
    return table
