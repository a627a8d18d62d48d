"""Sections 2.4, 2.6 and 2.7: where records come from, and whom they are about."""

from sandbox.pack.document import Blank, Block, Say, Section, grid, missing
from sandbox.pack.material import PROFILE, Material
from sandbox.pack.sections.found import capital
from sandbox.pack.sections.lifecycle import recorded


def source(material: Material) -> Section:
    """2.4: each force's extract."""
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


def people(material: Material) -> Section:
    """2.6: how many people, and how many records of one."""
    people = material.profile.get("people", {})
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


def subjects(material: Material) -> Section:
    """2.7: people by their part in events."""
    roles = material.profile.get("subjects", {})
    kinds = material.profile.get("kinds", {})
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
