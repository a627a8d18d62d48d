"""Joins that attacks are made of: unique and apparent matches, and nearest released rows."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.neighbors import NearestNeighbors

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from benchmarks.workloads.invented import LABELS, connected, table_sql
from sandbox.attacks.linkability import nearest
from sandbox.measures_synthetic.matches import apparent_matches, unique_exact_matches

NAME = "attack-joins"
UNIQUE, APPARENT, NEAREST = (
    "unique exact matches",
    "apparent matches",
    "nearest rows of 250 targets",
)
ANONYMETER = "singling out: Anonymeter"
QUASI = ("age", "sex", "ethnicity", "ward")
TARGETS = 250


def generate(setting: Setting, path: Path) -> None:
    """Write real people and as many released ones, half of them the same, as one Parquet file."""
    half = setting.rows // 2
    draft = path.with_name(f"draft-{path.name}")
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (select false as released, * from ({table_sql(setting.rows)})
            union all select true, * from ({table_sql(half)})
            union all select true, * from ({table_sql(setting.rows - half, seed=1)}))
            to '{draft}' (format parquet)"""
        )
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """Match or search, in turn with a plain DuckDB grouping or scikit-learn's search."""
    rows = pq.read_table(path, columns=["released", *LABELS])
    flags = np.asarray(rows.column("released"))
    target, released = (rows.filter(pa.array(flags == side)).select(LABELS) for side in (0, 1))
    if setting.case == NEAREST:
        return _nearest(target, released)
    columns = LABELS if setting.case == UNIQUE else QUASI
    connection = connected(setting, path, "stacked")
    grouped = f"select {', '.join(columns)}, count(*), sum(released::int) from stacked group by all"
    match = unique_exact_matches if setting.case == UNIQUE else apparent_matches

    def plain() -> object:
        return connection.execute(grouped).to_arrow_table()

    return Trial(run=lambda: match(target, released, columns), baseline=plain)


def _nearest(target: pa.Table, released: pa.Table) -> Trial:
    ours, theirs = _numbers(target.slice(0, TARGETS)), _numbers(released)
    rng = np.random.default_rng(1)

    def search() -> object:
        return NearestNeighbors(n_neighbors=1, metric="manhattan").fit(theirs).kneighbors(ours)

    return Trial(run=lambda: nearest(ours, theirs, rng), baseline=search)


def _numbers(table: pa.Table) -> np.ndarray:
    """Labels as numbers between 0 and 1, by their digits."""
    columns = []
    for name in LABELS:
        encoded = table.column(name).combine_chunks().dictionary_encode()
        digits = ["".join(filter(str.isdigit, label)) for label in encoded.dictionary.to_pylist()]
        values = np.array([float(each) for each in digits])
        columns.append((values / max(values.max(), 1.0))[encoded.indices.to_numpy()])
    return np.column_stack(columns)


def _setting(case: str, rows: int, rank: int, **more: object) -> Setting:
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        parameters={"columns": len(QUASI) if case == APPARENT else len(LABELS)},
        baseline="scikit-learn" if case == NEAREST else "plain DuckDB group by",
        data=f"pairs-{rows}.parquet",
        rank=rank,
        **more,  # type: ignore[arg-type]
    )


def _settings() -> tuple[Setting, ...]:
    found = [_setting(case, 10**5, 17, tier="quick") for case in (UNIQUE, APPARENT, NEAREST)]
    found += [_setting(case, 10**6, 19, seconds=30) for case in (UNIQUE, APPARENT, NEAREST)]
    found += [_setting(case, 10**7, 45, seconds=40) for case in (UNIQUE, APPARENT)]
    peer = {"environment": "anonymeter", "module": "benchmarks.peers.anonymeter_attacks"}
    found.append(_setting(ANONYMETER, 10**5, 36, seconds=30, **peer))
    return tuple(found)


WORKLOAD = Workload(
    name=NAME,
    title="Joins that attacks are made of",
    settings=_settings(),
    trial=trial,
    generate=generate,
)
