"""What may be shared: bands, small cells, and what a public copy leaves out.

A difference between a private release and the truth would give the truth away, so no finding that
is a signed error of a private release is ever written.
"""

import re
from dataclasses import replace

from sandbox.evidence import Evidence
from sandbox.evidence_lines import Row
from sandbox.findings import Finding
from sandbox.pack.document import Block, Document, Grid, Picture, Points, Say, Section

SMALLEST = 10
"""Counts of people below this are not shown."""
LEFT_OUT = "Left out of this public copy: the figures are under controlled access."
"""What stands where a controlled figure was."""
SIGNED = re.compile(r"(signed_error|_bias$|_minus_truth|_residual$|^true_|_truth$)")
"""Names of findings from which a private release's truth follows."""
OPEN = ("plan", "code", "person", "benchmarks")
"""Origins whose text may be published whatever the data."""


def without_truth(evidence: Evidence) -> Evidence:
    """Evidence without signed errors and true values beside private releases."""
    return replace(evidence, rows=tuple(_checked(row) for row in evidence.rows))


def _checked(row: Row) -> Row:
    if row.privacy_loss is None:
        return row
    kept = tuple(each for each in row.findings if not gives_truth(each))
    return row if len(kept) == len(row.findings) else row.model_copy(update={"findings": kept})


def gives_truth(finding: Finding) -> bool:
    """Whether a finding, beside the release, gives the true figure away."""
    return SIGNED.search(finding.measure) is not None


def published(document: Document, *, protected: bool) -> Document:
    """The document without controlled figures; each place says what was left out."""
    sections = [_section(section, protected=protected) for section in document.every]
    return replace(document, front=sections[0], sections=tuple(sections[1:]), public=True)


def _section(section: Section, *, protected: bool) -> Section:
    blocks: list[Block] = []
    for block in section.blocks:
        kept = None if _controlled(block, protected=protected) else block
        if kept is not None:
            blocks.append(kept)
        elif not (blocks and isinstance(blocks[-1], Say) and blocks[-1].text == LEFT_OUT):
            blocks.append(Say(text=LEFT_OUT, tone="quiet"))
    return replace(section, blocks=tuple(blocks))


def _controlled(block: Block, *, protected: bool) -> bool:
    if isinstance(block, Grid) and block.controlled:
        return True
    if not protected or not isinstance(block, Say | Points | Grid | Picture):
        return False
    return block.origin not in OPEN and not (isinstance(block, Grid) and block.slug in LEAVES)


LEAVES = ("egress", "sharing", "cost")
"""Tables about what leaves and what it costs, which a public copy keeps."""


def band(count: float) -> str:
    """A count of people in the bands of the form; small ones are not told apart."""
    for most, words in ((100, "under 100"), (1_000, "100 to 1,000"), (5_000, "1,000 to 5,000")):
        if count < most:
            return words
    return "more than 5,000"


def rounded(count: float) -> str:
    """A count to two digits; below the smallest it is not shown."""
    if count < SMALLEST:
        return f"under {SMALLEST}"
    digits = len(str(int(count))) - 2
    step = 10 ** max(digits, 0)
    return f"about {int(round(count / step) * step):,}"
