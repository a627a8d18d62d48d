"""What the measures mean, in words for a reader without prior knowledge."""

from sandbox.pack.document import Section, grid
from sandbox.pack.material import Material
from sandbox.pack.sections.found import capital
from sandbox.report.glossary import entry

TERMS = (
    (
        "Floor",
        (
            "The least usefulness that would serve the purpose. It is in the plan, which is "
            "hashed before the first option runs."
        ),
    ),
    (
        "Interval",
        (
            "People are resampled and options repeated; nineteen intervals in twenty hold the "
            "figure that more people and repeats would give."
        ),
    ),
    (
        "Less intrusion",
        (
            "Less in scope, extent or intensity, and more in none that was measured. "
            "The three are never added up."
        ),
    ),
    (
        "No verdict",
        (
            "A control of the attack failed or it could not be run. It does not mean that "
            "nothing leaks."
        ),
    ),
    (
        "Privacy loss",
        (
            "How far one person's data can shift what is released, as ε and δ; smaller is "
            "stronger. It adds up over releases."
        ),
    ),
    (
        "Controlled access",
        "A figure taken on people's data beside a release. It stays with those who assess.",
    ),
    ("Not measured", "No figure is at hand. The command beside it would make one."),
)
"""Terms of the pack itself."""


def section(material: Material) -> Section:
    """Terms, then every measure that the evidence holds."""
    comparison = material.comparison
    names = dict.fromkeys(
        [
            comparison.floor.measure,
            *(f.measure for o in comparison.answered for row in o.done for f in row.findings),
        ]
    )
    entries = list(dict.fromkeys(entry(name) for name in names))
    rows = [(term, meaning) for term, meaning in TERMS]
    rows += [(capital(each.title), each.meaning) for each in entries]
    return Section(
        number="G",
        title="How to read the figures",
        blocks=(grid("terms", "Terms and measures", ("Term", "Meaning"), rows, origin="code"),),
    )
