"""Brings data into the forces' stores: files in, one encrypted store per force out.

Values are checked against the use case's public domains while loading; a file that breaks a rule
is refused whole, with the rule and the fix, and never with the offending value.
"""

import hashlib
import hmac
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from minimisation import Categories, Column, UseCase, UseCaseError
from minimisation.contract.tables import PERSON, TABLES, Table
from minimisation.contract.usecase import FORCE
from minimisation.forces import canonical, sql, weeks
from minimisation.forces.actors import Role
from minimisation.forces.analysis import FLAT
from minimisation.forces.door import needed_columns
from minimisation.forces.home import Home
from minimisation.forces.layout import Layout
from minimisation.forces.mapping import Kind, MappedColumn, Mapping, read_mappings
from minimisation.forces.tally import Tally
from sandbox.houses import first_run, force_home, officer
from sandbox.plan import Plan
from sandbox.use_case_files import load, shipped

READERS = {".parquet": "read_parquet", ".csv": "read_csv"}

RECORD = "record_id"
"""Key of a flat file's rows: their place in the file."""

INCOMING = "incoming"
"""Temporary table of a flat file's rows on their way into a store."""

IDENTIFIERS = ("linkage_token", "given_name", "family_name", "postcode", "text")
"""Harmonised columns that are kept as text rather than coded."""


def load_stores(plan: Plan, folder: Path, feeds: Path, keys: Path) -> dict[str, Home]:
    """Load every force's encrypted store, unless the same data is live there already.

    Args:
        plan: names the data.
        folder: where the forces' houses stand.
        feeds: where demo feeds are generated.
        keys: where the forces' keys and the anchors of their logs are.

    Returns:
        Force → house, in the forces' order.

    Raises:
        UseCaseError: if a file is missing or breaks a rule; no force's live store is touched.
        StoreError: if a store cannot be opened with its key.
    """
    if plan.file.data.demo is not None:
        demo_feeds(plan, feeds)
    sources = _sources(plan, feeds)
    homes = {force: force_home(folder, keys, force) for force in sources}
    mark, stamp = folder / "loaded", _stamp(plan, feeds)
    if not (mark.is_file() and mark.read_text() == stamp):
        for force, path in sources.items():
            _check_file(plan, force, path)
        for force, path in sources.items():
            first_run(homes[force], real=plan.file.data.status == "protected")
            _load(homes[force], plan, path)
        mark.write_text(stamp)
    return homes


def demo_feeds(plan: Plan, feeds: Path) -> None:
    """Generate the demo forces' feeds, once."""
    from sandbox.demo import generate  # noqa: PLC0415 - the generator is needed for demos only

    demo = plan.file.data.demo
    if demo is not None and not feeds.is_dir():
        with _beside(feeds) as fresh:
            generate(fresh, people=demo.people, seed=demo.seed)


def data_digests(homes: dict[str, Home], key: bytes) -> dict[str, str]:
    """Keyed digest of each force's loaded rows, so that a digest confirms no guess."""
    digests = {}
    for force, home in homes.items():
        mac = hmac.new(key, digestmod=hashlib.sha256)
        with home.open() as connection:
            views = connection.execute(
                "select view_name from duckdb_views() where not internal order by 1"
            ).fetchall()
            for (view,) in views:
                row = connection.execute(
                    f"select count(*), sum(md5_number_lower(t::varchar)::hugeint) "
                    f"from {sql.name(view)} t"
                ).fetchone()
                mac.update(f"{view}:{row}".encode())
        digests[force] = mac.hexdigest()[:32]
    return digests


def workspace_key(workspace: Path) -> bytes:
    """The workspace's own secret, made on first use and readable by its owner only."""
    path = workspace / "workspace.key"
    if not path.is_file():
        workspace.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder to build in, put in place only when complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _stamp(plan: Plan, feeds: Path) -> str:
    """Changes when the data or what is made of it changes."""
    content = hashlib.sha256()
    content.update(plan.file.data.model_dump_json().encode())
    if plan.file.data.file is not None or plan.file.data.files:
        content.update(plan.definition.model_dump_json(exclude={"floor", "title"}).encode())
    else:
        kept = {table: sorted(columns) for table, columns in _approved_columns(plan).items()}
        content.update(json.dumps(kept, sort_keys=True).encode())
    for path in sorted(set(_sources(plan, feeds).values())):
        found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        for each in found:
            state = each.stat()
            content.update(f"{each.name}:{state.st_size}:{state.st_mtime_ns}".encode())
    return content.hexdigest()


def _sources(plan: Plan, feeds: Path) -> dict[str, Path]:
    """Force → its folder of tables, or the flat file its rows are in."""
    data = plan.file.data
    if data.demo is not None or data.folder is not None:
        root = feeds if data.folder is None else plan.path(data.folder)
        found = {path.name: path for path in sorted(root.glob("*")) if path.is_dir()}
        if not found:
            raise UseCaseError(f"data.folder ({root.name}) must hold one folder per force")
        return found
    if data.files:
        return {force: _existing(plan, name) for force, name in data.files.items()}
    path = _existing(plan, data.file or "")
    with duckdb.connect() as connection:
        column = sql.name(data.force_column or "")
        _require(columns_of(connection, path), data.force_column or "", path, "data.force_column")
        rows = connection.execute(f"select distinct {column} from {_reader(path)}").fetchall()
    names = [str(row[0]).strip() if row[0] is not None else "" for row in rows]
    if not names:
        raise UseCaseError(f"file ({path.name}) must hold at least one row")
    if not all(names):
        raise UseCaseError(
            f"data.force_column ({data.force_column}) must have a value in every row of {path.name}"
        )
    return dict.fromkeys(sorted(names), path)


def _existing(plan: Plan, name: str) -> Path:
    path = plan.path(name)
    if not path.is_file():
        raise UseCaseError(f"file ({name}) must exist; check the path in the plan's [data]")
    return path


def _reader(path: Path) -> str:
    suffix = path.suffix.lower()
    options = """, header = true, quote = '"', all_varchar = true""" if suffix == ".csv" else ""
    return f"{READERS[suffix]}({sql.text(str(path))}{options})"


def columns_of(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Column names of a Parquet or CSV file.

    Raises:
        UseCaseError: if it is not a readable file of its kind.
    """
    if path.suffix.lower() not in READERS:
        raise UseCaseError(f"file ({path.name}) must be one of: {', '.join(READERS)}")
    try:
        rows = connection.execute(f"describe select * from {_reader(path)}").fetchall()
    except duckdb.Error as error:
        raise UseCaseError(_unreadable(path, error)) from None
    return [str(row[0]) for row in rows]


def _unreadable(path: Path, error: duckdb.Error) -> str:
    """A reason without DuckDB's own text, which quotes the offending line."""
    if path.suffix.lower() == ".csv" and ("utf" in str(error).lower()):
        return f"file ({path.name}) must be UTF-8 text; save it as CSV UTF-8"
    kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
    return f"file ({path.name}) must be a well-formed {kind} file ({type(error).__name__})"


def _require(columns: list[str], name: str, path: Path, key: str) -> None:
    if name not in columns:
        raise UseCaseError(
            f"{key} ({name}) must be a column of {path.name}; it has: {', '.join(columns)}"
        )


def _check_file(plan: Plan, force: str, path: Path) -> None:
    """Refuse a bad flat file before any force's store is replaced."""
    if not path.is_dir():
        with duckdb.connect() as connection:
            _read_flat(connection, plan, force, path)


def _load(home: Home, plan: Plan, path: Path) -> None:
    by, purpose = officer(home, Role.APPROVER), plan.use_case.name
    if path.is_dir():
        weeks.load(home, _tables(plan, path), _approved_columns(plan), by=by, purpose=purpose)
        return

    def fill(connection: duckdb.DuckDBPyConnection) -> list[Tally]:
        kinds = _read_flat(connection, plan, home.force, path)
        layout = Layout(connection=connection, key=home.key.derive("ranks"))
        layout.lay(FLAT, Table(key=RECORD, columns={}, references={}), kinds, INCOMING)
        layout.finish()
        row = connection.execute(f"select count(*) from {INCOMING}").fetchone()
        rows = int(row[0]) if row else 0
        return [Tally(table=FLAT, source=path.name, rows_in=rows, accepted=rows)]

    weeks.replace(home, fill, [path], by=by, purpose=purpose)


def _approved_columns(plan: Plan) -> dict[str, frozenset[str]]:
    """Columns per table that the shipped use cases and the plan's own name; no others are kept."""
    return needed_columns([load(name).value() for name in shipped()] + [plan.use_case])


def _tables(plan: Plan, folder: Path) -> list[tuple[Mapping, list[Path]]]:
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


def _read_flat(
    connection: duckdb.DuckDBPyConnection, plan: Plan, force: str, path: Path
) -> dict[str, Kind]:
    """Read and check one force's rows of a flat file into `incoming`; kinds of its columns."""
    data, use_case = plan.file.data, plan.use_case
    held = columns_of(connection, path)
    named = {column.name: data.columns.get(column.name, column.name) for column in use_case.columns}
    for name, stored in named.items():
        _require(held, stored, path, f"data.columns.{name}")
    kinds: dict[str, Kind] = {}
    chosen = []
    for column in use_case.columns:
        if column.name != PERSON:
            chosen.append(f"{_coded(plan, column, named[column.name])} as {sql.name(column.name)}")
            coded = isinstance(column.domain, Categories)
            kinds[column.name] = "label" if coded else "identifier"
    if use_case.unit == "person":
        chosen += _identity(plan, held, path)
        kinds |= {PERSON: "id", "linkage_token": "identifier"}
    where = "true"
    if data.file is not None:
        where = f"trim(cast({sql.name(data.force_column or FORCE)} as varchar)) = {sql.text(force)}"
    try:
        connection.execute(
            f"create temp table {INCOMING} as select row_number() over () as {RECORD}, "
            f"{', '.join(chosen)} from {_reader(path)} where {where}"
        )
    except duckdb.Error as error:
        raise UseCaseError(_unreadable(path, error)) from None
    if use_case.unit == "person":
        beyond = canonical.prepare(connection, INCOMING, [PERSON])
        spelled = canonical.canonical_sql(PERSON, beyond_ascii=beyond)
        token = "" if data.token is not None else f", linkage_token = {spelled}"
        connection.execute(f"update {INCOMING} set {PERSON} = {spelled}{token}")
    _check_rows(connection, use_case, force, path)
    return kinds


def _coded(plan: Plan, column: Column, stored: str) -> str:
    text = f"trim(cast({sql.name(stored)} as varchar))"
    codes = plan.file.data.codes.get(column.name, {})
    if column.numeric and not codes:
        return f"nullif({text}, '')"
    cases = " ".join(f"when {sql.text(a)} then {sql.text(b)}" for a, b in codes.items())
    mapped = f"case {text} {cases} else {text} end" if cases else text
    return f"nullif({mapped}, '')"


def _identity(plan: Plan, held: list[str], path: Path) -> list[str]:
    """The person column and the linkage token, where the unit is a person."""
    data = plan.file.data
    if data.person is None:
        raise UseCaseError(
            "data.person must name the person-id column, because the use case's unit is a person"
        )
    _require(held, data.person, path, "data.person")
    person = token = f"cast({sql.name(data.person)} as varchar)"
    if data.token is not None:
        _require(held, data.token, path, "data.token")
        token = f"cast({sql.name(data.token)} as varchar)"
    return [f"{person} as {PERSON}", f"{token} as linkage_token"]


def _check_rows(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, force: str, path: Path
) -> None:
    """Refuse an empty force, a null person id, an unknown category, a bad number, a gap."""

    def holds(condition: str) -> bool:
        row = connection.execute(
            f"select count(*) > 0 from {INCOMING} where {condition}"
        ).fetchone()
        return bool(row and row[0])

    if not holds("true"):
        raise UseCaseError(f"force '{force}' must have at least one row in {path.name}")
    if use_case.unit == "person" and holds(f"{PERSON} is null"):
        raise UseCaseError(
            f"person id must not be missing in {path.name} (force '{force}'); "
            "remove those rows or give each its own id"
        )
    for column in use_case.columns:
        name = sql.name(column.name)
        if column.role == "direct_identifier":
            continue
        if not column.optional and holds(f"{name} is null"):
            raise UseCaseError(
                f"column '{column.name}' must not have missing values in {path.name} "
                f"(force '{force}'); remove those rows or set optional = true in the use case"
            )
        if isinstance(column.domain, Categories):
            labels = ", ".join(column.domain.values)
            if holds(f"{name} not in {sql.texts(column.domain.values)}"):
                raise UseCaseError(
                    f"column '{column.name}' must hold only its declared categories in {path.name} "
                    f"(force '{force}'): {labels}; map others under [data.codes.{column.name}] "
                    f"or declare them under [domains.{column.name}]"
                )
        elif holds(f"{name} is not null and coalesce(isnan(try_cast({name} as double)), true)"):
            raise UseCaseError(
                f"column '{column.name}' must hold numbers in {path.name} (force '{force}')"
            )
