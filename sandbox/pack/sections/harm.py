"""Sections 5.10 and 5.11: errors about children and the vulnerable, and what a thief could do."""

from sandbox.pack.document import Block, Say, grid, missing
from sandbox.pack.material import Material
from sandbox.pack.sections.found import capital
from sandbox.pack.sections.lifecycle import STATUS, recorded
from sandbox.report import formats
from sandbox.report.comparison import is_attack
from sandbox.report.glossary import entry
from sandbox.report.pooling import pool


def vulnerable(material: Material) -> list[Block]:
    """5.10: figures of groups that are under 18 or vulnerable."""
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


def breach(material: Material) -> list[Block]:
    """5.11: what a thief of each release sees, and how every attack on it did."""
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
