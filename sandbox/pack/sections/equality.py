"""The public sector equality duty (Equality Act 2010 s.149): effects by group, option by option.

R (Bridges) v South Wales Police [2020] EWCA Civ 1058 turned on this duty too: a public authority
must look for itself whether a tool treats groups unequally.
"""

from sandbox.pack.document import Blank, Block, Grid, Heading, Say, Section, missing
from sandbox.pack.material import Material
from sandbox.report import fairness, formats, wording

CHARACTERISTICS = {
    "age": ("age",),
    "disability": ("disability", "vulnerable"),
    "gender reassignment": ("gender_reassignment", "trans"),
    "marriage and civil partnership": ("marital", "marriage"),
    "pregnancy and maternity": ("pregnan", "maternity"),
    "race": ("ethnic", "race", "nationality"),
    "religion or belief": ("religion", "belief"),
    "sex": ("sex", "gender"),
    "sexual orientation": ("sexual_orientation", "orientation"),
}
"""Protected characteristics of the Act → beginnings of names of columns that record them."""


def section(material: Material) -> Section:
    """Gaps between groups under every option, what is erased, and what is not recorded."""
    comparison = material.comparison
    blocks: list[Block] = [
        Say(
            text="For each protected characteristic that the data record: the largest difference "
            "between groups under every option, and its change against pooling. A difference can "
            "come from the world, from recording or from the option; the figures do not tell which."
        )
    ]
    panels = fairness.panels(comparison)
    for place, panel in enumerate(panels, start=1):
        blocks.append(Heading(text=panel.heading))
        blocks += [Say(text=text, tone="finding", origin="runs") for text in panel.findings]
        tables = [panel.first] if panel.first else []
        for order, table in enumerate([*tables, *panel.groups]):
            blocks.append(
                Grid(
                    slug=f"equality-{place}-{order}",
                    table=table,
                    origin="runs",
                    controlled=material.protected,
                )
            )
        if panel.too_few:
            blocks.append(Say(text=panel.too_few, tone="quiet", origin="runs"))
    if not panels:
        blocks.append(missing("any figure by protected group", material.compare))
    blocks += [
        Say(text=text, tone="warning", origin="runs") for text in fairness.erased(comparison)
    ]
    blocks.append(_unrecorded(material))
    blocks += [
        Blank(
            key="B-groups",
            question="What is known of effects on groups that the data do not record",
            by="the equality lead",
        ),
        Blank(
            key="B-duty",
            question="How the duty was considered: discrimination, opportunity, good relations",
            by="the equality lead",
        ),
    ]
    return Section(number="B", title="Equality", blocks=tuple(blocks))


def unrecorded(names: list[str]) -> list[str]:
    """Characteristics of the Act that no column of that list records."""
    return [
        characteristic
        for characteristic, starts in CHARACTERISTICS.items()
        if not any(_records(name, start) for name in names for start in starts)
    ]


def _records(name: str, start: str) -> bool:
    words = name.lower()
    if start == "sex":
        return words == "sex" or words.startswith("sex_")
    return words.startswith(start)


def _unrecorded(material: Material) -> Say:
    case = material.case
    protected = [name for name, column in case.columns.items() if column.protected]
    absent = unrecorded(protected)
    unmeasured = [wording.short(case, n) for n in fairness.unmeasured(material.comparison)]
    said = f"Not recorded in this use case: {formats.listed(absent)}." if absent else ""
    if unmeasured:
        said += f" Recorded without a figure: {formats.listed(unmeasured)}."
    return Say(text=said.strip() or "Every characteristic of the Act is recorded.", origin="plan")
