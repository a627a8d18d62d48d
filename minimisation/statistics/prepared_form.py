"""The prepared form of a use case: its table coded and ranked, beside the live store it is made of.

It lies in an encrypted file of its own in the folder of the live snapshot and bears that snapshot's
name. A replacement, an erasure or a purge leaves no file there that bears another name, so a
prepared form is of the live store or gone; what was declared is kept, and built again when it is
next asked for. It holds no id: a person is a keyed hash, an attribute a code.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_bytes
from typing import Any

import duckdb

from minimisation.contract.errors import StoreError
from minimisation.contract.questions import GroupedStatistics
from minimisation.contract.usecase import FORCE, UseCase
from minimisation.forces import analysis
from minimisation.forces.home import Home
from minimisation.forces.keys import LENGTH
from minimisation.forces.records import read_record, write_record
from minimisation.forces.vault import Vault
from minimisation.statistics import encoding, preparation
from minimisation.statistics.catalogue import Prepared, StoredTable
from minimisation.statistics.planner import refuse_unknown_key
from minimisation.statistics.text_form import parse

PURPOSE = "prepared form"
"""Purpose of the keys of prepared forms."""


@dataclass(frozen=True, kw_only=True)
class PreparedForm:
    """One use case's prepared form at one force."""

    home: Home
    """The force."""
    use_case: UseCase
    """What it is prepared for."""

    def declare(self, questions: tuple[str, ...] = ()) -> None:
        """Say that the use case is to be kept prepared, and for which questions; then build it.

        Args:
            questions: queries in the text form whose population and keys get stored ranks, beside
                the use case's own question.

        Raises:
            UseCaseError: if a question names what the use case does not have.
            StoreError: if the store cannot be read, or breaks a promise that bounds rely on.
        """
        self._copies(questions)
        declared = read_record(self._declarations, "declarations") or {}
        write_record(self._declarations, declared | {self.use_case.name: list(questions)})
        self._build()

    @property
    def declared(self) -> tuple[str, ...] | None:
        """Questions that the use case is prepared for; None if it is not declared."""
        declared = read_record(self._declarations, "declarations") or {}
        questions = declared.get(self.use_case.name)
        return None if questions is None else tuple(questions)

    def table(self) -> StoredTable | None:
        """What queries may use, a public fact; None if nothing is declared."""
        questions = self.declared
        if questions is None:
            return None
        plain = encoding.stored_table(self.use_case)
        return replace(plain, prepared=self._copies(questions))

    def open(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to it, built anew if the store was replaced since.

        Raises:
            StoreError: if it is not declared, or cannot be read or built.
        """
        if self.declared is None:
            msg = f"use case '{self.use_case.name}' must be prepared at force '{self.home.force}'"
            raise StoreError(f"{msg}; run: sandbox forces prepare {self.use_case.name}")
        if not self.fresh:
            self._build()
        record = read_record(self._record, "record of a prepared form") or {}
        key = self.home.key.unwrap(str(record["key"]), PURPOSE, self._path.name)
        return self._vault(key).open()

    @property
    def fresh(self) -> bool:
        """Whether it is built for the live store and for what is declared."""
        record = read_record(self._record, "record of a prepared form")
        return (
            record is not None
            and self._path.is_file()
            and tuple(record["questions"]) == self.declared
        )

    def _build(self) -> None:
        table = self.table()
        if table is None:
            raise StoreError("a prepared form must be declared before it is built")
        with self.home.snapshots.held():
            path, key = self._path, token_bytes(LENGTH)
            path.unlink(missing_ok=True)
            split = analysis.Split(key=self.home.key.derive(PURPOSE).hex(), held_out=0.0)
            with self.home.open() as live, self._vault(key).create() as fresh:
                analysis.build(live, self.use_case, split, self.home.force)
                rows = live.execute(encoding.encoded_sql(table)).to_arrow_table()
                fresh.register("incoming", rows)
                fresh.execute(f"create table {table.name} as from incoming")
                fresh.unregister("incoming")
                preparation.refuse_broken_promises(fresh, table)
                for copy in table.prepared:
                    preparation.prepare(fresh, table, copy)
            wrapped = self.home.key.wrap(key, PURPOSE, path.name)
            write_record(self._record, {"key": wrapped, "questions": list(self.declared or ())})

    def _copies(self, questions: tuple[str, ...]) -> tuple[Prepared, ...]:
        table = encoding.stored_table(self.use_case)
        found: dict[tuple[Any, ...], Prepared] = {}
        asked = self.use_case.question
        if isinstance(asked, GroupedStatistics):
            keys = tuple(key for key in asked.by if key != FORCE)
            found[(), keys] = Prepared(table="prepared_0", population=(), by=keys)
        for text in questions:
            query = parse(text, table.name)
            refuse_unknown_key(query)
            name = f"prepared_{len(found)}"
            copy = Prepared(table=name, population=query.population, by=query.by)
            preparation.prepare_sql(table, copy)  # refuses what the use case does not have
            found.setdefault((copy.population, copy.by), copy)
        return tuple(found.values())

    @property
    def _path(self) -> Path:
        live = self.home.snapshots.live()
        if live is None:
            raise StoreError(f"the store of force '{self.home.force}' must be loaded first")
        # any change to what the table is made of is another table
        facts = {name: value for name, value in asdict(self.use_case).items() if name in MADE_OF}
        text = json.dumps(facts, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.home.paths.snapshots / f"{live.name}.{digest}.prepared"

    @property
    def _record(self) -> Path:
        return self._path.with_suffix(".json")

    @property
    def _declarations(self) -> Path:
        return self.home.paths.root / "prepared.json"

    def _vault(self, key: bytes) -> Vault:
        home = self.home
        return Vault(
            force=home.force,
            path=self._path,
            key=key,
            threads=home.threads,
            memory=home.memory,
        )


MADE_OF = ("name", "unit", "as_of", "table", "columns", "where", "question")
"""What of a use case decides what is in its table."""
