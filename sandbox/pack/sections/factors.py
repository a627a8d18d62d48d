"""Sections 5.1 to 5.13: the factors that make processing risky; the No is never ticked here.

Each factor shows what was measured beside it, and names any column that contradicts a No.
"""

from collections.abc import Callable

from sandbox.evidence_lines import UseCaseFacts
from sandbox.pack.document import Blank, Block, Grid, Heading, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.found import capital, value
from sandbox.pack.sections.lifecycle import STATUS, recorded
from sandbox.pack.sections.methods import register
from sandbox.pack.sections.proportionality import per_thousand
from sandbox.report import formats, tables
from sandbox.report.comparison import is_attack
from sandbox.report.glossary import entry
from sandbox.report.pooling import pool

LINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "5.3": ("systematic monitoring of a public place", ("camera", "anpr", "cctv")),
    "5.5": ("decisions on access to a service or benefit", ("benefit", "employment", "housing")),
    "5.6": (
        "biometric or genetic data",
        ("face", "finger", "dna", "voice", "biometric", "genetic"),
    ),
    "5.9": (
        "tracking of location or behaviour",
        ("location", "latitude", "longitude", "postcode", "small_area", "stops", "address"),
    ),
    "5.12": ("evaluation or scoring", ("score", "risk", "rating", "grade", "decile")),
}
"""Section → what is declared absent, and words in a column's name that speak against it."""


def sections(material: Material) -> list[Section]:
    """5.1 to 5.13; 5.14 is the stores'."""
    made: list[tuple[str, str, Callable[[Material], list[Block]]]] = [
        ("5.1", "Profiling and automated decisions", _profiling),
        ("5.2", "Large scale, sensitive or criminal-offence data", _scale),
        ("5.3", "Public monitoring", lambda m: lint(m, "5.3")),
        ("5.4", "New technologies", _technologies),
        ("5.5", "Access to a service", lambda m: lint(m, "5.5")),
        ("5.6", "Biometric or genetic data", lambda m: lint(m, "5.6")),
        ("5.7", "Data matching", _matching),
        ("5.8", "Invisible processing", _invisible),
        ("5.9", "Tracking", lambda m: lint(m, "5.9")),
        ("5.10", "Children and vulnerable people", _vulnerable),
        ("5.11", "Risk of physical harm after a breach", _breach),
        ("5.12", "Evaluation or scoring", lambda m: lint(m, "5.12")),
        ("5.13", "Large scale: volume, duration, geography, cost", _volume),
    ]
    found = []
    for number, title, blocks in made:
        blank = Blank(key=f"{number}-answer", question=f"{title}: yes or no, and details")
        content = (*blocks(material), blank)
        found.append(Section(number=number, title=title, blocks=content))
    return found


def contradictions(case: UseCaseFacts, section: str) -> list[str]:
    """Labels of columns whose name or title speaks against a declared No."""
    words = LINTS[section][1]
    return [
        case.label(name)
        for name, column in case.columns.items()
        if any(word in f"{name} {column.title}".lower() for word in words)
    ]


def lint(material: Material, section: str) -> list[Block]:
    """Columns that a No would have to explain."""
    what = LINTS[section][0]
    found = contradictions(material.case, section)
    if not found:
        text = f"No column's name points to {what}. Names can mislead: a person must look."
        return [Say(text=text, origin="plan")]
    text = f"A No must explain {formats.listed(found)}: the name of each points to {what}."
    return [Say(text=text, tone="warning", origin="plan")]


def _profiling(material: Material) -> list[Block]:
    case = material.case
    if case.question.target is None:
        text = "The output is a table about groups. It evaluates nobody."
        return [Say(text=text, origin="plan")]
    blocks: list[Block] = [
        Say(
            text="The output ranks people for review. It is an evaluation of people by automated "
            "means; whether a decision is taken on it alone depends on what reviewers do.",
            origin="plan",
        )
    ]
    rows = [
        (option.name, *(formats.number(each, 1) for each in both if each is not None))
        for option in material.comparison.answered
        if None not in (both := per_thousand(option, ""))
    ]
    if rows:
        blocks.append(
            grid(
                "load",
                "Load on reviewers per 1,000 people",
                ("Option", "True alerts", "False alerts"),
                rows,
                origin="runs",
                controlled=material.protected,
                note="The load says nothing of whether review is meaningful.",
            )
        )
    else:
        blocks.append(missing("alerts per 1,000 people for everyone", material.compare))
    return blocks


def _scale(material: Material) -> list[Block]:
    case = material.case
    sensitive = [case.label(n) for n, c in case.columns.items() if c.category]
    what = formats.listed(sensitive) or "none declared"
    rows = [("Columns", f"{len(case.columns)}"), ("Columns of a stated category", what)]
    rows += _people_rows(material)
    return [
        grid("scale", "Scale", ("Item", "Entry"), rows, origin="inquiry/profile"),
        *_if_unmeasured(material),
    ]


def _people_rows(material: Material) -> list[tuple[str, str]]:
    profile = material.inquiry("profile")
    people = profile.data.get("people", {}) if profile else {}
    unit = "People" if material.case.unit == "person" else "Records"
    return [(f"{unit}, banded", str(people.get("band", "not measured")))]


def _if_unmeasured(material: Material) -> list[Block]:
    found = material.inquiry("profile")
    return [] if found else [missing("the number of people and rows", material.inquire)]


def _technologies(material: Material) -> list[Block]:
    return [register(material)]


def _matching(material: Material) -> list[Block]:
    found = material.inquiry("linkage")
    if found is None:
        return [
            Say(
                text="Forces' records are not put together in this use case: each force answers "
                "from its own store. Matching across forces, where a use case asks for it, uses "
                "keyed tokens that a separate holder compares."
            ),
            missing(
                "match rate, false-match rate and uniqueness before and after",
                "sandbox forces load, with linkage tokens, then sandbox inquire",
            ),
        ]
    rows = [(capital(entry(f.measure).title), value(f), f.note or "none") for f in found.findings]
    return [
        grid(
            "matching",
            "Matching between sources",
            ("Figure", "Value with 95% interval", "Note"),
            rows,
            origin="inquiry/linkage",
            controlled=found.controlled,
        )
    ]


def _invisible(_material: Material) -> list[Block]:
    return [
        Say(
            text="No figure answers this: say how people come to be in these records, and whether "
            "they were told."
        )
    ]


def _vulnerable(material: Material) -> list[Block]:
    """Figures of groups that are under 18 or vulnerable."""
    case, comparison = material.case, material.comparison
    rows = []
    for option in comparison.answered:
        findings = [
            f
            for row in option.done
            for f in row.findings
            if not f.force and _young_or_vulnerable(f.group)
        ]
        for key in dict.fromkeys((f.measure, f.group) for f in findings):
            same = [f for f in findings if (f.measure, f.group) == key]
            estimate = pool(same)
            named = entry(key[0])
            text = (
                formats.estimate(estimate, share=named.share)
                if estimate.value is not None
                else "too few to report"
            )
            rows.append((option.name, capital(named.title), key[1].replace("=", ": "), text))
    if rows:
        return [
            grid(
                "vulnerable",
                "Figures about under-18s and vulnerable people",
                ("Option", "Figure", "Group", "Value with 95% interval"),
                rows,
                origin="runs",
                controlled=material.protected,
            )
        ]
    names = [
        case.label(n) for n in case.columns if any(w in n for w in ("vulnerable", "age", "child"))
    ]
    known = f" Columns that would tell: {formats.listed(names)}." if names else ""
    return [
        Say(text=f"No figure is held for under-18s or vulnerable people.{known}", origin="plan"),
        missing("errors for under-18s and vulnerable people", material.compare),
    ]


def _young_or_vulnerable(group: str) -> bool:
    column, _, label = group.partition("=")
    young = column.startswith("age") and any(
        word in label for word in ("<18", "under 10", "10-17", "under 18", "10 to <18")
    )
    return young or (column.startswith("vulnerable") and label not in ("0", "no", "false"))


def _breach(material: Material) -> list[Block]:
    """What a thief of each release sees, and how every attack on it did."""
    blocks: list[Block] = [
        Say(
            text="A thief of a store without the force's key sees file sizes and dates. What a "
            "thief of each release could do with it follows."
        )
    ]
    rows = []
    for option in material.comparison.answered:
        for key in dict.fromkeys(
            (f.measure, f.group)
            for row in option.done
            for f in row.findings
            if is_attack(f) and not f.force
        ):
            found = list(option.by_repeat(*key).values())
            estimate = pool(found)
            named = entry(key[0])
            guess = next((f.baseline for f in found if f.baseline is not None), None)
            text = (
                formats.estimate(estimate, share=named.share)
                if estimate.value is not None
                else "no verdict"
            )
            small = "; ".join(estimate.notes) or "none"
            rows.append(
                (
                    option.name,
                    capital(named.title),
                    key[1].replace("=", ": ") or "everyone",
                    text,
                    "not stated" if guess is None else formats.number(guess, 3),
                    small,
                )
            )
    if rows:
        blocks.append(
            grid(
                "attacks",
                "Every attack on every option",
                ("Option", "Attack", "Among", "Success with 95% interval", "Guessing", "Note"),
                rows,
                origin="runs",
                controlled=material.protected,
                note="No verdict: a control failed, or the attack could not be run. It does not "
                "mean that nothing leaks.",
            )
        )
    else:
        blocks.append(missing("attacks on releases", material.compare))
    keys = [
        (force, recorded(facts, "key_holder", "the force"), recorded(facts, "refusals", "none"))
        for force, facts in material.stores.items()
    ]
    if keys:
        blocks.append(
            grid(
                "keys",
                "Who holds keys, and what was refused",
                ("Force", "Key holder", "Refusals on record"),
                keys,
                origin="stores",
            )
        )
    else:
        blocks.append(missing("key holders and refusals of each store", STATUS))
    return blocks


def _volume(material: Material) -> list[Block]:
    comparison, case = material.comparison, material.case
    blocks: list[Block] = []
    rows = _people_rows(material)
    profile = material.inquiry("profile")
    data = profile.data if profile else {}
    rows += [
        ("Rows, banded", str(data.get("people", {}).get("rows_band", "not measured"))),
        ("Columns", f"{len(case.columns)}"),
        ("Months covered", str(data.get("months", "not measured"))),
        ("Areas covered", str(data.get("areas", "not measured"))),
        ("Forces", f"{len(material.header.forces)}"),
    ]
    blocks.append(grid("volume", "Volume", ("Item", "Entry"), rows, origin="inquiry/profile"))
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
