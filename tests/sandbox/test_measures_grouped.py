"""Tables of groups against the true ones: exact, erased, sampled, and distances by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import Forces, Microdata, Release, Statistics
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer
from sandbox.assessment import assess_release
from sandbox.measures import grouped
from tests.sandbox.measured import by_measure


def test_grouped_truth_against_itself_is_exact(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = by_measure(assess_release(forces, release, seed=1))
    assert found["total_variation"].value == 0.0
    assert (found["total_variation"].low, found["total_variation"].high) == (0.0, 0.0)
    assert found["relative_error"].value == 0.0
    assert found["top_k_overlap"].value == 1.0
    assert found["error_of_mean_found"].value == 0.0
    assert found["erased_groups"].value == 0.0


def test_a_sample_counts_by_its_public_share(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        whole = RawPool().apply(forces, forces.use_case, np.random.default_rng(1)).artefact
        assert isinstance(whole, Microdata)
        half = Microdata(table=whole.table.slice(0, whole.table.num_rows // 2), share=0.5)
        tables = [answer(each, forces.use_case, forces.names) for each in (whole, half)]
    totals = [np.nansum(np.asarray(t.table["rows"])) for t in tables]  # type: ignore[union-attr]
    assert totals[1] == pytest.approx(totals[0], rel=0.01)


def test_a_table_that_erases_a_group_is_caught(grouped_forces: Forces) -> None:
    with grouped_forces as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        table = answer(release.artefact, forces.use_case, forces.names)
        assert isinstance(table, Statistics)
        gone = np.asarray(table.table["ethnicity"].to_pylist()) == "black"
        rows = np.where(gone, 0.0, np.asarray(table.table["rows"]))
        place = table.table.column_names.index("rows")
        erased = Statistics(table=table.table.set_column(place, "rows", pa.array(rows)))
        found = assess_release(forces, Release(artefact=erased), seed=1)
    whole = by_measure(found)
    assert whole["erased_groups"].value == 1.0
    assert "ethnicity=black" in whole["erased_groups"].note
    assert by_measure(found, "ethnicity=black")["group_count_error"].value == 1.0
    assert whole["total_variation"].value > 0.1  # type: ignore[operator]


def test_total_variation_by_hand() -> None:
    true = np.array([[50.0, 30.0, 20.0]])
    assert grouped.total_variation(np.array([[50.0, 20.0, 30.0]]), true)[0] == pytest.approx(0.1)
    assert grouped.total_variation(np.array([[5.0, 3.0, 2.0]]), true)[0] == pytest.approx(0.0)
    assert grouped.total_variation(np.zeros((1, 3)), true)[0] == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 9)), min_size=1, max_size=30))
def test_an_interval_of_the_total_variation_holds_it(cells: list[tuple[int, int]]) -> None:
    true, shown = (np.array(side, dtype=float) for side in zip(*cells, strict=True))
    drawn = np.random.default_rng(1).poisson(true, (200, len(true)))
    found = grouped.reweighted_variation(shown, np.vstack([true, drawn]))
    if true.sum() > 0:
        assert found[0] == pytest.approx(
            grouped.total_variation(np.clip(shown, 0, None), true[None])[0]
        )
        assert found[1:].min() - 1e-9 <= found[0] <= found[1:].max() + 1e-9
    exact = grouped.reweighted_variation(true, np.vstack([true, drawn]))
    assert true.sum() == 0 or not exact.any(), "an exact table is exact whoever is in the data"
