"""Bad input to every synthesiser: a treatment that the table shows or one clear line, no hang."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BinaryOutcome,
    Bounds,
    Categories,
    Column,
    Forces,
    Microdata,
    NotApplicableError,
    Option,
    UseCase,
    UseCaseError,
)
from synthetic import (
    OPTIONS,
    FederatedMargins,
    GenerativeNetwork,
    PrivateAdaptive,
    PrivateTree,
    VariationalAutoencoder,
)

People = Callable[..., pa.Table]
Open = Callable[..., Forces]

LIGHT = (
    PrivateTree(steps=20),
    PrivateAdaptive(steps=20, rounds=2, seconds=0.001),
    FederatedMargins(steps=20),
    GenerativeNetwork(epochs=1, fewest=2),
    VariationalAutoencoder(epochs=1, fewest=2),
)
ENGINES = [pytest.param(each, id=each.name, marks=pytest.mark.full) for each in LIGHT]
EVERY = [*(pytest.param(each, id=each.name) for each in OPTIONS), *ENGINES]
PAIRS = ("cleared-margins", "private-tree", "private-adaptive", "federated-margins")
"""Options that count pairs of columns, and therefore have a public limit on them."""


@dataclass(frozen=True, kw_only=True)
class Bad:
    """One sort of bad input."""

    change: Callable[[pa.Table], pa.Table] = lambda table: table
    declare: Callable[[UseCase], UseCase] = lambda use_case: use_case
    rows: int = 80
    refused_by: tuple[str, ...] = ()
    """Options that must refuse it with one line."""


def put(name: str, values: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, values)


def labels(name: str, size: int) -> Callable[[UseCase], UseCase]:
    """The same use case with so many labels for a column."""
    many = Categories(values=tuple(f"label {number}" for number in range(size)))

    def declare(use_case: UseCase) -> UseCase:
        columns = tuple(
            replace(each, domain=many) if each.name == name else each for each in use_case.columns
        )
        return replace(use_case, columns=columns)

    return declare


def wide(use_case: UseCase) -> UseCase:
    """The same use case with 40 more features, all of which the question needs."""
    names = tuple(f"extra_{number}" for number in range(40))
    more = tuple(Column(name=name, role="other", domain=Bounds(low=0, high=1)) for name in names)
    assert isinstance(use_case.question, BinaryOutcome)
    question = replace(use_case.question, features=(*use_case.question.features, *names))
    return replace(use_case, columns=(*use_case.columns, *more), question=question)


def widened(table: pa.Table) -> pa.Table:
    rng = np.random.default_rng(0)
    for number in range(40):
        table = table.append_column(f"extra_{number}", pa.array(rng.integers(0, 2, len(table))))
    return table


def two_thousand(table: pa.Table) -> pa.Table:
    names = pa.array([f"label {number * 25}" for number in range(len(table))])
    return put("ethnicity", names)(table)


def both(use_case: UseCase) -> UseCase:
    return labels("ethnicity", 2000)(labels("sex", 2000)(use_case))


def both_labelled(table: pa.Table) -> pa.Table:
    return put("sex", two_thousand(table)["ethnicity"])(two_thousand(table))


CASES = {
    "a constant column": Bad(change=put("age", pa.array([40] * 80))),
    "an optional column of nulls": Bad(change=put("ethnicity", pa.nulls(80, pa.string()))),
    "a required column of nulls": Bad(change=put("sex", pa.nulls(80, pa.string()))),
    "one row": Bad(rows=1),
    "2,000 labels": Bad(change=two_thousand, declare=labels("ethnicity", 2000)),
    "2,000 labels twice": Bad(change=both_labelled, declare=both, refused_by=PAIRS),
    "labels outside the domain": Bad(change=put("sex", pa.array(["martian", "male"] * 40))),
    "dates before 1900 among the labels": Bad(change=put("sex", pa.array([date(1850, 1, 1)] * 80))),
    "a wide table": Bad(change=widened, declare=wide, refused_by=PAIRS),
}


def test_dates_in_a_column_of_numbers_are_refused_in_one_line_before_any_option_runs(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    births = put("age", pa.array([date(1850, 1, 1)] * 80))(people(80))
    with (
        pytest.raises(UseCaseError, match="must fit the store") as refusal,
        open_forces(outcome_use_case, {"ashmere": births}, held_out=0.0),
    ):
        pass
    assert "1850" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("candidate", EVERY)
def test_bad_input_is_treated_or_refused_in_one_line(
    candidate: Option, case: str, open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    bad = CASES[case]
    use_case = bad.declare(outcome_use_case)
    records = {"ashmere": bad.change(people(bad.rows))}
    rng = np.random.default_rng(1)
    with open_forces(use_case, records, held_out=0.0) as forces:
        if candidate.name in bad.refused_by:
            with pytest.raises(NotApplicableError, match="must be") as refusal:
                candidate.apply(forces, use_case, rng)
            assert "\n" not in str(refusal.value)
            assert forces.meter.entries == []
            return
        artefact = candidate.apply(forces, use_case, rng).artefact
    assert isinstance(artefact, Microdata)
    assert artefact.table.column_names == ["force", *use_case.needed]
    for name in use_case.needed:
        domain = use_case.column(name).domain
        found = set(artefact.table[name].drop_null().to_pylist())
        if isinstance(domain, Categories):
            assert found <= set(domain.values)
        elif isinstance(domain, Bounds):
            assert all(domain.low <= value <= domain.high for value in found)
