"""The ceiling without pooling: the pooled fit of the people whose outcome is known."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import Encoding, Forces, LinearModel, UseCase
from minimisation.contract.questions import BinaryOutcome
from minimisation.regression import fit_logistic
from sandbox.ceiling import PooledCeiling


def test_people_whose_outcome_is_not_known_count_neither_way(
    open_forces: Callable[..., Forces],
    outcome_use_case: UseCase,
    outcome_records: dict[str, pa.Table],
) -> None:
    records = {name: _forgotten(table) for name, table in outcome_records.items()}
    with open_forces(outcome_use_case, records, held_out=0.0) as forces:
        release = PooledCeiling().apply(forces, outcome_use_case, np.random.default_rng(1))
    known = pa.concat_tables(table.filter(_known(table)) for table in records.values())
    question = outcome_use_case.question
    assert isinstance(question, BinaryOutcome)
    features = Encoding.features(outcome_use_case, question.features).encode(known)
    pooled = fit_logistic(features, known.column("outcome").to_numpy().astype(float))
    assert isinstance(release.artefact, LinearModel)
    found = [release.artefact.intercept, *release.artefact.weights]
    assert found == pytest.approx(pooled.coefficients, abs=1e-9)


def _forgotten(table: pa.Table) -> pa.Table:
    """The same people; of every third one it is not known whether it happened."""
    place = table.column_names.index("outcome")
    kept = pa.array([i % 3 > 0 for i in range(table.num_rows)])
    outcome = pc.if_else(kept, table.column("outcome"), None)
    return table.set_column(place, "outcome", outcome)


def _known(table: pa.Table) -> pa.Array:
    return pc.is_valid(table.column("outcome"))
