"""OpenDP's Polars context with the bounds of the ad hoc form: g groups of a person, r rows in each.

    PYTHON-WITH-opendp[polars] benchmarks/peers/opendp_polars.py TABLE GROUPS ROWS RUNS

Runs on the table that `benchmarks.private_queries` makes and prints JSON. Groups are kept by first
appearance: the context's own random choice fails with polars 1.36 ("multiple fields with name").
"""

import importlib
import json
import resource
import sys
import time

CELLS, LOW, HIGH, EPSILON = 1_887, 0, 100, 1.0


def main() -> None:
    """Read the table into memory, then time the release alone."""
    path, groups, rows, runs = sys.argv[1], *map(int, sys.argv[2:5])
    dp, pl = importlib.import_module("opendp.prelude"), importlib.import_module("polars")
    dp.enable_features("contrib")
    connection = importlib.import_module("duckdb").connect(path, read_only=True)
    statement = "select person, area::int as area, value::int as value from events"
    frame = pl.from_arrow(connection.execute(statement).to_arrow_table())
    connection.close()
    keys = pl.DataFrame({"area": list(range(CELLS))}, schema={"area": pl.Int32})
    seconds, processor = [], []
    for _ in range(runs):
        wall, used = time.perf_counter(), time.process_time()
        context = dp.Context.compositor(
            data=frame.lazy(),
            privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("person")),
            privacy_loss=dp.loss_of(epsilon=EPSILON),
            split_evenly_over=1,
            margins=[dp.polars.Margin(by=[], max_length=frame.height)],
        )
        total = pl.col("value").fill_null(0).dp.sum((LOW, HIGH)).alias("total")
        query = context.query().truncate_num_groups(groups, by=["area"], keep="first")
        query = query.truncate_per_group(rows, by=["area"]).group_by("area")
        query.agg(dp.len().alias("n"), total).with_keys(keys).release().collect()
        seconds.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    found = {"seconds": min(seconds), "processor": min(processor), "peak_gb": peak}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
