"""On a raw copy every attack must succeed, and on people who are not in it none: three data sets.

Low-entropy data cap membership: who has an exact twin among the members cannot be told from a
member. The cap is about 0.75 on COMPAS and 0.9 on `adult` without `fnlwgt`, thirty in a hundred
held out.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    Microdata,
    UseCase,
)
from minimisation.options.field_minimisation import FieldMinimisation
from sandbox.attacks import invented, tally, verdict
from sandbox.attacks.attack import Known
from sandbox.attacks.membership import Membership
from sandbox.attacks.trial import MembershipTrial, Trial
from sandbox.measures import ranking
from sandbox.study import Study
from sandbox.use_case_files import load

pytestmark = pytest.mark.slow

CANARIES = 40
"""Invented people planted among the real ones, about thirty in a hundred of whom are held out."""

LOG = logging.getLogger(__name__)

DEMO = """
use_case = "serious-violence"
held_out = 0.0
[data]
status = "demo"
[data.demo]
people = 2000
"""


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set in one force."""

    use_case: UseCase
    rows: pa.Table
    ceiling: float | None = None
    """What is known of the most that exact matches can tell."""


def compas(shared: Path, _folder: Path) -> Data:
    use_case = load("reoffending").value()
    rows = pq.read_table(shared / "data" / "compas_two_years.parquet")
    return Data(use_case=use_case, rows=rows.select(use_case.needed), ceiling=0.75)


def adult(shared: Path, _folder: Path) -> Data:
    rows = pq.read_table(shared / "data" / "adult.parquet")
    rows = rows.drop_columns(["row_id", "fnlwgt", "split"])
    happened = pa.array([label == ">50K" for label in rows.column("income").to_pylist()])
    place = rows.column_names.index("income")
    rows = rows.set_column(place, "income", happened.cast(pa.int64()))
    columns = [declared(rows, name) for name in rows.column_names]
    names = tuple(name for name in rows.column_names if name != "income")
    use_case = UseCase(
        name="adult",
        title="Whose income is above the line?",
        purpose="testing",
        unit="person",
        as_of=date(1995, 1, 1),
        table="person",
        columns=tuple(columns),
        question=BinaryOutcome(target="income", features=names),
        floor=Floor(measure="auc", value=0.8, direction="at_least"),
        business_as_usual=BusinessAsUsual(points={"education_num": {"per_unit": 1.0}}),
    )
    return Data(use_case=use_case, rows=rows, ceiling=0.9)


def declared(rows: pa.Table, name: str) -> Column:
    values = rows.column(name).drop_null()
    if pa.types.is_integer(values.type):
        low, high = float(values.to_numpy().min()), float(values.to_numpy().max())
        target = name == "income"
        return Column(
            name=name,
            role="target" if target else "quasi_identifier",
            domain=Bounds(low=low, high=high),
            observed="after" if target else "before",
        )
    labels = tuple(sorted(set(values.to_pylist())))
    return Column(
        name=name, role="quasi_identifier", domain=Categories(values=labels), optional=True
    )


def demo(_shared: Path, folder: Path) -> Data:
    path = folder / "plan.toml"
    path.write_text(DEMO, "utf-8")
    with Study(plan_path=path, workspace=folder / "work").forces() as forces:
        use_case = forces.use_case
        release = FieldMinimisation().apply(forces, use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return Data(use_case=use_case, rows=release.artefact.table.select(use_case.needed))


def planted(data: Data, rng: np.random.Generator) -> tuple[UseCase, pa.Table, pa.Table]:
    """The question with its own columns alone, all rows and the canaries after them."""
    kept = tuple(column for column in data.use_case.columns if column.name in data.use_case.needed)
    use_case = replace(data.use_case, columns=kept, recording=None, geography=(), constraints=())
    canaries = invented.records(use_case, CANARIES, rng)
    rows = pa.concat_tables([data.rows.cast(canaries.schema), canaries])
    names = pa.array([f"SYN-{place}" for place in range(rows.num_rows)])
    records = rows.append_column("record_id", pa.array(range(rows.num_rows)))
    for name in ("person_id", "linkage_token"):
        records = records.append_column(name, names)
    return use_case, records, canaries


@pytest.mark.parametrize("name", ["demo", "adult", "compas"])
@pytest.mark.parametrize(
    "rows", [pytest.param(4000, id="sample"), pytest.param(None, id="all", marks=pytest.mark.full)]
)
def test_a_raw_copy_reaches_the_ceiling_holdouts_are_guessed_and_every_canary_is_found(
    name: str,
    rows: int | None,
    shared: Path,
    tmp_path: Path,
    open_forces: Callable[..., Forces],
) -> None:
    rng = np.random.default_rng(1)
    data = {"demo": demo, "adult": adult, "compas": compas}[name](shared, tmp_path)
    if rows is not None:
        chosen = pa.array(rng.permutation(data.rows.num_rows)[:rows])
        data = replace(data, rows=data.rows.take(chosen), ceiling=None)
    use_case, records, canaries = planted(data, rng)
    with open_forces(use_case, {"ashmere": records}) as forces:
        release = FieldMinimisation().apply(forces, use_case, rng)
        found = verdict.findings(forces, release, seed=1)[0]
        counts = verdict.counted(forces, release, 1, MembershipTrial())[0]
        members = next(iter(forces))._people(members=True).to_arrow_table()
        others = next(iter(forces))._people(members=False).to_arrow_table()
    ceiling = float(verdict.ceiling_of(counts[Trial.TWINS, 0, 0, :2]))
    unrelated = float(ranking.auc(counts[Trial.UNRELATED, 0]))
    apart = tally.CHANCE * verdict.deviation(counts[Trial.UNRELATED, 0].sum(axis=-1))
    scores = Membership().scores(
        release.artefact,
        use_case,
        Known(force="ashmere", candidates=canaries, reference=others.select(use_case.needed)),
    )
    keys = list(use_case.needed)
    inside = [row in members.select(keys).to_pylist() for row in canaries.to_pylist()]
    LOG.info(
        "%s: membership %.3f (%.3f to %.3f), ceiling %.3f; unrelated %.3f (0.5 ± %.3f); "
        "canaries found %d of %d",
        *(name, found.value, found.low, found.high, ceiling, unrelated, apart),
        *((scores[inside] == 1).sum(), sum(inside)),
    )
    assert found.value is not None, found.note
    assert found.low <= ceiling <= found.high  # type: ignore[operator]
    if data.ceiling is not None:
        assert found.low <= data.ceiling + 0.02  # type: ignore[operator]
        assert found.high >= data.ceiling - 0.02  # type: ignore[operator]
    assert abs(unrelated - 0.5) <= apart
    assert 20 < sum(inside) < CANARIES
    assert ((scores == 1) == inside).all(), "all planted members, and no other canary"
