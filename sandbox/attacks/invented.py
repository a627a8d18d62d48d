"""Invented people of a use case: a force of them in memory, and canaries that fill every bound.

All values are drawn from the public domains, so that nobody real has a say in them and no budget
is charged: an option may be run on them again and again, whatever the data are.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from minimisation import (
    Bounds,
    Categories,
    Column,
    Forces,
    GroupedStatistics,
    PayloadKind,
    UseCase,
    groups,
)
from minimisation.contract.encoding import MISSING
from minimisation.contract.usecase import FORCE
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.options.rows import column_schema
from sandbox.attacks.row_store import RowStore

Integers = npt.NDArray[np.int64]

NAME = "invented"
"""Name of the force."""


class EveryStep(frozenset[str]):
    """Approves every step: there is nobody to protect among invented people."""

    def __contains__(self, name: object) -> bool:
        """Whether the step is approved: always."""
        return True


def forces_of(use_case: UseCase, rows: pa.Table, owners: Integers) -> Forces:
    """One force of invented people that permits everything; not yet opened.

    Args:
        use_case: what is asked.
        rows: (n,) records.
        owners: (n,) whose each is.
    """
    names = pa.array([f"SYN-{owner}" for owner in owners.tolist()])
    records = pa.array(np.arange(rows.num_rows))
    stored = rows
    for name, values in (("record_id", records), ("person_id", names), ("linkage_token", names)):
        if name in stored.column_names:
            stored = stored.drop_columns(name)
        stored = stored.append_column(name, values)
    force = Force(
        store=RowStore(force=NAME, rows=stored),
        policy=Policy(
            use_cases=frozenset({use_case.name}), steps=EveryStep(), kinds=frozenset(PayloadKind)
        ),
        ledger=Ledger(epsilon=float("inf"), delta=float("inf")),
        secret=NAME.encode().ljust(32, b"."),
    )
    split = Split(key=NAME, held_out=0.0)
    return Forces(members=(force,), use_case=use_case, split=split, workers=1)


def records(use_case: UseCase, count: int, rng: np.random.Generator) -> pa.Table:
    """Records whose values are drawn evenly from the public domains."""
    drawn = {column.name: _values(column, count, rng) for column in use_case.columns}
    return pa.table(drawn, schema=column_schema(use_case, list(drawn)))


def canaries(use_case: UseCase, most: int, rng: np.random.Generator) -> tuple[pa.Table, Integers]:
    """Records of people of whom each has as many groups and rows as one person may have.

    Each has groups of their own, as long as the question's grid has room; where the question is no
    table of groups each has one record, and the outcome.

    Args:
        use_case: the question.
        most: most people.
        rng: draws what the question does not fix.

    Returns:
        The n records, and (n,) whose each is, from 0.
    """
    question, bounds = use_case.question, use_case.contribution
    if not isinstance(question, GroupedStatistics):
        found = records(use_case, most, rng)
        place = found.column_names.index(question.target)
        happened = pa.array(np.ones(most))
        return found.set_column(place, question.target, happened), np.arange(most)
    keys = [key for key in question.by if key != FORCE]
    cells = groups.grid(use_case, keys)
    rows, each_in = (bounds.rows, bounds.groups) if use_case.unit == "person" else (1, 1)
    each_in = min(each_in, cells.num_rows)
    people = min(most, cells.num_rows // each_in)
    owners = np.repeat(np.arange(people), each_in * rows)
    chosen = np.repeat(rng.permutation(cells.num_rows)[: people * each_in], rows)
    found = records(use_case, len(owners), rng)
    for name in use_case.needed:
        column, place = use_case.column(name), found.column_names.index(name)
        if name in keys:
            labels = cells.column(name).take(pa.array(chosen)).to_pylist()
            values = pa.array(
                [None if label == MISSING else label for label in labels], pa.string()
            )
        elif isinstance(column.domain, Bounds):
            values = pa.array(np.full(len(owners), float(column.domain.high)))
        else:
            continue
        found = found.set_column(place, name, values)
    return found, owners


def neighbours_of(
    use_case: UseCase, canaries: pa.Table, each: int, rng: np.random.Generator
) -> pa.Table:
    """So many records beside each canary's, in its groups, with the least and the largest measures.

    With nobody beside them noisy figures would fall out of their bounds, where nothing is told.
    """
    found = records(use_case, canaries.num_rows * each, rng)
    question = use_case.question
    if not isinstance(question, GroupedStatistics):
        return found
    for name in use_case.needed:
        column, place = use_case.column(name), found.column_names.index(name)
        values = pa.concat_arrays([canaries.column(name).combine_chunks()] * each)
        if isinstance(column.domain, Bounds):
            ends = (float(column.domain.low), float(column.domain.high))
            copy = np.arange(len(values)) // canaries.num_rows
            values = pa.array(np.where(copy % 2 == 0, *ends))
        found = found.set_column(place, name, values)
    return found


def _values(column: Column, count: int, rng: np.random.Generator) -> pa.Array:
    domain = column.domain
    if isinstance(domain, Bounds):
        steps = round((domain.high - domain.low) / domain.step)
        return pa.array(domain.low + domain.step * rng.integers(0, steps + 1, count), pa.float64())
    if isinstance(domain, Categories):
        return pa.array(rng.choice(np.array(domain.values, dtype=object), count), pa.string())
    return pa.array([f"SYNTHETIC {place}" for place in range(count)], pa.string())
