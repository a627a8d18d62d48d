"""A figure: one chart with its alternative text and its one-line finding, as SVG and PNG."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from minimisation import MissingEngineError
from sandbox.report import wording
from sandbox.report.comparison import Comparison

if TYPE_CHECKING:
    from altair import LayerChart

LEAST = 0.88
"""A figure on a page is never drawn smaller than this; a narrow screen scrolls it instead."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawn figure."""

    name: str
    """Kebab-case name, unique on the page."""
    finding: str
    """What it shows, in words made from its numbers."""
    svg: str
    """SVG element that stands on its own inside a page, alternative text included."""
    png: bytes
    """The same as a picture."""


def draw(comparison: Comparison) -> dict[str, Figure]:
    """The figures of one comparison: `usefulness`, `trade-off` and `egress`.

    A figure without anything to show is left out.

    Raises:
        MissingEngineError: if Altair or vl-convert is not installed.
    """
    try:
        from sandbox.report import charts  # noqa: PLC0415 - loads the engine only when drawing
    except ImportError as error:
        raise MissingEngineError(
            f"figures need {error.name}, which must be installed: "
            "pip install 'minimisation-sandbox[figures]'"
        ) from None
    kinds: dict[str, tuple[Callable[[Comparison], LayerChart], str, str]] = {}
    measured = [option for option in comparison.answered if wording.measured(comparison, option)]
    if measured:
        kinds["usefulness"] = (
            charts.usefulness,
            wording.utility_finding(comparison),
            "Dot plot of usefulness with 95% intervals, one row per option, and the floor line.",
        )
    if any(wording.on_trade_off(comparison, option) for option in measured):
        kinds["trade-off"] = (
            charts.trade_off,
            wording.trade_off_finding(comparison),
            "Usefulness against the worst attack, with 95% intervals on both.",
        )
    if comparison.answered:
        kinds["egress"] = (
            charts.egress,
            wording.egress_finding(comparison),
            "Bytes that left the forces, one row per option, on a logarithmic axis.",
        )
    prefix = slug(comparison)
    figures = {}
    for kind, (chart, finding, kind_of_chart) in kinds.items():
        drawn, name = chart(comparison), f"{prefix}-{kind}"
        alternative = f"{kind_of_chart} {finding} The same numbers are in the table."
        figures[kind] = Figure(
            name=name,
            finding=finding,
            svg=inline(charts.svg(drawn), name, alternative),
            png=charts.png(drawn),
        )
    return figures


def slug(comparison: Comparison) -> str:
    """A name for one plan's parts of a page: use case and the plan's first eight digits."""
    header = comparison.evidence.header
    return f"{re.sub(r'[^a-z0-9-]+', '-', header.use_case.name.lower())}-{header.plan[:8]}"


def inline(svg: str, name: str, alternative: str) -> str:
    """SVG for use inside a page: scalable, named, with ids that clash with no other figure."""
    width = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", svg, count=1)
    svg = re.sub(r' (?:role="graphics-\w+"|aria-\w+="[^"]*")', "", svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    native = float(width.group(1)) if width else 0.0
    sizes = f"min-width:{LEAST * native:.0f}px;max-width:{native:.0f}px"
    opening = f'<svg role="img" aria-labelledby="{name}-title" style="{sizes}"'
    title = f'<title id="{name}-title">{escape(alternative)}</title>'
    return re.sub(r"<svg([^>]*)>", rf"{opening}\1>{title}", svg, count=1)
