"""Provenance: the plan, the data, the software, and every earlier plan and floor."""

from sandbox.pack.document import Block, Grid, Say, Section, grid
from sandbox.pack.material import Material
from sandbox.report import provenance


def section(material: Material) -> Section:
    """What every figure of the pack rests on."""
    comparison = material.comparison
    blocks: list[Block] = [
        grid(
            "provenance",
            "What the figures rest on",
            ("Item", "Entry"),
            list(provenance.facts(comparison)),
            origin="plan",
        )
    ]
    digests = provenance.digests(comparison)
    if digests.rows:
        blocks.append(Grid(slug="digests", table=digests, origin="plan"))
    earlier = provenance.earlier(comparison)
    if earlier.rows:
        blocks.append(Grid(slug="earlier", table=earlier, origin="plan"))
    else:
        text = "No earlier plan with this use case is registered in this workspace."
        blocks.append(Say(text=text, origin="plan"))
    return Section(number="F", title="Plan, data and earlier floors", blocks=tuple(blocks))
