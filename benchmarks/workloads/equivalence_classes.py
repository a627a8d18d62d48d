"""k-anonymity: class sizes of generalised rows, full-domain generalisation, and the whole option.

"Same generalisation" means same: pyCANON measures the very table that is measured here, and
anjana climbs the same hierarchies by the same rule to the same k with the same rows suppressed.
"""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from benchmarks.workloads.invented import connected, table_sql
from minimisation.options import mondrian
from minimisation.statistics.disclosure import risk

NAME = "k-anonymity"
KEYS = ("age", "sex", "ethnicity", "ward")
K = 5
LARGE_K = 50
"""Where generalisation is timed: large enough that 1 million rows need some."""
SUPPRESSED = 0.01
"""Largest share of rows that generalisation may suppress."""
MEASURED = "k of a generalised table"
GENERALISED = "generalise, suppress and check k"
OPTION = "Mondrian partition"
PYCANON, ANJANA = f"{MEASURED}: pyCANON", f"{GENERALISED}: anjana"


def generate(setting: Setting, path: Path) -> None:
    """Write people with text labels, as Parquet."""
    draft = path.with_name(f"draft-{path.name}")
    with duckdb.connect() as connection:
        connection.execute(f"copy ({table_sql(setting.rows)}) to '{draft}' (format parquet)")
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """One of the three operations, in turn with DuckDB's plain grouping by the same keys."""
    people = pq.read_table(path, read_dictionary=[*KEYS, "religion"])
    connection = connected(setting, path)
    grouped = f"select {', '.join(KEYS)}, count(*) from people group by all"

    def plain() -> object:
        return connection.execute(grouped).to_arrow_table()

    if setting.case == OPTION:
        points = _points(people)
        units = np.arange(setting.rows)
        spans = np.array([79.0, 1.0, 4.0, 63.0])
        last: list[np.ndarray] = []

        def partition() -> object:
            last[:] = [mondrian.classes(points, units, spans, K)]
            return last

        return Trial(
            run=partition,
            baseline=plain,
            figures=lambda: {"k": K, "classes": int(last[0].max()) + 1},
        )
    if setting.case == GENERALISED:
        kept: list[pa.Table] = []

        def generalise() -> object:
            kept[:] = [generalised(people, LARGE_K, SUPPRESSED)]
            return kept

        return Trial(run=generalise, baseline=plain, figures=lambda: _figures(kept[0], people))
    measured = recoded(people, "age", hierarchies()["age"][0])
    return Trial(
        run=lambda: risk.frequencies(measured, KEYS).k,
        baseline=plain,
        figures=lambda: {"k": risk.frequencies(measured, KEYS).k},
    )


def _figures(kept: pa.Table, people: pa.Table) -> dict[str, float | int | str]:
    shown = {name: len(kept.column(name).unique()) for name in KEYS}
    labels = ", ".join(f"{name} {count}" for name, count in shown.items())
    return {"k": LARGE_K, "rows kept": kept.num_rows / people.num_rows, "labels": labels}


def hierarchies() -> dict[str, list[dict[str, str]]]:
    """Column → its levels: label of the level below → label of this one. As given to the peer."""
    ages, wards = [str(age) for age in range(10, 90)], [f"w{ward:02}" for ward in range(64)]
    fives = {age: str(int(age) // 5 * 5) for age in ages}
    twenties = {low: f"{int(low) // 20 * 20}+" for low in fives.values()}
    districts = {ward: f"d{int(ward[1:]) // 8}" for ward in wards}
    regions = {district: f"r{int(district[1:]) // 4}" for district in districts.values()}
    return {"age": [fives, twenties], "ward": [districts, regions]}


def recoded(people: pa.Table, name: str, step: dict[str, str]) -> pa.Table:
    """One column a level up: the labels are recoded, not the rows."""
    coded = people.column(name).combine_chunks()
    above = [step[label] for label in coded.dictionary.to_pylist()]
    labels = pa.array(sorted(set(above)))
    places = pc.index_in(pa.array(above), labels).take(coded.indices)
    column = pa.DictionaryArray.from_arrays(places, labels)
    return people.set_column(people.column_names.index(name), name, column)


def generalised(people: pa.Table, k: int, most: float) -> pa.Table:
    """Rows a level up at a time until classes below k hold few enough rows; those go.

    Args:
        people: rows with dictionary-coded keys.
        k: fewest rows of a class.
        most: largest share of rows that may be suppressed.
    """
    levels = {name: list(steps) for name, steps in hierarchies().items()}
    while True:
        small = risk.frequencies(people, KEYS).fewer_than(k)
        if small.mean() <= most or not levels:
            return people.filter(pa.array(~small))
        # as Datafly and anjana do: the column with most labels goes first
        name = max(levels, key=lambda each: len(people.column(each).chunk(0).dictionary))
        people = recoded(people, name, levels[name].pop(0))
        levels = {each: steps for each, steps in levels.items() if steps}


def _points(people: pa.Table) -> mondrian.Points:
    columns = []
    for name in KEYS:
        coded = people.column(name).combine_chunks()
        order = np.argsort(np.argsort(np.array(coded.dictionary.to_pylist())))
        columns.append(order[coded.indices.to_numpy()].astype(float))
    return np.column_stack(columns)


def _setting(case: str, rows: int, rank: int, **more: object) -> Setting:
    return Setting(
        workload=NAME,
        case=case,
        rows=rows,
        parameters={
            "k": LARGE_K if case.startswith(GENERALISED) else K,
            "quasi-identifiers": len(KEYS),
        },
        baseline="plain DuckDB group by",
        data=f"people-{rows}.parquet",
        rank=rank,
        **more,  # type: ignore[arg-type]
    )


def _settings() -> tuple[Setting, ...]:
    peer = {"module": "benchmarks.peers.pycanon_anjana", "environment": "pycanon"}
    found = []
    for case in (MEASURED, GENERALISED):
        found += [_setting(case, rows, 13, tier="quick") for rows in (10**5, 10**6)]
        found.append(_setting(case, 10**7, 14))
    for case in (PYCANON, ANJANA):
        tier = "quick" if case == PYCANON else "full"
        found.append(_setting(case, 10**5, 15, tier=tier, **peer))
        found.append(_setting(case, 10**6, 15, seconds=75, **peer))
    found += [
        _setting(OPTION, 10**5, 16, tier="quick", seconds=20),
        _setting(OPTION, 10**6, 34, seconds=40),
    ]
    return tuple(found)


WORKLOAD = Workload(
    name=NAME,
    title="k-anonymity and equivalence classes",
    settings=_settings(),
    trial=trial,
    generate=generate,
)
