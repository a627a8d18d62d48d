"""Sections 5.2 and 5.13: how much data, about how many, for how long, and at what cost."""

from sandbox.pack.document import Block, Grid, Heading, grid, missing
from sandbox.pack.material import PROFILE, Material
from sandbox.report import formats, tables


def scale(material: Material) -> list[Block]:
    """5.2: columns, sensitive ones, and people."""
    case = material.case
    sensitive = [case.label(n) for n, c in case.columns.items() if c.category]
    what = formats.listed(sensitive) or "none declared"
    rows = [("Columns", f"{len(case.columns)}"), ("Columns of a stated category", what)]
    rows += _people_rows(material)
    return [
        grid("scale", "Scale", ("Item", "Entry"), rows, origin=PROFILE),
        *_if_unmeasured(material),
    ]


def _people_rows(material: Material) -> list[tuple[str, str]]:
    people = material.profile.get("people", {})
    unit = "People" if material.case.unit == "person" else "Records"
    return [(f"{unit}, banded", str(people.get("band", "not measured")))]


def _if_unmeasured(material: Material) -> list[Block]:
    return [] if material.profile else [missing("the number of people and rows", material.inquire)]


def volume(material: Material) -> list[Block]:
    """5.13: rows, months, areas, forces, and what the runs cost."""
    comparison, case = material.comparison, material.case
    blocks: list[Block] = []
    rows = _people_rows(material)
    data = material.profile
    rows += [
        ("Rows, banded", str(data.get("people", {}).get("rows_band", "not measured"))),
        ("Columns", f"{len(case.columns)}"),
        ("Months covered", str(data.get("months", "not measured"))),
        ("Areas covered", str(data.get("areas", "not measured"))),
        ("Forces", f"{len(material.header.forces)}"),
    ]
    blocks.append(grid("volume", "Volume", ("Item", "Entry"), rows, origin=PROFILE))
    blocks += _if_unmeasured(material)
    if comparison.answered:
        blocks.append(Grid(slug="cost", table=tables.cost(comparison), origin="runs"))
    blocks.append(Heading(text="The analytics core at scale"))
    return [*blocks, *_benchmarks(material)]


def _benchmarks(material: Material) -> list[Block]:
    rows = [
        (str(row.get("name", "")), str(row.get("rows", "")), str(row.get("seconds", "")), name)
        for name, content in material.benchmarks.items()
        for row in (content.get("results", []) if isinstance(content, dict) else [])
        if isinstance(row, dict)
    ]
    if not rows:
        return [missing("time and memory of each workload tier at scale", "sandbox bench")]
    return [
        grid(
            "benchmarks",
            "Cost per workload tier",
            ("Workload", "Rows", "Seconds", "Result file"),
            rows,
            origin="benchmarks",
        )
    ]
