"""Reads one force's rows of a user's flat file, a Parquet or CSV with one row per record.

Values are checked against the use case's public domains while reading; a file that breaks a rule
is refused whole, with the rule and the fix, and never with the offending value.
"""

from pathlib import Path

import duckdb

from minimisation import Bounds, Categories, Column, UseCase, UseCaseError
from minimisation.contract.columns import OpenColumn
from minimisation.contract.tables import PERSON
from minimisation.contract.usecase import FORCE
from minimisation.forces import canonical, open_text, sql
from minimisation.forces.layout_sql import Fixed, LayoutKind
from minimisation.forces.linkage.at_load import LINKED, Linkage
from sandbox.plan import Plan

READERS = {".parquet": "read_parquet", ".csv": "read_csv"}

RECORD = "record_id"
"""Key of a flat file's rows: made from a row's content, so that no other row has a say in it."""

INCOMING = "incoming"
"""Temporary table of a flat file's rows on their way into a store."""

IDENTITY = ("given_name", "family_name", "birth_date", "postcode")
"""What a linkage token is made of."""

MOST_STEPS = 2**62
"""Numbers of more steps than this could overflow a sum of whole numbers."""


def reader(path: Path) -> str:
    """SQL that reads a Parquet or CSV file; every value of a CSV file is text."""
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
        rows = connection.execute(f"describe select * from {reader(path)}").fetchall()
    except duckdb.Error as error:
        raise UseCaseError(_unreadable(path, error)) from None
    return [str(row[0]) for row in rows]


def _unreadable(path: Path, error: duckdb.Error) -> str:
    """A reason without DuckDB's own text, which quotes the offending line."""
    if path.suffix.lower() == ".csv" and ("utf" in str(error).lower()):
        return f"file ({path.name}) must be UTF-8 text; save it as CSV UTF-8"
    kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
    return f"file ({path.name}) must be a well-formed {kind} file ({type(error).__name__})"


def require(columns: list[str], name: str, path: Path, key: str) -> None:
    """Refuse a file that lacks a column.

    Raises:
        UseCaseError: naming the plan's key and the columns that there are.
    """
    if name not in columns:
        raise UseCaseError(
            f"{key} ({name}) must be a column of {path.name}; it has: {', '.join(columns)}"
        )


def read_flat(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    force: str,
    path: Path,
    linkage: Linkage | None = None,
) -> dict[str, LayoutKind]:
    """Read and check one force's rows of a flat file into `incoming`; kinds of its columns.

    Args:
        connection: can read the file.
        plan: says where columns are and what they mean.
        force: whose rows.
        path: the file.
        linkage: makes the linkage tokens where the plan asks for it.

    Raises:
        UseCaseError: naming the column and the rule that is broken, never a value.
    """
    data, use_case = plan.file.data, plan.use_case
    held = columns_of(connection, path)
    named = {c.name: data.columns.get(c.name, c.name) for c in use_case.declared}
    for name, stored in named.items():
        require(held, stored, path, f"data.columns.{name}")
    kinds: dict[str, LayoutKind] = {}
    chosen = []
    for column in use_case.declared:
        if column.name != PERSON:
            chosen.append(f"{_coded(plan, column, named[column.name])} as {sql.name(column.name)}")
            kinds[column.name] = _kind(column)
    if use_case.unit == "person":
        chosen += _identity(plan, held, path)
        kinds |= {PERSON: "id", "linkage_token": "identifier"}
    where = "true"
    if data.file is not None:
        where = f"trim(cast({sql.name(data.force_column or FORCE)} as varchar)) = {sql.text(force)}"
    try:
        connection.execute(incoming_sql(chosen, _identities(plan, held, path), path, where))
    except duckdb.Error as error:
        raise UseCaseError(_unreadable(path, error)) from None
    if use_case.unit == "person":
        beyond = canonical.prepare(connection, INCOMING, [PERSON])
        spelled = canonical.canonical_sql(PERSON, beyond_ascii=beyond)
        token = "" if data.token is not None else f", linkage_token = {spelled}"
        connection.execute(f"update {INCOMING} set {PERSON} = {spelled}{token}")
    _check_rows(connection, use_case, force, path)
    _check_open_text(connection, use_case, force, path)
    if linkage is not None and use_case.unit == "person" and data.linkage is not None:
        known = ", ".join(f"min({sql.name(f'of {part}')})" for part in IDENTITY)
        query = f"select {PERSON}, {known} from {INCOMING} group by {PERSON}"
        linkage.link(connection, force, query)
        connection.execute(
            f"update {INCOMING} set linkage_token = l.token from {LINKED} l "
            f"where l.person = {INCOMING}.{PERSON}"
        )
    return kinds


def incoming_sql(chosen: list[str], identities: list[str], path: Path, where: str) -> str:
    """One force's rows, each with an id made of its content.

    Equal rows are told apart by a number, so that no other row has a say in a row's id.
    """
    names = [expression.rpartition(" as ")[2] for expression in chosen]
    content = ", ".join(f"coalesce({name}, chr(0))" for name in names)
    parts = ", ".join([*chosen, *identities])
    return (
        f"create temp table {INCOMING} as "
        f"with rows_read as (select {parts} from {reader(path)} where {where}), "
        f"hashed as (select md5(concat_ws(chr(31), {content})) as content, * from rows_read) "
        f"select content || '-' || row_number() over (partition by content) as {RECORD}, "
        "* exclude (content) from hashed"
    )


def _kind(column: Column | OpenColumn) -> LayoutKind:
    """Labels are coded, declared numbers become whole steps, and the rest stays text."""
    if isinstance(column.domain, Categories):
        return "label"
    if isinstance(column.domain, Bounds) and column.role != "direct_identifier":
        return Fixed(step=column.domain.step)
    return "identifier"


def _identities(plan: Plan, held: list[str], path: Path) -> list[str]:
    """What linkage tokens are made of; it is read and not stored."""
    asked = plan.file.data.linkage
    if asked is None or plan.use_case.unit != "person":
        return []
    chosen = []
    for part in IDENTITY:
        stored = getattr(asked, part)
        if stored is not None:
            require(held, stored, path, f"data.linkage.{part}")
        value = f"cast({sql.name(stored)} as varchar)" if stored is not None else "null::varchar"
        chosen.append(f"{value} as {sql.name(f'of {part}')}")
    return chosen


def _coded(plan: Plan, column: Column | OpenColumn, stored: str) -> str:
    text = f"trim(cast({sql.name(stored)} as varchar))"
    codes = plan.file.data.codes.get(column.name, {})
    if isinstance(column.domain, Bounds) and not codes:
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
    require(held, data.person, path, "data.person")
    person = token = f"cast({sql.name(data.person)} as varchar)"
    if data.token is not None:
        require(held, data.token, path, "data.token")
        token = f"cast({sql.name(data.token)} as varchar)"
    return [f"{person} as {PERSON}", f"{token} as linkage_token"]


def _check_rows(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, force: str, path: Path
) -> None:
    """Refuse an empty force, a null person id, an unknown category, a bad number, a gap."""

    def holds(condition: str) -> bool:
        return _some_row(connection, condition)

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
        elif isinstance(column.domain, Bounds) and holds(_no_number(name, column.domain.step)):
            raise UseCaseError(
                f"column '{column.name}' must hold numbers in {path.name} (force '{force}'), "
                f"of less than 2^62 steps of {column.domain.step:g}"
            )


def _check_open_text(
    connection: duckdb.DuckDBPyConnection, use_case: UseCase, force: str, path: Path
) -> None:
    """Refuse open text of which a label could not be shown."""
    for column in use_case.open_columns:
        if _some_row(connection, open_text.unfit_sql(sql.name(column.name), column.domain)):
            raise UseCaseError(
                f"column '{column.name}' must hold text of at most {column.domain.longest} "
                f"characters without control characters in {path.name} (force '{force}')"
            )


def _some_row(connection: duckdb.DuckDBPyConnection, condition: str) -> bool:
    """Whether a row that was read meets a condition."""
    query = f"select count(*) > 0 from {INCOMING} where {condition}"
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _no_number(name: str, step: float) -> str:
    """SQL: whether a value cannot be kept as a whole number of steps."""
    number = f"try_cast({name} as double)"
    unfit = f"isnan({number}) or abs({number} / {step!r}) >= {MOST_STEPS}"
    return f"{name} is not null and coalesce({unfit}, true)"
