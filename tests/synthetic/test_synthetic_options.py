"""Laws of every synthesiser: marked rows in the public domain, seeded, nobody's name in them."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    Bounds,
    Categories,
    Forces,
    GroupedStatistics,
    Microdata,
    NotApplicableError,
    Option,
    PayloadKind,
    Statistic,
    UseCase,
)
from minimisation.contract import wire
from synthetic.copula import GaussianCopula
from synthetic.independent import IndependentColumns

People = Callable[..., pa.Table]
Synthesise = Callable[..., list[pa.Table]]


def inside(use_case: UseCase, table: pa.Table) -> bool:
    """Whether every value lies in its public domain and on its grid."""
    for name in use_case.needed:
        domain = use_case.column(name).domain
        values = table.column(name).drop_null()
        if isinstance(domain, Categories):
            if not set(values.to_pylist()) <= set(domain.values):
                return False
        elif isinstance(domain, Bounds):
            number = values.to_numpy()
            on_grid = np.allclose(np.round(number / domain.step) * domain.step, number)
            if not (on_grid and number.min() >= domain.low and number.max() <= domain.high):
                return False
    return True


def test_rows_are_marked_synthetic_and_hold_only_the_needed_columns(
    option: Option, outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    with outcome_forces as forces:
        artefact = option.apply(forces, outcome_use_case, np.random.default_rng(1)).artefact
    assert isinstance(artefact, Microdata)
    assert artefact.synthetic
    assert artefact.table.column_names == ["force", *outcome_use_case.needed]
    assert inside(outcome_use_case, artefact.table)
    assert PayloadKind.ROWS not in {entry.kind for entry in forces.meter.entries}


def test_an_outlier_and_an_unseen_category_change_neither_schema_nor_bounds(
    option: Option, synthesise: Synthesise, people: People, outcome_use_case: UseCase
) -> None:
    plain = people(120)
    odd = plain.set_column(4, "age", pa.array([10_000_000, *plain["age"].to_pylist()[1:]]))
    odd = odd.set_column(6, "ethnicity", pa.array(["martian", *odd["ethnicity"].to_pylist()[1:]]))
    first = synthesise(option, {"ashmere": plain})[0]
    second = synthesise(option, {"brackley": odd})[0]
    assert first.schema == second.schema
    assert inside(outcome_use_case, second)
    assert pc.max(second["age"]).as_py() <= 90


def test_the_same_seed_gives_the_same_table_and_another_seed_another(
    option: Option, synthesise: Synthesise, people: People
) -> None:
    records = {"ashmere": people(150, 1), "brackley": people(150, 2)}
    first, again, other = synthesise(option, records, 1, 1, 2)
    assert first == again
    assert first != other


def test_a_name_in_the_data_is_nowhere_in_the_release(
    option: Option, synthesise: Synthesise, people: People
) -> None:
    records = people(120)
    canary = records["family_name"][0].as_py().encode()
    assert canary in wire.encode(records)
    assert canary not in wire.encode(synthesise(option, {"ashmere": records})[0])


def test_nothing_is_written_while_synthesising(
    option: Option,
    outcome_forces: Forces,
    outcome_use_case: UseCase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = tmp_path / "home"
    empty.mkdir()
    monkeypatch.chdir(empty)
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(empty))
    with outcome_forces as forces:
        option.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 2, 49])
def test_a_tiny_force_sends_a_table_of_its_own_size(
    size: int, fitted: Option, synthesise: Synthesise, people: People
) -> None:
    assert synthesise(fitted, {"ashmere": people(size)})[0].num_rows == size


def test_a_constant_and_an_all_null_column_come_back_as_they_are(
    fitted: Option, synthesise: Synthesise, people: People
) -> None:
    table = people(120)
    table = table.set_column(4, "age", pa.array([40] * 120))
    table = table.set_column(5, "sex", pa.array(["male"] * 120))
    table = table.set_column(6, "ethnicity", pa.nulls(120, pa.string()))
    out = synthesise(fitted, {"ashmere": table})[0]
    assert set(out["age"].to_pylist()) == {40.0}
    assert set(out["sex"].to_pylist()) == {"male"}
    assert out["ethnicity"].null_count == out.num_rows == 120


def test_a_grouped_question_gets_as_many_rows_as_there_are_records(
    fitted: Option, grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces:
        release = fitted.apply(forces, grouped_use_case, np.random.default_rng(1))
        records = [force._people(members=True).count("*").fetchone() for force in forces]
    assert isinstance(release.artefact, Microdata)
    assert release.artefact.table.num_rows == sum(row[0] for row in records if row)
    assert inside(grouped_use_case, release.artefact.table)


def test_a_question_about_no_column_is_not_applicable(
    option: Option, grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    bare = GroupedStatistics(by=("force",), statistics=(Statistic(aggregate="rows"),))
    use_case = replace(grouped_use_case, question=bare)
    with pytest.raises(NotApplicableError, match="at least one column"):
        option.apply(grouped_forces, use_case, np.random.default_rng(1))


def correlation(table: pa.Table) -> float:
    return float(np.corrcoef(table["age"].to_numpy(), table["prior"].to_numpy())[0, 1])


def test_the_floor_forgets_a_planted_correlation_that_the_copula_keeps(
    synthesise: Synthesise, people: People
) -> None:
    records = people(1500)
    assert correlation(records) > 0.9
    floor = synthesise(IndependentColumns(), {"ashmere": records})[0]
    copula = synthesise(GaussianCopula(), {"brackley": records})[0]
    assert abs(correlation(floor)) < 0.12
    assert correlation(copula) > 0.85


def test_importing_the_package_loads_no_engine() -> None:
    code = (
        "import sys, synthetic; "
        "heavy = {'sdv', 'torch', 'jax', 'mbi', 'sklearn'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
