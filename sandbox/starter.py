"""Writes a commented starter plan from the header of a user's file; reads no values."""

import os
from pathlib import Path

import duckdb

from minimisation import Floor, UseCaseError
from minimisation.contract.usecase import FORCE
from sandbox.flat_files import columns_of
from sandbox.use_case_files import load
from sandbox.use_case_tables import UseCaseFile

HEAD = """\
# Study plan. It is hashed before anything runs; change it and it is a new plan, and the old one
# stays on record. Lines that start with '#' are comments.
title = "{title}"
use_case = "{use_case}"   # {hint}
repeats = 10              # 10 or more for cheap options, 5 or more for trained ones
seed = 1
held_out = 0.3            # share of people no option sees; they judge every option
# options = ["raw-pool", "private-statistics"]   # all options if left out; see: sandbox options

# [floor]                 # replaces the use case's floor; fix it before you look at any result
# measure = "{measure}"
# {direction} = {value:g}

[data]
status = "protected"      # protected: no rows leave any force; public: published or permitted data
file = "{file}"
"""

USE_CASE_HEAD = """\
# Use case. Domains are public inputs: state them from documentation, not from the data.
name = "my-use-case"
title = "One line that a person without prior knowledge understands"
purpose = "The law-enforcement purpose"
unit = "person"          # or "record" where no person id exists
as_of = 2024-01-01       # features are known before this date, the label after it

[question]
kind = "binary-outcome"  # or "grouped-statistics" with by and statistics
target = ""              # FILL IN: the 0/1 column to be predicted
features = []            # FILL IN: columns known before the as-of date

[floor]                  # the least usefulness that would serve the purpose
measure = "auc"
at_least = 0.7
"""
DRAFTED_FLOOR = Floor(measure="auc", value=0.7, direction="at_least")
"""The floor of a use case that is drafted from a file's header."""


def starter_plan(path: Path, use_case: str | None, folder: Path) -> tuple[str, str | None]:
    """A starter plan, and a starter use case where none was named.

    Args:
        path: the user's Parquet or CSV file; only its header is read.
        use_case: a shipped use case or a use-case file; None to draft one from the header.
        folder: where the plan will be, so that paths are written relative to it.

    Returns:
        Text of the plan; text of the use case, or None.

    Raises:
        UseCaseError: if the file or the use case cannot be read.
    """
    if not path.is_file():
        raise UseCaseError(f"file ({path.name}) must exist")
    with duckdb.connect() as connection:
        held = columns_of(connection, path)
    definition = load(use_case, folder) if use_case is not None else None
    floor = definition.floor.value() if definition else DRAFTED_FLOOR
    file = Path(os.path.relpath(path, folder))
    head = HEAD.format(
        title="Name your study",
        use_case=use_case or "my-use-case.toml",
        hint="shipped name or file; see: sandbox use-cases",
        measure=floor.measure,
        direction=floor.direction,
        value=floor.value,
        file=file.as_posix(),
    )
    guess = next((name for name in held if FORCE in name.lower()), None)
    plan = [head, _line("force_column", guess, "the column that tells the forces apart")]
    plan.append(f"# The file's columns: {', '.join(held)}\n")
    if definition is None:
        plan.append('# person = ""   # the person-id column, if the unit is a person\n')
        return "".join(plan), _starter_use_case(held)
    if definition.unit == "person":
        guess = next((name for name in held if name.lower() in ("person_id", "id")), None)
        plan.append(_line("person", guess, "the person-id column"))
    plan.append(_mapping(definition, held))
    return "".join(plan), None


def _line(key: str, value: str | None, meaning: str) -> str:
    if value is None:
        return f'{key} = ""   # FILL IN: {meaning}\n'
    return f'{key} = "{value}"   # {meaning}\n'


def _mapping(definition: UseCaseFile, held: list[str]) -> str:
    lines = ["\n[data.columns]   # column of the use case = column of your file\n"]
    for name, column in definition.columns.items():
        allowed = f"one of {', '.join(column.categories)}" if column.categories else ""
        allowed = allowed or ("" if column.low is None else f"{column.low:g} to {column.high:g}")
        note = "; ".join(part for part in (column.title or name, allowed) if part)
        lines.append(_line(name, name if name in held else None, note))
    lines.append("\n# [data.codes.sex]   # where your labels differ from the declared categories\n")
    lines.append('# "M" = "Male"\n')
    return "".join(lines)


def _starter_use_case(held: list[str]) -> str:
    lines = [USE_CASE_HEAD]
    for name in held:
        key = name.lower().replace(" ", "_").replace("-", "_")
        lines.append(
            f"\n[columns.{key}]\n"
            'role = "other"   # direct_identifier, quasi_identifier, sensitive_attribute, target\n'
            "categories = []   # FILL IN the labels, or replace by low = … and high = …\n"
            "# protected = true   # a protected characteristic\n"
            "# optional = true    # values may be missing\n"
            "# open_text = true   # instead of categories, if the labels are not public\n"
        )
    return "".join(lines)
