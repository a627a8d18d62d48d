"""Whether the planted label model can be recovered from the written files alone.

Features are counted here in plain SQL over the Parquet files, without the generator's own steps.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from minimisation import BinaryOutcome, Bounds
from minimisation.contract.encoding import Encoding
from minimisation.contract.tables import TABLES
from minimisation.forces.analysis import Split, build
from sandbox.demo import generate
from sandbox.use_case_files import load

Matrix = npt.NDArray[np.float64]

FEATURES = """
WITH person AS (SELECT * FROM read_parquet($folder || '/*/person.parquet')),
crime AS (SELECT * FROM read_parquet($folder || '/*/crime.parquet')),
involvement AS (
  SELECT i.*, c.recorded_on AS crime_recorded, c.occurred_on, c.offence, c.severity
  FROM read_parquet($folder || '/*/involvement.parquet') AS i JOIN crime AS c USING (crime_id)
),
custody AS (SELECT * FROM read_parquet($folder || '/*/custody.parquet')),
intelligence AS (SELECT * FROM read_parquet($folder || '/*/intelligence.parquet')),
search AS (SELECT * FROM read_parquet($folder || '/*/stop_search.parquet')),
involved AS (
  SELECT person_id,
    count_if(suspect AND known AND severity IN ('violence', 'serious violence')) AS prior_violence,
    count_if(suspect AND known AND offence = 'possession of a weapon') AS prior_weapon,
    count_if(suspect AND known AND severity = 'acquisitive') AS prior_acquisitive,
    count_if(suspect AND known AND severity = 'drugs') AS prior_drugs,
    count_if(suspect AND known AND severity = 'public order') AS prior_public_order,
    count_if(role = 'convicted' AND own) AS prior_convictions,
    count_if(role = 'victim' AND own) AS prior_victim,
    count_if(role = 'witness' AND own) AS prior_witness,
    count_if(suspect AND arrested = 'yes' AND own) AS prior_arrests,
    count_if(suspect AND severity = 'serious violence' AND occurred_on >= DATE '2024-01-01'
      AND occurred_on < DATE '2026-01-01') > 0 AS serious_violence
  FROM (SELECT *, role = 'suspect' AS suspect,
      crime_recorded >= DATE '2022-01-01' AND crime_recorded < DATE '2024-01-01' AS known,
      recorded_on >= DATE '2022-01-01' AND recorded_on < DATE '2024-01-01' AS own
    FROM involvement)
  GROUP BY person_id
),
held AS (
  SELECT person_id, count(*) AS prior_custody,
    count_if(risk_marker = 'violence') AS custody_risk
  FROM custody WHERE started_on >= DATE '2022-01-01' AND started_on < DATE '2024-01-01'
  GROUP BY person_id
),
reported AS (
  SELECT person_id, count(*) AS intelligence_reports,
    count_if(theme = 'weapons') AS intelligence_weapons
  FROM intelligence WHERE kind = 'fact'
    AND recorded_on >= DATE '2022-01-01' AND recorded_on < DATE '2024-01-01'
  GROUP BY person_id
),
searched AS (SELECT person_id, count(*) AS stops FROM search GROUP BY person_id)
SELECT date_sub('year', birth_date, DATE '2024-01-01') AS age,
  * REPLACE (coalesce(serious_violence, false) AS serious_violence)
FROM person LEFT JOIN involved USING (person_id) LEFT JOIN held USING (person_id)
LEFT JOIN reported USING (person_id) LEFT JOIN searched USING (person_id)
ORDER BY person_id
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of the default size."""
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, people=60_000, seed=1)
    return folder


@pytest.fixture(scope="module")
def people(demo: Path) -> dict[str, npt.NDArray[Any]]:
    """One row per record of a person: features and label, counted from the files."""
    with duckdb.connect() as connection:
        rows = connection.execute(FEATURES, {"folder": str(demo)})
        return {str(name): np.asarray(values) for name, values in rows.fetchdf().items()}


@pytest.fixture(scope="module")
def truth(demo: Path) -> dict[str, Any]:
    """What was planted."""
    content: dict[str, Any] = json.loads((demo / "ground-truth.json").read_text(encoding="utf-8"))
    return content


def encoded(people: dict[str, npt.NDArray[Any]], model: dict[str, Any]) -> Matrix:
    """The planted terms in order, on the scale of the ground truth; the first column is 1."""
    columns = [np.ones(len(people["age"]))]
    for term in model["coefficients"]:
        feature, _, label = term.partition("=")
        values = people[feature]
        absent = np.array([value is None or value != value for value in values])  # noqa: PLR0124
        if label == "missing":
            columns.append(absent.astype(float))
        elif label:
            columns.append((values == label).astype(float))
        else:
            low, high = model["bounds"][feature]
            number = np.where(absent, low, values).astype(float)
            columns.append((np.clip(number, low, high) - low) / (high - low))
    return np.column_stack(columns)


def fit(features: Matrix, label: Matrix) -> tuple[Matrix, Matrix]:
    """Maximum-likelihood coefficients and standard errors of an unpenalised logistic model."""
    weights = np.zeros(features.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-features @ weights))
        information = (features * (chance * (1 - chance))[:, None]).T @ features
        step = np.linalg.solve(information, features.T @ (label - chance))
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights, np.sqrt(np.diag(np.linalg.inv(information)))


def test_the_label_in_the_files_is_the_planted_draw(
    people: dict[str, npt.NDArray[Any]], truth: dict[str, Any]
) -> None:
    assert int(people["serious_violence"].sum()) == truth["label_model"]["with_label"]


def test_the_default_demo_has_its_promised_difficulty(truth: dict[str, Any]) -> None:
    model = truth["label_model"]
    assert 0.04 <= model["with_label"] / model["person_records"] <= 0.07
    assert 0.80 <= model["auc_of_planted_probabilities"] <= 0.85


def test_refitting_the_planted_model_recovers_its_coefficients(
    people: dict[str, npt.NDArray[Any]], truth: dict[str, Any]
) -> None:
    model = truth["label_model"]
    planted = np.array([model["intercept"], *model["coefficients"].values()])
    weights, error = fit(encoded(people, model), people["serious_violence"].astype(float))
    distance = np.abs(weights - planted) / error
    assert len(planted) == 30
    assert (distance < 1.96).sum() >= 26
    assert distance.max() < 4


def test_a_feature_that_is_lost_for_half_of_the_people_is_noticed(
    people: dict[str, npt.NDArray[Any]], truth: dict[str, Any]
) -> None:
    model = truth["label_model"]
    planted = np.array([model["intercept"], *model["coefficients"].values()])
    broken = encoded(people, model)
    place = 1 + list(model["coefficients"]).index("prior_violence")
    broken[::2, place] = 0.0
    weights, error = fit(broken, people["serious_violence"].astype(float))
    assert np.abs(weights - planted)[place] / error[place] > 4


def test_events_older_than_two_years_add_nothing(
    demo: Path, people: dict[str, npt.NDArray[Any]], truth: dict[str, Any]
) -> None:
    older = f"""SELECT person_id, count(*) AS older
        FROM read_parquet('{demo}/*/involvement.parquet')
        JOIN read_parquet('{demo}/*/crime.parquet') AS c USING (crime_id)
        WHERE role = 'suspect' AND c.recorded_on < DATE '2022-01-01' GROUP BY person_id"""
    with duckdb.connect() as connection:
        counts = dict(connection.execute(older).fetchall())
    extra = np.array([min(counts.get(person, 0), 5) / 5 for person in people["person_id"]])
    features = np.column_stack([encoded(people, truth["label_model"]), extra])
    weights, error = fit(features, people["serious_violence"].astype(float))
    assert extra.sum() > 1000
    assert abs(weights[-1]) / error[-1] < 3


def test_six_features_carry_no_signal_and_the_use_case_asks_all_twenty(
    truth: dict[str, Any],
) -> None:
    use_case = load("serious-violence").value()
    model = truth["label_model"]
    features = list(dict.fromkeys(term.partition("=")[0] for term in model["coefficients"]))
    assert isinstance(use_case.question, BinaryOutcome)
    assert list(use_case.question.features) == features
    assert len(features) == 20
    assert len(model["features_without_signal"]) == 6


def test_the_use_case_encodes_the_planted_terms_on_the_planted_scale(
    truth: dict[str, Any],
) -> None:
    use_case = load("serious-violence").value()
    model = truth["label_model"]
    assert isinstance(use_case.question, BinaryOutcome)
    encoding = Encoding.features(use_case, use_case.question.features)
    assert encoding.terms == tuple(model["coefficients"])
    for column in encoding.columns:
        if isinstance(column.domain, Bounds):
            assert [column.domain.low, column.domain.high] == model["bounds"][column.name]


def test_the_boundary_computes_the_features_that_plain_sql_computes(
    demo: Path, people: dict[str, npt.NDArray[Any]], truth: dict[str, Any]
) -> None:
    use_case = load("serious-violence").value()
    with duckdb.connect() as connection:
        for table in TABLES:
            files = f"{demo}/*/{table}.parquet"
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{files}')")
        build(connection, use_case, Split(key="1", held_out=0.3), "all")
        analysis = connection.execute("SELECT * FROM analysis ORDER BY person_id").to_arrow_table()
    assert isinstance(use_case.question, BinaryOutcome)
    encoding = Encoding.features(use_case, use_case.question.features)
    plain = encoded(people, truth["label_model"])[:, 1:]
    np.testing.assert_allclose(encoding.encode(analysis), plain)
    label = np.asarray(analysis.column("serious_violence"), dtype=float)
    np.testing.assert_array_equal(label, people["serious_violence"].astype(float))
