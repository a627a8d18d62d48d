"""Section 1: who is responsible, and when the form is due."""

from sandbox.pack.document import Blank, Say, Section, grid
from sandbox.pack.material import LAW_AS_AT, RESPONSE_DAYS, Material, working_days_after, written

NAMES = (
    ("asset-owner", "Information asset owner: name and rank"),
    ("custodian", "Information custodian: name and rank"),
    ("coordinator", "Coordinator of this assessment: name and contact"),
    ("dpo", "Data protection officer: name"),
)
"""People whom the form names; the tool names nobody."""


def section(material: Material) -> Section:
    """Dates from the plan, names from people."""
    given = material.governance
    due = (
        f"{written(working_days_after(given.submitted, RESPONSE_DAYS))} ({RESPONSE_DAYS} working "
        "days after submission; bank holidays are not taken into account)"
        if given.submitted
        else f"not stated: put submitted = DATE under [governance] in {material.plan}"
    )
    facts = [
        ("Proposal", material.header.title),
        ("Forces", ", ".join(material.header.forces) or "not stated"),
        ("Processing begins", written(given.starts)),
        ("Submitted to the data protection officer", written(given.submitted)),
        ("First response due", due),
        ("Protective marking", material.marking),
        ("References to law last read through by the tool's authors", written(LAW_AS_AT)),
    ]
    blanks = [
        Blank(key=f"1-{key}", question=question, by="the information asset owner")
        for key, question in NAMES
    ]
    return Section(
        number="1",
        title="Governance",
        blocks=(
            grid("governance", "The proposal", ("Item", "Entry"), facts, origin="plan"),
            *blanks,
            Say(
                text="Part 3 of the Data Protection Act 2018 was amended by the Data (Use and "
                "Access) Act 2025, which comes into force in stages. Check what is in force on "
                "the day of signing."
            ),
            Blank(
                key="1-law-checked",
                question="The law was checked as at (date), by (name)",
                by="the data protection officer",
            ),
            Blank(
                key="1-dpo-assessment",
                question="Response of the data protection officer: is an assessment mandatory, "
                "and what must be done first?",
                by="the data protection officer",
            ),
        ),
    )
