"""The measures, given ProPublica's COMPAS files, give ProPublica's published figures.

Larson, Mattu, Kirchner and Angwin, "How We Analyzed the COMPAS Recidivism Algorithm" (2016).
Expected values are read from the reference file when the test runs; none is kept here.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Encoding,
    Floor,
    GroupedStatistics,
    Scene,
    Statistic,
    Statistics,
    UseCase,
    groups,
)
from minimisation.forces.analysis import Split, build
from minimisation.options.business_as_usual import points_model
from minimisation.regression import fit_logistic
from sandbox.measures import fairness, grid, ranking, resampling, scores
from sandbox.use_case_files import load

PUBLISHED = 34
"""How many published COMPAS figures there are; every one is reproduced below."""

VIOLENT_FILTER = (
    "days_b_screening_arrest between -30 and 30 and is_recid <> -1 and c_charge_degree <> 'O'"
    " and v_score_text <> 'N/A'"
)
"""ProPublica's filter of the violent file, which goes by the text of the violence score."""

RACES = ("Caucasian", "African-American", "Asian", "Hispanic", "Native American", "Other")

Entry = dict[str, Any]
Count = Callable[[str, str], dict[tuple[str, str], dict[str, float]]]


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Entry]:
    """Every published COMPAS figure by its id."""
    entries = json.loads((shared / "data" / "reference_results.json").read_text("utf-8"))
    return {
        entry["id"]: entry
        for entry in entries
        if entry["id"].startswith("compas.") and entry["kind"] == "published"
    }


def check(published: dict[str, Entry], found: dict[str, float]) -> None:
    """Every figure found is within its published tolerance."""
    wrong = {
        name: value
        for name, value in found.items()
        if abs(value - published[name]["expected"]) > published[name]["tolerance"] + 1e-9
    }
    assert not wrong


def scene(use_case: UseCase, file: Path, where: str = "true") -> Scene:
    """A force with the file's rows, in which everybody is a member and everybody is held out."""
    connection = duckdb.connect()
    chosen = ", ".join(f'"{column.name}"' for column in use_case.columns)
    number = "row_number() over ()"
    connection.execute(
        f"create table records as select {chosen}, {number} as record_id, "
        f"{number} as person_id, {number} as linkage_token from read_parquet(?) where {where}",
        [str(file)],
    )
    build(connection, use_case, Split(key="1", held_out=0.5), "broward")
    everybody = connection.table("analysis")
    return Scene(
        force="broward",
        use_case=use_case,
        members=everybody,
        held_out=everybody,
        artefact=Statistics(table=pa.table({})),
        seed=1,
        secret=b"",
    )


def race_by_sex(file: Path, *, recidivists: bool = True) -> UseCase:
    """People, and those who were arrested again, by race and sex."""
    counts = (Statistic(aggregate="persons"), Statistic(aggregate="rows"))
    sums = (Statistic(aggregate="sum", column="two_year_recid"),) if recidivists else ()
    label = Column(name="two_year_recid", role="other", domain=Bounds(low=0, high=1))
    return UseCase(
        name=file.stem.replace("_", "-"),
        title="People by race and sex",
        purpose="testing",
        unit="person",
        as_of=date(2015, 1, 1),
        table="person",
        columns=(
            Column(name="race", role="quasi_identifier", domain=Categories(values=RACES)),
            Column(
                name="sex",
                role="quasi_identifier",
                domain=Categories(values=("Male", "Female")),
            ),
            *([label] if recidivists else []),
        ),
        question=GroupedStatistics(by=("race", "sex"), statistics=(*counts, *sums)),
        floor=Floor(measure="total_variation", value=0.1, direction="at_most"),
        business_as_usual=BusinessAsUsual(),
    )


@pytest.fixture(scope="module")
def count(shared: Path) -> Count:
    """`count(file, where)`: (race, sex) → true sums as the measure of grouped statistics has it."""

    def true_cells(name: str, where: str = "true") -> dict[tuple[str, str], dict[str, float]]:
        file = shared / "data" / f"{name}.parquet"
        use_case = race_by_sex(file, recidivists=name != "compas_people")
        question = use_case.grouped
        cells = groups.grid(use_case, question.by)
        parts = groups.sum_columns(question)
        shape = (resampling.REPLICATES + 1, cells.num_rows, len(parts))
        observed = grid.TrueCells().observe(scene(use_case, file, where))
        sums = resampling.dense([observed], grid.AXES, shape)[0]
        return {
            (row["race"], row["sex"]): dict(zip(parts, sums[place], strict=True))
            for place, row in enumerate(cells.to_pylist())
        }

    return true_cells


def total(
    cells: dict[tuple[str, str], dict[str, float]], part: str = "rows", race: str = ""
) -> float:
    """The sum of one part over cells, of one race or of all."""
    return sum(sums[part] for key, sums in cells.items() if race in ("", key[0]))


@pytest.fixture(scope="module")
def counts_found(count: Count, published: dict[str, Entry]) -> dict[str, float]:
    """Every published count, from the measure of grouped statistics."""
    kept = count("compas_two_years", published["compas.n_filtered"]["sql"])
    violent = count("compas_two_years_violent", VIOLENT_FILTER)
    found = {
        "compas.n_two_year": total(count("compas_two_years", "true")),
        "compas.people_n": total(count("compas_people", "true")),
        "compas.n_filtered": total(kept),
        "compas.two_year_recid_n": total(kept, "sum_two_year_recid"),
        "compas.two_year_recid_pct": 100 * total(kept, "sum_two_year_recid") / total(kept),
        "compas.violent.n": total(count("compas_two_years_violent", "true")),
        "compas.violent.n_filtered": total(violent),
        "compas.violent.recid": total(violent, "sum_two_year_recid"),
    }
    found |= {f"compas.n_filtered.{race}": total(kept, race=race) for race in RACES}
    tables = {f"compas.xtab.{sex}.{race}": sums["rows"] for (race, sex), sums in kept.items()}
    return found | {name: value for name, value in tables.items() if name in published}


@pytest.fixture(scope="module")
def rates_found(shared: Path) -> dict[str, float]:
    """Every published error rate of the rule `decile at least 5`, from the fairness measure."""
    use_case = load("reoffending").value()
    rule = points_model(use_case)
    case = replace(scene(use_case, shared / "data" / "compas_two_years.parquet"), artefact=rule)
    threshold = int(scores.bins(rule, np.array([5.0]))[0])
    observed = fairness.FlagsByGroup(threshold=threshold).observe(case)
    names = fairness.group_names(use_case)
    shape = (resampling.REPLICATES + 1, len(names) + 1, 2, 3)
    flags = resampling.dense([observed], fairness.AXES, shape)[0, ..., : fairness.PREDICTED]
    chosen = {
        "all": flags[-1],
        "African-American": flags[names.index("race=African-American")],
        "Caucasian": flags[names.index("race=Caucasian")],
    }
    short = {
        "FPR": "false_positive_rate",
        "FNR": "false_negative_rate",
        "PPV": "precision",
        "NPV": "negative_predictive_value",
    }
    return {
        f"compas.{letters}.{group}": 100 * float(ranking.rates(counts)[rate])
        for group, counts in chosen.items()
        for letters, rate in short.items()
    }


@pytest.fixture(scope="module")
def coefficients_found(shared: Path, published: dict[str, Entry]) -> dict[str, float]:
    """Every published coefficient of ProPublica's logistic regression of a score not low."""

    def column(name: str, *labels: str) -> Column:
        return Column(name=name, role="other", domain=Categories(values=labels))

    priors = Column(name="priors_count", role="other", domain=Bounds(low=0, high=40))
    encoding = Encoding(
        columns=(
            column("sex", "Male", "Female"),
            column("age_cat", "25 - 45", "Greater than 45", "Less than 25"),
            column("race", *RACES),
            priors,
            column("c_charge_degree", "F", "M"),
            column("two_year_recid", "0", "1"),
        )
    )
    names = ", ".join(each.name for each in encoding.columns)
    rows = duckdb.execute(
        f"select {names}, score_text <> 'Low' as high from read_parquet(?) "
        f"where {published['compas.n_filtered']['sql']}",
        [str(shared / "data" / "compas_two_years.parquet")],
    ).to_arrow_table()
    outcome = np.asarray(rows.column("high"), dtype=float)
    fit = fit_logistic(encoding.encode(rows), outcome, ridge=0.0)
    by_term = dict(zip(("Intercept", *encoding.terms), fit.coefficients.tolist(), strict=True))
    short = {
        "Intercept": "Intercept",
        "Female": "sex=Female",
        "Age>45": "age_cat=Greater than 45",
        "Age<25": "age_cat=Less than 25",
        "African-American": "race=African-American",
        "Hispanic": "race=Hispanic",
        "Native American": "race=Native American",
    }
    return {f"compas.logit.{name}": by_term[term] for name, term in short.items()}


def test_counts_are_the_published_ones(
    published: dict[str, Entry], counts_found: dict[str, float]
) -> None:
    check(published, counts_found)
    assert counts_found["compas.n_filtered"] == 6172


def test_error_rates_of_the_rule_in_use_are_the_published_ones(
    published: dict[str, Entry], rates_found: dict[str, float]
) -> None:
    check(published, {name: rate for name, rate in rates_found.items() if name in published})
    assert round(rates_found["compas.FPR.African-American"], 2) == 44.85
    assert round(rates_found["compas.FPR.Caucasian"], 2) == 23.45


def test_coefficients_are_the_published_ones(
    published: dict[str, Entry], coefficients_found: dict[str, float]
) -> None:
    check(published, coefficients_found)


def test_no_published_figure_is_left_out(
    published: dict[str, Entry],
    counts_found: dict[str, float],
    rates_found: dict[str, float],
    coefficients_found: dict[str, float],
) -> None:
    found = counts_found | rates_found | coefficients_found
    assert len(published) == PUBLISHED
    assert set(published) <= set(found)
