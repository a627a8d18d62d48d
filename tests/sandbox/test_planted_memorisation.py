"""A release that memorised one person in a hundred is found out, and one that did not is not."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.workloads.attack_set import people, twelve_columns
from minimisation import Forces, Microdata, Release
from sandbox.attacks import copies

MEMORISED = 100
"""Of 10,000 people in the data."""


@pytest.fixture
def ashmere(open_forces: Callable[..., Forces]) -> Iterator[Forces]:
    with open_forces(twelve_columns(), {"ashmere": people(14_300)}) as forces:
        yield forces


def drawn(forces: Forces, members: pa.Table, rng: np.random.Generator, memorised: int) -> Release:
    """Every column of the members shuffled by itself, a few rows replaced by real ones."""
    names = [
        column.name for column in forces.use_case.columns if column.role != "direct_identifier"
    ]
    shuffled = {name: members.column(name).take(rng.permutation(len(members))) for name in names}
    real = members.select(names).take(rng.choice(len(members), memorised, replace=False))
    rows = pa.concat_tables([pa.table(shuffled).slice(memorised), real])
    force = pa.array(["ashmere"] * rows.num_rows, pa.string())
    return Release(artefact=Microdata(table=rows.append_column("force", force), synthetic=True))


@pytest.mark.parametrize(
    "trials",
    [pytest.param(8, id="sample"), pytest.param(100, id="all", marks=pytest.mark.full)],
)
def test_one_percent_of_memorised_people_is_detected_and_none_is_not(
    ashmere: Forces, trials: int
) -> None:
    members = next(iter(ashmere))._people(members=True).to_arrow_table()
    assert abs(members.num_rows - 10_000) < 300
    alarms = {MEMORISED: 0, 0: 0}
    for seed in range(trials):
        for memorised in alarms:
            rng = np.random.default_rng([seed, memorised])
            risk = copies.findings(ashmere, drawn(ashmere, members, rng, memorised), seed)[1]
            assert risk.value is not None, risk.note
            alarms[memorised] += risk.low > 0  # type: ignore[operator]
    assert alarms[MEMORISED] >= 0.95 * trials
    assert alarms[0] <= 0.05 * trials
