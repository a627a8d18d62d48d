"""Puts the page together and writes it, whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from minimisation import MissingEngineError
from sandbox.evidence import load
from sandbox.report import (
    fairness,
    figures,
    formats,
    measure_tables,
    option_table,
    provenance,
    tables,
    wording,
)
from sandbox.report.comparison import FEW_REPEATS, Comparison
from sandbox.report.figures import Figure
from sandbox.report.glossary import Entry, entry
from sandbox.report.intrusion import answers
from sandbox.report.tables import Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the template shows of one comparison."""

    slug: str
    """Prefix of every id in the section."""
    comparison: Comparison
    """The comparison."""
    figures: dict[str, Figure]
    """Drawn figures; empty where the engine is missing."""
    tables: dict[str, Table]
    """Tables by name."""
    by_force: list[Table]
    """Measures force by force."""
    fairness: list[fairness.Panel]
    """Protected characteristics."""
    erased: list[str]
    """Sentences about options that lose protected groups."""
    no_figure: list[str]
    """Labels of protected columns without any figure."""
    facts: list[tuple[str, str]]
    """Provenance."""
    warnings: list[str]
    """What is amiss."""
    glossary: list[Entry]
    """Every measure that the section uses."""
    good: list[tuple[str, str]]
    """Options that meet the floor with less intrusion, each with its reasons."""


def render(evidence: Path | Sequence[Path], out: Path) -> tuple[Path, ...]:
    """Render one page from evidence files alone.

    Args:
        evidence: one file, or several, each with one plan.
        out: the page; its figures go as PNG into the folder `figures` beside it.

    Returns:
        Files written, the page first. Without the extra `figures` the page has tables only.

    Raises:
        UseCaseError: if a file is missing or is not evidence; nothing is written.
    """
    paths = [evidence] if isinstance(evidence, Path) else list(evidence)
    if not paths:
        raise ValueError("evidence ([]) must name at least one file")
    comparisons = [Comparison(load(path)) for path in paths]
    missing = ""
    drawn: list[dict[str, Figure]] = [{} for _ in comparisons]
    try:
        drawn = [figures.draw(comparison) for comparison in comparisons]
    except MissingEngineError as error:
        missing = str(error)
    sections = [section(c, d) for c, d in zip(comparisons, drawn, strict=True)]
    pages = {out: html(sections, missing).encode()}
    for figure in (figure for each in drawn for figure in each.values()):
        pages[out.parent / "figures" / f"{figure.name}.png"] = figure.png
    for path, content in pages.items():
        _write(path, content)
    return tuple(pages)


def section(comparison: Comparison, drawn: dict[str, Figure]) -> Section:
    """Everything that the template shows of one comparison."""
    return Section(
        slug=figures.slug(comparison),
        comparison=comparison,
        figures=drawn,
        tables={
            "options": option_table.options(comparison),
            "trade_off": tables.trade_off(comparison),
            "attacks": tables.attacks(comparison),
            "measures": measure_tables.measures(comparison),
            "cost": tables.cost(comparison),
            "egress": tables.egress(comparison),
            "columns": provenance.columns(comparison),
            "digests": provenance.digests(comparison),
            "earlier": provenance.earlier(comparison),
        },
        by_force=measure_tables.by_force(comparison),
        fairness=fairness.panels(comparison),
        erased=fairness.erased(comparison),
        no_figure=fairness.unmeasured(comparison),
        facts=provenance.facts(comparison),
        warnings=provenance.warnings(comparison),
        glossary=_glossary(comparison),
        good=[(o.name, wording.reasons(comparison, o)) for o in answers(comparison)],
    )


def _glossary(comparison: Comparison) -> list[Entry]:
    names = dict.fromkeys(
        [
            comparison.floor.measure,
            *(f.measure for o in comparison.answered for row in o.done for f in row.findings),
        ]
    )
    return list(dict.fromkeys(entry(name) for name in names))


def html(sections: list[Section], missing: str) -> str:
    """The page's text."""
    folder = files("sandbox.report")
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = environment.from_string((folder / "page.html").read_text("utf-8"))
    text: str = template.render(
        sections=sections,
        missing=missing,
        style=Markup((folder / "page.css").read_text("utf-8")),  # noqa: S704 - our own file
        drawing=Markup,
        wording=wording,
        formats=formats,
        few=FEW_REPEATS,
    )
    return text.strip() + "\n"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    draft.replace(path)
