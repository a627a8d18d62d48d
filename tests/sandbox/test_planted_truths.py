"""The whole path against planted truths: what was put into the demo comes out of the options."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from federated.newton import FederatedNewton
from minimisation import (
    BinaryOutcome,
    Encoding,
    Forces,
    LinearModel,
    Microdata,
    UseCaseError,
)
from minimisation.options.raw_pool import RawPool
from minimisation.regression import fit_logistic
from sandbox.ceiling import PooledCeiling
from sandbox.study import Study
from sandbox.use_case_files import load, parse

PLAN = """
use_case = "{use_case}"
held_out = {held_out}
[data]
status = "demo"
[data.demo]
people = {people}
"""
PEOPLE = "demo-30000-1"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


def study(workspace: Path, use_case: str, held_out: float, people: int = 30_000) -> Study:
    path = workspace / f"{use_case}-{held_out}.toml"
    path.write_text(PLAN.format(use_case=use_case, held_out=held_out, people=people), "utf-8")
    return Study(plan_path=path, workspace=workspace)


@pytest.fixture(scope="module")
def violence(workspace: Path) -> Iterator[Forces]:
    with study(workspace, "serious-violence", 0.0).forces() as forces:
        yield forces


@pytest.fixture(scope="module")
def pooled(violence: Forces) -> pa.Table:
    release = RawPool().apply(violence, violence.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    return release.artefact.table


@pytest.mark.slow
def test_the_raw_pool_recovers_the_planted_coefficients(
    violence: Forces, pooled: pa.Table, workspace: Path
) -> None:
    truth = json.loads((workspace / "feeds" / PEOPLE / "ground-truth.json").read_text("utf-8"))
    planted = truth["label_model"]["coefficients"]
    question = violence.use_case.question
    assert isinstance(question, BinaryOutcome)
    encoding = Encoding.features(violence.use_case, question.features)
    fit = fit_logistic(encoding.encode(pooled), np.asarray(pooled["serious_violence"]))
    error = np.sqrt(np.diag(fit.covariance))[1:]
    found = dict(zip(encoding.terms, zip(fit.coefficients[1:], error, strict=True), strict=True))
    assert set(found) == set(planted)
    inside = [abs(found[term][0] - planted[term]) <= 1.96 * found[term][1] for term in planted]
    assert len(inside) == 29
    assert sum(inside) >= 25, "24 or fewer of 29 at 95 % happens once in 100 runs"
    far = [abs(found[term][0] - planted[term]) / found[term][1] for term in planted]
    assert max(far) < 3.5


@pytest.mark.slow
def test_federated_newton_equals_the_pooled_fit(violence: Forces, pooled: pa.Table) -> None:
    release = FederatedNewton().apply(violence, violence.use_case, np.random.default_rng(1))
    model = release.artefact
    assert isinstance(model, LinearModel)
    fit = fit_logistic(
        model.encoding.encode(pooled), np.asarray(pooled["serious_violence"], dtype=float)
    )
    difference = np.abs(np.r_[model.intercept, model.weights] - fit.coefficients)
    assert difference.max() < 1e-6
    assert fit.gradient_norm < 1e-6


@pytest.mark.slow
def test_the_ceiling_equals_the_pooled_fit_without_pooling(
    violence: Forces, pooled: pa.Table
) -> None:
    before = len(violence.meter.entries)
    release = PooledCeiling().apply(violence, violence.use_case, np.random.default_rng(1))
    model = release.artefact
    assert isinstance(model, LinearModel)
    fit = fit_logistic(
        model.encoding.encode(pooled), np.asarray(pooled["serious_violence"], dtype=float)
    )
    assert np.abs(np.r_[model.intercept, model.weights] - fit.coefficients).max() < 1e-6
    assert len(violence.meter.entries) == before, "nothing may leave"


@pytest.mark.slow
def test_the_column_from_after_the_as_of_date_is_rejected(demo_workspace: Path) -> None:
    shipped = Path(__file__).parents[2] / "sandbox" / "use_cases" / "serious-violence.toml"
    text = shipped.read_text("utf-8").replace('"stops",\n]', '"stops", "review",\n]')
    text += """
[columns.review]
categories = ["low", "medium", "high"]
optional = true
source = { field = "review_result", dated_by = "reviewed_on" }
"""
    assert parse(text, "with review").value().column("review")
    (demo_workspace / "with-review.toml").write_text(text, "utf-8")
    peeking = study(demo_workspace, "with-review.toml", 0.3, people=600)
    with pytest.raises(UseCaseError, match="column 'review' must be known before the as-of date"):
        peeking.forces().__enter__()


@pytest.mark.slow
def test_the_planted_hotspot_is_the_busiest_cell(workspace: Path) -> None:
    truth_file = workspace / "feeds" / PEOPLE / "ground-truth.json"
    with study(workspace, "hotspots", 0.0).forces() as forces:
        release = PooledCeiling().apply(forces, forces.use_case, np.random.default_rng(1))
    spot = json.loads(truth_file.read_text("utf-8"))["hotspot"]
    rows = release.artefact.table.to_pylist()  # type: ignore[union-attr]
    here = [r for r in rows if r["small_area"] == spot["small_area"]]
    cell = next(
        r for r in here if r["severity"] == spot["severity"] and r["month"] == spot["month"]
    )
    others = [r["rows"] for r in rows if r["severity"] == spot["severity"] and r is not cell]
    assert cell["rows"] > max(others)


@pytest.mark.slow
def test_stop_search_totals_equal_the_published_files(tmp_path: Path, shared: Path) -> None:
    source = Path(__file__).parents[2] / "docs" / "plans" / "stop-search-police-uk.toml"
    file = shared.resolve() / "data" / "uk_stop_search.parquet"
    text = source.read_text("utf-8").replace(
        "../../../shared/data/uk_stop_search.parquet", str(file)
    )
    text = text.replace("held_out = 0.3", "held_out = 0.0")
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    real = Study(plan_path=tmp_path / "plan.toml", workspace=tmp_path / "work")
    with real.forces() as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    counted = release.artefact.table.group_by("force").aggregate([([], "count_all")])
    totals = dict(zip(*(column.to_pylist() for column in counted.columns), strict=True))
    totals = {str(k): v for k, v in totals.items()}
    assert totals == {
        "merseyside": 9631,
        "essex": 5355,
        "south-yorkshire": 5074,
        "city-of-london": 879,
        "leicestershire": 701,
        "derbyshire": 506,
        "durham": 441,
    }
    assert load("stop-search").value().unit == "record"
