"""The screening questions as part of the pack, where somebody has answered them."""

from sandbox.pack.document import Section, grid, missing
from sandbox.pack.material import Material


def section(material: Material) -> Section:
    """Each answer with its advice, or how to answer."""
    if not material.screening:
        command = (
            "sandbox screening --out screening.toml, then "
            f"sandbox evidence {material.plan} --screening screening.toml"
        )
        return Section(
            number="H",
            title="Screening questions",
            blocks=(missing("the screening questions", command),),
        )
    return Section(
        number="H",
        title="Screening questions",
        blocks=(
            grid(
                "screening",
                "Answers, with advice",
                ("Question", "Answer", "Advice"),
                list(material.screening),
                origin="person",
                note="The answers are a person's. The advice checks nothing and clears nobody.",
            ),
        ),
    )
