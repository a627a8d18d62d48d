"""Trees of single forces, by Flower's XGBoost bagging as shipped: what is sent and read."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from sklearn.metrics import roc_auc_score

from federated import FederatedForest
from federated.forest import SPACE, LocalTree, octets
from federated.grid import in_process
from federated.layout import Layout
from federated.trees import cuts_of
from federated.xgboost_engine import boosted, model_of, newest, trees_of
from minimisation import Forces, NotApplicableError, PolicyError, TreeModel, UseCase

OpenForces = Callable[..., Forces]
Records = dict[str, pa.Table]

OPTION = FederatedForest(rounds=3, depth=2, least_hessian=1.0)
PARAMETERS = {"max_depth": 3, "eta": 0.3, "lambda": 1.0, "min_child_weight": 1.0}


def test_flowers_bagging_runs_unchanged_and_ranks(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    rows = pa.concat_tables(outcome_records.values())
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        model = OPTION.apply(forces, outcome_use_case, np.random.default_rng(1)).artefact
        asked = [entry.force for entry in forces.meter.entries]
    assert isinstance(model, TreeModel)
    assert len(model.trees) == 3 * len(outcome_records)
    assert sorted(asked) == sorted(list(outcome_records) * 3)
    scores = model.log_odds(model.encoding.encode(rows))
    assert roc_auc_score(np.asarray(rows.column("outcome"), dtype=float), scores) > 0.7


@pytest.fixture
def grown(outcome_use_case: UseCase, outcome_records: Records) -> tuple[np.ndarray, bytes]:
    """Rounded features, and two trees on them."""
    rows, cuts = pa.concat_tables(outcome_records.values()), cuts_of(outcome_use_case)
    features = cuts.rounded(cuts.encoding.encode(rows))
    outcome = np.asarray(rows.column("outcome"), dtype=float)
    one = boosted(features, outcome, b"", PARAMETERS)
    return features, boosted(features, outcome, one, PARAMETERS)


def test_plain_numbers_score_as_xgboost_does(
    outcome_use_case: UseCase, grown: tuple[np.ndarray, bytes]
) -> None:
    features, written = grown
    model = model_of(written, cuts_of(outcome_use_case).encoding)
    booster = xgboost.Booster()
    booster.load_model(bytearray(written))
    known = booster.predict(xgboost.DMatrix(features.astype(np.float32)), output_margin=True)
    assert model.log_odds(features) == pytest.approx(known, abs=1e-5)
    assert len(model.trees) == 2
    assert len(trees_of(newest(written))[1]) == 1


def test_no_threshold_is_anybodys_value(
    outcome_use_case: UseCase, grown: tuple[np.ndarray, bytes]
) -> None:
    cuts = cuts_of(outcome_use_case)
    for tree in trees_of(grown[1])[1]:
        for term, threshold in zip(tree.term, tree.threshold, strict=True):
            assert term == -1 or np.float32(threshold) in np.float32(cuts.thresholds[term])


def test_what_xgboost_notes_of_a_nodes_people_is_not_sent(
    grown: tuple[np.ndarray, bytes],
) -> None:
    for tree in json.loads(grown[1])["learner"]["gradient_booster"]["model"]["trees"]:
        for name in ("loss_changes", "sum_hessian", "base_weights"):
            assert set(tree[name]) == {0}


def test_a_message_has_its_public_size_whatever_the_tree(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    with open_forces(outcome_use_case, outcome_records, held_out=0.0) as forces:
        OPTION.fit(in_process(forces), outcome_use_case)
        entries = forces.meter.entries
    assert {entry.rows for entry in entries} == {octets(1, 2) + 1}


def test_a_force_that_does_not_approve_the_step_keeps_out(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    with open_forces(outcome_use_case, outcome_records) as forces:
        for force in forces:
            force.policy = replace(force.policy, steps=frozenset({"masked-tree-sums"}))
        with pytest.raises(PolicyError, match="local-tree"):
            OPTION.fit(in_process(forces), outcome_use_case)


@pytest.mark.parametrize(
    "written", [b"", b"\x80\x04.", b"{}", b"[1]", b'{"learner": {"gradient_booster": 3}}']
)
def test_what_is_no_model_is_refused(written: bytes) -> None:
    with pytest.raises(PolicyError, match="must be XGBoost's JSON"):
        trees_of(written)


def test_a_term_that_there_is_not_is_refused(
    outcome_use_case: UseCase, grown: tuple[np.ndarray, bytes]
) -> None:
    few = replace(cuts_of(outcome_use_case).encoding, columns=())
    with pytest.raises(PolicyError, match="terms of the public encoding"):
        model_of(grown[1], few)


def test_only_what_may_come_shorter_is_filled_up() -> None:
    layout = Layout(arrays=(("0", (4,)),), type=pa.uint8(), fill=SPACE)
    assert layout.values(layout.table({"0": [123, 125]}))["0"].tobytes() == b"{}  "
    for bad in (layout.table, replace(layout, fill=None).table):
        with pytest.raises(ValueError, match="must be given with shape"):
            bad({"0": [1, 2, 3, 4, 5]})
    with pytest.raises(ValueError, match="must be given with shape"):
        replace(layout, fill=None).table({"0": [1]})


def test_a_step_for_many_trees_takes_a_larger_message(outcome_use_case: UseCase) -> None:
    step = LocalTree(depth=3, learning_rate=0.1, ridge=1.0, least_hessian=5.0, most_trees=90)
    assert step.takes(outcome_use_case).size > 50 * step.gives(outcome_use_case).size / 2


def test_grouped_statistics_are_not_applicable(
    grouped_forces: Forces, grouped_use_case: UseCase
) -> None:
    with grouped_forces as forces, pytest.raises(NotApplicableError):
        OPTION.apply(forces, grouped_use_case, np.random.default_rng(1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"rounds": 0},
        {"depth": 0},
        {"learning_rate": 2.0},
        {"ridge": -1.0},
        {"least_hessian": float("inf")},
    ],
)
def test_trees_that_cannot_grow_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(parameters))):
        FederatedForest(**parameters)
