"""A source written by hand: CSV rows of stop and search, the mapping that reads them, an intake."""

from pathlib import Path
from typing import Any

import duckdb
from invented import ALL

from minimisation.forces.intake import Intake
from minimisation.forces.mapping import Mapping
from minimisation.forces.tally import Tally

HEADER = "id,who,day,sex,found"


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def mapped(**changes: Any) -> Mapping:  # noqa: ANN401 - whatever a mapping holds
    content: dict[str, Any] = {
        "name": "test",
        "table": "stop_search",
        "format": "csv",
        "key": "id",
        "columns": {
            "person_id": {"source": "who", "kind": "id"},
            "searched_on": {"source": "day", "kind": "date", "required": True},
            "sex": {"source": "sex", "codes": {"M": "male", "F": "female"}, "missing": ["U"]},
            "found": {"source": "found", "kind": "integer", "low": 0, "high": 1},
        },
    }
    return Mapping.model_validate(content | changes)


def taken(connection: duckdb.DuckDBPyConnection, mapping: Mapping, *paths: Path) -> Tally:
    return Intake(connection=connection, needed=ALL).take(mapping, paths)
