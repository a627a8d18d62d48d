"""OpenDP's Polars context on the private group-by, at most ten rows of a person, public keys."""

import importlib
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figures, Trial
from benchmarks.peers.events import EPSILON, HIGH, LOW, MOST_ROWS, PLAIN, connect, figures
from benchmarks.setting import Setting


def trial(setting: Setting, path: Path) -> Trial:
    """Count and sum with the context's own truncation of each person's rows."""
    dp, pl = importlib.import_module("opendp.prelude"), importlib.import_module("polars")
    dp.enable_features("contrib")
    connection = connect(setting, path)
    table = connection.execute("select person, area, value::int as value from events")
    frame = pl.from_arrow(table.to_arrow_table())
    groups = int(setting.parameters["groups"])
    keys = pl.DataFrame({"area": list(range(groups))}, schema={"area": pl.Int32})
    last: list[Any] = []

    def run() -> object:
        context = dp.Context.compositor(
            data=frame.lazy(),
            privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("person")),
            privacy_loss=dp.loss_of(epsilon=EPSILON),
            split_evenly_over=1,
            margins=[dp.polars.Margin(by=[], max_length=setting.rows)],
        )
        value = pl.col("value").fill_null(0).dp.sum((LOW, HIGH))
        query = (
            context.query()
            .truncate_per_group(MOST_ROWS)
            .group_by("area")
            .agg(dp.len().alias("n"), value.alias("total"))
            .with_keys(keys)
        )
        last[:] = [query.release().collect()]
        return last[0]

    def found() -> Figures:
        released = last[0]
        areas = released["area"].to_list()
        counts = dict(zip(areas, released["n"].to_list(), strict=True))
        sums = dict(zip(areas, released["total"].to_list(), strict=True))
        return figures(connection, counts, sums, f"m = {MOST_ROWS}")

    return Trial(
        run=run, baseline=lambda: connection.execute(PLAIN).to_arrow_table(), figures=found
    )
