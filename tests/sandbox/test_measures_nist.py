"""NIST's paradox: a 6-anonymous table that gives more records away than 40 % of the raw rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.measures import formal
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
