"""What each measure is called and means, in words for a reader without prior knowledge."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A measure in plain words."""

    title: str
    """Short name for headings, without a leading capital unless it is a proper name."""
    meaning: str
    """What it says and how to read it: one to three sentences."""
    share: bool = False
    """Whether it is a share, written as a percentage."""


ENTRIES = {
    "auc": Entry(
        title="ranking accuracy (AUC)",
        meaning="Take one person to whom the outcome happened and one to whom it did not: the "
        "chance that the first is ranked higher. 0.5 is guessing, 1 is perfect.",
    ),
    "brier": Entry(
        title="Brier score",
        meaning="Mean squared distance between the predicted chance and what happened. 0 is "
        "perfect; lower is better.",
    ),
    "calibration_error": Entry(
        title="calibration error",
        meaning="Mean distance between predicted chances and the rates that were then seen among "
        "people given such a chance. 0 is perfect.",
    ),
    "precision_top": Entry(
        title="precision at the top of the list",
        meaning="Of the people ranked highest, as many as an officer would review, the share to "
        "whom the outcome happened. Read it beside the base rate.",
        share=True,
    ),
    "base_rate": Entry(
        title="base rate",
        meaning="Share of all people judged to whom the outcome happened.",
        share=True,
    ),
    "false_positive_rate": Entry(
        title="false positive rate",
        meaning="Of the people to whom the outcome did not happen, the share who were flagged.",
        share=True,
    ),
    "false_negative_rate": Entry(
        title="false negative rate",
        meaning="Of the people to whom the outcome happened, the share who were not flagged.",
        share=True,
    ),
    "true_positive_rate": Entry(
        title="true positive rate",
        meaning="Of the people to whom the outcome happened, the share who were flagged.",
        share=True,
    ),
    "flag_rate": Entry(
        title="share flagged", meaning="Share of all people who were flagged.", share=True
    ),
    "accuracy": Entry(
        title="accuracy",
        meaning="Share of people judged rightly. Read it beside the base rate: where an outcome "
        "is rare, flagging nobody is accurate and useless.",
        share=True,
    ),
    "total_variation": Entry(
        title="total variation distance",
        meaning="Share of all records that would have to move to another group to turn the "
        "released table into the true one. 0 is identical, 1 is wholly different.",
    ),
    "relative_error": Entry(
        title="relative error",
        meaning="Typical distance of a released figure from the true one, as a share of the true "
        "one. 0 is exact.",
        share=True,
    ),
    "top_k_overlap": Entry(
        title="overlap of the largest groups",
        meaning="Of the groups that are truly largest, the share that the release also puts "
        "among the largest.",
        share=True,
    ),
    "interval_coverage": Entry(
        title="coverage of stated intervals",
        meaning="Share of groups whose true figure lies inside the interval that the release "
        "states. An honest 95% interval covers about 95%.",
        share=True,
    ),
    "membership": Entry(
        title="membership attack",
        meaning="An attacker who knows a person's record guesses from the release whether that "
        "person was among those it was made from. Members are compared with similar people "
        "who were not in the data, so that learning about everyone is not counted as a leak.",
    ),
}
"""By measure name, or by the beginning of it."""


def entry(measure: str) -> Entry:
    """The entry of a measure: by its full name, else by the longest beginning that is known."""
    known = [name for name in ENTRIES if measure.startswith(name)]
    if measure in ENTRIES:
        return ENTRIES[measure]
    title = measure.replace("_", " ").replace(" auc", " (AUC)")
    if not known:
        return Entry(title=title, meaning="Explained by its notes alone.")
    found = ENTRIES[max(known, key=len)]
    return Entry(title=title, meaning=found.meaning, share=found.share)
