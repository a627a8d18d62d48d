"""The page's tables as plain text, cell by cell, so that the template only lays them out."""

from dataclasses import dataclass
from statistics import median

from sandbox.report import formats, wording
from sandbox.report.comparison import Attack, Comparison, OptionRuns
from sandbox.report.glossary import entry
from sandbox.report.marks import egress_marks


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One table cell."""

    text: str
    """Main line."""
    small: tuple[str, ...] = ()
    """Further lines in small type."""
    tag: str = ""
    """Class of a verdict tag; empty: plain text."""
    span: int = 1
    """Columns it covers."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table."""

    caption: str
    """What it shows."""
    headings: tuple[str, ...]
    """Column headings."""
    rows: tuple[tuple[Cell, ...], ...]
    """Rows; the first cell of each is its heading."""
    note: str = ""
    """A caveat under the table."""


def _costs(option: OptionRuns, name: str) -> list[float]:
    values = (getattr(row.cost, name) for row in option.done)
    return [value for value in values if value is not None]


def seconds(option: OptionRuns, name: str) -> str:
    """Median over repeats of one of the times."""
    values = _costs(option, name)
    return formats.duration(median(values)) if values else "not measured"


def memory(option: OptionRuns) -> str:
    """Largest peak over repeats."""
    values = _costs(option, "peak_bytes")
    return formats.size(max(values)) if values else "not measured"


def trade_off(comparison: Comparison) -> Table:
    """The figures behind the trade-off plot, and why an option is not in it."""
    rows = []
    for option in comparison.answered:
        worst, *controls = wording.attack(comparison.risk(option))
        rows.append(
            (
                Cell(text=option.name),
                Cell(text=wording.headline(comparison, option)),
                Cell(text=comparison.verdict(option).value),
                Cell(text=worst, small=tuple(controls)),
                Cell(text=wording.dominated_by(comparison, option)),
            )
        )
    named = entry(comparison.floor.measure).title
    return Table(
        caption="Usefulness and attack risk behind the plot",
        headings=("Option", named[:1].upper() + named[1:], "Floor", "Worst attack", "Dominated by"),
        rows=tuple(rows),
        note="An option is dominated if another is at least as useful and no riskier by both "
        "point estimates, and distinguishably better in at least one.",
    )


def attacks(comparison: Comparison) -> Table:
    """Every attack on every option."""
    rows = []
    for option in comparison.answered:
        for found in option.attacks:
            small = found.estimate.notes
            text = _result(found)
            rows.append(
                (
                    Cell(text=option.name),
                    Cell(text=entry(found.measure).title),
                    Cell(text=found.group.replace("=", " = ") or "everyone"),
                    Cell(text=text, small=small),
                    Cell(text=_plain(found.baseline)),
                    Cell(text=_plain(found.control)),
                )
            )
    return Table(
        caption="Every attack, by group",
        headings=("Option", "Attack", "Among", "Result", "Guessing reaches", "Control"),
        rows=tuple(rows),
        note="Control: the same attack on people who are not in the data; it should reach what "
        "guessing reaches. The worst of several noisy figures tends to be too high, not too low.",
    )


def _result(found: Attack) -> str:
    if found.estimate.value is None:
        return "no verdict"
    return formats.estimate(found.estimate, share=entry(found.measure).share)


def _plain(value: float | None) -> str:
    return "not measured" if value is None else formats.number(value, 3)


def cost(comparison: Comparison) -> Table:
    """Time and memory of each option: median over repeats, and the largest peak memory."""
    fields = ("release_seconds", "assess_seconds", "cpu_seconds", "wall_seconds")
    rows = [
        (
            Cell(text=option.name),
            *(Cell(text=seconds(option, name)) for name in fields),
            Cell(text=memory(option)),
        )
        for option in comparison.answered
    ]
    jobs = max((row.jobs or 1 for row in comparison.evidence.rows), default=1)
    shared = f" {jobs} processes ran at a time, so that times are less comparable."
    return Table(
        caption="What each option took; each run has a process of its own",
        headings=("Option", "Release", "Assessment", "Processor", "In all", "Peak memory"),
        rows=tuple(rows),
        note="Times are medians over repeats; memory is the largest peak."
        + (shared if jobs > 1 else ""),
    )


def egress(comparison: Comparison) -> Table:
    """What left each force under each option."""
    forces = comparison.evidence.header.forces
    totals = {mark.name: mark.bytes_label for mark in egress_marks(comparison)}
    rows = []
    for option in comparison.answered:
        kinds = list(dict.fromkeys(kind for row in option.done for kind in row.payload_kinds))
        cells = [
            Cell(text=option.name),
            Cell(text=formats.listed([kind for kind in kinds if kind != "nothing"]) or "nothing"),
            Cell(text=totals[option.name]),
        ]
        cells += [_left(option, force) for force in forces]
        rows.append(tuple(cells))
    return Table(
        caption="What left each force: bytes on the wire, and person-level rows",
        headings=("Option", "Kind", "All forces", *forces),
        rows=tuple(rows),
        note="Medians over repeats. What the assessment consults is audited apart and never "
        "counted here.",
    )


def _left(option: OptionRuns, force: str) -> Cell:
    sent = option.egress(lambda left: left.sent, force) or 0
    rows = option.egress(lambda left: left.person_rows, force) or 0
    if not sent:
        return Cell(text="nothing")
    small = (formats.counted(round(rows), "person-level row"),) if rows else ()
    return Cell(text=formats.size(sent), small=small)
