"""NIST's paradox: a 6-anonymous table that gives more records away than 40 % of the raw rows."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from minimisation import (
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    GroupedStatistics,
    Microdata,
    Release,
    Statistic,
    UseCase,
)
from sandbox.measures import formal, unique_records
from sandbox.measures_synthetic.matches import unique_exact_matches
from tests.sandbox.test_synthetic_measures import numbers


def test_six_anonymous_rows_hold_more_unique_records_than_a_sample_of_the_raw(shared: Path) -> None:
    data = shared / "data"
    released = pq.read_table(data / "nist_crc" / "deid_k_anonymity_k_6.parquet")
    nine = [name for name in released.column_names if name != "AGEP"]
    assert len(nine) == 9
    assert formal.sample(released, nine)["formal_k"] == 6
    with_age = formal.sample(released, released.column_names)
    assert with_age["formal_k"] == 1, "k holds on the columns that it was made for, and no others"
    assert with_age["sample_uniqueness"] > 0.3

    target = numbers(pq.read_table(data / "nist_acs_national2019.parquet"), {})
    columns = released.column_names
    anonymous = unique_exact_matches(target, numbers(released, {}), columns)
    size = round(0.4 * target.num_rows)
    rows = np.random.default_rng(1).choice(target.num_rows, size, replace=False)
    sample = unique_exact_matches(target, target.take(pa.array(rows)), columns)
    assert anonymous.unique == sample.unique == 14_918
    assert anonymous.matched == 7073
    assert anonymous.matched > sample.matched + 3 * np.sqrt(0.24 * sample.unique)


def as_text(table: pa.Table) -> pa.Table:
    """Codes as NIST writes them in the raw file; some of the submission's say `2.0` for `2`."""
    texts = {
        n: pc.replace_substring_regex(table.column(n), r"\.0$", "") for n in table.column_names
    }
    return pa.table(texts)


def survey(raw: pa.Table, names: list[str]) -> UseCase:
    """Nine quasi-identifiers, and age, which the submission left as it was."""
    columns = tuple(
        Column(
            name=name.lower(),
            role="other" if name == "AGEP" else "quasi_identifier",
            domain=Categories(values=tuple(sorted(set(raw.column(name).drop_null().to_pylist())))),
            optional=True,
        )
        for name in names
    )
    return UseCase(
        name="survey",
        title="Who lives where?",
        purpose="testing",
        unit="record",
        as_of=date(2020, 1, 1),
        table="person",
        columns=columns,
        question=GroupedStatistics(by=("sex",), statistics=(Statistic(aggregate="rows"),)),
        floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
        business_as_usual=BusinessAsUsual(),
    )


def test_the_report_says_that_a_sample_would_have_given_fewer_people_away(
    shared: Path, open_forces: Callable[..., Forces]
) -> None:
    data = shared / "data"
    released = as_text(pq.read_table(data / "nist_crc" / "deid_k_anonymity_k_6.parquet"))
    names = released.column_names
    raw = as_text(pq.read_table(data / "nist_acs_national2019.parquet").select(names))
    use_case = survey(pa.concat_tables([raw, released]), names)
    lower = [name.lower() for name in names]
    records = raw.rename_columns(lower).append_column("record_id", pa.array(range(len(raw))))
    shown = released.rename_columns(lower)
    force = pa.array(["nation"] * len(shown))
    release = Release(artefact=Microdata(table=shown.append_column("force", force)))
    with open_forces(use_case, {"nation": records}, held_out=0.0) as forces:
        finding = unique_records.findings(forces, release, seed=1, k=6)[0]
    assert finding.value == pytest.approx(7073 / 14_918)
    assert finding.note == (
        "a sample of 40% of the raw rows would show 40% of them; although every class has at "
        "least 6 records, to release that sample instead would have given fewer people away"
    )


def test_of_a_release_that_shows_few_unique_records_only_the_yardstick_is_told() -> None:
    assert unique_records.told(0.1, 5) == "a sample of 40% of the raw rows would show 40% of them"
