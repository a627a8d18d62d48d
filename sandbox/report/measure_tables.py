"""The tables of measures: each figure about everyone, and each that was taken force by force."""

from collections.abc import Callable

from sandbox.report import formats
from sandbox.report.comparison import Comparison, OptionRuns, is_attack
from sandbox.report.glossary import entry
from sandbox.report.pooling import Estimate
from sandbox.report.tables import Cell, Table


def measures(comparison: Comparison) -> Table:
    """Every other figure about everyone, one column per measure."""
    found = dict.fromkeys(
        f.measure
        for option in comparison.answered
        for row in option.done
        for f in row.findings
        if not f.group and not f.force and not is_attack(f)
    )
    names = [name for name in found if name != comparison.floor.measure]
    shared = {name: _shared_notes(comparison, name) for name in names}
    rows = tuple(
        (Cell(text=option.name), *(_measure(option, name, shared[name]) for name in names))
        for option in comparison.answered
    )
    notes = [f"{_title(name)}: {'; '.join(said)}." for name, said in shared.items() if said]
    return Table(
        caption="Figures about everyone, with 95% intervals",
        headings=("Option", *(_title(name) for name in names)),
        rows=rows if names else (),
        note=" ".join(notes),
    )


def _shared_notes(comparison: Comparison, measure: str) -> list[str]:
    """Clauses of a measure's notes that hold for every option that it was taken for."""
    each = [option.pooled(measure) for option in comparison.answered]
    clauses = [_clauses(estimate) for estimate in each if estimate is not None]
    first = clauses[0] if len(clauses) > 1 else []
    return [clause for clause in first if all(clause in others for others in clauses)]


def _clauses(estimate: Estimate) -> list[str]:
    return list(dict.fromkeys(part for note in estimate.notes for part in note.split("; ")))


def _measure(option: OptionRuns, name: str, shared: list[str]) -> Cell:
    """A figure about everyone, with the notes that are its own."""
    estimate = option.pooled(name)
    if estimate is None:
        return Cell(text="not measured")
    own = tuple(clause for clause in _clauses(estimate) if clause not in shared)
    named = entry(name)
    if named.count and estimate.value is not None:
        return Cell(text=f"{estimate.value:,.3g}", small=own)
    return Cell(text=formats.estimate(estimate, share=named.share), small=own)


def _title(measure: str) -> str:
    title = entry(measure).title
    return title[:1].upper() + title[1:]


def by_force(comparison: Comparison) -> list[Table]:
    """One table per measure that was also taken force by force."""
    read: Callable[[OptionRuns], set[str]] = lambda option: {  # noqa: E731
        f.measure for row in option.done for f in row.findings if f.force and not f.group
    }
    names = dict.fromkeys(n for option in comparison.answered for n in sorted(read(option)))
    forces = comparison.evidence.header.forces
    return [
        Table(
            caption=f"{_title(name)} in each force",
            headings=("Option", *forces),
            rows=tuple(
                (
                    Cell(text=option.name),
                    *(_figure(option, name, force=force) for force in forces),
                )
                for option in comparison.answered
            ),
        )
        for name in names
    ]


def _figure(option: OptionRuns, measure: str, *, group: str = "", force: str = "") -> Cell:
    estimate = option.pooled(measure, group, force)
    if estimate is None:
        return Cell(text="not measured")
    if estimate.value is None:
        return Cell(text="; ".join(estimate.notes) or "not measured")
    return Cell(text=formats.estimate(estimate, share=entry(measure).share))
