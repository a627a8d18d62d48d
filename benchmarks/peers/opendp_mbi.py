"""OpenDP's synthesisers on `mbi` as shipped: Fixed on a chain of pairs, AIM with ten rounds."""

import importlib
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measuring import Trial
from benchmarks.peers.pairs import NAMES, SIZES, apart
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Release a contingency table at the budget of the private options, and draw from it."""
    dp, pl = importlib.import_module("opendp.prelude"), importlib.import_module("polars")
    dp.enable_features("contrib")
    with duckdb.connect() as connection:
        real = connection.execute(f"select {', '.join(NAMES)} from '{path}'").to_arrow_table()
    rho = float(setting.parameters["rho"])
    keys = {
        name: [str(label) for label in range(size)] for name, size in zip(NAMES, SIZES, strict=True)
    }
    last: list[Any] = []

    def run() -> object:
        if "AIM" in setting.case:
            pairs = [dp.mbi.Count(by=pair) for pair in combinations(NAMES, 2)]
            algorithm = dp.mbi.AIM(queries=pairs, rounds=10)
        else:
            chain = [dp.mbi.Count(by=NAMES[at : at + 2]) for at in range(9)]
            algorithm = dp.mbi.Fixed(queries=chain)
        context = dp.Context.compositor(
            data=pl.from_arrow(real).lazy(),
            privacy_unit=dp.unit_of(contributions=1),
            privacy_loss=dp.loss_of(rho=rho),
        )
        query = context.query(rho=rho).contingency_table(keys=keys, algorithm=algorithm)
        last[:] = [query.release().synthesize().to_arrow()]
        return last[0]

    return Trial(run=run, figures=lambda: {"pairs apart": apart(real, last[0])})
