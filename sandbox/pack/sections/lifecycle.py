"""What happens to data over time: 2.5 use and storage, 4.1 retention, 5.14 rights.

The stores keep these facts in their own logs; here they are laid out, never recounted.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.pack.document import Blank, Block, Grid, Heading, Say, Section, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections import curves
from sandbox.report import tables

STATUS = "sandbox evidence write, on the machine that holds the stores"


def recorded(facts: Mapping[str, Any], key: str, absent: str) -> str:
    """A fact of a store in words."""
    found = facts.get(key)
    if found is None or found == "":
        return absent
    if isinstance(found, list | tuple):
        return ", ".join(str(each) for each in found) or absent
    return f"{found:,}" if isinstance(found, int) and not isinstance(found, bool) else str(found)


def use_and_storage(material: Material) -> Section:
    """2.5: weekly replacement, remnants, the archive, and what left each force."""
    comparison = material.comparison
    blocks: list[Block] = [
        Say(
            text="Each force's records are kept apart, in a store that is encrypted under the "
            "force's own key. A weekly feed replaces the last one whole. What is deleted at the "
            "source is gone from the live store after the next feed."
        )
    ]
    weeks = [
        (force, *(recorded(week, key, "not recorded") for key in ("made", "rows", "removed")))
        for force, facts in material.stores.items()
        for week in facts.get("weeks", [])
    ]
    if weeks:
        blocks.append(
            grid(
                "weeks",
                "Weekly replacement",
                ("Force", "Went live", "Live rows", "Removed"),
                weeks,
                origin="stores",
                note="Removed: records of the week before that are not in this one.",
            )
        )
        blocks.append(_remnants(material))
    else:
        what = "live rows, rows removed and remnants found week by week"
        blocks.append(missing(what, STATUS))
    events = [
        (force, *(recorded(event, key, "not recorded") for key in ("at", "event", "who")))
        for force, facts in material.stores.items()
        for event in facts.get("archive", [])
    ]
    if events:
        blocks.append(
            grid("archive", "Archive", ("Force", "When", "What", "By"), events, origin="stores")
        )
    else:
        blocks.append(
            Say(text="No retrieval from the archive is on record here.", tone="quiet")
            if material.stores
            else missing("retrievals from the archive", STATUS)
        )
    blocks.append(Heading(text="What left each force"))
    if comparison.answered:
        blocks.append(Grid(slug="egress", table=tables.egress(comparison), origin="runs"))
    else:
        blocks.append(missing("what left each force", material.compare))
    blocks.append(
        Blank(key="2.5-users", question="Who sees the insight, how are they trained and cleared?")
    )
    return Section(number="2.5", title="Use, storage and sharing", blocks=tuple(blocks))


def _remnants(material: Material) -> Grid:
    rows = [
        (
            force,
            *(recorded(facts, key, "not recorded") for key in ("requests", "remnants", "audit")),
        )
        for force, facts in material.stores.items()
    ]
    return grid(
        "remnants",
        "Remnants of erased people",
        ("Force", "Requests carried out", "Places left (target 0)", "Audit log"),
        rows,
        origin="stores",
    )


def retention(material: Material) -> Section:
    """4.1: how long records are kept, argued from usefulness against history."""
    blocks: list[Block] = []
    months = material.inquiry("curve/months")
    if months is not None and curves.dots(months):
        said = curves.finding_of(material.comparison, curves.dots(months), "months of history")
        text = f"{said} The curve stands in section 2.10."
        blocks.append(Say(text=text, tone="finding", origin="inquiry/curve/months"))
    else:
        what = "usefulness against months of history, from which a period can be argued"
        blocks.append(missing(what, material.compare))
    blocks += [
        Say(
            text="The live store keeps one week's feed. The archive keeps a snapshot for twelve "
            "months, opens only to an authorised person after a waiting time, and is destroyed by "
            "destroying its key."
        ),
        Blank(key="4.1-period", question="Initial retention period, its owner and its review date"),
        Blank(key="4.1-policy", question="Does it comply with the force's policy?"),
    ]
    return Section(number="4.1", title="Review, retention and disposal", blocks=tuple(blocks))


def rights(material: Material) -> Section:
    """5.14: what erasing or correcting one person's records reached, and how long it took."""
    acts = [
        (
            force,
            *(
                recorded(act, key, "not recorded")
                for key in ("act", "reached", "not_reached", "seconds")
            ),
        )
        for force, facts in material.stores.items()
        for act in facts.get("rights", [])
    ]
    blocks: list[Block] = []
    if acts:
        blocks.append(
            grid(
                "rights",
                "Erasure and rectification, as the stores logged them",
                ("Force", "Act", "Reached", "Not reached", "Seconds"),
                acts,
                origin="stores",
            )
        )
    else:
        what = "which derivatives erasure and rectification reach, and how long they take"
        blocks.append(missing(what, "sandbox forces erase FORCE PERSON, on a trial store"))
    blocks += [
        Say(
            text="A release or a model that is out keeps what a person added to it. The stores "
            "record which ones a person's records went into, so that they can be made again."
        ),
        Blank(
            key="5.14-rights",
            question="Does the processing prevent anybody from exercising a right? The rights to "
            "be informed, of access, to rectification, to erasure, to restriction, and not to be "
            "subject to automated decisions",
        ),
    ]
    return Section(number="5.14", title="Exercise of rights", blocks=tuple(blocks))
