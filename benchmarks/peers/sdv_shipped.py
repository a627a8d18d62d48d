"""SDV's Gaussian copula as shipped: metadata detected, transformers chosen, rows drawn."""

import importlib
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measuring import Trial
from benchmarks.peers.pairs import NAMES, apart
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Fit and draw as many rows."""
    pa = importlib.import_module("pyarrow")
    metadata_of = importlib.import_module("sdv.metadata").Metadata.detect_from_dataframes
    copula = importlib.import_module("sdv.single_table").GaussianCopulaSynthesizer
    with duckdb.connect() as connection:
        real = connection.execute(f"select {', '.join(NAMES)} from '{path}'").to_arrow_table()
    frame = real.to_pandas()
    last: list[Any] = []

    def run() -> object:
        metadata = metadata_of({"records": frame})
        synthesizer = copula(metadata)
        synthesizer.fit({"records": frame})
        last[:] = [synthesizer.sample(setting.rows)["records"]]
        return last[0]

    def figures() -> dict[str, float | int | str]:
        return {"pairs apart": apart(real, pa.Table.from_pandas(last[0], preserve_index=False))}

    return Trial(run=run, figures=figures)
