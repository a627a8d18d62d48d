"""Sections 5.1 to 5.13: the factors that make processing risky; the No is never ticked here.

Each factor shows what was measured beside it, and names any column that contradicts a No.
"""

from collections.abc import Callable

from sandbox.evidence_lines import UseCaseFacts
from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections import harm, scale
from sandbox.pack.sections.methods import register
from sandbox.pack.sections.proportionality import per_thousand
from sandbox.report import formats

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
        ("5.2", "Large scale, sensitive or criminal-offence data", scale.scale),
        ("5.3", "Public monitoring", lambda m: lint(m, "5.3")),
        ("5.4", "New technologies", _technologies),
        ("5.5", "Access to a service", lambda m: lint(m, "5.5")),
        ("5.6", "Biometric or genetic data", lambda m: lint(m, "5.6")),
        ("5.7", "Data matching", _matching),
        ("5.8", "Invisible processing", _invisible),
        ("5.9", "Tracking", lambda m: lint(m, "5.9")),
        ("5.10", "Children and vulnerable people", harm.vulnerable),
        ("5.11", "Risk of physical harm after a breach", harm.breach),
        ("5.12", "Evaluation or scoring", lambda m: lint(m, "5.12")),
        ("5.13", "Large scale: volume, duration, geography, cost", scale.volume),
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


def _technologies(material: Material) -> list[Block]:
    return [register(material)]


def _matching(_material: Material) -> list[Block]:
    return [
        Say(
            text="Forces' records are not put together in this use case: each force answers "
            "from its own store. Matching across forces, where a use case asks for it, uses "
            "keyed tokens that a separate holder compares."
        ),
        Say(
            text="Rates of right and wrong matches can be measured only on people who are known to "
            "be the same, which forces' records do not say. The tool's documentation gives them "
            "for published records with known truth (docs/force-stores.md)."
        ),
    ]


def _invisible(_material: Material) -> list[Block]:
    return [
        Say(
            text="No figure answers this: say how people come to be in these records, and whether "
            "they were told."
        )
    ]
