"""What every synthesiser shares with its force: which columns, their schema, the members' rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from minimisation import (
    Bounds,
    Forces,
    Microdata,
    NotApplicableError,
    Payload,
    PayloadKind,
    Premises,
    Release,
    Step,
    UseCase,
)
from minimisation.contract.usecase import FORCE
from minimisation.forces import sql
from minimisation.groups import LINK
from synthetic.conditions import Given, fixed_cells
from synthetic.constraints import enforced
from synthetic.margins import Cells, Margin

EVERY_ROW_APART = (
    "Every synthetic row is drawn apart from all others: rows do not belong to persons, so a"
    " count of persons equals a count of rows."
)
"""Remark of every option that synthesises single rows."""

LINKED = (
    f"Rows with the same '{LINK}' in a force belong to one invented person; the keys are invented"
    " too."
)
"""Remark of every option that synthesises persons and their events."""

STOPPED = "stopped early"
"""Column by which a timed step says that its time ran out; no use case's column has a space."""


def cells_of(use_case: UseCase) -> tuple[Cells, ...]:
    """Cells of the columns that the question needs, in declaration order: at least one.

    Raises:
        NotApplicableError: if the question needs a direct identifier, which is never synthesised,
            or no column at all.
    """
    if not use_case.needed:
        raise NotApplicableError(
            "question must need at least one column besides the force to be synthesised"
        )
    named = [name for name in use_case.needed if name in use_case.identifiers]
    if named:
        msg = f"columns ({', '.join(named)}) must not be direct identifiers"
        raise NotApplicableError(f"{msg}: a synthetic table has nobody to identify")
    return tuple(Cells(column=use_case.column(name)) for name in use_case.needed)


def promise(use_case: UseCase, *, timed: bool = False) -> Payload:
    """What a synthesising step sends: numbers as float64, labels as text, inside the domains.

    A timed step adds, in every row alike, whether its time ran out.
    """
    cells = cells_of(use_case)
    bounds = [c.column.domain for c in cells if isinstance(c.column.domain, Bounds)]
    return Payload(
        kind=PayloadKind.SYNTHETIC_ROWS,
        schema=pa.schema(
            [*((c.column.name, c.type) for c in cells), *([(STOPPED, pa.bool_())] if timed else [])]
        ),
        low=min((b.low for b in bounds), default=None),
        high=max((b.high for b in bounds), default=None),
    )


def member_rows(premises: Premises) -> pa.Table:
    """The training rows of a force: the needed columns, in the store's order."""
    chosen = ", ".join(sql.name(name) for name in premises.use_case.needed)
    return premises.query(f"select {chosen} from people")


def member_codes(premises: Premises, cells: Sequence[Cells]) -> list[np.ndarray]:
    """Cell numbers of every member in every column: one (n,) array per column."""
    rows = member_rows(premises)
    return [each.codes(rows.column(each.column.name)) for each in cells]


def table_of(
    use_case: UseCase,
    cells: Sequence[Cells],
    codes: Sequence[np.ndarray],
    rng: np.random.Generator,
    given: Given | None = None,
) -> pa.Table:
    """A synthetic table from cell numbers, in the promised schema; given values are as given."""
    columns = []
    for each, code in zip(cells, codes, strict=True):
        if each.column.name in (given or {}):
            columns.append(pa.array([(given or {})[each.column.name]] * len(code), each.type))
        else:
            columns.append(each.values(code, rng))
    return pa.table(columns, schema=promise(use_case).schema)


def independent_rows(
    use_case: UseCase,
    cells: Sequence[Cells],
    codes: Sequence[np.ndarray],
    rng: np.random.Generator,
    given: Given | None = None,
) -> pa.Table:
    """As many rows as there are members, each column drawn from its own frequencies alone."""
    size = len(codes[0])
    fixed = fixed_cells(cells, given or {})
    if size == 0 or not all((codes[place] == cell).any() for place, cell in fixed.items()):
        return promise(use_case).schema.empty_table()
    drawn = [
        np.full(size, fixed[place]) if place in fixed else Margin.of(each, code).codes(size, rng)
        for place, (each, code) in enumerate(zip(cells, codes, strict=True))
    ]
    return table_of(use_case, cells, drawn, rng, given)


def with_stopped(table: pa.Table, *, stopped: bool) -> pa.Table:
    """A timed step's payload: the table and, in every row, whether its time ran out."""
    return table.append_column(STOPPED, pa.array([stopped] * table.num_rows, pa.bool_()))


def stopped_in(payloads: Mapping[str, pa.Table]) -> list[str]:
    """Forces whose timed step ran out of time."""
    return [
        force
        for force, table in payloads.items()
        if STOPPED in table.column_names and any(table.column(STOPPED).slice(0, 1).to_pylist())
    ]


def time_remarks(stopped: Sequence[str], seconds: float) -> tuple[str, ...]:
    """What a release says where training ran out of time; nothing where it did not."""
    if not stopped:
        return ()
    where = ", ".join(stopped)
    return (f"Training was stopped after {seconds:g} s in {where}: it was not finished there.",)


def release_of(  # noqa: PLR0913 - what is asked, and what is said of it
    forces: Forces,
    step: Step,
    rng: np.random.Generator,
    *,
    fewest: int = 0,
    seconds: float = 0,
    given: Given | None = None,
) -> Release:
    """Have every force synthesise its own table, and release them as one.

    Args:
        forces: who is asked.
        step: sends synthetic rows; below `fewest` of them it has drawn independent columns.
        rng: draws anew what breaks a constraint.
        fewest: forces with fewer rows are named in the remarks.
        seconds: the time that a timed step had; forces where it ran out are named too.
        given: column → value that every row has.

    Raises:
        NotApplicableError: if no force has a row with what is given.
        PolicyError: if a force refused or failed.
    """
    payloads = forces.ask(step).complete()
    small = ", ".join(name for name, table in payloads.items() if 0 < table.num_rows < fewest)
    fallback = f"Fewer than {fewest} rows in {small}: columns were drawn independently."
    late = time_remarks(stopped_in(payloads), seconds)
    tables = {
        name: table.drop_columns([STOPPED]) if STOPPED in table.column_names else table
        for name, table in payloads.items()
    }
    said = (*([fallback] if small else []), *late)
    return released(forces, with_force(tables), rng, *said, given=given)


def released(
    forces: Forces,
    table: pa.Table,
    rng: np.random.Generator,
    *remarks: str,
    given: Given | None = None,
) -> Release:
    """The release of a synthesised table, held to the use case's constraints.

    Every synthetic release is made here, so that none escapes the mark or a constraint.

    Args:
        forces: what they were asked is what the release costs.
        table: synthetic rows with a `force` column.
        rng: draws anew what breaks a constraint.
        remarks: what a reader must know.
        given: column → value that every row has.

    Raises:
        NotApplicableError: if there is no row with what is given.
    """
    if given:
        named = ", ".join(given)
        if not table.num_rows:
            msg = f"values given of {named} must occur together in what was learnt"
            raise NotApplicableError(f"{msg}; give fewer of them")
        without = sorted({*forces.names}.difference(table.column(FORCE).to_pylist()))
        nowhere = (f"No row from {', '.join(without)}: none has what is given there.",)
        remarks = (f"Drawn given {named}.", *(nowhere if without else ()), *remarks)
    release = Release(
        artefact=Microdata(table=table, synthetic=True),
        privacy_loss=forces.privacy_loss(),
        remarks=(*remarks, LINKED if LINK in table.column_names else EVERY_ROW_APART),
    )
    return enforced(release, forces.use_case, rng)


def check_seconds(seconds: float) -> None:
    """Refuse a time budget that is none.

    Raises:
        ValueError: naming the rule.
    """
    if not seconds > 0:
        raise ValueError(f"seconds ({seconds:g}) must be above 0")


def with_force(tables: Mapping[str, pa.Table]) -> pa.Table:
    """Tables of forces one under the other, with a leading `force` column."""
    parts = [
        table.add_column(0, FORCE, pa.array([force] * table.num_rows, pa.string()))
        for force, table in tables.items()
    ]
    return pa.concat_tables(parts)
