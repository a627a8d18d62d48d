"""HMA: persons and their events, fitted together inside each force, released as one linked table.

Patki, Wedge and Veeramachaneni 2016, The Synthetic Data Vault (the conditional parameter
aggregation of section IV). Every person's events get a copula of their own, whose parameters become
columns of the person; both tables enter as normal scores of public cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from minimisation import Forces, Payload, Premises, Release, UseCase
from minimisation.groups import LINK
from synthetic import persons, rows, sdv_engine, sdv_family
from synthetic.copula import normal_scores
from synthetic.margins import Codes, Margin, Shares


@dataclass(frozen=True, kw_only=True)
class FitPersons:
    """Fits HMA to a force's members and their events and samples as many; the model is dropped."""

    seed: int
    """Seed of the sample; every force spawns its own generator from it."""
    fewest: int
    """Below this many persons nothing is learnt: persons and events are drawn independently."""
    seconds: float
    """Fit and sample are given up after this long, and drawn independently too."""
    person_columns: tuple[str, ...]
    """Columns of the person; empty: those of the person's own record."""
    name: str = "fit-persons"
    """Name by which a force approves it."""

    def sends(self, use_case: UseCase) -> Payload:
        """Synthetic rows inside the public domains, with invented keys of persons."""
        plain = rows.promise(use_case, timed=True)
        place = plain.schema.get_field_index(rows.STOPPED)
        return replace(plain, schema=plain.schema.insert(place, pa.field(LINK, pa.string())))

    def run(self, premises: Premises) -> pa.Table:
        """Fit and sample.

        Raises:
            MissingEngineError: if SDV is not installed at the force.
            NotApplicableError: if rows are not events of persons.
        """
        layout = persons.linked(premises.use_case, self.person_columns)
        seen = persons.members(premises, layout)
        rng = premises.rng(self.seed)
        made = None
        if seen.size >= self.fewest:
            made = family(layout, seen, int(rng.integers(2**32)), self.seconds)
        stopped = made is None and seen.size >= self.fewest
        drawn = persons.apart(layout, seen, rng) if made is None else made
        table = persons.table_of(premises.use_case, layout, drawn, rng)
        return rows.with_stopped(table, stopped=stopped)


def family(
    layout: persons.Linked, seen: persons.Members, seed: int, seconds: float
) -> persons.Members | None:
    """As many persons and events from HMA; None if time was up."""
    sides = [
        [Margin.of(layout.cells[place], code) for place, code in zip(places, codes, strict=True)]
        for places, codes in ((layout.persons, seen.persons), (layout.events, seen.events))
    ]
    known = sdv_family.Family(
        persons=_scores(sides[0], seen.persons, seen.size),
        events=_scores(sides[1], seen.events, len(seen.owner)),
        owner=seen.owner,
    )
    drawn = sdv_family.hierarchical(known, seed, seconds)
    if drawn is None:
        return None
    return persons.Members(
        persons=_codes(sides[0], drawn.persons),
        events=_codes(sides[1], drawn.events),
        owner=drawn.owner,
    )


def _scores(margins: Sequence[Margin], codes: Sequence[Codes], size: int) -> Shares:
    columns = [normal_scores(margin, code) for margin, code in zip(margins, codes, strict=True)]
    return np.column_stack(columns) if columns else np.zeros((size, 0))


def _codes(margins: Sequence[Margin], scores: Shares) -> list[Codes]:
    """Cells at the ranks of the scores, which keeps every column's own frequencies."""
    places = np.argsort(np.argsort(scores, axis=0, kind="stable"), axis=0, kind="stable")
    ranks = (places + 0.5) / max(1, len(scores))
    return [margin.at(ranks[:, place]) for place, margin in enumerate(margins)]


@dataclass(frozen=True, kw_only=True)
class LinkedPersons:
    """Synthetic persons with their synthetic events, from SDV's HMA fitted inside each force."""

    person_columns: Sequence[str] = ()
    """Columns that describe the person and are alike in all their rows; empty: those that a use
    case reads from the person's own record."""
    fewest: int = 50
    """Forces with fewer persons than this send persons and events drawn independently."""
    seconds: float = 60.0
    """Time in each force, after which persons and events are drawn independently and the release
    names the force."""
    name: str = "linked-persons"
    """Name in plans and reports."""
    summary: str = "Synthetic persons and their events (SDV's HMA), fitted inside each force."
    """What leaves each force."""
    keeps_direct_identifiers: bool = False
    """Direct identifiers are never synthesised; keys of persons are invented."""

    def __post_init__(self) -> None:
        """Refuse a threshold at which nothing can be fitted.

        Raises:
            ValueError: naming the rule.
        """
        if self.fewest < 2:  # noqa: PLR2004 - a correlation needs two persons
            raise ValueError(f"fewest ({self.fewest}) must be at least 2")
        rows.check_seconds(self.seconds)

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Fit and sample in every force.

        Raises:
            MissingEngineError: if SDV is not installed.
            NotApplicableError: if rows are not events of persons.
            ValueError: if a person column is no needed column.
            PolicyError: if a force refused or failed.
        """
        sdv_engine.require()
        layout = persons.linked(use_case, self.person_columns)
        step = FitPersons(
            seed=int(rng.integers(2**63)),
            fewest=self.fewest,
            seconds=self.seconds,
            person_columns=tuple(self.person_columns),
        )
        payloads = forces.ask(step).complete()
        small = [
            name for name, table in payloads.items() if len(table[LINK].unique()) < self.fewest
        ]
        late = rows.stopped_in(payloads)
        said = rows.time_remarks(late, self.seconds)
        if small or late:
            where = ", ".join([*small, *late])
            said = (*said, f"Persons and events were drawn independently in {where}.")
        tables = {name: table.drop_columns([rows.STOPPED]) for name, table in payloads.items()}
        return persons.released(forces, layout, rows.with_force(tables), rng, *said)
