"""Sections 2.1 to 2.9: what the processing is, what data it takes, and where they go."""

from collections.abc import Mapping
from typing import Any

from sandbox.evidence_lines import UseCaseFacts
from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.found import about, capital, value
from sandbox.pack.sections.lifecycle import recorded, use_and_storage
from sandbox.report import formats, wording
from sandbox.report.comparison import Comparison, OptionRuns
from sandbox.report.glossary import entry

BUSINESS_AS_USUAL = "business-as-usual"
PROFILE = "inquiry/profile"
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
        _categories(material),
        _special(material),
        _source(material),
        use_and_storage(material),
        _people(material),
        _subjects(material),
        _new_data(material),
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


def _used_by(comparison: Comparison, column: str) -> tuple[str, ...]:
    return tuple(
        option.name
        for option in comparison.answered
        if option.person_rows and any(column in row.released.columns for row in option.done)
    )


def _profile(material: Material) -> Mapping[str, Any]:
    found = material.inquiry("profile")
    return found.data if found else {}


def _needed(case: UseCaseFacts) -> set[str | None]:
    asked = case.question
    return {asked.target, *asked.features, *asked.by}


def _categories(material: Material) -> Section:
    case, needed = material.case, _needed(material.case)
    hidden = material.public and material.protected
    filled = {} if hidden else _profile(material).get("columns", {})
    absent = "left out" if hidden else "not measured"
    rows = []
    for name, column in case.columns.items():
        share = filled.get(name, {}).get("filled")
        users = _used_by(material.comparison, name)
        rows.append(
            (
                case.label(name),
                column.role.replace("_", " ") or "not stated",
                absent if share is None else f"{share:.0%}",
                "yes" if name in needed else "no: dropped before analysis where fields are cut",
                _few(users) if users else "none",
            )
        )
    blocks: list[Block] = [
        grid(
            "categories",
            "Columns of the proposal",
            ("Column", "Role", "Filled", "Needed for the question", "Leaves in rows under"),
            rows,
            origin=PROFILE if filled else "plan",
        )
    ]
    if not filled and not hidden:
        blocks.append(missing("how far each column is filled", material.inquire))
    blocks.append(
        Say(
            text="Photographs, genetic and biometric data are refused at the door of every store. "
            "Free text can hold anything; patterns of names and numbers are looked for in it, and "
            "a pattern finds only what is written plainly."
        )
    )
    blocks.append(Blank(key="2.2-check", question="Is any category missing from this list?"))
    return Section(number="2.2", title="Categories of personal data", blocks=tuple(blocks))


def _few(names: tuple[str, ...], most: int = 3) -> str:
    return formats.listed(list(names)) if len(names) <= most else f"{len(names)} options"


def sensitive(category: str | None) -> bool:
    """Whether a column's category is one of sensitive processing (DPA 2018 s.35(8))."""
    return (category or "").startswith("s.35")


def _special(material: Material) -> Section:
    case = material.case
    direct = [(case.label(n), c.category) for n, c in case.columns.items() if sensitive(c.category)]
    blocks: list[Block] = []
    if direct:
        blocks.append(
            grid(
                "special",
                "Columns that hold sensitive categories themselves",
                ("Column", "Category in the Data Protection Act 2018"),
                [(label, category or "") for label, category in direct],
                origin="plan",
            )
        )
    else:
        blocks.append(
            Say(text="The use case declares no column of a sensitive category.", origin="plan")
        )
    proxy = material.inquiry("proxy")
    gains = list(proxy.findings) if proxy else []
    if gains:
        rows = [
            (
                capital(entry(each.measure).title),
                value(each),
                about(each),
                "none" if each.baseline is None else formats.number(each.baseline, 3),
                _proxy_words(each.low),
            )
            for each in gains
        ]
        blocks.append(
            grid(
                "proxies",
                "What the other columns tell about a sensitive one",
                ("Column inferred", "Gain over the commonest value", "Among", "Base rate", "Said"),
                rows,
                origin="inquiry/proxy",
                controlled=bool(proxy and proxy.controlled),
                note="The gain is the share of held-out people whose value a model tells from the "
                "other columns, less the share that the commonest value gives.",
            )
        )
    else:
        blocks.append(missing("what the other columns tell about sensitive ones", material.inquire))
    blocks.append(
        Blank(
            key="2.3-categories",
            question="Which special categories will be used, directly or by inference?",
        )
    )
    return Section(number="2.3", title="Sensitive processing", blocks=tuple(blocks))


def _proxy_words(low: float | None) -> str:
    if low is None:
        return "no interval"
    return "a proxy: the gain is above zero" if low > 0 else "no gain that can be told from none"


def _source(material: Material) -> Section:
    header = material.header
    rows = []
    for force in header.forces:
        life = material.stores.get(force, {})
        rows.append(
            (
                force,
                recorded(life, "systems", "not recorded"),
                recorded(life, "extracted", "not recorded"),
                header.data.get(force, "not recorded"),
                *(
                    recorded(life, key, "not recorded")
                    for key in ("accepted", "refused", "quarantined")
                ),
            )
        )
    return Section(
        number="2.4",
        title="Source of the data",
        blocks=(
            grid(
                "sources",
                "Each force's extract",
                (
                    "Force",
                    "System",
                    "Extract made",
                    "Keyed digest",
                    "Rows accepted",
                    "Refused",
                    "Quarantined",
                ),
                rows,
                origin="stores",
                note="Digests are keyed, because a plain hash of a small file would confirm a "
                "guess of its content. Counts are banded on protected data.",
            ),
            Blank(key="2.4-lawfully", question="How and for what purpose each force collected it"),
        ),
    )


def _people(material: Material) -> Section:
    people = _profile(material).get("people", {})
    unit = "people" if material.case.unit == "person" else "records"
    blocks: list[Block] = []
    if people:
        rows = [
            (f"Distinct {unit}, banded", str(people.get("band", "not measured"))),
            ("Records of one person, median", _plain(people.get("records_p50"))),
            ("Records of one person, 95th percentile", _plain(people.get("records_p95"))),
        ]
        blocks.append(
            grid("people", "How many are affected", ("Figure", "Value"), rows, origin=PROFILE)
        )
    else:
        blocks.append(missing(f"the number of {unit} and their records", material.inquire))
        if material.header.people:
            blocks.append(
                Say(
                    text=f"The plan invents {material.header.people:,} people.",
                    origin="plan",
                    tone="quiet",
                )
            )
    if unit == "records":
        blocks.append(
            Say(text="The source names no person, so that records are counted and not people.")
        )
    return Section(number="2.6", title="How many individuals", blocks=tuple(blocks))


def _plain(value: object) -> str:
    return "not measured" if value is None else f"{value}"


def _subjects(material: Material) -> Section:
    roles = _profile(material).get("subjects", {})
    kinds = _profile(material).get("kinds", {})
    blocks: list[Block] = []
    if roles:
        rows = [(capital(name), str(count)) for name, count in roles.items()]
        blocks.append(
            grid(
                "subjects",
                "Data subjects by their part in events",
                ("Part", "People, banded"),
                rows,
                origin=PROFILE,
                note="One person can have several parts.",
            )
        )
    else:
        what = "suspects, convicted people, victims and witnesses among the data subjects"
        blocks.append(missing(what, material.inquire))
    if kinds:
        rows = [(capital(name), str(listed)) for name, listed in kinds.items()]
        blocks.append(
            grid(
                "kinds",
                "Facts told apart from assessments",
                ("Kind", "Columns"),
                rows,
                origin=PROFILE,
                note="Section 38 asks that facts be told from personal assessments.",
            )
        )
    blocks.append(
        Blank(
            key="2.7-subjects",
            question="Victims, witnesses and bystanders: why is each category of person needed?",
        )
    )
    return Section(number="2.7", title="Categories of data subject", blocks=tuple(blocks))


def _new_data(material: Material) -> Section:
    case = material.case
    rows = []
    for name, column in case.columns.items():
        extra = (column.model_extra or {}).get("source") or {}
        derived = [k for k in ("years_since", "month", "count_before", "any_after") if extra.get(k)]
        if derived:
            words = {
                "years_since": "age on the as-of date",
                "month": "month of a date",
                "count_before": "count of earlier events",
                "any_after": "whether an event followed",
            }
            rows.append((case.label(name), words[derived[0]]))
    if case.question.target:
        rows.append(("predicted chance", "made by the answer: an inference is new information"))
    blocks: list[Block] = [
        grid(
            "derived", "Columns derived from recorded ones", ("Column", "How"), rows, origin="plan"
        )
        if rows
        else Say(text="No column is derived from others.", origin="plan"),
        Blank(key="2.8-new", question="Is any of this information new to the force?"),
    ]
    return Section(number="2.8", title="New information", blocks=tuple(blocks))


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
