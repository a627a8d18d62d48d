"""How one source becomes one harmonised table: columns, casts, code lists, what is never stored."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from minimisation.contract.errors import UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces.toml_file import Strict, read_toml

Kind = Literal["id", "identifier", "label", "integer", "date", "month", "free_text"]


class MappedColumn(Strict):
    """One harmonised column: `[columns.NAME]`."""

    source: str
    """Column name in the source."""
    kind: Kind = "label"
    """`id`: canonical identifier; `identifier`: a name or postcode, kept as written but trimmed;
    `label`: a category; `integer`; `date`; `month`: `YYYY-MM`, becomes the first of the month;
    `free_text`: off unless the force switches it on."""
    codes: dict[str, str] = Field(default_factory=dict)
    """Source code → label; any other code is quarantined."""
    labels: tuple[str, ...] = ()
    """Labels that stand as they are; any other is quarantined."""
    missing: tuple[str, ...] = ()
    """Source codes that mean a value is missing, besides the empty one."""
    required: bool = False
    """Whether a row without a value is quarantined."""
    low: int | None = None
    """Smallest integer."""
    high: int | None = None
    """Largest integer."""


class Handling(Strict):
    """Which handling codes may enter: `[handling]`. All others are refused at the door."""

    source: str
    """Column name in the source."""
    accept: tuple[str, ...]
    """Codes of unrestricted records; `""` accepts an empty code."""


class Mapping(Strict):
    """One source and the table it becomes."""

    name: str
    """Kebab-case name."""
    title: str = ""
    """What the source is."""
    table: str
    """Harmonised table."""
    format: Literal["csv", "parquet"]
    """How the source is published."""
    key: str | None = None
    """Source column of the record id; None: made from the row's content, so that a record that
    does not change keeps its id from week to week."""
    columns: dict[str, MappedColumn]
    """Harmonised columns, besides the key."""
    ignore: tuple[str, ...] = ()
    """Source columns that are known and not read."""
    handling: Handling | None = None
    """Handling codes, where the source has them."""

    @model_validator(mode="after")
    def _fits(self) -> "Mapping":
        if self.table not in TABLES:
            raise ValueError(f"table ({self.table}) must be one of {', '.join(TABLES)}")
        known = TABLES[self.table].columns
        for name in self.columns:
            if name not in known or name == TABLES[self.table].key != "person_id":
                raise ValueError(f"columns.{name} must be a column of table '{self.table}'")
        for name, column in self.columns.items():
            if column.codes and column.labels:
                raise ValueError(f"columns.{name} must have codes or labels, not both")
            numbers = (code.removeprefix("-").isdigit() for code in column.codes.values())
            if column.kind == "integer" and not all(numbers):
                raise ValueError(f"columns.{name}.codes must map to whole numbers")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source column that the mapping knows, read or not."""
        named = [column.source for column in self.columns.values()]
        keys = [self.key] if self.key else []
        handling = [self.handling.source] if self.handling else []
        return tuple(dict.fromkeys([*keys, *named, *handling, *self.ignore]))


def read_mapping(path: Path) -> Mapping:
    """A mapping from its TOML file.

    Raises:
        UseCaseError: naming the key and the rule.
    """
    return read_toml(path, Mapping, "mapping")


def read_mappings(folder: Path) -> dict[str, Mapping]:
    """All mappings of a folder, by name.

    Raises:
        UseCaseError: as `read_mapping`, or if the folder holds none.
    """
    found = [read_mapping(path) for path in sorted(folder.glob("*.toml"))]
    if not found:
        raise UseCaseError(f"mappings ({folder.name}) must be a folder with at least one TOML file")
    return {mapping.name: mapping for mapping in found}
