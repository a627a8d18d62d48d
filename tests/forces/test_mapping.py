"""Mappings: the shipped ones cover their sources, and a bad one is refused by its key."""

from pathlib import Path

import pytest
from invented import MAPPINGS

from minimisation import UseCaseError
from minimisation.contract.tables import TABLES
from minimisation.forces import door
from minimisation.forces.mapping import read_mapping
from sandbox.use_case_files import load, shipped


def test_shipped_mappings_cover_both_published_sources_and_every_demo_table() -> None:
    assert {f"demo-{name.replace('_', '-')}" for name in TABLES} < set(MAPPINGS)
    for mapping in MAPPINGS.values():
        if mapping.name.startswith("demo-"):
            assert set(mapping.columns) | {TABLES[mapping.table].key, "handling"} >= set(
                TABLES[mapping.table].columns
            )


def test_shipped_use_cases_need_only_what_demo_mappings_map() -> None:
    mappings = {m.table: m for m in MAPPINGS.values() if m.name.startswith("demo-")}
    for table, columns in door.needed_columns([load(name).value() for name in shipped()]).items():
        assert columns <= {TABLES[table].key, *mappings[table].columns}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('table = "nothing"', "table"),
        ('table = "crime"\n[columns.shoe_size]\nsource = "x"', "shoe_size"),
        ('table = "crime"\ncolour = "red"\n[columns]', "colour"),
        (
            'table = "crime"\n[columns.offence]\nsource = "x"\ncodes = {a="b"}\nlabels = ["c"]',
            "both",
        ),
    ],
)
def test_a_bad_mapping_is_refused_by_its_key(tmp_path: Path, text: str, rule: str) -> None:
    path = tmp_path / "m.toml"
    if "[columns" not in text:
        text += "\n[columns]"
    path.write_text(f'name = "m"\nformat = "csv"\n{text}\n')
    with pytest.raises(UseCaseError, match=rule):
        read_mapping(path)
