"""What applying an option does, seen from outside, on worlds that differ in one thing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Forces,
    Held,
    Microdata,
    MissingEngineError,
    NotApplicableError,
    Option,
    Release,
    Statistics,
)
from minimisation.contract import wire
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.meter import Egress

IDENTIFYING = (b"SYN-", b"Testperson", b"token-")

CANARY = "Zzheldout"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one application of an option did, seen from outside."""

    release: Release | None
    """None where the option said that it does not apply."""
    reason: str
    content: bytes
    """Everything a recipient of the release can read."""
    messages: tuple[bytes, ...]
    """Every payload on the wire, sorted, because forces answer in any order."""
    entries: tuple[Egress, ...]
    privacy_loss: object
    drew: bool
    """Whether the option drew from its generator."""
    touched: bool
    """Whether a store or an analysis table changed."""


Change = Callable[[pa.Table, pa.Array], pa.Table]


def moved(forces: Forces, folder: Path) -> Forces:
    """The same forces with their stores in a folder of their own."""
    folder.mkdir()
    for force in forces:
        path = force.store.path.rename(folder / f"{force.name}.duckdb")
        force.store = replace(force.store, path=path)
    return forces


def with_own_accounts(forces: Forces) -> Forces:
    """The same forces with unspent budgets and an empty meter."""
    members = tuple(
        Force(
            store=force.store,
            policy=force.policy,
            ledger=Ledger(epsilon=force.ledger.epsilon, delta=force.ledger.delta),
            secret=force.secret,
        )
        for force in forces
    )
    return Forces(members=members, use_case=forces.use_case, split=forces.split)


def observed(option: Option, forces: Forces, seed: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Apply an option and note all that it did."""
    messages: list[bytes] = []
    rng = np.random.default_rng(seed)
    untouched = str(rng.bit_generator.state)
    release, reason, content = None, "", b""
    decode = wire.decode

    def noted(message: bytes) -> pa.Table:
        messages.append(message)
        return decode(message)

    with forces, monkeypatch.context() as patch:
        before = fingerprint(forces)
        patch.setattr(wire, "decode", noted)
        try:
            release = option.apply(forces, forces.use_case, rng)
            content = readable(release, forces)
        except NotApplicableError as error:
            reason = str(error)
        except MissingEngineError as error:
            pytest.skip(f"ENGINE ABSENT: {error}")
        return Run(
            release=release,
            reason=reason,
            content=content,
            messages=tuple(sorted(messages)),
            entries=tuple(forces.meter.entries),
            privacy_loss=forces.privacy_loss(),
            drew=str(rng.bit_generator.state) != untouched,
            touched=fingerprint(forces) != before,
        )


def fingerprint(forces: Forces) -> str:
    """Digest of every store file and every analysis table."""
    digest = hashlib.sha256()
    for force in forces:
        digest.update(force.store.path.read_bytes())
        for members in (True, False):
            digest.update(wire.encode(force._people(members=members).to_arrow_table()))
    return digest.hexdigest()


def readable(release: Release, forces: Forces) -> bytes:
    """What a release says; of a held one, what each force holds."""
    artefact = release.artefact
    if isinstance(artefact, Microdata | Statistics):
        return wire.encode(artefact.table)
    if isinstance(artefact, Held):
        return repr([force._resolve(artefact) for force in forces]).encode()
    return repr(artefact).encode()


def identifying(content: bytes) -> list[bytes]:
    """Marks of direct identifiers that occur in what can be read."""
    return [mark for mark in IDENTIFYING if mark in content]


def changed(forces: Forces, change: Change) -> dict[str, pa.Table]:
    """Every force's records after a change, which is told who is held out."""
    records = {}
    with forces:
        for force in forces:
            out = force._people(members=False).to_arrow_table().column("person_id")
            force.close()
            with force.store.open() as connection:
                table = connection.execute("select * from records").to_arrow_table()
            held_out = pc.is_in(table.column("person_id"), out.combine_chunks())
            records[force.name] = change(table, held_out)
    return records


def other_facts(table: pa.Table, held_out: pa.Array) -> pa.Table:
    """Different facts about held-out people: labels flipped and a name that nobody else has."""
    for name in ("outcome", "found"):
        if name in table.column_names:
            flipped = pc.subtract(1, table.column(name))
            table = replaced(table, name, pc.if_else(held_out, flipped, table.column(name)))
    if "family_name" in table.column_names:
        named = pc.if_else(held_out, CANARY, table.column("family_name"))
        table = replaced(table, "family_name", named)
    sexes = pc.if_else(held_out, "female", table.column("sex"))
    return replaced(table, "sex", sexes)


def replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def other_facts_about_members(table: pa.Table, held_out: pa.Array) -> pa.Table:
    """The same change to everybody else."""
    return other_facts(table, pc.invert(held_out))


def first_person(table: pa.Table, held_out: pa.Array) -> pa.Table:
    """One person's records."""
    del held_out
    return table.filter(pc.equal(table.column("person_id"), table.column("person_id")[0]))


VARIANTS: dict[str, tuple[Change, float]] = {
    "others held out": (other_facts, 0.3),
    "other members": (other_facts_about_members, 0.3),
    "one person each": (first_person, 0.0),
}
"""How the records of a world differ from the toy forces', and the share held out."""
