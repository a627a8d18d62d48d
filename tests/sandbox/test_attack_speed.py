"""The whole attack set on 50,000 people and twelve columns stays within a minute."""

import time
from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    UseCase,
)
from minimisation.options.k_anonymity import KAnonymity
from sandbox.attacks import (
    attribute_inference,
    audit,
    linkability,
    outside_match,
    singling_out,
    verdict,
)

PRIORS = tuple(f"prior{i}" for i in range(5))

LABELS = {
    "sex": ("female", "male"),
    "ethnicity": ("asian", "black", "other", "white"),
    "district": tuple(f"d{i:02d}" for i in range(27)),
    "religion": tuple("abcdefg"),
    "disability": tuple("wxyz"),
}


def twelve_columns() -> UseCase:
    roles = {"religion": "sensitive_attribute", "disability": "sensitive_attribute"}
    age = Column(
        name="age", role="quasi_identifier", domain=Bounds(low=10, high=90, edges=(18, 25, 40, 60))
    )
    listed = [
        Column(
            name=name,
            role=roles.get(name, "quasi_identifier"),  # type: ignore[arg-type]
            domain=Categories(values=values),
            protected=name in ("sex", "ethnicity"),
        )
        for name, values in LABELS.items()
    ]
    counts = [Column(name=name, role="other", domain=Bounds(low=0, high=5)) for name in PRIORS]
    target = Column(name="outcome", role="target", domain=Bounds(low=0, high=1), observed="after")
    return UseCase(
        name="twelve-columns",
        title="How long do attacks take?",
        purpose="testing",
        unit="person",
        as_of=date(2024, 1, 1),
        table="person",
        columns=(Column(name="person_id", role="direct_identifier"), age, *listed, *counts, target),
        question=BinaryOutcome(target="outcome", features=("age", "sex", *PRIORS)),
        floor=Floor(measure="auc", value=0.6, direction="at_least"),
        business_as_usual=BusinessAsUsual(points={"prior0": {"per_unit": 1.0}}),
    )


def people(size: int) -> pa.Table:
    rng = np.random.default_rng(4)
    drawn = {name: rng.choice(values, size) for name, values in LABELS.items()}
    counts = {name: np.minimum(rng.geometric(0.5, size) - 1, 5) for name in PRIORS}
    return pa.table(
        {
            "record_id": pa.array(range(size), pa.int64()),
            "person_id": [f"SYN-{i:06d}" for i in range(size)],
            "linkage_token": [f"token-{i:06d}" for i in range(size)],
            "age": rng.integers(10, 91, size),
            **drawn,
            **counts,
            "outcome": pa.array(rng.random(size) < 0.2, pa.int64()),
        }
    )


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        pytest.param(2_000, 30, id="sample"),
        pytest.param(50_000, 60, id="all", marks=pytest.mark.full),
    ],
)
def test_all_attacks_on_one_option_stay_within_a_minute_of_processor_time(
    open_forces: Callable[..., Forces], size: int, seconds: float
) -> None:
    with open_forces(twelve_columns(), {"ashmere": people(size)}) as forces:
        release = KAnonymity(k=5).apply(forces, forces.use_case, np.random.default_rng(1))
        start = time.process_time()
        for attack in (
            verdict,
            attribute_inference,
            singling_out,
            linkability,
            outside_match,
            audit,
        ):
            found = attack.findings(forces, release, seed=1)
            assert found[0].value is not None, found[0].note
        assert time.process_time() - start < seconds
