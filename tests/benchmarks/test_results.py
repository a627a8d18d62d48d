"""Comparing, fitting and writing results, on rows made by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.accuracy import error
from benchmarks.comparisons import compared
from benchmarks.regressions import changes
from benchmarks.results import SCHEMA, Results, Row, Runs, machine
from benchmarks.scaling import fit, laws
from benchmarks.summary import summary
from benchmarks.targets import targets
from minimisation import UseCaseError


def runs(*seconds: float, peak: int = 100) -> Runs:
    return Runs(seconds=seconds, cpu_seconds=seconds[0], peak_bytes=peak)


ROW = Row(
    key="one",
    workload="k-anonymity",
    case="case",
    rows=1000,
    status="done",
    own=runs(1.0, 1.1, 1.2),
    baseline=runs(0.5, 0.5, 0.5),
    baseline_name="plain",
)


def folder(path: Path, *rows: Row) -> Results:
    found = Results(folder=path)
    for row in rows:
        found.put(row, machine())
    return found


def flagged(tmp_path: Path, before: Row, after: Row) -> list[str]:
    one, other = folder(tmp_path / "a", before), folder(tmp_path / "b", after)
    return [change.verdict for change in changes(one, other) if change.regressed]


def test_rows_read_back_as_they_were_written(tmp_path: Path) -> None:
    assert folder(tmp_path, ROW).rows() == [ROW]


def test_a_row_of_the_same_setting_takes_its_place(tmp_path: Path) -> None:
    later = replace(ROW, status="failed", own=None, baseline=None)
    assert folder(tmp_path, ROW, later).rows() == [later]


def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(f'{{"schema": {SCHEMA + 1}, "rows": []}}')
    with pytest.raises(UseCaseError, match="schema"):
        Results(folder=tmp_path).rows()


def test_a_planted_slowdown_of_two_is_flagged(tmp_path: Path) -> None:
    slower = replace(ROW, own=runs(2.0, 2.2, 2.4))
    assert flagged(tmp_path, ROW, slower) == ["slower"]


def test_the_same_runs_are_not_flagged(tmp_path: Path) -> None:
    assert flagged(tmp_path, ROW, ROW) == []


def test_a_slower_median_within_the_spread_is_not_flagged(tmp_path: Path) -> None:
    wide = replace(ROW, own=runs(1.0, 1.9, 2.1))
    assert flagged(tmp_path, ROW, wide) == []


def test_a_machine_busy_for_both_is_no_regression(tmp_path: Path) -> None:
    busy = replace(ROW, own=runs(2.0, 2.2, 2.4), baseline=runs(1.0, 1.0, 1.0))
    assert flagged(tmp_path, ROW, busy) == []


def test_twice_the_memory_is_flagged(tmp_path: Path) -> None:
    assert flagged(tmp_path, ROW, replace(ROW, own=runs(1.0, 1.1, 1.2, peak=200))) == ["larger"]


def test_a_setting_that_no_longer_ends_is_flagged(tmp_path: Path) -> None:
    assert flagged(tmp_path, ROW, replace(ROW, own=None, status="timeout")) == ["lost"]


def test_a_line_of_slope_one_and_a_half_is_found_exactly() -> None:
    exponent, low, high = fit((10, 100, 1000), [(1.0,), (10**1.5,), (10**3.0,)])
    assert exponent == pytest.approx(1.5)
    assert low == pytest.approx(high)


def test_runs_that_differ_give_an_interval_around_the_exponent() -> None:
    exponent, low, high = fit((10, 100), [(0.9, 1.0, 1.1), (8.0, 10.0, 12.0)])
    assert low < exponent < high


def test_small_sizes_do_not_count_where_two_large_ones_are_there() -> None:
    sizes = {1_000: 1.0, 1_000_000: 1.0, 10_000_000: 10.0}
    rows = [replace(ROW, rows=size, own=runs(taken)) for size, taken in sizes.items()]
    law = next(law for law in laws(rows) if law.of == "time")
    assert law.sizes == (1_000_000, 10_000_000)
    assert law.exponent == pytest.approx(1.0)


def test_a_group_that_was_not_released_counts_as_zero() -> None:
    assert error({"a": 3.0, "b": 4.0}, {"a": 3.0}) == pytest.approx((16 / 2) ** 0.5)


@pytest.mark.parametrize(("theirs", "met"), [(60.0, True), (40.0, False)])
def test_a_target_is_met_or_missed_by_what_was_measured(theirs: float, met: bool) -> None:  # noqa: FBT001 - a case
    ours = replace(ROW, case="k of a generalised table", rows=10**6, own=runs(1.0))
    peer = replace(ours, case="k of a generalised table: pyCANON", own=runs(theirs))
    assert verdicts([ours, peer])["pyCANON"] is met
    assert verdicts([])["pyCANON"] is None


def verdicts(rows: list[Row]) -> dict[str, bool | None]:
    """Last word of each target → whether it is met."""
    return {target.what.split()[-1]: target.met for target in targets(rows)}


def test_the_slowest_size_decides_whether_a_private_query_costs_no_more_than_the_plain() -> None:
    fast = replace(
        ROW,
        workload="private-statistics",
        case="prefix",
        own=runs(0.4, 0.4, 0.4),
        figures={"end to end, seconds": 0.6},
    )
    slow = replace(fast, rows=2000, own=runs(0.6, 0.6, 0.6))
    prefix = "Private statistics, prefix: at most 1 times the plain query"
    for rows, met in (([fast], True), ([fast, slow], False)):
        assert next(each.met for each in targets(rows) if each.what == prefix) is met
    assert next(each for each in targets([fast]) if "end to end" in each.what).met is True


def test_a_peers_error_is_shown_beside_that_of_the_same_rows_only() -> None:
    own = replace(ROW, workload="private-group-by", figures={"epsilon": 1.0, "count error": 2.0})
    peer = replace(own, key="two", case="peer", environment="elsewhere")
    other = replace(own, key="three", rows=5)
    assert [each.row.case for each in compared([own, peer, other])] == ["case", "peer"]
    assert compared([own, other]) == []
    assert compared([own, peer])[0].errors == ("2.0", "", "")


def test_the_summary_names_what_did_not_run_and_why(tmp_path: Path) -> None:
    text = summary(folder(tmp_path, replace(ROW, own=None, status="timeout", reason="too slow")))
    assert "| timeout | too slow |" in text
