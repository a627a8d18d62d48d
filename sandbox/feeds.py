"""Brings data into the forces' stores: files in, one store per force out, all or nothing.

Values are checked against the use case's public domains while loading; a file that breaks a rule
is refused whole, with the rule and the fix, and never with the offending value.
"""

import hashlib
import hmac
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from minimisation import Categories, Column, UseCase, UseCaseError
from minimisation.contract.tables import PERSON, TABLES
from minimisation.contract.usecase import FORCE
from minimisation.forces import sql
from sandbox.plan import Plan

READERS = {".parquet": "read_parquet", ".csv": "read_csv"}


def load_stores(plan: Plan, folder: Path, feeds: Path) -> dict[str, Path]:
    """Write one store per force, unless the same data was already loaded there.

    Args:
        plan: names the data.
        folder: where the stores go.
        feeds: where demo feeds are generated.

    Returns:
        Force → store, in the forces' order.

    Raises:
        UseCaseError: if a file is missing or breaks a rule; nothing is left half-written.
    """
    if plan.file.data.demo is not None:
        demo_feeds(plan, feeds)
    mark = folder / "loaded"
    stamp = _stamp(plan, feeds)
    if not (mark.is_file() and mark.read_text() == stamp):
        with _beside(folder) as fresh:
            for force, path in _sources(plan, feeds).items():
                _write_store(plan, force, path, fresh)
            (fresh / "loaded").write_text(stamp)
    return {path.stem: path for path in _ordered(plan, folder)}


def demo_feeds(plan: Plan, feeds: Path) -> None:
    """Generate the demo forces' feeds, once."""
    from sandbox.demo import generate  # noqa: PLC0415 - the generator is needed for demos only

    demo = plan.file.data.demo
    if demo is not None and not feeds.is_dir():
        with _beside(feeds) as fresh:
            generate(fresh, people=demo.people, seed=demo.seed)


def data_digests(stores: dict[str, Path], key: bytes) -> dict[str, str]:
    """Keyed digest of each force's loaded rows, so that a digest confirms no guess."""
    digests = {}
    for force, path in stores.items():
        mac = hmac.new(key, digestmod=hashlib.sha256)
        with duckdb.connect(str(path), read_only=True) as connection:
            for (table,) in sorted(connection.execute("show tables").fetchall()):
                row = connection.execute(
                    f"select count(*), sum(md5_number_lower(t::varchar)::hugeint) "
                    f"from {sql.name(table)} t"
                ).fetchone()
                mac.update(f"{table}:{row}".encode())
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


def _ordered(plan: Plan, folder: Path) -> list[Path]:
    found = {path.stem: path for path in folder.glob("*.duckdb")}
    wanted = list(plan.file.data.files) or sorted(found)
    return [found[name] for name in wanted]


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


def _write_store(plan: Plan, force: str, path: Path, folder: Path) -> None:
    if not force.replace("-", "").replace("_", "").replace(" ", "").isalnum():
        raise UseCaseError("force names must be letters, digits, spaces, hyphens, underscores")
    with duckdb.connect(str(folder / f"{force}.duckdb")) as connection:
        if path.is_dir():
            _copy_tables(connection, path)
        else:
            _copy_flat(connection, plan, force, path)


def _copy_tables(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name, table in TABLES.items():
        path = folder / f"{name}.parquet"
        if path.is_file():
            held = columns_of(connection, path)
            for column in table.columns:
                _require(held, column, path, f"table {name}")
            casts = ", ".join(
                f"cast({sql.name(c)} as {kind}) as {sql.name(c)}"
                for c, kind in table.columns.items()
            )
            connection.execute(
                f"create table {sql.name(name)} as select {casts} from {_reader(path)}"
            )


def _copy_flat(connection: duckdb.DuckDBPyConnection, plan: Plan, force: str, path: Path) -> None:
    data, use_case = plan.file.data, plan.use_case
    held = columns_of(connection, path)
    named = {column.name: data.columns.get(column.name, column.name) for column in use_case.columns}
    for name, stored in named.items():
        _require(held, stored, path, f"data.columns.{name}")
    chosen = [
        f"{_coded(plan, column, named[column.name])} as {sql.name(column.name)}"
        for column in use_case.columns
        if column.name != PERSON
    ]
    chosen += _identity(plan, held, path)
    where = "true"
    if data.file is not None:
        where = f"trim(cast({sql.name(data.force_column or FORCE)} as varchar)) = {sql.text(force)}"
    try:
        connection.execute(
            f"create table records as select row_number() over () as record_id, "
            f"{', '.join(chosen)} from {_reader(path)} where {where}"
        )
    except duckdb.Error as error:
        raise UseCaseError(_unreadable(path, error)) from None
    _check_rows(connection, use_case, force, path)


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
    if plan.use_case.unit == "record":
        return []
    data = plan.file.data
    if data.person is None:
        raise UseCaseError(
            "data.person must name the person-id column, because the use case's unit is a person"
        )
    _require(held, data.person, path, "data.person")
    person = f"nullif(upper(trim(nfc_normalize(cast({sql.name(data.person)} as varchar)))), '')"
    token = person
    if data.token is not None:
        _require(held, data.token, path, "data.token")
        token = f"cast({sql.name(data.token)} as varchar)"
    return [f"{person} as {PERSON}", f"{token} as linkage_token"]


def _check_rows(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, force: str, path: Path
) -> None:
    """Refuse an empty force, a null person id, an unknown category, a bad number, a gap."""

    def holds(condition: str) -> bool:
        row = connection.execute(f"select count(*) > 0 from records where {condition}").fetchone()
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
