"""Mappings for a folder of harmonised tables, one Parquet file each, and what is loaded of them."""

from pathlib import Path

from minimisation.contract.tables import PERSON, TABLES
from minimisation.forces.door import needed_columns
from minimisation.forces.mapping import Kind, MappedColumn, Mapping, read_mappings
from sandbox.plan import Plan
from sandbox.use_case_files import load, shipped

IDENTIFIERS = ("linkage_token", "given_name", "family_name", "postcode", "text")
"""Harmonised columns that are kept as text rather than coded."""


def approved_columns(plan: Plan) -> dict[str, frozenset[str]]:
    """Columns per table that the shipped use cases and the plan's own name; no others are kept."""
    return needed_columns([load(name).value() for name in shipped()] + [plan.use_case])


def tables_of(plan: Plan, folder: Path) -> list[tuple[Mapping, list[Path]]]:
    """A mapping for each harmonised table that a folder holds."""
    demo = read_mappings(Path(__file__).parent / "mappings")
    found: list[tuple[Mapping, list[Path]]] = []
    for name in TABLES:
        path = folder / f"{name}.parquet"
        if path.is_file():
            own = plan.file.data.demo is None
            mapping = harmonised(name) if own else demo[f"demo-{name.replace('_', '-')}"]
            found.append((mapping, [path]))
    return found


def harmonised(table: str) -> Mapping:
    """The mapping of a Parquet file that has the harmonised columns already, with any labels."""
    spec = TABLES[table]
    kinds: dict[str, Kind] = {"DATE": "date", "INTEGER": "integer"}
    columns = {}
    for name, type_ in spec.columns.items():
        kind = kinds.get(type_, "label")
        if name == PERSON or name in spec.references.values():
            kind = "id"
        elif name in IDENTIFIERS:
            kind = "free_text" if name == "text" else "identifier"
        if name not in (spec.key, "handling"):
            columns[name] = MappedColumn(source=name, kind=kind)
    return Mapping(name=table, table=table, format="parquet", key=spec.key, columns=columns)
