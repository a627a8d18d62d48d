"""Brings data into the forces' stores: files in, one encrypted store per force out.

Values are checked against the use case's public domains while loading; a file that breaks a rule
is refused whole, with the rule and the fix, and never with the offending value.
"""

import hashlib
import hmac
import json
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from minimisation import UseCaseError
from minimisation.contract.tables import Table
from minimisation.forces import sql, weeks
from minimisation.forces.actors import Role
from minimisation.forces.analysis import FLAT
from minimisation.forces.history import Week
from minimisation.forces.home import Home
from minimisation.forces.layout import Layout
from minimisation.forces.linkage.at_load import Linkage
from minimisation.forces.tally import Tally
from sandbox.flat_files import INCOMING, RECORD, columns_of, read_flat, reader, require
from sandbox.houses import first_run, force_home, officer, stand_in_linkage
from sandbox.plan import Plan
from sandbox.table_folders import approved_columns, tables_of

LAYOUT = 3
"""Changes with the way rows are laid out, so that stores of an older one are loaded again."""


def to_stderr(line: str) -> None:
    """Say something to whoever runs the plan."""
    sys.stderr.write(f"{line}\n")


def load_stores(
    plan: Plan,
    folder: Path,
    feeds: Path,
    keys: Path,
    say: Callable[[str], None] = to_stderr,
) -> dict[str, Home]:
    """Load every force's encrypted store, unless the same data is live there already.

    Args:
        plan: names the data.
        folder: where the forces' houses stand.
        feeds: where demo feeds are generated.
        keys: where the forces' keys and the anchors of their logs are.
        say: told how many rows were not stored, and why.

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
        linkage = stand_in_linkage(keys) if plan.file.data.linkage is not None else None
        tallies = {}
        for force, path in sources.items():
            first_run(homes[force], real=plan.file.data.status == "protected")
            tallies[force] = _load(homes[force], plan, path, linkage).tallies
        for line in not_stored(tallies):
            say(line)
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
    content = hashlib.sha256(str(LAYOUT).encode())
    content.update(plan.file.data.model_dump_json().encode())
    if plan.file.data.file is not None or plan.file.data.files:
        content.update(plan.definition.model_dump_json(exclude={"floor", "title"}).encode())
    else:
        kept = {table: sorted(columns) for table, columns in approved_columns(plan).items()}
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
        require(columns_of(connection, path), data.force_column or "", path, "data.force_column")
        rows = connection.execute(f"select distinct {column} from {reader(path)}").fetchall()
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


def _check_file(plan: Plan, force: str, path: Path) -> None:
    """Refuse a bad flat file before any force's store is replaced."""
    if not path.is_dir():
        with duckdb.connect() as connection:
            read_flat(connection, plan, force, path)


def not_stored(tallies: Mapping[str, Sequence[Tally]]) -> Iterator[str]:
    """Lines that say how many rows were refused or quarantined, by reason, never by value.

    Args:
        tallies: force → what became of its rows. A reason of several forces is one line.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for force, each in tallies.items():
        for tally in each:
            ends = [("refused", tally.refused), ("quarantined", tally.quarantined)]
            for end, counts in ends:
                for reason, rows in counts.items():
                    what = f"rows of {tally.table} {end}: {reason}"
                    found.setdefault(what, {})[force] = (rows, tally.rows_in)
    for what, by_force in found.items():
        rows, rows_in = (sum(counts) for counts in zip(*by_force.values(), strict=True))
        who = next(iter(by_force)) if len(by_force) == 1 else f"{len(by_force)} forces"
        yield f"{who}: {rows} of {rows_in} {what}"


def _load(home: Home, plan: Plan, path: Path, linkage: Linkage | None) -> Week:
    by, purpose = officer(home, Role.APPROVER), plan.use_case.name
    if path.is_dir():
        return weeks.load(
            home,
            tables_of(plan, path),
            approved_columns(plan),
            by=by,
            purpose=purpose,
            linkage=linkage,
        )

    def fill(connection: duckdb.DuckDBPyConnection) -> list[Tally]:
        kinds = read_flat(connection, plan, home.force, path, linkage)
        layout = Layout(connection=connection, key=home.key.derive("ranks"))
        layout.lay(FLAT, Table(key=RECORD, columns={}, references={}), kinds, INCOMING)
        layout.finish()
        row = connection.execute(f"select count(*) from {INCOMING}").fetchone()
        rows = int(row[0]) if row else 0
        return [Tally(table=FLAT, source=path.name, rows_in=rows, accepted=rows)]

    return weeks.replace(home, fill, [path], by=by, purpose=purpose)
