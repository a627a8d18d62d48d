"""Resampling weighs people, all rows of one alike, and the same for every option."""

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Encoding, Forces, LinearModel, Release, Scene
from sandbox.measures import outcome, resampling
from tests.sandbox.measured import raw_model


def test_replicates_are_paired_across_options(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        model = raw_model(forces)
        first = outcome.counts_of(forces, Release(artefact=model), seed=1)
        again = outcome.counts_of(forces, Release(artefact=model), seed=1)
        other = outcome.counts_of(forces, Release(artefact=model), seed=2)
        flat = LinearModel(
            encoding=model.encoding, intercept=-1.0, weights=(0.0,) * len(model.weights)
        )
        flattened = outcome.counts_of(forces, Release(artefact=flat), seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.allclose(first.sum(axis=-1), flattened.sum(axis=-1)), "the same people weigh alike"


def test_all_rows_of_a_person_weigh_alike(outcome_forces: Forces) -> None:
    class Peek:
        name = "peek"
        schema = pa.schema([("same", pa.bool_())])

        def observe(self, scene: object) -> pa.Table:
            weight = resampling.weights(scene, np.array([7, 8, 7]))  # type: ignore[arg-type]
            same = bool((weight[:, 0] == weight[:, 2]).all() and (weight[0] == 1).all())
            return pa.table({"same": [same and bool((weight[:, 0] != weight[:, 1]).any())]})

    with outcome_forces as forces:
        encoding = Encoding.features(forces.use_case, ("age",))
        release = Release(artefact=LinearModel(encoding=encoding, intercept=0.0, weights=(0.0,)))
        tables = forces.assess(Peek(), release, seed=3)
    assert all(table["same"][0].as_py() for table in tables.values())


def test_weights_are_the_same_however_many_are_held_at_a_time(
    outcome_forces: Forces, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    class Look:
        name = "look"
        schema = pa.schema([("x", pa.int64())])

        def observe(self, scene: Scene) -> pa.Table:
            units = np.array([3, 3, 7, 9, 9, 9])
            for held in (20_000_000, 1, 17):
                monkeypatch.setattr(resampling, "HELD", held)
                parts = [block for _, block in resampling.blocks(scene, units)]
                assert max(part.size for part in parts) <= max(held, len(units))
                seen.append(np.vstack(parts))
            return pa.table({"x": pa.array([], pa.int64())})

    with outcome_forces as forces:
        forces.assess(Look(), Release(artefact=raw_model(forces)), 1)
    whole, *others = seen[:3]
    assert whole.shape == (resampling.REPLICATES + 1, 6)
    assert all((each == whole).all() for each in others)
    assert (whole[:, 0] == whole[:, 1]).all(), "rows of one person weigh alike"
