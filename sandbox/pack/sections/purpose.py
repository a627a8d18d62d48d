"""Sections 2.1 to 2.9; here the aim, 2.1, and what leaves, 2.9."""

from collections.abc import Mapping

from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections import columns, subjects
from sandbox.pack.sections.lifecycle import use_and_storage
from sandbox.report import formats, wording
from sandbox.report.comparison import OptionRuns
from sandbox.report.glossary import entry

BUSINESS_AS_USUAL = "business-as-usual"


TIERS = {
    "grouped-statistics": "first tier: counts, sums and averages of recorded items",
    "binary-outcome": "third tier: a model that combines many items into a prediction about a "
    "person",
}
"""Kind of question → workload."""


def sections(material: Material) -> list[Section]:
    """2.1 to 2.9."""
    return [
        _aim(material),
        columns.categories(material),
        columns.sensitive_processing(material),
        subjects.source(material),
        use_and_storage(material),
        subjects.people(material),
        subjects.subjects(material),
        columns.new_information(material),
        _sharing(material),
    ]


def _aim(material: Material) -> Section:
    case, comparison = material.case, material.comparison
    asked = case.question
    output = (
        "a ranked list of people, for an officer to review"
        if asked.target
        else "a table of figures about groups, none about one person"
    )
    measures = dict.fromkeys(
        f.measure for o in comparison.answered for row in o.done for f in row.findings
    )
    claims = [
        ("C1", "The answer is useful enough", entry(comparison.floor.measure).title),
        (
            "C2",
            "The answer beats what is done today",
            f"{entry(comparison.floor.measure).title}, difference to business as usual",
        ),
        ("C3", "It gives away little about people in it", "worst attack"),
        ("C4", "It treats groups alike", _listed_measures(measures, ("_gap", "group_count_error"))),
    ]
    return Section(
        number="2.1",
        title="Aim and purpose",
        blocks=(
            Say(text=case.title, tone="lead", origin="plan"),
            Say(
                text=f"Purpose in the plan: {material.header.purpose or 'not stated'}",
                origin="plan",
            ),
            grid(
                "aim",
                "What is asked for",
                ("Item", "Entry"),
                [
                    ("Question", wording.question(material.header)),
                    ("Output", output),
                    ("Workload", TIERS[asked.kind]),
                    ("Today's practice", _today(material)),
                ],
                origin="plan",
            ),
            grid(
                "claims",
                "Claims, each with the measure that speaks to it",
                ("Claim", "What is claimed", "Measure"),
                claims,
                origin="plan",
            ),
            Blank(
                key="2.1-aim",
                question="The aim in your own words, for a reader without prior knowledge",
            ),
        ),
    )


def _listed_measures(measures: Mapping[str, None], endings: tuple[str, ...]) -> str:
    names = [entry(name).title for name in measures if name.endswith(endings)]
    return formats.listed(list(dict.fromkeys(names))) or "not measured"


def _today(material: Material) -> str:
    runs = next((o for o in material.comparison.options if o.name == BUSINESS_AS_USUAL), None)
    if runs is None or not runs.done:
        return f"not measured; include the option {BUSINESS_AS_USUAL} in the plan"
    return f"{runs.stated_summary} {wording.headline(material.comparison, runs)}"


def _sharing(material: Material) -> Section:
    comparison = material.comparison
    rows = [
        (
            option.name,
            _recipient(option),
            formats.listed(_kinds(option)) or "nothing",
            formats.size(option.bytes_out or 0),
            _person_rows(option),
        )
        for option in comparison.answered
    ]
    declared = (
        "2.9a shared with others outside the force",
        "2.9b transferred outside the United Kingdom",
        "2.9c stored with a cloud provider",
        "2.9d agreements with every recipient in place",
    )
    blocks: list[Block] = []
    if rows:
        blocks.append(
            grid(
                "sharing",
                "What leaves the forces, and to whom",
                ("Option", "Recipient", "Object", "Bytes", "Person-level rows"),
                rows,
                origin="runs",
            )
        )
    else:
        blocks.append(missing("what leaves the forces", material.compare))
    blocks += [
        Blank(key=f"2.9-{place}", question=f"{text}: yes or no, and with whom")
        for place, text in enumerate(declared, start=1)
    ]
    return Section(number="2.9", title="Sharing", blocks=tuple(blocks))


def _recipient(option: OptionRuns) -> str:
    return "the analyst's sandbox" if option.bytes_out else "nobody"


def _kinds(option: OptionRuns) -> list[str]:
    kinds = dict.fromkeys(kind for row in option.done for kind in row.payload_kinds)
    return [kind for kind in kinds if kind != "nothing"]


def _person_rows(option: OptionRuns) -> str:
    return formats.number(option.person_rows or 0)
