"""Anonymeter's multivariate singling out on the attack joins' tables."""

import importlib
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measuring import Trial
from benchmarks.setting import Setting

ATTACKS = 200
MOST_ATTEMPTS = 20_000


def trial(setting: Setting, path: Path) -> Trial:
    """Evaluate with as many predicates as the sandbox's own trial makes in a force."""
    evaluators = importlib.import_module("anonymeter.evaluators")
    connection = duckdb.connect(config={"threads": setting.threads})
    chosen = "select * exclude (released, person) from"
    ori, syn = (
        connection.execute(f"{chosen} '{path}' where {side}").df()
        for side in ("not released", "released")
    )
    last: list[Any] = []

    def run() -> object:
        evaluator = evaluators.SinglingOutEvaluator(
            ori=ori, syn=syn, n_attacks=ATTACKS, n_cols=4, max_attempts=MOST_ATTEMPTS
        )
        evaluator.evaluate(mode="multivariate")
        last[:] = [evaluator.results()]
        return last[0]

    grouped = f"select * exclude (released, person), count(*) from '{path}' group by all"
    return Trial(
        run=run,
        baseline=lambda: connection.execute(grouped).to_arrow_table(),
        figures=lambda: {"attacks": ATTACKS, "success rate": float(last[0].attack_rate.value)},
    )
