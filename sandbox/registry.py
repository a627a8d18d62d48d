"""All options by name: the built-in ones, and those that a plan brings in a file of its own."""

import importlib.util
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import federated
import minimisation.options
import synthetic
from minimisation import Option, UseCaseError


def usual_options() -> dict[str, Option]:
    """The options that a plan compares if it names none, with their default parameters.

    Listing them imports no heavy engine; an option whose engine is missing says so when applied.
    """
    found = (*minimisation.options.OPTIONS, *synthetic.OPTIONS, *federated.OPTIONS)
    return {option.name: option for option in found}


def builtin_options() -> dict[str, Option]:
    """Every option that comes with the sandbox, also those that take long: named to be compared."""
    named: tuple[Option, ...] = (*synthetic.ON_REQUEST, *federated.ON_REQUEST)
    return usual_options() | {option.name: option for option in named}


def options_in(path: Path) -> dict[str, Option]:
    """The options that a Python file defines: its frozen dataclasses with an `apply` method.

    Raises:
        UseCaseError: if the file is missing or defines none.
    """
    if not path.is_file():
        raise UseCaseError(f"option file ({path.name}) must exist; check option_files in the plan")
    name = f"sandbox_option_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UseCaseError(f"option file ({path.name}) must be a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    made = [
        cast("Option", value())
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == name and hasattr(value, "apply")
    ]
    if not made:
        raise UseCaseError(f"option file ({path.name}) must define a class with an apply method")
    return {option.name: option for option in made}


def parameters_of(option: Option) -> dict[str, Any]:
    """An option's parameters: its dataclass fields, which its steps are built from."""
    if not is_dataclass(option):
        return {}
    return {field.name: getattr(option, field.name) for field in fields(option) if field.init}


def with_parameters(option: Option, given: dict[str, Any]) -> Option:
    """The option with some parameters changed.

    Raises:
        UseCaseError: naming the parameter and the rule.
    """
    known = parameters_of(option)
    for name in given:
        if name not in known:
            raise UseCaseError(
                f"parameters.{option.name}.{name} must be one of: {', '.join(known) or 'none'}"
            )
    try:
        return cast("Option", replace(cast("Any", option), **given)) if given else option
    except (ValueError, TypeError) as error:
        raise UseCaseError(f"parameters.{option.name}: {error}") from None


def chosen_options(
    wanted: list[str], option_files: list[Path], parameters: dict[str, dict[str, Any]]
) -> dict[str, Option]:
    """The options that a plan names, in its order; the usual ones and its own if it names none.

    Raises:
        UseCaseError: if a name or a parameter is unknown.
    """
    known = builtin_options()
    usual = usual_options()
    for path in option_files:
        brought = options_in(path)
        known |= brought
        usual |= brought
    for name in [*wanted, *parameters]:
        if name not in known:
            raise UseCaseError(f"option ({name}) must be one of: {', '.join(sorted(known))}")
    names = wanted or list(usual)
    return {name: with_parameters(known[name], parameters.get(name, {})) for name in names}
