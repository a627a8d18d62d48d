"""Takes sources into a force: every row ends accepted, refused or quarantined, and they add up.

A row is *refused* by a rule about what may never be stored, and leaves no trace but a count. It is
*quarantined* if a value breaks its column's rule; its place in the source is kept, so that the
force can mend it there. No reason holds a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from minimisation.contract.errors import UseCaseError
from minimisation.contract.tables import PERSON
from minimisation.forces import door, landing, scan, sql
from minimisation.forces.judgement import Rule, judge
from minimisation.forces.linkage.at_load import LINKED, Linkage
from minimisation.forces.mapping import MappedColumn
from minimisation.forces.mapping import Mapping as SourceMapping
from minimisation.forces.tally import Tally

MALFORMED = "the row is not well-formed"

ORDER = ("person", "crime", "involvement", "custody", "intelligence", "stop_search")
"""Tables that others refer to come first."""


IDENTITY = ("given_name", "family_name", "birth_date")
"""Harmonised columns of which linkage tokens are made; people move, so no postcode."""

TOKEN = "linkage_token"  # noqa: S105 - a column's name


@dataclass(kw_only=True)
class Intake:
    """One load of one force: sources in, temporary views `accepted_TABLE` out."""

    connection: duckdb.DuckDBPyConnection
    """The connection that fills the new store; it can read the sources."""
    needed: Mapping[str, frozenset[str]]
    """Harmonised table → columns that approved use cases name."""
    force: str = ""
    """Name of the force, for those whom linkage cannot identify."""
    free_text: bool = False
    """Whether the force switched free text on."""
    linkage: Linkage | None = None
    """Makes the people's linkage tokens; None: they come with the feed, or not at all."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    """What became of each source, in order."""
    columns: dict[str, dict[str, MappedColumn]] = field(default_factory=dict)
    """Table → the columns that were made."""

    def take_all(self, sources: Sequence[tuple[SourceMapping, Sequence[Path]]]) -> None:
        """Take every source whose table is needed, referred tables first.

        Raises:
            UseCaseError: if a source is not of its kind or lacks a needed column.
            StoreError: if rows do not reconcile.
        """
        for mapping, paths in sorted(sources, key=lambda source: ORDER.index(source[0].table)):
            if mapping.table in self.needed:
                self.take(mapping, paths)

    def take(self, mapping: SourceMapping, paths: Sequence[Path]) -> Tally:
        """Take one source.

        Raises:
            UseCaseError: if it is not of its kind or lacks a needed column.
            StoreError: if rows do not reconcile.
        """
        types = landing.columns_of(self.connection, mapping, paths)
        barred = door.refused_columns(types)
        chosen = self._chosen(mapping, {column.column for column in barred})
        read = [column.source for column in chosen.values()]
        read += [mapping.key] if mapping.key else []
        read += [mapping.handling.source] if mapping.handling else []
        linked = self.linkage is not None and mapping.table == "person"
        read += _identity_columns(mapping) if linked else []
        landing.missing_columns(mapping, types, read)
        content = [name for name in types if name not in {column.column for column in barred}]
        unique = list(dict.fromkeys(read))
        malformed = landing.land(self.connection, mapping, paths, unique, content)
        taken = frozenset(self.tallies)
        rules = judge(self.connection, mapping, chosen, types, taken)
        if self.linkage is not None and linked:
            chosen = self._link(self.linkage, mapping, chosen)
        self.columns[mapping.table] = dict(chosen)
        known = {*mapping.sources, *(column.column for column in barred)}
        rows_in, accepted, refused, quarantined = self._counts(mapping.table, rules, malformed)
        tally = Tally(
            table=mapping.table,
            source=mapping.name,
            rows_in=rows_in,
            accepted=accepted,
            refused=refused,
            quarantined=quarantined,
            columns_refused=barred,
            columns_not_needed=tuple(sorted(set(mapping.columns) - set(chosen))),
            columns_unknown=tuple(sorted(set(types) - known)),
            free_text=tuple(self._scan(mapping.table, chosen)),
        )
        self.tallies[mapping.table] = tally
        self._note_quarantine(mapping.table, rules)
        return tally

    def _link(
        self, linkage: Linkage, mapping: SourceMapping, chosen: Mapping[str, MappedColumn]
    ) -> dict[str, MappedColumn]:
        """Give every accepted person the token that the linkage holder makes."""
        values = [
            f"cast(l.{sql.name(landing.landed_name(column))} as varchar)"
            for column in _identity_columns(mapping)
        ]
        values.append("null")  # no postcode
        linkage.link(
            self.connection,
            self.force,
            f"select j.{PERSON}, {', '.join(values)} from judged_person j "
            f"join {landing.LANDED} l using (source_row) where j.rule is null",
        )
        names = [PERSON, *(name for name in chosen if name != TOKEN)]
        own = ", ".join(f"j.{sql.name(name)}" for name in names)
        self.connection.execute(
            f"create or replace temp view accepted_person as select {own}, k.token as {TOKEN} "
            f"from judged_person j join {LINKED} k on k.person = j.{PERSON} where j.rule is null"
        )
        return dict(chosen) | {TOKEN: MappedColumn(source=TOKEN, kind="identifier")}

    def _chosen(self, mapping: SourceMapping, barred: set[str]) -> dict[str, MappedColumn]:
        needed = self.needed.get(mapping.table, frozenset())
        return {
            name: column
            for name, column in mapping.columns.items()
            if name in needed
            and column.source not in barred
            and (column.kind != "free_text" or self.free_text)
        }

    def _counts(
        self, table: str, rules: Sequence[Rule], malformed: int
    ) -> tuple[int, int, dict[str, int], dict[str, int]]:
        query = f"select rule, count(*) from judged_{table} group by rule order by rule"
        ended = dict(self.connection.execute(query).fetchall())
        landed = self.connection.execute(f"select count(*) from {landing.LANDED}").fetchone()
        quarantined = {MALFORMED: malformed} if malformed else {}
        refused: dict[str, int] = {}
        for place, rule in enumerate(rules):
            if count := ended.get(place, 0):
                into = refused if rule.refusal else quarantined
                into[rule.reason] = into.get(rule.reason, 0) + count
        rows_in = (int(landed[0]) if landed else 0) + malformed
        return rows_in, ended.get(None, 0), refused, quarantined

    def _scan(self, table: str, chosen: Mapping[str, MappedColumn]) -> list[scan.Found]:
        names = None
        if known := [
            n for n in ("given_name", "family_name") if n in self.columns.get("person", {})
        ]:
            parts = (f"select {sql.name(name)} as name from accepted_person" for name in known)
            names = " union all ".join(parts)
        texts = [name for name, column in chosen.items() if column.kind == "free_text"]
        return [scan.scan(self.connection, f"accepted_{table}", text, names) for text in texts]

    def _note_quarantine(self, table: str, rules: Sequence[Rule]) -> None:
        self.connection.execute(
            "create table if not exists quarantine "
            "(table_name varchar, source_row bigint, reason varchar)"
        )
        for place, rule in enumerate(rules):
            if not rule.refusal:
                self.connection.execute(
                    f"insert into quarantine select ?, source_row, ? from judged_{table} "
                    "where rule = ?",
                    [table, rule.reason, place],
                )


def _identity_columns(mapping: SourceMapping) -> list[str]:
    """Source columns of names and birth date.

    Raises:
        UseCaseError: if the mapping does not know one of them.
    """
    missing = [name for name in IDENTITY if name not in mapping.columns]
    if missing:
        msg = f"mapping '{mapping.name}' must map {', '.join(missing)}"
        raise UseCaseError(f"{msg}, of which linkage tokens are made")
    return [mapping.columns[name].source for name in IDENTITY]
