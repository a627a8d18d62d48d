"""`sandbox forces load`, `replace`, `list`, `archive`, `retrieve`, `purge`: a force's weeks."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from minimisation import StoreError, UseCaseError
from minimisation.forces import acts, weeks
from minimisation.forces.door import needed_columns
from minimisation.forces.home import Home
from minimisation.forces.mapping import Mapping, read_mapping, read_mappings
from minimisation.forces.tally import Tally
from sandbox.commands.force_desk import (
    DEFAULT,
    As,
    AsJson,
    ForceName,
    Stores,
    house,
    names,
    show_rows,
    signer,
)
from sandbox.houses import keys_of, stand_in_linkage
from sandbox.use_case_files import load as load_use_case

MAPPINGS = Path(__file__).parents[1] / "mappings"

Sources = Annotated[
    list[str], typer.Option(help="MAPPING=FILE, once per file; a mapping by name or file.")
]

UseCases = Annotated[
    list[str] | None, typer.Option(help="Approved use cases; default: the policy's.")
]

Link = Annotated[
    bool,
    typer.Option(
        "--link",
        help="Make linkage tokens of names and birth dates, which are not kept for it. For trials: "
        "both linkage keys are in the workspace then.",
    ),
]


def load(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    source: Sources,
    use_case: UseCases = None,
    link: Link = False,  # noqa: FBT002 - a flag
    as_key: As = None,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Load the first week's feeds: only columns that an approved use case names."""
    with house(stores, force) as home:
        if home.snapshots.live() is not None:
            raise StoreError(f"force '{force}' must be empty to load; use: sandbox forces replace")
        tallies = _take(home, source, use_case, as_key, link=link)
        _show(tallies, as_json=as_json)


def replace(  # noqa: PLR0913, PLR0917 - a command's options
    force: ForceName,
    source: Sources,
    use_case: UseCases = None,
    link: Link = False,  # noqa: FBT002 - a flag
    as_key: As = None,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Replace the live store by this week's feeds; the old one goes to the archive."""
    with house(stores, force) as home:
        if home.snapshots.live() is None:
            raise StoreError(f"force '{force}' must be loaded first; use: sandbox forces load")
        tallies = _take(home, source, use_case, as_key, link=link)
        _show(tallies, as_json=as_json)


def list_forces(stores: Stores = DEFAULT, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List the forces and their live snapshots."""
    rows = []
    for force in names(stores):
        with house(stores, force) as home:
            live, archived = home.snapshots.live(), home.archive.entries()
            made = live.made.isoformat(timespec="minutes") if live else ""
            row = {"force": force, "snapshot": live.name if live else "", "made": made}
            rows.append(row | {"archived": str(len(archived))})
    show_rows(rows, as_json=as_json)


def archive(
    force: ForceName,
    stores: Stores = DEFAULT,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List a force's archived snapshots, when each expires and who may read it."""
    with house(stores, force) as home:
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
    show_rows(rows, as_json=as_json)


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
    with house(stores, force) as home:
        by = signer(home, as_key, acts.RETRIEVE)
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


def purge(force: ForceName, as_key: As = None, stores: Stores = DEFAULT) -> None:
    """Destroy archived snapshots that expired: the key, then the file. Safe to repeat."""
    with house(stores, force) as home:
        for name in weeks.purge(home, by=signer(home, as_key, acts.PURGE)):
            sys.stdout.write(f"{name}\n")


def _take(
    home: Home, source: list[str], use_case: list[str] | None, as_key: Path | None, *, link: bool
) -> Sequence[Tally]:
    by = signer(home, as_key, acts.LOAD)
    policy = home.policy
    approved = use_case or list(policy.purpose)
    if not approved:
        raise UseCaseError("use_case must name an approved use case, here or in the policy")
    cases = [load_use_case(name, Path.cwd()).value() for name in approved]
    sources = _sources(source)
    if link and all(mapping.table != "person" for mapping, _ in sources):
        raise UseCaseError("--link must come with a source of the person table")
    week = weeks.load(
        home,
        sources,
        needed_columns(cases),
        by=by,
        purpose=", ".join(approved),
        free_text=policy.free_text,
        linkage=stand_in_linkage(keys_of(home)) if link else None,
    )
    return week.tallies


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


def _show(tallies: Sequence[Tally], *, as_json: bool) -> None:
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
    show_rows(rows, as_json=False)
