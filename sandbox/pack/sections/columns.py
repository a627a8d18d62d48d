"""Sections 2.2, 2.3 and 2.8: which columns are taken, which are sensitive, and which are new."""

from sandbox.evidence_lines import UseCaseFacts
from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import PROFILE, Material
from sandbox.pack.sections.found import about, capital, value
from sandbox.report import formats
from sandbox.report.comparison import Comparison
from sandbox.report.glossary import entry


def _used_by(comparison: Comparison, column: str) -> tuple[str, ...]:
    return tuple(
        option.name
        for option in comparison.answered
        if option.person_rows and any(column in row.released.columns for row in option.done)
    )


def _needed(case: UseCaseFacts) -> set[str | None]:
    asked = case.question
    return {asked.target, *asked.features, *asked.by}


def categories(material: Material) -> Section:
    """2.2: every column of the proposal."""
    case, needed = material.case, _needed(material.case)
    hidden = material.public and material.protected
    filled = {} if hidden else material.profile.get("columns", {})
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


def sensitive_processing(material: Material) -> Section:
    """2.3: columns that hold a sensitive category, and those that tell one."""
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


def new_information(material: Material) -> Section:
    """2.8: columns and answers that are not on record yet."""
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
