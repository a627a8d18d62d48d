"""A federated round: averaging over forces in one process, on nodes of their own, and under Ray.

One run is one whole training; figures give the seconds of a round. In process every message passes
the force's boundary, encoded as it would be on the wire.
"""

import atexit
import contextlib
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from benchmarks.synthesis import InMemory
from benchmarks.workloads import options
from federated import FederatedAveraging
from federated.grid import in_process
from minimisation import (
    BinaryOutcome,
    Bounds,
    BusinessAsUsual,
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
from sandbox.study import EveryStep

NAME = "federated-rounds"
ROUNDS = 3
IN_PROCESS, RAY, DEPLOYED = "in process", "Flower's Ray simulation", "deployed, TLS and node keys"


def use_case(parameters: int) -> UseCase:
    """A yes-or-no outcome of so many numbers, less the intercept."""
    names = tuple(f"x{place}" for place in range(parameters - 1))
    return UseCase(
        name="benchmark",
        title="How long does a round take?",
        purpose="benchmark",
        unit="record",
        as_of=date(2024, 1, 1),
        table="person",
        columns=(
            *(Column(name=name, role="other", domain=Bounds(low=0, high=1)) for name in names),
            Column(name="outcome", role="target", domain=Bounds(low=0, high=1), observed="after"),
        ),
        question=BinaryOutcome(target="outcome", features=names),
        floor=Floor(measure="auc", value=0.6, direction="at_least"),
        business_as_usual=BusinessAsUsual(points={names[0]: {"per_unit": 1.0}}),
    )


def people(rows: int, parameters: int, seed: int) -> pa.Table:
    """Invented people of one force."""
    rng = np.random.default_rng(seed)
    numbers = rng.random((rows, parameters - 1))
    columns = {f"x{place}": numbers[:, place] for place in range(parameters - 1)}
    outcome = rng.random(rows) < numbers.mean(axis=1)
    return pa.table({"record_id": np.arange(rows), **columns, "outcome": outcome.astype(float)})


def forces_of(setting: Setting) -> Forces:
    """So many forces with equal shares of the rows, not opened yet."""
    count, size = (int(setting.parameters[name]) for name in ("forces", "parameters"))
    case = use_case(size)
    policy = Policy(
        use_cases=frozenset({case.name}),
        steps=EveryStep(),
        kinds=frozenset(PayloadKind),
        minimum_contributors=1,
    )
    members = tuple(
        Force(
            store=InMemory(force=f"force{each}", records=people(setting.rows // count, size, each)),
            policy=policy,
            ledger=Ledger(epsilon=1.0, delta=1e-6),
            secret=b"benchmark".ljust(32, b"."),
        )
        for each in range(count)
    )
    return Forces(members=members, use_case=case, split=Split(key="1", held_out=0.0), workers=1)


def trial(setting: Setting, path: Path) -> Trial:
    """Train for some rounds, in turn with the same descent on everybody's rows in NumPy."""
    del path
    option = FederatedAveraging(rounds=ROUNDS, epochs=1, batch_size=256)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)  # open until this process ends
    forces = stack.enter_context(forces_of(setting))
    everybody = people(setting.rows, int(setting.parameters["parameters"]), 0)
    features = np.column_stack([everybody.column(name) for name in everybody.column_names[1:-1]])
    outcome = np.asarray(everybody.column("outcome"))

    def pooled() -> object:
        from federated.averaging import LocalEpochs  # noqa: PLC0415 - the baseline only

        step = LocalEpochs(epochs=1, learning_rate=0.3, batch_size=256, seed=1)
        rng, found = np.random.default_rng(1), np.zeros(features.shape[1] + 1)
        for _ in range(ROUNDS):
            found = step.descend(features, outcome, found, rng)
        return found

    return Trial(
        run=lambda: option.fit(in_process(forces), forces.use_case, 1),
        baseline=pooled,
        figures=lambda: {"rounds": ROUNDS},
    )


def _setting(case: str, rows: int, forces: int, parameters: int, **more: object) -> Setting:
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        **{"seconds": 20} | more,  # type: ignore[arg-type]
        parameters={"forces": forces, "parameters": parameters},
        baseline="the same descent on pooled rows in NumPy",
    )


def _settings() -> tuple[Setting, ...]:
    ray = {
        "environment": "flower-ray",
        "module": "benchmarks.peers.flower_ray",
        "seconds": 40,
        "rank": 28,
    }
    found = [_setting(IN_PROCESS, 9_000, 9, 10, tier="quick", rank=18)]
    found += [_setting(IN_PROCESS, 9_000, forces, 10, rank=41) for forces in (3, 43)]
    found += [_setting(IN_PROCESS, rows, 9, 10, rank=41) for rows in (90_000, 900_000)]
    found += [_setting(IN_PROCESS, 9_000, 9, size, rank=41) for size in (100, 1000)]
    found.append(_setting(RAY, 9_000, 9, 10, **ray))
    return (*found, _deployed())


def _deployed() -> Setting:
    """On the demonstration's smallest stores, as many forces as this machine has room for."""
    return Setting(
        workload=NAME,
        case=DEPLOYED,
        rows=options.SMALLEST,
        parameters={"forces": 3},
        baseline="the same training in one process",
        data=f"demo-{options.SMALLEST}",
        module="benchmarks.workloads.deployed_rounds",
        rank=28,
        runs=2,
        seconds=100,
    )


WORKLOAD = Workload(
    name=NAME,
    title="Federated training, three rounds",
    settings=_settings(),
    trial=trial,
    generate=options.generate,
)
