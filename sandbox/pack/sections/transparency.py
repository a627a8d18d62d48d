"""Draft of a record under the Algorithmic Transparency Recording Standard: fields, no prose."""

from sandbox.pack.document import Blank, Section, grid
from sandbox.pack.material import Material
from sandbox.report import formats, wording

BLANKS = (
    ("owner", "Organisation and senior responsible owner"),
    ("contact", "Contact for the public"),
    ("phase", "Phase: idea, pilot, in use, retired"),
    ("decision", "How the tool's output enters a decision, and who decides"),
    ("appeal", "How a person can have a decision reviewed"),
    ("supplier", "Supplier and procurement route"),
)
"""Fields that only a person can fill in."""


def section(material: Material) -> Section:
    """Fields that the evidence can fill, then blanks."""
    header, case = material.header, material.case
    rows = [
        ("Name", header.title),
        ("Purpose", header.purpose or "not stated"),
        ("What it does", wording.question(header)),
        ("Data", f"{len(case.columns)} columns of {formats.counted(len(header.forces), 'force')}"),
        ("Methods compared", formats.listed([o.name for o in material.comparison.options])),
        ("Impact assessment", f"this pack, plan {header.plan[:12]}"),
        ("Risks", "section C"),
    ]
    blanks = tuple(Blank(key=f"E-{key}", question=question) for key, question in BLANKS)
    table = grid("record", "Fields", ("Field", "Draft"), rows, origin="plan")
    return Section(number="E", title="Draft transparency record", blocks=(table, *blanks))
