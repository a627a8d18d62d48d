"""The options table: each option's usefulness, egress, attack, privacy loss and cost in a row."""

from sandbox.evidence_lines import Loss
from sandbox.report import formats, wording
from sandbox.report.comparison import Comparison, OptionRuns, Verdict
from sandbox.report.glossary import entry
from sandbox.report.pooling import Estimate
from sandbox.report.tables import Cell, Table, memory, seconds

TAGS = {
    Verdict.MEETS: ("meets", "✓ Yes"),
    Verdict.UNCLEAR: ("unclear", "≈ Not distinguishable"),
    Verdict.SHORT: ("short", "✗ No"),
}
"""Class and words of each floor verdict; the sign and the words carry it without colour."""


def options(comparison: Comparison) -> Table:
    """The options table: every option that answered, then those that did not, by reason."""
    reference = comparison.reference
    against = f"Difference to {reference.name}" if reference else "Difference to raw pool"
    named = entry(comparison.floor.measure).title
    headings = (
        "Option and what leaves each force",
        f"{named[:1].upper()}{named[1:]}",
        "Floor met?",
        against,
        "Person-level rows out",
        "Bytes out",
        "Worst attack",
        "Privacy loss",
        "Time and peak memory",
    )
    rows = tuple(_option(comparison, option) for option in comparison.answered)
    return Table(
        caption="Every option in plan order, with 95% intervals and controls in small type",
        headings=headings,
        rows=(*rows, *_unanswered(comparison, len(headings))),
    )


def _unanswered(comparison: Comparison, width: int) -> list[tuple[Cell, ...]]:
    """One row per status and reason, with the names of the options that it stopped."""
    stopped: dict[str, list[str]] = {}
    for option in comparison.options:
        if not option.done:
            why = "; ".join(option.reasons) or "no reason was recorded"
            not_run = option.status == "not run"
            text = "Not run yet" if not_run else f"{option.status.capitalize()}: {why}"
            stopped.setdefault(text, []).append(option.name)
    return [
        (Cell(text=", ".join(names)), Cell(text=text, span=width - 1))
        for text, names in stopped.items()
    ]


def _option(comparison: Comparison, option: OptionRuns) -> tuple[Cell, ...]:
    head = Cell(text=option.name, small=(option.stated_summary,) if option.stated_summary else ())
    tag, words = TAGS[comparison.verdict(option)]
    estimate = comparison.headline(option) or Estimate(value=None)
    share = entry(comparison.floor.measure).share
    value, interval = formats.parts(estimate, share=share)
    worst, *controls = wording.attack(comparison.risk(option))
    return (
        head,
        Cell(text=value, small=(interval or "no interval was measured", *_some_runs(option))),
        Cell(text=words, tag=tag),
        difference(comparison, option),
        Cell(text=formats.number(option.person_rows or 0)),
        Cell(text=formats.size(option.bytes_out or 0)),
        Cell(text=worst, small=tuple(controls)),
        privacy(option),
        Cell(text=seconds(option, "wall_seconds"), small=(memory(option),)),
    )


def _some_runs(option: OptionRuns) -> tuple[str, ...]:
    lost = len(option.rows) - len(option.done)
    reasons = "; ".join(option.reasons)
    return (f"{lost} of {len(option.rows)} repeats gave no release: {reasons}",) if lost else ()


def difference(comparison: Comparison, option: OptionRuns) -> Cell:
    """An option's headline figure minus that of pooling, with its interval and in words."""
    if option is comparison.reference:
        return Cell(text="reference")
    found = comparison.gain(option, comparison.reference)
    words = wording.change(found, comparison.floor.direction)
    if found is None:
        return Cell(text=words)
    share = entry(comparison.floor.measure).share
    value, interval = formats.parts(found.estimate, share=share, sign=True)
    return Cell(text=value, small=tuple(line for line in (interval, words) if line))


def privacy(option: OptionRuns) -> Cell:
    """Privacy loss in full, or that there is no formal guarantee."""
    losses = [row.privacy_loss for row in option.done if row.privacy_loss is not None]
    if not losses:
        return Cell(text="no formal guarantee")
    loss = max(losses, key=lambda each: (each.epsilon, each.delta))
    return Cell(text=_pair(loss.epsilon, loss.delta), small=_small_print(loss))


def _pair(epsilon: float, delta: float) -> str:
    return f"ε = {epsilon:.3g}, δ = {formats.scientific(delta)}"


def _small_print(loss: Loss) -> tuple[str, ...]:
    bounds = [f"{count} {name}" for name, count in dict(loss.bounds).items()]
    everywhere = _pair(loss.epsilon_everywhere, loss.delta_everywhere)
    return (
        f"per {loss.unit} and force" + (f", at most {formats.listed(bounds)}" if bounds else ""),
        f"{everywhere} for a {loss.unit} in all {loss.forces} forces"
        if loss.forces > 1
        else "one force took part",
        "if this release alone is made",
    )
