"""The page of benchmarks: plots and tables from result files alone, in the report's style."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from benchmarks.catalogue import WORKLOADS
from benchmarks.comparisons import compared, compared_table
from benchmarks.results import Results, Row, Runs
from benchmarks.scaling import laws, parameters_of
from benchmarks.tables import METHOD, kind, laws_table, runs_table, seconds, times
from benchmarks.targets import targets, targets_table
from sandbox.report.figures import Figure, inline
from sandbox.report.tables import Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """One workload."""

    name: str
    """Its name."""
    title: str
    """Its title."""
    figures: list[Figure]
    """Plots; empty where the engine is missing."""
    table: Table
    """Every setting."""


def render(results: Results, out: Path) -> None:
    """Write the page; without the extra `figures` it has tables only."""
    rows = results.rows()
    missing, sections = "", []
    for workload in WORKLOADS:
        own = [row for row in rows if row.workload == workload.name]
        if not own:
            continue
        try:
            figures = draw(own, workload.name)
        except ImportError as error:
            figures, missing = [], f"figures need {error.name}: install the extra `figures`"
        sections.append(
            Section(
                name=workload.name,
                title=workload.title,
                figures=figures,
                table=runs_table(own, workload.title),
            )
        )
    text = _template().render(
        sections=sections,
        missing=missing,
        method=METHOD,
        targets=targets_table(targets(rows)),
        laws=laws_table(laws(rows)),
        compared=compared_table(compared(rows)),
        facts=facts(results),
        style=Markup(  # noqa: S704 - our own file
            (files("sandbox.report") / "page.css").read_text("utf-8")
        ),
        drawing=Markup,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.part")
    draft.write_text(text.strip() + "\n", "utf-8")
    draft.replace(out)


def _template() -> Any:  # noqa: ANN401 - Jinja's template
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    return environment.from_string((files("benchmarks") / "page.html").read_text("utf-8"))


def draw(rows: Sequence[Row], name: str) -> list[Figure]:
    """Lines over rows where a case ran at two sizes, and bars of ratios at the largest size.

    Raises:
        ImportError: if Altair or vl-convert is not installed.
    """
    from benchmarks import charts  # noqa: PLC0415 - loads the engine only when drawing
    from sandbox.report.charts import png, svg  # noqa: PLC0415 - as above

    drawn = []
    lines = line_points(rows)
    if lines:
        finding = "Seconds against rows, both logarithmic: blue here, grey peers, red the baseline."
        drawn.append((f"{name}-scaling", charts.scaling(lines), finding))
    for size, bars in bar_points(rows).items():
        finding = f"Time over the baseline's at {size:,} rows: blue here, grey peers."
        drawn.append((f"{name}-slowdown-{size}", charts.slowdowns(bars), finding))
    return [
        Figure(
            name=each,
            finding=finding,
            svg=inline(svg(chart), each, f"{finding} The same numbers are in the table."),
            png=png(chart),
        )
        for each, chart, finding in drawn
    ]


def line_points(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Points of every case that ran at two sizes at least, and of what it is divided by.

    Of several parameters those that ran at most sizes.
    """
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.own is not None:
            found.setdefault((row.case, parameters_of(row)), []).append(row)
    longest: dict[str, list[Row]] = {}
    for (case, _), members in found.items():
        if len(members) > len(longest.get(case, [])):
            longest[case] = members
    lines = {case: members for case, members in longest.items() if len(members) > 1}
    points = [
        _point(case, kind(row), row.rows, row.own)
        for case, members in lines.items()
        for row in sorted(members, key=lambda each: each.rows)
        if row.own is not None
    ]
    names = {row.baseline_name for members in lines.values() for row in members} - {""}
    for name in sorted(names):
        alike = [[row for row in each if row.baseline_name == name] for each in lines.values()]
        longest_of: list[Row] = max(alike, key=len)
        points += [
            _point(name, "baseline", row.rows, row.baseline)
            for row in sorted(longest_of, key=lambda each: each.rows)
            if row.baseline is not None
        ]
    return points


def _point(case: str, of: str, rows: int, runs: Runs) -> dict[str, Any]:
    low, high = runs.spread
    found = {"case": case, "rows": rows, "seconds": runs.median, "low": low, "high": high}
    return found | {"kind": of}


def bar_points(rows: Sequence[Row]) -> dict[int, list[dict[str, Any]]]:
    """Ratios by size, for the two sizes at which most cases have one."""
    by_size: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if row.ratio is not None and row.own is not None:
            point = {
                "name": f"{row.case} ({parameters_of(row)})" if row.parameters else row.case,
                "ratio": row.ratio,
                "text": f"{times(row.ratio)}, {seconds(row.own.median)}",
                "kind": kind(row),
            }
            by_size.setdefault(row.rows, []).append(point)
    most = sorted(by_size, key=lambda size: (-len(by_size[size]), -size))[:2]
    return {size: sorted(by_size[size], key=lambda each: each["ratio"]) for size in sorted(most)}


def facts(results: Results) -> list[tuple[str, str]]:
    """Machine, versions, commits and when."""
    header, rows = results.header(), results.rows()
    machine = header.get("machine", {})
    commits = sorted({row.commit for row in rows if row.commit})
    ends = sorted(row.at for row in rows if row.at)
    packages = header.get("versions", {})
    return [
        ("Processor", f"{machine.get('processor')}, {machine.get('cores')} cores"),
        ("Memory", f"{machine.get('memory_bytes', 0) / 1e9:.0f} GB"),
        ("System", f"{machine.get('system')}, Python {machine.get('python')}"),
        ("Versions", ", ".join(f"{name} {value}" for name, value in packages.items())),
        ("Commits", ", ".join(commits) or "none"),
        ("Measured", f"{ends[0]} to {ends[-1]}" if ends else "never"),
    ]
