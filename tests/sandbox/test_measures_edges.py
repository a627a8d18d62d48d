"""Measures where data is awkward: unknown outcomes, forces without people, ties, held rows."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    Encoding,
    Forces,
    Held,
    LinearModel,
    Microdata,
    Payload,
    Premises,
    Release,
    UseCase,
    no_payload,
)
from minimisation.options.raw_pool import RawPool
from sandbox.assessment import assess_release
from sandbox.findings import Finding
from sandbox.measures import outcome, ranking

OpenForces = Callable[..., Forces]
Records = dict[str, pa.Table]


def assessed(forces: Forces, release: Release) -> dict[tuple[str, str], Finding]:
    return {(f.measure, f.group): f for f in assess_release(forces, release, seed=1)}


def test_people_whose_outcome_is_unknown_are_left_out(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    def with_gaps(table: pa.Table) -> pa.Table:
        labels = table.column("outcome").to_pylist()
        labels[::5] = [None] * len(labels[::5])
        place = table.column_names.index("outcome")
        return table.set_column(place, "outcome", pa.array(labels, pa.int64()))

    records = {name: with_gaps(table) for name, table in outcome_records.items()}
    with open_forces(outcome_use_case, records) as forces:
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = assessed(forces, release)
        model = LinearModel(
            encoding=Encoding.features(forces.use_case, ("age",)), intercept=0.0, weights=(1.0,)
        )
        counts = outcome.counts_of(forces, Release(artefact=model), seed=1)
        known = sum(
            force._people(members=False).filter("outcome is not null").shape[0] for force in forces
        )
    assert counts[0].sum() == known
    assert found["auc", ""].value is not None


def test_a_force_in_which_nobody_is_held_out_adds_nothing(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: Records
) -> None:
    tiny = outcome_records["ashmere"].slice(0, 1)
    with open_forces(outcome_use_case, outcome_records | {"tiny": tiny}) as forces:
        held = [force._people(members=False).shape[0] for force in forces]
        release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
        found = assessed(forces, release)
    assert held[-1] == 0
    assert found["auc", ""].value is not None
    assert found["membership_auc", ""].value == 1.0


@pytest.mark.parametrize("link", ["points", "logit"])
def test_a_list_that_ends_within_a_tie_flags_its_share_all_the_same(
    outcome_forces: Forces, link: str
) -> None:
    # There are two scores: no cut between them is near the top 5 %.
    with outcome_forces as forces:
        encoding = Encoding.features(forces.use_case, ("sex",))
        rule = LinearModel(encoding=encoding, intercept=0.0, weights=(1.0,), link=link)
        found = assessed(forces, Release(artefact=rule))
        counts = outcome.counts_of(forces, Release(artefact=rule), seed=1)
    everyone = counts[0].sum()
    place, part = ranking.cut(np.asarray(counts[0]), 0.05)
    flagged = counts[0][:, place + 1 :].sum() + part * counts[0][:, place].sum()
    assert flagged == pytest.approx(0.05 * everyone)
    men = found["flag_rate", "sex=male"].value
    assert men is not None
    assert men > 0.05
    assert found["flag_rate", "sex=female"].value == 0.0


def test_rows_that_every_force_holds_are_analysed_where_they_are(outcome_forces: Forces) -> None:
    class HoldRows:
        name = "hold-rows"

        def sends(self, use_case: UseCase) -> Payload:
            del use_case
            return no_payload()

        def run(self, premises: Premises) -> pa.Table:
            premises.hold("own-rows", Microdata(table=premises.query("select * from people")))
            return no_payload().schema.empty_table()

    with outcome_forces as forces:
        forces.ask(HoldRows()).complete()
        found = assessed(forces, Release(artefact=Held(key="own-rows")))
    assert found["auc", ""].value is not None
    assert found["auc", ""].value > 0.55
