"""The whole set of attacks on one release, as an assessment runs it, refits of the option included.

People are invented: twelve columns, in four forces that are held in memory.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    Option,
    PayloadKind,
    UseCase,
)
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.options.k_anonymity import KAnonymity
from minimisation.options.raw_pool import RawPool
from sandbox.attacks import suite
from sandbox.attacks.invented import EveryStep
from sandbox.attacks.row_store import RowStore
from sandbox.findings import Finding

NAME = "attack-set"
OPTIONS: dict[str, Option] = {"raw-pool": RawPool(), "k-anonymity": KAnonymity(k=5)}
NAMES = ("ashmere", "brackley", "coldharbour", "dunmoor")
HELD_OUT = 0.3
BASE_RATE = 0.2
PRIORS = tuple(f"prior{place}" for place in range(5))
LABELS = {
    "sex": ("female", "male"),
    "ethnicity": ("asian", "black", "other", "white"),
    "district": tuple(f"d{place:02d}" for place in range(27)),
    "religion": tuple("abcdefg"),
    "disability": tuple("wxyz"),
}
SENSITIVE = ("religion", "disability")
PROTECTED = ("sex", "ethnicity")


def generate(setting: Setting, path: Path) -> None:
    """Write invented people, one record each."""
    draft = path.with_name(f"draft-{path.name}")
    pq.write_table(people(setting.rows), draft)
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """Attack one release of the option with everything there is."""
    option = OPTIONS[setting.case]
    forces = forces_of(pq.read_table(path))
    with forces as opened:
        release = option.apply(opened, opened.use_case, np.random.default_rng(1))
    found: list[Finding] = []

    def attack() -> object:
        with forces as opened:
            found[:] = suite.findings(opened, release, 1, suite.FULL, refit=option)
        return found

    return Trial(run=attack, figures=lambda: {"attacks": len({each.attack for each in found})})


def forces_of(rows: pa.Table) -> Forces:
    """Four forces with a part of the people each; not yet opened."""
    use_case = twelve_columns()
    size = -(-rows.num_rows // len(NAMES))
    policy = Policy(
        use_cases=frozenset({use_case.name}), steps=EveryStep(), kinds=frozenset(PayloadKind)
    )
    members = tuple(
        Force(
            store=RowStore(force=name, rows=rows.slice(place * size, size)),
            policy=policy,
            ledger=Ledger(epsilon=100.0, delta=1e-3),
            secret=name.encode().ljust(32, b"."),
        )
        for place, name in enumerate(NAMES)
    )
    return Forces(members=members, use_case=use_case, split=Split(key="7", held_out=HELD_OUT))


def twelve_columns() -> UseCase:
    """A binary outcome with an age, five labels, five counts and the outcome itself."""
    edges = (18, 25, 40, 60)
    age = Column(name="age", role="quasi_identifier", domain=Bounds(low=10, high=90, edges=edges))
    labelled = [
        Column(
            name=name,
            role="sensitive_attribute" if name in SENSITIVE else "quasi_identifier",
            domain=Categories(values=values),
            protected=name in PROTECTED,
        )
        for name, values in LABELS.items()
    ]
    counts = [Column(name=name, role="other", domain=Bounds(low=0, high=5)) for name in PRIORS]
    target = Column(name="outcome", role="target", domain=Bounds(low=0, high=1), observed="after")
    person = Column(name="person_id", role="direct_identifier")
    return UseCase(
        name="twelve-columns",
        title="How long do attacks take?",
        purpose="benchmarks",
        unit="person",
        as_of=date(2024, 1, 1),
        table="person",
        columns=(person, age, *labelled, *counts, target),
        question=BinaryOutcome(target="outcome", features=("age", "sex", *PRIORS)),
        floor=Floor(measure="auc", value=0.6, direction="at_least"),
        business_as_usual=BusinessAsUsual(points={"prior0": {"per_unit": 1.0}}),
    )


def people(size: int) -> pa.Table:
    """Invented people, one record each: shape (size, 15)."""
    rng = np.random.default_rng(4)
    drawn = {name: rng.choice(values, size) for name, values in LABELS.items()}
    counts = {name: np.minimum(rng.geometric(0.5, size) - 1, 5) for name in PRIORS}
    return pa.table(
        {
            "record_id": pa.array(range(size), pa.int64()),
            "person_id": [f"SYN-{place:06d}" for place in range(size)],
            "linkage_token": [f"token-{place:06d}" for place in range(size)],
            "age": rng.integers(10, 91, size),
            **drawn,
            **counts,
            "outcome": pa.array(rng.random(size) < BASE_RATE, pa.int64()),
        }
    )


WORKLOAD = Workload(
    name=NAME,
    title="The whole set of attacks on one release",
    settings=tuple(
        Setting(
            workload=NAME,
            case=name,
            rows=rows,
            parameters={"columns": 12, "forces": len(NAMES)},
            data=f"attacked-{rows}.parquet",
            rank=rank,
            runs=1,
            seconds=100,
        )
        for rows, rank in ((5_000, 31), (50_000, 32))
        for name in OPTIONS
    ),
    trial=trial,
    generate=generate,
)
