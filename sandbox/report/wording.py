"""Sentences made from the numbers: the question, the floor, the answer, one finding per figure."""

from datetime import date

from sandbox.evidence_lines import Header, UseCaseFacts
from sandbox.report import formats
from sandbox.report.comparison import Attack, Comparison, OptionRuns, Verdict
from sandbox.report.glossary import entry
from sandbox.report.intrusion import answers, dominated, respects
from sandbox.report.pooling import Difference

SAME = "no significant difference"
"""What is said of a paired interval that includes zero."""

SHOWN = 5
"""Features named in the question; provenance lists all."""


def question(header: Header) -> str:
    """What was asked, of whom, from what."""
    case = header.use_case
    asked = case.question
    if asked.target is not None:
        known = [short(case, name) for name in asked.features]
        if len(known) > SHOWN:
            known = [*known[:SHOWN], f"{len(known) - SHOWN} more"]
        return (
            f"For each {case.unit}{_as_of(case.as_of)}: {case.label(asked.target)}? Answered from "
            f"{formats.counted(len(asked.features), 'fact')} known by then: "
            f"{formats.listed(known)}."
        )
    keys = formats.listed([short(case, name) for name in asked.by])
    figures = formats.listed([_statistic(case, text) for text in asked.statistics])
    return f"{figures[:1].upper()}{figures[1:]} for every combination of {keys}."


def short(case: UseCaseFacts, name: str) -> str:
    """A column's label without the explanation after its comma."""
    return case.label(name).split(",")[0]


def _as_of(day: date | None) -> str:
    return f", as of {day.day} {day:%B %Y}" if day else ""


def _statistic(case: UseCaseFacts, text: str) -> str:
    aggregate, _, rest = text.partition("(")
    words = {"rows": "number of records", "persons": "number of people"}
    return words.get(aggregate) or f"{aggregate} of “{case.label(rest.removesuffix(')'))}”"


def floor(comparison: Comparison) -> str:
    """The floor as a phrase: `ranking accuracy (AUC) of at least 0.75`."""
    given, named = comparison.floor, entry(comparison.floor.measure)
    value = f"{given.value * 100:g}%" if named.share else f"{given.value:g}"
    return f"{named.title} of {given.direction.replace('_', ' ')} {value}"


def names(options: tuple[OptionRuns, ...] | list[OptionRuns]) -> list[str]:
    """Option names."""
    return [option.name for option in options]


def answer(comparison: Comparison) -> str:
    """Which options meet the floor with less intrusion than pooling, in one sentence."""
    if not comparison.answered:
        return "No option has given an answer yet."
    good = names(answers(comparison))
    tested = formats.counted(len(comparison.answered), "option")
    if not good:
        return f"None of the {tested} measured, as far as this comparison can tell."
    return f"{len(good)} of the {tested} measured: {formats.listed(good)}."


def reasons(comparison: Comparison, option: OptionRuns) -> str:
    """Why an option is in the answer: its figure, and each respect in words."""
    found = respects(comparison, option)
    scope, extent, intensity = found
    said = [scope.words] if scope.order == "less" else [scope.words, extent.words]
    return f"{headline(comparison, option)}; {'; '.join([*said, intensity.words])}."


def headline(comparison: Comparison, option: OptionRuns) -> str:
    """An option's headline figure with its interval."""
    estimate = comparison.headline(option)
    share = entry(comparison.floor.measure).share
    return formats.estimate(estimate, share=share) if estimate else "not measured"


def others(comparison: Comparison) -> list[str]:
    """One sentence for each group of options that are not in the answer."""
    good = answers(comparison)
    rest = [option for option in comparison.answered if option not in good]
    reference = comparison.reference
    said = []
    if reference is not None:
        verb = comparison.verdict(reference).value
        verb = verb if verb.startswith(("meets", "falls")) else f"is {verb}"
        said.append(f"Pooling the raw rows ({reference.name}) itself {verb}.")
    rest = [option for option in rest if option is not reference]
    meets = [o for o in rest if comparison.verdict(o) is Verdict.MEETS]
    for words, chosen in (
        ("Meet the floor, but are not less intrusive by what was measured", meets),
        ("Cannot be told apart from the floor", _with(comparison, rest, Verdict.UNCLEAR)),
        ("Fall short of the floor", _with(comparison, rest, Verdict.SHORT)),
        ("Gave no answer", [o for o in comparison.options if not o.done]),
    ):
        if chosen:
            said.append(f"{words}: {formats.listed(names(chosen))}.")
    return said


def _with(comparison: Comparison, options: list[OptionRuns], verdict: Verdict) -> list[OptionRuns]:
    return [option for option in options if comparison.verdict(option) is verdict]


def change(difference: Difference | None, direction: str) -> str:
    """A difference in words: significant or not, better or worse."""
    if difference is None or difference.estimate.value is None:
        return "could not be paired"
    if difference.significant is None:
        return "no interval"
    if not difference.significant:
        return SAME
    rise = difference.estimate.value > 0
    return "better" if rise == (direction == "at_least") else "worse"


def utility_finding(comparison: Comparison) -> str:
    """What the usefulness figure shows, in one line."""
    counts = {
        verdict: sum(comparison.verdict(option) is verdict for option in comparison.answered)
        for verdict in Verdict
    }
    total = formats.counted(len(comparison.answered), "option")
    return (
        f"Of {total} measured, {counts[Verdict.MEETS]} {_verb(counts[Verdict.MEETS], 'meet')} the "
        f"floor, {counts[Verdict.UNCLEAR]} cannot be told apart from it and "
        f"{counts[Verdict.SHORT]} {_verb(counts[Verdict.SHORT], 'fall')} short."
    )


def _verb(count: int, plural: str) -> str:
    return f"{plural}s" if count == 1 else plural


def trade_off_finding(comparison: Comparison) -> str:
    """What the trade-off figure shows, in one line or two."""
    drawn = [o for o in comparison.answered if on_trade_off(comparison, o)]
    if not drawn:
        return "No option has both a usefulness figure and a verdict on an attack."
    found = names(
        [
            o
            for o in drawn
            if any(a.found for a in o.attacks if a.measure == comparison.attack_measure)
        ]
    )
    if found:
        said = f"An attack does better than guessing on {_named_or_counted(found)}."
    else:
        said = "On no option can an attack be told from guessing."
    beaten = {pair.option for pair in dominated(comparison)}
    if not beaten:
        return f"{said} No option is dominated by another."
    left = [name for name in names(drawn) if name not in beaten]
    verb = "is" if len(left) == 1 else "are"
    return f"{said} Only {_named_or_counted(left)} {verb} not dominated by another option."


def _named_or_counted(found: list[str], most: int = 4) -> str:
    return formats.listed(found) if len(found) <= most else f"{len(found)} options"


def dominated_by(comparison: Comparison, option: OptionRuns) -> str:
    """The option that dominates this one, `none`, or that it cannot be said."""
    if not on_trade_off(comparison, option):
        return "not drawn: needs both figures"
    return next((p.by for p in dominated(comparison) if p.option == option.name), "none")


def measured(comparison: Comparison, option: OptionRuns) -> bool:
    """Whether an option has a headline figure."""
    estimate = comparison.headline(option)
    return estimate is not None and estimate.value is not None


def on_trade_off(comparison: Comparison, option: OptionRuns) -> bool:
    """Whether an option has both figures that the trade-off needs."""
    risk = comparison.risk(option)
    return measured(comparison, option) and risk is not None and risk.estimate.value is not None


def egress_finding(comparison: Comparison) -> str:
    """Which options send people, in one line."""
    senders = [option for option in comparison.answered if option.person_rows]
    silent = [option for option in comparison.answered if option.bytes_out == 0]
    if senders:
        verb = "sends" if len(senders) == 1 else "send"
        said = [f"{formats.listed(names(senders))} {verb} person-level rows out of forces."]
    else:
        said = ["No option sends person-level rows out of forces."]
    if silent:
        said.append(f"Nothing leaves under {formats.listed(names(silent))}.")
    return " ".join(said)


def attack(found: Attack | None) -> tuple[str, ...]:
    """An attack's value, interval and controls; `no verdict` with the reason if there is none."""
    if found is None:
        return ("not measured",)
    estimate = found.estimate
    if estimate.value is None:
        return ("no verdict", *estimate.notes)
    lines = list(formats.parts(estimate, share=entry(found.measure).share))
    if found.group:
        lines.append(f"worst among: {found.group.replace('=', ' = ')}")
    if found.baseline is not None:
        lines.append(f"guessing {formats.number(found.baseline, 2)}")
    if found.control is not None:
        lines.append(f"control {formats.number(found.control, 3)}")
    if estimate.missing:
        runs = estimate.missing + estimate.repeats
        lines.append(f"no verdict in {estimate.missing} of {runs} repeats")
    return tuple(line for line in lines if line)


def repeats(comparison: Comparison, few: int) -> str:
    """How often each option was run; a small number is called a demonstration."""
    count, planned = comparison.repeats, comparison.evidence.header.repeats
    label = f"Demonstration: {formats.counted(count, 'repeat')}" if count < few else ""
    text = label or formats.counted(count, "repeat")
    expected = planned * len(comparison.options)
    run = len(comparison.evidence.rows)
    return text if run >= expected else f"{text}. Incomplete: {run} of {expected} runs finished"


def needs_explanation(comparison: Comparison) -> str:
    """The reminder under the answer, where there is an answer."""
    if not answers(comparison):
        return ""
    return (
        "Each of these needs an explanation if it is rejected for a more intrusive one. Whether "
        "the processing is necessary and proportionate is for a named person to judge."
    )
