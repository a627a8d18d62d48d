"""Boosted trees over forces: the pooled trees to the last bit, over cuts that everybody knows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from federated import FederatedTrees
from federated.design import encoding_of
from federated.grid import in_process
from federated.tree_growing import GRAIN, Cuts, Growing, Grown, Histograms, histograms
from minimisation import (
    Bounds,
    Categories,
    Column,
    Encoding,
    Forces,
    NotApplicableError,
    PolicyError,
    Tree,
    TreeModel,
    UseCase,
)

OpenForces = Callable[..., Forces]
Records = dict[str, pa.Table]

OPTION = FederatedTrees(trees=4, depth=2, least_hessian=1.0)


def grown_at_once(option: FederatedTrees, use_case: UseCase, rows: pa.Table) -> TreeModel:
    """The same code on rows that lie together."""
    cuts = Cuts.of(encoding_of(use_case))
    places = cuts.places(cuts.encoding.encode(rows))
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    grown = option.growing().grow(
        cuts, lambda grown, tree, level: histograms(cuts, places, outcome, grown, tree, level)
    )
    return grown.model(cuts)


@pytest.mark.parametrize("secure_sum", [True, False])
def test_trees_over_forces_are_the_pooled_trees_to_the_last_bit(
    open_forces: OpenForces,
    outcome_use_case: UseCase,
    outcome_records: Records,
    secure_sum: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    pooled = grown_at_once(OPTION, outcome_use_case, pa.concat_tables(outcome_records.values()))
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        option = replace(OPTION, secure_sum=secure_sum)
        found = option.fit(in_process(forces), outcome_use_case, forces.names)
        sent = {entry.step for entry in forces.meter.entries}
    assert found == pooled
    assert any(len(tree.term) > 3 for tree in found.trees)
    assert ("tree-sums" in sent) is not secure_sum


def test_without_whole_multiples_the_order_of_people_would_change_the_sums(
    outcome_use_case: UseCase, outcome_records: Records
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    cuts = Cuts.of(encoding_of(outcome_use_case))
    places = cuts.places(cuts.encoding.encode(rows))
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    start = replace(OPTION.growing().nothing(), intercept=0.1)
    order = np.random.default_rng(1).permutation(len(outcome))

    def both() -> list[Histograms]:
        some = (np.arange(len(outcome)), order)
        return [histograms(cuts, places[o], outcome[o], start, 0, 0) for o in some]

    one, other = both()
    assert (one.gradient == other.gradient).all()
    assert (one.gradient * GRAIN % 1 == 0).all()
    chance = 1 / (1 + np.exp(-0.1))  # the mutant adds the numbers as they are
    sums = [np.cumsum(chance - outcome[o])[-1] for o in (np.arange(len(outcome)), order)]
    assert sums[0] != sums[1]


def by_hand() -> tuple[Cuts, np.ndarray, np.ndarray]:
    """Eight people: it happened to whoever is at least 50, unless of kind b."""
    age = Column(name="age", role="other", domain=Bounds(low=0, high=100, step=50))
    kind = Column(name="kind", role="other", domain=Categories(values=("a", "b")))
    rows = pa.table({"age": [0, 0, 50, 50, 50, 50, 0, 50], "kind": [*"aaaabbbb"]})
    cuts = Cuts.of(Encoding(columns=(age, kind)))
    return cuts, cuts.places(cuts.encoding.encode(rows)), np.array([0.0, 0, 1, 1, 0, 0, 0, 0])


def test_one_tree_by_hand() -> None:
    cuts, places, outcome = by_hand()
    assert cuts.encoding.terms == ("age", "kind=a", "kind=b")
    assert cuts.thresholds == ((0.5,), (0.5,), (0.5,))
    growing = Growing(trees=1, depth=2, learning_rate=1.0, ridge=0.0, least_hessian=0.0)
    grown = growing.grow(
        cuts, lambda grown, tree, level: histograms(cuts, places, outcome, grown, tree, level)
    )
    assert grown.intercept == pytest.approx(np.log(2.5 / 6.5))
    scores = grown.log_odds(cuts, places, 1)
    # only old people of kind a stand out; a Newton step adds (1 − p) / (p (1 − p)) = 1 / p
    chance = 2.5 / 9
    assert scores[[2, 3]] == pytest.approx([grown.intercept + 1 / chance] * 2, rel=1e-6)
    assert (np.delete(scores, [2, 3]) < grown.intercept).all()


def test_a_model_reads_as_the_trees_that_grew() -> None:
    cuts, places, outcome = by_hand()
    growing = Growing(trees=3, depth=3, learning_rate=0.5, ridge=1.0, least_hessian=0.0)
    grown = growing.grow(
        cuts, lambda grown, tree, level: histograms(cuts, places, outcome, grown, tree, level)
    )
    model = grown.model(cuts)
    rows = pa.table({"age": [0, 0, 50, 50, 50, 50, 0, 50], "kind": [*"aaaabbbb"]})
    assert model.log_odds(model.encoding.encode(rows)) == pytest.approx(
        grown.log_odds(cuts, places, 3), abs=1e-12
    )
    assert TreeModel.from_json(model.as_json(), model.encoding) == model
    with pytest.raises(ValueError, match="terms of the model must be those"):
        TreeModel.from_json(model.as_json(), Encoding(columns=model.encoding.columns))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(1, 9))
def test_a_bin_lies_left_of_a_threshold_exactly_where_its_value_does(
    values: list[int], step: int
) -> None:
    column = Column(name="x", role="other", domain=Bounds(low=0, high=100, step=1, edges=(step,)))
    cuts = Cuts.of(Encoding(columns=(column,)))
    features = cuts.encoding.encode(pa.table({"x": values}))
    places = cuts.places(features)
    for place, (term, last) in enumerate(cuts.divisions):
        threshold = np.float32(cuts.thresholds[term][place])
        below = features[:, term].astype(np.float32) < threshold
        assert (below == (places[:, term] <= last)).all()


def test_missing_values_have_a_division_of_their_own(outcome_use_case: UseCase) -> None:
    cuts = Cuts.of(encoding_of(outcome_use_case))
    assert "ethnicity=missing" in cuts.encoding.terms
    place = cuts.encoding.terms.index("ethnicity=missing")
    assert cuts.thresholds[place] == (0.5,)


def test_with_many_trees_it_ranks_at_least_as_well_as_the_base_rate(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        release = OPTION.apply(forces, outcome_use_case, np.random.default_rng(1))
    model = release.artefact
    assert isinstance(model, TreeModel)
    scores = model.log_odds(model.encoding.encode(rows))
    assert roc_auc_score(outcome, scores) > 0.7
    assert "Only totals over all forces were seen" in release.remarks[1]


def test_nobody_with_an_outcome_leaves_an_intercept_and_no_division() -> None:
    cuts, places, _ = by_hand()
    growing = Growing(trees=1, depth=1, learning_rate=1.0, ridge=0.0, least_hessian=0.0)
    nobody = np.zeros(8)
    grown = growing.grow(
        cuts, lambda grown, tree, level: histograms(cuts, places, nobody, grown, tree, level)
    )
    assert grown.splits.tolist() == [[-1]]
    assert grown.intercept == pytest.approx(np.log(0.5 / 8.5))


def test_fewer_than_three_forces_are_refused(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    two = dict(list(outcome_records.items())[:2])
    with (
        open_forces(outcome_use_case, two) as forces,
        pytest.raises(PolicyError, match="at least 3"),
    ):
        OPTION.apply(forces, outcome_use_case, np.random.default_rng(1))


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces, pytest.raises(NotApplicableError):
        OPTION.apply(forces, grouped_use_case, np.random.default_rng(1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"trees": 0},
        {"depth": 0},
        {"depth": 7},
        {"learning_rate": 0.0},
        {"ridge": -1.0},
        {"least_hessian": float("nan")},
        {"most_people": 2**30},
    ],
)
def test_trees_that_cannot_grow_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedTrees(**parameters)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"left": (0,)}, "must say term, threshold"),
        ({"left": (0, 0, 0)}, "must stand after it"),
        ({"right": (3, 0, 0)}, "must stand after it"),
        ({"value": (0.0, float("inf"), 0.0)}, "must be finite"),
    ],
)
def test_a_tree_in_which_a_row_could_get_lost_is_refused(
    changed: dict[str, Any], rule: str
) -> None:
    sound: dict[str, Any] = {
        "term": (0, -1, -1),
        "threshold": (0.5, 0.0, 0.0),
        "left": (1, 0, 0),
        "right": (2, 0, 0),
        "value": (0.0, -1.0, 1.0),
    }
    tree = Tree(**sound)
    with pytest.raises(ValueError, match=rule):
        Tree(**sound | changed)
    column = Column(name="x", role="other", domain=Bounds(low=0, high=1))
    model = TreeModel(encoding=Encoding(columns=(column,)), intercept=0.5, trees=(tree,))
    assert model.log_odds(np.array([[0.2], [0.7]])).tolist() == [-0.5, 1.5]
    with pytest.raises(ValueError, match="places among the encoding's 0"):
        replace(model, encoding=Encoding(columns=()))


def test_a_grown_forest_of_nothing_scores_its_intercept() -> None:
    cuts, places, _ = by_hand()
    empty = Grown(intercept=-1.0, splits=np.zeros((0, 1), dtype=np.int64), leaves=np.zeros((0, 2)))
    assert empty.log_odds(cuts, places, 0).tolist() == [-1.0] * 8
