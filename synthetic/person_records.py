"""One record per person with events: made by SQL in the force, and unfolded to events outside.

A record is a person's own columns, how many events they have, one event, and per event column
whether another event differs. So a person adds one row however many events they have.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Bounds, Column, Contribution, GroupedStatistics, Statistic, UseCase
from minimisation.contract.sources import Month
from minimisation.contract.usecase import FORCE
from minimisation.forces import sql
from minimisation.groups import LINK
from synthetic import counting, persons, rows

NUMBER = "number_of_events"
"""Column of a person's record: how many events are kept."""

OTHER = "other_"
"""Prefix of the columns that say whether another event of the person differs."""

EVENTS = "events_of_people"
"""Name of the relation of events, which must differ from that of the records made of it."""


def records_of(use_case: UseCase, layout: persons.Linked) -> UseCase:
    """The use case of the records: every column of a record is needed, and a person is one row."""
    most = counting.rows_per_unit(use_case)
    columns = [each.column for each in layout.cells]
    if most > 1:
        columns.append(Column(name=NUMBER, role="other", domain=Bounds(low=1, high=most)))
        columns += [
            Column(name=_other(layout, place), role="other", domain=Bounds(low=0, high=1))
            for place in layout.events
        ]
    return replace(
        use_case,
        columns=tuple(columns),
        question=GroupedStatistics(
            by=(FORCE, *(column.name for column in columns if not column.numeric)),
            statistics=(
                Statistic(aggregate="rows"),
                *(Statistic(aggregate="mean", column=c.name) for c in columns if c.numeric),
            ),
        ),
        contribution=Contribution(),
        constraints=(),
        geography=(),
        recording=None,
        published=(),
    )


def _other(layout: persons.Linked, place: int) -> str:
    return f"{OTHER}{layout.cells[place].column.name}"


def records_sql(use_case: UseCase, layout: persons.Linked) -> str:
    """SQL for one record per person of `EVENTS`: their last events, as many as are kept.

    Last is by the month where the use case has one, and by a hash of the row elsewhere, so that it
    depends on the person's own rows alone.
    """
    most = counting.rows_per_unit(use_case)
    names = [sql.name(each.column.name) for each in layout.cells]
    listed = ", ".join(names)
    months = [sql.name(c.name) for c in use_case.columns if isinstance(c.source, Month)]
    order = ", ".join([*(f"{month} desc nulls last" for month in months[:1]), f"hash({listed})"])
    turn = f"row_number() over (partition by unit order by {order}, {listed})"
    parts = [f"min({names[place]}) as {names[place]}" for place in layout.persons]
    parts += [
        f"max({names[place]}) filter (where turn = 1) as {names[place]}" for place in layout.events
    ]
    if most > 1:
        parts.append(f"count(*) as {NUMBER}")
        parts += [
            f"max(({names[place]} is distinct from f{place})::integer)"
            f" as {sql.name(_other(layout, place))}"
            for place in layout.events
        ]
    firsts = ", ".join(
        f"first_value({names[place]}) over (partition by unit order by turn) as f{place}"
        for place in layout.events
    )
    return (
        f"with turned as (select unit, {listed}, {turn} as turn from {EVENTS}"
        f" where unit is not null), "
        f"kept as (select *{', ' + firsts if firsts else ''} from turned where turn <= {most}) "
        f"select unit, {', '.join(parts)} from kept group by unit"
    )


def unfolded(
    use_case: UseCase, layout: persons.Linked, records: pa.Table, rng: np.random.Generator
) -> pa.Table:
    """Events of invented persons from their records; reads nothing but the records.

    The first event of a person is the one on record. A further event takes the columns that differ
    from another person's record, one who has the same columns of the person where there is one.
    """
    size = records.num_rows
    number = np.ones(size, dtype=np.int64)
    if NUMBER in records.column_names:
        number = np.rint(records[NUMBER].to_numpy()).astype(np.int64)
    owner = np.repeat(np.arange(size), number)
    first = np.diff(owner, prepend=-1) > 0
    donor = _donors(records, layout, owner, rng)
    values = {}
    for place, each in enumerate(layout.cells):
        name, taken = each.column.name, owner
        if place in layout.events and _other(layout, place) in records.column_names:
            differs = records[_other(layout, place)].to_numpy()[owner] == 1
            taken = np.where(differs & ~first, donor, owner)
        values[name] = records[name].take(pa.array(taken))
    schema = rows.promise(use_case).schema
    table = pa.table([values[name] for name in schema.names], schema=schema)
    return table.append_column(LINK, persons.keys(owner))


def _donors(
    records: pa.Table, layout: persons.Linked, owner: persons.Places, rng: np.random.Generator
) -> persons.Places:
    """For every event a person, who may be its own, with the same columns of the person."""
    names = [layout.cells[place].column.name for place in layout.persons]
    columns = [records[name].combine_chunks().dictionary_encode().indices for name in names]
    # a missing value is like another missing one
    codes = [pc.fill_null(column, -1).to_numpy() for column in columns]
    alike = np.column_stack([np.zeros(records.num_rows, dtype=np.int64), *codes])
    _, group, sizes = np.unique(alike, axis=0, return_inverse=True, return_counts=True)
    order, starts = np.argsort(group, kind="stable"), np.cumsum(sizes) - sizes
    own = group[owner]
    chosen = starts[own] + np.floor(rng.random(len(owner)) * sizes[own]).astype(np.int64)
    result: persons.Places = order[chosen]
    return result
