"""Public preprocessing and sums over groups, on tables small enough to check by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from minimisation import Bounds, Categories, Column, Encoding, UseCase, groups
from minimisation.contract import wire
from minimisation.regression import LogisticSums, fit_logistic, logistic_sums

AGE = Column(name="age", role="other", domain=Bounds(low=0, high=100, edges=(18, 65)))
SEX = Column(name="sex", role="other", domain=Categories(values=("f", "m")), optional=True)


def test_terms_leave_out_the_reference_and_add_missing() -> None:
    assert Encoding(columns=(AGE, SEX)).terms == ("age", "sex=m", "sex=missing")
    binned = Encoding(columns=(AGE, SEX), binned=True, reference=False)
    assert binned.terms == (
        "age=0 to <18",
        "age=18 to <65",
        "age=65 to 100",
        "sex=f",
        "sex=m",
        "sex=missing",
    )


def test_values_are_clipped_scaled_and_flagged_when_missing() -> None:
    rows = pa.table({"age": [-5.0, 50.0, 200.0], "sex": ["f", "m", None]})
    assert Encoding(columns=(AGE, SEX)).encode(rows).tolist() == [
        [0.0, 0.0, 0.0],
        [0.5, 1.0, 0.0],
        [1.0, 0.0, 1.0],
    ]


def test_bins_are_left_closed_and_the_last_includes_its_end() -> None:
    rows = pa.table({"age": [17.0, 18.0, 64.0, 65.0, 100.0]})
    hot = Encoding(columns=(AGE,), binned=True, reference=False).encode(rows)
    assert hot.argmax(axis=1).tolist() == [0, 1, 1, 2, 2]


def test_generalised_values_count_fractionally() -> None:
    interval = pa.array(
        [{"low": 10.0, "high": 25.0}, None],
        pa.struct([("low", pa.float64()), ("high", pa.float64())]),
    )
    sets = pa.array([["f", "m"], None], pa.list_(pa.string()))
    rows = pa.table({"age": interval, "sex": sets})
    hot = Encoding(columns=(AGE, SEX), binned=True, reference=False).encode(rows)
    # 10..25 holds sixteen ages, eight of them below 18; the second row is unknown throughout.
    assert hot[0].tolist() == [0.5, 0.5, 0.0, 0.5, 0.5, 0.0]
    assert hot[1].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert Encoding(columns=(AGE,)).encode(rows)[0, 0] == 0.175


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=1, max_size=20))
def test_every_encoded_entry_is_in_the_unit_interval(ages: list[float]) -> None:
    rows = pa.table({"age": ages})
    for encoding in (Encoding(columns=(AGE,)), Encoding(columns=(AGE,), binned=True)):
        encoded = encoding.encode(rows)
        assert np.all((encoded >= 0) & (encoded <= 1))


def test_the_wire_gives_back_what_was_sent() -> None:
    table = pa.table({"a": [1, 2], "b": [["x"], []]})
    assert wire.decode(wire.encode(table)).equals(table)


def test_the_grid_holds_every_declared_cell_and_sums_land_in_it(
    grouped_use_case: UseCase,
) -> None:
    cells = groups.grid(grouped_use_case, ("force", "ethnicity", "sex"), ("n", "s"))
    assert cells.num_rows == 2 * 5 * 2
    rows = pa.table(
        {
            "force": ["n", "n", "s", "elsewhere"],
            "ethnicity": ["black", "black", None, "black"],
            "sex": ["male", "male", "female", "male"],
            "found": [1.0, 0.0, 1.0, 1.0],
        }
    )
    sums = groups.sums_of_rows(grouped_use_case, rows, ("n", "s")).to_pylist()
    filled = {(r["force"], r["ethnicity"], r["sex"]): r["rows"] for r in sums if r["rows"]}
    assert filled == {("n", "black", "male"): 2.0, ("s", "missing", "female"): 1.0}
    finished = groups.finish(
        grouped_use_case.question, groups.sums_of_rows(grouped_use_case, rows, ("n", "s"))
    )  # type: ignore[arg-type]
    means = {tuple(r.values())[:3]: r["mean_found"] for r in finished.to_pylist()}
    assert means["n", "black", "male"] == 0.5
    assert means["n", "white", "male"] is None


def test_newton_agrees_with_an_established_solver() -> None:
    rng = np.random.default_rng(3)
    features = rng.random((2000, 4))
    chance = 1 / (1 + np.exp(1 - features @ np.array([1.0, -2.0, 0.5, 0.0])))
    outcome = (rng.random(2000) < chance).astype(float)
    ours = fit_logistic(features, outcome, ridge=1.0)
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(features, outcome)
    assert np.allclose(ours.coefficients[1:], theirs.coef_[0], atol=1e-5)
    assert ours.gradient_norm < 1e-10


def test_sums_over_parts_equal_sums_over_the_whole() -> None:
    rng = np.random.default_rng(4)
    features, outcome = rng.random((50, 3)), rng.integers(0, 2, 50).astype(float)
    at = np.array([0.1, -0.2, 0.3, 0.4])
    whole = logistic_sums(features, outcome, at)
    parts = LogisticSums.zero(4)
    for start in range(0, 50, 20):
        part = slice(start, start + 20)
        parts = parts + logistic_sums(features[part], outcome[part], at)
    assert parts.rows == whole.rows == 50
    assert np.allclose(parts.gradient, whole.gradient)
    assert np.allclose(parts.hessian, whole.hessian)
    assert parts.loss == pytest.approx(whole.loss)


def test_separable_groups_do_not_send_coefficients_to_infinity() -> None:
    features = np.array([[0.0], [0.0], [1.0], [1.0]])
    fit = fit_logistic(features, np.array([0.0, 0.0, 1.0, 1.0]))
    assert np.all(np.isfinite(fit.coefficients))
    assert fit.gradient_norm < 1e-6
