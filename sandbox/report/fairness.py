"""Fairness: per protected column the gaps between its groups, their figures, and who is too few.

For the equality duty (Equality Act 2010 s.149); figures only, no conclusion.
"""

from dataclasses import dataclass

from sandbox.report import formats, groups, wording
from sandbox.report.comparison import Comparison
from sandbox.report.glossary import GAP, entry
from sandbox.report.groups import Spot
from sandbox.report.tables import Cell, Table

ERASED = "erased_groups"
"""The measure that counts protected groups shown at under half of their true number."""
Spots = dict[str, list[Spot]]
"""Measure → its figures."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One protected characteristic."""

    heading: str
    """Its label."""
    findings: tuple[str, ...]
    """What the tables show, in words made from their numbers."""
    first: Table | None
    """Options × gaps; options × groups where a single measure has no gap; None without figures."""
    groups: tuple[Table, ...]
    """Options × groups, one table per measure."""
    too_few: str
    """Groups without a figure, each named once; empty where there is none."""


def panels(comparison: Comparison) -> list[Panel]:
    """One panel per protected column that anything was measured for."""
    return [
        _panel(comparison, column, measures)
        for column, measures in groups.measured(comparison).items()
    ]


def unmeasured(comparison: Comparison) -> list[str]:
    """Labels of protected columns that the evidence holds no figure for."""
    case, found = comparison.evidence.header.use_case, groups.measured(comparison)
    return [
        case.label(name)
        for name, column in case.columns.items()
        if column.protected and name not in found
    ]


def erased(comparison: Comparison) -> list[str]:
    """One sentence for each option that shows protected groups at under half their number."""
    said = []
    for option in comparison.answered:
        runs = option.by_repeat(ERASED).values()
        found = [finding for finding in runs if finding.value]
        if not found:
            continue
        listed = (each for f in found for each in f.note.partition(": ")[2].split(", ") if each)
        who = [_named(comparison, group) for group in dict.fromkeys(listed)]
        often = f" in {len(found)} of {len(runs)} repeats" if len(found) < len(runs) else ""
        which = f": {formats.listed(who)}" if who else ""
        said.append(
            f"{option.name} shows some groups at under half of their true number{often}{which}."
        )
    return said


def _named(comparison: Comparison, group: str) -> str:
    """`sex=missing` as `missing (sex)`."""
    column, _, label = group.partition("=")
    return f"{label} ({wording.short(comparison.evidence.header.use_case, column)})"


def _panel(comparison: Comparison, column: str, measures: dict[str, tuple[str, ...]]) -> Panel:
    label = comparison.evidence.header.use_case.label(column)
    every = {name: groups.spots(comparison, name, of) for name, of in measures.items()}
    gaps = {name: found for name, found in every.items() if name.endswith(GAP)}
    rates = {name: found for name, found in every.items() if not name.endswith(GAP)}
    tables = tuple(
        each
        for each in (
            groups.table(comparison, found, _upper(f"{entry(name).title} by {label}"))
            for name, found in rates.items()
        )
        if each.rows
    )
    if gaps:
        said = _widest(comparison, gaps, rates)
        first: Table | None = _gap_table(comparison, gaps, label)
    else:
        said = [" ".join(_furthest(rates))]
        first, tables = (tables[0], ()) if len(tables) == 1 else (None, tables)
    return Panel(
        heading=_upper(label),
        findings=tuple(paragraph for paragraph in said if paragraph),
        first=first,
        groups=tables,
        too_few=" ".join(_too_few(rates)),
    )


def _gap_table(comparison: Comparison, gaps: Spots, label: str) -> Table:
    reference = comparison.reference
    change = f"; change against {reference.name} in small type" if reference else ""
    rows = tuple(
        (
            Cell(text=option.name),
            *(groups.cell(s) for found in gaps.values() for s in found if s.option == option.name),
        )
        for option in comparison.answered
    )
    return Table(
        caption=f"{_upper(label)}: largest gap between groups in percentage points, with 95% "
        f"interval{change}",
        headings=("Option", *(f"Gap in {_rate(name)}" for name in gaps)),
        rows=rows,
    )


def _rate(gap: str) -> str:
    return entry(gap.removesuffix(GAP)).title


def _widest(comparison: Comparison, gaps: Spots, rates: Spots) -> list[str]:
    """Where the gaps lie under pooling, and under which options they are wider or narrower."""
    reference = comparison.reference
    if reference is None:
        return [groups.moved(comparison, [])]
    ends = [_ends(reference.name, rates.get(name.removesuffix(GAP), [])) for name in gaps]
    said = []
    for word, sign in (("Wider", 1), ("Narrower", -1)):
        by_option: dict[str, list[str]] = {}
        for name, found in gaps.items():
            for spot in found:
                if spot.apart and (spot.change or 0) * sign > 0:
                    by_option.setdefault(spot.option, []).append(_rate(name))
        if by_option:
            under = [f"{option} ({formats.listed(of)})" for option, of in by_option.items()]
            said.append(f"{word} than under pooling by more than chance: {formats.listed(under)}.")
    if not any(spot.apart for found in gaps.values() for spot in found):
        said.append(f"No gap differs from {reference.name} by more than chance.")
    return [" ".join(sentence for sentence in ends if sentence), " ".join(said)]


def _ends(reference: str, found: list[Spot]) -> str:
    """The groups with the lowest and the highest figure under pooling."""
    mine = [s for s in found if s.option == reference and s.estimate.value is not None]
    if len(mine) < 2:  # noqa: PLR2004 - a gap needs two
        return ""
    low, *_, high = sorted(mine, key=lambda spot: spot.estimate.value or 0.0)
    named = entry(low.measure)
    ends = [f"{formats.parts(s.estimate, share=named.share)[0]} ({s.label})" for s in (low, high)]
    return f"{_upper(named.title)} under {reference}: from {ends[0]} to {ends[1]}."


def _furthest(rates: Spots) -> list[str]:
    """The largest figure of each measure that is an error, with its group and option."""
    said = []
    for name, found in rates.items():
        valued = [spot for spot in found if spot.estimate.value is not None]
        if valued and name.endswith("_error"):
            worst = max(valued, key=lambda spot: spot.estimate.value or 0.0)
            value = formats.estimate(worst.estimate, share=entry(name).share)
            said.append(
                f"Largest {entry(name).title}: {value} for “{worst.label}” under {worst.option}."
            )
    return said


def _too_few(rates: Spots) -> list[str]:
    """Who is too few to report, each group named once, with the measures that it lacks."""
    lacking: dict[str, list[str]] = {}
    for name, found in rates.items():
        for group in groups.too_few(found):
            lacking.setdefault(group, []).append(name)
    together: dict[tuple[str, ...], list[str]] = {}
    for group, names in lacking.items():
        together.setdefault(tuple(names), []).append(group.split("=", 1)[-1])
    every = {spot.group for found in rates.values() for spot in found}
    said = []
    for measures, labels in together.items():
        titles = [entry(measure).title for measure in measures]
        of = "" if len(measures) == len(rates) else f" for {formats.listed(titles)}"
        who = "every group" if len(labels) == len(every) else formats.listed(labels)
        said.append(f"Too few to report{of}: {who}.")
    return said


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
