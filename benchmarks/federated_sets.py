"""Data sets for federated learning: the demonstration's forces, and public files split into forces.

A public file is split by one of its columns, which is then no feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
    Categories,
    Column,
    Floor,
    Forces,
    PayloadKind,
    UseCase,
)
from minimisation.forces.analysis import Split
from minimisation.forces.boundary import Force
from minimisation.forces.ledger import Ledger
from minimisation.forces.policy import Policy
from minimisation.forces.store import Store
from sandbox.study import EveryStep, Study
from sandbox.use_case_files import load

TUNED, REPORTED = 1, 2
"""Seeds of the demonstration: parameters are tuned on one, figures are reported for the other."""

PLAN = """\
title = "Federated learning (SYNTHETIC)"
use_case = "serious-violence"
repeats = 1
seed = 1
held_out = 0.3

[data]
status = "demo"

[data.demo]
people = {people}
seed = {seed}
"""

SMALL = ("Protective-serv", "Priv-house-serv", "Armed-Forces")
"""Occupations of fewer than a thousand people, which make up one force together."""


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """A store of invented or public records, which nothing needs to protect."""

    force: str
    """Name of the force."""
    records: pa.Table
    """Its records."""

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection with the records on it."""
        connection = duckdb.connect()
        connection.execute("set threads = 1")
        connection.register("incoming", self.records)
        connection.execute("create table records as select * from incoming")
        connection.unregister("incoming")
        return connection


def demo(folder: Path, *, people: int = 60_000, seed: int = REPORTED) -> Forces:
    """The demonstration's nine forces and its question about serious violence."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / f"federated-{people}-{seed}.toml"
    plan.write_text(PLAN.format(people=people, seed=seed), "utf-8")
    study = Study(plan_path=plan, workspace=folder / f"workspace-{people}-{seed}")
    return forces_of(tuple(study.stores.values()), study.plan.use_case)


def adult(path: Path) -> Forces:
    """UCI Adult: does income exceed 50,000 dollars? Thirteen forces by occupation."""
    sql = f"""select row_id as record_id, age, education_num, hours_per_week, capital_gain,
        capital_loss, sex, coalesce(workclass, 'unknown') as workclass, marital_status,
        cast(income = '>50K' as bigint) as rich,
        case when occupation is null then 'unknown' when occupation in {SMALL} then 'other'
        else occupation end as force_name from '{path}'"""
    return forces_of(_split(sql), adult_case())


def compas(path: Path) -> Forces:
    """COMPAS, two years: a new arrest? Four forces by the half-year of the screening."""
    case = load("reoffending").value()
    kept = ", ".join(f'"{column.name}"' for column in case.columns)
    half = "case when month(compas_screening_date) <= 6 then 'first' else 'second' end"
    sql = f"""select row_number() over () as record_id, id as person_id,
        cast(id as varchar) as linkage_token, {kept},
        year(compas_screening_date) || '-' || {half} as force_name from '{path}'"""
    return forces_of(_split(sql), case)


def adult_case() -> UseCase:
    """Public facts about the columns of UCI Adult, from its documentation."""
    work = "Private Self-emp-not-inc Self-emp-inc Federal-gov Local-gov State-gov Without-pay"
    marital = "Married-civ-spouse Married-AF-spouse Married-spouse-absent Divorced Never-married"
    bounded = {
        "age": Bounds(low=17, high=90, edges=(25, 35, 45, 55, 65)),
        "education_num": Bounds(low=1, high=16, edges=(9, 10, 13, 14)),
        "hours_per_week": Bounds(low=1, high=99, edges=(35, 41, 50)),
        "capital_gain": Bounds(low=0, high=100_000, edges=(1, 5_000, 10_000)),
        "capital_loss": Bounds(low=0, high=5_000, edges=(1, 1_500, 2_000)),
    }
    labels = {
        "sex": ("Female", "Male"),
        "workclass": (*work.split(), "Never-worked", "unknown"),
        "marital_status": (*marital.split(), "Separated", "Widowed"),
    }
    features = (*bounded, *labels)
    return UseCase(
        name="adult",
        title="Does income exceed 50,000 dollars?",
        purpose="benchmark",
        unit="record",
        as_of=date(1994, 1, 1),
        table="person",
        columns=(
            *(Column(name=n, role="other", domain=domain) for n, domain in bounded.items()),
            *(Column(name=n, role="other", domain=Categories(values=v)) for n, v in labels.items()),
            Column(name="rich", role="target", domain=Bounds(low=0, high=1), observed="after"),
        ),
        question=BinaryOutcome(target="rich", features=features),
        floor=Floor(measure="auc", value=0.7, direction="at_least"),
        business_as_usual=BusinessAsUsual(points={"education_num": {"per_unit": 1.0}}),
    )


def forces_of(stores: Sequence[Store], case: UseCase, *, epsilon: float = 1e6) -> Forces:
    """Forces that permit every step; three in ten people are held out."""
    policy = Policy(
        use_cases=frozenset({case.name}), steps=EveryStep(), kinds=frozenset(PayloadKind)
    )
    members = tuple(
        Force(
            store=store,
            policy=policy,
            ledger=Ledger(epsilon=epsilon, delta=0.5),
            secret=store.force.encode().ljust(32, b".")[:32],
        )
        for store in stores
    )
    return Forces(members=members, use_case=case, split=Split(key="1", held_out=0.3))


def _split(sql: str) -> list[InMemory]:
    with duckdb.connect() as connection:
        connection.execute(f"create table split as {sql}")
        found = connection.execute("select distinct force_name from split order by 1").fetchall()
        return [
            InMemory(
                force=name.lower(),
                records=connection.execute(
                    "select * exclude (force_name) from split where force_name = ?", [name]
                ).to_arrow_table(),
            )
            for (name,) in found
        ]
