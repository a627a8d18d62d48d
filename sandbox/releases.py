"""A release as files: Parquet, CSV and a provenance sidecar, marked SYNTHETIC where rows are drawn.

Files are tables and JSON, never a fitted model and never a pickle: a saved generator can rebuild
the labels that it was trained on. The mark is in the file name, in a column of every row and in
the Parquet metadata, so that it survives whichever of them is cut off.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from minimisation import Microdata, NotApplicableError, Option, Release
from sandbox.registry import parameters_of
from sandbox.study import Study

MARK = "SYNTHETIC"
"""In the file name; name and value of a column; a key of the metadata. No use case's column can
bear it, because those are in lower case."""

PROVENANCE = b"provenance"
"""Key of the Parquet metadata under which the provenance is kept as JSON."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a release comes from, said without a figure that only the forces may know."""

    plan: str
    """Digest of the plan, which was fixed before anything ran."""
    use_case: str
    """Name of the use case."""
    option: str
    """Name of the option; it names the files."""
    data: Mapping[str, str]
    """Force → keyed digest of its data, so that nobody can confirm a guessed file by it."""
    snapshots: Mapping[str, str] = field(default_factory=dict)
    """Force → name of the snapshot that it was made from."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The option's parameters."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Package → version."""

    def __post_init__(self) -> None:
        """Refuse a name that would leave the folder.

        Raises:
            ValueError: naming the rule.
        """
        if not self.option or set(self.option) - set("abcdefghijklmnopqrstuvwxyz0123456789-."):
            raise ValueError(f"option ({self.option}) must be lower-case letters, digits, - and .")


def write_designated(study: Study, option: Option, release: Release) -> list[Path]:
    """Write the one release of an option that may leave, in a folder of its own.

    Real rows of protected data are never written in clear: an option that releases them is judged,
    and leaves through the forces' own doors or not at all.

    Returns:
        The files; none where the release is not rows.

    Raises:
        ValueError: if a parameter is no JSON value.
    """
    artefact, plan = release.artefact, study.plan
    protected = plan.file.data.status == "protected"
    if not isinstance(artefact, Microdata) or (protected and not artefact.synthetic):
        return []
    provenance = Provenance(
        plan=plan.digest,
        use_case=plan.use_case.name,
        option=option.name,
        data=study.digests,
        snapshots=study.snapshots,
        parameters=parameters_of(option),
        versions={package: version(package) for package in ("duckdb", "numpy", "pyarrow")},
    )
    return write_release(release, study.results / "releases" / option.name, provenance)


def write_release(release: Release, folder: Path, provenance: Provenance) -> list[Path]:
    """Write released rows as Parquet and CSV, with their provenance beside them.

    Args:
        release: holds microdata, real or synthetic.
        folder: made if it does not exist; files of the same name are replaced.
        provenance: where the release comes from.

    Returns:
        The Parquet file, the CSV file and the sidecar.

    Raises:
        NotApplicableError: if the release is not rows.
        ValueError: if a parameter is no JSON value.
    """
    artefact = release.artefact
    if not isinstance(artefact, Microdata):
        kind = type(artefact).__name__
        raise NotApplicableError(f"artefact ({kind}) must be microdata to be written as rows")
    facts = _facts(release, artefact, provenance)
    text = json.dumps(facts, allow_nan=False, ensure_ascii=False, sort_keys=True)
    table = _marked(artefact)
    metadata = {PROVENANCE: text.encode()}
    if artefact.synthetic:
        metadata[MARK.encode()] = b"true"
    stem = f"{provenance.option}-{MARK if artefact.synthetic else 'rows'}"
    folder.mkdir(parents=True, exist_ok=True)
    parquet, csv = folder / f"{stem}.parquet", folder / f"{stem}.csv"
    with _Whole(parquet) as path:
        pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
    with _Whole(csv) as path:
        pyarrow.csv.write_csv(_flat(table), path)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (parquet, csv)}
    sidecar = folder / f"{stem}.provenance.json"
    with _Whole(sidecar) as path:
        whole = facts | {"files": digests}
        path.write_text(json.dumps(whole, allow_nan=False, ensure_ascii=False, indent=2), "utf-8")
    return [parquet, csv, sidecar]


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance that a released Parquet file carries in itself; empty if it carries none."""
    metadata = pq.read_schema(path).metadata or {}
    found: dict[str, Any] = json.loads(metadata.get(PROVENANCE, b"{}"))
    return found


def _facts(release: Release, artefact: Microdata, provenance: Provenance) -> dict[str, Any]:
    loss = release.privacy_loss
    charged = None
    if loss is not None:
        charged = asdict(loss) | {
            "epsilon_everywhere": loss.epsilon_everywhere,
            "delta_everywhere": loss.delta_everywhere,
        }
    return {
        "schema": 1,
        "mark": MARK if artefact.synthetic else "real rows",
        "share": artefact.share,
        "rows": artefact.table.num_rows,
        "columns": artefact.table.column_names,
        "privacy_loss": charged,
        "remarks": list(release.remarks),
        **{name: _plain(value) for name, value in vars(provenance).items()},
    }


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _marked(artefact: Microdata) -> pa.Table:
    table = artefact.table
    if not artefact.synthetic:
        return table
    return table.add_column(0, MARK, pa.array([MARK] * table.num_rows, pa.string()))


def _flat(table: pa.Table) -> pa.Table:
    """The table with sets written as `a; b` and intervals as `low to high`, which CSV lacks."""
    columns = []
    for each in table.columns:
        if pa.types.is_list(each.type):
            texts = [None if row is None else "; ".join(map(str, row)) for row in each.to_pylist()]
        elif pa.types.is_struct(each.type):
            texts = [
                None if row is None or row["low"] is None else f"{row['low']:g} to {row['high']:g}"
                for row in each.to_pylist()
            ]
        else:
            columns.append(each)
            continue
        columns.append(pa.array(texts, pa.string()))
    return pa.table(columns, names=table.column_names)


class _Whole:
    """A file that appears under its name only when it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")

    def __enter__(self) -> Path:
        return self._partial

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)
