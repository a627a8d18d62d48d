"""The measure code on all COMPAS rows gives ProPublica's published figures.

Angwin, Larson, Mattu and Kirchner, "Machine Bias" (2016), and its methodology.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from minimisation import Bounds, Categories, Column, Encoding, LinearModel
from minimisation.regression import fit_logistic
from sandbox.measures import ranking, scores

DECILE = Column(name="decile_score", role="other", domain=Bounds(low=0, high=10))
RULE = LinearModel(
    encoding=Encoding(columns=(DECILE,)), intercept=0.0, weights=(10.0,), link="points"
)
MEASURES = {
    "FPR": "false_positive_rate",
    "FNR": "false_negative_rate",
    "PPV": "precision",
    "NPV": "negative_predictive_value",
}


@pytest.fixture(scope="module")
def references(shared: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((shared / "data" / "reference_results.json").read_text("utf-8"))
    return {each["id"]: each for each in found if each["id"].startswith("compas")}


@pytest.fixture(scope="module")
def rows(shared: Path) -> pa.Table:
    return duckdb.read_parquet(str(shared / "data" / "compas_two_years.parquet")).to_arrow_table()


@pytest.fixture(scope="module")
def filtered(rows: pa.Table, references: dict[str, dict[str, Any]]) -> pa.Table:
    with duckdb.connect() as connection:
        connection.register("compas", rows)
        condition = references["compas.n_filtered"]["sql"]
        return connection.execute(f"select * from compas where {condition}").to_arrow_table()


def rates(rows: pa.Table) -> dict[str, float]:
    """Rates of the rule decile ≥ 5, by the code that judges every option."""
    flagged = scores.bins(RULE, scores.score(RULE, rows)) >= scores.BINS * 5 // 10
    outcome = np.asarray(rows.column("two_year_recid"), dtype=int)
    counts = np.bincount(outcome * 2 + flagged, minlength=4).astype(float).reshape(1, 2, 2)
    return {name: float(value[0]) * 100 for name, value in ranking.rates(counts).items()}


def of_race(rows: pa.Table, race: str) -> pa.Table:
    return rows.filter(pa.array([value == race for value in rows.column("race").to_pylist()]))


def test_error_rates_are_the_published_ones(
    rows: pa.Table, references: dict[str, dict[str, Any]]
) -> None:
    assert rows.num_rows == references["compas.n_two_year"]["expected"] == 7214
    checked = 0
    for name, reference in references.items():
        kind, _, group = name.removeprefix("compas.").partition(".")
        if kind in MEASURES:
            mine = rows if group == "all" else of_race(rows, group)
            assert rates(mine)[MEASURES[kind]] == pytest.approx(
                reference["expected"], abs=reference["tolerance"] + 0.005
            ), name
            checked += 1
    assert checked >= 8
    assert rates(of_race(rows, "African-American"))["false_positive_rate"] == pytest.approx(
        44.85, abs=0.01
    )
    assert rates(of_race(rows, "Caucasian"))["false_positive_rate"] == pytest.approx(
        23.45, abs=0.01
    )


def test_the_published_filter_and_its_groups(
    filtered: pa.Table, references: dict[str, dict[str, Any]]
) -> None:
    assert filtered.num_rows == 6172
    races = filtered.column("race").to_pylist()
    sexes = filtered.column("sex").to_pylist()
    checked = 0
    for name, reference in references.items():
        parts = name.removeprefix("compas.").split(".")
        if parts[0] == "n_filtered" and len(parts) == 2:
            assert races.count(parts[1]) == reference["expected"], name
            checked += 1
        if parts[0] == "xtab":
            both = sum(s == parts[1] and r == parts[2] for s, r in zip(sexes, races, strict=True))
            assert both == reference["expected"], name
            checked += 1
    assert checked >= 10
    recid = np.asarray(filtered.column("two_year_recid"), dtype=int)
    assert recid.sum() == references["compas.two_year_recid_n"]["expected"]
    assert recid.mean() * 100 == pytest.approx(
        references["compas.two_year_recid_pct"]["expected"], abs=1e-3
    )


def test_the_published_regression(
    filtered: pa.Table, references: dict[str, dict[str, Any]]
) -> None:
    races = ("Caucasian", "African-American", "Asian", "Hispanic", "Native American", "Other")
    columns = (
        Column(name="sex", role="other", domain=Categories(values=("Male", "Female"))),
        Column(
            name="age_cat",
            role="other",
            domain=Categories(values=("25 - 45", "Greater than 45", "Less than 25")),
        ),
        Column(name="race", role="other", domain=Categories(values=races)),
        Column(name="priors_count", role="other", domain=Bounds(low=0, high=38)),
        Column(name="c_charge_degree", role="other", domain=Categories(values=("F", "M"))),
        Column(name="two_year_recid", role="other", domain=Bounds(low=0, high=1)),
    )
    encoding = Encoding(columns=columns)
    score = np.array([text != "Low" for text in filtered.column("score_text").to_pylist()])
    fit = fit_logistic(encoding.encode(filtered), score.astype(float), ridge=0.0)
    found = dict(zip(("Intercept", *encoding.terms), fit.coefficients, strict=True))
    names = {
        "Intercept": "Intercept",
        "Female": "sex=Female",
        "Age>45": "age_cat=Greater than 45",
        "Age<25": "age_cat=Less than 25",
        **{race: f"race={race}" for race in races[1:]},
    }
    checked = 0
    for name, reference in references.items():
        kind, _, term = name.removeprefix("compas.").partition(".")
        if kind == "logit" and term in names:
            assert found[names[term]] == pytest.approx(
                reference["expected"], abs=reference["tolerance"]
            ), name
            checked += 1
    assert checked >= 6
