"""What an answer asks of the people who review its alerts, and of those it is wrong about.

Alerts are the question's top share of held-out people at one threshold for all forces and groups.
Beside any accuracy stand the base rate and the false alerts: per true one, and per thousand people
(Axelsson, "The base-rate fallacy and the difficulty of intrusion detection", 2000).
"""

from collections.abc import Mapping

import numpy as np

from minimisation import UseCase
from sandbox.findings import Better, Finding
from sandbox.measures import fairness, ranking
from sandbox.measures.fairness import FEWEST
from sandbox.measures.outcome import headline
from sandbox.measures.resampling import Array

SHOWN: dict[str, Better] = {
    "alerts_per_1000": "neither",
    "false_alerts_per_1000": "lower",
    "false_per_true_alert": "lower",
}
"""Figures, and which way is better."""


def load(counts: Array) -> dict[str, Array]:
    """Figures of merit of alerts, from counts of shape (..., outcome, flagged).

    Returns:
        Measure → figure per leading index, NaN where it is undefined.
    """
    everyone = counts.sum(axis=(-1, -2))
    wrong, right = counts[..., 0, 1], counts[..., 1, 1]
    return {
        "alerts_per_1000": _ratio(1000 * (wrong + right), everyone),
        "false_alerts_per_1000": _ratio(1000 * wrong, everyone),
        "false_per_true_alert": _ratio(wrong, right),
    }


def findings(use_case: UseCase, each: Mapping[str, Array]) -> list[Finding]:
    """Review load for everyone, every force and every protected group.

    Args:
        use_case: the question.
        each: force → counts as `fairness.counted` gives them.
    """
    flags = {force: counts[..., : fairness.PREDICTED] for force, counts in each.items()}
    total = np.sum(list(flags.values()), axis=0)
    found = _figures(total[:, -1])
    for force, counts in flags.items():
        found += _figures(counts[:, -1], force=force)
    for place, name in enumerate(fairness.group_names(use_case)):
        found += _figures(total[:, place], group=name)
    return found


def _figures(counts: Array, *, group: str = "", force: str = "") -> list[Finding]:
    """Figures of one group or force; too few people are named as such."""
    if counts[0].sum() < FEWEST:
        note = f"too few to report: under {FEWEST} people"
        return [
            Finding(measure=name, value=None, better=better, group=group, force=force, note=note)
            for name, better in SHOWN.items()
        ]
    base = float(ranking.rates(counts)["base_rate"][0])
    found = []
    for name, figures in load(counts).items():
        made = headline(name, figures, SHOWN[name], group=group)
        fields = made.as_json() | {
            "force": force,
            "replicates": (),
            "note": made.note or f"base rate {base:.4f}",
        }
        found.append(Finding(**fields))  # type: ignore[arg-type]
    return found


def _ratio(above: Array, below: Array) -> Array:
    result: Array = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return result
