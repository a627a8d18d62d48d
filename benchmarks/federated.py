"""What federated learning costs in usefulness and in time: private, and in trees.

    python -m benchmarks.federated --demo FOLDER --shared ../shared/data --repeats 5

Parameters are the options' defaults; those of private training were tuned on the demonstration's
seed 1, and figures are for seed 2 and for public files split into forces by one of their columns. A
loss is the pooled model's AUC less the option's, on the same held-out people and the same bootstrap
weights; its interval covers people and repeats, resampled together.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.federated_sets import adult, compas, demo
from benchmarks.setting import Setting
from benchmarks.workloads import federated_rounds
from federated import (
    FederatedForest,
    FederatedNewton,
    FederatedOneShot,
    FederatedPrivate,
    FederatedTrees,
)
from federated.grid import in_process
from minimisation import Forces, Option, Release
from sandbox.ceiling import PooledCeiling
from sandbox.measures import outcome, ranking

Array = np.ndarray[Any, np.dtype[np.float64]]


def areas(forces: Forces, release: Release) -> Array:
    """AUC on held-out people, observed and in bootstrap replicates, shape (replicates + 1,)."""
    found: Array = ranking.auc(outcome.counts_of(forces, release, 1))
    return found


def measure(forces: Forces, option: Option, repeats: int) -> dict[str, Any]:
    """What an option's model loses against the pooled one.

    Args:
        forces: opened.
        option: a way to fit a model.
        repeats: how often noise is drawn anew.
    """
    case, rng = forces.use_case, np.random.default_rng(1)
    pooled = areas(forces, PooledCeiling().apply(forces, case, rng))
    runs = np.stack([areas(forces, option.apply(forces, case, rng)) for _ in range(repeats)])
    lost = pooled - runs
    drawn = rng.integers(repeats, size=(lost.shape[1] - 1, repeats))
    spread = lost[drawn, np.arange(1, lost.shape[1])[:, None]].mean(axis=1)
    low, high = np.percentile(spread, [2.5, 97.5])
    return {
        "option": option.name,
        "epsilon": getattr(option, "epsilon", None),
        "forces": len(forces.names),
        "pooled_auc": round(float(pooled[0]), 4),
        "auc": round(float(runs[:, 0].mean()), 4),
        "worst_auc": round(float(runs[:, 0].min()), 4),
        "lost": round(float(lost[:, 0].mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "repeats": repeats,
    }


def newton_seconds(
    forces: int = 9, people: int = 100_000, coefficients: int = 20
) -> dict[str, Any]:
    """Seconds of masked Newton's method over forces in one process, people encoded beforehand.

    Args:
        forces: how many.
        people: of each force.
        coefficients: of the model.
    """
    setting = Setting(
        workload=federated_rounds.NAME,
        case=federated_rounds.IN_PROCESS,
        rows=forces * people,
        parameters={"forces": forces, "parameters": coefficients},
    )
    option = FederatedNewton()
    with federated_rounds.forces_of(setting) as opened:
        taken = []
        for _ in range(2):
            began, worked = time.perf_counter(), time.process_time()
            fit = option.fit(in_process(opened), opened.use_case, opened.names)
            taken.append((time.perf_counter() - began, time.process_time() - worked))
    (first, first_work), (again, again_work) = taken
    return {
        "option": option.name,
        "forces": forces,
        "people": forces * people,
        "rounds": fit.rounds,
        "seconds": round(first, 2),
        "processor_seconds": round(first_work, 2),
        "seconds_encoded": round(again, 2),
        "processor_seconds_encoded": round(again_work, 2),
    }


def options_at(epsilon: float) -> tuple[Option, ...]:
    """Private ways to fit the model."""
    return (FederatedPrivate(epsilon=epsilon), FederatedOneShot(epsilon=epsilon))


def main(say: Callable[[str], object] = sys.stdout.write) -> None:
    """Print one JSON line per data set, option and epsilon, and one of seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--demo", type=Path, help="folder for invented data")
    parser.add_argument("--people", type=int, default=60_000, help="of the invented data")
    parser.add_argument("--shared", type=Path, help="folder of public files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="name of one data set, or `newton`")
    asked = parser.parse_args()
    made: dict[str, tuple[Callable[[], Forces], tuple[float, ...]]] = {}
    if asked.demo is not None:
        made["serious-violence"] = (lambda: demo(asked.demo, people=asked.people), (1.0,))
    if asked.shared is not None:
        made["adult"] = (lambda: adult(asked.shared / "adult.parquet"), (1.0,))
        path = asked.shared / "compas_two_years.parquet"
        made["compas"] = (lambda: compas(path), (1.0, 4.0, 8.0))
    if asked.only in (None, "newton"):
        say(json.dumps(newton_seconds()) + "\n")
    for name, (opening, budgets) in made.items():
        if asked.only not in (None, name):
            continue
        with opening() as forces:
            for together in (*map(options_at, budgets), (FederatedTrees(), FederatedForest())):
                for each in together:
                    repeats = asked.repeats if hasattr(each, "epsilon") else 1
                    say(json.dumps({"data": name} | measure(forces, each, repeats)) + "\n")


if __name__ == "__main__":
    main()
