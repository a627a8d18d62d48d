"""`sandbox forces` and `sandbox audit`: what a force does with its own stores.

Standard output is data; standard error is everything else. Keys come from files or the environment,
never from arguments; a person's id can come from standard input (`-`), so that no shell keeps it.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from minimisation import StoreError, UseCaseError
from minimisation.forces import acts, rights, weeks
from minimisation.forces.actors import Actor, ActorKey, Role
from minimisation.forces.acts import Act
from minimisation.forces.audit import Entry, Event
from minimisation.forces.backup import open_key, seal_key
from minimisation.forces.canonical import canonical
from minimisation.forces.door import needed_columns
from minimisation.forces.home import Home
from minimisation.forces.keys import KeyFile
from minimisation.forces.log import Head
from minimisation.forces.mapping import Mapping, read_mapping, read_mappings
from minimisation.forces.policy_file import read_policy
from minimisation.forces.remnants import Remnants
from minimisation.forces.rewrite import Edit, Merge, Rectify
from minimisation.forces.search import linkage_tokens, search
from minimisation.forces.tally import Tally
from minimisation.options.pseudonymisation import pseudonym
from sandbox.houses import force_home, officer
from sandbox.use_case_files import load as load_use_case
from sandbox.use_case_files import shipped

forces_app = typer.Typer(
    help="Forces' own encrypted stores.", no_args_is_help=True, rich_markup_mode=None
)
audit_app = typer.Typer(help="Forces' audit logs.", no_args_is_help=True, rich_markup_mode=None)

stdout, stderr = Console(), Console(stderr=True)

MAPPINGS = Path(__file__).parents[1] / "mappings"

ForceName = Annotated[str, typer.Argument(help="Name of the force.", show_default=False)]
PersonId = Annotated[
    str, typer.Argument(help="Person id, or - to read it from standard input.", show_default=False)
]
Stores = Annotated[Path, typer.Option(help="Folder of the forces.")]
As = Annotated[Path | None, typer.Option("--as", help="Your private key file (Ed25519, PEM).")]
Why = Annotated[str, typer.Option(help="Why: the request or purpose.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

DEFAULT = Path("workspace/stores/tables")


@forces_app.command()
def create(
    force: ForceName,
    approver: Annotated[Path, typer.Option(help="Key file of the approver; made if missing.")],
    name: Annotated[str, typer.Option(help="The approver's name.")] = "approver",
    stores: Stores = DEFAULT,
) -> None:
    """Make a force: its encryption key, its logs, and the approver who may act for it."""
    with _house(stores, force, new=True) as home:
        key = ActorKey.read(approver) if approver.is_file() else ActorKey.create(approver)
        if home.register.actors():
            raise StoreError(f"force '{force}' must not exist yet")
        actor = Actor(name=name, role=Role.APPROVER, public=key.public)
        home.enrol(actor, None)
        policy = home.paths.root / "policy.toml"
        if not policy.exists():
            policy.write_text(EMPTY_POLICY, "utf-8")
        stderr.print(f"back up the key of '{force}' now: without it the data is lost")
        sys.stdout.write(f"{actor.fingerprint}\n")


@forces_app.command()
def actor(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    key: Annotated[Path, typer.Argument(help="The new actor's key file; made if missing.")],
    name: Annotated[str, typer.Option(help="Their name.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What they may do.", show_default=False)],
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Register an actor by key; prints the fingerprint that a policy names."""
    with _house(stores, force) as home:
        by = _signer(home, as_key, acts.ENROL)
        private = ActorKey.read(key) if key.is_file() else ActorKey.create(key)
        made = Actor(name=name, role=role, public=private.public)
        home.enrol(made, by)
        sys.stdout.write(f"{made.fingerprint}\n")


@forces_app.command()
def load(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    source: Annotated[
        list[str], typer.Option(help="MAPPING=FILE, once per file; a mapping by name or file.")
    ],
    use_case: Annotated[
        list[str] | None, typer.Option(help="Approved use cases; default: the policy's.")
    ] = None,
    as_key: As = None,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Load the first week's feeds: only columns that an approved use case names."""
    with _house(stores, force) as home:
        if home.snapshots.live() is not None:
            raise StoreError(f"force '{force}' must be empty to load; use: sandbox forces replace")
        _take(home, source, use_case, as_key, as_json=as_json)


@forces_app.command()
def replace(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    source: Annotated[
        list[str], typer.Option(help="MAPPING=FILE, once per file; a mapping by name or file.")
    ],
    use_case: Annotated[
        list[str] | None, typer.Option(help="Approved use cases; default: the policy's.")
    ] = None,
    as_key: As = None,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Replace the live store by this week's feeds; the old one goes to the archive."""
    with _house(stores, force) as home:
        if home.snapshots.live() is None:
            raise StoreError(f"force '{force}' must be loaded first; use: sandbox forces load")
        _take(home, source, use_case, as_key, as_json=as_json)


@forces_app.command("list")
def list_forces(stores: Stores = DEFAULT, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List the forces and their live snapshots."""
    rows = []
    for force in _names(stores):
        with _house(stores, force) as home:
            live, archived = home.snapshots.live(), home.archive.entries()
            made = live.made.isoformat(timespec="minutes") if live else ""
            row = {"force": force, "snapshot": live.name if live else "", "made": made}
            rows.append(row | {"archived": str(len(archived))})
    _show(rows, as_json=as_json)


@forces_app.command()
def archive(
    force: ForceName,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List a force's archived snapshots, when each expires and who may read it."""
    with _house(stores, force) as home:
        rows = [
            {
                "snapshot": entry.snapshot.name,
                "replaced": entry.replaced.isoformat(timespec="minutes"),
                "expires": entry.expires.isoformat(timespec="minutes"),
                "authorised for": entry.authorisation.who if entry.authorisation else "",
                "readable from": entry.ready.isoformat(timespec="minutes") if entry.ready else "",
            }
            for entry in home.archive.entries()
        ]
    _show(rows, as_json=as_json)


@forces_app.command()
def retrieve(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    snapshot: Annotated[str, typer.Argument(help="Name, from `sandbox forces archive`.")],
    who: Annotated[str | None, typer.Option(help="Grant: who may read it.")] = None,
    why: Annotated[str | None, typer.Option(help="Grant: for what.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Grant: until when, UTC.")] = None,
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Authorise the reading of an archived snapshot (--who), or check that it can be read now."""
    with _house(stores, force) as home:
        by = _signer(home, as_key, acts.RETRIEVE)
        if who is None:
            with weeks.retrieve(home, snapshot, by=by) as connection:
                rows = connection.execute("select table_name, column_name from coded.kept")
                for table, column in rows.fetchall():
                    sys.stdout.write(f"{table}.{column}\n")
            return
        if until is None or why is None:
            raise UseCaseError(
                "why and until must be given: an authorisation has a reason and ends"
            )
        ends = until.replace(tzinfo=UTC)
        ready = weeks.authorise(home, snapshot, who=who, why=why, until=ends, by=by)
        sys.stdout.write(f"{ready.isoformat(timespec='minutes')}\n")


@forces_app.command()
def purge(force: ForceName, as_key: As = None, stores: Stores = DEFAULT) -> None:
    """Destroy archived snapshots that expired: the key, then the file. Safe to repeat."""
    with _house(stores, force) as home:
        for name in weeks.purge(home, by=_signer(home, as_key, acts.PURGE)):
            sys.stdout.write(f"{name}\n")


@forces_app.command()
def erase(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    person: PersonId,
    why: Why,
    workspace: Annotated[Path, typer.Option(help="Folder searched afterwards.")] = Path(
        "workspace"
    ),
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Erase a person from the live and every archived store, then search for what is left."""
    with _house(stores, force) as home:
        by, wanted = _signer(home, as_key, acts.ERASE), _person(person)
        also = _also(home, wanted, linkage_tokens(home.vaults(), wanted))
        seen: list[Remnants] = []

        def look() -> Remnants:
            seen.append(search(home, wanted, workspace, also, apart=stores))
            return seen[-1]

        done = rights.erase(home, wanted, by=by, why=why, look=look)
        before, after = (len(each.found) for each in (seen[0], seen[-1]))
        stderr.print(f"{force}: {before} places before, {after} after, {done.seconds:.1f} s")
        _report(force, seen[-1])


@forces_app.command()
def rectify(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    person: PersonId,
    why: Why,
    merge_into: Annotated[str | None, typer.Option(help="The same person's other id.")] = None,
    record: Annotated[str | None, typer.Option(help="Key of the record that is wrong.")] = None,
    column: Annotated[str | None, typer.Option(help="TABLE.COLUMN that is wrong.")] = None,
    value: Annotated[str | None, typer.Option(help="Right value; left out: missing.")] = None,
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Correct one value of a person's record, or merge two ids of one person."""
    with _house(stores, force) as home:
        by, wanted = _signer(home, as_key, acts.RECTIFY), _person(person)
        if merge_into is not None:
            edit: Edit = Merge(person=wanted, into=merge_into)
        elif record is not None and column is not None and "." in column:
            table, _, own = column.partition(".")
            edit = Rectify(table=table, record=record, column=own, value=value)
        else:
            raise UseCaseError("rectify must be given --merge-into, or --record and --column")
        done = rights.rectify(home, wanted, edit, by=by, why=why)
        if not done.reached:
            stderr.print("nothing on record matched; the store was laid out again unchanged")


@forces_app.command()
def remnants(
    person: PersonId,
    workspace: Annotated[Path, typer.Option(help="Folder searched too.")] = Path("workspace"),
    also: Annotated[
        list[str] | None, typer.Option(help="What else names the person, such as a token.")
    ] = None,
    stores: Stores = DEFAULT,
) -> None:
    """Find every place where a person's id or pseudonym survives, in every force."""
    wanted = _person(person)
    for force in _names(stores):
        with _house(stores, force) as home:
            given = _also(home, wanted, also)
            _report(force, search(home, wanted, workspace, given, apart=stores))


@forces_app.command("backup-key")
def backup_key(
    force: ForceName,
    out: Annotated[Path, typer.Argument(help="File to write; keep it away from the data.")],
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Write the force's key, encrypted under the passphrase in SANDBOX_PASSPHRASE."""
    with _house(stores, force) as home:
        home.permit(acts.BACK_UP, _signer(home, as_key, acts.BACK_UP))
        if out.exists():
            raise UseCaseError(f"backup ({out.name}) must not exist yet")
        out.write_text(seal_key(home.key, _passphrase()), "utf-8")
        out.chmod(0o600)


@forces_app.command("restore-key")
def restore_key(
    backup: Annotated[Path, typer.Argument(help="File that backup-key wrote.", exists=True)],
    out: Annotated[Path, typer.Argument(help="Key file to write.")],
) -> None:
    """Write a force's key file again from its backup and SANDBOX_PASSPHRASE."""
    KeyFile(path=out).write(open_key(backup.read_text("utf-8"), _passphrase()))


@audit_app.command("accept-loss")
def accept_loss(
    force: ForceName,
    why: Why,
    log: Annotated[str, typer.Option(help="Which log came back from an older backup.")] = "audit",
    as_key: As = None,
    stores: Stores = DEFAULT,
) -> None:
    """Go on with a log that was restored from an older backup; the loss is entered in it."""
    with _house(stores, force) as home:
        proved = home.register.prove(
            _signer(home, as_key, acts.ACCEPT_LOSS), acts.ACCEPT_LOSS.what, acts.ACCEPT_LOSS.roles
        )
        entry = Entry(
            event=Event.ALTERATION,
            what="accept the loss of entries",
            purpose=why,
            outcome="done",
            actor=str(proved),
        )
        first, last = home.log(log).accept_loss(entry.body())
        sys.stdout.write(f"entries {first} to {last} of log '{log}' are lost\n")


@audit_app.command()
def show(
    force: ForceName,
    as_key: As = None,
    stores: Stores = DEFAULT,
    last: Annotated[int, typer.Option(min=1, help="Newest entries.")] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show a force's audit log."""
    with _house(stores, force) as home:
        home.permit(acts.READ_AUDIT, _signer(home, as_key, acts.READ_AUDIT))
        entries = home.log("audit").entries()[-last:]
    columns = ("place", "at", "event", "what", "purpose", "actor", "outcome", "sent")
    _show([{name: str(entry[name]) for name in columns} for entry in entries], as_json=as_json)


@audit_app.command()
def verify(
    force: ForceName,
    noted: Annotated[
        str | None, typer.Option(help="A head that was noted down elsewhere: COUNT:SEAL.")
    ] = None,
    stores: Stores = DEFAULT,
) -> None:
    """Check every link of a force's logs; prints the head to note down outside the force."""
    with _house(stores, force) as home:
        for name in sorted(path.stem for path in home.paths.root.glob("logs/*.sqlite")):
            given = _head(noted) if noted and name == "audit" else None
            sys.stdout.write(f"{name} {home.log(name).verify(given)}\n")


EMPTY_POLICY = """\
# What this force permits. What is not written here is denied.
# Fingerprints come from `sandbox forces actor`.
#
# [purpose.stop-search]
# who = ["0123456789abcdef"]
# kinds = ["statistics"]
# minimum_contributors = 10
# minimum_cell = 5
# epsilon = 1.0
# delta = 1e-6
# period = "year"
#
# [purpose.stop-search.steps]
# private-grouped-statistics = "unpinned"
"""


@contextmanager
def _house(stores: Path, force: str, *, new: bool = False) -> Iterator[Home]:
    if not new and not (stores / force).is_dir():
        known = ", ".join(_names(stores)) or "none"
        raise StoreError(f"force ({force}) must be one in {stores}: {known}")
    home = force_home(stores, stores.parent.parent / "keys", force)
    try:
        yield home
    finally:
        home.close()


def _names(stores: Path) -> list[str]:
    signs = ("logs", "actors.json")
    return sorted(p.name for p in stores.glob("*") if any((p / sign).exists() for sign in signs))


def _signer(home: Home, key: Path | None, act: Act) -> ActorKey | None:
    """The key of --as; without it that of the plan's first run, if the act is for its role."""
    if key is not None or not home.register.actors():
        return ActorKey.read(key) if key is not None else None
    for role in act.roles:
        if (found := officer(home, role)) is not None:
            return found
    allowed = ", ".join(sorted(role.value for role in act.roles))
    raise UseCaseError(f"--as must name the key file of one of: {allowed}")


def _take(
    home: Home, source: list[str], use_case: list[str] | None, as_key: Path | None, *, as_json: bool
) -> None:
    by = _signer(home, as_key, acts.LOAD)
    policy = read_policy(home.paths.root / "policy.toml")
    approved = use_case or list(policy.purpose)
    if not approved:
        raise UseCaseError("use_case must name an approved use case, here or in the policy")
    cases = [load_use_case(name, Path.cwd()).value() for name in approved]
    week = weeks.load(
        home,
        _sources(source),
        needed_columns(cases),
        by=by,
        purpose=", ".join(approved),
        free_text=policy.free_text,
    )
    _tallies(week.tallies, as_json=as_json)


def _sources(given: list[str]) -> list[tuple[Mapping, list[Path]]]:
    known = read_mappings(MAPPINGS)
    chosen: dict[str, tuple[Mapping, list[Path]]] = {}
    for each in given:
        name, _, file = each.partition("=")
        if not file:
            raise UseCaseError(f"source ({each}) must be MAPPING=FILE")
        if name not in known and not name.endswith(".toml"):
            raise UseCaseError(
                f"mapping ({name}) must be a TOML file or one of: {', '.join(known)}"
            )
        mapping = known[name] if name in known else read_mapping(Path(name))
        chosen.setdefault(name, (mapping, []))[1].append(Path(file).resolve())
    return list(chosen.values())


def _head(noted: str) -> Head:
    count, _, mac = noted.partition(":")
    if not (count.isdigit() and mac):
        raise UseCaseError("noted must be COUNT:SEAL, as sandbox audit verify printed it")
    return Head(count=int(count), mac=mac)


def _passphrase() -> str:
    try:
        return os.environ["SANDBOX_PASSPHRASE"]
    except KeyError:
        raise UseCaseError("SANDBOX_PASSPHRASE must hold the passphrase of the backup") from None


def _tallies(tallies: Sequence[Tally], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([tally.record() for tally in tallies], indent=2) + "\n")
        return
    rows = []
    for tally in tallies:
        reasons = dict(tally.refused) | dict(tally.quarantined)
        notes = [f"{count} × {reason}" for reason, count in reasons.items()]
        notes += [f"column {c.column}: {c.rule}" for c in tally.columns_refused]
        notes += [f"unknown column {name}" for name in tally.columns_unknown]
        notes += [
            f"{f.column}: {n} rows with {k}" for f in tally.free_text for k, n in f.kinds.items()
        ]
        counts = {"in": tally.rows_in, "accepted": tally.accepted}
        counts |= {"refused": sum(tally.refused.values())}
        counts |= {"quarantined": sum(tally.quarantined.values())}
        shown = {name: str(count) for name, count in counts.items()}
        rows.append({"table": tally.table} | shown | {"notes": "; ".join(notes)})
    _show(rows, as_json=False)


def _person(given: str) -> str:
    person = sys.stdin.readline().strip() if given == "-" else given
    if not person.strip():
        raise UseCaseError("the person id must not be empty")
    return person


def _also(home: Home, person: str, more: list[str] | None = None) -> dict[str, list[str]]:
    known = [pseudonym(home.secret, name, canonical(person)) for name in shipped()]
    return {"pseudonym": known, "given": more or []}


def _report(force: str, result: Remnants) -> None:
    for place in result.found:
        sys.stdout.write(f"{force}\t{place.where}\t{place.what}\n")
    for made in result.influenced:
        kept = f"epsilon {made.epsilon:g}" if made.epsilon is not None else "no formal guarantee"
        stderr.print(
            f"{force}: {made.kind.value} '{made.name}' was made from a snapshot that held the "
            f"person ({kept}); influence on what is out is recorded, not removable"
        )
    if result.not_searched:
        files = ", ".join(result.not_searched)
        stderr.print(
            f"{force}: encrypted or unreadable, not searched with this force's key: {files}"
        )


def _show(rows: list[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    table = Table(*(rows[0] if rows else ["nothing"]))
    for row in rows:
        table.add_row(*row.values())
    stdout.print(table)
